"""Estimates and their intervals: against exact values, against sorting, against how often they hold."""

from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import ceil, comb, frexp, log, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import exact_models as exact
from penstock.app.options import MOST
from penstock.sim import adding, reference
from penstock.sim.statistics import Distribution, Estimate, clopper_pearson, mean, wilson
from penstock.sim.summary import LEVELS, Summary, summary
from penstock.sim.tally import (
    OCTAVES,
    PER_OCTAVE,
    SQUARES,
    SUM,
    Bins,
    Tally,
    canonical,
    empty,
    merged,
    total,
    total_square,
)
from services import ANY, ERRORS, Map, people, ready, simulated

WIDTH = 1 / PER_OCTAVE
"""Of a bin, as a part of its least amount."""

# --- probabilities ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hits", "low", "high"), [(0, 0.0, 3.688199e-4), (7, 2.814811e-4, 1.441732e-3)], ids=["0", "7"]
)
def test_printed_intervals_of_clopper_and_pearson(hits: int, low: float, high: float) -> None:
    """T4.5: so many hits in ten thousand."""
    found = clopper_pearson(hits, 10_000)
    assert (found.low, found.high) == pytest.approx((low, high), rel=5e-7)
    assert found.value == hits / 10_000


def test_printed_intervals_of_wilson() -> None:
    """T4.5, with 1.444334e-3 where a printed value ends in 5; one side of 95 % is two sides of 90 %."""
    assert wilson(0, 10_000).high == pytest.approx(3.839984e-4, rel=5e-7)
    seven = wilson(7, 10_000)
    assert (seven.low, seven.high) == pytest.approx((3.391263e-4, 1.444334e-3), rel=5e-7)
    assert clopper_pearson(0, 10_000, 0.9).high == pytest.approx(2.995284e-4, rel=5e-7)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.9999])
@pytest.mark.parametrize(
    ("hits", "count"), [(0, 1), (1, 1), (1, 2), (3, 17), (50, 100), (99, 100), (1, 1000), (45, 3000)]
)
def test_intervals_are_those_of_an_independent_calculation(hits: int, count: int, level: float) -> None:
    """By root finding on the binomial tail, by the roots of a quadratic."""
    for ours, theirs in ((clopper_pearson, exact.clopper_pearson), (wilson, exact.wilson)):
        found = ours(hits, count, level)
        assert (found.low, found.high) == pytest.approx(theirs(hits, count, level), rel=1e-7, abs=1e-15)
        assert 0 <= found.low <= found.value <= found.high + 1e-15 <= 1 + 1e-15


def wald(hits: int, count: int) -> Estimate:
    """What is never used."""
    share = hits / count
    half = 1.959963984540054 * sqrt(share * (1 - share) / count)
    return Estimate(share, share - half, share + half)


def covered(interval: Any, count: int, p: float) -> float:
    """How likely the interval of a number of hits holds p, by adding up all numbers."""
    return sum(
        comb(count, hits) * p**hits * (1 - p) ** (count - hits)
        for hits in range(count + 1)
        if (one := interval(hits, count)).low <= p <= one.high
    )


@pytest.mark.parametrize("count", [7, 40, 150])
def test_intervals_hold_as_often_as_they_say(count: int) -> None:
    """Clopper and Pearson's always; Wilson's on average; Wald's, the control, not where events are rare."""
    chances = [0.5 / count, 1.7 / count, *(i / 40 for i in range(1, 40))]
    held = cache(clopper_pearson), cache(wilson), cache(wald)
    exactly, about, never = ([covered(one, count, p) for p in chances] for one in held)
    assert min(exactly) >= 0.95
    assert sum(about) / len(about) >= 0.945
    assert min(never) < 0.5


# --- sums and squares ---------------------------------------------------------------------------------

AMOUNTS = st.one_of(st.integers(1, 2**60 - 1), st.sampled_from([1, 2**31 - 1, 2**31, 2**32, 2**60 - 1]))


def added(amounts: list[int]) -> Tally:
    """Amounts in the first measure, as the kernel adds them."""
    tally = empty(1, 1)
    for amount in amounts:
        adding.measure.py_func(tally.measures, tally.histogram, 0, amount)
    return tally


@given(st.lists(AMOUNTS, max_size=30), st.lists(AMOUNTS, max_size=30))
def test_sums_and_squares_are_exact(first: list[int], second: list[int]) -> None:
    """To the unit, for amounts up to 2^60, also of what is merged."""
    row = canonical(merged(added(first), added(second))).measures[0]
    both = first + second
    assert total(row[SUM : SUM + 2]) == sum(both)
    assert total_square(row[SQUARES : SQUARES + 6]) == sum(amount * amount for amount in both)
    by_reference = empty(1, 1)
    for amount in both:
        reference._measure(by_reference.measures, by_reference.histogram, 0, amount, PER_OCTAVE)
    assert (canonical(by_reference).measures == canonical(added(both)).measures).all()
    assert (by_reference.histogram == added(both).histogram).all()
    together = empty(1, 1)
    adding.measure_all(together.measures[0], together.histogram[0], np.array(both, np.int64), len(both))
    assert (together.measures == added(both).measures).all()
    assert (together.histogram == added(both).histogram).all()


@pytest.mark.parametrize("amount", [2**31 - 1, 10**15, 2**50])
def test_sums_over_as_many_scenarios_as_may_be_asked_for_are_exact(amount: int) -> None:
    """Ten million million scenarios, every one with the amount: far more than one limb of a square holds."""
    tally, times = added([amount]), 1
    while times < MOST:
        tally, times = merged(tally, tally), 2 * times
    row = tally.measures[0]
    assert total(row[SUM : SUM + 2]) == times * amount
    assert total_square(row[SQUARES : SQUARES + 6]) == times * amount * amount


@given(st.lists(AMOUNTS, min_size=1, max_size=50), st.integers(0, 100))
def test_a_mean_is_that_of_the_amounts(amounts: list[int], zeros: int) -> None:
    """Its error is the root of the variance over the number, without cancellation."""
    count = len(amounts) + zeros
    found = mean(sum(amounts), sum(amount * amount for amount in amounts), count)
    middle = Fraction(sum(amounts), count)
    variance = sum((amount - middle) ** 2 for amount in amounts + [0] * zeros) / count
    half = 1.959963984540054 * sqrt(variance / count)
    assert found.value == pytest.approx(float(middle), rel=1e-15)
    assert found.high - found.value == pytest.approx(half, rel=1e-9, abs=1e-15 * float(middle))


# --- quantiles and expected shortfalls ----------------------------------------------------------------


def distribution_of(amounts: NDArray[np.int64]) -> Distribution:
    """The histogram of a sample."""
    histogram = np.zeros(PER_OCTAVE * OCTAVES, dtype=np.int64)
    for amount in amounts[amounts > 0]:
        mantissa, exponent = frexp(float(amount))
        histogram[(exponent - 1) * PER_OCTAVE + int((2 * mantissa - 1) * PER_OCTAVE)] += 1
    return Distribution(len(amounts), histogram, Bins(PER_OCTAVE))


def samples() -> dict[str, NDArray[np.int64]]:
    """Of many shapes, sorted."""
    rng = np.random.default_rng(5)
    found = {
        "lognormal": rng.lognormal(10, 2, 5000),
        "mostly zero": rng.exponential(1e6, 5000) * (rng.uniform(size=5000) < 0.03),
        "small": rng.integers(0, 12, 5000),
        "two amounts": rng.choice([0, 10**15], 5000, p=[0.98, 0.02]),
        "zero": np.zeros(5000),
        "one": np.array([12345]),
        "heavy": np.minimum(rng.pareto(0.7, 5000) * 100, 2.0**59),
    }
    return {name: np.sort(np.asarray(one).astype(np.int64)) for name, one in found.items()}


SAMPLES = samples()


@pytest.mark.parametrize("name", SAMPLES)
def test_quantiles_and_shortfalls_are_those_of_the_sorted_sample(name: str) -> None:
    """To within a bin; the interval is that of order statistics, so it holds the estimate."""
    sample = SAMPLES[name]
    found, count = distribution_of(sample), len(sample)
    for level in (0.5, 0.9, 0.95, 0.99, 0.999):
        quantile = found.quantile(level)
        value = float(sample[min(max(ceil(count * level - 1e-9), 1), count) - 1])
        assert quantile.value == pytest.approx(value, rel=WIDTH)
        assert quantile.low <= quantile.value <= quantile.high
        tail, left, whole = count * (1 - level), count * (1 - level), 0.0
        for amount in sample[::-1].tolist():
            whole += min(left, 1.0) * amount
            left -= min(left, 1.0)
        shortfall = found.shortfall(level)
        assert shortfall.value == pytest.approx(whole / tail, rel=WIDTH)
        assert shortfall.low <= shortfall.value <= shortfall.high


def test_a_bin_further_would_be_noticed() -> None:
    """The control of the comparison above: everything two bins up."""
    sample = SAMPLES["lognormal"]
    found = distribution_of(sample)
    shifted = Distribution(found.count, np.roll(found.histogram, 2), found.bins)
    value = float(sample[ceil(len(sample) * 0.95) - 1])
    assert found.quantile(0.95).value == pytest.approx(value, rel=WIDTH)
    assert shifted.quantile(0.95).value != pytest.approx(value, rel=WIDTH)


@given(st.lists(st.integers(0, 2**50), min_size=1, max_size=60))
def test_quantiles_and_shortfalls_never_fall_with_the_level(amounts: list[int]) -> None:
    """I58; and no shortfall is below its quantile."""
    found = distribution_of(np.array(sorted(amounts), dtype=np.int64))
    levels = [i / 50 for i in range(1, 50)]
    quantiles = [found.quantile(level) for level in levels]
    shortfalls = [found.shortfall(level).value for level in levels]
    for before, after in pairwise(quantiles):
        assert before.value <= after.value
        assert before.low <= after.low
        assert before.high <= after.high
    for lower, higher in pairwise(shortfalls):
        assert lower <= higher * (1 + 1e-12)
    for quantile, shortfall in zip(quantiles, shortfalls, strict=True):
        assert quantile.value <= shortfall * (1 + 1e-12)


@given(st.lists(st.integers(1, 2**53), min_size=1, max_size=60))
def test_an_exceedance_curve_counts_what_is_at_least_as_large(amounts: list[int]) -> None:
    """From all that is positive down to the largest; never rising."""
    points = distribution_of(np.array(amounts, dtype=np.int64)).exceedance()
    for at, count in points:
        assert count == sum(amount >= at for amount in amounts)
    assert points[0][1] == len(amounts)
    assert [count for _, count in points] == sorted((count for _, count in points), reverse=True)


# --- how often intervals hold -------------------------------------------------------------------------

SEEDS, DRAWN, SCALE = 200, 10_000, 10**9


@pytest.fixture(scope="module")
def repeated() -> dict[float, list[Summary]]:
    """The same service under two hundred seeds; its loss is exponential."""
    one = ready(people(1), ANY, scale=SCALE / 10**6, tail="pareto")
    tallies = [one.run(seed, 0, DRAWN) for seed in range(SEEDS)]
    return {level: [summary(one, tally, level) for tally in tallies] for level in (0.95, 0.5)}


def held(found: list[Summary], what: Any, value: float) -> int:
    """How many of the intervals hold the value."""
    return sum(what(one).low <= value <= what(one).high for one in found)


def least(level: float) -> int:
    """So many hold at least, but for one time in a thousand, where each does with this probability."""
    return next(k for k in range(SEEDS, 0, -1) if exact.bernoulli_tail(SEEDS, level, k) > 0.999)


MEASURES: dict[str, tuple[Any, float]] = {
    "quantile 0.95": (lambda one: one.gross.quantiles[0.95], -log(0.05)),
    "quantile 0.99": (lambda one: one.gross.quantiles[0.99], -log(0.01)),
    "quantile 0.999": (lambda one: one.gross.quantiles[0.999], -log(0.001)),
    "mean": (lambda one: one.gross.mean, 1.0),
    "shortfall 0.95": (lambda one: one.gross.shortfalls[0.95], 1 - log(0.05)),
    "shortfall 0.99": (lambda one: one.gross.shortfalls[0.99], 1 - log(0.01)),
}


@pytest.mark.parametrize("name", MEASURES)
def test_intervals_hold_the_true_value_about_as_often_as_they_say(
    repeated: dict[float, list[Summary]], name: str
) -> None:
    """Of an exponential loss; those of half the level, the control, do not hold it nearly so often."""
    what, value = MEASURES[name]
    assert held(repeated[0.95], what, value * SCALE) >= least(0.95)
    assert held(repeated[0.5], what, value * SCALE) < least(0.95)
    assert held(repeated[0.5], what, value * SCALE) >= least(0.5)


def test_estimates_are_not_biased_beyond_their_error(repeated: dict[float, list[Summary]]) -> None:
    """The average over all seeds, within four standard errors and a tenth of a bin."""
    for name, (what, value) in MEASURES.items():
        found = [what(one).value / SCALE for one in repeated[0.95]]
        error = float(np.std(found)) / sqrt(SEEDS)
        assert abs(float(np.mean(found)) - value) <= ERRORS * error + 0.1 * WIDTH * value, name


# --- what a summary says ------------------------------------------------------------------------------


def test_the_same_seed_the_same_bytes() -> None:
    """I58: the tally and all that is said of it; another seed, other bytes."""
    words: Map = {"probability": 0.3, "scale": 5.0, "tail": "pareto", "degrees": 4.0, "count": 20_000}
    first, again, other = (simulated(people(3), ANY, seed=seed, **words) for seed in (9, 9, 10))
    assert [one.tobytes() for one in first] == [one.tobytes() for one in again]
    assert [one.tobytes() for one in first] != [one.tobytes() for one in other]
    one = ready(people(3), ANY, **{name: word for name, word in words.items() if name != "count"})
    assert summary(one, first).gross.quantiles == summary(one, again).gross.quantiles
    assert summary(one, first).gross.quantiles != summary(one, other).gross.quantiles


def test_levels_that_a_run_cannot_say_are_left_out() -> None:
    """Ten scenarios beyond a level, or nothing is said of it."""
    one = ready(people(1), ANY, scale=5.0)
    for count, said in ((100, ()), (250, LEVELS[:1]), (2_000, LEVELS[:2]), (200_000, LEVELS)):
        assert tuple(summary(one, one.run(1, 0, count)).gross.quantiles) == said


def test_nothing_seen_is_not_nothing_possible() -> None:
    """No default in a thousand scenarios: probabilities up to 0.37 % are not excluded."""
    one = ready(people(1), ANY, probability=0.0)
    found = summary(one, one.run(1, 0, 1000))
    assert (found.layers[0].hit.value, found.layers[0].hit.low) == (0, 0)
    assert found.layers[0].hit.high == pytest.approx(0.00368, abs=1e-5)
    assert found.gross.quantiles[0.95] == Estimate(0, 0, 0)
    assert found.worst == ()
