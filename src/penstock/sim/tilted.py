"""Scenarios drawn from a mixture of the model and tilted models, a tile at a time.

    which way -> mixing variable -> factors -> defaulters -> losses -> weights

In bad times a good part of the members defaults, so that every member is looked at: member by member over the
scenarios of the tile, without branches, in the processor's vectors. The likelihood ratio of who defaults is
that of the members' conditional probabilities, nothing else.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.sim.defaults import amounts_in, latents_of
from penstock.sim.draws import (
    CANDIDATE,
    FACTOR,
    LOSS,
    MIXING,
    PLAN,
    chi_squares_of,
    uniforms_of,
)
from penstock.sim.jit import borrowed, kernel
from penstock.sim.model import BLOCK, DEGREES, JUMP, LOADING, OWN_LATENT, THRESHOLD
from penstock.sim.normals import chances_of, exponential, logarithm, normals_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Ways(NamedTuple):
    """The model f of M members in K blocks, and C tilted ones g beside it: the ways of a mixture.

    ``chance``: C + 1, of a scenario to be drawn in this way or one before it. The others have a row a way,
    the model itself first. ``shift``: x (K + 1), of the normals of the factors and of the market. ``scale``:
    of the mixing variable. ``odds``: x M, by which the odds of default are multiplied, from 1 / 1000 to
    1000; ``loss``: x M, the shift of a defaulter's own shock.
    """

    chance: Floats
    shift: Floats
    scale: Floats
    odds: Floats
    loss: Floats


TILE = 128
"""Scenarios that are drawn together."""


class Tile(NamedTuple):
    """What is drawn of T = TILE scenarios of M members in K blocks in C tilted ways, and room for the work.

    ``numbers``: T, the scenarios; ``work``, ``u``, ``v``: T, for work. ``way``: T, in which each is drawn;
    ``ratio``: C x T, the logarithms of f / g; ``product``: C x T, a part of f / g not yet in it; ``weight``:
    T. ``mixing``: T, sqrt(W / nu), one under a Gaussian copula; ``z``, ``g``: (K + 1) x T, the independent
    normals and the factors, the market's last; ``market``: T, with the jumps. ``chance``: M x T, the
    conditional probabilities of default; ``uniform``: (M or M + 1) x T; ``counts``: T, how many default;
    ``defaulted``: T x (M + 1), who.

    By default, one scenario after another: ``ids``, who; ``of``, the scenario's position; ``scenario``;
    ``shock``, its own; ``losses``, in minor units; ``loss_u``, ``loss_v``, for work.
    """

    numbers: Ints
    work: Ints
    way: Ints
    counts: Ints
    u: Floats
    v: Floats
    weight: Floats
    mixing: Floats
    market: Floats
    ratio: Floats
    product: Floats
    z: Floats
    g: Floats
    chance: Floats
    uniform: Floats
    defaulted: Ints
    ids: Ints
    of: Ints
    scenario: Ints
    losses: Ints
    loss_u: Floats
    loss_v: Floats
    shock: Floats


@kernel
def tile_of(m, ways):
    """Room for a tile."""
    members, tilted = len(m.member), len(ways.scale) - 1
    by_scenario, by_default = np.zeros((4, TILE), np.int64), np.zeros((4, TILE * members), np.int64)
    shared, drawn = np.zeros((5, TILE)), np.zeros((3, TILE * members))
    by_way, by_block = np.zeros((2, tilted, TILE)), np.zeros((2, len(m.factors), TILE))
    return Tile(
        numbers=by_scenario[0],
        work=by_scenario[1],
        way=by_scenario[2],
        counts=by_scenario[3],
        u=shared[0],
        v=shared[1],
        weight=shared[2],
        mixing=shared[3],
        market=shared[4],
        ratio=by_way[0],
        product=by_way[1],
        z=by_block[0],
        g=by_block[1],
        chance=np.zeros((members, TILE)),
        uniform=np.zeros((members + members % 2, TILE)),
        defaulted=np.zeros((TILE, members + 1), np.int64),
        ids=by_default[0],
        of=by_default[1],
        scenario=by_default[2],
        losses=by_default[3],
        loss_u=drawn[0],
        loss_v=drawn[1],
        shock=drawn[2],
    )


@kernel
def draw(m, ways, key, size, tile):
    """Fill in the first ``size`` scenarios of the tile, whose numbers stand in it."""
    ways_in(ways, key, tile)
    mixing_in(m, ways, key, tile)
    factors_in(m, ways, key, tile)
    defaults_in(m, ways, key, tile)
    losses_in(m, ways, key, size, tile)
    weights_in(ways, tile)


@kernel
def ways_in(ways, key, tile):
    """Fill in which way each scenario is drawn."""
    tile.work[:] = 0
    uniforms_of(key, tile.numbers, PLAN, tile.work, tile.u, tile.v)
    tile.way[:] = 0
    for c in range(len(tile.ratio)):
        for s in range(TILE):
            tile.way[s] += 1 if tile.u[s] >= ways.chance[c] else 0
    tile.ratio[:] = 0.0
    tile.product[:] = 1.0


@kernel
def mixing_in(m, ways, key, tile):
    """Fill in sqrt(W / nu), and the logarithms of f / g of it."""
    mixing, degrees = tile.mixing, m.numbers[DEGREES]
    if degrees == 0.0:
        mixing[:] = 1.0
        return
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
    for b in range(len(tile.z)):
        tile.work[:] = b
        uniforms_of(key, tile.numbers, FACTOR, tile.work, tile.u, tile.v)
        z, g = tile.z[b], tile.g[b]
        normals_of(tile.u, z)
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


FOLD = 64
"""So many likelihood ratios of members, each between 1 / 1000 and 1000, are multiplied before a logarithm."""


@kernel
def defaults_in(m, ways, key, tile):
    """Fill in who defaults, and the logarithms of f / g of it.

    With the odds of its probability p multiplied by o a member defaults with q = p o / (1 + p (o - 1)), so
    f / g is (1 + p (o - 1)) / o where it defaults, and 1 + p (o - 1) where it does not.
    """
    counts, defaulted, x, hit = borrowed(tile.counts), borrowed(tile.defaulted), tile.u, tile.work
    for j in range(len(tile.uniform) // 2):
        tile.work[:] = j
        uniforms_of(key, tile.numbers, CANDIDATE, tile.work, tile.uniform[2 * j], tile.uniform[2 * j + 1])
    counts[:] = 0
    folded = 0
    for i in range(len(m.member)):
        threshold, loading, own = m.member[i, THRESHOLD], m.member[i, LOADING], m.member[i, OWN_LATENT]
        g, u, p = tile.g[int(m.member[i, BLOCK])], tile.uniform[i], tile.chance[i]
        for s in range(TILE):
            x[s] = (threshold * tile.mixing[s] - loading * g[s]) / own
        chances_of(x, p)
        if (ways.odds[:, i] != 1.0).any():
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
            defaulted[s, counts[s]] = i
            counts[s] += hit[s]
    fold(tile.product, tile.ratio)
    return len(tile.defaulted)  # kept until here


@kernel
def fold(product, ratio):
    """Add the logarithms of the products, and begin with one again."""
    for c in range(len(product)):
        for s in range(TILE):
            ratio[c, s] += logarithm(product[c, s])
            product[c, s] = 1.0


@kernel
def losses_in(m, ways, key, size, tile):
    """Fill in the jumps and the losses, and the logarithms of f / g of the defaulters' own shocks."""
    loss, ratio = borrowed(ways.loss), tile.ratio
    market = tile.market
    n = 0
    for s in range(size):
        market[s] = tile.g[len(tile.g) - 1, s]
        for j in range(tile.counts[s]):
            i = tile.defaulted[s, j]
            market[s] += m.member[i, JUMP]
            tile.ids[n], tile.of[n], tile.scenario[n] = i, s, tile.numbers[s]
            n += 1
    ids, of, scenario, shock = tile.ids[:n], tile.of[:n], tile.scenario[:n], tile.shock[:n]
    u, v = tile.loss_u[:n], tile.loss_v[:n]
    uniforms_of(key, scenario, LOSS, ids, u, v)
    normals_of(v, shock)
    for j in range(n):
        i, s = ids[j], of[j]
        shock[j] += loss[tile.way[s], i]
        for c in range(len(ratio)):
            shift = loss[c + 1, i]
            ratio[c, s] -= shift * (shock[j] - 0.5 * shift)
        v[j] = tile.chance[i, s]
    latents_of(m.member, ids, of, tile.g, u, v, u)
    amounts_in(m, key, scenario, ids, of, tile.mixing, of, market, u, shock, v, tile.losses[:n])
    return len(ways.loss)  # kept until here


@kernel
def weights_in(ways, tile):
    """Fill in the weights, f by the mixture of f and all g: at most one by the chance of the model itself."""
    tile.weight[:] = ways.chance[0]
    for c in range(len(tile.ratio)):
        chance = ways.chance[c + 1] - ways.chance[c]
        for s in range(TILE):
            tile.weight[s] += chance * exponential(min(max(-tile.ratio[c, s], -700.0), 700.0))
    for s in range(TILE):
        tile.weight[s] = 1.0 / tile.weight[s]
