"""Stress matrices and margins from files: whole minor units, every cell accounted for.

    margins    a table: member, initial_margin, and if need be account, group, weight, floor
    losses     wide (scenario, then a column an account) or long (scenario, member, account, loss)

A column of a client account is ``member/account``; the house account is the member alone. A wide CSV is read
a piece at a time, so that it need not fit into memory.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path as FilePath

import numpy as np
from numpy.typing import NDArray

from penstock.core.money import MOST, Currency, parse
from penstock.core.problems import Problem, Refused, nearest
from penstock.core.scenario import HOUSE
from penstock.store.tables import read_grid, read_table

Piece = tuple[list[str], NDArray[np.int64]]
"""Names of scenarios, and their losses: scenario x account."""

ROWS = 256
"""So many scenarios are read at a time."""
KINDS = {
    "account": "word",
    "initial_margin": "money",
    "group": "word",
    "weight": "number",
    "floor": "money",
}


@dataclass(frozen=True, slots=True)
class MarginRow:
    """One account: whose it is, its margin; group, weight and floor are those of its member."""

    member: str
    account: str
    margin: int

    @property
    def name(self) -> str:
        """As a column of losses names it."""
        return self.member if self.account == HOUSE else f"{self.member}/{self.account}"


@dataclass(frozen=True, slots=True)
class Book:
    """Every account, in file order, and what is said of each member."""

    rows: tuple[MarginRow, ...]
    groups: dict[str, str]
    weights: dict[str, Fraction]
    floors: dict[str, int]


def read_book(path: FilePath, unit: Currency) -> Book:
    """The margins in a CSV or Excel table; Refused with every mistake of the table, or the first of sense."""
    rows: list[MarginRow] = []
    said: dict[tuple[str, str], str] = {}
    seen: set[tuple[str, str]] = set()
    for where, cells in read_table(path, KINDS, unit):
        member = cells["member"].text
        account = cells["account"].text if "account" in cells else HOUSE
        at = f"{where}:{cells['member'].line}:{cells['member'].column}"
        if (member, account) in seen:
            says = f"{member} {account} stands twice"
            raise Refused(Problem("STRESS_TWICE", (), says, "it once", place=at))
        seen.add((member, account))
        if "initial_margin" not in cells:
            says = f"{member} {account} has no initial_margin"
            raise Refused(Problem("STRESS_MISSING", (), says, '"0" where there is none', place=at))
        margin = parse(cells["initial_margin"].text, unit)
        if margin < 0:
            says = f"{member} {account} has a negative margin"
            raise Refused(Problem("STRESS_NEGATIVE", (), says, "what is held, 0 or more", place=at))
        rows.append(MarginRow(member, account, margin))
        for name in ("group", "weight", "floor"):
            if name in cells and said.setdefault((name, member), cells[name].text) != cells[name].text:
                says = f"{member} has two values of {name}"
                raise Refused(Problem("STRESS_TWICE", (), says, "the same on all its rows", place=at))
    told = {
        name: {m: text for (n, m), text in said.items() if n == name} for name in ("group", "weight", "floor")
    }
    return Book(
        rows=tuple(rows),
        groups=told["group"],
        weights={member: Fraction(text) for member, text in told["weight"].items()},
        floors={member: parse(text, unit) for member, text in told["floor"].items()},
    )


def read_losses(path: FilePath, unit: Currency, book: Book) -> Iterator[Piece]:
    """The stressed losses, a piece of scenarios at a time, columns in the order of the book's accounts.

    A positive amount is a loss. Refused FILE_*, CSV_*, STRESS_HEADER, STRESS_UNKNOWN, STRESS_MISSING,
    STRESS_TWICE or MONEY_*, with the place, before the piece with the mistake is used.
    """
    lines = _lines(path, unit)
    header = next(lines, (1, []))[1]
    if header[:1] != ["scenario"]:
        says = f"the header begins with {header[0]!r}" if header else "the table is empty"
        raise Refused(Problem("STRESS_HEADER", (), says, "a first column scenario", place=f"{path}:1:1"))
    if {"member", "loss"} <= set(header):
        yield from _long(path, header, lines, unit, book)
    else:
        yield from _wide(path, header, lines, unit, book)


def _lines(path: FilePath, unit: Currency) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells; a sheet is read whole, a CSV line by line."""
    if path.suffix.lower() != ".csv":
        for row in read_grid(path, unit):
            yield row[0].line, [cell.text.strip() for cell in row]
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for cells in reader:
                if any(cells):
                    yield reader.line_num, cells
    except FileNotFoundError:
        says = f"there is no table {path}"
        raise Refused(Problem("FILE_NOT_FOUND", (), says, "a file that is there")) from None
    except OSError as error:
        says = f"{path} cannot be read: {error.strerror}"
        raise Refused(Problem("FILE_UNREADABLE", (), says)) from None
    except (UnicodeDecodeError, csv.Error) as error:
        says = f"{path} is not a CSV file in UTF-8: {error}"
        raise Refused(Problem("CSV_ENCODING", (), says, "the table saved as CSV UTF-8")) from None


def _missing(path: FilePath, says: str, instead: str) -> Refused:
    return Refused(Problem("STRESS_MISSING", (), says, instead, place=str(path)))


def _places(path: FilePath, names: Sequence[str], book: Book) -> list[int]:
    """For each account of the book, where its column stands."""
    known = {row.name: i for i, row in enumerate(book.rows)}
    places = [-1] * len(known)
    for i, name in enumerate(names):
        at = f"{path}:1:{i + 2}"
        if name not in known:
            instead = nearest(name, known) or "a member, or member/account, of the margins"
            raise Refused(Problem("STRESS_UNKNOWN", (), f"{name!r} has no margin", instead, place=at))
        if places[known[name]] >= 0:
            raise Refused(Problem("STRESS_TWICE", (), f"{name!r} stands twice", "it once", place=at))
        places[known[name]] = i
    missing = [row.name for row, place in zip(book.rows, places, strict=True) if place < 0]
    if missing:
        says = f"no column for {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}"
        raise _missing(path, says, "a column an account, 0 where it loses nothing")
    return places


def _wide(
    path: FilePath, header: list[str], lines: Iterator[tuple[int, list[str]]], unit: Currency, book: Book
) -> Iterator[Piece]:
    places = np.array(_places(path, header[1:], book), dtype=np.intp)
    decimals = rf"\.[0-9]{{{unit.decimals}}}" if unit.decimals else ""
    plain = re.compile(rf"(-?(0|[1-9][0-9]{{0,13}}){decimals},)*")
    names: list[str] = []
    rows: list[NDArray[np.int64]] = []
    seen: set[str] = set()
    for line, cells in lines:
        if len(cells) != len(header):
            says = f"{len(cells)} cells under {len(header)} columns"
            instead = "a cell a column, and decimals after a point"
            raise Refused(Problem("CSV_ROW", (), says, instead, place=f"{path}:{line}:1"))
        _scenario(path, line, cells[0], seen)
        text = ",".join(cells[1:]) + ","
        if plain.fullmatch(text) and "-0" not in text:
            row = np.array(text[:-1].replace(".", "").split(","), dtype=np.int64)
        else:
            row = np.array(
                [_money(cell, unit, path, line, i + 2) for i, cell in enumerate(cells[1:])], dtype=np.int64
            )
        names.append(cells[0])
        rows.append(row[places])
        if len(rows) == ROWS:
            yield names, np.stack(rows)
            names, rows = [], []
    if rows:
        yield names, np.stack(rows)


def _scenario(path: FilePath, line: int, name: str, seen: set[str]) -> None:
    at = f"{path}:{line}:1"
    if not name.strip():
        raise Refused(Problem("STRESS_MISSING", (), "a scenario without a name", "a name", place=at))
    if name in seen:
        raise Refused(Problem("STRESS_TWICE", (), f"scenario {name!r} stands twice", "it once", place=at))
    seen.add(name)


def _money(text: str, unit: Currency, path: FilePath, line: int, column: int) -> int:
    if not text.strip():
        at = f"{path}:{line}:{column}"
        raise Refused(Problem("STRESS_MISSING", (), "an empty cell", '"0" where nothing is lost', place=at))
    try:
        amount = parse(text.strip(), unit)
    except Refused as refused:
        one = refused.problems[0]
        at = f"{path}:{line}:{column}"
        raise Refused(Problem(one.code, (), one.says, one.instead, place=at)) from None
    assert abs(amount) <= MOST
    return amount


def _long(
    path: FilePath, header: list[str], lines: Iterator[tuple[int, list[str]]], unit: Currency, book: Book
) -> Iterator[Piece]:
    """Rows of one scenario stand together or apart; each account once in each scenario."""
    unknown = [name for name in header if name not in ("scenario", "member", "account", "loss")]
    if unknown:
        says = f"{unknown[0]!r} is no column of a long table"
        instead = "scenario, member, account, loss"
        raise Refused(Problem("STRESS_HEADER", (), says, instead, place=f"{path}:1:1"))
    at = {name: header.index(name) for name in header}
    known = {row.name: i for i, row in enumerate(book.rows)}
    found: dict[str, dict[int, int]] = {}
    for line, cells in lines:
        if len(cells) != len(header):
            says = f"{len(cells)} cells under {len(header)} columns"
            raise Refused(Problem("CSV_ROW", (), says, "a cell a column", place=f"{path}:{line}:1"))
        account = cells[at["account"]] if "account" in at else ""
        member = cells[at["member"]]
        name = member if account in ("", HOUSE) else f"{member}/{account}"
        where = f"{path}:{line}:{at['member'] + 1}"
        if name not in known:
            instead = nearest(name, known) or "a member, or member/account, of the margins"
            raise Refused(Problem("STRESS_UNKNOWN", (), f"{name!r} has no margin", instead, place=where))
        scenario = found.setdefault(cells[at["scenario"]], {})
        if known[name] in scenario:
            says = f"{name!r} stands twice in scenario {cells[at['scenario']]!r}"
            raise Refused(Problem("STRESS_TWICE", (), says, "it once", place=where))
        scenario[known[name]] = _money(cells[at["loss"]], unit, path, line, at["loss"] + 1)
    for name, amounts in found.items():
        missing = [row.name for i, row in enumerate(book.rows) if i not in amounts]
        if missing:
            says = f"scenario {name!r} says nothing of {', '.join(missing[:5])}"
            raise _missing(path, says, "a row an account, 0 where it loses nothing")
    names = list(found)
    for first in range(0, len(names), ROWS):
        piece = names[first : first + ROWS]
        yield piece, np.array([[found[n][i] for i in range(len(known))] for n in piece], dtype=np.int64)
