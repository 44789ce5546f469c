"""The simulation compiled: draw a scenario's defaults, pour their losses, add up.

    scenario number -> defaulters and losses -> what each layer gives -> counts, sums, histograms

Every number that is added up is a whole one, so that the order of adding does not matter. ``reference`` says
the same for one scenario, readably; the bits are equal.
"""

import math

import numpy as np

from penstock.sim.defaults import defaults_of, losses_of
from penstock.sim.jit import borrowed, inlined, kernel
from penstock.sim.model import DEGREES
from penstock.sim.pour import own_resources, poured
from penstock.sim.tally import BY_KIND, MEMBER_PER_OCTAVE, PASSED, POSITIVE, REACHED, SQUARES, SUM
from penstock.sim.tally import PER_OCTAVE as PER_OCTAVE_OF_AMOUNTS


@kernel
def histogram_bin(amount, per_octave):
    """The bin of an amount above zero: so many bins an octave."""
    m, e = math.frexp(float(amount))
    return (e - 1) * per_octave + int((2.0 * m - 1.0) * per_octave)


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
        histogram[q, histogram_bin(amount, PER_OCTAVE_OF_AMOUNTS)] += 1


@kernel
def add_members(charges, histogram, paid):
    """Add what each survivor pays, by kind and in all."""
    for i in range(paid.shape[1]):
        total = 0
        for kind in range(3):
            amount = paid[kind, i]
            if amount > 0:
                charges[i, BY_KIND + 2 * kind] += amount & 0xFFFFFFFF
                charges[i, BY_KIND + 2 * kind + 1] += amount >> 32
                total += amount
        if total > 0:
            add(charges, i, total)
            histogram[i, histogram_bin(total, MEMBER_PER_OCTAVE)] += 1


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
    blocks, hazard, member = borrowed(m.blocks), borrowed(m.hazard), borrowed(m.member)
    factors, bids, numbers = borrowed(m.factors), borrowed(m.bids), borrowed(m.numbers)
    own_layer, own, ranks, parts = (
        borrowed(w.own_layer),
        borrowed(w.own),
        borrowed(w.ranks),
        borrowed(w.parts),
    )
    together, rooms, totals = borrowed(w.together), borrowed(w.rooms), borrowed(w.totals)
    weights, even = borrowed(w.weights), borrowed(w.even)
    defaults, defaulted, measures = borrowed(t.defaults), borrowed(t.defaulted), borrowed(t.measures)
    histogram, charges = borrowed(t.histogram), borrowed(t.charges)
    member_histogram, worst = borrowed(t.member_histogram), borrowed(t.worst)
    members, layers = len(member), len(measures) - 3
    space = np.zeros((3, max(members, len(blocks)) + 1)), np.zeros((8, members + 1), np.int64)
    room = np.zeros((10, max(len(parts), layers, len(together)) + 1), np.int64)
    scratch, whole, work = borrowed(space[0]), borrowed(space[1]), borrowed(room)
    ids, losses, variant = whole[0], whole[1], whole[2, :members]
    out, paid, nobody = whole[3:5, :members], whole[5:8, :members], whole[0, :0]
    rows = work[7:]
    degrees = numbers[DEGREES]
    for number in range(first, first + count):
        s = np.uint64(number)
        n, mixing = defaults_of(blocks, hazard, member, factors, degrees, key, s, scratch, ids)
        defaults[n] += 1
        if n == 0:
            continue
        market = losses_of(blocks, member, factors, numbers, key, s, scratch, mixing, ids, losses, n)
        gross = 0
        for i in range(n):
            gross += losses[i]
            defaulted[ids[i]] += 1
        measure(measures, histogram, layers + 2, gross)
        rows[:] = 0
        beyond = own_resources(own_layer, own, ids, losses, n, rows)
        if beyond > 0:
            uncovered, by_members = poured(
                member, bids, ranks, parts, together, rooms, totals, weights, even, key, s,
                1 if regimes == 2 and market > 0.0 else 0,
                ids, n, beyond, rows, variant, out, paid, work, nobody,
            )  # fmt: skip
            remember(worst, uncovered, beyond, number)
            measure(measures, histogram, layers, uncovered)
            measure(measures, histogram, layers + 1, beyond)
            if by_members:
                add_members(charges, member_histogram, paid)
        for q in range(layers):
            if rows[1, q]:
                measures[q, REACHED] += 1
                measures[q, PASSED] += rows[2, q]
                measure(measures, histogram, q, rows[0, q])
    return len(space[0]) + len(space[1]) + len(room)  # kept until here
