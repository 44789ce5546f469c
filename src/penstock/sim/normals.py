"""The standard normal distribution: quantiles and probabilities, of one number and of many.

Of many the middle comes first, then the tails, both without branches, in the processor's vectors; what is
farther out than hardly any number goes one by one.
"""

import math

import numpy as np

from penstock.sim.jit import inlined, kernel

# --- logarithms and exponentials ----------------------------------------------------------------------

_WHOLE = 6755399441055744.0
"""Added to a number it leaves a whole one in the last bits."""
_LOG2E, _LN2_HIGH, _LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-1, 1.90821492927058770002e-10
_C = [1.0 / math.factorial(k) for k in range(14)]
(_C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11, _C12, _C13) = _C[3:]


@inlined
def exponential(y):
    """The exponential of a number from -700 to 700: two to a whole power, and a polynomial of the rest."""
    shifted = y * _LOG2E + _WHOLE
    whole = shifted - _WHOLE
    r = (y - whole * _LN2_HIGH) - whole * _LN2_LOW
    s = (((((_C13 * r + _C12) * r + _C11) * r + _C10) * r + _C9) * r + _C8) * r + _C7
    s = ((((s * r + _C6) * r + _C5) * r + _C4) * r + _C3) * r + 0.5
    return ((s * r + 1.0) * r + 1.0) * np.int64(
        (np.float64(shifted).view(np.int64) << 52) + (1023 << 52)
    ).view(np.float64)


_L1, _L2, _L3, _L4, _L5, _L6, _L7 = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)


@inlined
def logarithm(x):
    """The logarithm of a number above 2^-1022, finite: of its power of two, and of the rest f + 1.

    log(1 + f) by a polynomial in the square of f / (2 + f), with the coefficients of FreeBSD's e_log.c.
    """
    word = np.float64(x).view(np.int64)
    above = (word & 0xFFFFFFFFFFFFF) + 0x95F6400000000 >> 52  # one, from the root of two on
    power = float((word >> 52) - 1023 + above)
    f = np.int64((word & 0xFFFFFFFFFFFFF) | (1023 - above << 52)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    rest = w * (_L2 + w * (_L4 + w * _L6)) + z * (_L1 + w * (_L3 + w * (_L5 + w * _L7)))
    half = 0.5 * f * f
    return power * _LN2_HIGH - ((half - (s * (half + rest) + power * _LN2_LOW)) - f)


# --- quantiles ----------------------------------------------------------------------------------------

MIDDLE = 0.425
"""So far from one half the quantile is a quotient of polynomials without a logarithm."""


@inlined
def middle(q):
    """The quantile of one half and ``q``, which is at most MIDDLE off zero."""
    r = 0.180625 - q * q
    above = (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r
                  + 6.7265770927008700853e4) * r + 4.5921953931549871457e4) * r
                + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
              + 1.3314166789178437745e2) * r + 3.3871328727963666080e0)  # fmt: skip
    below = (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r
                  + 3.9307895800092710610e4) * r + 2.1213794301586595867e4) * r
                + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
              + 4.2313330701600911252e1) * r + 1.0)  # fmt: skip
    return q * above / below


@inlined
def root_of(u):
    """The root of -log of the probability of the nearer tail."""
    return math.sqrt(-logarithm(min(u, 1.0 - u)))


@inlined
def near_tail(r):
    """The quantile's distance from zero by ``root_of``, not in the middle, where that is at most 5."""
    r -= 1.6
    above = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r
                  + 2.41780725177450611770e-1) * r + 1.27045825245236838258e0) * r
                + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
              + 4.63033784615654529590e0) * r + 1.42343711074968357734e0)  # fmt: skip
    below = (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r
                  + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r
                + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
              + 2.05319162663775882187e0) * r + 1.0)  # fmt: skip
    return above / below


@inlined
def far_tail(r):
    """The same from 5 on."""
    r -= 5.0
    above = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r
                  + 1.24266094738807843860e-3) * r + 2.65321895265761230930e-2) * r
                + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
              + 5.46378491116411436990e0) * r + 6.65790464350110377720e0)  # fmt: skip
    below = (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r
                  + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4) * r
                + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
              + 5.99832206555887937690e-1) * r + 1.0)  # fmt: skip
    return above / below


@kernel
def normal(u):
    """The quantile, relative error about 1e-16: Wichura, AS 241, PPND16."""
    if abs(u - 0.5) <= MIDDLE:
        return middle(u - 0.5)
    r = root_of(u)
    found = near_tail(r) if r <= 5.0 else far_tail(r)
    return -found if u < 0.5 else found


@kernel
def normals_of(u, z):
    """The quantiles of many."""
    tails, r, found = np.empty(len(u), np.int64), np.empty(len(u)), np.empty(len(u))
    n = 0
    for i in range(len(u)):
        z[i] = middle(u[i] - 0.5)
    for i in range(len(u)):
        tails[n], r[n] = i, u[i]
        n += 0 if abs(u[i] - 0.5) <= MIDDLE else 1
    for j in range(n):
        r[j] = root_of(r[j])
    for j in range(n):
        found[j] = near_tail(r[j])
    for j in range(n):
        far = far_tail(r[j]) if r[j] > 5.0 else found[j]
        z[tails[j]] = -far if u[tails[j]] < 0.5 else far


# --- probabilities ------------------------------------------------------------------------------------

FAR = 6.0
"""So far from zero the quotient of polynomials has nine digits and more; up to 4 it has twelve."""
ROOT_HALF = 0.7071067811865476


@inlined
def near_chance(x):
    """The probability below ``x``, which is at most FAR off zero; its digits: see FAR.

    Hart's formula 5666 (Computer Approximations, 1968, as West gives it, Better Approximations to
    Cumulative Normal Functions, Wilmott, 2005).
    """
    t = min(abs(x), FAR)
    above = ((((((3.52624965998911e-02 * t + 0.700383064443688) * t + 6.37396220353165) * t
                + 33.912866078383) * t + 112.079291497871) * t + 221.213596169931) * t
             + 220.206867912376)  # fmt: skip
    below = ((((((8.83883476483184e-02 * t + 1.75566716318264) * t + 16.064177579207) * t
                + 86.7807322029461) * t + 296.564248779674) * t + 637.333633378831) * t
             + 793.826512519948) * t + 440.413735824752  # fmt: skip
    tail = exponential(-0.5 * t * t) * above / below
    return tail if x < 0.0 else 1.0 - tail


@kernel
def chances_of(x, p):
    """The probabilities below many."""
    for i in range(len(x)):
        p[i] = near_chance(x[i])
    for i in range(len(x)):
        if not abs(x[i]) < FAR:
            p[i] = 0.5 * math.erfc(-x[i] * ROOT_HALF)
