"""What a simulation found: layers, members, losses, each with its interval."""

from dataclasses import dataclass
from math import inf

from penstock.sim.engine import Engine
from penstock.sim.layout import MEMBER_KINDS, LayerInfo
from penstock.sim.model import LARGEST, has_variance
from penstock.sim.statistics import Distribution, Estimate, clopper_pearson, mean
from penstock.sim.tally import (
    BEYOND,
    GROSS,
    MEMBER_PER_OCTAVE,
    PASSED,
    PER_OCTAVE,
    REACHED,
    SQUARES,
    SUM,
    TOGETHER,
    UNCOVERED,
    Bins,
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
    """An amount per scenario: how likely it is above zero, its mean, and its tail by level.

    Where the amount is unlimited, and losses have no variance, means and shortfalls have no intervals. Of
    fewer than FEWEST amounts the mean is only known to be at most the largest amount as often as that can be.
    """

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
    by_kind: dict[str, Measure]
    paid: Measure


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it; amounts in minor units. ``level``: of the intervals.

    ``largest``: scenarios in which losses are together as much as the largest that is counted of a single
    one, so that one may have been cut.
    """

    scenarios: int
    level: float
    layers: tuple[LayerFound, ...]
    members: tuple[MemberFound, ...]
    uncovered: Measure
    beyond: Measure
    gross: Measure
    defaults: tuple[int, ...]
    largest: int
    worst: tuple[tuple[int, int, int], ...]


def summary(engine: Engine, tally: Tally, level: float = 0.95) -> Summary:
    """What the tally says of its scenarios, with intervals of the level."""
    count = int(tally.defaults.sum())
    layers, most = engine.layers, engine.most()
    variance = has_variance(engine.model.numbers)

    def measure(row: int, most: float = inf) -> Measure:
        distribution = Distribution(count, tally.histogram[row], Bins(PER_OCTAVE), most)
        sums = tally.measures[row]
        middle = mean(total(sums[SUM : SUM + 2]), total_square(sums[SQUARES : SQUARES + 6]), count, level)
        within = Estimate(middle.value, max(0.0, middle.low), middle.high)
        return _measure(distribution, within, level, variance)

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
    end = len(layers)
    return Summary(
        scenarios=count,
        level=level,
        layers=found,
        members=_members(engine, tally, count, level),
        uncovered=measure(end + UNCOVERED),
        beyond=measure(end + BEYOND),
        gross=measure(end + GROSS),
        defaults=tuple(int(one) for one in tally.defaults),
        largest=int(tally.histogram[end + GROSS, (LARGEST.bit_length() - 1) * PER_OCTAVE :].sum()),
        worst=tuple((int(a), int(b), int(c)) for a, b, c in tally.worst if c >= 0),
    )


def _members(engine: Engine, tally: Tally, count: int, level: float) -> tuple[MemberFound, ...]:
    """What each member pays, in byte order of their names."""
    kinds = [(kind,) for kind in MEMBER_KINDS]
    most = [engine.most_of_members(some) for some in (*kinds, MEMBER_KINDS)]
    found = []
    for i, member in enumerate(engine.members):
        sums = [total(tally.charges[i, 2 * kind : 2 * kind + 2]) for kind in range(len(kinds))]
        bins = tally.member_histogram[i]
        measures = []
        for one, histogram, limit in zip(
            (*sums, sum(sums)), (*bins[:TOGETHER], bins.sum(axis=0)), most, strict=True
        ):
            distribution = Distribution(count, histogram, Bins(MEMBER_PER_OCTAVE), limit[i])
            measures.append(_measure(distribution, distribution.mean(one, level), level))
        found.append(
            MemberFound(
                member=member,
                default=clopper_pearson(int(tally.defaulted[i]), count, level),
                by_kind=dict(zip(MEMBER_KINDS, measures, strict=False)),
                paid=measures[-1],
            )
        )
    return tuple(sorted(found, key=lambda one: one.member))


def _measure(distribution: Distribution, mean: Estimate, level: float, variance: bool = True) -> Measure:
    """What is known of an amount; ``variance``: whether losses have one."""
    count = distribution.count
    levels = [one for one in LEVELS if (1 - one) * count >= FEWEST]
    shortfalls = {
        one: distribution.shortfall(one, level) for one in levels if (1 - one) * count >= FEWEST_OF_MEAN
    }
    hits = int(distribution.histogram.sum())
    positive = clopper_pearson(hits, count, level)
    if distribution.most == inf and (hits < FEWEST or not variance):
        mean = mean.alone()
    elif hits < FEWEST:
        mean = Estimate(mean.value, 0.0, distribution.most * positive.high)
    if distribution.most == inf and not variance:
        shortfalls = {one: found.alone() for one, found in shortfalls.items()}
    return Measure(
        positive=positive,
        mean=mean,
        quantiles={one: distribution.quantile(one, level) for one in levels},
        shortfalls=shortfalls,
        distribution=distribution,
    )
