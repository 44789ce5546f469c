"""The simulation compiled: draw a scenario's defaults, pour their losses, add up.

    scenario number -> defaulters and losses -> what each layer gives -> counts, sums, histograms

Every number that is added up is a whole one, so that the order of adding does not matter. ``reference`` says
the same for one scenario, readably; the bits are equal.
"""

import numpy as np

from penstock.sim.draws import octave_bin
from penstock.sim.jit import borrowed, inlined, kernel
from penstock.sim.pour import own_resources, poured
from penstock.sim.tally import BITS, MEMBER_BITS, PASSED, POSITIVE, REACHED, SQUARES, SUM, TOGETHER
from penstock.sim.tiles import TILE, begun, piece, tile_of


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


@kernel
def simulate(m, w, t, regimes, key, first, count):
    """Draw, pour and add up ``count`` scenarios from number ``first``: into the tally ``t``, nothing else."""
    members = len(m.member)
    tile = tile_of(members, len(m.blocks) - 2)
    charges, space = np.zeros((t.charges.shape[1], members), np.int64), np.zeros((6, members), np.int64)
    for start in range(first, first + count, TILE):
        size = min(TILE, first + count - start)
        some = begun(m, key, tile, start, size)
        begin, at = 0, 0
        while begin < size:
            until, at, n = piece(m, key, tile, size, begin, at, some)
            for i in range(begin, until):
                t.defaults[tile.counts[i]] += 1
            begin = until
            added(m, w, t, regimes, key, tile, n, charges, space)
    t.charges[:] += charges.T


@kernel
def added(m, w, t, regimes, key, tile, hit, all_charges, space):
    """Pour and add up the ``hit`` scenarios of a piece in which anybody defaults."""
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
    numbers, counts, markets = borrowed(tile.hit_numbers), borrowed(tile.hit_counts), borrowed(tile.market)
    ids, losses = borrowed(tile.ids), borrowed(tile.losses)
    for number in range(hit):
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
