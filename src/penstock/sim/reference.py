"""One scenario poured and added up, said readably in plain Python: the meaning of ``pour`` and ``kernel``.

Tests hold the bits equal.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from math import frexp

import numpy as np

from penstock.core.money import Rounding, share
from penstock.sim.draws import ABILITY, BID
from penstock.sim.layout import (
    CALLED_MONEY,
    ENDS_ALL,
    KIND,
    LAST,
    LAYER,
    MATCH_MOST,
    MATCHES,
    MEMBER_KINDS,
    PARTY,
    SHARED,
    SPLIT,
    Waterfall,
)
from penstock.sim.model import BIDS, UNABLE, ModelArrays
from penstock.sim.reference_draws import Scenario, scenario, uniforms
from penstock.sim.tally import (
    MEMBER_PER_OCTAVE,
    PASSED,
    POSITIVE,
    REACHED,
    SQUARES,
    SUM,
    TOGETHER,
    WORST,
    Ints,
    Tally,
    empty,
)
from penstock.sim.tally import PER_OCTAVE as AMOUNT_BINS

__all__ = ["Poured", "Scenario", "poured", "scenario", "tallied"]

# --- the waterfall ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Poured:
    """What came of a scenario: by layer, and by surviving member and kind; minor units."""

    used: list[int]
    reached: list[bool]
    passed: list[bool]
    uncovered: int = 0
    beyond: int = 0
    paid: dict[str, dict[int, int]] = field(default_factory=dict)
    bids: dict[int, str] = field(default_factory=dict)
    unable: tuple[int, ...] = ()


def poured(waterfall: Waterfall, m: ModelArrays, seed: int, one: Scenario) -> Poured:
    """Pour the losses of the scenario by the arrays."""
    w = waterfall.arrays
    count = len(waterfall.layers)
    found = Poured([0] * count, [False] * count, [False] * count)
    for member, loss in one.losses.items():
        left = loss
        for column, layer in enumerate(w.own_layer):
            if left == 0:
                break
            taken = min(left, int(w.own[member, column]))
            found.reached[layer] = True
            found.used[layer] += taken
            left -= taken
            found.passed[layer] |= left > 0
        found.beyond += left
    if found.beyond:
        _Survivors(waterfall, m, seed, one, found).pour()
    return found


class _Survivors:
    """The steps after the defaulters' own."""

    def __init__(self, waterfall: Waterfall, m: ModelArrays, seed: int, one: Scenario, found: Poured) -> None:
        self.waterfall, self.w, self.found = waterfall, waterfall.arrays, found
        self.alive = [i for i in range(len(waterfall.members)) if i not in one.losses]
        self.regime = int(one.up) if waterfall.regimes == 2 else 0
        self.variant = dict.fromkeys(range(len(waterfall.members)), self.regime)
        if len(m.bids):
            for i in self.variant:
                u, _ = uniforms(seed, one.number, BID, i)
                bid = next((k for k in range(3) if u <= m.bids[i, k]), 3)
                self.variant[i] = self.regime * 4 + bid
                found.bids[i] = BIDS[bid]
        self.draws = m, seed, one.number
        self.limits = [int(size) for size in self.w.together]
        self.capacity = [0] * len(waterfall.layers)
        found.paid = {kind: dict.fromkeys(self.alive, 0) for kind in MEMBER_KINDS}

    def pour(self) -> None:
        """Rank after rank, until nothing is open."""
        w, found = self.w, self.found
        open_ = found.beyond
        reached_calls = False
        for a, b, taker in w.ranks:
            if open_ == 0:
                break
            parts = range(int(a), int(b))
            if not reached_calls and any(w.parts[p, CALLED_MONEY] for p in parts):
                reached_calls = True
                found.unable = tuple(self._unable())
            rooms = [self._rooms(p) for p in parts]
            caps = []
            for p, room in zip(parts, rooms, strict=True):
                cap = open_ if w.parts[p, ENDS_ALL] else self._cap(p, room)
                caps.append(cap)
                self.capacity[w.parts[p, LAYER]] += cap
            taken = min(open_, sum(caps))
            amounts, extra = self._divided(int(taker), parts, taken, caps)
            for p, room, amount, odd in zip(parts, rooms, amounts, extra, strict=True):
                layer = int(w.parts[p, LAYER])
                found.reached[layer] = True
                found.used[layer] += amount
                if w.parts[p, SHARED] >= 0:
                    self.limits[w.parts[p, SHARED]] -= amount
                if w.parts[p, KIND] >= 0 and amount:
                    self._pay(p, amount - odd, room)
                if w.parts[p, LAST] and open_ > taken:
                    found.passed[layer] = True
            open_ -= taken
        found.uncovered = open_

    def _unable(self) -> Iterator[int]:
        m, seed, number = self.draws
        for i in self.alive:
            if m.member[i, UNABLE] > 0.0 and uniforms(seed, number, ABILITY, i)[0] < m.member[i, UNABLE]:
                yield i

    def _rooms(self, p: int) -> dict[int, int]:
        """What each survivor can give."""
        if self.w.parts[p, PARTY] >= 0:
            return {}
        out = self.found.unable if self.w.parts[p, CALLED_MONEY] else ()
        return {i: int(self.w.rooms[self.variant[i], p, i]) for i in self.alive if i not in out}

    def _cap(self, p: int, room: dict[int, int]) -> int:
        w = self.w
        cap = sum(room.values())
        if w.parts[p, PARTY] >= 0:
            cap = int(w.parts[p, PARTY])
            matched = int(w.parts[p, MATCHES])
            if matched >= 0:
                cap = min(cap, self.capacity[matched], int(w.parts[p, MATCH_MOST]))
        return min(cap, self.limits[w.parts[p, SHARED]]) if w.parts[p, SHARED] >= 0 else cap

    def _divided(self, taker: int, parts: range, taken: int, caps: list[int]) -> tuple[list[int], list[int]]:
        """The amount over layers side by side, and the odd units in each that its payers do not pay."""
        if len(parts) == 1:
            return [taken], [0]
        weights = [int(self.w.parts[p, SPLIT]) for p in parts]
        rounding: Rounding = "largest_remainder" if taker < 0 else "floor_residual"
        amounts, odd = share(taken, weights if weights[0] else caps, caps, rounding)
        extra = [0] * len(amounts)
        for i in [taker, *range(len(amounts))]:
            more = min(odd, caps[i] - amounts[i])
            amounts[i] += more
            extra[i] += more
            odd -= more
        return amounts, extra

    def _pay(self, p: int, amount: int, room: dict[int, int]) -> None:
        """What each survivor pays: a rate, to the nearest unit, and never beyond its room."""
        paid = self.found.paid[MEMBER_KINDS[self.w.parts[p, KIND]]]
        total = sum(room.values())
        if amount == total:
            for i, most in room.items():
                paid[i] += most
            return
        if self.w.even[self.variant[0], p]:
            rate = float(amount) / float(total)
            for i, most in room.items():
                paid[i] += round(float(most) * rate)
            return
        weights = {i: float(self.w.weights[self.variant[i], p, i]) for i, most in room.items() if most}
        level = self._level(float(amount), weights, room)
        for i, weight in weights.items():
            paid[i] += min(room[i], round(level * weight))

    @staticmethod
    def _level(left: float, weights: dict[int, float], room: dict[int, int]) -> float:
        """The level at which the shares level x weight, none above its room, make up the amount."""
        among = list(accumulate(weights.values(), initial=0.0))[-1]
        level = 0.0
        full = True
        while full and among > 0.0:
            full = False
            before, level = level, left / among
            for i, weight in weights.items():
                if float(room[i]) <= level * weight and not float(room[i]) <= before * weight:
                    left -= float(room[i])
                    full = True
            among = 0.0
            for i, weight in weights.items():
                if not float(room[i]) <= level * weight:
                    among += weight
        return level


# --- adding up ----------------------------------------------------------------------------------------


def tallied(waterfall: Waterfall, m: ModelArrays, seed: int, first: int, count: int) -> Tally:
    """The tally of ``count`` scenarios from number ``first``, one after another."""
    layers = len(waterfall.layers)
    tally = empty(len(waterfall.members), layers)
    worst: list[tuple[int, int, int]] = []
    for number in range(first, first + count):
        one = scenario(m, seed, number)
        tally.defaults[len(one.losses)] += 1
        for member in one.losses:
            tally.defaulted[member] += 1
        found = poured(waterfall, m, seed, one)
        for q, used in enumerate(found.used):
            tally.measures[q, REACHED] += found.reached[q]
            tally.measures[q, PASSED] += found.passed[q]
            _measure(tally.measures, tally.histogram, q, used, AMOUNT_BINS)
        sums = found.uncovered, found.beyond, sum(one.losses.values())
        for q, amount in enumerate(sums, layers):
            _measure(tally.measures, tally.histogram, q, amount, AMOUNT_BINS)
        for i in range(len(waterfall.members)):
            parts = [found.paid[kind].get(i, 0) if found.paid else 0 for kind in MEMBER_KINDS]
            for kind, amount in enumerate(parts):
                _add(tally.charges[i, 2 * kind :], amount)
                _count(tally.member_histogram[i, kind], amount, MEMBER_PER_OCTAVE)
                _count(tally.member_histogram[i, TOGETHER], amount, MEMBER_PER_OCTAVE, -1)
            _count(tally.member_histogram[i, TOGETHER], sum(parts), MEMBER_PER_OCTAVE)
        if found.beyond:
            worst.append((found.uncovered, found.beyond, number))
    worst = sorted(worst, key=lambda row: (-row[0], -row[1], row[2]))[:WORST]
    tally.worst[: len(worst)] = np.array(worst, dtype=np.int64).reshape(-1, 3)
    return tally


def _measure(table: Ints, histogram: Ints, row: int, amount: int, per_octave: int) -> None:
    """Count a positive amount, its sum, its square, its bin."""
    if not amount:
        return
    table[row, POSITIVE] += 1
    _add(table[row, SUM:], amount)
    low, high = amount % 2**31, amount // 2**31
    for place, one in enumerate((low * low, low * high, high * high)):
        _add(table[row, SQUARES + 2 * place :], one)
    _count(histogram[row], amount, per_octave)


def _count(bins: Ints, amount: int, per_octave: int, times: int = 1) -> None:
    """Count a positive amount in its bin."""
    if amount:
        mantissa, exponent = frexp(float(amount))
        bins[(exponent - 1) * per_octave + int((2.0 * mantissa - 1.0) * per_octave)] += times


def _add(limbs: Ints, amount: int) -> None:
    limbs[0] += amount % 2**32
    limbs[1] += amount // 2**32
