"""What the kernels pour by: a rulebook in given circumstances, as arrays."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.sim.base import Base

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FUND, CALL, HAIRCUT, OTHER, OWN, ENDS = "fund", "call", "haircut", "other", "own", "ends"
MEMBER_KINDS = (FUND, CALL, HAIRCUT)
"""What a survivor pays by: its contribution, a cash call, money that is owed to it and kept back."""


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """A layer of the waterfall: who pays, and of which kind its money is."""

    id: str
    payer: str
    kind: str
    title: str = ""


class WaterfallArrays(NamedTuple):
    """What the kernels pour by; M members, L layers, P parts in R ranks, V variants of circumstances.

    ``own``: M x O, what each defaulter brings, layer after layer (``own_layer``). ``ranks``: R x 3, where
    each rank's parts begin and end, and the part that takes odd units first, -1 where none are left.
    ``parts``: P x 10, in columns LAYER to LAST: PARTY, what one party can give, -1 where members pay; KIND,
    of MEMBER_KINDS, -1 else; SHARED, the limit of ``together`` that it draws on, -1 for none; SPLIT, its
    weight beside others, 0 by size; MATCHES, the layer that it matches, -1 for none, at most MATCH_MOST;
    ENDS_ALL, takes all; LAST, the last part of its layer. ``rooms``: V x P x M, what each member can give;
    ``totals``: V x P, their sums; ``weights``: V x P x M, by which they share; ``even``: V x P, 1 where all
    give in proportion to their rooms. A variant is a regime, and a bid where bids are drawn: regime x 4
    + bid.
    """

    own_layer: Ints
    own: Ints
    ranks: Ints
    parts: Ints
    together: Ints
    rooms: Ints
    totals: Ints
    weights: Floats
    even: Ints


(LAYER, PARTY, KIND, CALLED_MONEY, SHARED, SPLIT,
 MATCHES, MATCH_MOST, ENDS_ALL, LAST) = range(10)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A rulebook in given circumstances, made ready: its layers in order, and the arrays."""

    base: Base
    members: tuple[str, ...]
    layers: tuple[LayerInfo, ...]
    arrays: WaterfallArrays
    regimes: int
    """Two where gains depend on the market, else one."""
