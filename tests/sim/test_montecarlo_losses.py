"""Losses and payments in simulations: against quadrature and enumeration, within four standard errors.

``exact_models`` was written without seeing the simulation. Seeds are fixed.
"""

from collections.abc import Sequence
from itertools import product
from math import inf, sqrt

import numpy as np
import pytest

import exact_models as exact
from penstock.sim.model import BIDS
from penstock.sim.tally import (
    BEYOND,
    GROSS,
    PASSED,
    POSITIVE,
    REACHED,
    SQUARES,
    SUM,
    UNCOVERED,
    Tally,
    total,
    total_square,
)
from services import (
    ANY,
    CALLS,
    COUNT,
    FUND,
    HAIRCUT,
    MARGIN,
    OWN_FUND,
    UNIT,
    Map,
    ccp,
    likely,
    mean_of,
    near,
    pays_as_often,
    pays_on_average,
    people,
    row_of,
    simulated,
)

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
    words, _ = LOSSES["exponential"]
    tally = simulated(*STACKS["the clearing house"], seed=2, **words)
    for row, mean, reached in zip(
        tally.measures,
        (34.586589, 2.856297, 1.188390, 1.359502),
        (1.0, 0.135335, 0.063928, 0.034218),
        strict=False,
    ):
        mean_of(row, mean)
        likely(row[REACHED], reached)
    likely(tally.measures[3, PASSED], 0.000231)
    with pytest.raises(AssertionError):
        stack_agrees(tally, exact.exponential(41))


# --- losses and defaults together ---------------------------------------------------------------------

VAR99 = 2.3263478740408408


def tail_agrees(tally: Tally, probability: float, rho: float, k: float) -> None:
    """How often the loss is beyond k, and what is beyond it, in all scenarios."""
    likely(tally.measures[0, PASSED], probability * exact.exceedance_given_default(probability, rho, k))
    mean_of(row_of(tally, BEYOND), probability * exact.excess_given_default(probability, rho, k))
    mean_of(row_of(tally, GROSS), probability * exact.excess_given_default(probability, rho, 0.0))


@pytest.mark.parametrize("loading", [0.0, 0.7])
@pytest.mark.parametrize("rho", [0.0, 0.25, 0.5, 0.75])
def test_wrong_way_risk(rho: float, loading: float) -> None:
    """T4.2: the margin is the 99 % quantile of the loss, which is the positive part of the shock.

    Whatever part of the latent variable the factor is.
    """
    words: Map = {"probability": 0.01, "wrong_way": rho, "loading": loading, "scale": 1.0}
    tally = simulated(people(1, initial_margin=VAR99), [MARGIN], **words)
    tail_agrees(tally, 0.01, rho, round(VAR99, 6))
    with pytest.raises(AssertionError):
        tail_agrees(tally, 0.01, rho + 0.1, round(VAR99, 6))


def test_the_mean_shock_of_a_defaulter() -> None:
    """T4.2: rho phi(c) / p, where the loss is large enough never to be cut at zero."""
    for rho, printed in ((0.25, 0.666304), (0.5, 1.332607), (0.75, 1.998911)):
        words: Map = {"probability": 0.01, "wrong_way": rho, "start": 9.0, "scale": 1.0}
        tally = simulated(people(1), ANY, **words)
        row, hits = row_of(tally, GROSS), int(tally.defaulted[0])
        found = total(row[SUM : SUM + 2]) / hits / UNIT
        second = total_square(row[SQUARES : SQUARES + 6]) / hits / UNIT**2
        near(found - 9.0, printed, sqrt((second - found * found) / hits))


def test_a_market_that_falls_with_the_members_is_wrong_way_risk_too() -> None:
    """The block's factor and the market are correlated by -0.8: shock and latent variable by product."""
    words: Map = {"probability": 0.02, "loading": 0.8, "market": 0.9, "scale": 1.0}
    words["correlation"] = np.array([[1.0, -0.8], [-0.8, 1.0]])
    tally = simulated(people(1, initial_margin=1.5), [MARGIN], **words)
    tail_agrees(tally, 0.02, 0.8 * 0.9 * 0.8, 1.5)


@pytest.mark.parametrize(("degrees", "rho"), [(4.0, 0.0), (4.0, 0.6), (2.5, 0.4)])
def test_wrong_way_risk_with_the_mixing_of_the_copula(degrees: float, rho: float) -> None:
    """Latent variable and shock over the same mixing are bivariate t."""
    words: Map = {
        "probability": 0.02,
        "wrong_way": rho,
        "degrees": degrees,
        "tail": "student_t",
        "scale": 1.0,
    }
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
    pays_as_often(tally, 1, 0.3 * above)
    pays_on_average(tally, 1, 0.3 * above * 3)
    pays_on_average(tally, 2, 0.3 * (above + 2 * (1 - above)))


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
    stack: list[exact.Own | exact.Survivors] = [
        exact.Own(2.5),
        exact.Survivors(),
        exact.Own(1.5),
        exact.Survivors(2.0),
    ]
    found = exact.expected_payments(CHANCES, PART_OF_FACTOR, DETERMINISTIC, CONTRIBUTIONS, stack, degrees)
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
    for i, paid in enumerate(found.payments.sum(axis=0)):
        pays_on_average(tally, i, paid)
    with pytest.raises(AssertionError):
        pays_on_average(tally, 0, float(found.payments[0:3, 0].sum()))


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
    for i, paid in enumerate(expected):
        pays_on_average(tally, i, float(paid))
    mean_of(row_of(tally, UNCOVERED), uncovered)
    likely(row_of(tally, UNCOVERED)[POSITIVE], hit)
    able = simulated(members, [FUND, CALLS], probability=chances, start=losses)
    with pytest.raises(AssertionError):
        pays_on_average(able, 0, float(expected[0]))


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
    for i in range(3):
        pays_on_average(tally, i, float(expected[i]))
        pays_as_often(tally, i, float(first[i]))
    with pytest.raises(AssertionError):
        pays_on_average(simulated(people(3, default_fund=purses), [FUND], **words), 1, float(expected[1]))
