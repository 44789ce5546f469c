"""One scenario drawn, said readably in plain Python: who defaults, with which loss.

The meaning of ``draws`` and ``defaults``: tests hold the bits equal. Logarithms and error functions are those
of ``math``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import erfc, exp, expm1, floor, frexp, log, sqrt

from penstock.sim import normals
from penstock.sim.candidates import (
    ASKED,
    DRAWS,
    FACTOR_BINS,
    MEAN,
    MOST_COUNT,
    NONE,
    PER_OCTAVE,
    PER_UNIT,
    PIECES,
    REACH,
    SLOTS,
    UNIT,
    WHOLE,
)
from penstock.sim.defaults import OF_BLOCK, one_less_exponential
from penstock.sim.draws import CANDIDATE, COUNT, FACTOR, LOSS, MIXING, OWN_MIXING
from penstock.sim.model import (
    BLOCK,
    DEGREES,
    JUMP,
    LARGEST,
    LOADING,
    MARKET,
    OWN_LATENT,
    OWN_SHOCK,
    RIGHT_WAY,
    SCALE,
    START,
    TAIL,
    TAIL_DEGREES,
    TAIL_INDEX,
    THRESHOLD,
    WRONG_WAY,
    ModelArrays,
)
from penstock.sim.normals import FAR, ROOT_HALF, logarithm, near_chance

_WORD = 0xFFFFFFFF


def philox(key: int, scenario: int, purpose: int, index: int) -> tuple[int, int, int, int]:
    """Philox4x32-10: four words of 32 bits."""
    c0, c1, c2, c3 = scenario & _WORD, scenario >> 32, purpose, index
    k0, k1 = key & _WORD, key >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _WORD, (p0 >> 32) ^ c3 ^ k1, p0 & _WORD
        k0, k1 = (k0 + 0x9E3779B9) & _WORD, (k1 + 0xBB67AE85) & _WORD
    return c0, c1, c2, c3


def uniforms(key: int, scenario: int, purpose: int, index: int) -> tuple[float, float]:
    """Two uniform numbers in (0, 1)."""
    a, b, c, d = philox(key, scenario, purpose, index)
    return _uniform(a, b), _uniform(c, d)


def _uniform(high: int, low: int) -> float:
    return (float(high >> 6) * 2.0**26 + float(low >> 6) + 0.5) / 2.0**52


def normal(u: float) -> float:
    """The normal quantile; the polynomials stand once, in ``normals``."""
    return float(normals.normal.py_func(u))


def chance_below(x: float) -> float:
    """The normal probability."""
    return float(near_chance.py_func(x)) if abs(x) < FAR else 0.5 * erfc(-x * ROOT_HALF)


def chi_square(key: int, scenario: int, purpose: int, index: int, degrees: float) -> float:
    """A chi-square number; see ``draws.chi_square``."""
    first, half = index << 20, 0.5 * degrees
    if half in (1.0, 2.0, 3.0, 4.0):
        u, v = uniforms(key, scenario, purpose, first)
        product = u if half == 1.0 else u * v
        if half > 2.0:
            u, v = uniforms(key, scenario, purpose, first + 1)
            product *= u if half == 3.0 else u * v
        return -2.0 * float(logarithm.py_func(product))
    d = (half if half >= 1.0 else half + 1.0) - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    block = first
    while True:
        block += 1
        u, v = uniforms(key, scenario, purpose, block)
        x = normal(u)
        t = 1.0 + c * x
        if t <= 0.0:
            continue
        t = t * t * t
        if log(v) < 0.5 * x * x + d - d * t + d * log(t):
            break
    found = 2.0 * d * t
    if half < 1.0:
        u, _ = uniforms(key, scenario, purpose, first)
        found *= exp(log(u) / half)
    return found


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is drawn: losses by defaulter (positions of members), whether the market factor is positive."""

    number: int
    losses: dict[int, int]
    up: bool
    market: float
    mixing: float


def scenario(m: ModelArrays, seed: int, s: int) -> Scenario:
    """Draw scenario ``s``."""
    mixing, row = 1.0, 0
    if float(m.numbers[DEGREES]) > 0.0:
        w = chi_square(seed, s, MIXING, 0, float(m.numbers[DEGREES]))
        mixing, row = (
            sqrt(w / float(m.numbers[DEGREES])),
            _mixing_bin(w, *(int(one) for one in m.blocks[-1])),
        )
    chances: dict[int, float] = {}
    z: list[float] = []
    g: list[float] = []
    for block in range(len(m.blocks) - 2):
        u, how_many = uniforms(seed, s, FACTOR, block)
        z.append(normal(u))
        g.append(_factor(m, block, z))
        for member, chance in _defaults(m, seed, s, block, g[block], mixing, row, how_many):
            chances[member] = chance
    if not chances:
        return Scenario(s, {}, False, 0.0, mixing)
    u, _ = uniforms(seed, s, FACTOR, len(z))
    z.append(normal(u))
    market = _factor(m, len(z) - 1, z)
    for member in chances:
        market += float(m.member[member, JUMP])
    losses = {
        member: _loss(m, seed, s, member, chance, g[int(m.member[member, BLOCK])], mixing, market)
        for member, chance in chances.items()
    }
    return Scenario(s, losses, market > 0.0, market, mixing)


def _factor(m: ModelArrays, row: int, z: list[float]) -> float:
    total = 0.0
    for j, one in enumerate(z):
        total += float(m.factors[row, j]) * one
    return total


def _mixing_bin(w: float, first: int, bins: int) -> int:
    mantissa, exponent = frexp(w)
    place = (exponent - 1 - first) * PER_OCTAVE + int((2.0 * mantissa - 1.0) * PER_OCTAVE)
    return min(max(place, 0), bins - 1)


def _defaults(
    m: ModelArrays, seed: int, s: int, block: int, g: float, mixing: float, row: int, how_many: float
) -> Iterator[tuple[int, float]]:
    """The defaulters of a block and their conditional probabilities; see ``candidates``.

    First come those who are asked, then those who come up, each as often as it does.
    """
    first, bins = int(m.blocks[block, 0]), int(m.blocks[-1, 1])
    factor = min(max(floor((g + REACH) * PER_UNIT) + 1, 0), FACTOR_BINS - 1)
    place = int(m.blocks[block, 1]) + factor * bins + row
    line = [float(one) for one in m.lines[place]]
    asked = [int(one) for one in m.asked[int(line[ASKED]) : int(m.lines[place + 1, ASKED])]]
    seen = set()
    for number in range(len(asked) + _coming_up(line, seed, s, block, how_many)):
        u, v = uniforms(seed, s, CANDIDATE, (block << OF_BLOCK) + number)
        if number < len(asked):
            member = first + asked[number]
        else:
            slot, piece = divmod(int(v * line[WHOLE]), PIECES)
            giver, filled = divmod(int(m.slots[int(line[SLOTS]) + slot]) % PIECES**2, PIECES)
            member = first + (slot if piece < filled else giver)
            share = int(m.slots[int(line[SLOTS]) + member - first]) // PIECES**2
            u = float(one_less_exponential.py_func(u * (line[UNIT] * share)))
        own = (float(m.member[member, THRESHOLD]) * mixing - float(m.member[member, LOADING]) * g) / float(
            m.member[member, OWN_LATENT]
        )
        chance = chance_below(own)
        if u < chance and member not in seen:
            seen.add(member)
            yield member, chance


def _coming_up(line: list[float], seed: int, s: int, block: int, u: float) -> int:
    """How often anybody comes up: Poisson numbers by inversion."""
    found = 0
    for draw in range(int(line[DRAWS])):
        if draw:
            u, _ = uniforms(seed, s, COUNT, (block << OF_BLOCK) + draw)
        count, chance, below = 0, line[NONE], line[NONE]
        while u > below and count < MOST_COUNT:
            count += 1
            chance *= line[MEAN] / count
            below += chance
        found += count
    return found


def _loss(
    m: ModelArrays, seed: int, s: int, i: int, chance: float, g: float, mixing: float, market: float
) -> int:
    u, v = uniforms(seed, s, LOSS, i)
    shock = float(m.member[i, MARKET]) * market + float(m.member[i, OWN_SHOCK]) * normal(v)
    if m.member[i, WRONG_WAY] != 0.0:
        latent = float(m.member[i, LOADING]) * g + float(m.member[i, OWN_LATENT]) * normal(u * chance)
        shock = float(m.member[i, RIGHT_WAY]) * shock - float(m.member[i, WRONG_WAY]) * latent
    if m.numbers[TAIL] == 1:
        if float(m.numbers[TAIL_DEGREES]) > 0.0:
            shock /= sqrt(
                chi_square(seed, s, OWN_MIXING, i, float(m.numbers[TAIL_DEGREES]))
                / float(m.numbers[TAIL_DEGREES])
            )
        else:
            shock /= mixing
    elif m.numbers[TAIL] == 2:
        upper = log(0.5 * erfc(shock * ROOT_HALF))
        shock = (
            -upper
            if float(m.numbers[TAIL_INDEX]) == 0.0
            else expm1(-float(m.numbers[TAIL_INDEX]) * upper) / float(m.numbers[TAIL_INDEX])
        )
    amount = float(m.member[i, START]) + float(m.member[i, SCALE]) * shock
    return floor(min(amount, float(LARGEST)) + 0.5) if amount > 0.0 else 0
