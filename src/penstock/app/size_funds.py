"""The default funds of a sizing: whose accounts they are for, and by which keys their members contribute."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from math import lcm

import numpy as np
from numpy.typing import NDArray

from penstock.core.problems import Problem, Refused
from penstock.core.scenario import HOUSE
from penstock.sim.sizing import contributions, mixed
from penstock.sim.stress import Accounts, Amounts, Cover, Stress, by_group, cover, over_margin
from penstock.store.margin_files import Book, MarginRow

Key = Mapping[str, Fraction]
"""Parts of the whole that go by ``margin``, ``weight`` and ``tail``; none is by weight, else by margin."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a fund: the positions of its ``holdings``, and the affiliate groups that they are of."""

    holdings: NDArray[np.intp]
    accounts: Accounts


@dataclass(frozen=True, slots=True)
class Fund:
    """One default fund, and what does not change from day to day.

    ``places`` are the columns of its accounts in the losses, ``margins`` what is held for them in minor
    units. The members of ``holdings`` are members, or where there are segments a member in a segment each:
    nothing held in one segment meets a loss in another. The rest is by member in byte order: ``held`` is the
    margin on all accounts, ``weights`` is None where none is given. ``parts`` are those of the key, ``fixed``
    is what ``keys`` says where it is the same on all days, else None.
    """

    name: str
    places: NDArray[np.intp]
    margins: Amounts
    holdings: Accounts
    segments: dict[str, Segment]
    members: tuple[str, ...]
    groups: tuple[str, ...]
    held: list[int]
    weights: list[Fraction] | None
    floors: list[int]
    parts: Key
    fixed: list[int] | None = None

    def by_group(self, amounts: Sequence[int]) -> list[int]:
        """Amounts of members added up by group."""
        found = dict.fromkeys(self.holdings.group_names(), 0)
        for group, amount in zip(self.groups, amounts, strict=True):
            found[group] += amount
        return list(found.values())

    def shares(self, fund: int, keys: Sequence[int]) -> list[int]:
        """What the members contribute to a fund by their keys; never less than their floors."""
        return contributions(max(fund, sum(self.floors)), keys, self.floors)

    def keys(self, tail: Sequence[Fraction]) -> list[int]:
        """What the members contribute by, in whole numbers; ``tail`` is each group's part of the tail.

        Members of one group have its part by their margin, and equally where none of them holds any.
        Refused SIZING_WEIGHTS where a key is zero for all.
        """
        if self.fixed is not None:
            return self.fixed
        known: dict[str, Sequence[Fraction | int]] = {"margin": self.held, "weight": self.weights or []}
        if "tail" in self.parts:
            known["tail"] = self._within(tail)
        weights = mixed(known, self.parts)
        whole = lcm(*(weight.denominator for weight in weights))
        return [int(weight * whole) for weight in weights]

    def _within(self, tail: Sequence[Fraction]) -> list[Fraction]:
        names = self.holdings.group_names()
        whole = dict(zip(names, tail, strict=True))
        held = dict(zip(names, self.by_group(self.held), strict=True))
        size = dict(zip(names, self.by_group([1] * len(self.members)), strict=True))
        return [
            whole[group] * (Fraction(margin, held[group]) if held[group] else Fraction(1, size[group]))
            for group, margin in zip(self.groups, self.held, strict=True)
        ]

    def beyond(
        self, losses: Amounts, scenarios: Sequence[str], up_to: int
    ) -> tuple[Amounts, dict[str, list[Cover]]]:
        """Losses over margin, scenario x group, and Cover 1 to ``up_to`` of each segment by itself.

        ``losses`` are scenario x account in the order of the places.
        """
        short = over_margin(losses, self.margins, self.holdings)
        alone: dict[str, list[Cover]] = {}
        for name, segment in self.segments.items():
            stress = by_group(short[:, segment.holdings], segment.accounts, scenarios)
            alone[name] = covers(stress, up_to)
        return by_group(short, self.holdings, scenarios).losses, alone


@contextmanager
def told_of(*where: str) -> Iterator[None]:
    """What is refused inside says of which fund and day it is; empty words are left out."""
    try:
        yield
    except Refused as refused:
        path = tuple(step for step in where if step)
        raise Refused(replace(problem, path=path) for problem in refused.problems) from None


def covers(stress: Stress, up_to: int) -> list[Cover]:
    """Cover 1 to ``up_to``, as far as there are groups."""
    return [cover(stress, n) for n in range(1, min(up_to, len(stress.groups)) + 1)]


def fund_of(book: Book, name: str, key: Key) -> Fund:
    """One fund of the margins.

    Refused STRESS_MISSING where its members contribute by a weight that none has, SIZING_WEIGHTS where a
    key is zero for all.
    """
    said = book.funds[name]
    rows = [book.rows[i] for i in said.places]
    members = tuple(sorted({row.member for row in rows}))
    if "weight" in key and not said.weights:
        says = f"no member{f' of fund {name}' if name else ''} has a weight to contribute by"
        raise Refused(Problem("STRESS_MISSING", ("--key",), says, "a column weight, or --key margin"))
    held = dict.fromkeys(members, 0)
    for row in rows:
        held[row.member] += row.margin
    holdings, segments = _holdings(book, rows)
    weights = [said.weights.get(member, Fraction(0)) for member in members] if said.weights else None
    fund = Fund(
        name=name,
        places=np.array(said.places, dtype=np.intp),
        margins=np.array([row.margin for row in rows], dtype=np.int64),
        holdings=holdings,
        segments=segments,
        members=members,
        groups=tuple(book.groups.get(member, member) for member in members),
        held=list(held.values()),
        weights=weights,
        floors=[said.floors.get(member, 0) for member in members],
        parts=key or {"weight" if weights else "margin": Fraction(1)},
    )
    if "tail" in fund.parts:
        return fund
    with told_of(name):
        return replace(fund, fixed=fund.keys(()))


def _holdings(book: Book, rows: Sequence[MarginRow]) -> tuple[Accounts, dict[str, Segment]]:
    """Whose each account is, a member in a segment counted by itself; and the segments by name."""
    both = sorted({(row.segment, row.member) for row in rows})
    place = {holding: i for i, holding in enumerate(both)}
    groups = tuple(book.groups.get(member, member) for _, member in both)
    whole = Accounts(
        members=tuple(member for _, member in both),
        owner=np.array([place[row.segment, row.member] for row in rows], dtype=np.intp),
        house=np.array([row.account == HOUSE for row in rows]),
        groups=groups,
    )
    segments = {}
    for name, theirs in groupby(both, key=lambda holding: holding[0]):
        at = [place[holding] for holding in theirs]
        none = np.zeros(0, dtype=np.intp)
        alone = Accounts(
            tuple(both[i][1] for i in at), none, none.astype(np.bool_), tuple(groups[i] for i in at)
        )
        segments[name] = Segment(np.array(at, dtype=np.intp), alone)
    return whole, {} if "" in segments else segments
