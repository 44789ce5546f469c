"""Random numbers that depend on nothing but the seed, the scenario and what they are for.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): a block of 128 bits is a function of a key, here the
seed, and a counter, here (scenario low, scenario high, purpose, index). So any worker can draw any scenario,
in any order, and gets the same bits.
"""

import math

import numpy as np

from penstock.sim.jit import inlined, kernel
from penstock.sim.normals import logarithm, normal

# What a draw is for: the third word of the counter.
FACTOR, MIXING, CANDIDATE, LOSS, OWN_MIXING, ABILITY, BID, PLAN, COUNT = range(9)

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


@kernel
def chi_squares_of(key, scenarios, purpose, degrees, w):
    """Chi-square numbers of many scenarios."""
    half = 0.5 * degrees
    if half in (1.0, 2.0, 3.0, 4.0):
        products_of(key, scenarios, np.uint64(purpose), half, w)
        for i in range(len(w)):
            w[i] = -2.0 * logarithm(w[i])
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
        return -2.0 * logarithm(product)
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
