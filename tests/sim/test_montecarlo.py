"""The simulation against exact values: quadrature and enumeration, within four standard errors.

``exact_models`` was written without seeing the simulation. Seeds are fixed.
"""

from collections.abc import Sequence
from itertools import product
from math import exp, inf, sqrt
from typing import Any

import numpy as np
import pytest

import exact_models as exact
from penstock.sim.base import Base
from penstock.sim.compile import compiled
from penstock.sim.engine import engine
from penstock.sim.model import BIDS, Model
from penstock.sim.tally import (
    BEYOND,
    GROSS,
    PASSED,
    POSITIVE,
    REACHED,
    SQUARES,
    SUM,
    UNCOVERED,
    Ints,
    Tally,
    total,
    total_square,
)
from penstock.store.scenarios import scenario_from
from sim.test_kernel import scenario_of

Map = dict[str, Any]
COUNT = 1_000_000
UNIT = 10**6
"""Minor units in an amount of one: what is rounded to whole ones is far below a standard error."""
ERRORS = 4.0

MARGIN: Map = {"id": "margin", "payer": "defaulter", "source": "initial_margin"}
OWN_FUND: Map = {"id": "own_fund", "payer": "defaulter", "source": "default_fund"}
FUND: Map = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"}
CALLS: Map = {
    "id": "calls",
    "payer": "members",
    "source": "assessment",
    "share": "default_fund",
    "limit": {"multiple": "2", "of": "default_fund"},
}
HAIRCUT: Map = {"id": "haircut", "payer": "members", "source": "gains", "share": "gains"}


def written(amount: float) -> str:
    """An amount of a scenario, in minor units of one hundredth."""
    minor = round(amount * UNIT)
    return f"{minor // 100}.{minor % 100:02}"


def ccp(name: str, amount: float) -> Map:
    """A layer of the clearing house."""
    return {"id": name, "payer": "ccp", "source": name, "limit": {"amount": written(amount)}}


def people(count: int, **purses: Sequence[float] | float) -> dict[str, Map]:
    """So many members, and what they have."""
    found: dict[str, Map] = {f"M{i:03}": {} for i in range(count)}
    for purse, amounts in purses.items():
        each = amounts if isinstance(amounts, Sequence) else [amounts] * count
        for fields, amount in zip(found.values(), each, strict=True):
            fields[purse] = written(amount)
    return found


def simulated(
    members: dict[str, Map],
    layers: list[Map],
    *,
    seed: int = 1,
    count: int = COUNT,
    gains: tuple[Map, Map] | None = None,
    **words: Any,
) -> Tally:
    """The tally of a service; ``words`` of the model, in amounts of one; whatever is left out is plain."""
    number = len(members)
    zero = np.zeros(number)
    plain: Map = {
        "probability": np.ones(number),
        "loading": zero,
        "block": zero.astype(np.int64),
        "scale": zero,
        "start": zero,
        "market": zero,
        "wrong_way": zero,
        "jump": zero,
        "unable": zero,
    }
    each = {name: np.broadcast_to(words.pop(name, plain[name]), number).copy() for name in plain}
    blocks = int(each["block"].max()) + 1
    for name in ("scale", "start"):
        each[name] = np.rint(each[name] * UNIT)
    one = Model(tuple(members), **each, **({"correlation": np.eye(blocks + 1)} | words))
    base = Base(scenario_from(scenario_of(members, layers)), gains)
    unable = bool(one.unable.any())
    waterfall = compiled(base, sorted(members), bids=one.bids is not None, unable=unable)
    return engine(one, waterfall).run(seed, 0, count)


def near(estimate: float, value: float, error: float) -> None:
    """Within four standard errors."""
    assert abs(estimate - value) <= ERRORS * error, f"{estimate} is not {value}, by {error} each"


def likely(hits: float, probability: float, count: int = COUNT) -> None:
    """A number of hits against an exact probability."""
    near(hits / count, probability, sqrt(probability * (1 - probability) / count))


def mean_of(row: Ints, value: float, count: int = COUNT) -> None:
    """The mean of a row of measures, in amounts of one, against an exact value; the error is the sample's."""
    found = total(row[SUM : SUM + 2]) / count / UNIT
    second = total_square(row[SQUARES : SQUARES + 6]) / count / UNIT**2
    near(found, value, sqrt((second - found * found) / count) + 0.5 / UNIT)


def row_of(tally: Tally, measure: int) -> Ints:
    """A measure that stands after the layers."""
    found: Ints = tally.measures[len(tally.measures) - 3 + measure]
    return found


# --- how many default ---------------------------------------------------------------------------------

RISING = [0.002 + 0.01 * i for i in range(9)]
LIVELY = [0.1, 0.3, 0.05, 0.2, 0.4, 0.25]
LOADINGS = [0.9, -0.3, 0.0, 0.5, 0.7, 0.2]


def counts_agree(tally: Tally, chances: Any) -> None:
    """So many defaults, and so many or more."""
    for k, chance in enumerate(chances):
        if chance * COUNT >= 10:
            likely(tally.defaults[k], chance)
        beyond = exact.at_least(chances, k)
        if 10 <= beyond * COUNT and k:
            likely(tally.defaults[k:].sum(), beyond)


@pytest.mark.parametrize("degrees", [None, 4.0, 2.5])
@pytest.mark.parametrize(
    ("probabilities", "loadings"),
    [([0.01] * 20, [sqrt(0.3)] * 20), (RISING, [sqrt(0.2)] * 9), (LIVELY, LOADINGS), (RISING, [0.0] * 9)],
    ids=["homogeneous", "probabilities rise", "loadings of either sign", "uncorrelated"],
)
def test_how_many_default(probabilities: list[float], loadings: list[float], degrees: float | None) -> None:
    """The whole distribution, in the Gaussian copula and in two t copulas; each member its probability."""
    members = people(len(probabilities))
    tally = simulated(
        members, [MARGIN], probability=probabilities, loading=loadings, degrees=degrees or inf
    )
    counts_agree(tally, exact.count_distribution(probabilities, loadings, degrees))
    for hits, probability in zip(tally.defaulted, probabilities, strict=True):
        likely(hits, probability)


def test_another_copula_would_be_noticed() -> None:
    """The control of the comparison above: nearly the same correlation, nearly the same degrees."""
    tally = simulated(
        people(20), [MARGIN], probability=[0.01] * 20, loading=[sqrt(0.3)] * 20, degrees=4.0
    )
    for correlation, degrees in ((0.32, 4.0), (0.3, 4.4), (0.3, None)):
        with pytest.raises(AssertionError):
            counts_agree(tally, exact.count_distribution([0.01] * 20, [sqrt(correlation)] * 20, degrees))


@pytest.mark.parametrize(
    ("correlation", "degrees", "printed"),
    [
        (0.3, inf, {1: 0.1380115, 2: 0.03790951, 3: 0.01365012, 4: 0.005633973, 5: 0.002514760}),
        (0.3, 4.0, {3: 0.024384}),
        (0.0, inf, {5: 1.367799e-6}),
    ],
    ids=["T4.1", "t copula", "T4.3"],
)
def test_printed_values_of_the_number_of_defaults(
    correlation: float, degrees: float, printed: dict[int, float]
) -> None:
    """Twenty members of one per cent; five defaults without correlation need more scenarios."""
    count = 4 * COUNT if correlation == 0 else COUNT
    words: Map = {"probability": [0.01] * 20, "loading": [sqrt(correlation)] * 20, "degrees": degrees}
    tally = simulated(people(20), [MARGIN], count=count, seed=3, **words)
    for k, probability in printed.items():
        likely(tally.defaults[k:].sum(), probability, count)


@pytest.mark.parametrize(
    ("members", "correlation", "printed"),
    [(20, 0.25, 3.4994e-3), (40, 0.0, 1.0754e-3), (80, 0.5, 4.1786e-2), (160, 0.25, 9.2555e-2)],
)
def test_cover_two_fails_as_often_as_three_default(members: int, correlation: float, printed: float) -> None:
    """Section 2.5: alike members of half a per cent, and two losses' worth of resources."""
    probability, loading = [0.005] * members, [sqrt(correlation)] * members
    tally = simulated(
        people(members), [ccp("two", 2)], probability=probability, loading=loading, start=1.0
    )
    uncovered = row_of(tally, UNCOVERED)[POSITIVE]
    assert uncovered == tally.defaults[3:].sum()
    likely(uncovered, exact.at_least(exact.count_distribution(probability, loading), 3))
    assert exact.at_least(exact.count_distribution(probability, loading), 3) == pytest.approx(
        printed, rel=2e-5
    )


@pytest.mark.parametrize(("decay", "printed"), [(0.0, 1.0036e-3), (0.05, 5.0103e-4), (0.1, 1.2342e-4)])
def test_cover_two_fails_less_often_where_losses_are_concentrated(decay: float, printed: float) -> None:
    """Section 2.5: losses that fall from member to member, independent defaults of one per cent."""
    losses = [round(exp(-decay * k), 6) for k in range(20)]
    tally = simulated(people(20), [ccp("two", sum(losses[:2]))], probability=0.01, start=losses)
    chance = exact.loss_exceedance([0.01] * 20, [0.0] * 20, losses, sum(losses[:2]))
    assert chance == pytest.approx(printed, rel=1e-4)
    likely(row_of(tally, UNCOVERED)[POSITIVE], chance)


# --- two blocks ---------------------------------------------------------------------------------------


def between(correlation: float) -> Any:
    """Of the factors of two blocks; the market stands by itself."""
    return np.array([[1.0, correlation, 0.0], [correlation, 1.0, 0.0], [0.0, 0.0, 1.0]])


TWO: Map = {"block": [0, 0, 0, 1, 1, 1]}


def test_two_blocks_of_independent_factors_are_two_portfolios() -> None:
    """The distribution is that of the sum of two independent numbers."""
    tally = simulated(people(6), [MARGIN], probability=LIVELY, loading=LOADINGS, **TWO)
    halves = [exact.count_distribution(LIVELY[one], LOADINGS[one]) for one in (slice(3), slice(3, 6))]
    counts_agree(tally, np.convolve(*halves))


@pytest.mark.parametrize("degrees", [None, 4.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_two_blocks_of_one_factor_are_one(degrees: float | None, sign: float) -> None:
    """Correlated fully, and against each other."""
    words: Map = {"loading": LOADINGS, "correlation": between(sign), "degrees": degrees or inf}
    tally = simulated(people(6), [MARGIN], probability=LIVELY, **TWO, **words)
    turned = [sign * loading for loading in LOADINGS[:3]] + LOADINGS[3:]
    counts_agree(tally, exact.count_distribution(LIVELY, turned, degrees))


@pytest.mark.parametrize("degrees", [None, 4.0, 2.5])
@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.5])
def test_two_members_of_two_blocks_default_together(correlation: float, degrees: float | None) -> None:
    """Their latent variables are correlated by the product of both loadings and that of the factors."""
    words: Map = {"loading": [0.9, 0.8], "block": [0, 1], "correlation": between(correlation)}
    tally = simulated(people(2), [MARGIN], probability=[0.03, 0.1], degrees=degrees or inf, **words)
    likely(tally.defaults[2], exact.joint_default(0.03, 0.1, 0.72 * correlation, degrees))


def test_the_printed_chance_that_two_default_together() -> None:
    """One per cent each, correlated by 0.3."""
    tally = simulated(people(2), [MARGIN], count=4 * COUNT, probability=0.01, loading=sqrt(0.3))
    likely(tally.defaults[2], 5.563285e-4, 4 * COUNT)


# --- one loss through the layers ----------------------------------------------------------------------

SIZES = (80.0, 30.0, 25.0, 200.0)
STACKS: dict[str, tuple[dict[str, Map], list[Map]]] = {
    "the clearing house": (people(1), [ccp(f"own_{i}", size) for i, size in enumerate(SIZES)]),
    "the defaulter first": (
        people(1, initial_margin=80.0, default_fund=30.0),
        [MARGIN, OWN_FUND, ccp("first", 25), ccp("second", 200)],
    ),
}


def stack_agrees(tally: Tally, loss: exact.Distribution) -> None:
    """Each layer's mean, how often it is reached and exhausted; what is uncovered."""
    for i, size in enumerate(SIZES):
        start, row = sum(SIZES[:i]), tally.measures[i]
        mean_of(row, exact.mean_in_layer(loss, start, size))
        likely(row[REACHED], exact.exceedance(loss, start))
        likely(row[PASSED], exact.exceedance(loss, start + size))
    mean_of(row_of(tally, UNCOVERED), exact.mean_in_layer(loss, sum(SIZES), inf))


LOSSES: dict[str, tuple[Map, exact.Distribution]] = {
    "exponential": ({"tail": "pareto", "scale": 40.0}, exact.exponential(40)),
    "pareto": ({"tail": "pareto", "tail_index": 0.3, "scale": 40.0}, exact.generalised_pareto(0.3, 40)),
    "pareto from 50 on": (
        {"tail": "pareto", "tail_index": 0.2, "scale": 60.0, "start": 50.0},
        exact.generalised_pareto(0.2, 60, 50),
    ),
    "normal": ({"scale": 100.0, "start": 20.0}, exact.normal(20, 100)),
    "t of 3.3 degrees": (
        {"tail": "student_t", "tail_degrees": 3.3, "scale": 60.0, "start": -10.0},
        exact.student_t(3.3, 60, -10),
    ),
    "t of 4 degrees of the copula": (
        {"tail": "student_t", "degrees": 4.0, "scale": 60.0},
        exact.student_t(4, 60),
    ),
}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("name", LOSSES)
def test_what_each_layer_bears_of_one_loss(name: str, stack: str) -> None:
    """E[x] is the integral of P(L > u) over the layer; a negative loss is none."""
    words, loss = LOSSES[name]
    stack_agrees(simulated(*STACKS[stack], seed=2, **words), loss)


def test_the_printed_means_of_an_exponential_loss() -> None:
    """T1.2, and a mean of 41 instead of 40 would be noticed."""
    words, loss = LOSSES["exponential"]
    tally = simulated(*STACKS["the clearing house"], seed=2, **words)
    for row, mean, reached in zip(
        tally.measures,
        (34.586589, 2.856297, 1.188390, 1.359502),
        (1.0, 0.135335, 0.063928, 0.034218),
        strict=False,
    ):
        mean_of(row, mean)
        assert row[REACHED] == COUNT if reached == 1 else likely(row[REACHED], reached) is None
    likely(tally.measures[3, PASSED], 0.000231)
    with pytest.raises(AssertionError):
        stack_agrees(tally, exact.exponential(41))


# --- losses and defaults together ---------------------------------------------------------------------

VAR99 = 2.3263478740408408


def tail_agrees(tally: Tally, probability: float, rho: float, k: float, count: int) -> None:
    """How often the loss is beyond k, and what is beyond it, in all scenarios."""
    likely(tally.measures[0, PASSED], probability * exact.exceedance_given_default(probability, rho, k), count)
    mean_of(row_of(tally, BEYOND), probability * exact.excess_given_default(probability, rho, k), count)
    mean_of(row_of(tally, GROSS), probability * exact.excess_given_default(probability, rho, 0.0), count)


@pytest.mark.parametrize("loading", [0.0, 0.7])
@pytest.mark.parametrize("rho", [0.0, 0.25, 0.5, 0.75])
def test_wrong_way_risk(rho: float, loading: float) -> None:
    """T4.2: the margin is the 99 % quantile of the loss, which is the positive part of the shock.

    Whatever part of the latent variable the factor is.
    """
    words: Map = {"probability": 0.01, "wrong_way": rho, "loading": loading, "scale": 1.0}
    tally = simulated(people(1, initial_margin=VAR99), [MARGIN], count=2 * COUNT, **words)
    tail_agrees(tally, 0.01, rho, round(VAR99, 6), 2 * COUNT)
    with pytest.raises(AssertionError):
        tail_agrees(tally, 0.01, rho + 0.1, round(VAR99, 6), 2 * COUNT)


def test_the_mean_shock_of_a_defaulter() -> None:
    """T4.2: rho phi(c) / p, where the loss is large enough never to be cut at zero."""
    for rho, printed in ((0.25, 0.666304), (0.5, 1.332607), (0.75, 1.998911)):
        words: Map = {"probability": 0.01, "wrong_way": rho, "start": 9.0, "scale": 1.0}
        tally = simulated(people(1), [MARGIN], count=2 * COUNT, **words)
        row, hits = row_of(tally, GROSS), int(tally.defaulted[0])
        found = total(row[SUM : SUM + 2]) / hits / UNIT
        second = total_square(row[SQUARES : SQUARES + 6]) / hits / UNIT**2
        near(found - 9.0, printed, sqrt((second - found * found) / hits))


def test_a_market_that_falls_with_the_members_is_wrong_way_risk_too() -> None:
    """The block's factor and the market are correlated by -0.8: shock and latent variable by product."""
    words: Map = {"probability": 0.02, "loading": 0.8, "market": 0.9, "scale": 1.0}
    words["correlation"] = np.array([[1.0, -0.8], [-0.8, 1.0]])
    tally = simulated(people(1, initial_margin=1.5), [MARGIN], **words)
    tail_agrees(tally, 0.02, 0.8 * 0.9 * 0.8, 1.5, COUNT)


@pytest.mark.parametrize(("degrees", "rho"), [(4.0, 0.0), (4.0, 0.6), (2.5, 0.4)])
def test_wrong_way_risk_with_the_mixing_of_the_copula(degrees: float, rho: float) -> None:
    """Latent variable and shock over the same mixing are bivariate t."""
    words: Map = {"probability": 0.02, "wrong_way": rho, "degrees": degrees, "tail": "student_t", "scale": 1.0}
    tally = simulated(people(1, initial_margin=3.0), [MARGIN], **words)
    beyond = exact.exceedance(exact.student_t(degrees, 1.0), 3.0)
    likely(tally.measures[0, PASSED], exact.joint_default(0.02, beyond, rho, degrees))


def test_a_default_moves_the_market_before_losses_are_taken() -> None:
    """Each defaulter's jump moves the loss of every defaulter, by its own part of the market."""
    market, jump = [0.6, -0.8], [2.0, -0.5]
    tally = simulated(people(2), [ccp("own", 3.0)], market=market, jump=jump, scale=[1.0, 0.0])
    loss = exact.normal(0.6 * 1.5, 1.0)
    mean_of(tally.measures[0], exact.mean_in_layer(loss, 0.0, 3.0))
    likely(tally.measures[0, PASSED], exact.exceedance(loss, 3.0))
    words: Map = {"market": market, "jump": jump, "scale": 1.0, "start": 9.0}
    tally = simulated(people(2), [ccp("own", 3.0)], **words)
    row = row_of(tally, GROSS)
    mean_of(row, 18.0 + (0.6 - 0.8) * 1.5)
    mean = total(row[SUM : SUM + 2]) / COUNT / UNIT
    variance = total_square(row[SQUARES : SQUARES + 6]) / COUNT / UNIT**2 - mean * mean
    value = 2 + 2 * 0.6 * -0.8  # both shocks share the market
    near(variance, value, value * sqrt(2 / COUNT))


def test_gains_follow_the_market() -> None:
    """The market is up as often as a normal number is above minus the jump; survivors then are owed so."""
    members = people(3, gains=0.0)
    up, down = {"M000": 0, "M001": 3 * UNIT, "M002": UNIT}, {"M000": 0, "M001": 0, "M002": 2 * UNIT}
    words: Map = {"probability": [0.3, 0.0, 0.0], "jump": [0.5, 0, 0], "start": [10.0, 0, 0]}
    tally = simulated(members, [HAIRCUT], gains=(down, up), **words)
    above = exact.exceedance(exact.normal(0.5, 1.0), 0.0)
    likely(tally.charges[1, POSITIVE], 0.3 * above)
    mean_of(tally.charges[1], 0.3 * above * 3)
    mean_of(tally.charges[2], 0.3 * (above + 2 * (1 - above)))


# --- who pays -----------------------------------------------------------------------------------------

CONTRIBUTIONS = [3.0, 5.0, 2.0, 7.0, 1.0]
DETERMINISTIC = [4.0, 9.0, 2.0, 30.0, 1.0]
CHANCES = [0.1, 0.05, 0.2, 0.03, 0.3]
PART_OF_FACTOR = [0.6, 0.4, 0.5, 0.7, -0.3]


@pytest.mark.parametrize("degrees", [None, 4.0, 2.5])
def test_a_small_waterfall(degrees: float | None) -> None:
    """Fixed losses: use, hit and exhausted by layer, and what every member pays, over all sets."""
    members = people(5, default_fund=CONTRIBUTIONS, initial_margin=0.5)
    layers = [MARGIN, OWN_FUND, ccp("first", 2.5), FUND, ccp("second", 1.5), CALLS]
    own = [0.5 + contribution for contribution in CONTRIBUTIONS]
    words: Map = {"loading": PART_OF_FACTOR, "degrees": degrees or inf, "seed": 4}
    words["start"] = [loss + mine for loss, mine in zip(DETERMINISTIC, own, strict=True)]
    tally = simulated(members, layers, probability=CHANCES, **words)
    stack = [exact.Own(2.5), exact.Survivors(), exact.Own(1.5), exact.Survivors(2.0)]
    found = exact.expected_payments(
        CHANCES, PART_OF_FACTOR, DETERMINISTIC, CONTRIBUTIONS, stack, degrees
    )
    before = exact.at_least(exact.count_distribution(CHANCES, PART_OF_FACTOR, degrees), 1)
    for k, row in enumerate(tally.measures[2:6]):
        likely(row[REACHED], before)
        likely(row[PASSED], found.beyond[k])
        likely(row[POSITIVE], found.hit[k])
        mean_of(row, found.use[k])
        before = found.beyond[k]
    likely(row_of(tally, UNCOVERED)[POSITIVE], found.beyond[-1])
    mean_of(row_of(tally, UNCOVERED), found.uncovered)
    mean_of(row_of(tally, BEYOND), found.loss)
    for row, paid in zip(tally.charges, found.payments.sum(axis=0), strict=True):
        mean_of(row, paid)
    with pytest.raises(AssertionError):
        mean_of(tally.charges[0], float(found.payments[0:3, 0].sum()))


def subsets(count: int) -> list[tuple[bool, ...]]:
    """All of them."""
    return list(product((False, True), repeat=count))


def chance_of(flags: Sequence[bool], chances: Sequence[float]) -> float:
    """The probability of exactly these."""
    return float(np.prod([p if yes else 1 - p for yes, p in zip(flags, chances, strict=True)]))


def test_survivors_who_do_not_pay_their_calls() -> None:
    """The others pay for them, each up to its own limit; over all sets of defaulters and of the unable."""
    purses, chances, unable, losses = [3.0, 5.0, 2.0], [0.3, 0.2, 0.4], [0.5, 0.1, 0.3], [9.0, 7.0, 12.0]
    expected, uncovered, hit = np.zeros(3), 0.0, 0.0
    for gone, out in product(subsets(3), subsets(3)):
        weight = chance_of(gone, chances) * chance_of(out, unable)
        open_ = sum(loss for loss, yes in zip(losses, gone, strict=True) if yes)
        for multiple, silent in ((1.0, (False,) * 3), (2.0, out)):
            payers = [i for i in range(3) if not gone[i] and not silent[i]]
            room = sum(purses[i] for i in payers)
            taken = min(open_, multiple * room)
            for i in payers:
                expected[i] += weight * taken * purses[i] / room
            open_ -= taken
        uncovered += weight * open_
        hit += weight * (open_ > 1e-9)
    members = people(3, default_fund=purses)
    tally = simulated(members, [FUND, CALLS], probability=chances, unable=unable, start=losses)
    for row, paid in zip(tally.charges, expected, strict=True):
        mean_of(row, float(paid))
    mean_of(row_of(tally, UNCOVERED), uncovered)
    likely(row_of(tally, UNCOVERED)[POSITIVE], hit)
    with pytest.raises(AssertionError):
        mean_of(simulated(members, [FUND, CALLS], probability=chances, start=losses).charges[1], expected[1])


def test_whoever_bids_worse_pays_first() -> None:
    """Bids drawn for each member: class after class, in it by contribution; over all sets and all bids."""
    purses, chances, losses = [3.0, 5.0, 2.0], [0.2, 0.3, 0.1], [4.0, 3.0, 6.0]
    bids = np.array([[0.2, 0.3, 0.4, 0.1], [0.0, 0.5, 0.25, 0.25], [0.7, 0.0, 0.3, 0.0]])
    classes = [0, 1, 2, 2]
    expected, first = np.zeros(3), np.zeros(3)
    for gone, made in product(subsets(3), product(range(len(BIDS)), repeat=3)):
        weight = chance_of(gone, chances) * float(np.prod([bids[i, k] for i, k in enumerate(made)]))
        open_ = sum(loss for loss, yes in zip(losses, gone, strict=True) if yes)
        for rank in range(3):
            payers = [i for i in range(3) if not gone[i] and classes[made[i]] == rank]
            room = sum(purses[i] for i in payers)
            taken = min(open_, room)
            for i in payers:
                expected[i] += weight * taken * purses[i] / room
                first[i] += weight * (taken > 0)
            open_ -= taken
    auction = FUND | {"order": {"bid": ["none", "poor", ["good", "winner"]]}}
    words: Map = {"probability": chances, "bids": bids, "start": losses}
    tally = simulated(people(3, default_fund=purses), [auction], **words)
    for row, paid, pays in zip(tally.charges, expected, first, strict=True):
        mean_of(row, float(paid))
        likely(row[POSITIVE], float(pays))
    with pytest.raises(AssertionError):
        mean_of(simulated(people(3, default_fund=purses), [FUND], **words).charges[1], float(expected[1]))
