"""Stress matrices from files: what is read, and every mistake with its place."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook

from penstock.core.money import currency
from penstock.core.problems import Refused
from penstock.store import stress_files
from penstock.store.margin_files import Book, read_book
from penstock.store.stress_files import ROWS, read_losses

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
    for scenarios, piece, _ in read_losses(path, EUR, book(tmp_path).rows):
        assert piece.dtype == np.int64
        names += scenarios
        rows += piece.tolist()
    return names, rows


def test_margins_are_read_with_what_is_said_of_members(tmp_path: Path) -> None:
    found = book(tmp_path)
    assert [(row.name, row.margin) for row in found.rows] == [("A", 1000), ("A/c1", 500), ("B", 2000)]
    assert found.groups == {"A": "G", "B": "G"}
    assert found.funds[""].weights == {"A": Fraction(2), "B": Fraction(1, 2)}
    assert found.funds[""].floors == {"A": 100}


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
    ((names, piece, _),) = read_losses(path, EUR, book(tmp_path).rows)
    assert (names, piece.tolist()) == (["mild", "harsh"], AS_READ)


def test_a_wide_table_comes_a_piece_at_a_time(tmp_path: Path) -> None:
    lines = [f"s{i},{i}.00,0.00,-0.50" for i in range(2 * ROWS + 1)]
    path = tmp_path / "losses.csv"
    path.write_text("\n".join(["scenario,A,B,A/c1", *lines]), encoding="utf-8")
    pieces = list(read_losses(path, EUR, book(tmp_path).rows))
    assert [len(names) for names, _, _ in pieces] == [ROWS, ROWS, 1]
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
    (WIDE, "harsh", "har\x1bsh", "TEXT_CONTROL_CHAR", "losses.csv:3:1"),
    (WIDE, ",7", "", "CSV_ROW", "losses.csv:3:1"),
    (WIDE, "scenario,B,A,A/c1", "scenario,B,A,", "STRESS_UNKNOWN", "losses.csv:1:4"),
    (WIDE, "scenario", "member", "STRESS_HEADER", "losses.csv:1:1"),
    (LONG, "account,loss", "account,loss,note", "STRESS_HEADER", "losses.csv:1:5"),
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
        list(read_losses(path, EUR, book(tmp_path).rows))
    assert refused.value.code == code
    with pytest.raises(Refused) as refused:
        list(read_losses(tmp_path / "none.csv", EUR, book(tmp_path).rows))
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


# --- days, funds, pieces ----------------------------------------------------------------------------------


def test_a_piece_is_of_one_day(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    rows = [f"2024-05-{30 + i // ROWS},s{i % ROWS},1.00,2.00,3.00" for i in range(ROWS + 2)]
    path.write_text("\n".join(["day,scenario,A,A/c1,B", *rows]), encoding="utf-8")
    pieces = list(read_losses(path, EUR, book(tmp_path).rows))
    assert [(str(piece.day), len(piece.scenarios)) for piece in pieces] == [
        ("2024-05-30", ROWS),
        ("2024-05-31", 2),
    ]


def test_a_piece_of_many_accounts_has_few_scenarios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stress_files, "CELLS", 7)
    path = tmp_path / "losses.csv"
    path.write_text("scenario,A,A/c1,B\n" + "".join(f"s{i},1,1,1\n" for i in range(5)), encoding="utf-8")
    pieces = list(read_losses(path, EUR, book(tmp_path).rows))
    assert [len(piece.scenarios) for piece in pieces] == [2, 2, 1]


def test_a_scenario_of_a_long_table_is_not_waited_for_once_it_is_complete(tmp_path: Path) -> None:
    """So a later mistake is found when the first scenarios have long been read."""
    path = tmp_path / "losses.csv"
    rows = [f"s{i},{member},{account},1.00" for i in range(ROWS + 1) for member, account in ACCOUNTS]
    path.write_text("\n".join(["scenario,member,account,loss", *rows, "s0,A,,1.00"]), encoding="utf-8")
    pieces = read_losses(path, EUR, book(tmp_path).rows)
    assert len(next(pieces).scenarios) == ROWS
    with pytest.raises(Refused, match="scenario 's0' stands twice"):
        list(pieces)


ACCOUNTS = [("A", "house"), ("A", "c1"), ("B", "")]


def test_accounts_of_several_funds_are_named_by_them(tmp_path: Path) -> None:
    text = "member,account,fund,initial_margin,group,weight,floor\n"
    found = book(tmp_path, text + "A,,F,1.00,G,1,\nA,c,F,1.00,,,\nA,,G,2.00,,2,0.10\n")
    assert [row.name for row in found.rows] == ["F:A", "F:A/c", "G:A"]
    assert found.groups == {"A": "G"}
    assert list(found.funds) == ["F", "G"]
    assert (found.funds["F"].places, found.funds["G"].places) == ((0, 1), (2,))
    assert [fund.weights for fund in found.funds.values()] == [{"A": Fraction(1)}, {"A": Fraction(2)}]
    assert (found.funds["F"].floors, found.funds["G"].floors) == ({}, {"A": 10})


def test_two_accounts_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="'A/c1' stands twice"):
        book(tmp_path, "member,account,initial_margin\nA/c1,,1.00\nA,c1,1.00\n")


def test_reading_is_told_of_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_text("scenario,A,A/c1,B\n" + "".join(f"s{i},1,1,1\n" for i in range(5_000)), encoding="utf-8")
    told: list[tuple[int, int]] = []
    for _ in read_losses(path, EUR, book(tmp_path).rows, lambda read, size: told.append((read, size))):
        pass
    size = path.stat().st_size
    assert {of for _, of in told} == {size}
    assert [read for read, _ in told] == sorted(read for read, _ in told)
    assert size // 2 < told[-1][0] <= size
