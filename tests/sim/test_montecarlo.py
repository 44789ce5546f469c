"""How many members default in simulations: against quadrature and enumeration, within four standard errors.

``exact_models`` was written without seeing the simulation. Seeds are fixed.
"""

from math import exp, inf, sqrt
from typing import Any

import numpy as np
import pytest

import exact_models as exact
from penstock.sim.tally import POSITIVE, UNCOVERED, Tally
from services import ANY, COUNT, Map, ccp, likely, people, row_of, simulated

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
        if k and beyond * COUNT >= 10:
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
    tally = simulated(members, ANY, probability=probabilities, loading=loadings, degrees=degrees or inf)
    counts_agree(tally, exact.count_distribution(probabilities, loadings, degrees))
    for hits, probability in zip(tally.defaulted, probabilities, strict=True):
        likely(hits, probability)


def test_another_copula_would_be_noticed() -> None:
    """The control of the comparison above: nearly the same correlation, nearly the same degrees."""
    tally = simulated(people(20), ANY, probability=[0.01] * 20, loading=[sqrt(0.3)] * 20, degrees=4.0)
    for correlation, degrees in ((0.32, 4.0), (0.3, 4.4), (0.3, None)):
        with pytest.raises(AssertionError):
            counts_agree(tally, exact.count_distribution([0.01] * 20, [sqrt(correlation)] * 20, degrees))


@pytest.mark.parametrize(
    ("correlation", "degrees", "printed"),
    [
        (0.3, inf, {1: 0.1380115, 2: 0.03790951, 3: 0.01365012, 4: 0.005633973, 5: 0.002514760}),
        (0.3, 4.0, {3: 0.024384}),
    ],
    ids=["T4.1", "t copula"],
)
def test_printed_values_of_the_number_of_defaults(
    correlation: float, degrees: float, printed: dict[int, float]
) -> None:
    """Twenty members of one per cent."""
    words: Map = {"probability": [0.01] * 20, "loading": [sqrt(correlation)] * 20, "degrees": degrees}
    tally = simulated(people(20), ANY, seed=3, **words)
    for k, probability in printed.items():
        likely(tally.defaults[k:].sum(), probability)


@pytest.mark.parametrize(
    ("members", "correlation", "printed"),
    [(20, 0.25, 3.4994e-3), (40, 0.0, 1.0754e-3), (80, 0.5, 4.1786e-2), (160, 0.25, 9.2555e-2)],
)
def test_cover_two_fails_as_often_as_three_default(members: int, correlation: float, printed: float) -> None:
    """Section 2.5: alike members of half a per cent, and two losses' worth of resources."""
    probability, loading = [0.005] * members, [sqrt(correlation)] * members
    tally = simulated(people(members), [ccp("two", 2)], probability=probability, loading=loading, start=1.0)
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
    tally = simulated(people(6), ANY, probability=LIVELY, loading=LOADINGS, **TWO)
    first, second = (exact.count_distribution(LIVELY[a:b], LOADINGS[a:b]) for a, b in ((0, 3), (3, 6)))
    counts_agree(tally, np.convolve(first, second))


@pytest.mark.parametrize("degrees", [None, 4.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_two_blocks_of_one_factor_are_one(degrees: float | None, sign: float) -> None:
    """Correlated fully, and against each other."""
    words: Map = {"loading": LOADINGS, "correlation": between(sign), "degrees": degrees or inf}
    tally = simulated(people(6), ANY, probability=LIVELY, **TWO, **words)
    turned = [sign * loading for loading in LOADINGS[:3]] + LOADINGS[3:]
    counts_agree(tally, exact.count_distribution(LIVELY, turned, degrees))


@pytest.mark.parametrize("degrees", [None, 4.0, 2.5])
@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.5])
def test_two_members_of_two_blocks_default_together(correlation: float, degrees: float | None) -> None:
    """Their latent variables are correlated by the product of both loadings and that of the factors."""
    words: Map = {"loading": [0.9, 0.8], "block": [0, 1], "correlation": between(correlation)}
    tally = simulated(people(2), ANY, probability=[0.03, 0.1], degrees=degrees or inf, **words)
    likely(tally.defaults[2], exact.joint_default(0.03, 0.1, 0.72 * correlation, degrees))


def test_the_printed_chance_that_two_default_together() -> None:
    """One per cent each, correlated by 0.3."""
    tally = simulated(people(2), ANY, count=4 * COUNT, probability=0.01, loading=sqrt(0.3))
    likely(tally.defaults[2], 5.563285e-4, 4 * COUNT)
