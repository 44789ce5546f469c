"""Two waterfalls on the same scenarios: common random numbers, so that only the rules differ.

scenario -> defaulters, losses -> poured twice -> differences, payer by payer
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.sim.jit import borrowed, kernel
from penstock.sim.kernel import add
from penstock.sim.layout import CALL, ENDS, FUND, HAIRCUT, OTHER, OWN, LayerInfo, WaterfallArrays
from penstock.sim.pour import own_resources, poured
from penstock.sim.tally import carry
from penstock.sim.tiles import TILE, begun, piece, tile_of

Ints = NDArray[np.int64]

PAYERS = (OWN, OTHER, FUND, CALL, HAIRCUT, ENDS, "members", "uncovered")
"""What is compared: the defaulters' own, the clearing house and others, the members by kind and together."""
MEMBERS, UNCOVERED = 6, 7
ONLY_FIRST, ONLY_SECOND, BOTH = range(3)
SUM_FIRST, SUM_SECOND, DIFFERENCE = 11, 13, 15
"""Columns of a row; from 2 to 10 stand count, sum and squares of the difference's size, as in ``Tally``."""


class Differences(NamedTuple):
    """``scenarios``: how many. ``payers``: 8 x 20, a row for each of PAYERS; ``members``: M x 20.

    In columns: scenarios in which only the first waterfall, only the second, and both take something from
    the payer (17 to 19); the sums of what each takes, and of the first less the second, in two limbs; the
    squares of the difference.
    """

    scenarios: Ints
    payers: Ints
    members: Ints


WHO = 17


def nothing(members: int) -> Differences:
    """Of no scenario."""
    return Differences(
        np.zeros(1, dtype=np.int64),
        np.zeros((len(PAYERS), 20), dtype=np.int64),
        np.zeros((members, 20), dtype=np.int64),
    )


def added(first: Differences, second: Differences) -> Differences:
    """Of both ranges, limbs carried."""
    found = Differences(*(a + b for a, b in zip(first, second, strict=True)))
    carry(found.payers, WHO)
    carry(found.members, WHO)
    return found


def kinds(layers: tuple[LayerInfo, ...]) -> Ints:
    """The row of each layer."""
    return np.array([PAYERS.index(layer.kind) for layer in layers], dtype=np.int64)


class Side(NamedTuple):
    """One of the two waterfalls."""

    arrays: WaterfallArrays
    kinds: Ints
    regimes: int


@kernel
def side_of(own_layer, own, ranks, parts, together, rooms, totals, weights, even, kinds, member, bids,
            key, s, up, ids, losses, count, rows, variant, out, paid, work, nobody, sums):  # fmt: skip
    """Pour the losses down one waterfall; ``sums``: what each of PAYERS bears."""
    rows[:] = 0
    paid[:] = 0
    sums[:] = 0
    beyond = own_resources(own_layer, own, ids, losses, count, rows)
    if beyond > 0:
        uncovered, _ = poured(
            member, bids, ranks, parts, together, rooms, totals, weights, even, key, s, up,
            ids, count, beyond, rows, variant, out, paid, work, nobody,
        )  # fmt: skip
        sums[UNCOVERED] = uncovered
    for q in range(len(kinds)):
        sums[kinds[q]] += rows[0, q]
    sums[MEMBERS] = sums[2] + sums[3] + sums[4]


@kernel
def tell(table, row, first, second):
    """Add one payer's two amounts."""
    if first == 0 and second == 0:
        return
    which = 0 if second == 0 else (1 if first == 0 else 2)
    table[row, WHO + which] += 1
    table[row, SUM_FIRST] += first & 0xFFFFFFFF
    table[row, SUM_FIRST + 1] += first >> 32
    table[row, SUM_SECOND] += second & 0xFFFFFFFF
    table[row, SUM_SECOND + 1] += second >> 32
    difference = first - second
    table[row, DIFFERENCE] += difference & 0xFFFFFFFF
    table[row, DIFFERENCE + 1] += difference >> 32
    if difference != 0:
        add(table, row, abs(difference))


@kernel
def compare(m, one, other, t, key, first, count):
    """Draw ``count`` scenarios from number ``first``, pour each down both waterfalls, add to ``t``."""
    tile = tile_of(len(m.member), len(m.blocks) - 2)
    again = np.zeros(len(tile.losses), np.int64)
    for start in range(first, first + count, TILE):
        size = min(TILE, first + count - start)
        some = begun(m, key, tile, start, size)
        begin, at = 0, 0
        while begin < size:
            begin, at, n = piece(m, key, tile, size, begin, at, some)
            again[:] = tile.losses
            poured_twice(m, one, other, t, key, tile, n, again)
        t.scenarios[0] += size


@kernel
def poured_twice(m, one, other, t, key, tile, hit, losses_again):
    """The ``hit`` scenarios of a piece in which anybody defaults, down both waterfalls."""
    member, bids = borrowed(m.member), borrowed(m.bids)
    members = len(member)
    wide = max(len(one.arrays.parts), len(one.kinds), len(other.arrays.parts), len(other.kinds)) + 1
    wide = max(wide, len(one.arrays.together) + 1, len(other.arrays.together) + 1)
    room, space, sums = (
        np.zeros((10, wide), np.int64),
        np.zeros((9, members), np.int64),
        np.zeros((2, 8), np.int64),
    )
    work, rows = borrowed(room)[:7], borrowed(room)[7:]
    whole = borrowed(space)
    variant, out, nobody = whole[0], whole[1:3], whole[0, :0]
    paid, paid_again = whole[3:6], whole[6:9]
    ids, losses, again = borrowed(tile.ids), borrowed(tile.losses), borrowed(losses_again)
    a, b = one.arrays, other.arrays
    for number in range(hit):
        s, n = np.uint64(tile.hit_numbers[number]), tile.hit_counts[number]
        up = 1 if tile.market[number] > 0.0 else 0
        side_of(
            a.own_layer, a.own, a.ranks, a.parts, a.together, a.rooms, a.totals, a.weights, a.even,
            one.kinds, member, bids, key, s, up if one.regimes == 2 else 0,
            ids, losses, n, rows, variant, out, paid, work, nobody, sums[0],
        )  # fmt: skip
        side_of(
            b.own_layer, b.own, b.ranks, b.parts, b.together, b.rooms, b.totals, b.weights, b.even,
            other.kinds, member, bids, key, s, up if other.regimes == 2 else 0,
            ids, again, n, rows, variant, out, paid_again, work, nobody, sums[1],
        )  # fmt: skip
        ids, losses, again = ids[n:], losses[n:], again[n:]
        for q in range(8):
            tell(t.payers, q, sums[0, q], sums[1, q])
        if sums[0, MEMBERS] > 0 or sums[1, MEMBERS] > 0:
            for i in range(members):
                tell(
                    t.members,
                    i,
                    paid[0, i] + paid[1, i] + paid[2, i],
                    paid_again[0, i] + paid_again[1, i] + paid_again[2, i],
                )
    return len(room) + len(space)  # kept until here
