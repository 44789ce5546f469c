"""Tables of members in CSV and Excel: what is read, and how everything else is refused."""

import datetime
import io
import struct
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.workbook.protection import WorkbookProtection
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.worksheet import Worksheet

from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused, written_path
from penstock.core.scenario import Scenario
from penstock.store.documents import MOST_BYTES
from penstock.store.scenarios import load_scenario
from penstock.store.tables import MOST_COLUMNS, MOST_ENTRIES, MOST_ROWS, MOST_UNPACKED, read_table

EUR, JPY, KWD = Currency("EUR", 2), Currency("JPY", 0), Currency("KWD", 3)
KINDS = {
    "initial_margin": "money", "default_fund": "money", "able_to_pay": "money", "factor": "number",
    "resigned": "date", "active": "flag", "bid": "word",
}  # fmt: skip
TEXT = "member,default_fund,bid\nM01,1000,good\nM02,2000.50,none\n"
SHEET: list[list[object]] = [
    ["member", "default_fund", "bid"],
    ["M01", 1000, "good"],
    ["M02", 2000.5, "none"],
]
READ = [
    {"member": "M01", "default_fund": "1000", "bid": "good"},
    {"member": "M02", "default_fund": "2000.50", "bid": "none"},
]


def cells(path: Path, unit: Currency = EUR) -> list[dict[str, str]]:
    """The texts of the rows; nothing else appears in the folder."""
    before = {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    try:
        return [{name: cell.text for name, cell in row.items()} for _, row in read_table(path, KINDS, unit)]
    finally:
        assert {file: file.read_bytes() for file in path.parent.iterdir() if file.is_file()} == before


def refused(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(Refused) as caught:
        cells(path)
    for problem in caught.value.problems:
        assert problem.says
        assert problem.instead, problem
        assert problem.place.startswith(str(path))
        assert str(problem).isprintable()
        assert len(problem.says) < 300
    return caught.value.problems


def only(path: Path) -> Problem:
    (problem,) = refused(path)
    return problem


def csv_file(folder: Path, data: str | bytes) -> Path:
    path = folder / "members.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def xlsx_file(
    folder: Path,
    rows: Sequence[Sequence[object]] = tuple(SHEET),
    change: Callable[[Worksheet], object] | None = None,
) -> Path:
    """A workbook with these cells in one sheet called Members, and a change made to the sheet."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "Members"
    for row in rows:
        sheet.append(list(row))
    if change:
        change(sheet)
    path = folder / "members.xlsx"
    book.save(path)
    return path


def rewritten(path: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """The workbook with its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


SHEET_XML, STRINGS, TYPES = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "[Content_Types].xml"


# --- CSV ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT.removesuffix("\n"),
        TEXT + "\n\n",
        TEXT + ",,\n",
        TEXT.encode("utf-8-sig"),
        TEXT.replace("M01", '"M01"').replace("1000", '"1000"'),
        TEXT.replace("member,", " member ,"),
    ],
    ids=[
        "plain",
        "crlf",
        "cr",
        "no end",
        "blank lines",
        "blank row",
        "mark",
        "quotes",
        "spaces in the header",
    ],
)
def test_csv(tmp_path: Path, data: str | bytes) -> None:
    assert cells(csv_file(tmp_path, data)) == READ


def test_csv_an_empty_cell_is_not_given(tmp_path: Path) -> None:
    assert cells(csv_file(tmp_path, "member,default_fund,bid\nM01,,good\n")) == [
        {"member": "M01", "bid": "good"}
    ]


def test_csv_cells_know_their_place(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "member,bid,default_fund\n\nM01,good,1.00\n")
    ((name, row),) = read_table(path)
    assert name == str(path)
    assert [(cell.line, cell.column) for cell in row.values()] == [(3, 1), (3, 2), (3, 3)]


def test_csv_text_is_kept_as_it_is(tmp_path: Path) -> None:
    names = [
        '"=HYPERLINK(""http://x"")"',
        "+cmd",
        "-1+1",
        "@SUM",
        "<script>",
        "{{7*7}}",
        "O'Neil & Co.",
        "\u65e5\u672c",
    ]
    rows = cells(csv_file(tmp_path, "member\n" + "\n".join(names) + "\n"))
    assert [row["member"] for row in rows] == ['=HYPERLINK("http://x")', *names[1:]]


CSV: list[tuple[str | bytes, str, str, str]] = [
    # header
    ("id,default_fund\nM01,1.00\n", "CSV_HEADER CSV_HEADER", ":1:1", "a column member"),
    ("M01,1.00\nM02,1.00\n", "CSV_HEADER CSV_HEADER CSV_HEADER", ":1:1", "a column member"),
    ("member,default_fund,default_fund\nM01,1.00,1.00\n", "CSV_HEADER", ":1:3", "it once"),
    ("member,member\nM01,M01\n", "CSV_HEADER", ":1:2", "it once"),
    ("member,,bid\nM01,x,good\n", "CSV_HEADER", ":1:2", "the name of a field"),
    ("member,defalt_fund\nM01,1.00\n", "CSV_HEADER", ":1:2", "default_fund"),
    ("member,Default_Fund\nM01,1.00\n", "CSV_HEADER", ":1:2", "default_fund"),
    ("member,status\nM01,approved\n", "CSV_HEADER", ":1:2", "one of member, able_to_pay,"),
    ("member,accounts\nM01,x\n", "CSV_HEADER", ":1:2", "one of member,"),
    # rows
    ("member,bid\nM01,good\nM02\n", "CSV_ROW", ":3:1", "a cell a column"),
    ("member,bid\nM01,good,extra\n", "CSV_ROW", ":2:1", "a cell a column"),
    ("member,default_fund\nM01,1000,50\n", "CSV_ROW", ":2:1", "decimals after a point"),
    ("member,bid\n,good\n", "CSV_ROW", ":2:1", "its id"),
    ("member,default_fund\nM01,1.00\nTotal,1.00\n", "CSV_ROW", ":3:1", "the members only"),
    ("member,default_fund\nM01,1.00\n TOTALS ,1.00\n", "CSV_ROW", ":3:1", "the members only"),
    ("member,default_fund\nM01,1.00\n,1.00\n", "CSV_ROW", ":3:1", "its id"),
    ("member,bid\nM\u200d01,good\n", "TEXT_FORMAT_CHAR", ":2:1", "without it"),
    ("member,bid\nM\u202e01,good\n", "TEXT_FORMAT_CHAR", ":2:1", "without it"),
    ('member,bid\n"M\n01",good\n', "TEXT_CONTROL_CHAR", ":2:1", "without it"),
    ("member,bid\nM01,go\x07od\n", "TEXT_CONTROL_CHAR", ":2:2", "without it"),
    # nothing in it
    ("", "IMPORT_EMPTY", "", "a header and a row a member"),
    ("\n\n", "IMPORT_EMPTY", "", "a header and a row a member"),
    (",,\n,,\n", "IMPORT_EMPTY", "", "a header and a row a member"),
    ("member,default_fund\n", "IMPORT_EMPTY", ":1:1", "a row a member"),
    # dialect, encoding, quotes
    ("member;default_fund\nM01;1,50\n", "CSV_DIALECT", ":1:1", "commas between the columns"),
    ("member\tdefault_fund\nM01\t1.50\n", "CSV_DIALECT", ":1:1", "commas between the columns"),
    ("member|bid\nM01|good\n", "CSV_DIALECT", ":1:1", "commas between the columns"),
    ("sep=;\nmember;bid\nM01;good\n", "CSV_DIALECT", ":1:1", "commas between the columns"),
    ("member,bid\r\nM01,good\nM02,good\r\n", "CSV_DIALECT", ":", "one kind of line ending"),
    ("member,bid\nM01,good\rM02,good\n", "CSV_DIALECT", ":", "one kind of line ending"),
    (TEXT.encode("utf-16"), "CSV_ENCODING", ":1:1", "CSV UTF-8"),
    (TEXT.encode("utf-16-le"), "CSV_ENCODING", ":1:1", "CSV UTF-8"),
    ("member,bid\nM01,good\nM\u00fc,good\n".encode("latin-1"), "CSV_ENCODING", ":3:1", "CSV UTF-8"),
    ("member,bid\nM01,g\0od\n", "CSV_ENCODING", ":2:1", "CSV UTF-8"),
    ('member,bid\nM01,"good\nM02,none\n', "CSV_QUOTE", ":2:1", "closing quote"),
    ('member,bid\nM01,"go"od\n', "CSV_QUOTE", ":2:1", "closing quote"),
    ("member,bid\n" + 'M01,"' + "x" * 200_000 + '"\n', "CSV_QUOTE", ":2:1", "closing quote"),
    # too much
    ("member," + "x," * MOST_COLUMNS + "\n", "FILE_TOO_LARGE", ":1:1", "a smaller table"),
    ("member\n" + "M01\n" * (MOST_ROWS + 1), "FILE_TOO_LARGE", f":{MOST_ROWS + 2}:1", "a smaller table"),
    ("member\n" + "x" * MOST_BYTES, "FILE_TOO_LARGE", "", "a smaller table"),
    # other files under this name
    (b"PK\x03\x04" + bytes(100), "FILE_TYPE", "", ".xlsx"),
    (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(100), "FILE_TYPE", "", ".xlsx"),
    (b"\x89PNG\r\n\x1a\n", "CSV_ENCODING", ":1:1", "CSV UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "codes", "place", "instead"), CSV, ids=lambda value: ascii(value)[:28])
def test_csv_refused(tmp_path: Path, data: str | bytes, codes: str, place: str, instead: str) -> None:
    assert cells(csv_file(tmp_path, TEXT)) == READ
    path = csv_file(tmp_path, data)
    before = time.process_time()
    found = refused(path)
    assert time.process_time() - before < 2
    assert [problem.code for problem in found] == codes.split()
    assert found[0].place.removeprefix(str(path)).startswith(place)
    assert (found[0].place == str(path)) == (place == "")
    assert instead in found[0].instead


def test_csv_all_mistakes_at_once(tmp_path: Path) -> None:
    text = "member,bid\nM01\n,good\ntotal,good\nM\u200d02,good\nM03,good,x\n"
    found = refused(csv_file(tmp_path, text))
    assert [problem.code for problem in found] == ["CSV_ROW"] * 3 + ["TEXT_FORMAT_CHAR", "CSV_ROW"]
    assert [problem.place.rpartition("csv")[2] for problem in found] == [
        ":2:1",
        ":3:1",
        ":4:1",
        ":5:1",
        ":6:1",
    ]


# --- files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("missing.csv", ("FILE_NOT_FOUND",)),
        ("folder.csv", ("FILE_NOT_FOUND", "FILE_UNREADABLE")),
        ("members.csv/inside.csv", ("FILE_NOT_FOUND", "FILE_UNREADABLE")),
        ("m" * 300 + ".csv", ("FILE_NOT_FOUND", "FILE_UNREADABLE")),
        ("a\0b.csv", ("FILE_NOT_FOUND", "FILE_UNREADABLE")),
        ("members", ("FILE_TYPE",)),
        ("members.txt", ("FILE_TYPE",)),
        ("members.xls", ("FILE_TYPE",)),
        ("members.xlsm", ("FILE_TYPE",)),
        ("members.xlsb", ("FILE_TYPE",)),
        ("members.ods", ("FILE_TYPE",)),
        ("members.csv.gz", ("FILE_TYPE",)),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_a_file_that_is_no_table(tmp_path: Path, name: str, codes: tuple[str, ...]) -> None:
    (tmp_path / "folder.csv").mkdir()
    csv_file(tmp_path, TEXT)
    if "FILE_TYPE" in codes:
        (tmp_path / name).write_text(TEXT)
    with pytest.raises(Refused) as caught:
        read_table(tmp_path / name)
    (found,) = caught.value.problems
    assert found.code in codes
    assert found.instead


def test_the_case_of_the_suffix_does_not_matter(tmp_path: Path) -> None:
    assert cells(csv_file(tmp_path, TEXT).rename(tmp_path / "MEMBERS.CSV")) == READ
    assert cells(xlsx_file(tmp_path).rename(tmp_path / "MEMBERS.XLSX")) == READ


def test_a_huge_table_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "members.csv"
    with path.open("wb") as file:
        file.truncate(2**43)
    with pytest.raises(Refused) as caught:
        read_table(path)
    assert caught.value.code == "FILE_TOO_LARGE"


# --- Excel: cells ---------------------------------------------------------------------------------------


def test_xlsx(tmp_path: Path) -> None:
    assert cells(xlsx_file(tmp_path)) == READ


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1000, EUR, "1000"),
        (1000.0, EUR, "1000"),
        (1000.5, EUR, "1000.50"),
        (1000.55, EUR, "1000.55"),
        (1000.555, EUR, "1000.555"),
        (0.1, KWD, "0.100"),
        (0.01, EUR, "0.01"),
        (-5.5, EUR, "-5.50"),
        (1000.5, JPY, "1000.5"),
        (9999999999999.99, EUR, "9999999999999.99"),
        (143000000000, EUR, "143000000000"),
        ("1000.5", EUR, "1000.5"),
        ("143 000 000.00", EUR, "143 000 000.00"),
        ("00123", EUR, "00123"),
    ],
)
def test_xlsx_numbers_get_the_decimals_of_the_currency_and_text_does_not(
    tmp_path: Path, value: object, unit: Currency, text: str
) -> None:
    path = xlsx_file(tmp_path, [["member", "default_fund"], ["M01", value]])
    assert cells(path, unit) == [{"member": "M01", "default_fund": text}]


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("factor", 0.25, "0.25"),
        ("factor", 3, "3"),
        ("active", True, "true"),
        ("active", False, "false"),
        ("resigned", datetime.date(2024, 2, 29), "2024-02-29"),
        ("resigned", datetime.datetime(2024, 2, 29), "2024-02-29"),
        ("resigned", "2024-02-29", "2024-02-29"),
        ("bid", "=good", "=good"),
        ("bid", "#good", "#good"),
        ("bid", "caf\u00e9", "caf\u00e9"),
        ("bid", "cafe\u0301", "caf\u00e9"),
    ],
)
def test_xlsx_other_cells(tmp_path: Path, column: str, value: object, text: str) -> None:
    def as_text(sheet: Worksheet) -> None:
        if isinstance(value, str):
            sheet["B2"].data_type = "s"

    path = xlsx_file(tmp_path, [["member", column], ["M01", value]], as_text)
    assert cells(path) == [{"member": "M01", column: text}]


def test_xlsx_dates_counted_from_1904_are_the_same_dates(tmp_path: Path) -> None:
    def from_1904(sheet: Worksheet) -> None:
        assert sheet.parent is not None
        sheet.parent.epoch = CALENDAR_MAC_1904

    rows: list[list[object]] = [["member", "resigned"], ["M01", datetime.date(2024, 2, 29)]]
    early = cells(xlsx_file(tmp_path, rows))
    assert (
        cells(xlsx_file(tmp_path, rows, from_1904)) == early == [{"member": "M01", "resigned": "2024-02-29"}]
    )


def test_xlsx_blank_rows_and_columns_do_not_count(tmp_path: Path) -> None:
    rows: list[list[object]] = [[], SHEET[0], [None, None, None, None], SHEET[1], SHEET[2], [None] * 8]
    assert cells(xlsx_file(tmp_path, rows)) == READ


def test_xlsx_what_a_table_does_not_need_is_no_trouble(tmp_path: Path) -> None:
    def decorate(sheet: Worksheet) -> None:
        validation = DataValidation(type="list", formula1='"none,poor,good,winner"')
        validation.add("C2:C100")
        sheet.add_data_validation(validation)
        sheet.auto_filter.ref = "A1:C3"
        sheet.freeze_panes = "A2"
        sheet["B2"].number_format = "#,##0.00"
        sheet["A1"].hyperlink = "https://example.org"
        assert sheet.parent is not None
        sheet.parent.security = WorkbookProtection(lockStructure=True)

    assert cells(xlsx_file(tmp_path, change=decorate)) == READ


def _set(cell: str, value: Any) -> Callable[[Worksheet], object]:
    def change(sheet: Worksheet) -> None:
        sheet[cell] = value

    return change


def _hide_row(sheet: Worksheet) -> None:
    sheet.row_dimensions[3].hidden = True


def _hide_column(sheet: Worksheet) -> None:
    sheet.column_dimensions["B"].hidden = True


def _hide_columns(sheet: Worksheet) -> None:
    sheet.column_dimensions.group("B", "C", hidden=True)


def _second(state: str) -> Callable[[Worksheet], object]:
    def change(sheet: Worksheet) -> None:
        assert sheet.parent is not None
        sheet.parent.create_sheet("Other").sheet_state = state

    return change


SHEETS: list[tuple[str, Callable[[Worksheet], object], str, str, str]] = [
    ("formula", _set("B2", "=1+1"), "XLSX_FORMULA", ":Members!B2", "its value"),
    ("sum", _set("B4", "=SUM(B2:B3)"), "XLSX_FORMULA XLSX_ROW", ":Members!B4", "its value"),
    ("array formula", _set("B2", ArrayFormula("B2", "=SUM(1)")), "XLSX_FORMULA", ":Members!B2", "its value"),
    ("link", _set("A2", '=HYPERLINK("http://x")'), "XLSX_FORMULA", ":Members!A2", "its value"),
    ("reference", _set("B3", "#REF!"), "XLSX_ERROR_CELL", ":Members!B3", "a value"),
    ("division", _set("B3", "#DIV/0!"), "XLSX_ERROR_CELL", ":Members!B3", "a value"),
    ("not available", _set("C2", "#N/A"), "XLSX_ERROR_CELL", ":Members!C2", "a value"),
    ("long", _set("B2", 12345678901234567), "MONEY_FLOAT_INEXACT", ":Members!B2", "as text"),
    ("long with cents", _set("B2", 123456789012345.67), "MONEY_FLOAT_INEXACT", ":Members!B2", "as text"),
    ("exponent", _set("B2", 1e300), "MONEY_FLOAT_INEXACT", ":Members!B2", "as text"),
    ("tiny", _set("B2", 1e-7), "MONEY_FLOAT_INEXACT", ":Members!B2", "as text"),
    ("time", _set("B2", datetime.time(10, 30)), "XLSX_ROW", ":Members!B2", "a number or text"),
    ("duration", _set("B2", datetime.timedelta(hours=30)), "XLSX_ROW", ":Members!B2", "a number or text"),
    ("moment", _set("B2", datetime.datetime(2024, 2, 29, 10, 30)), "XLSX_ROW", ":Members!B2", "a date"),
    ("merged", lambda sheet: sheet.merge_cells("B2:B3"), "XLSX_HIDDEN", "", "all its cells"),
    ("hidden row", _hide_row, "XLSX_HIDDEN", "", "all its cells"),
    ("hidden column", _hide_column, "XLSX_HIDDEN", "", "all its cells"),
    ("hidden columns", _hide_columns, "XLSX_HIDDEN", "", "all its cells"),
    ("hidden sheet", _second("hidden"), "XLSX_HIDDEN", "", "one sheet"),
    ("very hidden sheet", _second("veryHidden"), "XLSX_HIDDEN", "", "one sheet"),
    ("second sheet", _second("visible"), "XLSX_HIDDEN", "", "one sheet"),
    ("far row", _set("A1048576", "x"), "XLSX_TOO_LARGE", "", "begins in A1"),
    ("far column", _set("XFD1", "x"), "XLSX_TOO_LARGE", "", "begins in A1"),
    ("far corner", _set("XFD1048576", "x"), "XLSX_TOO_LARGE", "", "begins in A1"),
    ("unknown column", _set("B1", "defalt_fund"), "XLSX_HEADER", ":Members!B1", "default_fund"),
    ("no member", _set("A1", "id"), "XLSX_HEADER XLSX_HEADER", ":Members!A1", "a column member"),
    ("twice", _set("B1", "bid"), "XLSX_HEADER", ":Members!C1", "it once"),
    ("beside the header", _set("E2", "x"), "XLSX_HEADER XLSX_HEADER", ":Members!D1", "the name of a field"),
    ("no id", _set("A2", None), "XLSX_ROW", ":Members!A2", "its id"),
    ("totals", _set("A3", "Total"), "XLSX_ROW", ":Members!A3", "the members only"),
    ("invisible", _set("A2", "M\u200b01"), "TEXT_FORMAT_CHAR", ":Members!A2", "without it"),
    ("line break", _set("A2", "M\n01"), "TEXT_CONTROL_CHAR", ":Members!A2", "without it"),
]


@pytest.mark.parametrize(
    ("change", "codes", "place", "instead"), [row[1:] for row in SHEETS], ids=[row[0] for row in SHEETS]
)
def test_xlsx_refused(
    tmp_path: Path, change: Callable[[Worksheet], object], codes: str, place: str, instead: str
) -> None:
    assert cells(xlsx_file(tmp_path)) == READ
    path = xlsx_file(tmp_path, change=change)
    before = time.process_time()
    found = refused(path)
    assert time.process_time() - before < 2
    assert [problem.code for problem in found] == codes.split()
    assert found[0].place.removeprefix(str(path)).startswith(place)
    assert instead in found[0].instead


@pytest.mark.parametrize("rows", [[], [[None]], [["", " "]]], ids=["nothing", "an empty cell", "blanks"])
def test_xlsx_empty(tmp_path: Path, rows: list[list[object]]) -> None:
    assert refused(xlsx_file(tmp_path, rows))[0].code in ("IMPORT_EMPTY", "XLSX_HEADER")


def test_xlsx_header_only(tmp_path: Path) -> None:
    found = only(xlsx_file(tmp_path, SHEET[:1]))
    assert found.code == "IMPORT_EMPTY"
    assert found.place.endswith("members.xlsx:Members!A1")


def test_xlsx_all_mistakes_at_once(tmp_path: Path) -> None:
    rows: list[list[object]] = [SHEET[0], ["M01", "=1+1", "#REF!"], [None, 1e300, "good"]]
    found = refused(xlsx_file(tmp_path, rows))
    assert [(problem.code, problem.place.rpartition("!")[2]) for problem in found] == [
        ("XLSX_FORMULA", "B2"), ("XLSX_ERROR_CELL", "C2"), ("MONEY_FLOAT_INEXACT", "B3"), ("XLSX_ROW", "A3"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        (b"<v>0.30000000000000004</v>", "MONEY_FLOAT_INEXACT"),
        (b"<v>12345678901234567890.5</v>", "MONEY_FLOAT_INEXACT"),
        (b"<v>1.23E+05</v>", ""),
        (b"<v>1E+300</v>", "MONEY_FLOAT_INEXACT"),
        (b"<v>1E+999</v>", "MONEY_FLOAT_INEXACT"),
        (b"<v>" + b"9" * 5000 + b"</v>", "XLSX_XML"),
        (b"<f>500+500</f><v>1000</v>", "XLSX_FORMULA"),
        (b"<f>500+500</f>", "XLSX_FORMULA"),
    ],
    ids=lambda value: value.decode()[:16] if isinstance(value, bytes) else "",
)
def test_xlsx_stored_values(tmp_path: Path, stored: bytes, code: str) -> None:
    def change(parts: dict[str, bytes]) -> None:
        assert b"<v>1000</v>" in parts[SHEET_XML]
        parts[SHEET_XML] = parts[SHEET_XML].replace(b"<v>1000</v>", stored)

    path = rewritten(xlsx_file(tmp_path), change)
    if code:
        assert only(path).code == code
    else:
        assert cells(path)[0]["default_fund"] == "123000"


# --- Excel: archives ------------------------------------------------------------------------------------

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b"]>"
)
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


STRINGS_TYPE = (
    b'<Override PartName="/xl/sharedStrings.xml" ContentType='
    b'"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
)


def _shared(parts: dict[str, bytes]) -> None:
    """The word good moved to a part for strings, as spreadsheet programs do."""
    inline = b'<c r="C2" t="inlineStr"><is><t>good</t></is></c>'
    assert inline in parts[SHEET_XML]
    parts[SHEET_XML] = parts[SHEET_XML].replace(inline, b'<c r="C2" t="s"><v>0</v></c>')
    parts[STRINGS] = (
        b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>good</t></si></sst>'
    )
    parts[TYPES] = parts[TYPES].replace(b"</Types>", STRINGS_TYPE)


def _part(name: str, data: bytes) -> Callable[[dict[str, bytes]], object]:
    return lambda parts: parts.update({name: data})


def _without(name: str) -> Callable[[dict[str, bytes]], object]:
    return lambda parts: parts.pop(name)


def _entities(head: bytes, name: str) -> Callable[[dict[str, bytes]], object]:
    def change(parts: dict[str, bytes]) -> None:
        body = parts[name].partition(b"?>")[2] if parts[name].startswith(b"<?xml") else parts[name]
        parts[name] = head + body.replace(b"good", b"&a;")

    return change


def _many(parts: dict[str, bytes]) -> None:
    parts.update({f"xl/media/{i}.txt": b"" for i in range(MOST_ENTRIES)})


ARCHIVES: list[tuple[str, Callable[[dict[str, bytes]], object], str]] = [
    ("bomb", _part("xl/bomb.xml", b" " * (MOST_UNPACKED + 1)), "XLSX_TOO_LARGE"),
    ("bomb in the sheet", _part(SHEET_XML, b" " * 9_000_000), "XLSX_TOO_LARGE"),
    ("ratio", _part("xl/bomb.xml", bytes(2_000_000)), "XLSX_TOO_LARGE"),
    ("parts", _many, "XLSX_TOO_LARGE"),
    ("laughs in the sheet", _entities(LAUGHS, SHEET_XML), "XLSX_XML"),
    ("laughs in the strings", _entities(LAUGHS, STRINGS), "XLSX_XML"),
    ("laughs in the workbook", _entities(LAUGHS, "xl/workbook.xml"), "XLSX_XML"),
    ("laughs in the styles", _entities(LAUGHS, "xl/styles.xml"), "XLSX_XML"),
    ("laughs in the types", _entities(LAUGHS, TYPES), "XLSX_XML"),
    ("outside in the sheet", _entities(OUTSIDE, SHEET_XML), "XLSX_XML"),
    ("outside in the strings", _entities(OUTSIDE, STRINGS), "XLSX_XML"),
    ("no XML", _part(SHEET_XML, b"member,bid\nM01,good\n"), "XLSX_XML"),
    ("half an XML", _part(SHEET_XML, b"<worksheet><sheetData>"), "XLSX_XML"),
    ("empty part", _part("xl/workbook.xml", b""), "XLSX_XML"),
    ("other XML", _part("xl/workbook.xml", b"<html/>"), "XLSX_XML"),
    ("no sheet", _without(SHEET_XML), "XLSX_XML"),
    ("no workbook", _without("xl/workbook.xml"), "XLSX_XML"),
    ("no types", _without(TYPES), "FILE_TYPE"),
    ("macros", _part("xl/vbaProject.bin", b"x"), "FILE_TYPE"),
    ("links", _part("xl/externalLinks/externalLink1.xml", b"<x/>"), "FILE_TYPE"),
    ("upwards", _part("../../x", b"x"), "ZIP_PATH"),
    ("upwards inside", _part("xl/../../x", b"x"), "ZIP_PATH"),
    ("upwards with backslashes", _part("xl\\..\\..\\x", b"x"), "ZIP_PATH"),
    ("from the root", _part("/etc/x", b"x"), "ZIP_PATH"),
    ("from a drive", _part("C:\\x", b"x"), "ZIP_PATH"),
]


@pytest.mark.parametrize(("change", "code"), [row[1:] for row in ARCHIVES], ids=[row[0] for row in ARCHIVES])
def test_xlsx_archives(tmp_path: Path, change: Callable[[dict[str, bytes]], object], code: str) -> None:
    path = rewritten(xlsx_file(tmp_path), _shared)
    assert cells(path) == READ
    rewritten(path, change)
    assert path.stat().st_size < 100_000
    before = time.process_time()
    assert only(path).code == code
    assert time.process_time() - before < 1


def test_xlsx_a_bomb_hidden_behind_noise(tmp_path: Path) -> None:
    noise = b"".join(struct.pack("<Q", pow(3, i, 2**64 - 59)) for i in range(40_000))
    path = rewritten(xlsx_file(tmp_path), _part("xl/media/image.png", noise))
    assert cells(path) == READ
    assert only(rewritten(path, _part("xl/bomb.xml", bytes(9_000_000)))).code == "XLSX_TOO_LARGE"


def _patched(path: Path, name: str, offset: int, value: bytes) -> Path:
    """The archive with bytes in the central directory's entry for ``name`` overwritten."""
    data = path.read_bytes()
    at = data.index(b"PK\x01\x02")
    while data[at + 46 : at + 46 + len(name)] != name.encode():
        at = data.index(b"PK\x01\x02", at + 1)
    path.write_bytes(data[: at + offset] + value + data[at + offset + len(value) :])
    return path


def test_xlsx_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    path = rewritten(xlsx_file(tmp_path), _part(SHEET_XML, b" " * 50_000_000))
    before = time.process_time()
    assert only(_patched(path, SHEET_XML, 24, struct.pack("<I", 1000))).code in ("XLSX_TOO_LARGE", "XLSX_XML")
    assert time.process_time() - before < 1


def test_xlsx_a_part_with_a_password(tmp_path: Path) -> None:
    path = rewritten(xlsx_file(tmp_path), lambda parts: None)
    assert only(_patched(path, SHEET_XML, 8, struct.pack("<H", 1))).code == "XLSX_ENCRYPTED"


def test_xlsx_a_part_packed_in_an_unknown_way(tmp_path: Path) -> None:
    path = rewritten(xlsx_file(tmp_path), lambda parts: None)
    assert only(_patched(path, SHEET_XML, 10, struct.pack("<H", 77))).code == "XLSX_XML"


def test_xlsx_a_zip_inside_is_not_opened(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(50_000_000))
    assert cells(rewritten(xlsx_file(tmp_path), _part("xl/embeddings/inner.zip", inner.getvalue()))) == READ


def test_xlsx_the_dimension_it_claims_is_not_believed(tmp_path: Path) -> None:
    def claim(parts: dict[str, bytes]) -> None:
        assert b'<dimension ref="A1:C3"' in parts[SHEET_XML]
        parts[SHEET_XML] = parts[SHEET_XML].replace(b'ref="A1:C3"', b'ref="A1:XFD1048576"')

    before = time.process_time()
    assert cells(rewritten(xlsx_file(tmp_path), claim)) == READ
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "FILE_TYPE"),
        (TEXT.encode(), "FILE_TYPE"),
        (b"<html><table></table></html>", "FILE_TYPE"),
        (b"PK\x03\x04" + bytes(200), "FILE_TYPE"),
        (b"PK\x05\x06" + bytes(18), "FILE_TYPE"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1000), "FILE_TYPE"),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + bytes(500) + "EncryptedPackage".encode("utf-16-le"),
            "XLSX_ENCRYPTED",
        ),
    ],
    ids=["nothing", "csv", "html", "half a zip", "empty zip", "xls", "password"],
)
def test_xlsx_other_files_under_this_name(tmp_path: Path, data: bytes, code: str) -> None:
    path = tmp_path / "members.xlsx"
    path.write_bytes(data)
    assert only(path).code == code


def test_xlsx_cut_off(tmp_path: Path) -> None:
    whole = xlsx_file(tmp_path).read_bytes()
    path = tmp_path / "members.xlsx"
    for part in (0.1, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(len(whole) * part)])
        assert only(path).code == "FILE_TYPE"


# --- in a scenario --------------------------------------------------------------------------------------

BOOK = """\
rulebook: {{currency: {currency}, figures: {{factor: {{given: member, kind: number}},
  resigned: {{given: member, kind: date}}}}, layers: [
  {{id: margin, payer: defaulter, source: initial_margin}},
  {{id: fund, payer: members, source: default_fund, share: default_fund}}]}}
"""
SCENARIO = """\
scenario: A table of members
currency: {currency}
{book}resources: {{members: {members}}}
defaults: [{{member: M000, at: "2024-05-01T10:00:00Z", loss: "1000"}}]
"""


def scenario(folder: Path, members: str, currency: str = "EUR") -> Scenario:
    path = folder / "scenario.yaml"
    book = BOOK.format(currency=currency)
    path.write_text(SCENARIO.format(currency=currency, book=book, members=members), encoding="utf-8")
    return load_scenario(path)


def in_scenario(folder: Path, members: str) -> tuple[Problem, ...]:
    with pytest.raises(Refused) as caught:
        scenario(folder, members)
    assert all(problem.instead for problem in caught.value.problems)
    return caught.value.problems


Member = tuple[str, int, int, str, str, str, str]


def _members(decimals: int) -> list[Member]:
    """200 members: id, margin and fund in minor units, factor, resigned, active, bid."""
    unit = 10**decimals
    return [
        (
            f"M{i:03}",
            (i * 7919 + 13) * unit // 4,
            (i + 1) * 1_000_003 * unit // 20,
            f"0.{i + 1:03}",
            "" if i % 3 else f"2024-03-{i % 28 + 1:02}",
            "true" if i % 2 else "false",
            ("", "none", "poor", "good", "winner")[i % 5],
        )
        for i in range(200)
    ]


NAMES = ("initial_margin", "default_fund", "factor", "resigned", "active", "bid")


def _texts(member: Member, decimals: int) -> list[str]:
    def amount(minor: int) -> str:
        whole, part = divmod(minor, 10**decimals)
        return f"{whole}.{part:0{decimals}}" if decimals else str(whole)

    return [amount(member[1]), amount(member[2]), *member[3:]]


def _typed(member: Member, decimals: int) -> list[object]:
    _, margin, fund, factor, resigned, active, bid = member
    day = datetime.date.fromisoformat(resigned) if resigned else None
    return [margin / 10**decimals, fund / 10**decimals, float(factor), day, active == "true", bid or None]


@pytest.mark.parametrize(("currency", "decimals"), [("EUR", 2), ("JPY", 0), ("KWD", 3)])
def test_200_members_are_the_same_in_yaml_csv_and_excel(tmp_path: Path, currency: str, decimals: int) -> None:
    members = _members(decimals)
    lines = []
    for member in members:
        fields = zip(NAMES, _texts(member, decimals), strict=True)
        told = ", ".join(f'{name}: "{text}"' for name, text in fields if text)
        lines.append(f"{member[0]}: {{{told}}}")
    by_yaml = scenario(tmp_path, "{" + ", ".join(lines) + "}", currency)
    header = ["member", *NAMES]
    rows = [[member[0], *_texts(member, decimals)] for member in members]
    csv_file(tmp_path, "".join(",".join(row) + "\n" for row in [header, *rows]))
    assert scenario(tmp_path, "members.csv", currency) == by_yaml
    xlsx_file(tmp_path, [header, *rows])
    assert scenario(tmp_path, "members.xlsx", currency) == by_yaml
    xlsx_file(tmp_path, [header, *([member[0], *_typed(member, decimals)] for member in members)])
    assert scenario(tmp_path, "members.xlsx", currency) == by_yaml
    assert len(by_yaml.members) == 200


CELLS: list[tuple[str, str, str, str]] = [
    ("default_fund", "1.23E+05", "MONEY_FORMAT", '"1234.50"'),
    ("default_fund", "00123", "MONEY_FORMAT", '"1234.50"'),
    ("default_fund", "1000.5", "MONEY_SCALE", '"1234.50"'),
    ("default_fund", "1000.005", "MONEY_SCALE", '"1234.50"'),
    ("default_fund", '"1,000.00"', "MONEY_FORMAT", '"1234.50"'),
    ("default_fund", '"1000,50"', "MONEY_FORMAT", '"1234.50"'),
    ("default_fund", "\u20ac 1000", "MONEY_FORMAT", '"1234.50"'),
    ("default_fund", "n/a", "MONEY_FORMAT", '"1234.50"'),
    ("default_fund", "NaN", "MONEY_NOT_FINITE", '"1234.50"'),
    ("default_fund", "-1000.00", "MONEY_SIGN", "zero or more"),
    ("default_fund", "99999999999999999999", "MONEY_RANGE", "2^63"),
    ("factor", "1e3", "SCENARIO_TYPE", '"0.25"'),
    ("factor", "-1", "SCENARIO_RANGE", '"0.25"'),
    ("resigned", "03/04/2026", "DATE_AMBIGUOUS", '"2024-01-31"'),
    ("resigned", "3.4.26", "SCENARIO_DATE", '"2024-01-31"'),
    ("resigned", "45000", "SCENARIO_DATE", '"2024-01-31"'),
    ("resigned", "2026-02-29", "SCENARIO_DATE", "a day of the calendar"),
    ("active", "TRUE", "SCENARIO_TYPE", "true, false"),
    ("active", "1", "SCENARIO_TYPE", "true, false"),
    ("bid", "excellent", "SCENARIO_TYPE", "winner"),
]


@pytest.mark.parametrize(("column", "value", "code", "instead"), CELLS, ids=lambda value: ascii(value)[:20])
def test_a_cell_that_cannot_be_meant(
    tmp_path: Path, column: str, value: str, code: str, instead: str
) -> None:
    csv_file(tmp_path, f"member,{column}\nM000,\n")
    assert "M000" in scenario(tmp_path, "members.csv").members
    csv_file(tmp_path, f"member,{column}\nM000,\nM001,{value}\n")
    (found,) = in_scenario(tmp_path, "members.csv")
    assert found.code == code
    assert written_path(found.path) == f"resources.members.M001.{column}"
    assert found.place == f"{tmp_path / 'members.csv'}:3:2"
    assert instead in found.instead


def test_a_cell_of_a_sheet_that_cannot_be_meant(tmp_path: Path) -> None:
    xlsx_file(tmp_path, [["member", "default_fund"], ["M000", 1000.005]])
    (found,) = in_scenario(tmp_path, "members.xlsx")
    assert found.code == "MONEY_SCALE"
    assert found.place == f"{tmp_path / 'members.xlsx'}:Members!B2"


@pytest.mark.parametrize(
    ("table", "code", "place"),
    [
        ("member\nM000\nM001\nM000\n", "SCENARIO_DUPLICATE", ":4:1"),
        ("member\nM000\nm000\n", "DUPLICATE_NAME", ":3:1"),
        ("member\nM000\nCaf\u00e9\nCafe\u0301\n", "SCENARIO_DUPLICATE", ":4:1"),
        ("member\nM000\nccp\n", "SCENARIO_TYPE", ":3:1"),
        ("member\nM000\nA/B\n", "SCENARIO_TYPE", ":3:1"),
        ("member,dfault_fund\nM000,1.00\nM001,1.00\n", "CSV_HEADER", ":1:2"),
        ("member,own_capital\nM000,1.00\nM001,1.00\n", "CSV_HEADER", ":1:2"),
        ("member;bid\nM000;good\n", "CSV_DIALECT", ":1:1"),
        ("member\n", "IMPORT_EMPTY", ":1:1"),
    ],
)
def test_a_table_that_cannot_be_meant(tmp_path: Path, table: str, code: str, place: str) -> None:
    path = csv_file(tmp_path, table)
    (found,) = in_scenario(tmp_path, "members.csv")
    assert (found.code, found.place) == (code, f"{path}{place}")
    assert found.path[:2] == ("resources", "members")


def test_all_mistakes_of_a_table_at_once(tmp_path: Path) -> None:
    csv_file(tmp_path, "member,default_fund,active\nM000,1e3,\nM001,1.00,yes\nM001,1.00,\nM/2,1.00,\n")
    found = in_scenario(tmp_path, "members.csv")
    assert [problem.code for problem in found] == [
        "MONEY_FORMAT", "SCENARIO_TYPE", "SCENARIO_DUPLICATE", "SCENARIO_TYPE",
    ]  # fmt: skip
    assert [problem.place.rpartition("csv")[2] for problem in found] == [":2:2", ":3:3", ":4:1", ":5:1"]


@pytest.mark.parametrize("members", ["missing.csv", "scenario.yaml", "members", '"../"', "5"])
def test_a_table_that_is_not_there(tmp_path: Path, members: str) -> None:
    (found,) = in_scenario(tmp_path, members)
    assert found.code in ("FILE_NOT_FOUND", "FILE_TYPE")
    assert found.path == ("resources", "members")


# --- anything at all ------------------------------------------------------------------------------------


@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_bytes_are_a_csv_table_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        rows = read_table(path, KINDS, EUR)
    except Refused:
        return
    assert all("member" in row for _, row in rows)


@st.composite
def changed_text(draw: st.DrawFn) -> str:
    """The good table with a few characters changed."""
    text = TEXT
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        new = draw(
            st.sampled_from(["", ",", '"', "\n", "\r", ";", "\t", " ", "0", "-", "\0", "\u202e", "e\u0301"])
        )
        text = text[:at] + new + text[at + draw(st.integers(0, 3)) :]
    return text


@given(text=changed_text())
def test_a_changed_csv_table_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.csv"
    path.write_bytes(text.encode())
    try:
        rows = read_table(path, KINDS, EUR)
    except Refused:
        return
    assert all("member" in row for _, row in rows)


@given(data=st.data())
def test_a_changed_workbook_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "members.xlsx"
    if not path.exists():
        rewritten(xlsx_file(folder), _shared)
    name = data.draw(st.sampled_from(["", SHEET_XML, STRINGS, "xl/workbook.xml", "xl/styles.xml"]))

    def change(parts: dict[str, bytes]) -> None:
        if name:
            parts[name] = _changed_bytes(parts[name], data)

    broken = folder / "broken.xlsx"
    broken.write_bytes(path.read_bytes())
    if name:
        rewritten(broken, change)
    else:
        broken.write_bytes(_changed_bytes(broken.read_bytes(), data))
    try:
        rows = read_table(broken, KINDS, EUR)
    except Refused:
        return
    assert all("member" in row for _, row in rows)


def _changed_bytes(old: bytes, data: st.DataObject) -> bytes:
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(old)))
        new = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from([b"<", b">", b'"', b"9", b"&#0;", b"/>"]))
        )
        old = old[:at] + new + old[at + data.draw(st.integers(0, 5)) :]
    return old
