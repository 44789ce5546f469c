"""Liquidity in each currency when members default: what is left from day to day, Cover n.

    balance = resources that the defaulters do not provide - what they would have had to pay up to that day

A currency meets needs of that currency only. Currencies are never added up and nothing is converted: a
committed facility that would do so is a resource of the currency it brings. Amounts are int64 minor
units of each currency.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penstock.core.problems import Problem, Refused
from penstock.sim.stress import MOST, Amounts


@dataclass(frozen=True, slots=True)
class Resource:
    """An amount of one currency, and the group that provides it, "" if none of them.

    Whoever provides it, as counterparty, custodian or bank of a credit line, takes it along in default.
    """

    currency: str
    amount: int
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """What each group's default costs in cash: group x currency x day; below zero money comes in.

    Groups, currencies and days by name; days in order.
    """

    groups: tuple[str, ...]
    currencies: tuple[str, ...]
    days: tuple[str, ...]
    amounts: Amounts

    def __post_init__(self) -> None:
        assert self.amounts.shape == (len(self.groups), len(self.currencies), len(self.days))
        assert self.days


@dataclass(frozen=True, slots=True)
class Rung:
    """The lowest balance of one currency on one day, and whose default makes it so."""

    day: str
    balance: int
    defaulters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    """One currency: all its resources, and the lowest balance on each day."""

    currency: str
    resources: int
    days: tuple[Rung, ...]

    @property
    def worst(self) -> Rung:
        """The lowest balance of all days, of equal ones the first."""
        return min(self.days, key=lambda rung: rung.balance)


def ladders(needs: Needs, resources: Sequence[Resource], n: int = 2) -> tuple[Ladder, ...]:
    """For each currency the lowest balances over all sets of at most ``n`` defaulting groups.

    What a group's default takes on a day is what it provides and its needs up to that day; these add up over
    groups, so the worst set on a day is the ``n`` that take most, of equal ones the first, and nobody who
    brings money. PFMI Principle 7 (key consideration 4), EMIR Art. 44. Refused LIQUIDITY_UNKNOWN where a
    provider or currency of the resources is not among the needs, and STRESS_RANGE where sums could leave
    the range of whole numbers.
    """
    assert n >= 1
    assert all(one.amount >= 0 for one in resources)
    _in_range(needs, resources)
    taken = _provided(needs, resources)[:, :, np.newaxis] + np.cumsum(needs.amounts, axis=2)
    found = []
    for column, currency in enumerate(needs.currencies):
        total = sum(one.amount for one in resources if one.currency == currency)
        rungs = []
        for day, name in enumerate(needs.days):
            takes = taken[:, column, day]
            worst = [int(i) for i in np.argsort(-takes, kind="stable")[:n] if takes[i] > 0]
            balance = total - sum(int(takes[i]) for i in worst)
            rungs.append(Rung(name, balance, tuple(needs.groups[i] for i in sorted(worst))))
        found.append(Ladder(currency, total, tuple(rungs)))
    return tuple(found)


def _provided(needs: Needs, resources: Sequence[Resource]) -> Amounts:
    """What each group provides, group x currency."""
    provided = np.zeros((len(needs.groups), len(needs.currencies)), dtype=np.int64)
    for one in resources:
        known = (one.currency, needs.currencies), (one.provider, ("", *needs.groups))
        for name, names in known:
            if name not in names:
                instead = "one of " + ", ".join(other for other in names if other)
                raise Refused(Problem("LIQUIDITY_UNKNOWN", (), f"{name!r} is in no needs", instead))
        if one.provider:
            provided[needs.groups.index(one.provider), needs.currencies.index(one.currency)] += one.amount
    return provided


def _in_range(needs: Needs, resources: Sequence[Resource]) -> None:
    """Nothing that is added up can leave the range."""
    most = int(np.abs(needs.amounts.astype(np.float64)).sum()) if needs.amounts.size else 0
    if most + sum(abs(one.amount) for one in resources) >= MOST:
        says = "needs and resources add up beyond 2^62 minor units"
        raise Refused(Problem("STRESS_RANGE", (), says, "amounts in a larger unit"))
