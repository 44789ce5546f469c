"""Scenarios drawn from a mixture of the model and a tilted model, a tile at a time.

In bad times a good part of the members defaults, so that every member is looked at: without branches, in the
processor's vectors, member by member over the scenarios of the tile. That also gives the likelihood ratio of
who defaults in full, by the members' conditional probabilities alone.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.sim.defaults import amount_of
from penstock.sim.draws import (
    CANDIDATE,
    FACTOR,
    LOSS,
    MIXING,
    PLAN,
    chi_squares_of,
    normal,
    normals_of,
    uniforms_of,
)
from penstock.sim.jit import borrowed, inlined, kernel
from penstock.sim.model import BLOCK, DEGREES, JUMP, LOADING, OWN_LATENT, THRESHOLD, WRONG_WAY

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Ways(NamedTuple):
    """The model of M members in K blocks as it is, and C tilted ones beside it: the ways of a mixture.

    ``chance``: C + 1, of a scenario to be drawn in this way or one before it. Rows of the others are the
    ways, the model itself first. ``shift``: x (K + 1), of the normals of the factors and of the market.
    ``scale``: of the mixing variable. ``odds``: x M, by which the odds of default are multiplied; ``loss``:
    x M, the shift of a defaulter's own shock.
    """

    chance: Floats
    shift: Floats
    scale: Floats
    odds: Floats
    loss: Floats


TILE = 128
"""Scenarios that are drawn together."""
MIXING_ROW, MARKET_ROW, FIRST, SECOND = range(4)


class Tile(NamedTuple):
    """What is drawn of T = TILE scenarios of M members in K blocks in C ways, and room for the work.

    ``numbers``: T, the scenarios; ``work``: T; ``way``: T, the way that each is drawn in. ``shared``: 4 x T,
    sqrt(W / nu), the market factor with its jumps, and two rows for uniforms. ``ratio``: C x T, the
    logarithms of f / g of each tilted way; ``product``: C x T, parts of them not yet in it. ``z``, ``g``:
    (K + 1) x T, the normals and the factors, the market's last. ``chance``: M x T, the conditional
    probabilities of default; ``u``: (M or M + 1) x T. ``count``: T, and ``ids``: T x (M + 1), how many
    default, and who. By default, one scenario after another: ``flat``, 3 x TM, who, position and number of
    its scenario; ``own``: 3 x TM, two uniforms, its own shock; ``losses``: TM.
    """

    numbers: Ints
    work: Ints
    way: Ints
    shared: Floats
    ratio: Floats
    product: Floats
    z: Floats
    g: Floats
    chance: Floats
    u: Floats
    count: Ints
    ids: Ints
    flat: Ints
    own: Floats
    losses: Ints


@kernel
def tile_of(members, blocks, ways):
    """Room for a tile."""
    whole = TILE * members
    return Tile(
        numbers=np.zeros(TILE, np.int64),
        work=np.zeros(TILE, np.int64),
        way=np.zeros(TILE, np.int64),
        shared=np.zeros((4, TILE)),
        ratio=np.zeros((ways, TILE)),
        product=np.zeros((ways, TILE)),
        z=np.zeros((blocks + 1, TILE)),
        g=np.zeros((blocks + 1, TILE)),
        chance=np.zeros((members, TILE)),
        u=np.zeros((members + members % 2, TILE)),
        count=np.zeros(TILE, np.int64),
        ids=np.zeros((TILE, members + 1), np.int64),
        flat=np.zeros((3, whole), np.int64),
        own=np.zeros((3, whole)),
        losses=np.zeros(whole, np.int64),
    )


@kernel
def drawn(m, ways, key, size, tile):
    """Fill in the first ``size`` scenarios of the tile, whose numbers stand in it."""
    way_of(ways, key, tile)
    mixing_in(m, ways, key, tile)
    factors_in(m, ways, key, tile)
    defaults_in(m, ways, key, tile)
    losses_in(m, ways, key, size, tile)


@kernel
def way_of(ways, key, tile):
    """Fill in which way each scenario is drawn."""
    u, v = tile.shared[FIRST], tile.shared[SECOND]
    tile.work[:] = 0
    uniforms_of(key, tile.numbers, PLAN, tile.work, u, v)
    tile.way[:] = 0
    for c in range(len(ways.chance) - 1):
        for s in range(TILE):
            tile.way[s] += 1 if u[s] >= ways.chance[c] else 0
    tile.ratio[:] = 0.0
    tile.product[:] = 1.0


@kernel
def mixing_in(m, ways, key, tile):
    """Fill in sqrt(W / nu), one under a Gaussian copula, and the logarithms of f / g of it."""
    mixing, degrees = tile.shared[MIXING_ROW], m.numbers[DEGREES]
    mixing[:] = 1.0
    if degrees > 0.0:
        chi_squares_of(key, tile.numbers, MIXING, degrees, mixing)
        for s in range(TILE):
            mixing[s] *= ways.scale[tile.way[s]]
        for c in range(len(tile.ratio)):
            scale = ways.scale[c + 1]
            log = 0.5 * degrees * math.log(scale)
            for s in range(TILE):
                tile.ratio[c, s] += log + 0.5 * mixing[s] * (1.0 / scale - 1.0)
        for s in range(TILE):
            mixing[s] = math.sqrt(mixing[s] / degrees)


@kernel
def factors_in(m, ways, key, tile):
    """Fill in the factors and the market before any jump, and the logarithms of f / g of them."""
    u, v = tile.shared[FIRST], tile.shared[SECOND]
    for b in range(len(tile.z)):
        tile.work[:] = b
        uniforms_of(key, tile.numbers, FACTOR, tile.work, u, v)
        z, g = tile.z[b], tile.g[b]
        normals_of(u, z)
        for s in range(TILE):
            z[s] += ways.shift[tile.way[s], b]
        for c in range(len(tile.ratio)):
            shift = ways.shift[c + 1, b]
            for s in range(TILE):
                tile.ratio[c, s] -= shift * (z[s] - 0.5 * shift)
        g[:] = 0.0
        for j in range(b + 1):
            for s in range(TILE):
                g[s] += m.factors[b, j] * tile.z[j, s]


FOLD = 16
"""So many likelihood ratios of members are multiplied before a logarithm; odds are less than 10^9."""


@kernel
def defaults_in(m, ways, key, tile):
    """Fill in who defaults, and the logarithms of f / g of it.

    With the odds of its probability p multiplied by o a member defaults with q = p o / (1 + p (o - 1)), so
    f / g is (1 + p (o - 1)) / o where it defaults, and 1 + p (o - 1) where it does not.
    """
    mixing, x, hit = tile.shared[MIXING_ROW], tile.shared[FIRST], tile.work
    count, ids = borrowed(tile.count), borrowed(tile.ids)
    for j in range(len(tile.u) // 2):
        tile.work[:] = j
        uniforms_of(key, tile.numbers, CANDIDATE, tile.work, tile.u[2 * j], tile.u[2 * j + 1])
    count[:] = 0
    folded = 0
    for i in range(len(m.member)):
        threshold, loading, own = m.member[i, THRESHOLD], m.member[i, LOADING], m.member[i, OWN_LATENT]
        g, u, p = tile.g[int(m.member[i, BLOCK])], tile.u[i], tile.chance[i]
        for s in range(TILE):
            x[s] = (threshold * mixing[s] - loading * g[s]) / own
        normal_chances(x, p)
        if multiplied(ways.odds, i):
            for s in range(TILE):
                odds = ways.odds[tile.way[s], i]
                hit[s] = 1 if u[s] * (1.0 + p[s] * (odds - 1.0)) < p[s] * odds else 0
            for c in range(len(tile.product)):
                odds, product = ways.odds[c + 1, i], tile.product[c]
                for s in range(TILE):
                    product[s] *= (1.0 + p[s] * (odds - 1.0)) * (1.0 / odds if hit[s] else 1.0)
            folded += 1
            if folded % FOLD == 0:
                fold(tile.product, tile.ratio)
        else:
            for s in range(TILE):
                hit[s] = 1 if u[s] < p[s] else 0
        for s in range(TILE):
            ids[s, count[s]] = i
            count[s] += hit[s]
    if folded % FOLD:
        fold(tile.product, tile.ratio)
    return len(tile.ids)  # kept until here


@kernel
def multiplied(odds, i):
    """Whether any way multiplies member i's odds."""
    for c in range(len(odds)):
        if odds[c, i] != 1.0:
            return True
    return False


@kernel
def fold(product, ratio):
    """Add the logarithms of the products, and begin with one again."""
    for c in range(len(product)):
        for s in range(TILE):
            ratio[c, s] += math.log(product[c, s])
            product[c, s] = 1.0


@kernel
def losses_in(m, ways, key, size, tile):
    """Fill in the jumps and the losses, and the logarithms of f / g of the defaulters' own shocks."""
    member, numbers, loss = borrowed(m.member), borrowed(m.numbers), borrowed(ways.loss)
    ids, position, scenario = tile.flat[0], tile.flat[1], tile.flat[2]
    n, market = 0, tile.shared[MARKET_ROW]
    for s in range(size):
        market[s] = tile.g[len(tile.g) - 1, s]
        for j in range(tile.count[s]):
            i = tile.ids[s, j]
            market[s] += member[i, JUMP]
            ids[n], position[n], scenario[n] = i, s, tile.numbers[s]
            n += 1
    u, v, h = tile.own[0, :n], tile.own[1, :n], tile.own[2, :n]
    uniforms_of(key, scenario[:n], LOSS, ids[:n], u, v)
    normals_of(v, h)
    mixing = tile.shared[MIXING_ROW]
    for j in range(n):
        i, s = ids[j], position[j]
        h[j] += loss[tile.way[s], i]
        for c in range(len(tile.ratio)):
            shift = loss[c + 1, i]
            tile.ratio[c, s] -= shift * (h[j] - 0.5 * shift)
        latent = 0.0
        if member[i, WRONG_WAY] != 0.0:
            latent = member[i, LOADING] * tile.g[int(member[i, BLOCK]), s]
            latent += member[i, OWN_LATENT] * normal(u[j] * tile.chance[i, s])
        tile.losses[j] = amount_of(
            member, numbers, key, np.uint64(scenario[j]), i, latent, h[j], mixing[s], market[s]
        )
    return len(m.member) + len(m.numbers) + len(ways.loss)  # kept until here


@kernel
def weight_in(ways, tile, s):
    """The weight f / (chance f + the tilted ones' chances g) of the scenario in position s."""
    inverse = ways.chance[0]
    for c in range(len(tile.ratio)):
        inverse += (ways.chance[c + 1] - ways.chance[c]) * math.exp(min(-tile.ratio[c, s], 700.0))
    return 1.0 / inverse


# --- the normal distribution --------------------------------------------------------------------------

FAR = 6.0
"""So far from zero the quotient of polynomials has twelve digits and more."""
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


@kernel
def normal_chances(x, p):
    """The standard normal probabilities below ``x``: the middle in the processor's vectors, then the tails.

    Relative error below 1e-12. Hart's formula 5666 (Computer Approximations, 1968, as West gives it, Better
    Approximations to Cumulative Normal Functions, Wilmott, 2005).
    """
    for i in range(len(x)):
        t = min(abs(x[i]), FAR)
        above = (((((3.52624965998911e-02 * t + 0.700383064443688) * t + 6.37396220353165) * t
                   + 33.912866078383) * t + 112.079291497871) * t + 221.213596169931) * t
        above += 220.206867912376
        below = ((((((8.83883476483184e-02 * t + 1.75566716318264) * t + 16.064177579207) * t
                    + 86.7807322029461) * t + 296.564248779674) * t + 637.333633378831) * t
                 + 793.826512519948) * t + 440.413735824752  # fmt: skip
        tail = exponential(-0.5 * t * t) * above / below
        p[i] = tail if x[i] < 0.0 else 1.0 - tail
    for i in range(len(x)):
        if not abs(x[i]) < FAR:
            p[i] = 0.5 * math.erfc(-x[i] * 0.7071067811865476)
