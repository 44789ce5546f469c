"""Importance sampling compiled: bad times drawn more often, each scenario weighted by its likelihood ratio.

A scenario is drawn from the model f with chance ``share``, else from the tilted model g, and weighs
f / (share f + (1 - share) g), which is never more than 1 / share (a defensive mixture: Hesterberg,
Technometrics 37, 1995). The tilted model shifts the normals of the factors, scales the mixing variable
(Bassamboo, Juneja, Zeevi, Operations Research 56, 2008), multiplies the members' odds of default given the
factors, and shifts the defaulters' own shocks (Glasserman and Li, Management Science 51, 2005).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.sim.adding import add
from penstock.sim.jit import borrowed, kernel
from penstock.sim.layout import ENDS_ALL, PARTY
from penstock.sim.model import UNABLE
from penstock.sim.pour import own_resources, poured
from penstock.sim.tally import carry
from penstock.sim.tilted import TILE, draw, tile_of

Ints = NDArray[np.int64]

ONE = 2.0**44
"""A weight of one: weights are added up as whole numbers."""


class Weighted(NamedTuple):
    """Sums of weights: ``scenarios``, how many; ``events``: (2 L + 2) x 11.

    Rows: all scenarios, a loss uncovered, then for each layer reached and passed. Columns as in ``Tally``:
    count, sum and squares from column 2 on.
    """

    scenarios: Ints
    events: Ints


def nothing(layers: int) -> Weighted:
    """Of no scenario."""
    return Weighted(
        np.zeros(1, dtype=np.int64),
        np.zeros((2 * layers + 2, 11), dtype=np.int64),
    )


def added(first: Weighted, second: Weighted) -> Weighted:
    """Of both ranges, limbs carried."""
    found = Weighted(*(a + b for a, b in zip(first, second, strict=True)))
    carry(found.events)
    return found


@kernel
def sample(m, w, ways, t, regimes, layers, key, first, count):
    """Draw ``count`` scenarios from number ``first`` by the mixture, pour, and add their weights to ``t``."""
    tile = tile_of(m, ways)
    for begin in range(first, first + count, TILE):
        size = min(TILE, first + count - begin)
        for i in range(TILE):
            tile.numbers[i] = begin + i
        draw(m, ways, key, size, tile)
        weigh(m, w, tile, t, regimes, layers, key, size)


@kernel
def weigh(m, w, tile, t, regimes, layers, key, size):
    """Pour the scenarios of a tile, and add their weights to ``t``."""
    member, bids = borrowed(m.member), borrowed(m.bids)
    own_layer = borrowed(w.own_layer)
    ranks, parts, together = borrowed(w.ranks), borrowed(w.parts), borrowed(w.together)
    rooms, totals = borrowed(w.rooms), borrowed(w.totals)
    weights, even = borrowed(w.weights), borrowed(w.even)
    events, counts, defaulted = borrowed(t.events), borrowed(tile.counts), borrowed(tile.defaulted)
    market = tile.market
    room = np.zeros((10, max(len(parts), layers, len(together)) + 1), np.int64)
    whole = np.zeros((3, len(member)), np.int64)
    variant, unasked, nobody = whole[0], np.zeros((0, 0), np.int64), whole[0, :0]
    out = whole[1:3] if len(bids) or (member[:, UNABLE] > 0.0).any() else whole[1:1]
    work = borrowed(room)
    rows = work[7:]
    defaults = counts[:size].sum()
    left = np.zeros((len(own_layer) + 1, TILE), np.int64)
    own_resources(w.own, tile.ids[:defaults], counts[:size], tile.losses, left)
    for i in range(size):
        n, ids, beyond = counts[i], defaulted[i], left[len(own_layer), i]
        fixed = int(np.rint(tile.weight[i] * ONE))
        add(events, 0, fixed)
        rows[:] = 0
        for j in range(len(own_layer)):
            rows[1, own_layer[j]] = left[j, i]
            rows[2, own_layer[j]] = left[j + 1, i]
        if beyond > 0:
            uncovered, _ = poured(
                member, bids, ranks, parts, together, rooms, totals, weights, even, key,
                np.uint64(tile.numbers[i]), 1 if regimes == 2 and market[i] > 0.0 else 0,
                ids, n, beyond, rows, variant, out, unasked, work, nobody,
            )  # fmt: skip
            if uncovered > 0:
                add(events, 1, fixed)
        for q in range(layers):
            if rows[1, q]:
                add(events, 2 + 2 * q, fixed)
                if rows[2, q]:
                    add(events, 3 + 2 * q, fixed)
    t.scenarios[0] += size
    return len(room)  # kept until here


# --- pilots -------------------------------------------------------------------------------------------


@kernel
def score(parts, rooms, totals, own, last, regime, bids, ids, losses, count):
    """How far the loss goes beyond the layers up to part ``last``: below zero, how much they still had.

    A guide only: random bids count as the first, and everybody is able to pay.
    """
    left = 0.0
    variant = regime * 4 if len(bids) else regime
    for j in range(count):
        have = 0
        for column in range(own.shape[1]):
            have += own[ids[j], column]
        left += max(0.0, float(losses[j] - have))
    for p in range(last + 1):
        if parts[p, ENDS_ALL]:
            continue
        if parts[p, PARTY] >= 0:
            left -= float(parts[p, PARTY])
        else:
            left -= float(totals[variant, p])
            for j in range(count):
                left += float(rooms[variant, p, ids[j]])
    return left


SCORE, WEIGHT, UP = range(3)


@kernel
def pilot(m, w, ways, last, regimes, key, found):
    """Fill in a column for each scenario from number 0: its score, its weight, whether the market is up."""
    tile = tile_of(m, ways)
    parts, rooms, totals = borrowed(w.parts), borrowed(w.rooms), borrowed(w.totals)
    own, bids = borrowed(w.own), borrowed(m.bids)
    defaulted, counts, losses = borrowed(tile.defaulted), borrowed(tile.counts), borrowed(tile.losses)
    for begin in range(0, found.shape[1], TILE):
        size = min(TILE, found.shape[1] - begin)
        for i in range(TILE):
            tile.numbers[i] = begin + i
        draw(m, ways, key, size, tile)
        at = 0
        for i in range(size):
            n = counts[i]
            up = 1 if tile.market[i] > 0.0 else 0
            found[SCORE, begin + i] = score(
                parts, rooms, totals, own, last, up if regimes == 2 else 0, bids, defaulted[i],
                losses[at : at + n], n,
            )  # fmt: skip
            found[WEIGHT, begin + i] = tile.weight[i]
            found[UP, begin + i] = up
            at += n
    return len(tile.defaulted)  # kept until here


@kernel
def gather(m, ways, key, numbers, found):
    """Draw the scenarios of these numbers once more, and fill in what they have in common.

    ``found``: (M + K + 3) x 3 sums of weights: by member those in which it defaults, its own shock in them,
    its conditional probability in all; then by factor its normal; the mixing variable by its degrees of
    freedom; all weights, and their squares.
    """
    members, blocks = len(m.member), len(m.blocks) - 2
    tile = tile_of(m, ways)
    found[:] = 0.0
    for begin in range(0, len(numbers), TILE):
        size = min(TILE, len(numbers) - begin)
        for i in range(TILE):
            tile.numbers[i] = numbers[begin + min(i, size - 1)]
        draw(m, ways, key, size, tile)
        at = 0
        for s in range(size):
            weight = tile.weight[s]
            for _ in range(tile.counts[s]):
                found[tile.ids[at], 0] += weight
                found[tile.ids[at], 1] += weight * tile.shock[at]
                at += 1
            for i in range(members):
                found[i, 2] += weight * tile.chance[i, s]
            for b in range(blocks + 1):
                found[members + b, 0] += weight * tile.z[b, s]
            found[members + blocks + 1, 0] += weight * tile.mixing[s] ** 2
            found[members + blocks + 2, 0] += weight
            found[members + blocks + 2, 1] += weight * weight
