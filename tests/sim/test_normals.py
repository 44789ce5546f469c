"""The normal distribution of the kernels, against SciPy and the C library."""

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from penstock.sim import normals
from penstock.sim.candidates import MOST_RATE
from penstock.sim.defaults import one_less_exponential
from penstock.sim.normals import FAR, chances_of, normal, normals_of

RNG = np.random.default_rng(3)
TAILS = 10.0 ** RNG.uniform(-15.9, 0.0, 20_000)
UNIFORMS = np.concatenate([RNG.random(20_000), TAILS, 1 - TAILS[TAILS > 1e-15], [0.5, 2**-53, 1 - 2**-53]])


def test_quantiles_of_many_and_of_one() -> None:
    """In the middle, in the tails, and as far out as uniform numbers of 52 bits go."""
    u = UNIFORMS[(UNIFORMS > 0) & (UNIFORMS < 1)]
    found = np.zeros_like(u)
    normals_of(u, found)
    np.testing.assert_allclose(found, ndtri(u), rtol=4e-15, atol=1e-16)
    assert found.tolist() == [normal(one) for one in u]
    assert found.tolist() == [normal.py_func(one) for one in u]


def test_probabilities_of_many() -> None:
    """Also far from zero, and for those who never or always default."""
    x = np.concatenate([np.linspace(-FAR, FAR, 20_001), np.linspace(-37, 37, 2_001), [-np.inf, np.inf]])
    found = np.zeros_like(x)
    chances_of(x, found)
    near = np.abs(x) < 4.0
    np.testing.assert_allclose(found[near], ndtr(x[near]), rtol=1e-12, atol=0)
    np.testing.assert_allclose(found, ndtr(x), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize(
    ("ours", "theirs", "numbers"),
    [
        (
            normals.logarithm,
            math.log,
            [*RNG.random(5_000), *(10.0 ** RNG.uniform(-300, 300, 5_000)), 1.0, 2.0],
        ),
        (
            normals.logarithm,
            math.log,
            [*np.exp(RNG.uniform(-1e-3, 1e-3, 5_000)), math.sqrt(2), math.sqrt(0.5)],
        ),
        (normals.exponential, math.exp, [*RNG.uniform(-700, 700, 5_000), *RNG.uniform(-1, 1, 5_000), 0.0]),
        (one_less_exponential, lambda x: -math.expm1(-x), [*RNG.uniform(0, MOST_RATE, 5_000), 0.0, 1e-300]),
    ],
)
def test_functions_of_the_c_library(ours, theirs, numbers) -> None:  # type: ignore[no-untyped-def]
    """To two units in the last place; they are ours so that they run in the processor's vectors."""
    for one in numbers:
        exact = theirs(float(one))
        assert abs(float(ours.py_func(one)) - exact) <= 2 * math.ulp(exact), one
