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


class Tilt(NamedTuple):
    """The tilted model of M members in K blocks.

    ``shift``: K + 1, of the normals of the factors and of the market. ``odds``: M, by which the odds of
    default are multiplied; ``loss``: M, the shift of a defaulter's own shock. ``numbers``: the scale of the
    mixing variable, and the share of scenarios that are drawn from the model itself.
    """

    shift: Floats
    odds: Floats
    loss: Floats
    numbers: Floats


TILE = 128
"""Scenarios that are drawn together."""
UNCHANGED, MIXING_ROW, MARKET_ROW, RATIO, PRODUCT, FIRST, SECOND = range(7)


class Tile(NamedTuple):
    """What is drawn of T = TILE scenarios of M members in K blocks, and room for the work.

    ``numbers``: T, the scenarios; ``work``: T. ``shared``: 7 x T, whether the scenario is drawn from the
    model itself, sqrt(W / nu), the market factor, the logarithm of f / g, a part of f / g as a product, and
    two rows for uniforms. ``z``, ``g``: (K + 1) x T, the normals and the factors, the market's last.
    ``chance``: M x T, the conditional probabilities of default; ``u``: (M or M + 1) x T. ``count``: T, and
    ``ids``: T x (M + 1), how many default, and who. By default, one scenario after another: ``flat``,
    3 x TM, who, position and number of its scenario; ``own``: 3 x TM, two uniforms, its own shock;
    ``losses``: TM.
    """

    numbers: Ints
    work: Ints
    shared: Floats
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
def tile_of(members, blocks):
    """Room for a tile."""
    whole = TILE * members
    return Tile(
        numbers=np.zeros(TILE, np.int64),
        work=np.zeros(TILE, np.int64),
        shared=np.zeros((7, TILE)),
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
def drawn(m, tilt, key, size, tile):
    """Fill in the first ``size`` scenarios of the tile, whose numbers stand in it; how many defaults."""
    shared_in(m, tilt, key, tile)
    defaults_in(m, tilt, key, tile)
    return losses_in(m, tilt, key, size, tile)


@kernel
def shared_in(m, tilt, key, tile):
    """Fill in what all members share, and the logarithm of f / g of it."""
    numbers, work = tile.numbers, tile.work
    unchanged, mixing, ratio = tile.shared[UNCHANGED], tile.shared[MIXING_ROW], tile.shared[RATIO]
    u, v = tile.shared[FIRST], tile.shared[SECOND]
    degrees, scale, share = m.numbers[DEGREES], tilt.numbers[0], tilt.numbers[1]
    work[:] = 0
    uniforms_of(key, numbers, PLAN, work, u, v)
    for i in range(TILE):
        unchanged[i] = 1.0 if u[i] < share else 0.0
    ratio[:] = 0.0
    mixing[:] = 1.0
    if degrees > 0.0:
        chi_squares_of(key, numbers, MIXING, degrees, mixing)
        for i in range(TILE):
            w = mixing[i] * (1.0 if unchanged[i] > 0.0 else scale)
            ratio[i] = 0.5 * degrees * math.log(scale) + 0.5 * w * (1.0 / scale - 1.0)
            mixing[i] = math.sqrt(w / degrees)
    for b in range(len(tile.z)):
        work[:] = b
        uniforms_of(key, numbers, FACTOR, work, u, v)
        z, g, shift = tile.z[b], tile.g[b], tilt.shift[b]
        normals_of(u, z)
        for i in range(TILE):
            z[i] += (1.0 - unchanged[i]) * shift
            ratio[i] -= shift * (z[i] - 0.5 * shift)
        g[:] = 0.0
        for j in range(b + 1):
            for i in range(TILE):
                g[i] += m.factors[b, j] * tile.z[j, i]


FOLD = 16
"""So many likelihood ratios of members, each between 1 / 200 and 200, are multiplied before a logarithm."""


@kernel
def defaults_in(m, tilt, key, tile):
    """Fill in who defaults, and the logarithm of f / g of it.

    With the odds of its probability p multiplied by o a member defaults with q = p o / (1 + p (o - 1)), so
    f / g is (1 + p (o - 1)) / o where it defaults, and 1 + p (o - 1) where it does not.
    """
    members = len(m.member)
    unchanged, mixing = tile.shared[UNCHANGED], tile.shared[MIXING_ROW]
    ratio, product = tile.shared[RATIO], tile.shared[PRODUCT]
    count, ids, work = borrowed(tile.count), borrowed(tile.ids), tile.work
    half = len(tile.u) // 2
    for j in range(half):
        work[:] = j
        uniforms_of(key, tile.numbers, CANDIDATE, work, tile.u[2 * j], tile.u[2 * j + 1])
    count[:] = 0
    product[:] = 1.0
    folded = 0
    x = tile.shared[FIRST]
    for i in range(members):
        threshold, loading, own = m.member[i, THRESHOLD], m.member[i, LOADING], m.member[i, OWN_LATENT]
        g, u, chance = tile.g[int(m.member[i, BLOCK])], tile.u[i], tile.chance[i]
        for s in range(TILE):
            x[s] = (threshold * mixing[s] - loading * g[s]) / own
        normal_chances(x, chance)
        odds = tilt.odds[i]
        for s in range(TILE):
            multiplied = 1.0 if unchanged[s] > 0.0 else odds
            x[s] = u[s] * (1.0 + chance[s] * (multiplied - 1.0)) - chance[s] * multiplied
        if odds != 1.0:
            for s in range(TILE):
                product[s] *= (1.0 + chance[s] * (odds - 1.0)) * (1.0 / odds if x[s] < 0.0 else 1.0)
            folded += 1
            if folded % FOLD == 0:
                fold(product, ratio)
        for s in range(TILE):
            ids[s, count[s]] = i
            count[s] += 1 if x[s] < 0.0 else 0
    if folded % FOLD:
        fold(product, ratio)
    return len(tile.ids)  # kept until here


@kernel
def fold(product, ratio):
    """Add the logarithms of the products, and begin with one again."""
    for s in range(len(product)):
        ratio[s] += math.log(product[s])
        product[s] = 1.0


@kernel
def losses_in(m, tilt, key, size, tile):
    """Fill in the losses and the markets, and the logarithm of f / g of the shocks; how many defaults."""
    member, numbers, loss = borrowed(m.member), borrowed(m.numbers), borrowed(tilt.loss)
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
    ratio, mixing, unchanged = tile.shared[RATIO], tile.shared[MIXING_ROW], tile.shared[UNCHANGED]
    for j in range(n):
        i, s = ids[j], position[j]
        shift = loss[i]
        if shift != 0.0:
            h[j] += (1.0 - unchanged[s]) * shift
            ratio[s] -= shift * (h[j] - 0.5 * shift)
        latent = 0.0
        if member[i, WRONG_WAY] != 0.0:
            latent = member[i, LOADING] * tile.g[int(member[i, BLOCK]), s]
            latent += member[i, OWN_LATENT] * normal(u[j] * tile.chance[i, s])
        tile.losses[j] = amount_of(
            member, numbers, key, np.uint64(scenario[j]), i, latent, h[j], mixing[s], market[s]
        )
    return n


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
