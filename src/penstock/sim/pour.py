"""The waterfall compiled: what each layer gives, and each survivor pays, in one scenario."""

import numpy as np

from penstock.sim.draws import ABILITY, BID, two_uniforms
from penstock.sim.jit import inlined, kernel
from penstock.sim.layout import (
    CALLED_MONEY,
    ENDS_ALL,
    KIND,
    LAST,
    LAYER,
    MATCH_MOST,
    MATCHES,
    PARTY,
    SHARED,
    SPLIT,
)
from penstock.sim.model import UNABLE
from penstock.sim.side_by_side import side_by_side


@kernel
def own_resources(own, ids, counts, losses, left):
    """The defaulters' own layers, for many scenarios together: the losses are what is left of them after all.

    ``own``: M x O; ``ids``, ``losses``: by default, one scenario after another; ``counts``: by scenario.
    ``left``: (O + 1) x scenarios, its losses before the first layer, and what is left of them after each.
    """
    sums = np.zeros(len(ids) + 1, np.int64)
    for j in range(own.shape[1] + 1):
        if j:
            for i in range(len(ids)):
                losses[i] -= min(losses[i], own[np.uint64(ids[i]), j - 1])
        total, begin = 0, 0
        for i in range(len(ids)):
            total += losses[i]
            sums[i + 1] = total
        for number in range(len(counts)):
            end = begin + counts[number]
            left[j, number] = sums[end] - sums[begin]
            begin = end


@inlined
def survivors_of(bids, key, s, regime, ids, count, variant, gone):
    """Fill in who is out, and each member's variant: the regime, and its bid where bids are drawn."""
    gone[:] = 0
    for i in range(count):
        gone[ids[i]] = 1
    for i in range(len(gone)):
        variant[i] = regime
        if len(bids):
            u, _ = two_uniforms(key, s, BID, i)
            bid = 0
            while bid < 3 and u > bids[i, bid]:
                bid += 1
            variant[i] = regime * 4 + bid


@inlined
def unable_of(member, key, s, gone, unable):
    """Fill in which survivors do not pay calls; how many."""
    count = 0
    for i in range(len(gone)):
        unable[i] = 0
        if member[i, UNABLE] > 0.0 and gone[i] == 0:
            u, _ = two_uniforms(key, s, ABILITY, i)
            if u < member[i, UNABLE]:
                unable[i] = 1
                count += 1
    return count


@inlined
def room_of(rooms, totals, p, by_bid, regime, ids, count, variant, gone, silent):
    """What the survivors can give in part p; ``silent``: those who give nothing in it, if there are any."""
    total = 0
    if by_bid:
        for i in range(len(gone)):
            if gone[i] == 0:
                total += rooms[variant[i], p, i]
    else:
        total = totals[regime, p]
        for i in range(count):
            total -= rooms[regime, p, ids[i]]
    for i in range(len(silent)):
        if silent[i]:
            total -= rooms[variant[i], p, i]
    return total


@kernel
def paid_in_full(rooms, p, variant, out, paid):
    """Everybody pays what it can."""
    for i in range(len(out)):
        if out[i] == 0:
            paid[i] += rooms[variant[i], p, i]


@kernel
def paid_evenly(rooms, p, rate, variant, out, paid):
    """Everybody pays the same part of what it can, to the nearest unit."""
    for i in range(len(out)):  # without branches
        pays = np.int64(np.rint(float(rooms[np.uint64(variant[i]), p, i]) * rate))
        paid[i] += pays if out[i] == 0 else 0


@kernel
def paid_by_weight(rooms, weights, p, amount, variant, out, paid):
    """Everybody pays by weight up to what it can: the level rises until nobody new reaches its room."""
    left = float(amount)
    among = 0.0
    for i in range(len(out)):
        if out[i] == 0 and rooms[variant[i], p, i] > 0:
            among += weights[variant[i], p, i]
    level = 0.0
    rising = True
    while rising and among > 0.0:
        rising = False
        before, level = level, left / among
        for i in range(len(out)):
            room = float(rooms[variant[i], p, i])
            weight = weights[variant[i], p, i]
            if out[i] == 0 and room > 0.0 and room <= level * weight and not room <= before * weight:
                left -= room
                rising = True
        among = 0.0  # afresh: a difference of weights far apart would be all rounding
        for i in range(len(out)):
            room = float(rooms[variant[i], p, i])
            weight = weights[variant[i], p, i]
            if out[i] == 0 and room > 0.0 and not room <= level * weight:
                among += weight
    for i in range(len(out)):
        room = rooms[variant[i], p, i]
        if out[i] == 0 and room > 0:
            pays = min(level * weights[variant[i], p, i], 4611686018427387904.0)  # 2^62, above any room
            paid[i] += min(room, int(np.rint(pays)))


@kernel
def charge(rooms, weights, even, p, amount, room, variant, out, paid):
    """Add what each member pays of part p's amount, out of what they can give together."""
    if amount == room:
        paid_in_full(rooms, p, variant, out, paid)
    elif even[variant[0], p]:
        paid_evenly(rooms, p, float(amount) / float(room), variant, out, paid)
    else:
        paid_by_weight(rooms, weights, p, amount, variant, out, paid)


@inlined
def capacity_of(parts, p, open_, room, by_layer, limits):
    """What part p can give: ``room`` of its members, or what its party can, under the limits they share."""
    if parts[p, ENDS_ALL]:
        return open_
    cap = room
    if parts[p, PARTY] >= 0:
        cap = parts[p, PARTY]
        if parts[p, MATCHES] >= 0:
            cap = min(cap, by_layer[parts[p, MATCHES]], parts[p, MATCH_MOST])
    if parts[p, SHARED] >= 0:
        cap = min(cap, limits[parts[p, SHARED]])
    return cap


@inlined
def poured(
    member, bids, ranks, parts, together, rooms, totals, weights, even, key, s, regime,
    ids, count, beyond, rows, variant, out, paid, work, nobody,
):  # fmt: skip
    """Pour what is left over the survivors' steps: what is uncovered, and by what kinds members paid.

    ``out``: 2 x M, who is in default, and who pays no calls besides. ``work``: rows of scratch: rooms,
    capacities, amounts, sizes and odd units of parts, capacities of layers, what is left of limits.
    ``paid``: 3 x M, or without rows where nobody asks who pays. ``nobody`` is empty.
    """
    room, caps, found, sizes, extra = work[0], work[1], work[2], work[3], work[4]
    by_layer, limits = work[5], work[6]
    open_ = beyond
    for i in range(len(by_layer)):
        by_layer[i] = 0
    for i in range(len(together)):
        limits[i] = together[i]
    silent = nobody
    asked, calls, kinds = False, False, 0
    for r in range(len(ranks)):
        if open_ == 0:
            break
        a, b = ranks[r, 0], ranks[r, 1]
        total = 0
        for p in range(a, b):
            called, members = parts[p, CALLED_MONEY], parts[p, KIND] >= 0
            if members and not asked and len(out):
                asked = True
                survivors_of(bids, key, s, regime, ids, count, variant, out[0])
            if called and not calls and len(out):
                calls = True
                if unable_of(member, key, s, out[0], out[1]):
                    silent = out[1].copy()
                for i in range(out.shape[1]):
                    out[1, i] += out[0, i]
            if members:
                without = silent if called else nobody
                room[p - a] = room_of(
                    rooms, totals, p, len(bids) > 0, regime, ids, count, variant, out[0], without
                )
            caps[p - a] = capacity_of(parts, p, open_, room[p - a], by_layer, limits)
            by_layer[parts[p, LAYER]] += caps[p - a]
            total += caps[p - a]
        taken = min(open_, total)
        found[0], extra[0] = taken, 0
        if b - a > 1:
            for p in range(a, b):
                sizes[p - a] = parts[p, SPLIT] if parts[a, SPLIT] > 0 else caps[p - a]
            side_by_side(taken, sizes, caps, b - a, ranks[r, 2], found, extra)
        for p in range(a, b):
            amount = found[p - a]
            layer = parts[p, LAYER]
            kind = parts[p, KIND]
            rows[0, layer] += amount
            rows[1, layer] = 1
            if parts[p, SHARED] >= 0:
                limits[parts[p, SHARED]] -= amount
            if kind >= 0 and amount > 0 and len(paid):
                if not kinds >> kind & 1:
                    kinds |= 1 << kind
                    for i in range(paid.shape[1]):
                        paid[kind, i] = 0
                who = out[1] if parts[p, CALLED_MONEY] else out[0]
                charge(rooms, weights, even, p, amount - extra[p - a], room[p - a], variant, who, paid[kind])
            if parts[p, LAST] and open_ > taken:
                rows[2, layer] = 1
        open_ -= taken
    return open_, kinds
