"""Stressed losses over margin, and what the largest defaults of one scenario cost.

    losses by account  -  margin by account   ->   loss over margin by member   ->   by affiliate group

All amounts are int64 minor units; arrays are scenario x member (or account, or group).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.core.problems import Problem, Refused

Amounts = NDArray[np.int64]

MOST = 2**62
"""Sums beyond it would wrap: such a matrix is refused before anything is added up."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Whose each account is: ``owner`` is a position in ``members``, ``house`` whether it is its own.

    ``groups`` are affiliate groups, one for each member by position; whoever has none is its own group.
    """

    members: tuple[str, ...]
    owner: NDArray[np.intp]
    house: NDArray[np.bool_]
    groups: tuple[str, ...]

    def group_names(self) -> tuple[str, ...]:
        """The groups in byte order."""
        return tuple(sorted(set(self.groups)))


@dataclass(frozen=True, slots=True)
class Stress:
    """Losses over margin, never negative: scenario x group. Groups in byte order.

    Refused STRESS_RANGE where those of a scenario could add up beyond the range of whole numbers.
    """

    scenarios: tuple[str, ...]
    groups: tuple[str, ...]
    losses: Amounts

    def __post_init__(self) -> None:
        assert self.losses.shape == (len(self.scenarios), len(self.groups))
        assert self.losses.size == 0 or int(self.losses.min()) >= 0
        if int(self.losses.max(initial=0)) * len(self.groups) >= MOST:
            check_range(self.losses)


@dataclass(frozen=True, slots=True)
class Cover:
    """What the ``n`` largest defaults of one scenario cost beyond their margin, and whose they are."""

    n: int
    amount: int
    scenario: str
    groups: tuple[str, ...]


def over_margin(losses: Amounts, margins: Amounts, accounts: Accounts) -> Amounts:
    """What each member loses beyond its margin: scenario x member, from scenario x account.

    A client's margin meets that client's loss and nothing else; what the house has to spare helps the
    member's clients (EMIR Art. 39 and 48; the rule of ``account: house``). Negative losses are profits.
    Refused STRESS_RANGE where a sum could leave the range of whole numbers.
    """
    check_range(losses, sum(abs(int(amount)) for amount in margins))
    short = losses - margins[np.newaxis, :]
    short = np.where(accounts.house[np.newaxis, :], short, np.maximum(short, 0))
    total = np.zeros((losses.shape[0], len(accounts.members)), dtype=np.int64)
    np.add.at(total.T, accounts.owner, short.T)
    return np.maximum(total, 0)


def check_range(losses: Amounts, beside: int = 0) -> None:
    """Refused STRESS_RANGE if a row, with ``beside`` minor units, could add up beyond the range."""
    widest = int(np.abs(losses.astype(np.float64)).sum(axis=1).max(initial=0.0))
    if widest + beside >= MOST:
        says = "the stressed losses of a scenario add up beyond 2^62 minor units"
        raise Refused(Problem("STRESS_RANGE", (), says, "amounts in a larger unit"))


def by_group(losses: Amounts, accounts: Accounts, scenarios: Sequence[str]) -> Stress:
    """Members' losses over margin put together by affiliate group: a group's members default together."""
    names = accounts.group_names()
    place = {name: i for i, name in enumerate(names)}
    of = np.array([place[group] for group in accounts.groups], dtype=np.intp)
    total = np.zeros((losses.shape[0], len(names)), dtype=np.int64)
    np.add.at(total.T, of, losses.T)
    return Stress(tuple(scenarios), names, total)


def cover(stress: Stress, n: int) -> Cover:
    """The most that any ``n`` groups lose in one scenario; scenarios are never mixed.

    Of equal scenarios and groups the first. Cover 1 and Cover 2 are PFMI Principle 4 (key consideration 4).
    """
    assert n >= 1
    amount, scenario = _most(stress.losses, n)
    if scenario < 0:
        return Cover(n, 0, "", ())
    row = stress.losses[scenario]
    order = np.argsort(-row, kind="stable")[: min(n, len(row))]
    chosen = tuple(stress.groups[i] for i in order if row[i] > 0)
    return Cover(n, amount, stress.scenarios[scenario], chosen)


def _most(losses: Amounts, n: int) -> tuple[int, int]:
    """The most that the n largest of a row are together, and the first such row; -1, -1 without rows."""
    if n == 1 and losses.size:
        at = int(losses.argmax())  # the first in reading order is in the first such row
        return int(losses.flat[at]), at // losses.shape[1]
    if n == 2 and losses.size > FEW:
        from penstock.sim.largest import two_largest

        most, row = two_largest(np.ascontiguousarray(losses))
        return int(most), int(row)
    row, amount = -1, -1
    for first in range(0, len(losses), _ROWS):
        totals = largest(losses[first : first + _ROWS], n)
        best = int(totals.argmax())
        if int(totals[best]) > amount:
            row, amount = first + best, int(totals[best])
    return amount, row


FEW = 1_000_000
"""Cells for which NumPy is done before the compiled kernels would be loaded."""
_ROWS = 4096
"""So many scenarios at a time: the working copy stays small however many there are."""


def largest(losses: Amounts, n: int) -> Amounts:
    """The sum of the ``n`` largest of each row, of all if there are fewer."""
    width = losses.shape[1]
    top = losses if n >= width else np.partition(losses, width - n, axis=1)[:, width - n :]
    total: Amounts = top.sum(axis=1, dtype=np.int64)
    return total


def emir_default_fund(stress: Stress) -> Cover:
    """EMIR Art. 42(3): the largest default, or the second and third together if they are larger."""
    second_and_third = largest(stress.losses, 3) - largest(stress.losses, 1) if stress.losses.size else None
    first = cover(stress, 1)
    if second_and_third is None or stress.losses.shape[1] < 2:
        return first
    scenario = int(second_and_third.argmax())
    if int(second_and_third[scenario]) <= first.amount:
        return first
    row = stress.losses[scenario]
    order = np.argsort(-row, kind="stable")[1:3]
    names = tuple(stress.groups[i] for i in order)
    return Cover(2, int(second_and_third[scenario]), stress.scenarios[scenario], names)
