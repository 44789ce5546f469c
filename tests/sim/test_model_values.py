"""Layers and tails against closed forms of the distributions they are drawn from."""

from fractions import Fraction
from math import exp, sqrt
from statistics import NormalDist, fmean, stdev

import numpy as np
import pytest
from numpy.typing import NDArray

from penstock.sim.sizing import borne_by, skin_in_the_game, tail_mean

# --- T1.2: layers of 80, 30, 25 and 200 against an exponential loss with a mean of 40 ----------------------

MEAN, LAYERS = 40.0, (80, 30, 25, 200)


def exponential(count: int) -> NDArray[np.int64]:
    """Equally likely losses in millionths: the quantiles in the middle of ``count`` equal steps."""
    steps = (np.arange(count) + 0.5) / count
    found: NDArray[np.int64] = np.rint(-MEAN * np.log1p(-steps) * 1e6).astype(np.int64)
    return found


@pytest.mark.parametrize(
    ("layer", "printed", "attached"),
    [(0, 34.586589, 1.0), (1, 2.856297, 0.135335), (2, 1.188390, 0.063928), (3, 1.359502, 0.034218)],
)
def test_what_a_layer_bears_is_the_integral_of_being_reached(
    layer: int, printed: float, attached: float
) -> None:
    """E[x] is the integral of P(L > u) over the layer: m (exp(-a/m) - exp(-(a+c)/m))."""
    start, width = sum(LAYERS[:layer]), LAYERS[layer]
    exact = MEAN * (exp(-start / MEAN) - exp(-(start + width) / MEAN))
    assert exact == pytest.approx(printed, abs=5e-7)
    losses = exponential(400_000)
    borne = float(borne_by(losses, start * 10**6, width * 10**6)) / 1e6
    assert borne == pytest.approx(exact, abs=1e-5)
    # One layer up or down, and it would not be so.
    assert abs(float(borne_by(losses, (start + 1) * 10**6, width * 10**6)) / 1e6 - exact) > 1e-3
    assert float((losses > start * 10**6).mean()) == pytest.approx(attached, abs=3e-6)


def test_the_last_layer_is_exhausted_as_often_as_the_loss_is_beyond_all() -> None:
    losses = exponential(400_000)
    assert float((losses > sum(LAYERS) * 10**6).mean()) == pytest.approx(0.000231, abs=3e-6)
    assert exp(-sum(LAYERS) / MEAN) == pytest.approx(0.000231, abs=5e-7)


# --- T2.4: Gaussian losses --------------------------------------------------------------------------------

COVARIANCE = [[100, 30, 0], [30, 64, 10], [0, 10, 25]]
LEVEL = Fraction(99, 100)


def test_shares_of_a_gaussian_tail_are_those_of_euler() -> None:
    """ES = phi(z) / (1 - q) x sigma; the part of i is (C 1)_i / sigma of the same factor.

    C 1 is 130, 104 and 35, together 269: sigma is 16.401219, z 2.326348, the factor 2.665214, so ES is
    43.7128 and the parts 21.1251, 16.9001 and 5.6875. The tolerance is five standard errors, which the
    spread over forty seeded samples gives.
    """
    sums = [sum(row) for row in COVARIANCE]
    assert sums == [130, 104, 35]
    sigma = sqrt(sum(sums))
    normal = NormalDist()
    factor = normal.pdf(normal.inv_cdf(float(LEVEL))) / float(1 - LEVEL)
    exact = [factor * sigma, *(factor * one / sigma for one in sums)]
    assert exact == pytest.approx([43.7128, 21.1251, 16.9001, 5.6875], abs=6e-5)
    assert sum(exact[1:]) == pytest.approx(exact[0], rel=1e-12)

    random = np.random.default_rng(20240531)
    samples = []
    for _ in range(40):
        drawn = random.multivariate_normal([0, 0, 0], COVARIANCE, size=20_000)
        whole, parts = tail_mean(np.rint(drawn * 10_000).astype(np.int64), LEVEL)
        assert whole == sum(parts)
        samples.append([float(amount) / 10_000 for amount in (whole, *parts)])
    columns = list(zip(*samples, strict=True))
    errors = [stdev(column) / sqrt(len(column)) for column in columns]
    means = [fmean(column) for column in columns]
    assert max(errors) < 0.15
    assert all(abs(mean - one) < 5 * error for mean, one, error in zip(means, exact, errors, strict=True))
    # In proportion to each member's own tail it would not be so: 10, 8 and 5 of 23.
    own = [exact[0] * one / 23 for one in (10, 8, 5)]
    assert not any(
        abs(mean - one) < 5 * error for mean, one, error in zip(means[1:], own, errors[1:], strict=True)
    )


def test_a_tail_of_part_of_a_scenario_and_of_sums_beyond_one_word() -> None:
    rows = np.full((9, 2), 2**60, dtype=np.int64)
    assert tail_mean(rows, Fraction(1, 2)) == (Fraction(2**61), [Fraction(2**60)] * 2)
    # One tenth of four scenarios: less than half of the worst.
    few = np.array([[1, 2], [9, 4], [3, 3], [0, 0]], dtype=np.int64)
    assert tail_mean(few, Fraction(9, 10)) == (Fraction(13), [Fraction(9), Fraction(4)])


# --- T1.11: the second own capital ------------------------------------------------------------------------


@pytest.mark.parametrize(("percent", "amount"), [(10, 12), (17, 21), (25, 30)])
def test_the_second_own_capital_is_ten_to_a_quarter_of_the_risk_based_capital(
    percent: int, amount: int
) -> None:
    """Of 120: 12 to 30, rounded up to whole units, over funds of 300, 100 and 200."""
    funds = {"rates": 300, "power": 100, "equities": 200}
    found = skin_in_the_game(120, funds, Fraction(percent, 100))
    assert sum(found.values()) == amount
    assert all(abs(found[name] - Fraction(amount * size, 600)) < 1 for name, size in funds.items())
