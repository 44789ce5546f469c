"""What a simulation adds up: whole numbers only, so that parts can be added in any order.

a range of scenarios -> Tally;   Tally + Tally = Tally of both ranges
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

BITS, MEMBER_BITS, OCTAVES = 7, 4, 62
PER_OCTAVE, MEMBER_PER_OCTAVE = 1 << BITS, 1 << MEMBER_BITS
"""Bins of a layer's histogram are at most 0.8 % wide, those of a member's 6 %."""
WORST = 100
"""So many of the worst scenarios are remembered."""
UNCOVERED, BEYOND, GROSS = range(3)
"""Measured after the layers: what no layer covered, what goes beyond own resources, all losses."""


class Tally(NamedTuple):
    """Counts, sums and histograms of M members, L layers and Q = L + 3 measures.

    ``defaults``: M + 1, scenarios by number of defaults; ``defaulted``: M. ``measures``: Q x 11, in columns
    REACHED by a loss, PASSED by one that goes on, POSITIVE amounts, their SUM (low 32 bits and the rest),
    the sum of their SQUARES (of low x low, low x high, high x high of 31 bits and the rest, each low 32
    bits and the rest). ``histogram``: Q x bins of positive amounts. ``charges``: M x 6, the sums of what a
    member pays, two columns a kind of ``layout.MEMBER_KINDS``. ``member_histogram``: M x 4 x bins, of each
    kind, and in row TOGETHER what is to be added to their sum to have that of all that the member pays: it
    counts only where it pays by two kinds or more, in that it takes these away. ``worst``: WORST x 3,
    uncovered, beyond own resources, scenario; -1 where there is none.
    """

    defaults: Ints
    defaulted: Ints
    measures: Ints
    histogram: Ints
    charges: Ints
    member_histogram: Ints
    worst: Ints


REACHED, PASSED, POSITIVE, SUM, SQUARES = 0, 1, 2, 3, 5
TOGETHER = 3


def empty(members: int, layers: int) -> Tally:
    """A tally of no scenario."""

    def zeros(*shape: int) -> Ints:
        return np.zeros(shape, dtype=np.int64)

    measures = layers + 3
    return Tally(
        defaults=zeros(members + 1),
        defaulted=zeros(members),
        measures=zeros(measures, 11),
        histogram=zeros(measures, PER_OCTAVE * OCTAVES),
        charges=zeros(members, 6),
        member_histogram=zeros(members, TOGETHER + 1, MEMBER_PER_OCTAVE * OCTAVES),
        worst=np.full((WORST, 3), -1, dtype=np.int64),
    )


def merged(first: Tally, second: Tally) -> Tally:
    """The tally of both ranges. Limbs are carried, so that sums of any number of tallies fit."""
    added = {name: getattr(first, name) + getattr(second, name) for name in Tally._fields if name != "worst"}
    carry(added["measures"])
    carry_sums(added["charges"])
    both = np.concatenate([first.worst, second.worst])
    both = both[both[:, 2] >= 0]
    order = np.lexsort((both[:, 2], -both[:, 1], -both[:, 0]))[:WORST]
    worst = np.full((WORST, 3), -1, dtype=np.int64)
    worst[: len(order)] = both[order]
    return Tally(**added, worst=worst)


def carry(table: Ints, end: int | None = None) -> None:
    """Carry the limbs of the sum and the squares, and of all sums after them to ``end``, in place.

    The products of the squares carry into each other: low x low counts once, low x high 2^32 and high x high
    2^62 times, so the third has room for the squares of any number of amounts.
    """
    carry_sums(table[:, SUM:end])
    for column, times in ((SQUARES + 1, 1), (SQUARES + 3, 4)):
        table[:, column + 2] += times * (table[:, column] >> 32)
        table[:, column] &= 0xFFFFFFFF


def carry_sums(sums: Ints) -> None:
    """Carry sums of two limbs each, in place; columns are low, high, low, high."""
    sums[:, 1::2] += sums[:, 0::2] >> 32
    sums[:, 0::2] &= 0xFFFFFFFF


def canonical(tally: Tally) -> Tally:
    """The same with limbs carried: equal tallies have equal bits."""
    return merged(tally, empty(len(tally.defaulted), len(tally.measures) - 3))


def total(limbs: Ints) -> int:
    """A sum from its two limbs."""
    return int(limbs[0]) + (int(limbs[1]) << 32)


def total_square(limbs: Ints) -> int:
    """A sum of squares from its three products."""
    low, cross, high = (total(limbs[2 * i : 2 * i + 2]) for i in range(3))
    return low + (cross << 32) + (high << 62)


@dataclass(frozen=True, slots=True)
class Bins:
    """A histogram of positive amounts: the bounds of its bins, in minor units."""

    per_octave: int

    def low(self, place: int) -> float:
        """The least amount in a bin."""
        return float(2.0 ** (place // self.per_octave) * (1 + place % self.per_octave / self.per_octave))
