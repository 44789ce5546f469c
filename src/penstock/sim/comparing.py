"""Two waterfalls on the same scenarios: common random numbers, so that only the rules differ.

scenario -> defaulters, losses -> poured twice -> differences, payer by payer
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.sim.adding import add
from penstock.sim.jit import borrowed, kernel
from penstock.sim.layout import CALL, ENDS, FUND, HAIRCUT, OTHER, OWN, LayerInfo, WaterfallArrays
from penstock.sim.pour import own_resources, poured
from penstock.sim.tally import carry
from penstock.sim.tiles import TILE, begun, piece, tile_of

Ints = NDArray[np.int64]

PAYERS = (OWN, OTHER, FUND, CALL, HAIRCUT, ENDS, "members", "uncovered")
"""What is compared: the defaulters' own, the clearing house and others, the members by kind and together."""
DEFAULTERS, MEMBERS, UNCOVERED = 0, 6, 7
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
def side_of(ranks, parts, together, rooms, totals, weights, even, kinds, member, bids, key, s, up, ids, count,
            gross, beyond, rows, variant, out, paid, work, nobody, sums):  # fmt: skip
    """Pour what goes ``beyond`` own resources down one waterfall; ``sums``: what each of PAYERS bears."""
    rows[:] = 0
    paid[:] = 0
    sums[:] = 0
    if beyond > 0:
        uncovered, _ = poured(
            member, bids, ranks, parts, together, rooms, totals, weights, even, key, s, up,
            ids, count, beyond, rows, variant, out, paid, work, nobody,
        )  # fmt: skip
        sums[UNCOVERED] = uncovered
    for q in range(len(kinds)):
        sums[kinds[q]] += rows[0, q]
    sums[DEFAULTERS] += gross - beyond
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
    tile = tile_of(m)
    again = np.zeros(len(tile.losses), np.int64)
    left = np.zeros((one.arrays.own.shape[1] + 1, TILE), np.int64)
    left_again = np.zeros((other.arrays.own.shape[1] + 1, TILE), np.int64)
    for start in range(first, first + count, TILE):
        size = min(TILE, first + count - start)
        some = begun(m, key, tile, start, size)
        begin, at = 0, 0
        while begin < size:
            begin, at, n, found = piece(m, key, tile, size, begin, at, some)
            again[:found] = tile.losses[:found]
            own_resources(one.arrays.own, tile.ids[:found], tile.hit_counts[:n], tile.losses, left)
            own_resources(other.arrays.own, tile.ids[:found], tile.hit_counts[:n], again, left_again)
            poured_twice(m, one, other, t, key, tile, left[0, :n], left[-1], left_again[-1])
        t.scenarios[0] += size


@kernel
def poured_twice(m, one, other, t, key, tile, gross, beyond, beyond_again):
    """The scenarios of a piece in which anybody defaults, down both waterfalls."""
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
    ids = borrowed(tile.ids)
    a, b = one.arrays, other.arrays
    for number in range(len(gross)):
        s, n = np.uint64(tile.hit_numbers[number]), tile.hit_counts[number]
        up = 1 if tile.market[number] > 0.0 else 0
        side_of(
            a.ranks, a.parts, a.together, a.rooms, a.totals, a.weights, a.even, one.kinds, member, bids, key,
            s, up if one.regimes == 2 else 0, ids, n, gross[number], beyond[number], rows, variant, out,
            paid, work, nobody, sums[0],
        )  # fmt: skip
        side_of(
            b.ranks, b.parts, b.together, b.rooms, b.totals, b.weights, b.even, other.kinds, member, bids,
            key, s, up if other.regimes == 2 else 0, ids, n, gross[number], beyond_again[number], rows,
            variant, out, paid_again, work, nobody, sums[1],
        )  # fmt: skip
        ids = ids[n:]
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
