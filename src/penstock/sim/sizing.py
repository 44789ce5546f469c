"""How large a default fund has to be, who contributes how much, and how much of its own a CCP puts in.

Amounts are whole minor units and are divided exactly; fractions where a rule says a percentage.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil, lcm

import numpy as np
from numpy.typing import NDArray

from penstock.core.money import share
from penstock.core.problems import Problem, Refused
from penstock.sim.stress import FEW, MOST, Amounts, Stress, check_range, cover, largest


def rolling_size(needs: Mapping[date, int], days: int, buffer: Fraction = Fraction(0)) -> dict[date, int]:
    """For each day the largest need of the ``days`` calendar days that end with it, and a buffer on top.

    Rounded up to a whole minor unit: a fund is never sized below its need.
    """
    assert days >= 1
    found = {}
    for day in sorted(needs):
        most = max(need for other, need in needs.items() if 0 <= (day - other).days < days)
        found[day] = ceil(most * (1 + buffer))
    return found


def monthly(sizes: Mapping[date, int]) -> dict[str, int]:
    """The size that counts from each month on: that of the last day of the month before, as ``2024-05``."""
    found: dict[str, int] = {}
    for day in sorted(sizes):
        year, month = divmod(12 * day.year + day.month, 12)
        found[f"{year:04}-{month + 1:02}"] = sizes[day]
    return found


@dataclass(frozen=True, slots=True)
class Size:
    """A fund that suffices: ``contributions`` by group add up to ``fund``."""

    fund: int
    contributions: dict[str, int]
    scenario: str
    defaulters: tuple[str, ...]


def self_consistent(
    stress: Stress,
    weights: Sequence[int],
    n: int,
    own: int = 0,
    given: Callable[[int], Sequence[int]] | None = None,
) -> Size:
    """The smallest fund that meets any ``n`` defaults, when each defaulter's contribution is its own.

    A contribution meets its giver's loss and is gone as a survivor's; so the fund F suffices if, in every
    scenario and for every n defaulters, the sum of max(loss, contribution) is at most F + ``own`` (own
    capital used before the survivors). Contributions by group are F x weight, rounded up to whole units, or
    down where all contributors can default; the answer errs by that, upwards. Or they are what ``given``
    makes of a fund, such as contributions with floors.
    Refused SIZING_IMPOSSIBLE where no fund is enough, STRESS_RANGE beyond 2^62.
    """
    total, contributors = sum(weights), sum(weight > 0 for weight in weights)
    n = min(n, len(weights))
    losses = np.ascontiguousarray(stress.losses)
    _check_possible(losses, weights, given(0) if given else [0] * len(weights), n, own)
    space = np.empty_like(losses)
    bound = 0  # the scenario that the last fund did not suffice for is the likeliest one for the next

    def held(fund: int) -> Sequence[int]:
        if given:
            return given(fund)
        if contributors > n:
            return [-(-fund * weight // total) for weight in weights]
        # Rounded up they could be more than the fund for ever.
        return [fund * weight // max(total, 1) for weight in weights]

    def suffices(fund: int) -> bool:
        nonlocal bound
        if fund * n >= MOST:
            says = "the fund would be beyond 2^62 minor units"
            raise Refused(Problem("STRESS_RANGE", (), says, "amounts in a larger unit"))
        parts = held(fund)
        stands = fund if contributors > n else sum(parts)
        limit = min(stands + own, 2 * MOST - 1)
        found = _beyond(losses, np.array(parts, dtype=np.int64), n, limit, bound, space)
        bound = max(found, 0)
        return found < 0

    # No fund suffices that is less than the losses themselves.
    high = _first(suffices, max(0, cover(stress, n).amount - own))
    asked = np.maximum(losses, np.array(held(high), dtype=np.int64))
    scenario = int(largest(asked, n).argmax())
    if given:
        parts = list(given(high))
    elif total:
        parts, _ = share(high, weights, [high if weight else 0 for weight in weights], "largest_remainder")
    else:
        parts = [0] * len(weights)
    asked = np.maximum(losses[scenario], np.array(parts, dtype=np.int64))
    defaulters = tuple(stress.groups[i] for i in np.argsort(-asked, kind="stable")[:n])
    named = dict(zip(stress.groups, parts, strict=True))
    return Size(high, named, stress.scenarios[scenario], defaulters)


def _check_possible(losses: Amounts, weights: Sequence[int], floors: Sequence[int], n: int, own: int) -> None:
    """Refused SIZING_IMPOSSIBLE where n defaulters can hold all that grows with the fund, and lose more.

    Then what the others of them lose beyond margin, who contribute their ``floors`` only, is left to own
    capital and the floors of those who survive.
    """
    fixed = [i for i, weight in enumerate(weights) if not weight]
    others = n - (len(weights) - len(fixed))
    if others < 0 or not len(losses):
        return
    held = np.array([floors[i] for i in fixed], dtype=np.int64)
    asked = np.maximum(losses[:, fixed], held)
    worst = int(largest(asked, others).max()) if others else 0
    if worst - sum(held.tolist()) > own:
        says = f"{n} defaulters can hold the whole fund, so no fund is large enough"
        raise Refused(Problem("SIZING_IMPOSSIBLE", (), says, "more members, or fewer defaults"))


def _beyond(losses: Amounts, parts: Amounts, n: int, limit: int, start: int, space: Amounts) -> int:
    """A scenario whose n largest of loss and part exceed the limit; -1 if none does. Begins at ``start``.

    ``space`` is as large as the losses, and is written over.
    """
    if losses.size > FEW:
        from penstock.sim.largest import first_beyond

        return int(first_beyond(losses, parts, n, limit, start))
    np.maximum(losses, parts, out=space)
    space.partition(space.shape[1] - n, axis=1)
    totals = space[:, space.shape[1] - n :].sum(axis=1, dtype=np.int64)
    found = int(totals.argmax())
    return found if int(totals[found]) > limit else -1


def _first(suffices: Callable[[int], bool], least: int) -> int:
    """The smallest number from ``least`` on that suffices, all above it doing so too."""
    low, high, step = least - 1, least, 1
    while not suffices(high):
        low, high, step = high, high + step, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def contributions(total: int, weights: Sequence[Fraction | int], floors: Sequence[int]) -> list[int]:
    """``total`` by weight, nobody below its floor: those above it share what the floors leave.

    Whole units by largest remainders. Refused SIZING_FLOORS where the floors exceed the total, or
    nobody with weight is left to take the rest.
    """
    assert len(weights) == len(floors)
    if sum(floors) > total:
        says = f"the minimum contributions add up to more than the fund of {total}"
        raise Refused(Problem("SIZING_FLOORS", (), says, "a larger fund, or lower minimum contributions"))
    scale = lcm(*(weight.denominator for weight in weights))
    whole = [int(weight * scale) for weight in weights]
    above = [i for i, weight in enumerate(whole) if weight > 0]
    left = total - sum(floors) + sum(floors[i] for i in above)
    while above:
        weight = sum(whole[i] for i in above)
        below = {i for i in above if left * whole[i] < floors[i] * weight}
        if not below:
            break
        above = [i for i in above if i not in below]
        left -= sum(floors[i] for i in below)
    if not above and left:
        says = "nobody with weight is left to take what the minimum contributions leave"
        raise Refused(Problem("SIZING_FLOORS", (), says, "weights that are not zero"))
    given = list(floors)
    if above:
        parts, _ = share(left, [whole[i] for i in above], [left] * len(above), "largest_remainder")
        for i, part in zip(above, parts, strict=True):
            given[i] = part
    return given


def mixed(keys: Mapping[str, Sequence[Fraction | int]], parts: Mapping[str, Fraction]) -> list[Fraction]:
    """Weights by several keys: of the whole, ``parts[name]`` go by ``keys[name]``; they add up to one.

    Each key counts by its own sum, so that amounts of margin and plain numbers can be mixed. A list of keys
    by member in the same order. Refused SIZING_WEIGHTS where a key is zero for all.
    """
    assert sum(parts.values()) == 1
    sums = {name: sum(keys[name]) for name in parts}
    for name, total in sums.items():
        if not total:
            says = f"the key by {name} is zero for all"
            raise Refused(Problem("SIZING_WEIGHTS", (), says, "another key, or values that are not all zero"))
    scales = [(keys[name], part / sums[name]) for name, part in parts.items()]
    return [
        sum((scale * values[i] for values, scale in scales), Fraction(0)) for i in range(len(scales[0][0]))
    ]


# --- shares of the tail -------------------------------------------------------------------------------


def tail_mean(losses: Amounts, q: Fraction) -> tuple[Fraction, list[Fraction]]:
    """Expected shortfall of the sum at level ``q`` over equally likely scenarios, and each member's part.

    The part is the mean of the member's losses in the tail (Euler allocation): the parts add up to the
    whole. The scenario at the quantile counts with the weight that completes the tail. The order of
    scenarios with the same sum does not matter: they share that weight.
    """
    count = losses.shape[0]
    tail = (1 - q) * count
    if not 0 < tail <= count:
        says = f"{'no scenario is' if tail <= 0 else 'more than all scenarios are'} in the tail"
        raise Refused(Problem("SIZING_TAIL", (), says, "a level from 0 to below 1"))
    check_range(losses)
    sums = losses.sum(axis=1, dtype=np.int64)
    quantile = np.sort(sums)[count - ceil(tail)]
    beyond, there = losses[sums > quantile], losses[sums == quantile]
    left = tail - len(beyond)
    parts = [
        (whole + left * part / len(there)) / tail
        for whole, part in zip(_sums(beyond), _sums(there), strict=True)
    ]
    return sum(parts, Fraction(0)), parts


def _sums(amounts: Amounts) -> list[int]:
    """The sum of each column, in two words: one could leave the range."""
    high, low = amounts >> 31, amounts & (2**31 - 1)
    pairs = zip(high.sum(axis=0, dtype=np.int64), low.sum(axis=0, dtype=np.int64), strict=True)
    return [(int(above) << 31) + int(below) for above, below in pairs]


# --- the clearing house's own -------------------------------------------------------------------------


def skin_in_the_game(
    minimum_capital: int, funds: Mapping[str, int], percentage: Fraction = Fraction(1, 4)
) -> dict[str, int]:
    """Own capital over the funds in proportion to their size: a quarter of the minimum capital in the EU.

    Delegated Regulation (EU) 153/2013 Art. 35(1) and (3); with 10 to 25 % of the risk-based requirement, the
    second tranche of Delegated Regulation (EU) 2023/840 Art. 1.
    """
    amount = ceil(minimum_capital * percentage)
    names = sorted(funds)
    sizes = [funds[name] for name in names]
    parts, _ = share(amount, sizes, [amount if size else 0 for size in sizes], "largest_remainder")
    return dict(zip(names, parts, strict=True))


def borne_by(losses: NDArray[np.int64], attachment: int, capacity: int) -> Fraction:
    """The mean of what a layer bears over equally likely losses: min(max(loss - attachment, 0), capacity)."""
    held = np.clip(losses - attachment, 0, capacity)
    (total,) = _sums(held[:, np.newaxis])
    return Fraction(total, len(losses))


def incentive(losses: NDArray[np.int64], own: int, beyond: int) -> Fraction:
    """The clearing house's part of the expected loss beyond the defaulter.

    ``own`` capital is used first, then ``beyond`` of the members.
    """
    first = borne_by(losses, 0, own)
    rest = borne_by(losses, own, beyond)
    return first / (first + rest) if first + rest else Fraction(0)
