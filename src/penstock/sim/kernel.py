"""The simulation compiled: draw a scenario's defaults, pour their losses, add up.

    scenario number -> defaulters and losses -> what each layer gives -> counts, sums, histograms

``reference`` says the same for one scenario, readably; the bits are equal.
"""

from typing import NamedTuple

import numpy as np

from penstock.sim.adding import add_members, measure, measure_own, remember
from penstock.sim.jit import borrowed, kernel
from penstock.sim.pour import own_resources, poured
from penstock.sim.tally import PASSED, REACHED, Ints
from penstock.sim.tiles import TILE, begun, piece, tile_of

WAITING = 32
"""Scenarios in which members pay are added up together, member by member."""


class Space(NamedTuple):
    """Room for pouring T = TILE scenarios down O layers of the defaulters' own.

    ``left``: (O + 2) x T, as of ``own_resources``, and a row of zeros; ``some``, ``first``: T, for work.
    ``variant``: M, ``out``: 2 x M, ``rows``: 10 rows, as of ``poured``. ``charges``: 6 x M, as of ``Tally``.
    Of the scenarios whose payments are not yet added up, ``waiting[0]`` of WAITING: ``paid``, x 3 x M, and
    ``kinds``, as of ``poured``; ``order``, for work.
    """

    left: Ints
    some: Ints
    first: Ints
    variant: Ints
    out: Ints
    rows: Ints
    waiting: Ints
    paid: Ints
    kinds: Ints
    order: Ints
    charges: Ints


@kernel
def space_of(members, own_layers, widest):
    """Room for pouring; ``widest``: the most layers, parts or limits."""
    by_scenario = np.zeros((own_layers + 4, TILE), np.int64)
    return Space(
        left=by_scenario[2:],
        some=by_scenario[0],
        first=by_scenario[1],
        variant=np.zeros(members, np.int64),
        out=np.zeros((2, members), np.int64),
        rows=np.zeros((10, widest), np.int64),
        waiting=np.zeros(1, np.int64),
        paid=np.zeros((WAITING, 3, members), np.int64),
        kinds=np.zeros(WAITING, np.int64),
        order=np.zeros(WAITING, np.int64),
        charges=np.zeros((6, members), np.int64),
    )


@kernel
def simulate(model, waterfall, tally, regimes, key, first, count):
    """Draw, pour and add up ``count`` scenarios from number ``first``: into the tally, nothing else."""
    members, own_layers = len(model.member), len(waterfall.own_layer)
    widest = max(len(waterfall.parts), len(tally.measures), len(waterfall.together)) + 1
    room, work = tile_of(model), space_of(members, own_layers, widest)
    m, w, t, tile, space = (
        borrowed(model),
        borrowed(waterfall),
        borrowed(tally),
        borrowed(room),
        borrowed(work),
    )
    left = space.left
    for start in range(first, first + count, TILE):
        size = min(TILE, first + count - start)
        some = begun(m, key, tile, start, size)
        begin, at = 0, 0
        while begin < size:
            until, at, n, found = piece(m, key, tile, size, begin, at, some)
            for i in range(begin, until):
                t.defaults[tile.counts[i]] += 1
            begin = until
            for j in range(found):
                t.defaulted[tile.ids[j]] += 1
            own_resources(w.own, tile.ids[:found], tile.hit_counts[:n], tile.losses, left)
            measure_own(w.own_layer, t.measures, t.histogram, left[:, :n], space.some[:n])
            added(m, w, t, regimes, key, tile, space, left[own_layers, :n])
    add_waiting(t, space)
    t.charges[:] += space.charges.T
    return len(room.numbers) + len(work.some)  # kept until here


@kernel
def add_waiting(t, space):
    """Add up the payments of the scenarios that wait for it."""
    n = space.waiting[0]
    add_members(space.charges, t.member_histogram, space.paid, space.kinds[:n], space.order)
    space.waiting[0] = 0


@kernel
def added(model, waterfall, tally, regimes, key, drawn, work, beyond_own):
    """Pour what goes beyond the defaulters' own resources in the scenarios of a piece, and add it up."""
    m, w, t, tile, space = (
        borrowed(model),
        borrowed(waterfall),
        borrowed(tally),
        borrowed(drawn),
        borrowed(work),
    )
    member, bids, ranks, parts, together, rooms = m.member, m.bids, w.ranks, w.parts, w.together, w.rooms
    totals, weights, even, ids = w.totals, w.weights, w.even, tile.ids
    numbers, counts, markets = tile.hit_numbers, tile.hit_counts, tile.market
    measures, histogram, worst = t.measures, t.histogram, t.worst
    which, first, scratch, rows = space.some, space.first, space.rows, space.rows[7:]
    variant, out, paid, waiting = space.variant, space.out, space.paid, space.waiting
    nobody, layers = variant[:0], len(measures) - 3
    some, begin = 0, 0
    for number in range(len(beyond_own)):
        which[some], first[some] = number, begin
        begin += counts[number]
        some += 1 if beyond_own[number] > 0 else 0
    for place in range(some):
        number, begin = which[place], first[place]
        n, beyond = counts[number], beyond_own[number]
        rows[:] = 0
        uncovered, kinds = poured(
            member, bids, ranks, parts, together, rooms, totals, weights, even, key,
            np.uint64(numbers[number]), 1 if regimes == 2 and markets[number] > 0.0 else 0,
            ids[begin : begin + n], n, beyond, rows, variant, out, paid[waiting[0]], scratch, nobody,
        )  # fmt: skip
        remember(worst, uncovered, beyond, numbers[number])
        measure(measures, histogram, layers, uncovered)
        for q in range(layers):
            if rows[1, q]:
                measures[q, REACHED] += 1
                measures[q, PASSED] += rows[2, q]
                measure(measures, histogram, q, rows[0, q])
        if kinds:
            space.kinds[waiting[0]] = kinds
            waiting[0] += 1
            if waiting[0] == len(paid):
                add_waiting(t, space)
