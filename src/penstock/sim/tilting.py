"""Importance sampling compiled: bad times drawn more often, each scenario weighted by its likelihood ratio.

A scenario is drawn from the model f with chance ``share``, else from the tilted model g, and weighs
f / (share f + (1 - share) g), which is never more than 1 / share (a defensive mixture: Hesterberg,
Technometrics 37, 1995). The tilted model shifts the normals of the factors, scales the mixing variable,
multiplies the members' odds of default given the factors, and shifts the defaulters' own shocks (Glasserman
and Li, Management Science 51, 2005). The ratio is that of everything drawn, candidates who do not default
included, so its cost is by the defaults as well.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.sim.defaults import amount_of, conditional, factor_bin, first_above, mixing_bin
from penstock.sim.draws import CANDIDATE, FACTOR, LOSS, MIXING, PLAN, chi_square, normal, two_uniforms
from penstock.sim.jit import borrowed, inlined, kernel
from penstock.sim.kernel import add
from penstock.sim.layout import ENDS_ALL, PARTY
from penstock.sim.model import BLOCK, DEGREES, JUMP, LOADING, OWN_LATENT, WRONG_WAY
from penstock.sim.pour import own_resources, poured
from penstock.sim.tally import carry

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ONE = 2.0**44
"""A weight of one: weights are added up as whole numbers."""


class Tilt(NamedTuple):
    """The tilted model of M members in K blocks.

    ``shift``: K + 1, of the normals of the factors and of the market. ``odds``: M, by which the odds of
    default are multiplied; ``loss``: M, the shift of a defaulter's own shock. ``hazard``: the table of
    bounds of the tilted probabilities, laid out as the model's. ``numbers``: the scale of the mixing
    variable, and the share of scenarios that are drawn from the model itself.
    """

    shift: Floats
    odds: Floats
    loss: Floats
    hazard: NDArray[np.float32]
    numbers: Floats


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
def tilted_chance(p, odds):
    """The probability with its odds multiplied."""
    return p * odds / (1.0 + p * (odds - 1.0))


@inlined
def step_of(table, place, start):
    """The hazard of one member, from the cumulative ones."""
    return float(table[place]) - (float(table[place - 1]) if place > start else 0.0)


@kernel
def candidate_ratio(defaults, p, q, bound, tilted):
    """The logarithm of f / g of a candidate that defaults, or does not, beside that of having become one."""
    if defaults:
        return math.log(p / q)
    if bound > p and tilted > q:
        return math.log((bound - p) / (tilted - q))
    return 0.0


@kernel
def mixing_ratio(w, degrees, scale):
    """The logarithm of f / g of a chi-square number that g scales."""
    return 0.5 * degrees * math.log(scale) + 0.5 * w * (1.0 / scale - 1.0)


@inlined
def tilted_defaults(
    blocks, hazard, other, member, factors, shift, odds, degrees, scale, plain, key, s, scratch, ids
):
    """Fill in who defaults; how many, sqrt(W / nu), and the logarithm of f / g of all that was drawn.

    As ``defaults.defaults_of``; ``other`` is the table of the tilted model, ``plain`` whether this scenario
    is drawn from the model itself. Rows of ``scratch`` as there.
    """
    count = 0
    mixing, row, ratio = 1.0, 0, 0.0
    last = len(blocks) - 1
    bins = blocks[last, 1]
    if degrees > 0.0:
        w = chi_square(key, s, MIXING, 0, degrees)
        if not plain:
            w *= scale
        mixing = math.sqrt(w / degrees)
        row = mixing_bin(w, blocks[last, 0], bins)
        ratio += mixing_ratio(w, degrees, scale)
    for b in range(last - 1):
        u, step = two_uniforms(key, s, FACTOR, b)
        scratch[0, b] = normal(u)
        if not plain:
            scratch[0, b] += shift[b]
        ratio -= shift[b] * (scratch[0, b] - 0.5 * shift[b])
        factor = 0.0
        for j in range(b + 1):
            factor += factors[b, j] * scratch[0, j]
        scratch[1, b] = factor
        first = blocks[b, 0]
        size = blocks[b + 1, 0] - first
        start = blocks[b, 1] + (factor_bin(factor) * bins + row) * (size + 1) + 1
        ratio += float(other[start + size - 1]) - float(hazard[start + size - 1])
        at, place, number = 0.0, start, 0
        while True:
            if plain:
                place = first_above(hazard, place, start + size, at - math.log(step))
            else:
                place = first_above(other, place, start + size, at - math.log(step))
            if place == start + size:
                break
            h, k = step_of(hazard, place, start), step_of(other, place, start)
            at = float(hazard[place]) if plain else float(other[place])
            i = first + place - start
            p = conditional(member, i, factor, mixing)
            q = tilted_chance(p, odds[i])
            bound, tilted = -math.expm1(-h), -math.expm1(-k)
            u, step = two_uniforms(key, s, CANDIDATE, (b << 16) | number)
            defaults = u * (bound if plain else tilted) < (p if plain else q)
            ratio += h - k + candidate_ratio(defaults, p, q, bound, tilted)
            if defaults:
                ids[count] = i
                scratch[2, count] = p
                count += 1
            number += 1
            place += 1
    return count, mixing, ratio


@inlined
def tilted_losses(
    blocks, member, factors, numbers, shift, loss, plain, key, s, scratch, mixing, ids, losses, count
):
    """Fill in the losses, and the defaulters' own shocks in a row of ``scratch``; the market, log f / g."""
    k = len(blocks) - 2
    u, _ = two_uniforms(key, s, FACTOR, k)
    scratch[0, k] = normal(u)
    if not plain:
        scratch[0, k] += shift[k]
    ratio = -shift[k] * (scratch[0, k] - 0.5 * shift[k])
    market = 0.0
    for j in range(k + 1):
        market += factors[k, j] * scratch[0, j]
    for j in range(count):
        market += member[ids[j], JUMP]
    for j in range(count):
        i = ids[j]
        u, v = two_uniforms(key, s, LOSS, i)
        own = normal(v)
        if not plain:
            own += loss[i]
        scratch[3, j] = own
        ratio -= loss[i] * (own - 0.5 * loss[i])
        latent = 0.0
        if member[i, WRONG_WAY] != 0.0:
            latent = member[i, LOADING] * scratch[1, int(member[i, BLOCK])]
            latent += member[i, OWN_LATENT] * normal(u * scratch[2, j])
        losses[j] = amount_of(member, numbers, key, s, i, latent, own, mixing, market)
    return market, ratio


@kernel
def weight_of(ratio, share):
    """The weight of a scenario from the logarithm of f / g."""
    if share >= 1.0:
        return 1.0
    return 1.0 / (share + (1.0 - share) * math.exp(min(-ratio, 700.0)))


@kernel
def sample(m, w, tilt, t, regimes, layers, key, first, count):
    """Draw ``count`` scenarios from number ``first`` by the mixture, pour, and add their weights to ``t``."""
    blocks, hazard, member = borrowed(m.blocks), borrowed(m.hazard), borrowed(m.member)
    factors, bids, numbers = borrowed(m.factors), borrowed(m.bids), borrowed(m.numbers)
    shift, odds, loss = borrowed(tilt.shift), borrowed(tilt.odds), borrowed(tilt.loss)
    other = borrowed(tilt.hazard)
    own_layer, own = borrowed(w.own_layer), borrowed(w.own)
    ranks, parts, together = borrowed(w.ranks), borrowed(w.parts), borrowed(w.together)
    rooms, totals = borrowed(w.rooms), borrowed(w.totals)
    weights, even = borrowed(w.weights), borrowed(w.even)
    members = len(member)
    space, whole = np.zeros((4, max(members, len(blocks)) + 1)), np.zeros((8, members + 1), np.int64)
    work = np.zeros((10, max(len(parts), layers, len(together)) + 1), np.int64)
    scratch = borrowed(space)
    ids, losses, variant = whole[0], whole[1], whole[2, :members]
    out, paid, nobody = whole[3:5, :members], whole[5:8, :members], whole[0, :0]
    rows = work[7:]
    degrees, scale, share = numbers[DEGREES], tilt.numbers[0], tilt.numbers[1]
    for number in range(first, first + count):
        s = np.uint64(number)
        u, _ = two_uniforms(key, s, PLAN, 0)
        plain = u < share
        n, mixing, ratio = tilted_defaults(
            blocks, hazard, other, member, factors, shift, odds, degrees, scale, plain, key, s, scratch, ids
        )
        t.scenarios[0] += 1
        if n == 0:
            add(t.events, 0, int(np.rint(weight_of(ratio, share) * ONE)))
            continue
        market, more = tilted_losses(
            blocks, member, factors, numbers, shift, loss, plain, key, s, scratch, mixing, ids, losses, n
        )
        weight = weight_of(ratio + more, share)
        fixed = int(np.rint(weight * ONE))
        add(t.events, 0, fixed)
        rows[:] = 0
        beyond = own_resources(own_layer, own, ids, losses, n, rows)
        if beyond > 0:
            uncovered, _ = poured(
                member, bids, ranks, parts, together, rooms, totals, weights, even, key, s,
                1 if regimes == 2 and market > 0.0 else 0,
                ids, n, beyond, rows, variant, out, paid, work, nobody,
            )  # fmt: skip
            if uncovered > 0:
                add(t.events, 1, fixed)
        for q in range(layers):
            if rows[1, q]:
                add(t.events, 2 + 2 * q, fixed)
                if rows[2, q]:
                    add(t.events, 3 + 2 * q, fixed)
    return len(space)  # kept until here


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


@kernel
def pilot(m, w, tilt, last, regimes, key, count, level, scores, found):
    """Draw ``count`` scenarios; their scores, and of those at or above the level what they have in common.

    ``found``: (M + K + 3) x 3 sums of weights: by member those in which it defaults, its own shock in them,
    its conditional probability in all; then by factor its normal; the mixing variable; all weights.
    """
    members, blocks = len(m.member), len(m.blocks) - 2
    lines, hazard, member = borrowed(m.blocks), borrowed(m.hazard), borrowed(m.member)
    factors, numbers, bids = borrowed(m.factors), borrowed(m.numbers), borrowed(m.bids)
    shift, odds, loss = borrowed(tilt.shift), borrowed(tilt.odds), borrowed(tilt.loss)
    other, scale, degrees = borrowed(tilt.hazard), tilt.numbers[0], numbers[DEGREES]
    parts, rooms, totals, own_room = (
        borrowed(w.parts),
        borrowed(w.rooms),
        borrowed(w.totals),
        borrowed(w.own),
    )
    space, room = np.zeros((4, max(members, len(lines)) + 1)), np.zeros((2, members + 1), np.int64)
    scratch, whole = borrowed(space), borrowed(room)
    ids, losses = whole[0], whole[1]
    found[:] = 0.0
    share = tilt.numbers[1]
    for number in range(count):
        s = np.uint64(number)
        u, _ = two_uniforms(key, s, PLAN, 0)
        plain = u < share
        n, mixing, ratio = tilted_defaults(
            lines, hazard, other, member, factors, shift, odds, degrees, scale, plain, key, s, scratch, ids
        )
        market, more = tilted_losses(
            lines, member, factors, numbers, shift, loss, plain, key, s, scratch, mixing, ids, losses, n
        )
        up = 1 if regimes == 2 and market > 0.0 else 0
        scores[number] = score(parts, rooms, totals, own_room, last, up, bids, ids, losses, n)
        if scores[number] < level:
            continue
        weight = weight_of(ratio + more, share)
        for j in range(n):
            found[ids[j], 0] += weight
            found[ids[j], 1] += weight * scratch[3, j]
        for i in range(members):
            found[i, 2] += weight * conditional(member, i, scratch[1, int(member[i, BLOCK])], mixing)
        for b in range(blocks + 1):
            found[members + b, 0] += weight * scratch[0, b]
        found[members + blocks + 1, 0] += weight * mixing * mixing
        found[members + blocks + 2, 0] += weight
    return len(space) + len(room)  # kept until here
