"""Tables of members beside a scenario: CSV or Excel, one row a member, one column a field.

    bytes -> cells that know their place -> rows by column

Everything that cannot be read as it is meant is refused: cells that a reader of the sheet does not see,
numbers that a cell does not hold exactly, archives that do not stay small.
"""

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused, nearest
from penstock.store.documents import MOST_BYTES, Scalar, composed, letters, place, unfit

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell, MergedCell
    from openpyxl.worksheet.worksheet import Worksheet

MOST_UNPACKED = 10_000_000
MOST_RATIO = 100
MOST_ENTRIES = 200
MOST_COLUMNS = 200
MOST_ROWS = 10_000
MOST_CELLS = 400_000

Row = tuple[str, dict[str, Scalar]]
"""A name for messages, and the cells by column; cells know their line and column."""

_TOTALS = ("total", "totals", "subtotal", "grand total", "sum", "sums")
_OLD_OFFICE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read_table(
    path: FilePath, kinds: Mapping[str, str] | None = None, unit: Currency | None = None
) -> list[Row]:
    """The rows of a ``.csv`` or ``.xlsx`` file with a column ``member``; empty cells are left out.

    ``kinds`` are the fields that there are, by name: other columns are refused. Numbers under a field
    of ``money`` get the decimals of ``unit``, which a cell that holds a number cannot show. Raises
    Refused with FILE_*, IMPORT_EMPTY, CSV_*, XLSX_*, ZIP_PATH, TEXT_* or MONEY_FLOAT_INEXACT.
    """
    kind = path.suffix.lower()
    data = _bytes(path, kind)
    table = _Table(str(path), "CSV" if kind == ".csv" else "XLSX")
    grid = list(_csv(data, table) if kind == ".csv" else _xlsx(data, table))
    rows = [row for row in grid if any(cell.text for cell in row)]
    if not rows and not table.problems:
        table.note("IMPORT_EMPTY", "the table is empty", "a header and a row a member")
    if table.problems and (kind == ".csv" or not rows):
        raise Refused(table.problems)
    names = _header(rows[0], table, kinds)
    if len(rows) == 1 and not table.problems:
        table.note("IMPORT_EMPTY", "the table has a header only", "a row a member", rows[0][0])
    found = [_row(row, names, table, kinds or {}, unit) for row in rows[1:]]
    if table.problems:
        raise Refused(table.problems)
    return found


def read_grid(path: FilePath, unit: Currency) -> list[list[Scalar]]:
    """All cells of a workbook's one sheet, row by row; numbers get the decimals of ``unit``.

    Rows without content are left out. Raises Refused as ``read_table``.
    """
    table = _Table(str(path), "XLSX")
    rows = [row for row in _xlsx(_bytes(path, path.suffix.lower()), table) if any(cell.text for cell in row)]
    if table.problems:
        raise Refused(table.problems)
    return [
        [
            Scalar(_with_decimals(cell.text, unit.decimals), cell.line, cell.column)
            if (cell.line, cell.column) in table.numbers
            else cell
            for cell in row
        ]
        for row in rows
    ]


class _Table:
    """What messages call the table, and what was wrong in it so far."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.problems: list[Problem] = []
        self.numbers: set[tuple[int, int]] = set()
        """Where a cell holds a number rather than text."""
        self.noted: set[tuple[int, int]] = set()
        """Where something is wrong already."""

    def note(self, code: str, says: str, instead: str, at: Scalar | None = None) -> None:
        where = place(self.name, at.line, at.column) if at else self.name.rstrip("!")
        self.problems.append(Problem(code, (), says, instead, place=where))
        if at:
            self.noted.add((at.line, at.column))


def _bytes(path: FilePath, kind: str) -> bytes:
    """The bytes of the table, never more than a table may have."""

    def refused(code: str, says: str, instead: str) -> Refused:
        return Refused(Problem(code, (), says, instead, place=str(path)))

    try:
        if not path.is_file():
            raise refused(
                "FILE_NOT_FOUND", "there is no such table", "the name of a file beside the scenario"
            )
        if kind not in (".csv", ".xlsx"):
            raise refused("FILE_TYPE", f"not a table: {kind or 'no suffix'}", "a .csv or .xlsx file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise refused("FILE_UNREADABLE", f"it cannot be read: {error.strerror}", "a file that can") from None
    if len(data) > MOST_BYTES:
        raise refused("FILE_TOO_LARGE", f"more than {MOST_BYTES} bytes", "a smaller table")
    if kind == ".csv" and data.startswith((b"PK\x03\x04", _OLD_OFFICE)):
        raise refused("FILE_TYPE", "a workbook, not CSV", "the suffix .xlsx, or the table saved as CSV UTF-8")
    return data


def _header(header: Sequence[Scalar], table: _Table, kinds: Mapping[str, str] | None) -> list[str]:
    """The names of the columns; what is wrong with them is noted."""
    names = [cell.text.strip() for cell in header]
    if table.noted & {(cell.line, cell.column) for cell in header}:
        raise Refused(table.problems)
    code = f"{table.kind}_HEADER"
    if "member" not in names:
        table.note(code, f"the header is {', '.join(names)!r}", "a column member", header[0])
    for i, (name, cell) in enumerate(zip(names, header, strict=True)):
        if not name:
            table.note(code, "a column without a name", "member or the name of a field", cell)
        elif name in names[:i]:
            table.note(code, f"the column {name!r} stands twice", "it once", cell)
        elif kinds is not None and name not in ("member", *kinds):
            instead = nearest(name, kinds) or "one of member, " + ", ".join(sorted(kinds))
            table.note(code, f"the column {name!r} is no field of a member", instead, cell)
    return names


def _row(
    row: Sequence[Scalar],
    names: Sequence[str],
    table: _Table,
    kinds: Mapping[str, str],
    unit: Currency | None,
) -> Row:
    """The cells of one row by column; what is wrong with them is noted."""
    code = f"{table.kind}_ROW"
    if len(row) != len(names):
        says = f"{len(row)} cells under {len(names)} columns"
        table.note(code, says, "a cell a column, and decimals after a point", row[0])
    cells: dict[str, Scalar] = {}
    for name, cell in zip(names, row, strict=False):
        bad = unfit(cell.text, name=name == "member")
        if bad:
            table.note(bad[0], bad[1], "the cell without it", cell)
        text = composed(cell.text)
        if unit and kinds.get(name) == "money" and (cell.line, cell.column) in table.numbers:
            text = _with_decimals(text, unit.decimals)
        if text:
            cells[name] = Scalar(text, cell.line, cell.column)
    member = cells.get("member")
    if member is None and "member" in names:
        table.note(code, "a row without a member", "its id", row[0])
    elif member and member.text.strip().casefold() in _TOTALS:
        says = f"{member.text!r} looks like a row of totals"
        table.note(code, says, "the members only, or another id for this one", member)
    return table.name, cells


def _with_decimals(number: str, decimals: int) -> str:
    """``10.5`` as ``10.50``: a number shows no zeros at its end, an amount does."""
    whole, point, part = number.partition(".")
    return f"{whole}.{part.ljust(decimals, '0')}" if point else whole


# --- CSV ----------------------------------------------------------------------------------------------


def _csv(data: bytes, table: _Table) -> Iterator[list[Scalar]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        at = Scalar("", line, 1)
        table.note("CSV_ENCODING", "not UTF-8 text", "the table saved as CSV UTF-8", at)
        return
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        at = Scalar("", line, 1)
        table.note("CSV_ENCODING", "a NUL character", "the table saved as CSV UTF-8", at)
        return
    wrong = _dialect(text)
    if wrong:
        table.note("CSV_DIALECT", *wrong)
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for number, row in enumerate(reader):
            if number > MOST_ROWS or len(row) > MOST_COLUMNS:
                says = f"more than {MOST_ROWS} rows or {MOST_COLUMNS} columns"
                table.note("FILE_TOO_LARGE", says, "a smaller table", Scalar("", line, 1))
                return
            if row:
                yield [Scalar(cell, line, i) for i, cell in enumerate(row, 1)]
            line = reader.line_num + 1
    except csv.Error as error:
        table.note("CSV_QUOTE", f"not CSV: {error}", 'a closing quote; "" for a quote', Scalar("", line, 1))


def _dialect(text: str) -> tuple[str, str, Scalar] | None:
    """What is not comma-separated lines with one kind of ending: what is wrong, what instead, where."""
    first = re.split("[\r\n]", text, maxsplit=1)[0]
    for mark, name in ((";", ";"), ("\t", "tabs"), ("|", "|")):
        if mark in first and "," not in first:
            return f"columns separated by {name}", "commas between the columns", Scalar("", 1, 1)
    endings = {match[0]: match.start() for match in re.finditer("\r\n|\r|\n", text)}
    if len(endings) > 1:
        line = text.count("\n", 0, max(endings.values())) + 1
        return "lines that end in different ways", "one kind of line ending", Scalar("", line, 1)
    return None


# --- Excel --------------------------------------------------------------------------------------------


def _xlsx(data: bytes, table: _Table) -> Iterator[list[Scalar]]:
    wrong = _archive(data)
    if wrong:
        table.note(*wrong)
        return
    sheet = _sheet(data, table)
    if sheet is None:
        return
    table.name += f":{sheet.title}!"
    wide = sheet.max_column
    if sheet.max_row > MOST_ROWS or wide > MOST_COLUMNS or sheet.max_row * wide > MOST_CELLS:
        last = f"{letters(wide)}{sheet.max_row}"
        table.note("XLSX_TOO_LARGE", f"cells as far as {last}", "one table that begins in A1")
        return
    hidden = _hidden(sheet)
    if hidden:
        table.note("XLSX_HIDDEN", hidden, "a sheet that shows all its cells")
        return
    rows = [[_cell(cell, table) for cell in row] for row in sheet.iter_rows()]
    used = max((i for row in rows for i, cell in enumerate(row, 1) if cell.text), default=0)
    yield from (row[:used] for row in rows)


def _sheet(data: bytes, table: _Table) -> "Worksheet | None":
    """The one sheet of the workbook; None with the problem noted."""
    from defusedxml.common import DefusedXmlException
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions, which a table does not need
        try:
            book = load_workbook(io.BytesIO(data), data_only=False, keep_links=False)
        except Exception as error:  # whatever a damaged archive makes the library stumble over
            says = f"it cannot be read as a workbook ({type(error).__name__})"
            if any(isinstance(cause, DefusedXmlException) for cause in (error, error.__cause__)):
                says = "its XML declares entities"
            table.note("XLSX_XML", says, "a workbook saved by a spreadsheet program")
            return None
    sheets = book.worksheets
    if not sheets:
        table.note("XLSX_XML", "a workbook without a sheet", "one sheet, with the members")
        return None
    if len(sheets) != 1 or sheets[0].sheet_state != "visible":
        named = ", ".join(
            repr(sheet.title) + ("" if sheet.sheet_state == "visible" else " (hidden)") for sheet in sheets
        )
        table.note("XLSX_HIDDEN", f"the sheets are {named}", "one sheet, with the members")
        return None
    return sheets[0]


def _hidden(sheet: "Worksheet") -> str:
    """Which cells of the sheet a reader does not see; "" if none."""
    if sheet.merged_cells.ranges:
        return "merged cells " + ", ".join(sorted(str(cells) for cells in sheet.merged_cells.ranges))
    for number, row in sorted(sheet.row_dimensions.items()):
        if row.hidden and number <= sheet.max_row:
            return f"row {number} is hidden"
    for name, column in sorted(sheet.column_dimensions.items()):
        if column.hidden and (column.min or 1) <= sheet.max_column:
            return f"column {name} is hidden"
    return ""


def _cell(cell: "Cell | MergedCell", table: _Table) -> Scalar:
    """A cell as text. Numbers are doubles: more than 15 digits cannot be told apart and are refused."""
    value, at = cell.value, Scalar("?", cell.row or 0, cell.column or 0)
    if cell.data_type == "f":
        table.note("XLSX_FORMULA", f"a formula, {str(value)[:40]}", "its value", at)
        return at
    if cell.data_type == "e":
        table.note("XLSX_ERROR_CELL", f"the error {value}", "a value", at)
        return at
    if value is None:
        return Scalar("", at.line, at.column)
    if isinstance(value, bool):
        return Scalar("true" if value else "false", at.line, at.column)
    if isinstance(value, int | float):
        digits = repr(value).removesuffix(".0")
        exact = len(re.sub("[-.]", "", digits).strip("0")) <= 15
        if not exact or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", digits):
            says = f"the number {digits}, which a cell does not hold exactly"
            table.note("MONEY_FLOAT_INEXACT", says, "at most 15 digits, or the cell as text", at)
            return at
        table.numbers.add((at.line, at.column))
        return Scalar(digits, at.line, at.column)
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    if isinstance(value, date) and not isinstance(value, datetime):
        return Scalar(value.isoformat(), at.line, at.column)
    if not isinstance(value, str):
        table.note("XLSX_ROW", f"a time of day, {value}", "a date, a number or text", at)
        return at
    return Scalar(value, at.line, at.column)


def _archive(data: bytes) -> tuple[str, str, str] | None:
    """What is no plain workbook, or would not stay small when unpacked; told before unpacking anything."""
    plain = "a workbook saved as .xlsx, without password and macros"
    if data.startswith(_OLD_OFFICE):
        if _ENCRYPTED in data:
            return "XLSX_ENCRYPTED", "a workbook with a password", plain
        return "FILE_TYPE", "an old workbook (.xls) under the name .xlsx", plain
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except Exception:  # zipfile has no one exception for damaged archives
        return "FILE_TYPE", "not an .xlsx workbook", plain
    size = sum(entry.file_size for entry in entries)
    swollen = any(entry.file_size > 100_000 + entry.compress_size * MOST_RATIO for entry in entries)
    if len(entries) > MOST_ENTRIES or size > MOST_UNPACKED or size > len(data) * MOST_RATIO or swollen:
        says = f"{len(entries)} parts, {size} bytes unpacked from {len(data)}"
        return "XLSX_TOO_LARGE", says, "a workbook with the table only"
    names = [entry.filename for entry in entries]
    for name in names:
        if name.startswith(("/", "\\")) or ":" in name or ".." in re.split(r"[/\\]", name):
            return "ZIP_PATH", f"the path {name!r} in it", plain
    if any(entry.flag_bits & 1 for entry in entries):
        return "XLSX_ENCRYPTED", "a workbook with a password", plain
    if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
        return "FILE_TYPE", "an archive, but not an .xlsx workbook", plain
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        return "FILE_TYPE", "a workbook with macros under the name .xlsx", plain
    if any(name.startswith("xl/externalLinks/") for name in names):
        return "FILE_TYPE", "a workbook with links to other workbooks", "a workbook with values only"
    return None
