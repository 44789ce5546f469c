"""``penstock liquidity``: what is read, said and drawn, and every mistake with its place."""

import json
from pathlib import Path

import pytest
from openpyxl import Workbook

from app.test_cli import Done, penstock

NEEDS = """\
member,currency,day,amount,group
M1,EUR,2024-06-03,60.00,
M1,EUR,2024-06-04,20.00,
M1,EUR,2024-06-05,-10.00,
M2,EUR,2024-06-03,30.00,G
M2,EUR,2024-06-04,10.00,
M2,EUR,2024-06-05,0.00,
M2,JPY,2024-06-03,3000,
M2,JPY,2024-06-05,-2000,
M2,JPY,2024-06-04,500,
M3,JPY,2024-06-03,2500,G
M3,JPY,2024-06-04,1500,
M3,JPY,2024-06-05,0,
"""
RESOURCES = """\
currency,amount,provider,kind
EUR,100.00,,central bank
JPY,5000,,deposit
JPY,900,M3,repo
CHF,7.00,M1,
"""


def files(folder: Path, needs: str = NEEDS, resources: str = RESOURCES) -> None:
    (folder / "needs.csv").write_text(needs, encoding="utf-8")
    (folder / "resources.csv").write_text(resources, encoding="utf-8")


def test_each_currency_has_its_own_worst_default(tmp_path: Path) -> None:
    """M2 and M3 are one group: JPY 5500, 7500, 5500 up to each day, and 900 of the 5900 are of M3.

    EUR: M1 60, 80, 70 and G 30, 40, 40 of 100. CHF: 7 of M1, which needs none.
    """
    files(tmp_path)
    done = penstock("liquidity", "needs.csv", "resources.csv", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["defaults"], found["met"]) == (2, False)
    assert list(found["currencies"]) == ["CHF", "EUR", "JPY"]
    assert found["currencies"]["JPY"]["resources"] == "5900"
    told = {code: [rung["balance"] for rung in one["days"]] for code, one in found["currencies"].items()}
    assert told == {
        "CHF": ["0.00", "0.00", "0.00"],
        "EUR": ["10.00", "-20.00", "-10.00"],
        "JPY": ["-500", "-2500", "-500"],
    }
    worst = {"day": "2024-06-04", "balance": "-20.00", "met": False, "groups": ["G", "M1"]}
    assert found["currencies"]["EUR"]["worst"] == worst
    one = penstock("liquidity", "needs.csv", "resources.csv", "--defaults", "1", "--json", cwd=tmp_path)
    assert json.loads(one.stdout)["currencies"]["EUR"]["worst"]["balance"] == "20.00"


def test_it_is_told_and_drawn(tmp_path: Path) -> None:
    files(tmp_path)
    words = ("liquidity", "needs.csv", "resources.csv", "--picture", "ladder.svg")
    done = penstock(*words, cwd=tmp_path, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "3 members in 2 groups, at most 2 of them in default" in done.stdout
    assert "EUR          100.00          -20.00  2024-06-04  G, M1" in done.stdout
    assert "Not enough in EUR, JPY." in done.stdout
    drawn = (tmp_path / "ladder.svg").read_text(encoding="utf-8")
    assert "The lowest balance of each day" in drawn
    files(tmp_path, resources="currency,amount\nEUR,1000.00\nJPY,100000\n")
    assert "Enough in every currency." in penstock(*words[:3], cwd=tmp_path).stdout


def test_days_may_be_numbers_and_a_sheet_shows_no_zeros_at_the_end(tmp_path: Path) -> None:
    tables: dict[str, list[list[str | float]]] = {
        "needs.xlsx": [["member", "currency", "day", "amount"], ["A", "EUR", 10, 1.5], ["A", "EUR", 2, 4]],
        "resources.xlsx": [["currency", "amount"], ["EUR", 5]],
    }
    for name, rows in tables.items():
        workbook = Workbook()
        sheet = workbook.active
        assert sheet is not None
        for row in rows:
            sheet.append(row)
        workbook.save(tmp_path / name)
    done = penstock("liquidity", "needs.xlsx", "resources.xlsx", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rungs = json.loads(done.stdout)["currencies"]["EUR"]["days"]
    assert [(rung["day"], rung["balance"]) for rung in rungs] == [("2", "1.00"), ("10", "-0.50")]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("60.00", "NaN", "needs.csv:2:4: 'NaN' is no amount"),
        ("60.00", "inf", "needs.csv:2:4: 'inf' is no amount"),
        ("60.00", "", "needs.csv:2:4: an empty cell"),
        ("60.00", "60.0", "needs.csv:2:4: '60.0' has 1 decimals"),
        ("60.00", "1e2", "needs.csv:2:4"),
        ("3000", "3000.00", "has 2 decimals, JPY has 0"),
        ("M1,EUR", ",EUR", "needs.csv:2:1: a row without a member"),
        ("M1,EUR", "M\u200b1,EUR", "needs.csv:2:1: the invisible character U+200B"),
        ("M1,EUR", "M1,EURO", "needs.csv:2:2: 'EURO' is not an ISO 4217 currency code"),
        ("M1,EUR,2024-06-03", "M1,EUR,2024-06-31", "needs.csv:2:3: '2024-06-31' is no date"),
        ("M1,EUR,2024-06-03", "M1,EUR,monday", "needs.csv:2:3: 'monday' is no date"),
        ("M1,EUR,2024-06-03", "M1,EUR,1", "2024-06-04 beside 1"),
        ("M1,EUR,2024-06-03", "M1,EUR,2024-06-04", "needs.csv:3:1: M1 EUR 2024-06-04 stands twice"),
        ("M1,EUR,2024-06-03,60.00,\n", "", "M1 says nothing of EUR on 2024-06-03"),
        ("M3,JPY,2024-06-04,1500,", "M3,JPY,2024-06-04,1500,H", "M3 has two groups, G and H"),
        ("M3,JPY,2024-06-04,1500,", "M3,JPY,2024-06-04,1500", "4 cells under 5 columns"),
        ("amount,group", "amounts,group", "'amounts' is no column of this table; write amount"),
        ("amount,group", "amount,amount", "the column 'amount' stands twice"),
        ("amount,group", "group", "no column amount"),
        (NEEDS[NEEDS.index("\n") + 1 :], "", "the table has a header only"),
        (NEEDS, "", "the table is empty"),
    ],
)
def test_needs_that_cannot_be_meant_are_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in NEEDS
    files(tmp_path, needs=NEEDS.replace(old, new, 1))
    _refused(penstock("liquidity", "needs.csv", "resources.csv", cwd=tmp_path), says)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("900,M3", "900,M4", "resources.csv:4:3: the provider 'M4' is no member or group of the needs"),
        ("900,M3", "-900,M3", "resources.csv:4:2: a resource is negative"),
        ("EUR,100.00,,central bank\n", "", "no resources in EUR, which is needed"),
        ("CHF", "CHX", "resources.csv:5:1: 'CHX' is not an ISO 4217 currency code"),
        ("100.00", "infinity", "is no amount"),
        ("900", "9" * 25, "is too large"),
        ("5000", "9" * 18, ""),
        ("900,M3", "900,M\x1b3", "resources.csv:4:3: the control character U+001B"),
        ("currency,", "unit,", "'unit' is no column of this table"),
    ],
)
def test_resources_that_cannot_be_meant_are_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in RESOURCES
    files(tmp_path, resources=RESOURCES.replace(old, new, 1))
    done = penstock("liquidity", "needs.csv", "resources.csv", cwd=tmp_path)
    if says:
        _refused(done, says)
    else:
        assert done.returncode == 0  # just within the range


def _refused(done: Done, says: str) -> None:
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_files_and_pictures_that_are_none_are_refused(tmp_path: Path) -> None:
    files(tmp_path)
    _refused(penstock("liquidity", "none.csv", "resources.csv", cwd=tmp_path), "there is no table none.csv")
    picture = ("--picture", "ladder.pdf")
    done = penstock("liquidity", "needs.csv", "resources.csv", *picture, cwd=tmp_path)
    _refused(done, "ladder.pdf ends in neither .svg nor .png")
