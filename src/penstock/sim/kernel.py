"""The simulation compiled: draw a scenario's defaults, pour their losses, add up.

    scenario number -> defaulters and losses -> what each layer gives -> counts, sums, histograms

Every number that is added up is a whole one, so that the order of adding does not matter. ``reference`` says
the same for one scenario, readably; the bits are equal.
"""

import numpy as np

from penstock.sim.draws import octave_bin
from penstock.sim.jit import borrowed, inlined, kernel
from penstock.sim.model import DEGREES
from penstock.sim.pour import own_resources, poured
from penstock.sim.tally import BITS, MEMBER_BITS, PASSED, POSITIVE, REACHED, SQUARES, SUM, TOGETHER
from penstock.sim.tiles import alive_of, defaults_in, factors_of, losses_in, markets_of


@inlined
def add(table, row, amount):
    """Count the amount, add it to a sum of two limbs and its square to three products of two limbs."""
    table[row, POSITIVE] += 1
    table[row, SUM] += amount & 0xFFFFFFFF
    table[row, SUM + 1] += amount >> 32
    low, high = amount & 0x7FFFFFFF, amount >> 31
    one = low * low
    table[row, SQUARES] += one & 0xFFFFFFFF
    table[row, SQUARES + 1] += one >> 32
    if high:
        one = low * high
        table[row, SQUARES + 2] += one & 0xFFFFFFFF
        table[row, SQUARES + 3] += one >> 32
        one = high * high
        table[row, SQUARES + 4] += one & 0xFFFFFFFF
        table[row, SQUARES + 5] += one >> 32


@inlined
def measure(measures, histogram, q, amount):
    """Add a positive amount to measure q."""
    if amount > 0:
        add(measures, q, amount)
        histogram[q, octave_bin(amount, BITS)] += 1


@inlined
def add_limbs(low, high, amounts):
    """Add amounts to sums of two limbs each."""
    for i in range(len(amounts)):
        low[i] += amounts[i] & 0xFFFFFFFF
        high[i] += amounts[i] >> 32


@inlined
def add_members(charges, histogram, paid, kinds):
    """Add what each survivor pays, by kind; ``kinds``: a bit for each by which anybody pays.

    ``charges``: limb x member.
    """
    for kind in range(3):
        if kinds >> kind & 1:
            add_limbs(charges[2 * kind], charges[2 * kind + 1], paid[kind])
            for i in range(len(histogram)):
                if paid[kind, i] > 0:
                    histogram[i, kind, octave_bin(paid[kind, i], MEMBER_BITS)] += 1
    if kinds & (kinds - 1):
        for i in range(len(histogram)):
            add_together(histogram[i], paid[0, i], paid[1, i], paid[2, i], kinds)


@inlined
def add_together(histogram, fund, call, haircut, kinds):
    """Count what a member pays in all, where it pays by two kinds or more, in place of these."""
    fund, call, haircut = fund * (kinds & 1), call * (kinds >> 1 & 1), haircut * (kinds >> 2 & 1)
    if (fund > 0) + (call > 0) + (haircut > 0) > 1:
        row = histogram[TOGETHER]
        row[octave_bin(fund + call + haircut, MEMBER_BITS)] += 1
        if fund:
            row[octave_bin(fund, MEMBER_BITS)] -= 1
        if call:
            row[octave_bin(call, MEMBER_BITS)] -= 1
        if haircut:
            row[octave_bin(haircut, MEMBER_BITS)] -= 1


@kernel
def remember(worst, uncovered, beyond, s):
    """Keep the scenario among the worst: by what is uncovered, then by the loss beyond own resources."""
    last = len(worst) - 1
    if not better(worst[last], uncovered, beyond, s):
        return
    i = last
    while i > 0 and better(worst[i - 1], uncovered, beyond, s):
        worst[i] = worst[i - 1]
        i -= 1
    worst[i, 0] = uncovered
    worst[i, 1] = beyond
    worst[i, 2] = s


@kernel
def better(other, uncovered, beyond, s):
    """Whether the scenario ranks before the other; of equals the earlier one does."""
    if other[0] != uncovered:
        return uncovered > other[0]
    if other[1] != beyond:
        return beyond > other[1]
    return other[2] < 0 or s < other[2]


TILE, ROOM = 1024, 4096
"""Scenarios that are drawn together, and defaulters, beside one of each member, whose losses are."""


@kernel
def simulate(m, w, t, regimes, key, first, count):
    """Draw, pour and add up ``count`` scenarios from number ``first``: into the tally ``t``, nothing else."""
    members, blocks = len(m.member), len(m.blocks) - 2
    numbers, of_scenario = np.zeros(TILE, np.int64), np.zeros((6, TILE), np.int64)
    shared, by_block = np.zeros((4, TILE)), np.zeros((3, blocks + 1, TILE))
    charges, plain = np.zeros((t.charges.shape[1], members), np.int64), np.zeros((6, members), np.int64)
    alive, chances = np.zeros((6, TILE * blocks + 1), np.int64), np.zeros((2, TILE * blocks + 1))
    whole, real = np.zeros((5, ROOM + members), np.int64), np.zeros((3, ROOM + members))
    for begin in range(first, first + count, TILE):
        size = min(TILE, first + count - begin)
        for i in range(TILE):
            numbers[i] = begin + i
        drawn_and_poured(
            m, w, t, regimes, key, numbers, size, of_scenario, shared, by_block, whole, real, charges,
            plain, alive, chances,
        )  # fmt: skip
    t.charges[:] += charges.T


@kernel
def drawn_and_poured(
    m, w, t, regimes, key, numbers, size, of_scenario, shared, by_block, whole, real, charges, plain,
    alive, chances,
):  # fmt: skip
    """The scenarios of a tile."""
    rows, counts, work = of_scenario[0], of_scenario[1], of_scenario[2]
    places, hits, hit_numbers = of_scenario[3], of_scenario[4], of_scenario[5]
    u, mixing, market, v = shared[0], shared[1], shared[2], shared[3]
    steps, z, g = by_block[0], by_block[1], by_block[2]
    ids, of, of_hit, s, losses = whole[0], whole[1], whole[2], whole[3], whole[4]
    factors_of(m.blocks, m.factors, m.numbers[DEGREES], key, numbers, work, u, steps, z, g, mixing, rows)
    counts[:] = 0
    some = alive_of(m.blocks, m.hazard, key, numbers[:size], steps, g, rows, alive, chances[0], chances[1])
    begin, end = 0, 0
    while begin < size:
        position = end
        end, found = defaults_in(
            m.blocks, m.hazard, m.sure, m.member, key, alive, position, some, chances[0], chances[1],
            steps, g, mixing, ids, of, counts,
        )  # fmt: skip
        until = size if end == some else alive[0, end]
        n = 0
        for i in range(begin, until):
            t.defaults[counts[i]] += 1
            places[n], hits[n], hit_numbers[n] = i, counts[i], numbers[i]
            n += 1 if counts[i] else 0
        begin = until
        hit, last = -1, -1
        for j in range(found):
            hit += 1 if of[j] != last else 0
            last = of[j]
            of_hit[j], s[j] = hit, numbers[last]
        markets_of(
            m.blocks, m.member, m.factors, key, hit_numbers[:n], places, ids, hits, work[:n], u[:n], v[:n],
            z, market,
        )  # fmt: skip
        losses_in(
            m.member, m.numbers, key, s[:found], ids[:found], of, of_hit, g, mixing, market,
            real[0, :found], real[1, :found], real[2, :found], losses,
        )  # fmt: skip
        added(m, w, t, regimes, key, hit_numbers[:n], hits, market, ids, losses, charges, plain)


@kernel
def added(m, w, t, regimes, key, numbers, counts, markets, all_ids, all_losses, all_charges, space):
    """Pour and add up scenarios with defaults."""
    member, bids = borrowed(m.member), borrowed(m.bids)
    own_layer, own, ranks, parts = (
        borrowed(w.own_layer),
        borrowed(w.own),
        borrowed(w.ranks),
        borrowed(w.parts),
    )
    together, rooms, totals = borrowed(w.together), borrowed(w.rooms), borrowed(w.totals)
    weights, even = borrowed(w.weights), borrowed(w.even)
    defaulted, measures = borrowed(t.defaulted), borrowed(t.measures)
    histogram, charges = borrowed(t.histogram), borrowed(all_charges)
    member_histogram, worst = borrowed(t.member_histogram), borrowed(t.worst)
    layers = len(measures) - 3
    room = np.zeros((10, max(len(parts), layers, len(together)) + 1), np.int64)
    whole, work = borrowed(space), borrowed(room)
    variant, out, paid, nobody = whole[0], whole[1:3], whole[3:6], whole[0, :0]
    rows = work[7:]
    ids, losses = borrowed(all_ids), borrowed(all_losses)
    for number in range(len(numbers)):
        s = np.uint64(numbers[number])
        n = counts[number]
        gross = 0
        for i in range(n):
            gross += losses[i]
            defaulted[ids[i]] += 1
        measure(measures, histogram, layers + 2, gross)
        if gross > 0:
            rows[:] = 0
            beyond = own_resources(own_layer, own, ids, losses, n, rows)
            if beyond > 0:
                regime = 1 if regimes == 2 and markets[number] > 0.0 else 0
                uncovered, kinds = poured(
                    member, bids, ranks, parts, together, rooms, totals, weights, even, key, s,
                    regime, ids, n, beyond, rows, variant, out, paid, work, nobody,
                )  # fmt: skip
                remember(worst, uncovered, beyond, numbers[number])
                measure(measures, histogram, layers, uncovered)
                measure(measures, histogram, layers + 1, beyond)
                if kinds:
                    add_members(charges, member_histogram, paid, kinds)
            for q in range(layers):
                if rows[1, q]:
                    measures[q, REACHED] += 1
                    measures[q, PASSED] += rows[2, q]
                    measure(measures, histogram, q, rows[0, q])
        ids, losses = ids[n:], losses[n:]
    return len(space) + len(room)  # kept until here
