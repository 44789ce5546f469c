"""Who defaults, and with which loss, compiled: the work is by the defaults, not by the members."""

import math

from penstock.sim.draws import (
    CANDIDATE,
    FACTOR,
    LOSS,
    MIXING,
    OWN_MIXING,
    chi_square,
    normal,
    octave_bin,
    two_uniforms,
)
from penstock.sim.jit import inlined, kernel
from penstock.sim.model import (
    BLOCK,
    FACTOR_BINS,
    JUMP,
    LARGEST,
    LOADING,
    MARKET,
    OWN_LATENT,
    OWN_SHOCK,
    PER_OCTAVE,
    PER_UNIT,
    REACH,
    RIGHT_WAY,
    SCALE,
    START,
    TAIL,
    TAIL_DEGREES,
    TAIL_INDEX,
    THRESHOLD,
    WRONG_WAY,
)

MOST_LOSS = float(LARGEST)
ROOT_HALF = 0.7071067811865476
BITS = PER_OCTAVE.bit_length() - 1


@kernel
def factor_bin(g):
    """The bin of a block's factor."""
    place = math.floor((g + REACH) * PER_UNIT) + 1
    return min(max(place, 0), FACTOR_BINS - 1)


@kernel
def mixing_bin(w, first, bins):
    """The bin of the mixing variable W."""
    return min(max(octave_bin(w, BITS) - first * PER_OCTAVE, 0), bins - 1)


@inlined
def conditional(member, i, g, mixing):
    """Member i's probability of default, given its block's factor and sqrt(W / nu)."""
    own = (member[i, THRESHOLD] * mixing - member[i, LOADING] * g) / member[i, OWN_LATENT]
    return 0.5 * math.erfc(-own * ROOT_HALF)


@inlined
def first_above(table, low, high, target):
    """The first position in [low, high) of the ascending table whose value is above the target, or high."""
    while low < high:
        middle = (low + high) >> 1
        if table[middle] > target:
            high = middle
        else:
            low = middle + 1
    return low


@inlined
def defaults_of(blocks, hazard, member, factors, degrees, key, s, scratch, ids):
    """Fill in who defaults; how many, and sqrt(W / nu), which is one under a Gaussian copula.

    A block's candidates come one after another by exponential steps over the cumulative hazards of their
    bounds; a candidate defaults with its own conditional probability over its bound. ``scratch``: rows for
    the normals, the blocks' factors, and the defaulters' conditional probabilities.
    """
    count = 0
    mixing = 1.0
    row = 0
    last = len(blocks) - 1
    bins = blocks[last, 1]
    if degrees > 0.0:
        w = chi_square(key, s, MIXING, 0, degrees)
        mixing = math.sqrt(w / degrees)
        row = mixing_bin(w, blocks[last, 0], bins)
    for b in range(last - 1):
        u, step = two_uniforms(key, s, FACTOR, b)
        scratch[0, b] = normal(u)
        factor = 0.0
        for j in range(b + 1):
            factor += factors[b, j] * scratch[0, j]
        scratch[1, b] = factor
        first = blocks[b, 0]
        size = blocks[b + 1, 0] - first
        start = blocks[b, 1] + (factor_bin(factor) * bins + row) * (size + 1)
        if step <= float(hazard[start]):
            continue
        start += 1
        at = 0.0
        place = start
        number = 0
        while True:
            place = first_above(hazard, place, start + size, at - math.log(step))
            if place == start + size:
                break
            before = float(hazard[place - 1]) if place > start else 0.0
            at = float(hazard[place])
            i = first + place - start
            chance = conditional(member, i, factor, mixing)
            u, step = two_uniforms(key, s, CANDIDATE, (b << 16) | number)
            if u * -math.expm1(before - at) < chance:
                ids[count] = i
                scratch[2, count] = chance
                count += 1
            number += 1
            place += 1
    return count, mixing


@inlined
def market_of(blocks, member, factors, key, s, scratch, ids, count):
    """The market factor, with the jumps at the defaults."""
    k = len(blocks) - 2
    u, _ = two_uniforms(key, s, FACTOR, k)
    scratch[0, k] = normal(u)
    market = 0.0
    for j in range(k + 1):
        market += factors[k, j] * scratch[0, j]
    for i in range(count):
        market += member[ids[i], JUMP]
    return market


@inlined
def amount_of(member, numbers, key, s, i, latent, h, mixing, market):
    """What member i's default costs before its own resources, in minor units.

    ``latent``: its latent variable, read only under wrong-way risk; ``h``: the shock's own normal part.
    """
    shock = member[i, MARKET] * market + member[i, OWN_SHOCK] * h
    if member[i, WRONG_WAY] != 0.0:
        shock = member[i, RIGHT_WAY] * shock - member[i, WRONG_WAY] * latent
    if numbers[TAIL] == 1.0:
        if numbers[TAIL_DEGREES] > 0.0:
            own = chi_square(key, s, OWN_MIXING, i, numbers[TAIL_DEGREES])
            shock /= math.sqrt(own / numbers[TAIL_DEGREES])
        else:
            shock /= mixing
    elif numbers[TAIL] == 2.0:
        index = numbers[TAIL_INDEX]
        log = math.log(0.5 * math.erfc(shock * ROOT_HALF))
        shock = -log if index == 0.0 else math.expm1(-index * log) / index
    amount = member[i, START] + member[i, SCALE] * shock
    return math.floor(min(amount if amount > 0.0 else 0.0, MOST_LOSS) + 0.5)


@inlined
def losses_of(blocks, member, factors, numbers, key, s, scratch, mixing, ids, losses, count):
    """Fill in the defaulters' losses; the market factor."""
    market = market_of(blocks, member, factors, key, s, scratch, ids, count)
    for j in range(count):
        i = ids[j]
        u, v = two_uniforms(key, s, LOSS, i)
        latent = 0.0
        if member[i, WRONG_WAY] != 0.0:
            own = normal(u * scratch[2, j])
            latent = member[i, LOADING] * scratch[1, int(member[i, BLOCK])] + member[i, OWN_LATENT] * own
        losses[j] = amount_of(member, numbers, key, s, i, latent, normal(v), mixing, market)
    return market
