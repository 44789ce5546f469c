"""What a comparison of two waterfalls found: differences with intervals of their own."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from penstock.core.problems import Problem, Refused
from penstock.sim import comparing
from penstock.sim.comparing import (
    BOTH,
    DIFFERENCE,
    ONLY_FIRST,
    ONLY_SECOND,
    PAYERS,
    SUM_FIRST,
    SUM_SECOND,
    WHO,
    Differences,
    Ints,
    Side,
)
from penstock.sim.engine import Engine, in_steps
from penstock.sim.model import ModelArrays
from penstock.sim.statistics import Estimate, clopper_pearson, mean
from penstock.sim.tally import SQUARES, total, total_square


@dataclass(frozen=True, slots=True)
class Pair:
    """Two waterfalls under one model: what a worker needs to compare them."""

    digest: str
    model: ModelArrays
    sides: tuple[Side, Side]
    members: tuple[str, ...]

    def nothing(self) -> Differences:
        """What no scenario gives."""
        return comparing.nothing(len(self.members))

    def added(self, first: Differences, second: Differences) -> Differences:
        """What two ranges give together."""
        return comparing.added(first, second)

    def run(self, seed: int, first: int, count: int) -> Differences:
        """The differences in ``count`` scenarios from number ``first``."""

        def step(start: int, some: int) -> Differences:
            found = self.nothing()
            comparing.compare(self.model, *self.sides, found, np.uint64(seed), start, some)
            return found

        return in_steps(self.nothing(), comparing.added, step, first, count)


def pair(first: Engine, second: Engine) -> Pair:
    """Two engines of one model; Refused COMPARE_MODELS where members or their risks differ."""
    models: list[tuple[NDArray[np.generic], ...]] = [first.model, second.model]
    same = first.members == second.members and all(map(np.array_equal, *models))
    if not same:
        says = "the two simulations differ in more than rules and resources"
        instead = "the same members and the same model: only then the numbers drawn are common"
        raise Refused(Problem("COMPARE_MODELS", (), says, instead))
    sides = tuple(Side(one.waterfall, comparing.kinds(one.layers), one.regimes) for one in (first, second))
    digest = sha256(f"{first.digest} {second.digest}".encode()).hexdigest()
    return Pair(digest, first.model, (sides[0], sides[1]), first.members)


@dataclass(frozen=True, slots=True)
class Compared:
    """One payer under both waterfalls: how likely it pays, what it pays, and the first less the second."""

    name: str
    likely: tuple[Estimate, Estimate]
    likelier: Estimate
    means: tuple[float, float]
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """All payers, and all members; amounts in minor units."""

    scenarios: int
    level: float
    payers: tuple[Compared, ...]
    members: tuple[Compared, ...]


def comparison(both: Pair, found: Differences, level: float = 0.95) -> Comparison:
    """What the differences say, with intervals of the level."""
    count = int(found.scenarios[0])
    payers = tuple(_compared(name, row, count, level) for name, row in zip(PAYERS, found.payers, strict=True))
    members = tuple(
        _compared(name, row, count, level) for name, row in zip(both.members, found.members, strict=True)
    )
    return Comparison(count, level, payers, tuple(sorted(members, key=lambda one: one.name)))


def _compared(name: str, row: Ints, count: int, level: float) -> Compared:
    first, second, both = (int(row[WHO + which]) for which in (ONLY_FIRST, ONLY_SECOND, BOTH))
    return Compared(
        name=name,
        likely=(
            clopper_pearson(first + both, count, level),
            clopper_pearson(second + both, count, level),
        ),
        likelier=_likelier(first, second, count, level),
        means=(
            total(row[SUM_FIRST : SUM_FIRST + 2]) / count,
            total(row[SUM_SECOND : SUM_SECOND + 2]) / count,
        ),
        difference=mean(
            total(row[DIFFERENCE : DIFFERENCE + 2]),
            total_square(row[SQUARES : SQUARES + 6]),
            count,
            level,
        ),
    )


def _likelier(first: int, second: int, count: int, level: float) -> Estimate:
    """How much likelier the first is: only scenarios in which one pays and the other does not say anything.

    Both of their rates lie in their exact intervals at half the error, so the difference lies in this one.
    """
    a, b = (clopper_pearson(hits, count, (1 + level) / 2) for hits in (first, second))
    return Estimate((first - second) / count, a.low - b.high, a.high - b.low)
