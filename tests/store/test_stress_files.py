"""Stress matrices from files: what is read, and every mistake with its place."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook

from penstock.core.money import currency
from penstock.core.problems import Refused
from penstock.store.stress_files import ROWS, Book, read_book, read_losses

EUR = currency("EUR")
MARGINS = """\
member,account,initial_margin,group,weight,floor
A,house,10.00,G,2,1.00
A,c1,5.00,,,
B,house,20.00,G,0.5,
"""
WIDE = """\
scenario,B,A,A/c1
mild,-1.00,2.50,0.00
harsh,20.00,12.00,7
"""
LONG = """\
scenario,member,account,loss
mild,A,house,2.50
mild,A,c1,0.00
harsh,A,,12.00
mild,B,house,-1.00
harsh,B,house,20.00
harsh,A,c1,7.00
"""
AS_READ = [[250, 0, -100], [1200, 700, 2000]]


def book(tmp_path: Path, text: str = MARGINS) -> Book:
    path = tmp_path / "margins.csv"
    path.write_text(text, encoding="utf-8")
    return read_book(path, EUR)


def losses(tmp_path: Path, text: str, name: str = "losses.csv") -> tuple[list[str], list[list[int]]]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    names, rows = [], []
    for scenarios, piece in read_losses(path, EUR, book(tmp_path)):
        assert piece.dtype == np.int64
        names += scenarios
        rows += piece.tolist()
    return names, rows


def test_margins_are_read_with_what_is_said_of_members(tmp_path: Path) -> None:
    found = book(tmp_path)
    assert [(row.name, row.margin) for row in found.rows] == [("A", 1000), ("A/c1", 500), ("B", 2000)]
    assert found.groups == {"A": "G", "B": "G"}
    assert found.weights == {"A": Fraction(2), "B": Fraction(1, 2)}
    assert found.floors == {"A": 100}


def test_wide_and_long_tables_say_the_same_in_the_order_of_the_margins(tmp_path: Path) -> None:
    assert losses(tmp_path, WIDE) == (["mild", "harsh"], AS_READ)
    assert losses(tmp_path, LONG) == (["mild", "harsh"], AS_READ)


def test_a_workbook_says_it_too(tmp_path: Path) -> None:
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in (["scenario", "B", "A", "A/c1"], ["mild", -1, 2.5, 0], ["harsh", 20, 12, 7]):
        sheet.append(row)
    path = tmp_path / "losses.xlsx"
    workbook.save(path)
    ((names, piece),) = read_losses(path, EUR, book(tmp_path))
    assert (names, piece.tolist()) == (["mild", "harsh"], AS_READ)


def test_a_wide_table_comes_a_piece_at_a_time(tmp_path: Path) -> None:
    lines = [f"s{i},{i}.00,0.00,-0.50" for i in range(2 * ROWS + 1)]
    path = tmp_path / "losses.csv"
    path.write_text("\n".join(["scenario,A,B,A/c1", *lines]), encoding="utf-8")
    pieces = list(read_losses(path, EUR, book(tmp_path)))
    assert [len(names) for names, _ in pieces] == [ROWS, ROWS, 1]
    assert pieces[2][1].tolist() == [[2 * ROWS * 100, -50, 0]]


WRONG_LOSSES = [
    (WIDE, "2.50", "nan", "MONEY_NOT_FINITE", "losses.csv:2:3"),
    (WIDE, "2.50", "inf", "MONEY_NOT_FINITE", "losses.csv:2:3"),
    (WIDE, "2.50", "", "STRESS_MISSING", "losses.csv:2:3"),
    (WIDE, "2.50", "2.5", "MONEY_SCALE", "losses.csv:2:3"),
    (WIDE, "2.50", "2.5e3", "MONEY_FORMAT", "losses.csv:2:3"),
    (WIDE, "2.50", "-0.00", "MONEY_FORMAT", "losses.csv:2:3"),
    (WIDE, "2.50", "99999999999999999999.00", "MONEY_RANGE", "losses.csv:2:3"),
    (WIDE, ",A,", ",D,", "STRESS_UNKNOWN", "losses.csv:1:3"),
    (WIDE, ",A/c1", ",A", "STRESS_TWICE", "losses.csv:1:4"),
    (WIDE, "harsh", "mild", "STRESS_TWICE", "losses.csv:3:1"),
    (WIDE, "harsh", " ", "STRESS_MISSING", "losses.csv:3:1"),
    (WIDE, ",7", "", "CSV_ROW", "losses.csv:3:1"),
    (WIDE, "scenario,B,A,A/c1", "scenario,B,A,", "STRESS_UNKNOWN", "losses.csv:1:4"),
    (WIDE, "scenario", "member", "STRESS_HEADER", "losses.csv:1:1"),
    (LONG, "account,loss", "account,loss,note", "STRESS_HEADER", "losses.csv:1:1"),
    (LONG, "mild,A,c1", "mild,A,c9", "STRESS_UNKNOWN", "losses.csv:3:2"),
    (LONG, "harsh,A,,", "mild,A,,", "STRESS_TWICE", "losses.csv:4:2"),
    (LONG, "harsh,A,c1,7.00\n", "", "STRESS_MISSING", "losses.csv"),
    (LONG, "mild,A,c1,0.00", "mild,A,c1", "CSV_ROW", "losses.csv:3:1"),
]


@pytest.mark.parametrize(("text", "old", "new", "code", "place"), WRONG_LOSSES)
def test_mistakes_in_losses_are_told_at_their_place(
    tmp_path: Path, text: str, old: str, new: str, code: str, place: str
) -> None:
    assert old in text
    with pytest.raises(Refused) as refused:
        losses(tmp_path, text.replace(old, new, 1))
    assert refused.value.code == code
    assert refused.value.problems[0].place == str(tmp_path / place)


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "STRESS_HEADER"), ("scenario,A,A/c1\ns,1.00,1.00\n", "STRESS_MISSING"), ("\xff", "CSV_ENCODING")],
)
def test_files_that_are_no_matrix_are_refused(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "losses.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Refused) as refused:
        list(read_losses(path, EUR, book(tmp_path)))
    assert refused.value.code == code
    with pytest.raises(Refused) as refused:
        list(read_losses(tmp_path / "none.csv", EUR, book(tmp_path)))
    assert refused.value.code == "FILE_NOT_FOUND"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("A,c1,5.00", "A,house,5.00", "STRESS_TWICE"),
        ("A,c1,5.00,,,", "A,c1,5.00,H,,", "STRESS_TWICE"),
        ("A,c1,5.00", "A,c1,", "STRESS_MISSING"),
        ("A,c1,5.00", "A,c1,five", "MONEY_FORMAT"),
        ("A,c1,5.00", "A,c1,-5.00", "STRESS_NEGATIVE"),
    ],
)
def test_mistakes_in_margins_are_refused(tmp_path: Path, old: str, new: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        book(tmp_path, MARGINS.replace(old, new, 1))
    assert refused.value.code == code
