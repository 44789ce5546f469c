"""Who defaults, and with which loss, drawn for many scenarios together; the work is by the defaults.

    what all members share -> blocks with candidates -> candidates -> defaulters -> market factors -> losses

Step by step over a tile of scenarios, not scenario by scenario: a step without branches takes several
scenarios at a time in the processor's vectors, and arrays are handed over once a tile.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.sim.defaults import (
    alive_of,
    amounts_in,
    candidates_in,
    chances_in,
    defaulters_in,
    latents_of,
    lines_of,
    looked_up,
    mixing_bin,
)
from penstock.sim.draws import CANDIDATE, FACTOR, LOSS, MIXING, chi_squares_of, uniforms_of
from penstock.sim.jit import borrowed, kernel
from penstock.sim.model import CANDIDATES, DEGREES, JUMP
from penstock.sim.normals import normals_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

TILE, ROOM = 2048, 8192
"""Scenarios that are drawn together, and candidates, beside the most of one scenario, that are in a piece."""


class Tile(NamedTuple):
    """What is drawn of T = TILE scenarios of K blocks, in pieces of at most R candidates.

    ``numbers``: T, the scenarios. ``work``, ``u``, ``v``: T, for work. ``mixing``: T, sqrt(W / nu), one under
    a Gaussian copula; ``rows``: the bin of W. By block, (K + 1) x T, ``how_many``, the uniform by which so
    many come up; ``z``, ``g``, the factors' independent normals, the factors; ``line``: K x T, the line of
    the tables. ``alive``: 3 x (KT + 1), the blocks that have candidates: position of the scenario, block,
    line. ``counts``: T, how many default; ``defaulted``: M, the last scenario in which each did.

    Of the scenarios of a piece in which anybody defaults: ``hit``, their positions; ``hit_numbers``;
    ``hit_counts``; ``market``, the market factor. Of its candidates, and then its defaults, one scenario
    after another: ``ids``, who; ``of``, the scenario's position; ``of_hit``, its position among the hit;
    ``scenario``; ``chance``, the conditional probability; ``losses``, in minor units; ``drawn_by``, ``row``,
    ``who``, ``drawn_u``, ``drawn_v``, ``shock``, for work.
    """

    numbers: Ints
    work: Ints
    rows: Ints
    counts: Ints
    hit: Ints
    hit_counts: Ints
    hit_numbers: Ints
    mixing: Floats
    market: Floats
    u: Floats
    v: Floats
    how_many: Floats
    z: Floats
    g: Floats
    line: Ints
    alive: Ints
    defaulted: Ints
    ids: Ints
    of: Ints
    of_hit: Ints
    scenario: Ints
    drawn_by: Ints
    row: Ints
    who: Ints
    losses: Ints
    drawn_u: Floats
    drawn_v: Floats
    shock: Floats
    chance: Floats


@kernel
def tile_of(m):
    """Room for a tile."""
    blocks, most = len(m.blocks) - 2, ROOM + int(m.numbers[CANDIDATES])
    by_scenario, by_candidate = np.zeros((7, TILE), np.int64), np.zeros((8, most), np.int64)
    shared, by_block = np.zeros((4, TILE)), np.zeros((3, blocks + 1, TILE))
    drawn = np.zeros((4, most))
    return Tile(
        numbers=by_scenario[0],
        work=by_scenario[1],
        rows=by_scenario[2],
        counts=by_scenario[3],
        hit=by_scenario[4],
        hit_counts=by_scenario[5],
        hit_numbers=by_scenario[6],
        mixing=shared[0],
        market=shared[1],
        u=shared[2],
        v=shared[3],
        how_many=by_block[0],
        z=by_block[1],
        g=by_block[2],
        line=np.zeros((blocks, TILE), np.int64),
        alive=np.zeros((3, TILE * blocks + 1), np.int64),
        defaulted=np.full(len(m.member), -1, np.int64),
        ids=by_candidate[0],
        of=by_candidate[1],
        of_hit=by_candidate[2],
        scenario=by_candidate[3],
        drawn_by=by_candidate[4],
        row=by_candidate[5],
        who=by_candidate[6],
        losses=by_candidate[7],
        drawn_u=drawn[0],
        drawn_v=drawn[1],
        shock=drawn[2],
        chance=drawn[3],
    )


@kernel
def begun(m, key, tile, first, size):
    """Draw what all share in ``size`` scenarios from number ``first`` on; how many blocks are alive."""
    m, tile = borrowed(m), borrowed(tile)
    for i in range(TILE):
        tile.numbers[i] = first + i
    factors_of(
        m.blocks, m.factors, m.numbers[DEGREES], key, tile.numbers, tile.work, tile.u, tile.how_many, tile.z,
        tile.g, tile.mixing, tile.rows,
    )  # fmt: skip
    tile.counts[:] = 0
    bins = m.blocks[len(m.blocks) - 1, 1]
    for b in range(len(tile.line)):
        lines_of(m.blocks[b, 1], bins, tile.g[b], tile.rows, tile.line[b])
    return alive_of(m.lines, size, tile.line, tile.how_many, tile.alive)


@kernel
def piece(m, key, tile, size, begin, at, some):
    """Draw the defaults and losses of the scenarios from position ``begin`` on, as many as there is room for.

    ``at`` of ``some`` blocks alive. Where the next piece begins, in positions and in blocks alive, and in how
    many scenarios of this one anybody defaults, of how many defaults.
    """
    m, tile = borrowed(m), borrowed(tile)
    end, found = candidates_in(
        m.lines, m.asked, key, tile.numbers, tile.how_many, tile.alive, at, some, ROOM, tile.of,
        tile.drawn_by, tile.row, tile.who,
    )  # fmt: skip
    found = defaults_in(m, key, tile, found)
    until = size if end == some else tile.alive[0, end]
    n = 0
    for i in range(begin, until):
        tile.hit[n], tile.hit_counts[n], tile.hit_numbers[n] = i, tile.counts[i], tile.numbers[i]
        n += 1 if tile.counts[i] else 0
    hit, last = -1, -1
    for j in range(found):
        hit += 1 if tile.of[j] != last else 0
        last = tile.of[j]
        tile.of_hit[j] = hit
    markets_of(
        m.blocks, m.member, m.factors, key, tile.hit_numbers[:n], tile.hit, tile.ids, tile.hit_counts,
        tile.work[:n], tile.u[:n], tile.v[:n], tile.z, tile.market,
    )  # fmt: skip
    losses_in(m, key, tile, found)
    return until, end, n, found


@kernel
def defaults_in(m, key, tile, n):
    """Leave those of the ``n`` candidates that default; how many."""
    m, tile = borrowed(m), borrowed(tile)
    ids, of, scenario, chance = tile.ids[:n], tile.of[:n], tile.scenario[:n], tile.chance[:n]
    u, v, drawn_by = tile.drawn_u[:n], tile.drawn_v[:n], tile.drawn_by[:n]
    for j in range(n):
        scenario[j] = tile.numbers[of[j]]
    uniforms_of(key, scenario, CANDIDATE, drawn_by, u, v)
    looked_up(m.lines, m.slots, tile.row[:n], tile.who[:n], u, v, ids, tile.shock)
    chances_in(m.member, ids, of, drawn_by, tile.mixing, tile.g, v, chance)
    return defaulters_in(tile.shock[:n], ids, of, chance, scenario, tile.defaulted, tile.counts)


@kernel
def factors_of(blocks, factors, degrees, key, numbers, work, u, how_many, z, g, mixing, rows):
    """Fill in what all members share in each of the scenarios ``numbers``."""
    last = len(blocks) - 1
    mixing[:] = 1.0
    rows[:] = 0
    if degrees > 0.0:
        chi_squares_of(key, numbers, MIXING, degrees, mixing)
        for i in range(len(mixing)):
            rows[i] = mixing_bin(mixing[i], blocks[last, 0], blocks[last, 1])
            mixing[i] = math.sqrt(mixing[i] / degrees)
    for b in range(last - 1):
        work[:] = b
        uniforms_of(key, numbers, FACTOR, work, u, how_many[b])
        normals_of(u, z[b])
        g[b] = 0.0
        for j in range(b + 1):
            for i in range(len(u)):
                g[b, i] += factors[b, j] * z[j, i]


@kernel
def markets_of(blocks, member, factors, key, numbers, places, ids, counts, work, u, v, z, market):
    """Fill in the market factors, with the jumps at the defaults; arrays by scenario, ``ids`` by default.

    ``places``: columns of ``z``.
    """
    k = len(blocks) - 2
    work[:] = k
    uniforms_of(key, numbers, FACTOR, work, u, v)
    normals_of(u, v)
    at = 0
    for i in range(len(numbers)):
        total = 0.0
        for j in range(k):
            total += factors[k, j] * z[j, places[i]]
        total += factors[k, k] * v[i]
        for _ in range(counts[i]):
            total += member[ids[at], JUMP]
            at += 1
        market[i] = total


@kernel
def losses_in(m, key, tile, n):
    """Fill in the losses of the ``n`` defaults."""
    m, tile = borrowed(m), borrowed(tile)
    ids, of, scenario, chance = tile.ids[:n], tile.of[:n], tile.scenario[:n], tile.chance[:n]
    u, v, own = tile.drawn_u[:n], tile.drawn_v[:n], tile.shock[:n]
    uniforms_of(key, scenario, LOSS, ids, u, v)
    normals_of(v, own)
    latents_of(m.member, ids, of, tile.g, u, chance, u)
    amounts_in(
        m, key, scenario, ids, of, tile.mixing, tile.of_hit, tile.market, u, own, v, tile.losses[:n]
    )  # fmt: skip
