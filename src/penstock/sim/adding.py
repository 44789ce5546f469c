"""Adding up compiled: counts, sums and histograms of a tally.

Every number that is added up is a whole one, so that the order of adding does not matter.
"""

import numpy as np

from penstock.sim.draws import octave_bin
from penstock.sim.jit import inlined, kernel
from penstock.sim.tally import BITS, MEMBER_BITS, PASSED, POSITIVE, REACHED, SQUARES, SUM, TOGETHER


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


@kernel
def measure_all(row, bins, amounts, n):
    """Add the first ``n`` amounts, all above zero, to a measure, whose ``row`` and ``bins`` are given."""
    low, high = 0, 0
    low_low, low_low_high, low_high, low_high_high, high_high, high_high_high = 0, 0, 0, 0, 0, 0
    for i in range(n):
        amount = amounts[i]
        low += amount & 0xFFFFFFFF
        high += amount >> 32
        a, b = amount & 0x7FFFFFFF, amount >> 31
        low_low += a * a & 0xFFFFFFFF
        low_low_high += a * a >> 32
        low_high += a * b & 0xFFFFFFFF
        low_high_high += a * b >> 32
        high_high += b * b & 0xFFFFFFFF
        high_high_high += b * b >> 32
    for i in range(n):
        bins[octave_bin(amounts[i], BITS)] += 1
    row[POSITIVE] += n
    row[SUM] += low
    row[SUM + 1] += high
    row[SQUARES] += low_low
    row[SQUARES + 1] += low_low_high
    row[SQUARES + 2] += low_high
    row[SQUARES + 3] += low_high_high
    row[SQUARES + 4] += high_high
    row[SQUARES + 5] += high_high_high


@inlined
def above_zero(before, after, some):
    """Fill in the differences that are above zero; how many."""
    n = 0
    for i in range(len(before)):
        some[n] = before[i] - after[i]
        n += 1 if some[n] > 0 else 0
    return n


@kernel
def measure_own(own_layer, measures, histogram, left, some):
    """Add up all losses, what of them each of the defaulters' own layers takes, and what goes beyond.

    ``left``: as of ``own_resources``, and a row of zeros after it; ``some``: by scenario, for work.
    """
    last, layers = len(own_layer), len(measures) - 3
    for j in range(last):
        reached, passed = 0, 0
        for i in range(len(some)):
            reached += 1 if left[j, i] > 0 else 0
            passed += 1 if left[j + 1, i] > 0 else 0
        q = own_layer[j]
        measures[q, REACHED] += reached
        measures[q, PASSED] += passed
        measure_all(measures[q], histogram[q], some, above_zero(left[j], left[j + 1], some))
    for q, row in ((layers + 1, last), (layers + 2, 0)):
        measure_all(measures[q], histogram[q], some, above_zero(left[row], left[last + 1], some))


SOME = 8
"""Members whose amounts of one scenario lie side by side in memory: added up together."""


@kernel
def add_members(charges, histogram, paid, kinds, which):
    """Add what each survivor pays in many scenarios, by kind.

    ``paid``: scenario x kind x member, of the ``kinds`` by which anybody pays in it, a bit for each.
    ``charges``: limb x member; ``which``: by scenario, for work.
    """
    members, places = len(histogram), np.zeros((4, SOME), np.int64)
    for kind in range(3):
        n = 0
        for k in range(len(kinds)):
            which[n] = k
            n += kinds[k] >> kind & 1
        for first in range(0, members if n else 0, SOME):
            end = min(first + SOME, members)
            low, high = charges[2 * kind, first:end], charges[2 * kind + 1, first:end]
            bins = histogram[first:end, kind]
            for j in range(n):
                add_some(low, high, bins, paid[which[j], kind, first:end], places[0])
    n = 0
    for k in range(len(kinds)):
        which[n] = k
        n += 1 if kinds[k] & (kinds[k] - 1) else 0
    for first in range(0, members if n else 0, SOME):
        end = min(first + SOME, members)
        bins = histogram[first:end, TOGETHER]
        for j in range(n):
            some = paid[which[j], :, first:end]
            add_together(bins, some[0], some[1], some[2], kinds[which[j]], places)


@inlined
def place_of(amount):
    """The bin of what a member pays; any, if it pays nothing."""
    return max(octave_bin(amount, MEMBER_BITS), 0)


@inlined
def add_some(low, high, bins, amounts, places):
    """Add an amount to the sums and the bins of each of some members."""
    for i in range(len(amounts)):
        low[i] += amounts[i] & 0xFFFFFFFF
        high[i] += amounts[i] >> 32
        places[i] = place_of(amounts[i])
    for i in range(len(amounts)):
        bins[i, np.uint64(places[i])] += 1 if amounts[i] > 0 else 0


@inlined
def add_together(bins, fund, call, haircut, kinds, places):
    """Count what some members pay in all, where they pay by two kinds or more, in place of these."""
    by_fund, by_call, by_haircut = -(kinds & 1), -(kinds >> 1 & 1), -(kinds >> 2 & 1)  # all bits, or none
    for i in range(len(fund)):
        a, b, c = fund[i] & by_fund, call[i] & by_call, haircut[i] & by_haircut
        places[0, i], places[1, i], places[2, i] = place_of(a), place_of(b), place_of(c)
        places[3, i] = place_of(a + b + c)
    for i in range(len(fund)):
        a, b, c = fund[i] & by_fund > 0, call[i] & by_call > 0, haircut[i] & by_haircut > 0
        times = 1 if a + b + c > 1 else 0
        bins[i, np.uint64(places[3, i])] += times
        bins[i, np.uint64(places[0, i])] -= times * a
        bins[i, np.uint64(places[1, i])] -= times * b
        bins[i, np.uint64(places[2, i])] -= times * c


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
