"""What members pay by kind, and which means have an interval: against samples sorted by hand."""

from math import ceil, inf, log2

import numpy as np
import pytest

from penstock.sim import reference
from penstock.sim.engine import engine
from penstock.sim.layout import MEMBER_KINDS
from penstock.sim.model import arrays
from penstock.sim.statistics import Distribution
from penstock.sim.summary import Measure, MemberFound, summary
from penstock.sim.tally import MEMBER_PER_OCTAVE, OCTAVES, TOGETHER, Bins, Ints
from services import ANY, CALLS, FUND, Map, ccp, people, ready
from sim.test_kernel import service

COUNT, SEED = 4000, 7
WIDTH = 1 / MEMBER_PER_OCTAVE
KINDS = (*MEMBER_KINDS, "all")


def place(amount: int) -> int:
    """The bin of an amount, by its logarithm."""
    octave = int(log2(amount))
    within = int((amount / 2.0**octave - 1) * MEMBER_PER_OCTAVE)
    return octave * MEMBER_PER_OCTAVE + within


@pytest.fixture(scope="module")
def sample() -> dict[str, dict[str, list[int]]]:
    """Member -> kind -> what it pays in each scenario, one scenario after another by the reference."""
    waterfall, one = service("t4")
    found: dict[str, dict[str, list[int]]] = {member: {kind: [] for kind in KINDS} for member in one.members}
    m = arrays(one)
    for number in range(COUNT):
        drawn = reference.scenario(m, SEED, number)
        paid = reference.poured(waterfall, m, SEED, drawn).paid if drawn.losses else {}
        for i, member in enumerate(one.members):
            parts = [paid.get(kind, {}).get(i, 0) for kind in MEMBER_KINDS]
            for kind, amount in zip(KINDS, (*parts, sum(parts)), strict=True):
                found[member][kind].append(amount)
    return found


@pytest.fixture(scope="module")
def members() -> dict[str, tuple[MemberFound, Ints]]:
    """What the kernel says of the same scenarios, with the histograms."""
    waterfall, one = service("t4")
    made = engine(one, waterfall)
    tally = made.run(SEED, 0, COUNT)
    places = {member: i for i, member in enumerate(made.members)}
    told = summary(made, tally).members
    return {each.member: (each, tally.member_histogram[places[each.member]]) for each in told}


def test_histograms_by_kind_are_those_of_the_payments(
    sample: dict[str, dict[str, list[int]]], members: dict[str, tuple[MemberFound, Ints]]
) -> None:
    """Each kind's own; all four rows together are that of what the member pays in all."""
    mixed = 0
    for member, (_, bins) in members.items():
        for kind, counted in zip(KINDS, (*bins[:TOGETHER], bins.sum(axis=0)), strict=True):
            expected = np.zeros(OCTAVES * MEMBER_PER_OCTAVE, dtype=np.int64)
            for amount in sample[member][kind]:
                if amount:
                    expected[place(amount)] += 1
            assert counted.tolist() == expected.tolist(), (member, kind)
        mixed += int(np.abs(bins[TOGETHER]).sum())
    assert mixed  # members pay by several kinds at once


@pytest.mark.parametrize("kind", KINDS)
def test_tails_by_kind_are_those_of_the_sorted_payments(
    sample: dict[str, dict[str, list[int]]], members: dict[str, tuple[MemberFound, Ints]], kind: str
) -> None:
    """Mean, quantile and expected shortfall to within a bin, how often it pays exactly."""
    for member, (found, _) in members.items():
        measure = found.paid if kind == "all" else found.by_kind[kind]
        paid = sorted(sample[member][kind], reverse=True)
        assert measure.positive.value == sum(amount > 0 for amount in paid) / COUNT
        assert measure.mean.value == pytest.approx(sum(paid) / COUNT, rel=1e-12)
        half = 1.959964 * float(np.std(paid)) / COUNT**0.5
        assert measure.mean.high - measure.mean.value == pytest.approx(half, rel=WIDTH / 2)
        for level in (0.95, 0.99):
            tail = round(COUNT * (1 - level))
            if level in measure.shortfalls:
                shortfall = measure.shortfalls[level]
                assert shortfall.value == pytest.approx(sum(paid[:tail]) / tail, rel=WIDTH)
                assert shortfall.low <= shortfall.value <= shortfall.high
            assert measure.quantiles[level].value == pytest.approx(paid[tail], rel=WIDTH)


def test_kinds_are_told_apart(members: dict[str, tuple[MemberFound, Ints]]) -> None:
    """The control of the comparison above: a member's calls are not its contribution."""
    found, _ = members["B"]
    fund, call = (found.by_kind[kind].shortfalls[0.95].value for kind in ("fund", "call"))
    assert fund != pytest.approx(call, rel=WIDTH)


@pytest.mark.parametrize("amounts", [[5000] * 40, [100, 250, 90_000, 90_001] * 30, [1, 2, 3] * 11])
def test_the_error_of_a_mean_is_that_of_the_sample(amounts: list[int]) -> None:
    """By its bins: to within a tenth of the square of their width, exact where all amounts are the same."""
    histogram = np.zeros(OCTAVES * MEMBER_PER_OCTAVE, dtype=np.int64)
    for amount in amounts:
        histogram[place(amount)] += 1
    count = 100 + len(amounts)
    found = Distribution(count, histogram, Bins(MEMBER_PER_OCTAVE)).mean(sum(amounts))
    deviation = float(np.std(amounts + [0] * 100))
    assert found.value == pytest.approx(sum(amounts) / count, rel=1e-12)
    assert found.high - found.value == pytest.approx(1.959964 * deviation / count**0.5, rel=1e-3)


# --- where nothing says how far off a mean is ---------------------------------------------------------

HEAVY: dict[str, tuple[Map, bool]] = {
    "normal": ({}, True),
    "normal, mixing as a Gaussian copula": ({"tail": "student_t"}, True),
    "two degrees of freedom": ({"tail": "student_t", "tail_degrees": 2.0}, False),
    "a little more": ({"tail": "student_t", "tail_degrees": 2.1}, True),
    "a copula's two degrees": ({"tail": "student_t", "degrees": 2.0}, False),
    "normal losses under a copula of two degrees": ({"degrees": 2.0}, True),
    "Pareto with an index of one half": ({"tail": "pareto", "tail_index": 0.5}, False),
    "a little less": ({"tail": "pareto", "tail_index": 0.49}, True),
    "exponential": ({"tail": "pareto"}, True),
}


def intervals(measure: Measure) -> set[bool]:
    """Whether its mean and shortfalls have one."""
    assert measure.shortfalls
    return {one.bounded for one in (measure.mean, *measure.shortfalls.values())}


@pytest.mark.parametrize("name", HEAVY)
def test_a_mean_without_variance_has_no_interval(name: str) -> None:
    """Of what is unlimited; what a layer or a member gives is limited, and has one. Quantiles always have."""
    words, some = HEAVY[name]
    made = ready(people(2, default_fund=3.0), [ccp("own", 1), FUND], probability=0.5, scale=2.0, **words)
    found = summary(made, made.run(1, 0, 20_000))
    for unlimited in (found.uncovered, found.beyond, found.gross):
        assert intervals(unlimited) == {some}
        assert all(one.bounded for one in unlimited.quantiles.values())
    for limited in (*(one.used for one in found.layers), *(one.paid for one in found.members)):
        assert intervals(limited) == {True}


def test_the_mean_of_few_amounts_is_not_known_well() -> None:
    """A handful of payments: between nothing and the most that can be given as often as that may happen."""
    layers = [ccp("own", 1), FUND, CALLS]
    made = ready(people(2, default_fund=3.0), layers, probability=[1e-4, 0.0], start=50.0)
    found = summary(made, made.run(3, 0, 30_000))
    own, uncovered = found.layers[0].used, found.uncovered
    assert 0 < own.positive.value * 30_000 < 10
    assert own.mean.low == 0
    assert own.mean.high == pytest.approx(own.positive.high * 10**6, rel=1e-12)
    assert not uncovered.mean.bounded
    many = summary(made, made.run(3, 0, 1_000_000))
    assert many.layers[0].used.mean.low > 0
    assert many.uncovered.mean.bounded


def test_losses_at_the_largest_that_counts_are_told() -> None:
    """A tail so heavy that losses are cut; one that is not, the control."""
    for index, told in ((0.99, True), (0.0, False)):
        made = ready(people(1), ANY, scale=1e8, tail="pareto", tail_index=index)
        found = summary(made, made.run(1, 0, 2000))
        assert (found.largest > 0) is told
        assert found.largest < 2000


def test_a_shortfall_of_a_layer_that_is_exhausted_holds_all_of_it() -> None:
    """Only its bin is known, whose middle is less than what the layer has: the interval reaches that."""
    made = ready(people(3, default_fund=3.3), [ccp("own", 10), FUND], probability=0.5, start=1000.0)
    found = summary(made, made.run(1, 0, 20_000))
    for used, size in ((found.layers[0].used, 10_000_000), (found.members[0].by_kind["fund"], 3_300_000)):
        tail = used.shortfalls[0.99]
        assert tail.low < tail.value < size
        assert tail.high == size


def test_what_can_be_paid_by_kind_bounds_the_quantiles() -> None:
    """A bin reaches beyond what a member has: its upper end is cut at what can be paid by that kind."""
    made = ready(people(3, default_fund=3.3), [FUND, CALLS], probability=[0.5, 0, 0], start=1000.0)
    for member in summary(made, made.run(1, 0, 4000)).members[1:]:
        fund, call = (member.by_kind[kind].quantiles[0.95].high for kind in ("fund", "call"))
        assert (fund, call) == (3_300_000, 6_600_000)
        assert member.paid.quantiles[0.95].high == 9_900_000
    assert ceil(Bins(MEMBER_PER_OCTAVE).low(place(3_300_000) + 1)) > 3_300_000
    assert made.most_of_members() == (9_900_000,) * 3
    assert made.most()[0] < inf
