"""Random numbers that depend on nothing but the seed, the scenario and what they are for.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): a block of 128 bits is a function of a key, here the
seed, and a counter, here (scenario low, scenario high, purpose, index). So any worker can draw any scenario,
in any order, and gets the same bits. Normals are by inversion (Wichura, AS 241, PPND16).
"""

import math

import numpy as np

from penstock.sim.jit import inlined, kernel

# What a draw is for: the third word of the counter.
FACTOR, MIXING, CANDIDATE, LOSS, OWN_MIXING, ABILITY, BID, PLAN = range(8)

_LOW = np.uint64(0xFFFFFFFF)
_MUL0, _MUL1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL0, _WEYL1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_32 = np.uint64(32)


@inlined
def philox(key, scenario, purpose, index):
    """Four words of 32 bits, each in a uint64; all arguments are uint64."""
    c0 = scenario & _LOW
    c1 = scenario >> _32
    c2 = purpose
    c3 = index
    k0 = key & _LOW
    k1 = key >> _32
    for _ in range(10):
        p0 = _MUL0 * c0
        p1 = _MUL1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + _WEYL0) & _LOW
        k1 = (k1 + _WEYL1) & _LOW
    return c0, c1, c2, c3


@inlined
def uniform(high, low):
    """A uniform number in the open interval (0, 1) from two words: 52 bits and a half, exactly."""
    return (float(high >> np.uint64(6)) * 67108864.0 + float(low >> np.uint64(6)) + 0.5) / 4503599627370496.0


@kernel
def two_uniforms(key, scenario, purpose, index):
    """Two uniform numbers of one block."""
    a, b, c, d = philox(key, scenario, np.uint64(purpose), np.uint64(index))
    return uniform(a, b), uniform(c, d)


@inlined
def octave_bin(amount, bits):
    """The bin of a number above zero: 2^bits an octave, evenly wide in it, the first from one on."""
    return (np.float64(amount).view(np.int64) >> (52 - bits)) - (1023 << bits)


@kernel
def uniforms_of(key, scenarios, purpose, indices, u, v):
    """The same of many blocks, several at a time in the processor's vectors."""
    for i in range(len(scenarios)):
        a, b, c, d = philox(key, np.uint64(scenarios[i]), np.uint64(purpose), np.uint64(indices[i]))
        u[i] = uniform(a, b)
        v[i] = uniform(c, d)


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


@kernel
def normals_of(u, z):
    """The quantiles of many: the middle of all in the processor's vectors, then the tails."""
    for i in range(len(u)):
        z[i] = middle(u[i] - 0.5)
    for i in range(len(u)):
        if not abs(u[i] - 0.5) <= MIDDLE:
            z[i] = normal(u[i])


@kernel
def normal(u):
    """The quantile of the standard normal distribution, relative error about 1e-16."""
    q = u - 0.5
    if abs(q) <= MIDDLE:
        return middle(q)
    r = math.sqrt(-math.log(u if q < 0.0 else 1.0 - u))
    if r <= 5.0:
        r -= 1.6
        above = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r
                      + 2.41780725177450611770e-1) * r + 1.27045825245236838258e0) * r
                    + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
                  + 4.63033784615654529590e0) * r + 1.42343711074968357734e0)  # fmt: skip
        below = (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r
                      + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r
                    + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
                  + 2.05319162663775882187e0) * r + 1.0)  # fmt: skip
    else:
        r -= 5.0
        above = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r
                      + 1.24266094738807843860e-3) * r + 2.65321895265761230930e-2) * r
                    + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
                  + 5.46378491116411436990e0) * r + 6.65790464350110377720e0)  # fmt: skip
        below = (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r
                      + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4) * r
                    + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
                  + 5.99832206555887937690e-1) * r + 1.0)  # fmt: skip
    found = above / below
    return -found if q < 0.0 else found


@kernel
def chi_squares_of(key, scenarios, purpose, degrees, w):
    """Chi-square numbers of many scenarios."""
    half = 0.5 * degrees
    if half in (1.0, 2.0, 3.0, 4.0):
        products_of(key, scenarios, np.uint64(purpose), half, w)
        for i in range(len(w)):
            w[i] = -2.0 * math.log(w[i])
    else:
        for i in range(len(w)):
            w[i] = chi_square(key, np.uint64(scenarios[i]), purpose, 0, degrees)


@kernel
def products_of(key, scenarios, purpose, half, w):
    """The products of uniforms in chi-square numbers with an even number of degrees up to 8."""
    for i in range(len(w)):
        a, b, c, d = philox(key, np.uint64(scenarios[i]), purpose, np.uint64(0))
        w[i] = uniform(a, b) if half == 1.0 else uniform(a, b) * uniform(c, d)
    if half > 2.0:
        for i in range(len(w)):
            a, b, c, d = philox(key, np.uint64(scenarios[i]), purpose, np.uint64(1))
            w[i] *= uniform(a, b) if half == 3.0 else uniform(a, b) * uniform(c, d)


@kernel
def chi_square(key, scenario, purpose, index, degrees):
    """A chi-square number with any ``degrees`` of freedom above 0; blocks are counted from index * 2^20.

    Even degrees up to 8 are -2 log of a product of uniforms. Others are twice a gamma number by rejection
    (Marsaglia and Tsang, 2000), below two degrees through the shape one higher.
    """
    first = np.uint64(index) << np.uint64(20)
    half = 0.5 * degrees
    if half in (1.0, 2.0, 3.0, 4.0):
        u, v = two_uniforms(key, scenario, purpose, first)
        product = u if half == 1.0 else u * v
        if half > 2.0:
            u, v = two_uniforms(key, scenario, purpose, first + np.uint64(1))
            product *= u if half == 3.0 else u * v
        return -2.0 * math.log(product)
    shape = half if half >= 1.0 else half + 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    block = first
    while True:
        block += np.uint64(1)
        u, v = two_uniforms(key, scenario, purpose, block)
        x = normal(u)
        t = 1.0 + c * x
        if t <= 0.0:
            continue
        t = t * t * t
        if math.log(v) < 0.5 * x * x + d - d * t + d * math.log(t):
            break
    found = 2.0 * d * t
    if half < 1.0:
        u, v = two_uniforms(key, scenario, purpose, first)
        found *= math.exp(math.log(u) / half)
    return found
