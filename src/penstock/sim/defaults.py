"""Compiled parts of who defaults, and with which loss: bins, conditional probabilities, amounts."""

import math

from penstock.sim.draws import (
    OWN_MIXING,
    chi_square,
    octave_bin,
)
from penstock.sim.jit import inlined, kernel
from penstock.sim.model import (
    FACTOR_BINS,
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
