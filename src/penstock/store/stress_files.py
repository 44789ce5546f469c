"""Stress matrices from files: whole minor units, every cell accounted for, a piece at a time.

    wide    scenario, then a column an account
    long    scenario, member, account, loss, and fund and segment where there are several

Either may begin with a column ``day``: then the rows of a day stand together, days in order, and scenarios
are named once a day. Accounts are named as ``penstock.store.margin_files`` says. Nothing but the piece is
held, and of a long table the scenarios that are not complete yet.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path as FilePath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused, nearest
from penstock.store.documents import composed
from penstock.store.lines import (
    Line,
    Told,
    columns_of,
    read_day,
    read_lines,
    read_money,
    read_name,
    same_width,
)
from penstock.store.margin_files import MarginRow, account_name


class Piece(NamedTuple):
    """Names of scenarios, and their losses, scenario x account; the day, None where there are no days."""

    scenarios: list[str]
    losses: NDArray[np.int64]
    day: date | None = None


ROWS = 256
CELLS = 1_000_000
"""A piece has no more scenarios, and if it has more than one no more cells."""


def read_losses(
    path: FilePath, unit: Currency, accounts: Sequence[MarginRow], told: Told | None = None
) -> Iterator[Piece]:
    """The stressed losses, a piece of scenarios of one day at a time, columns in the order of ``accounts``.

    A positive amount is a loss. A long table's scenarios come in the order in which they are complete.
    Refused FILE_*, CSV_*, STRESS_HEADER, STRESS_UNKNOWN, STRESS_MISSING, STRESS_TWICE, STRESS_DAY or MONEY_*,
    with the place, before the piece with the mistake is used.
    """
    lines = read_lines(path, unit, told)
    header = [composed(cell) for cell in next(lines, (1, []))[1]]
    first = ["day", "scenario"] if header[:1] == ["day"] else ["scenario"]
    if header[: len(first)] != first:
        says = f"the header begins with {', '.join(header[:2])!r}" if header else "the table is empty"
        instead = "a first column scenario, or day and scenario"
        raise Refused(Problem("STRESS_HEADER", (), says, instead, place=f"{path}:1:1"))
    days = _Days(path, len(first) == 2)
    known = {row.name: i for i, row in enumerate(accounts)}
    assert len(known) == len(accounts)
    if {"member", "loss"} <= set(header):
        apart = [name for name in ("fund", "segment") if any(getattr(row, name) for row in accounts)]
        found = _long(path, header, lines, unit, known, days, apart)
    else:
        found = _wide(path, header, lines, unit, known, days)
    yield from _pieces(found, len(accounts))


@dataclass(slots=True)
class _Days:
    """Reads the first cells of a line; knows the day it is in and the scenarios that it has had."""

    path: FilePath
    given: bool
    day: date | None = None
    text: str = ""
    seen: set[str] = field(default_factory=set)

    def at(self, line: int, cells: Sequence[str]) -> bool:
        """Whether another day begins with this line."""
        if not self.given or (cells[0].strip() == self.text and self.day):
            return False
        found = read_day(cells[0].strip(), f"{self.path}:{line}:1")
        if self.day and found <= self.day:
            says = f"{found} comes after {self.day}"
            instead = "the rows of a day together, and the days in order"
            raise Refused(Problem("STRESS_DAY", (), says, instead, place=f"{self.path}:{line}:1"))
        another = self.day is not None
        self.day, self.text, self.seen = found, cells[0].strip(), set()
        return another

    def scenario(self, line: int, cells: Sequence[str]) -> str:
        """The name of the line's scenario, which is none that was complete before."""
        at = f"{self.path}:{line}:{2 if self.given else 1}"
        found = read_name(cells[1 if self.given else 0], at, "scenario")
        if found in self.seen:
            raise Refused(
                Problem("STRESS_TWICE", (), f"scenario {found!r} stands twice", "it once", place=at)
            )
        return found


_Row = tuple[date | None, str, NDArray[np.int64]]
"""Day, scenario, its losses by account."""


def _pieces(rows: Iterator[_Row], width: int) -> Iterator[Piece]:
    """Rows put together, never over the end of a day."""
    most = max(1, min(ROWS, CELLS // max(1, width)))
    names: list[str] = []
    losses: list[NDArray[np.int64]] = []
    of: date | None = None
    for at, name, row in rows:
        if losses and (at != of or len(losses) == most):
            yield Piece(names, np.stack(losses), of)
            names, losses = [], []
        of = at
        names.append(name)
        losses.append(row)
    if losses:
        yield Piece(names, np.stack(losses), of)


def _missing(path: FilePath, says: str, instead: str) -> Refused:
    return Refused(Problem("STRESS_MISSING", (), says, instead, place=str(path)))


def _places(path: FilePath, names: Sequence[str], first: int, known: dict[str, int]) -> list[int]:
    """For each account, where its column stands; ``first`` is the column of the first name."""
    places = [-1] * len(known)
    for i, name in enumerate(names):
        at = f"{path}:1:{first + i}"
        if name not in known:
            raise _unknown(name, known, at)
        if places[known[name]] >= 0:
            raise Refused(Problem("STRESS_TWICE", (), f"{name!r} stands twice", "it once", place=at))
        places[known[name]] = i
    missing = [name for name, i in known.items() if places[i] < 0]
    if missing:
        says = f"no column for {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}"
        raise _missing(path, says, "a column an account, 0 where it loses nothing")
    return places


def _unknown(name: str, known: dict[str, int], at: str) -> Refused:
    instead = nearest(name, known) or f"{next(iter(known))}, for one: a name of the margins"
    return Refused(Problem("STRESS_UNKNOWN", (), f"{name!r} has no margin", instead, place=at))


def _wide(
    path: FilePath,
    header: list[str],
    lines: Iterator[Line],
    unit: Currency,
    known: dict[str, int],
    days: _Days,
) -> Iterator[_Row]:
    first = 2 if days.given else 1
    places = np.array(_places(path, header[first:], first + 1, known), dtype=np.intp)
    decimals = rf"\.[0-9]{{{unit.decimals}}}" if unit.decimals else ""
    plain = re.compile(rf"(-?(0|[1-9][0-9]{{0,13}}){decimals},)*")
    for line, cells in lines:
        same_width(path, line, cells, header)
        days.at(line, cells)
        name = days.scenario(line, cells)
        days.seen.add(name)
        text = ",".join(cells[first:]) + ","
        if plain.fullmatch(text) and "-0" not in text:
            row = np.array(text[:-1].replace(".", "").split(","), dtype=np.int64)
        else:
            places_of = (f"{path}:{line}:{first + i}" for i in range(1, len(header)))
            amounts = [read_money(cell, unit, at) for cell, at in zip(cells[first:], places_of, strict=False)]
            row = np.array(amounts, dtype=np.int64)
        yield days.day, name, row[places]


def _long(
    path: FilePath,
    header: list[str],
    lines: Iterator[Line],
    unit: Currency,
    known: dict[str, int],
    days: _Days,
    apart: Sequence[str],
) -> Iterator[_Row]:
    """Rows of one scenario stand together or apart; each account once in each scenario.

    ``apart`` are the columns that keep accounts of one member apart: fund, segment, or none.
    """
    needed = ["scenario", "member", "loss", *apart]
    at = columns_of(path, header, needed, ["account", *(["day"] if days.given else [])])
    waiting: dict[str, _Waiting] = {}
    for line, cells in lines:
        same_width(path, line, cells, header)
        if days.at(line, cells):
            _complete(path, waiting, known)
        scenario = days.scenario(line, cells)
        account = cells[at["account"]] if "account" in at else ""
        fund, segment = (cells[at[column]] if column in apart else "" for column in ("fund", "segment"))
        name = account_name(fund, segment, cells[at["member"]], account)
        where = f"{path}:{line}:{at['member'] + 1}"
        if name not in known:
            raise _unknown(name, known, where)
        one = waiting.setdefault(scenario, _Waiting(len(known)))
        if not one.missing[known[name]]:
            says = f"{name!r} stands twice in scenario {scenario!r}"
            raise Refused(Problem("STRESS_TWICE", (), says, "it once", place=where))
        one.losses[known[name]] = read_money(cells[at["loss"]], unit, f"{path}:{line}:{at['loss'] + 1}")
        one.missing[known[name]] = False
        one.left -= 1
        if not one.left:
            days.seen.add(scenario)
            yield days.day, scenario, waiting.pop(scenario).losses
    _complete(path, waiting, known)


class _Waiting:
    """A scenario of a long table that is not complete yet."""

    def __init__(self, accounts: int) -> None:
        self.losses = np.zeros(accounts, dtype=np.int64)
        self.missing = np.ones(accounts, dtype=np.bool_)
        self.left = accounts


def _complete(path: FilePath, waiting: dict[str, _Waiting], known: dict[str, int]) -> None:
    """Refused STRESS_MISSING where a scenario has not said of every account."""
    for scenario, one in waiting.items():
        missing = [name for name, i in known.items() if one.missing[i]]
        says = f"scenario {scenario!r} says nothing of {', '.join(missing[:5])}"
        raise _missing(path, says, "a row an account, 0 where it loses nothing")
