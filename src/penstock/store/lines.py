"""Tables of amounts, line by line: a CSV as it is read, an Excel sheet whole.

    path -> (line, cells) ... -> amounts, days and numbers, each mistake with its place

For tables that may be too large to be held; ``penstock.store.tables`` reads those with a row a member.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path as FilePath

from penstock.core.money import MOST, Currency, parse
from penstock.core.problems import Problem, Refused, nearest
from penstock.store.documents import composed, unfit
from penstock.store.tables import read_grid

Line = tuple[int, list[str]]
"""Its number in the file, and its cells."""
Told = Callable[[int, int], None]
"""Is told while a file is read: how many bytes, of how many."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_OFTEN = 256
"""After so many lines the reading is told of."""


def read_lines(path: FilePath, unit: Currency, told: Told | None = None) -> Iterator[Line]:
    """The lines that hold anything, the header first; numbers in cells of a sheet get the unit's decimals.

    Refused FILE_*, CSV_*, XLSX_*, each when the reading gets there.
    """
    if path.suffix.lower() != ".csv":
        for row in read_grid(path, unit):
            yield row[0].line, [cell.text.strip() for cell in row]
        return
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), strict=True)
            for number, cells in enumerate(reader):
                if told and number % _OFTEN == 0:
                    told(file.tell(), size)
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


def same_width(path: FilePath, line: int, cells: Sequence[str], header: Sequence[str]) -> None:
    """Refused CSV_ROW where a line has more or fewer cells than the header has columns."""
    if len(cells) != len(header):
        says = f"{len(cells)} cells under {len(header)} columns"
        instead = "a cell a column, and decimals after a point"
        raise Refused(Problem("CSV_ROW", (), says, instead, place=f"{path}:{line}:1"))


def columns_of(
    path: FilePath, header: Sequence[str], needed: Sequence[str], more: Sequence[str]
) -> dict[str, int]:
    """Where each column stands. Refused STRESS_HEADER where one is missing, unknown or stands twice."""
    for i, name in enumerate(header):
        says = ""
        if name not in (*needed, *more):
            says, instead = f"{name!r} is no column of this table", ", ".join((*needed, *more))
            instead = nearest(name, (*needed, *more)) or instead
        elif name in header[:i]:
            says, instead = f"the column {name!r} stands twice", "it once"
        if says:
            raise Refused(Problem("STRESS_HEADER", (), says, instead, place=f"{path}:1:{i + 1}"))
    missing = [name for name in needed if name not in header]
    if missing:
        says = f"no column {', '.join(missing)}" if header else "the table is empty"
        instead = "the columns " + ", ".join(needed)
        raise Refused(Problem("STRESS_HEADER", (), says, instead, place=f"{path}:1:1"))
    return {name: i for i, name in enumerate(header)}


def read_money(text: str, unit: Currency, at: str, says: str = "an empty cell") -> int:
    """Minor units of a cell. Refused MONEY_*, or STRESS_MISSING with ``says`` where it is empty."""
    if not text.strip():
        raise Refused(Problem("STRESS_MISSING", (), says, '"0" where there is none', place=at))
    try:
        amount = parse(text.strip(), unit)
    except Refused as refused:
        one = refused.problems[0]
        raise Refused(Problem(one.code, (), one.says, one.instead, place=at)) from None
    assert abs(amount) <= MOST
    return amount


def read_name(text: str, at: str, what: str) -> str:
    """A name, in one form of Unicode; Refused STRESS_MISSING if empty, TEXT_* with invisible characters."""
    if not text.strip():
        raise Refused(Problem("STRESS_MISSING", (), f"a row without a {what}", "its name", place=at))
    bad = unfit(text, name=True)
    if bad:
        raise Refused(Problem(bad[0], (), bad[1], "the name without it", place=at))
    return composed(text.strip())


def read_day(text: str, at: str) -> date:
    """An ISO date; Refused STRESS_DAY otherwise."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refused(Problem("STRESS_DAY", (), f"{text!r} is no date", "a date such as 2024-05-31", place=at))


def read_number(text: str, at: str, what: str) -> Fraction:
    """A decimal number, not negative, exactly; Refused STRESS_NUMBER otherwise."""
    if not _NUMBER.fullmatch(text):
        says = f"{what}, {text[:40]!r}, is no number from 0 on"
        raise Refused(Problem("STRESS_NUMBER", (), says, "2.5, for one", place=at))
    return Fraction(text)
