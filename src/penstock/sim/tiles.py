"""Many scenarios drawn together: the bits of ``defaults``, in the processor's vectors where that is possible.

    what all members share -> blocks with candidates -> defaulters -> market factors -> losses

Step by step over a tile of scenarios, not scenario by scenario: a step without branches takes several
scenarios at a time, and arrays are handed over once a tile.
"""

import math

import numpy as np

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
from penstock.sim.model import BLOCK, FACTOR_BINS, JUMP, LOADING, OWN_LATENT, WRONG_WAY

CLOSE = 1.0 + 1e-12
"""More than rounding can take from a sum of hazards."""


@inlined
def at_most(table, target):
    """How many values of the ascending table are at most the target: counted in the processor's vectors."""
    found = np.int32(0)
    for i in range(len(table)):
        found += np.int32(1) if float(table[i]) <= target else np.int32(0)
    return found


@kernel
def factors_of(blocks, factors, degrees, key, numbers, work, u, steps, z, g, mixing, rows):
    """Fill in what all members share in each of the scenarios ``numbers``.

    ``steps``, ``z``, ``g``: block x scenario, the first step over the hazards, the factors' independent
    normals, the factors; ``mixing``: sqrt(W / nu), one under a Gaussian copula; ``rows``: the bin of W.
    """
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
    """Fill in which blocks of which scenarios have candidates, and draw for the first of each; how many.

    ``alive``: in rows the position, the block, where its line of the table
    begins, the scenario, the index to draw by, the line.
    """
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
