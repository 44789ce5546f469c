"""How large a default fund has to be, who contributes how much, and how much of its own a CCP puts in.

Amounts are whole minor units and are divided exactly; fractions where a rule says a percentage.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, lcm

import numpy as np
from numpy.typing import NDArray

from penstock.core.money import share
from penstock.core.problems import Problem, Refused
from penstock.sim.stress import MOST, Amounts, Stress


def rolling_size(needs: Mapping[date, int], days: int, buffer: Fraction = Fraction(0)) -> dict[date, int]:
    """For each day the largest need of the ``days`` calendar days that end with it, and a buffer on top.

    Rounded up to a whole minor unit: a fund is never sized below its need.
    """
    assert days >= 1
    found = {}
    for day in sorted(needs):
        first = day - timedelta(days=days - 1)
        most = max(need for other, need in needs.items() if first <= other <= day)
        found[day] = ceil(most * (1 + buffer))
    return found


def monthly(sizes: Mapping[date, int]) -> dict[str, int]:
    """The size that counts from each month on: that of the last day of the month before, as ``2024-05``."""
    found: dict[str, int] = {}
    for day in sorted(sizes):
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        found[f"{following:%Y-%m}"] = sizes[day]
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
    capital used before the survivors). Contributions by group are F x weight, rounded up to whole units so
    that the answer errs by no more than n units, upwards; or what ``given`` makes of a fund, such as
    contributions with floors. Refused SIZING_IMPOSSIBLE where no fund is large enough, and STRESS_RANGE
    where it would leave the range of whole numbers.
    """
    total = sum(weights)
    largest = sorted(weights, reverse=True)
    impossible = "more members, or fewer defaults"
    if total <= 0 or len(weights) <= n or sum(largest[:n]) >= total:
        says = f"{n} defaulters can hold the whole fund, so no fund is large enough"
        raise Refused(Problem("SIZING_IMPOSSIBLE", (), says, impossible))

    def by_weight(fund: int) -> Sequence[int]:
        return [-(-fund * weight // total) for weight in weights]

    def worst(fund: int) -> tuple[int, int]:
        """The most that is needed with this fund, and in which scenario."""
        if fund * n >= MOST:
            says = "the fund would be beyond 2^62 minor units"
            raise Refused(Problem("STRESS_RANGE", (), says, impossible))
        parts = np.array((given or by_weight)(fund), dtype=np.int64)
        asked = np.maximum(stress.losses, parts[np.newaxis, :])
        top = np.partition(asked, asked.shape[1] - n, axis=1)[:, asked.shape[1] - n :].sum(axis=1)
        return int(top.max()), int(top.argmax())

    low, high = -1, 1
    while worst(high)[0] > high + own:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if worst(middle)[0] <= middle + own else (middle, high)
    _, scenario = worst(high)
    if given is None:
        parts, _ = share(high, weights, [high if weight else 0 for weight in weights], "largest_remainder")
    else:
        parts = list(given(high))
    held = np.array(parts, dtype=np.int64)
    order = np.argsort(-np.maximum(stress.losses[scenario], held), kind="stable")[:n]
    return Size(
        fund=high,
        contributions=dict(zip(stress.groups, parts, strict=True)),
        scenario=stress.scenarios[scenario],
        defaulters=tuple(stress.groups[i] for i in order),
    )


def contributions(total: int, weights: Sequence[Fraction | int], floors: Sequence[int]) -> list[int]:
    """``total`` by weight, nobody below its floor: those above it share what the floors leave.

    Whole units by largest remainders. Refused SIZING_FLOORS where the floors exceed the total, or
    nobody with weight is left to take the rest.
    """
    assert len(weights) == len(floors)
    if sum(floors) > total:
        says = f"the minimum contributions add up to more than the fund of {total}"
        raise Refused(Problem("SIZING_FLOORS", (), says, "a larger fund, or lower minimum contributions"))
    exact = [Fraction(weight) for weight in weights]
    above = [i for i, weight in enumerate(exact) if weight > 0]
    while above:
        left = total - sum(floor for i, floor in enumerate(floors) if i not in above)
        weight = sum(exact[i] for i in above)
        below = [i for i in above if left * exact[i] < floors[i] * weight]
        if not below:
            break
        above = [i for i in above if i not in below]
    left = total - sum(floor for i, floor in enumerate(floors) if i not in above)
    if not above and left:
        says = "nobody with weight is left to take what the minimum contributions leave"
        raise Refused(Problem("SIZING_FLOORS", (), says, "weights that are not zero"))
    given = list(floors)
    if above:
        scale = lcm(*(exact[i].denominator for i in above))
        whole = [int(exact[i] * scale) for i in above]
        parts, _ = share(left, whole, [left] * len(above), "largest_remainder")
        for i, part in zip(above, parts, strict=True):
            given[i] = part
    return given


def mixed(first: Sequence[int], second: Sequence[int], part: Fraction) -> list[Fraction]:
    """Weights of which ``part`` goes by the first key and the rest by the second, each by its sum."""
    sums = sum(first), sum(second)
    if 0 in sums:
        raise Refused(
            Problem("SIZING_WEIGHTS", (), "a key that is zero for all", "weights that are not zero")
        )
    return [
        part * Fraction(a, sums[0]) + (1 - part) * Fraction(b, sums[1])
        for a, b in zip(first, second, strict=True)
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
    if tail <= 0 or count == 0:
        raise Refused(Problem("SIZING_TAIL", (), "no scenario is in the tail", "a level below 1"))
    sums = [int(total) for total in losses.sum(axis=1, dtype=np.int64)]
    parts = [Fraction(0)] * losses.shape[1]
    left = tail
    for value in sorted(set(sums), reverse=True):
        rows = [i for i, total in enumerate(sums) if total == value]
        weight = min(left, Fraction(len(rows)))
        together = losses[rows].sum(axis=0, dtype=np.int64)
        parts = [old + weight * int(new) / len(rows) for old, new in zip(parts, together, strict=True)]
        left -= weight
        if not left:
            break
    parts = [part / tail for part in parts]
    return sum(parts, Fraction(0)), parts


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
    high, low = held >> 31, held & (2**31 - 1)  # two sums: one could leave the range
    total = (int(high.sum(dtype=np.int64)) << 31) + int(low.sum(dtype=np.int64))
    return Fraction(total, len(losses))


def incentive(losses: NDArray[np.int64], own: int, beyond: int) -> Fraction:
    """The clearing house's part of the expected loss beyond the defaulter.

    ``own`` capital is used first, then ``beyond`` of the members.
    """
    first = borne_by(losses, 0, own)
    rest = borne_by(losses, own, beyond)
    return first / (first + rest) if first + rest else Fraction(0)
