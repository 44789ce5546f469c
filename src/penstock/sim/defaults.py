"""Compiled parts of who defaults, and with which loss: who comes up, who of them defaults, amounts."""

import math

import numpy as np

from penstock.sim.candidates import (
    ASKED,
    DRAWS,
    FACTOR_BINS,
    FIRST,
    MEAN,
    MOST_COUNT,
    NONE,
    PER_OCTAVE,
    PER_UNIT,
    PIECES,
    REACH,
    SLOT_BITS,
    SLOTS,
    UNIT,
    WHOLE,
)
from penstock.sim.draws import COUNT, OWN_MIXING, chi_square, octave_bin, two_uniforms
from penstock.sim.jit import inlined, kernel
from penstock.sim.model import (
    BLOCK,
    LARGEST,
    LOADING,
    MARKET,
    OWN_LATENT,
    OWN_SHOCK,
    RIGHT_WAY,
    SCALE,
    START,
    TAIL,
    TAIL_DEGREES,
    TAIL_INDEX,
    THRESHOLD,
    WRONG_WAY,
)
from penstock.sim.normals import ROOT_HALF, chances_of, normal

U = np.uint64
"""Of an index: one that cannot be below zero, which would count from the end, is looked up faster."""
MOST_LOSS = float(LARGEST)
BITS = PER_OCTAVE.bit_length() - 1
OF_BLOCK = 18
"""Draws of a block are counted from block x 2^18."""


@kernel
def mixing_bin(w, first, bins):
    """The bin of the mixing variable W."""
    return min(max(octave_bin(w, BITS) - first * PER_OCTAVE, 0), bins - 1)


@kernel
def lines_of(first, bins, g, rows, line):
    """Fill in the lines of a block, whose first line is ``first``, by its factors and the bins of W."""
    for i in range(len(line)):
        place = np.int64(math.floor((g[i] + REACH) * PER_UNIT)) + 1
        line[i] = first + min(max(place, 0), FACTOR_BINS - 1) * bins + rows[i]


@kernel
def alive_of(lines, size, line, how_many, alive):
    """Fill in which blocks of the first ``size`` scenarios have candidates; how many."""
    n = 0
    for i in range(size):
        for b in range(len(line)):
            row = U(line[b, i])
            alive[0, n], alive[1, n], alive[2, n] = i, b, row
            some = (how_many[b, i] > lines[row, NONE]) | (lines[row, ASKED] < lines[row + U(1), ASKED])
            n += 1 if some else 0
    return n


@kernel
def candidates_in(lines, asked, key, numbers, how_many, alive, begin, n, room, of, index, line, who):
    """Fill in the candidates of the blocks from ``begin`` of ``alive`` on; where it ended, and how many.

    By candidate ``of``, the position of its scenario; ``index``, to draw by; ``line``; ``who``, in its block,
    if it is asked, -1 if it comes up. It ends at a scenario with more than ``room`` before it.
    """
    found, last = 0, -1
    at = begin
    while at < n:
        position, b, row = alive[0, at], alive[1, at], alive[2, at]
        if position != last and found > room:
            break
        last = position
        first = found - (b << OF_BLOCK)
        for j in range(int(lines[row, ASKED]), int(lines[row + 1, ASKED])):
            of[found], index[found], line[found], who[found] = position, found - first, row, asked[j]
            found += 1
        u, mean = how_many[b, position], lines[row, MEAN]
        for draw in range(int(lines[row, DRAWS])):
            if draw:
                u, _ = two_uniforms(key, np.uint64(numbers[position]), COUNT, b << OF_BLOCK | draw)
            chance = lines[row, NONE]  # of exactly k - 1; ``below``: of fewer than k
            below, k = chance, 1.0
            while u > below and k <= MOST_COUNT:
                of[found], index[found], line[found], who[found] = position, found - first, row, -1
                found += 1
                chance *= mean / k
                below += chance
                k += 1.0
        at += 1
    return at, found


@inlined
def one_less_exponential(x):
    """1 - exp(-x) for x from 0 to 1 / 2, by its series."""
    s = 1.0 - x * (1.0 / 14.0)
    s = 1.0 - x * s * (1.0 / 13.0)
    s = 1.0 - x * s * (1.0 / 12.0)
    s = 1.0 - x * s * (1.0 / 11.0)
    s = 1.0 - x * s * (1.0 / 10.0)
    s = 1.0 - x * s * (1.0 / 9.0)
    s = 1.0 - x * s * (1.0 / 8.0)
    s = 1.0 - x * s * (1.0 / 7.0)
    s = 1.0 - x * s * (1.0 / 6.0)
    s = 1.0 - x * s * (1.0 / 5.0)
    s = 1.0 - x * s * (1.0 / 4.0)
    s = 1.0 - x * s * (1.0 / 3.0)
    s = 1.0 - x * s * (1.0 / 2.0)
    return x * s


@kernel
def looked_up(lines, slots, line, who, u, v, ids, needed):
    """Fill in who the candidates are, and what their chances of default have to exceed.

    By candidate; ``line``, ``who``: as of ``candidates_in``; ``u``, ``v``: uniform numbers.
    """
    for j in range(len(ids)):
        row = U(line[j])
        first = np.int64(lines[row, SLOTS])
        piece = np.int64(v[j] * lines[row, WHOLE])
        place = piece >> SLOT_BITS
        slot = slots[U(first + place)]
        # The slot's own member or the other, without a branch, which chance would decide
        either = place << SLOT_BITS | slot >> SLOT_BITS & (PIECES - 1)
        own = (piece & (PIECES - 1)) - (slot & (PIECES - 1)) >> 63  # all bits if below zero, or none
        place = either >> (own & SLOT_BITS) & (PIECES - 1)
        place = who[j] if who[j] >= 0 else place
        needed[j] = u[j] * (lines[row, UNIT] * (slots[U(first + place)] >> 2 * SLOT_BITS))
        ids[j] = np.int64(lines[row, FIRST]) + place
    for j in range(len(ids)):
        needed[j] = one_less_exponential(needed[j])
    for j in range(len(ids)):
        needed[j] = u[j] if who[j] >= 0 else needed[j]


@kernel
def chances_in(member, ids, of, index, mixing, g, x, chance):
    """Fill in the conditional probabilities of default, by candidate; ``x``: for work.

    ``of``: positions in ``mixing`` and, with the block, in ``g``; ``index``: as of ``candidates_in``.
    """
    for j in range(len(ids)):
        i, at, b = U(ids[j]), U(of[j]), U(index[j] >> OF_BLOCK)
        x[j] = (member[i, THRESHOLD] * mixing[at] - member[i, LOADING] * g[b, at]) / member[i, OWN_LATENT]
    chances_of(x, chance)


@kernel
def defaulters_in(needed, ids, of, chance, scenario, defaulted, counts):
    """Leave those candidates that default, each once in a scenario, in front of the others; how many.

    ``defaulted``: by member the last scenario in which it did; ``counts``: by position of the scenario.
    """
    n = 0
    for j in range(len(needed)):
        i, at, s = ids[j], of[j], scenario[j]
        hit = (needed[j] < chance[j]) & (defaulted[U(i)] != s)
        defaulted[U(i)] = s if hit else defaulted[U(i)]
        ids[n], of[n], scenario[n], chance[n] = i, at, s, chance[j]
        counts[U(at)] += 1 if hit else 0
        n += 1 if hit else 0
    return n


@kernel
def latents_of(member, ids, of, g, u, chance, latent):
    """Fill in the latent variables of defaulters with wrong-way risk, below their thresholds; by default.

    ``u``: uniform numbers; ``chance``: of each to default given the factors, ``g``; ``of``: positions in it.
    """
    if (member[:, WRONG_WAY] != 0.0).any():
        for j in range(len(ids)):
            i = U(ids[j])
            if member[i, WRONG_WAY] != 0.0:
                own = normal(u[j] * chance[j])
                factor = g[U(member[i, BLOCK]), U(of[j])]
                latent[j] = member[i, LOADING] * factor + member[i, OWN_LATENT] * own


@kernel
def amounts_in(m, key, scenario, ids, of, mixing, of_market, market, latent, own, shock, losses):
    """Fill in what defaults cost before the defaulters' own resources, in minor units; arrays by default.

    ``of``, ``of_market``: positions in ``mixing`` and in ``market``. ``latent``: read only of members with
    wrong-way risk; ``own``: the shock's own normal part; ``shock``: for work.
    """
    member, tail, degrees, index = m.member, m.numbers[TAIL], m.numbers[TAIL_DEGREES], m.numbers[TAIL_INDEX]
    for j in range(len(ids)):
        i = U(ids[j])
        shock[j] = member[i, MARKET] * market[U(of_market[j])] + member[i, OWN_SHOCK] * own[j]
    if (member[:, WRONG_WAY] != 0.0).any():
        for j in range(len(ids)):
            i = U(ids[j])
            if member[i, WRONG_WAY] != 0.0:
                shock[j] = member[i, RIGHT_WAY] * shock[j] - member[i, WRONG_WAY] * latent[j]
    if tail == 1.0 and degrees > 0.0:
        for j in range(len(ids)):
            shock[j] /= math.sqrt(chi_square(key, U(scenario[j]), OWN_MIXING, ids[j], degrees) / degrees)
    elif tail == 1.0:
        for j in range(len(ids)):
            shock[j] /= mixing[U(of[j])]
    elif tail == 2.0:
        for j in range(len(ids)):
            log = math.log(0.5 * math.erfc(shock[j] * ROOT_HALF))
            shock[j] = -log if index == 0.0 else math.expm1(-index * log) / index
    for j in range(len(ids)):
        i = U(ids[j])
        shock[j] = member[i, START] + member[i, SCALE] * shock[j]
    for j in range(len(ids)):
        losses[j] = np.int64(min(shock[j] if shock[j] > 0.0 else 0.0, MOST_LOSS) + 0.5)
