"""A sizing from files: read a piece at a time, put together by group, each fund and day sized by itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import groupby
from math import ceil, lcm
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused, nearest
from penstock.core.scenario import HOUSE
from penstock.report.sizes import Day, History, Sized
from penstock.sim.sizing import (
    Size,
    contributions,
    monthly,
    rolling_size,
    self_consistent,
    skin_in_the_game,
)
from penstock.sim.stress import (
    Accounts,
    Amounts,
    Cover,
    Stress,
    by_group,
    cover,
    emir_default_fund,
    over_margin,
)
from penstock.store.lines import Told
from penstock.store.margin_files import Book, read_book
from penstock.store.stress_files import Piece, read_losses


@dataclass(frozen=True, slots=True)
class Asked:
    """How to size: for ``cover`` defaults, ``factor`` (one and the buffer) on top, over ``days`` days.

    ``own`` capital by fund in minor units; under "" it is that of all funds together. ``days`` is None where
    no history is asked for, ``up_to`` how many defaults are told of.
    """

    cover: int
    own: Mapping[str, int]
    factor: Fraction
    days: int | None
    up_to: int


def sized(
    losses: Path, margins: Path, unit: Currency, asked: Asked, told: Told | None = None
) -> dict[str, Sized]:
    """The sizing of what the two files say, by fund; the one fund of a table without funds is "".

    Only losses of a day by group are held: scenario x group. Refused as the files and the sizing are.
    """
    book = read_book(margins, unit)
    funds = {name: _fund(book, name) for name in book.funds}
    _known(asked.own, funds)
    found: dict[str, list[_Need]] = {name: [] for name in funds}
    stresses: dict[str, Stress] = {}
    for day, pieces in groupby(read_losses(losses, unit, book.rows, told), key=lambda piece: piece.day):
        stresses = _together(pieces, funds)
        for name, need in _sized(day, stresses, funds, asked).items():
            found[name].append(need)
    if not stresses:
        says = f"{losses} has no scenario"
        raise Refused(Problem("STRESS_MISSING", (), says, "a row a scenario", place=str(losses)))
    if asked.days is not None and found[next(iter(funds))][0].day is None:
        says = f"{losses} has no days"
        instead = "a first column day, or no --days"
        raise Refused(Problem("STRESS_DAY", (), says, instead, place=f"{losses}:1:1"))
    return {name: _told(funds[name], found[name], stresses[name], asked) for name in funds}


# --- one fund ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fund:
    """What does not change from day to day; ``keys`` and ``floors`` by member, margins by account."""

    places: NDArray[np.intp]
    margins: Amounts
    accounts: Accounts
    keys: list[int]
    floors: list[int]

    def by_group(self, amounts: list[int]) -> list[int]:
        """Amounts of members added up by group."""
        found = dict.fromkeys(self.accounts.group_names(), 0)
        for group, amount in zip(self.accounts.groups, amounts, strict=True):
            found[group] += amount
        return list(found.values())

    def shares(self, fund: int) -> list[int]:
        """What the members contribute to a fund; never less than their floors."""
        return contributions(max(fund, sum(self.floors)), self.keys, self.floors)


def _fund(book: Book, name: str) -> _Fund:
    said = book.funds[name]
    rows = [book.rows[i] for i in said.places]
    members = tuple(sorted({row.member for row in rows}))
    place = {member: i for i, member in enumerate(members)}
    weights = [said.weights.get(member, Fraction(0)) for member in members]
    if not said.weights:
        margins = dict.fromkeys(members, 0)
        for row in rows:
            margins[row.member] += row.margin
        weights = [Fraction(margins[member]) for member in members]
    whole = lcm(*(weight.denominator for weight in weights))
    return _Fund(
        places=np.array(said.places, dtype=np.intp),
        margins=np.array([row.margin for row in rows], dtype=np.int64),
        accounts=Accounts(
            members=members,
            owner=np.array([place[row.member] for row in rows], dtype=np.intp),
            house=np.array([row.account == HOUSE for row in rows]),
            groups=tuple(book.groups.get(member, member) for member in members),
        ),
        keys=[int(weight * whole) for weight in weights],
        floors=[said.floors.get(member, 0) for member in members],
    )


def _known(own: Mapping[str, int], funds: Mapping[str, _Fund]) -> None:
    """Refused where own capital is for a fund that is not there."""
    for name in own:
        if name and name not in funds:
            instead = nearest(name, funds) or ", ".join(name for name in funds if name) or "an amount alone"
            raise Refused(Problem("STRESS_UNKNOWN", ("--own",), f"there is no fund {name!r}", instead))


# --- one day ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Need:
    """What one fund needs on one day; ``own`` is its part of the own capital."""

    day: date | None
    scenarios: int
    cover: Cover
    own: int
    need: int
    size: Size


def _together(pieces: Iterator[Piece], funds: Mapping[str, _Fund]) -> dict[str, Stress]:
    """The pieces of a day as losses over margin by group, for each fund."""
    names: list[str] = []
    parts: dict[str, list[Amounts]] = {name: [] for name in funds}
    for piece in pieces:
        names += piece.scenarios
        for name, fund in funds.items():
            losses = piece.losses if len(funds) == 1 else piece.losses[:, fund.places]
            short = over_margin(losses, fund.margins, fund.accounts)
            parts[name].append(by_group(short, fund.accounts, piece.scenarios).losses)
    return {
        name: Stress(tuple(names), fund.accounts.group_names(), np.concatenate(parts[name]))
        for name, fund in funds.items()
    }


def _sized(
    day: date | None, stresses: Mapping[str, Stress], funds: Mapping[str, _Fund], asked: Asked
) -> dict[str, _Need]:
    own = _own(day, stresses, funds, asked)
    found = {}
    for name, fund in funds.items():
        stress = stresses[name]
        size = _size(day, name, stress, fund, asked.cover, own[name])
        need = max(size.fund, sum(fund.floors))
        found[name] = _Need(day, len(stress.scenarios), cover(stress, asked.cover), own[name], need, size)
    return found


def _own(
    day: date | None, stresses: Mapping[str, Stress], funds: Mapping[str, _Fund], asked: Asked
) -> dict[str, int]:
    """Own capital by fund: as given, or by the size that each fund would have without any."""
    together = asked.own.get("")
    if together is None:
        return {name: asked.own.get(name, 0) for name in funds}
    if len(funds) == 1 or not together:
        return dict.fromkeys(funds, together)
    alone = {
        name: _size(day, name, stresses[name], fund, asked.cover, 0).fund for name, fund in funds.items()
    }
    if not any(alone.values()):
        return dict.fromkeys(funds, 0)  # nobody needs any
    return skin_in_the_game(together, alone, Fraction(1))


def _size(day: date | None, name: str, stress: Stress, fund: _Fund, standard: int, own: int) -> Size:
    """The fund that suffices; what is refused says of which fund and day."""

    def given(total: int) -> list[int]:
        return fund.by_group(fund.shares(total))

    keys = fund.by_group(fund.keys)
    try:
        return self_consistent(stress, keys, standard, own, given if any(fund.floors) else None)
    except Refused as refused:
        path = tuple(step for step in (name, str(day or "")) if step)
        raise Refused(replace(problem, path=path) for problem in refused.problems) from None


# --- what is told -----------------------------------------------------------------------------------------


def _told(fund: _Fund, needs: list[_Need], stress: Stress, asked: Asked) -> Sized:
    """The sizing on the last day, with what went before it."""
    last = needs[-1]
    binding, amount, history = last, ceil(last.need * asked.factor), None
    if last.day is not None:
        window = asked.days or 1
        by_day = {need.day: need for need in needs if need.day is not None}
        sizes = rolling_size({day: need.need for day, need in by_day.items()}, window, asked.factor - 1)
        amount = sizes[last.day]
        counted = [need for day, need in by_day.items() if (last.day - day).days < window]
        binding = max(counted, key=lambda need: need.need)  # of equal days the first
        days = [Day(day, one.scenarios, one.cover, one.need, sizes[day]) for day, one in by_day.items()]
        history = History(window, tuple(days), monthly(sizes))
    parts = contributions(amount, fund.keys, fund.floors)
    return Sized(
        scenarios=last.scenarios,
        members=len(fund.accounts.members),
        groups=len(stress.groups),
        covers=[cover(stress, n) for n in range(1, min(asked.up_to, len(stress.groups)) + 1)],
        emir=emir_default_fund(stress),
        standard=asked.cover,
        own=binding.own,
        fund=amount,
        binding=binding.size.scenario,
        defaulters=binding.size.defaulters,
        contributions=dict(zip(fund.accounts.members, parts, strict=True)),
        bound_on=binding.day,
        history=history,
    )
