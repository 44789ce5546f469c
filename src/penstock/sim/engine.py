"""A model and a waterfall ready to run: any range of scenarios, anywhere, with the same bits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import inf
from typing import TypeVar

import numpy as np

from penstock.sim import kernel
from penstock.sim.layout import (
    ENDS_ALL,
    KIND,
    LAYER,
    MEMBER_KINDS,
    PARTY,
    LayerInfo,
    Waterfall,
    WaterfallArrays,
)
from penstock.sim.model import Model, ModelArrays, arrays
from penstock.sim.tally import Tally, empty, merged

MOST = 2**26
"""Scenarios between two carries: no limb of a sum leaves its range before."""
VERSION = 4
"""Of the meaning of the bits: another number where the same seed gives another tally."""

Sums = TypeVar("Sums")


def in_steps(
    nothing: Sums,
    added: Callable[[Sums, Sums], Sums],
    run: Callable[[int, int], Sums],
    first: int,
    count: int,
) -> Sums:
    """What ``run(first, count)`` gives of a range of any length: MOST at a time, carried in between."""
    whole = nothing
    for start in range(first, first + count, MOST):
        whole = added(whole, run(start, min(MOST, first + count - start)))
    return whole


@dataclass(frozen=True, slots=True)
class Engine:
    """What a worker needs, and nothing else; ``digest`` names it."""

    digest: str
    model: ModelArrays
    waterfall: WaterfallArrays
    regimes: int
    members: tuple[str, ...]
    layers: tuple[LayerInfo, ...]

    def most(self) -> tuple[float, ...]:
        """The most that each layer can give, whoever defaults; infinite for one that takes all."""
        found = [0.0] * len(self.layers)
        for column, layer in enumerate(self.waterfall.own_layer):
            found[layer] = float(self.waterfall.own[:, column].sum())
        for p, part in enumerate(self.waterfall.parts):
            gives = part[PARTY] if part[PARTY] >= 0 else self.waterfall.totals[:, p].max()
            found[part[LAYER]] += inf if part[ENDS_ALL] else float(gives)
        return tuple(found)

    def nothing(self) -> Tally:
        """What no scenario gives."""
        return empty(len(self.members), len(self.layers))

    def added(self, first: Tally, second: Tally) -> Tally:
        """What two ranges give together."""
        return merged(first, second)

    def most_of_members(self, kinds: Sequence[str] = MEMBER_KINDS) -> tuple[float, ...]:
        """The most that each member can pay as a survivor, by these kinds of money, whatever has happened."""
        paying = np.isin(self.waterfall.parts[:, KIND], [MEMBER_KINDS.index(kind) for kind in kinds])
        return tuple(float(one) for one in self.waterfall.rooms[:, paying].sum(axis=1).max(axis=0))

    def run(self, seed: int, first: int, count: int) -> Tally:
        """The tally of ``count`` scenarios from number ``first``."""

        def step(start: int, some: int) -> Tally:
            tally = self.nothing()
            kernel.simulate(self.model, self.waterfall, tally, self.regimes, np.uint64(seed), start, some)
            return tally

        return in_steps(self.nothing(), merged, step, first, count)


def engine(model: Model, waterfall: Waterfall) -> Engine:
    """The model and the waterfall made ready; both have the members in the same order."""
    assert model.members == waterfall.members
    ready = arrays(model)
    return Engine(
        digest=_digest(ready, waterfall.arrays, (VERSION, waterfall.regimes)),
        model=ready,
        waterfall=waterfall.arrays,
        regimes=waterfall.regimes,
        members=waterfall.members,
        layers=waterfall.layers,
    )


def _digest(*parts: tuple[object, ...]) -> str:
    found = sha256()
    for part in parts:
        for one in part:
            array = np.ascontiguousarray(one)
            found.update(f"{array.dtype}{array.shape}".encode())
            found.update(array.tobytes())
    return found.hexdigest()
