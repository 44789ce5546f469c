"""What a simulation found: layers, members, losses, each with its interval."""

from dataclasses import dataclass
from math import inf

from penstock.sim.engine import Engine
from penstock.sim.layout import MEMBER_KINDS, LayerInfo
from penstock.sim.statistics import Distribution, Estimate, clopper_pearson, mean
from penstock.sim.tally import (
    BEYOND,
    BY_KIND,
    GROSS,
    MEMBER_PER_OCTAVE,
    PASSED,
    PER_OCTAVE,
    POSITIVE,
    REACHED,
    SQUARES,
    SUM,
    UNCOVERED,
    Bins,
    Ints,
    Tally,
    total,
    total_square,
)

LEVELS = (0.95, 0.99, 0.999, 0.9999)
"""Of quantiles and expected shortfalls."""
FEWEST, FEWEST_OF_MEAN = 10, 100
"""Scenarios beyond a level that a quantile needs, and the mean of the tail, whose interval is wider."""


@dataclass(frozen=True, slots=True)
class Measure:
    """An amount per scenario: how likely it is above zero, its mean, and its tail by level."""

    positive: Estimate
    mean: Estimate
    quantiles: dict[float, Estimate]
    shortfalls: dict[float, Estimate]
    distribution: Distribution


@dataclass(frozen=True, slots=True)
class LayerFound:
    """A layer: how likely a loss reaches it, and goes beyond it; what it gives.

    A defaulter's own layer counts as exhausted where any defaulter's loss goes beyond it.
    """

    layer: LayerInfo
    hit: Estimate
    exhausted: Estimate
    used: Measure


@dataclass(frozen=True, slots=True)
class MemberFound:
    """A member: how likely it defaults; what it pays as a survivor, by kind and in all."""

    member: str
    default: Estimate
    by_kind: dict[str, float]
    paid: Measure


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it; amounts in minor units. ``level``: of the intervals."""

    scenarios: int
    level: float
    layers: tuple[LayerFound, ...]
    members: tuple[MemberFound, ...]
    uncovered: Measure
    beyond: Measure
    gross: Measure
    defaults: tuple[int, ...]
    worst: tuple[tuple[int, int, int], ...]


def summary(engine: Engine, tally: Tally, level: float = 0.95) -> Summary:
    """What the tally says of its scenarios, with intervals of the level."""
    count = int(tally.defaults.sum())
    layers, members, most = engine.layers, engine.members, engine.most()
    payable = engine.most_of_members()

    def measure(row: int, most: float = inf) -> Measure:
        return _measure(tally.measures[row], tally.histogram[row], Bins(PER_OCTAVE), most, count, level)

    def likely(hits: int) -> Estimate:
        return clopper_pearson(int(hits), count, level)

    found = tuple(
        LayerFound(
            layer,
            likely(tally.measures[i, REACHED]),
            likely(tally.measures[i, PASSED]),
            measure(i, most[i]),
        )
        for i, layer in enumerate(layers)
    )
    people = tuple(
        MemberFound(
            member=member,
            default=likely(tally.defaulted[i]),
            by_kind={
                kind: total(tally.charges[i, BY_KIND + 2 * k : BY_KIND + 2 * k + 2]) / count
                for k, kind in enumerate(MEMBER_KINDS)
            },
            paid=_measure(
                tally.charges[i], tally.member_histogram[i], Bins(MEMBER_PER_OCTAVE), payable[i], count, level
            ),
        )
        for i, member in enumerate(members)
    )
    end = len(layers)
    return Summary(
        scenarios=count,
        level=level,
        layers=found,
        members=tuple(sorted(people, key=lambda one: one.member)),
        uncovered=measure(end + UNCOVERED),
        beyond=measure(end + BEYOND),
        gross=measure(end + GROSS),
        defaults=tuple(int(one) for one in tally.defaults),
        worst=tuple((int(a), int(b), int(c)) for a, b, c in tally.worst if c >= 0),
    )


def _measure(row: Ints, histogram: Ints, bins: Bins, most: float, count: int, level: float) -> Measure:
    distribution = Distribution(count, histogram, bins, most)
    levels = [one for one in LEVELS if (1 - one) * count >= FEWEST]
    middle = mean(total(row[SUM : SUM + 2]), total_square(row[SQUARES : SQUARES + 6]), count, level)
    return Measure(
        positive=clopper_pearson(int(row[POSITIVE]), count, level),
        mean=Estimate(middle.value, max(0.0, middle.low), middle.high),
        quantiles={one: distribution.quantile(one, level) for one in levels},
        shortfalls={
            one: distribution.shortfall(one, level) for one in levels if (1 - one) * count >= FEWEST_OF_MEAN
        },
        distribution=distribution,
    )
