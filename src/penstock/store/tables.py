"""Tables of members beside a scenario: CSV or Excel, one row a member, one column a field."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path as FilePath

from penstock.core.problems import Problem, Refused
from penstock.store.documents import MOST_BYTES, Scalar

MOST_UNPACKED = 100_000_000
MOST_RATIO = 100
MOST_ENTRIES = 200
MOST_COLUMNS = 200

Row = tuple[str, dict[str, Scalar]]
"""A name for messages, and the cells by column; cells know their line and column."""


def read_table(path: FilePath) -> list[Row]:
    """The rows of a ``.csv`` or ``.xlsx`` file with a column ``member``; empty cells are left out.

    Raises Refused with FILE_NOT_FOUND, FILE_TYPE, FILE_TOO_LARGE, CSV_* or XLSX_* codes.
    """
    if not path.is_file():
        raise _refused("FILE_NOT_FOUND", path, "there is no such table", "the name of a file beside it")
    if path.suffix not in (".csv", ".xlsx"):
        raise _refused("FILE_TYPE", path, f"{path.suffix or 'no suffix'}", "a .csv or .xlsx file")
    if path.stat().st_size > MOST_BYTES:
        raise _refused("FILE_TOO_LARGE", path, f"more than {MOST_BYTES} bytes")
    cells = list(_csv(path) if path.suffix == ".csv" else _xlsx(path))
    if not cells:
        raise _refused("IMPORT_EMPTY", path, "the table is empty", "a header and a row a member")
    header, rows = cells[0], cells[1:]
    names = [cell.text.strip() for cell in header]
    kind = "CSV" if path.suffix == ".csv" else "XLSX"
    if "member" not in names or "" in names or len(set(names)) < len(names):
        says = f"the header is {', '.join(names)!r}"
        raise _refused(f"{kind}_HEADER", path, says, "member and the fields, each once", header[0])
    if not rows:
        raise _refused("IMPORT_EMPTY", path, "the table has a header only", "a row a member")
    found = []
    for row in rows:
        if len(row) != len(names):
            says = f"{len(row)} cells under {len(names)} columns"
            raise _refused(f"{kind}_ROW", path, says, "a cell a column", row[0])
        named = {name: cell for name, cell in zip(names, row, strict=True) if cell.text != ""}
        if "member" not in named:
            raise _refused(f"{kind}_ROW", path, "a row without a member", "its id", row[0])
        found.append((str(path), named))
    return found


def _refused(code: str, path: FilePath, says: str, instead: str = "", at: Scalar | None = None) -> Refused:
    where = f"{path}:{at.line}:{at.column}" if at and at.line else str(path)
    return Refused(Problem(code, (), says, instead, place=where))


def _csv(path: FilePath) -> Iterator[list[Scalar]]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        says = "not UTF-8 text"
        raise _refused(
            "CSV_ENCODING", path, says, "the table saved as CSV UTF-8", Scalar("", line, 1)
        ) from None
    if "\0" in text:
        raise _refused("CSV_ENCODING", path, "a NUL character", "the table saved as CSV UTF-8")
    first = text.split("\n", 1)[0]
    if ";" in first and "," not in first:
        raise _refused(
            "CSV_DIALECT", path, "columns separated by ;", "commas between the columns", Scalar("", 1, 1)
        )
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if row:
                yield [Scalar(cell, reader.line_num, i) for i, cell in enumerate(row, 1)]
    except csv.Error as error:
        raise _refused(
            "CSV_QUOTE", path, f"{error}", "closed quotes", Scalar("", reader.line_num, 1)
        ) from None


def _xlsx(path: FilePath) -> Iterator[list[Scalar]]:
    _check_archive(path)
    from defusedxml.common import DefusedXmlException
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=False, data_only=False, keep_links=False)
    except DefusedXmlException as error:
        raise _refused("XLSX_XML", path, f"{type(error).__name__}", "a plain workbook") from None
    except (InvalidFileException, KeyError, ValueError, OSError) as error:
        raise _refused("XLSX_XML", path, f"not a workbook: {error}", "an .xlsx file") from None
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if len(sheets) != 1:
        says = f"{len(sheets)} visible sheets of {len(book.worksheets)}"
        raise _refused("XLSX_HIDDEN", path, says, "one sheet with the members")
    for row in sheets[0].iter_rows():
        cells = [_cell(cell, path) for cell in row[:MOST_COLUMNS]]
        if any(cell.text for cell in cells):
            yield cells


def _cell(cell: object, path: FilePath) -> Scalar:
    """A cell as text. Numbers are doubles: more than 15 digits cannot be told apart and are refused."""
    value = getattr(cell, "value", None)
    at = Scalar("", getattr(cell, "row", 0), getattr(cell, "column", 0))
    kind = getattr(cell, "data_type", "")
    if kind == "f":
        raise _refused("XLSX_FORMULA", path, f"the formula {value}", "its value", at)
    if kind == "e":
        raise _refused("XLSX_ERROR_CELL", path, f"the error {value}", "a value", at)
    if value is None:
        return at
    if isinstance(value, bool):
        return Scalar("true" if value else "false", at.line, at.column)
    if isinstance(value, float):
        digits = repr(value)
        if "e" in digits or len(digits.replace(".", "").strip("-0")) > 15:
            says = f"the number {digits} has more digits than a cell holds exactly"
            raise _refused("MONEY_FLOAT_INEXACT", path, says, "the cell as text", at)
        return Scalar(digits.removesuffix(".0"), at.line, at.column)
    if kind == "d":
        return Scalar(value.date().isoformat(), at.line, at.column)
    return Scalar(str(value), at.line, at.column)


def _check_archive(path: FilePath) -> None:
    """Refuse what would not stay small when unpacked, before unpacking anything."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile:
        raise _refused("FILE_TYPE", path, "not an .xlsx workbook", "an .xlsx file") from None
    size = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries) or 1
    if len(entries) > MOST_ENTRIES or size > MOST_UNPACKED or size > packed * MOST_RATIO:
        raise _refused(
            "XLSX_TOO_LARGE", path, f"{len(entries)} parts, {size} bytes unpacked", "a smaller one"
        )
    for entry in entries:
        if entry.filename.startswith("/") or ".." in entry.filename.split("/"):
            raise _refused("ZIP_PATH", path, f"the path {entry.filename} in it", "a plain workbook")
