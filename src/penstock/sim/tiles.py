"""Who defaults, and with which loss, drawn for many scenarios together; the work is by the defaults.

    what all members share -> blocks with candidates -> defaulters -> market factors -> losses

Step by step over a tile of scenarios, not scenario by scenario: a step without branches takes several
scenarios at a time in the processor's vectors, and arrays are handed over once a tile.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.sim.defaults import amount_of, conditional, factor_bin, mixing_bin
from penstock.sim.draws import (
    CANDIDATE,
    FACTOR,
    LOSS,
    MIXING,
    chi_squares_of,
    normal,
    normals_of,
    two_uniforms,
    uniforms_of,
)
from penstock.sim.jit import borrowed, inlined, kernel
from penstock.sim.model import BLOCK, DEGREES, FACTOR_BINS, JUMP, LOADING, OWN_LATENT, WRONG_WAY

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

TILE, ROOM = 1024, 4096
"""Scenarios that are drawn together, and defaulters, beside one of each member, whose losses are."""

CLOSE = 1.0 + 1e-12
"""More than rounding can take from a sum of hazards."""


class Tile(NamedTuple):
    """What is drawn of T = TILE scenarios of K blocks, in pieces of at most R = ROOM + M defaults.

    ``numbers``: T, the scenarios. ``work``, ``u``, ``v``: T, for work. ``mixing``: T, sqrt(W / nu), one under
    a Gaussian copula; ``rows``: the bin of W. ``steps``, ``z``, ``g``: (K + 1) x T, by block the first step
    over the hazards, the factors' independent normals, the factors. ``alive``: 6 x (KT + 1), the blocks that
    have candidates: position of the scenario, block, where its line of the table begins, scenario, the index
    to draw by, the line; ``first_u``, ``first_step``: what is drawn for the first of each. ``counts``: T,
    how many default.

    Of the scenarios of a piece in which anybody defaults: ``hit``, their positions; ``hit_numbers``;
    ``hit_counts``; ``market``, the market factor. Of its defaults, one scenario after another: ``ids``, who;
    ``of``, the scenario's position; ``of_hit``, its position among the hit; ``scenario``; ``losses``, in
    minor units; ``loss_u``, ``loss_v``, ``shock``, for work.
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
    steps: Floats
    z: Floats
    g: Floats
    alive: Ints
    first_u: Floats
    first_step: Floats
    ids: Ints
    of: Ints
    of_hit: Ints
    scenario: Ints
    losses: Ints
    loss_u: Floats
    loss_v: Floats
    shock: Floats


@kernel
def tile_of(members, blocks):
    """Room for a tile."""
    some, most = TILE * blocks + 1, ROOM + members
    by_scenario, by_default = np.zeros((7, TILE), np.int64), np.zeros((5, most), np.int64)
    shared, by_block = np.zeros((4, TILE)), np.zeros((3, blocks + 1, TILE))
    chances, drawn = np.zeros((2, some)), np.zeros((3, most))
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
        steps=by_block[0],
        z=by_block[1],
        g=by_block[2],
        alive=np.zeros((6, some), np.int64),
        first_u=chances[0],
        first_step=chances[1],
        ids=by_default[0],
        of=by_default[1],
        of_hit=by_default[2],
        scenario=by_default[3],
        losses=by_default[4],
        loss_u=drawn[0],
        loss_v=drawn[1],
        shock=drawn[2],
    )


@kernel
def begun(m, key, tile, first, size):
    """Draw what all share in ``size`` scenarios from number ``first`` on; how many blocks are alive."""
    for i in range(TILE):
        tile.numbers[i] = first + i
    factors_of(
        m.blocks, m.factors, m.numbers[DEGREES], key, tile.numbers, tile.work, tile.u, tile.steps, tile.z,
        tile.g, tile.mixing, tile.rows,
    )  # fmt: skip
    tile.counts[:] = 0
    return alive_of(
        m.blocks, m.hazard, key, tile.numbers[:size], tile.steps, tile.g, tile.rows, tile.alive,
        tile.first_u, tile.first_step,
    )  # fmt: skip


@kernel
def piece(m, key, tile, size, begin, at, some):
    """Draw the defaults and losses of the scenarios from position ``begin`` on, as many as there is room for.

    ``at`` of ``some`` blocks alive. Where the next piece begins, in positions and in blocks alive, and in how
    many scenarios of this one anybody defaults.
    """
    end, found = defaults_in(
        m.blocks, m.hazard, m.sure, m.member, key, tile.alive, at, some, tile.first_u, tile.first_step,
        tile.steps, tile.g, tile.mixing, tile.ids, tile.of, tile.counts,
    )  # fmt: skip
    until = size if end == some else tile.alive[0, end]
    n = 0
    for i in range(begin, until):
        tile.hit[n], tile.hit_counts[n], tile.hit_numbers[n] = i, tile.counts[i], tile.numbers[i]
        n += 1 if tile.counts[i] else 0
    hit, last = -1, -1
    for j in range(found):
        hit += 1 if tile.of[j] != last else 0
        last = tile.of[j]
        tile.of_hit[j], tile.scenario[j] = hit, tile.numbers[last]
    markets_of(
        m.blocks, m.member, m.factors, key, tile.hit_numbers[:n], tile.hit, tile.ids, tile.hit_counts,
        tile.work[:n], tile.u[:n], tile.v[:n], tile.z, tile.market,
    )  # fmt: skip
    losses_in(
        m.member, m.numbers, key, tile.scenario[:found], tile.ids[:found], tile.of, tile.of_hit, tile.g,
        tile.mixing, tile.market, tile.loss_u[:found], tile.loss_v[:found], tile.shock[:found], tile.losses,
    )  # fmt: skip
    return until, end, n


@inlined
def at_most(table, target):
    """How many values of the ascending table are at most the target: counted in the processor's vectors."""
    found = np.int32(0)
    for i in range(len(table)):
        found += np.int32(1) if float(table[i]) <= target else np.int32(0)
    return found


@kernel
def factors_of(blocks, factors, degrees, key, numbers, work, u, steps, z, g, mixing, rows):
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
        uniforms_of(key, numbers, FACTOR, work, u, steps[b])
        normals_of(u, z[b])
        g[b] = 0.0
        for j in range(b + 1):
            for i in range(len(u)):
                g[b, i] += factors[b, j] * z[j, i]


@kernel
def alive_of(blocks, hazard, key, numbers, steps, g, rows, alive, u, next_steps):
    """Fill in which blocks of which scenarios have candidates, and draw for the first of each; how many."""
    bins = blocks[len(blocks) - 1, 1]
    n = 0
    for i in range(len(numbers)):
        for b in range(len(blocks) - 2):
            size = blocks[b + 1, 0] - blocks[b, 0]
            line = factor_bin(g[b, i]) * bins + rows[i]
            start = blocks[b, 1] + line * (1 + size)
            alive[0, n], alive[1, n], alive[2, n] = i, b, start
            alive[3, n], alive[4, n], alive[5, n] = numbers[i], b << 16, b * FACTOR_BINS * bins + line
            n += 1 if steps[b, i] > float(hazard[start]) else 0
    uniforms_of(key, alive[3, :n], CANDIDATE, alive[4, :n], u, next_steps)
    return n


@kernel
def defaults_in(
    blocks, hazard, sure, member, key, alive, begin, n, first_u, first_step, steps, g, mixing, ids, of, counts
):  # fmt: skip
    """Fill in who defaults in the scenarios from ``begin`` of ``alive`` on; where it ended, and how many.

    A block's candidates come one after another by exponential steps over the cumulative hazards of their
    bounds; a candidate defaults with its own conditional probability over its bound. ``ids``, ``of``: the
    defaulters one after another, and the positions of their scenarios; ``counts``: by scenario. It ends
    where the next scenario's may not find room.
    """
    found, last = 0, -1
    at_alive = begin
    while at_alive < n:
        position, b, start = alive[0, at_alive], alive[1, at_alive], alive[2, at_alive]
        if position != last and found + len(member) > len(ids):
            break
        last, until = position, found
        first, size = blocks[b, 0], blocks[b + 1, 0] - blocks[b, 0]
        factor, w, s = g[b, position], mixing[position], np.uint64(alive[3, at_alive])
        certain = float(sure[alive[5, at_alive]])
        row = hazard[start + 1 : start + 1 + size]
        total = float(row[size - 1])
        at = 0.0
        number = 0
        step = steps[b, position]
        u, then = first_u[at_alive], first_step[at_alive]
        while 1.0 - step <= (total - at) * CLOSE:  # -log(step) is no less
            target = at - math.log(step)
            if target >= total:
                break
            place = at_most(row, target)
            before = float(row[place - 1]) if place > 0 else 0.0
            at = float(row[place])
            if number:
                u, then = two_uniforms(key, s, CANDIDATE, (b << 16) | number)
            step = then
            if u < certain or u * -math.expm1(before - at) < conditional(member, first + place, factor, w):
                ids[found] = first + place
                of[found] = position
                found += 1
            number += 1
        counts[position] += found - until
        at_alive += 1
    return at_alive, found


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
def losses_in(all_member, all_numbers, key, s, ids, of, of_hit, g, mixing, market, u, v, h, losses):
    """Fill in the losses; arrays by default: ``s`` its scenario, ``of`` and ``of_hit`` positions of it."""
    uniforms_of(key, s, LOSS, ids, u, v)
    normals_of(v, h)
    member, numbers = borrowed(all_member), borrowed(all_numbers)
    for j in range(len(ids)):
        i, at = ids[j], of[j]
        latent = 0.0
        if member[i, WRONG_WAY] != 0.0:
            factor = g[int(member[i, BLOCK]), at]
            own = normal(u[j] * conditional(member, i, factor, mixing[at]))
            latent = member[i, LOADING] * factor + member[i, OWN_LATENT] * own
        up = market[of_hit[j]]
        losses[j] = amount_of(member, numbers, key, np.uint64(s[j]), i, latent, h[j], mixing[at], up)
    return len(all_member) + len(all_numbers)  # kept until here
