"""Who may default: tables by which few members are looked at in a scenario, and none is missed.

In a scenario member i comes up as often as a Poisson process says, at a rate h of at least -log(1 - p), p its
conditional probability of default; each time it comes up it defaults with the chance -log(1 - p) / h. So it
is spared with the probability exp(-h (-log(1 - p) / h)) = 1 - p: the rates decide who is looked at, never who
defaults. They are constants in a bin of the block's factor and of the mixing, a line of the tables: how many
members of a block come up is one Poisson number, and who each is takes one look into an alias table (Walker,
ACM TOMS 3, 1977; Vose, IEEE TSE 17, 1991), here in whole numbers. Members at higher rates than MOST_RATE do
not come up, but are asked in every scenario.
"""

import itertools
import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtr

from penstock.core.problems import Problem, Refused
from penstock.sim.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PER_UNIT, REACH = 8, 7
"""Bins of a factor: eight a unit from -7 to 7, and one beyond each end."""
FACTOR_BINS = 2 * REACH * PER_UNIT + 2
PER_OCTAVE = 8
"""Bins of the mixing variable."""
MOST_RATE = 0.5
"""Of members that come up."""
SLOT_BITS, MOST_MEMBERS = 16, (1 << 15) - 1
PIECES = 1 << SLOT_BITS
"""Of a slot of the alias tables; of a block, whose pieces are counted in 31 bits."""
MOST_MEAN, MOST_COUNT = 512.0, 1024
"""Of one Poisson number; a larger one is the sum of several. Beyond the count is a chance of 1e-80."""

NONE, MEAN, DRAWS, UNIT, ASKED, SLOTS, WHOLE, FIRST = range(8)


class Tables(NamedTuple):
    """The tables of all blocks, N members and L lines each; a block's lines stand one after another.

    ``lines``: one more than there are, in columns NONE, the chance that nobody comes up in one of DRAWS
    Poisson numbers of the mean MEAN; UNIT, the rate of a piece; ASKED, where its members in ``asked`` begin,
    to where the next line's do; SLOTS, where its N ``slots`` begin; WHOLE, its pieces, N x 2^16 or 0; FIRST,
    the first member of the block. ``slots``: in 32, 16 and 16 bits, all the pieces of a member; the member
    whose pieces fill up its slot; how many pieces of the slot are its own. ``asked``: who is asked. Members
    are counted within their block. ``most``: no scenario has more candidates.
    """

    lines: Floats
    slots: Ints
    asked: NDArray[np.int32]
    most: int


def tables(threshold: Floats, loading: Floats, starts: list[int], bins: Ints, degrees: float) -> Tables:
    """The tables; ``threshold``, ``loading`` by member, ``starts`` where blocks begin, and the last ends.

    Refused MODEL_SIZE for a block of more than MOST_MEMBERS.
    """
    largest = max((end - first for first, end in pairwise(starts)), default=0)
    if largest > MOST_MEMBERS:
        says = f"{largest} members depend on one factor"
        raise Refused(Problem("MODEL_SIZE", ("blocks",), says, f"blocks of at most {MOST_MEMBERS} members"))
    parts = []
    slot, asked, most = 0, 0, len(threshold)
    for first, end in pairwise(starts):
        one = slice(first, end)
        rates = _rates(threshold[one], loading[one], bins, degrees)
        lines, slots, who = _filled(rates)
        lines[:, ASKED] += asked
        lines[:, SLOTS] += slot
        lines[:, FIRST] = first
        slot, asked = slot + len(slots), asked + len(who)
        most += MOST_COUNT * int(lines[:, DRAWS].max(initial=0))
        parts.append((lines, slots, who))
    last = np.zeros((1, 8))
    last[0, ASKED] = asked
    lines, slots, who = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return Tables(np.concatenate([lines, last]), slots, who, most)


def mixing_bins(degrees: float) -> Ints:
    """The exponent of two at which the bins of W begin, and how many there are: one where there is no W."""
    if np.isinf(degrees):
        return np.array([0, 1], dtype=np.int64)
    low, high = (float(np.log2(chdtri(degrees, tail))) for tail in (1 - 1e-3, 1e-4))
    first, last = int(np.floor(low)), int(np.ceil(high))
    return np.array([first, (last - first) * PER_OCTAVE], dtype=np.int64)


def _mixing_edges(bins: Ints, degrees: float) -> list[tuple[float, float]]:
    """The least and the greatest sqrt(W / nu) of each bin."""
    first, count = int(bins[0]), int(bins[1])
    if np.isinf(degrees):
        return [(1.0, 1.0)]
    edges = [
        2.0**first * 2 ** (i // PER_OCTAVE) * (1 + i % PER_OCTAVE / PER_OCTAVE) for i in range(count + 1)
    ]
    edges[0], edges[-1] = 0.0, 1e12
    roots = [float(np.sqrt(edge / degrees)) for edge in edges]
    return list(itertools.pairwise(roots))


def _rates(threshold: Floats, loading: Floats, bins: Ints, degrees: float) -> Floats:
    """-log(1 - p) for the largest conditional probability p in each line: line x member.

    It is monotone in the factor and in the mixing, so the largest is at a corner of the bins. A little is
    added, since the kernels' probabilities are rounded.
    """
    edges = np.arange(-REACH * PER_UNIT, REACH * PER_UNIT + 1) / PER_UNIT
    sides = np.concatenate([[-40.0], edges, [40.0]])
    own = np.sqrt(1 - loading**2)
    most = np.zeros((FACTOR_BINS, int(bins[1]), len(threshold)))
    finite = np.where(np.isfinite(threshold), threshold, 0.0)
    for i, pair in enumerate(_mixing_edges(bins, degrees)):
        for mixing in pair:
            conditional = ndtr((finite * mixing - loading * sides[:, np.newaxis]) / own)
            for side in (conditional[:-1], conditional[1:]):
                most[:, i, :] = np.maximum(most[:, i, :], side)
    most[..., np.isneginf(threshold)] = 0.0
    most[..., np.isposinf(threshold)] = 1.0
    with np.errstate(divide="ignore"):
        rates: Floats = -np.log1p(-most.reshape(-1, len(threshold))) * (1 + 2e-9)
    return rates


@kernel
def _filled(rates):
    """Lines, slots and who is asked of one block; ``rates``: line x member."""
    count, members = rates.shape
    lines = np.zeros((count, 8))
    slots = np.zeros(count * members, np.int64)
    asked = np.zeros(count * members, np.int32)
    asks = 0
    whole = members * PIECES
    for row in range(count):
        start = row * members
        lines[row, NONE], lines[row, ASKED], lines[row, SLOTS] = 1.0, asks, start
        total = 0.0
        for i in range(members):
            if rates[row, i] > MOST_RATE:
                asked[asks] = i
                asks += 1
            else:
                total += rates[row, i]
        if total == 0.0:
            continue
        unit = total / (whole - members) * (1.0 + 1e-12)  # so that all fit, rounded up
        draws = math.ceil(unit * whole / MOST_MEAN)
        lines[row, DRAWS], lines[row, MEAN] = draws, unit * whole / draws
        lines[row, NONE] = math.exp(-unit * whole / draws)
        lines[row, UNIT], lines[row, WHOLE] = unit, whole
        pieces = np.zeros(members, np.int64)
        for i in range(members):
            if rates[row, i] <= MOST_RATE:
                pieces[i] = math.ceil(rates[row, i] / unit)
        pieces[np.argmax(pieces)] += whole - pieces.sum()
        _fill(pieces, slots[start : start + members])
    return lines, slots, asked[:asks].copy()


@kernel
def _fill(pieces, slots):
    """Fill each slot with pieces of its own member, and up with those of one who has more than a slot."""
    members = len(pieces)
    left = pieces.copy()
    short, long = np.zeros(members, np.int64), np.zeros(members, np.int64)
    shorts, longs = 0, 0
    for i in range(members):
        if left[i] < PIECES:
            short[shorts] = i
            shorts += 1
        else:
            long[longs] = i
            longs += 1
    while shorts:
        shorts -= 1
        slot, giver = short[shorts], long[longs - 1]
        slots[slot] = pieces[slot] << 2 * SLOT_BITS | giver << SLOT_BITS | left[slot]
        left[giver] -= PIECES - left[slot]
        if left[giver] < PIECES:
            longs -= 1
            short[shorts] = giver
            shorts += 1
    for i in range(longs):
        slots[long[i]] = pieces[long[i]] << 2 * SLOT_BITS | long[i] << SLOT_BITS
