"""Sizing from files: histories, several funds, what is held while reading; against values worked by hand."""

import io
import json
import tracemalloc
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from app.test_cli import penstock
from penstock.app.progress import reading
from penstock.app.sizing import Asked, sized
from penstock.core.money import currency
from penstock.store import stress_files, tables
from penstock.store.margin_files import read_book
from penstock.store.stress_files import read_losses

EUR = currency("EUR")
MARGINS = "member,initial_margin\nA,10.00\nB,10.00\nC,20.00\n"
HISTORY = """\
day,scenario,A,B,C
2024-05-29,up,30.00,15.00,0.00
2024-05-29,down,9.00,9.00,44.00
2024-05-30,up,12.00,0.00,0.00
2024-06-03,up,0.00,16.00,0.00
2024-06-03,down,11.00,0.00,25.00
2024-06-04,up,0.00,0.00,0.00
"""


def files(folder: Path, losses: str, margins: str = MARGINS) -> tuple[str, str]:
    (folder / "losses.csv").write_text(losses, encoding="utf-8")
    (folder / "margins.csv").write_text(margins, encoding="utf-8")
    return "losses.csv", "margins.csv"


def found(folder: Path, *words: str) -> Any:
    done = penstock("size", "losses.csv", "margins.csv", *words, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- history ----------------------------------------------------------------------------------------------


def test_each_day_is_sized_by_itself_and_the_largest_of_its_window_counts(tmp_path: Path) -> None:
    """Cover 1 over margins of 10, 10, 20; contributions by margin are never more than these losses.

    29 May: A 20 up, C 24 down; 30 May: A 2; 3 June: B 6; 4 June: nothing. What one defaulter needs is its
    loss, or its contribution where that is more: of a fund of F, C holds half, which F covers.
    """
    files(tmp_path, HISTORY)
    all_of_it = found(tmp_path, "--cover", "1", "--days", "6", "--buffer", "50")
    history = all_of_it["history"]
    assert history["window"] == 6
    told = [(one["day"], one["cover"]["amount"], one["need"], one["size"]) for one in history["days"]]
    assert told == [
        ("2024-05-29", "24.00", "24.00", "36.00"),
        ("2024-05-30", "2.00", "2.00", "36.00"),
        ("2024-06-03", "6.00", "6.00", "36.00"),  # six days ending on 3 June begin on 29 May
        ("2024-06-04", "0.00", "0.00", "9.00"),
    ]
    assert [one["scenarios"] for one in history["days"]] == [2, 1, 2, 1]
    assert history["monthly"] == {"2024-06": "36.00", "2024-07": "9.00"}
    fund = all_of_it["fund"]
    assert (fund["size"], fund["day"], fund["scenario"], fund["groups"]) == (
        "9.00",
        "2024-06-03",
        "up",
        ["B"],
    )
    assert sum(Fraction(amount) for amount in fund["contributions"].values()) == 9
    assert all_of_it["cover"][0]["amount"] == "0.00"  # of the last day


def test_without_a_window_each_day_counts_alone(tmp_path: Path) -> None:
    files(tmp_path, HISTORY)
    days = found(tmp_path, "--cover", "1")["history"]["days"]
    assert [one["size"] for one in days] == ["24.00", "2.00", "6.00", "0.00"]


def test_a_long_history_says_the_same_as_a_wide_one(tmp_path: Path) -> None:
    files(tmp_path, HISTORY)
    wide = found(tmp_path, "--cover", "1", "--days", "2")
    header, *lines = [line.split(",") for line in HISTORY.splitlines()]
    rows = [
        f"{day},{scenario},{member},{loss}"
        for day, scenario, *losses in lines
        for member, loss in zip(header[2:], losses, strict=True)
    ]
    files(tmp_path, "\n".join(["day,scenario,member,loss", *rows]))
    assert found(tmp_path, "--cover", "1", "--days", "2") == wide


def test_a_history_against_every_pair_of_every_day(tmp_path: Path) -> None:
    """Forty days, three scenarios each, four members with equal margins and so equal contributions."""
    first, members = date(2024, 1, 20), "ABCD"
    table = {
        (first + timedelta(days=2 * i), s): [(37 * i * (k + 2) + 101 * s * k) % 90 for k in range(4)]
        for i in range(40)
        for s in range(3)
    }
    rows = [f"{day},s{s},{','.join(f'{loss}.00' for loss in row)}" for (day, s), row in table.items()]
    margins = "member,initial_margin\n" + "".join(f"{member},20.00\n" for member in members)
    files(tmp_path, "\n".join([f"day,scenario,{','.join(members)}", *rows]), margins)

    def enough(fund: int, day: date) -> bool:
        part = -(-fund // 4)
        return all(
            sum(max(100 * max(0, row[i] - 20), part) for i in pair) <= fund
            for (of, _), row in table.items()
            if of == day
            for pair in combinations(range(4), 2)
        )

    history = found(tmp_path, "--days", "10", "--buffer", "10")["history"]
    needs: dict[date, int] = {}
    for one in history["days"]:
        day = date.fromisoformat(one["day"])
        needs[day] = int(one["need"].replace(".", ""))
        assert enough(needs[day], day)
        assert not needs[day] or not enough(needs[day] - 1, day)
        window = [need for of, need in needs.items() if (day - of).days < 10]
        assert int(one["size"].replace(".", "")) == ceil(max(window) * Fraction(11, 10))
    assert len(needs) == 40


@pytest.mark.parametrize(
    ("losses", "words", "code"),
    [
        (HISTORY.replace("2024-05-30", "2024-02-30"), (), "STRESS_DAY"),
        (HISTORY.replace("2024-05-30", "30.05.2024"), (), "STRESS_DAY"),
        (HISTORY.replace("2024-05-30", "20240530"), (), "STRESS_DAY"),
        (HISTORY.replace("2024-05-30", ""), (), "STRESS_DAY"),
        (HISTORY.replace("2024-05-30", "2024-06-05"), (), "STRESS_DAY"),
        (HISTORY.replace("2024-06-04,up", "2024-05-29,other"), (), "STRESS_DAY"),
        (HISTORY.replace("2024-05-29,down", "2024-05-29,up"), (), "STRESS_TWICE"),
        (HISTORY.replace("day,scenario", "day,case"), (), "STRESS_HEADER"),
        ("scenario,A,B,C\nup,1.00,1.00,1.00\n", ("--days", "3"), "STRESS_DAY"),
        ("day,scenario,member,loss\n2024-05-29,up,A,1.00\n2024-05-30,up,A,1.00\n", (), "STRESS_MISSING"),
        ("day,scenario,A,B,C\n", (), "STRESS_MISSING"),
    ],
)
def test_days_that_cannot_be_meant_are_refused(
    tmp_path: Path, losses: str, words: tuple[str, ...], code: str
) -> None:
    files(tmp_path, losses)
    done = penstock("size", "losses.csv", "margins.csv", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"[{code}]" in done.stderr


def test_margins_by_day_are_refused_by_name(tmp_path: Path) -> None:
    files(tmp_path, HISTORY, "day,member,initial_margin\n2024-05-29,A,10.00\n")
    done = penstock("size", "losses.csv", "margins.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert "margins by day" in done.stderr


def test_a_history_is_told_and_drawn(tmp_path: Path) -> None:
    files(tmp_path, HISTORY)
    words = ("--cover", "1", "--days", "2", "--picture", "history.svg")
    done = penstock("size", "losses.csv", "margins.csv", *words, cwd=tmp_path, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "4 days, on the last of them 1 scenario, 3 members in 3 groups, EUR" in done.stdout
    assert "2024-06-03     6.00    6.00   6.00" in done.stdout
    assert "bound on 2024-06-03 by scenario up, default of B" in done.stdout
    assert "largest need of 2 days" in (tmp_path / "history.svg").read_text(encoding="utf-8")


# --- several funds ----------------------------------------------------------------------------------------

FUNDS = """\
member,account,fund,initial_margin,weight,floor
A,house,rates,10.00,1,
A,c1,rates,5.00,1,
B,house,rates,10.00,1,2.00
C,house,rates,10.00,2,
A,house,power,0.00,,1.00
B,house,power,0.00,,
C,house,power,5.00,,
"""
BOTH = """\
scenario,rates:A,rates:A/c1,rates:B,rates:C,power:A,power:B,power:C
up,40.00,5.00,30.00,0.00,0.00,0.00,15.00
down,0.00,0.00,0.00,20.00,0.00,0.00,0.00
"""


def test_each_fund_is_sized_by_its_own_accounts_weights_and_floors(tmp_path: Path) -> None:
    """Cover 1. Rates: A 30 and B 20 up, C 10 down: 30, by weights of 1, 1, 2: 7.5, 7.5, 15.

    Power: C alone loses, 10; it holds all the margin, so all of the fund above A's floor of 1 is its own:
    its 9 and A's 1 are 10; with B at 5 it is 10 as well. Where B, which gives nothing, loses 7 besides, no
    fund covers both: what C has is for its own loss.
    """
    files(tmp_path, BOTH, FUNDS)
    power = found(tmp_path, "--cover", "1")["funds"]["power"]["fund"]
    assert (power["size"], power["contributions"]) == ("10.00", {"A": "1.00", "B": "0.00", "C": "9.00"})
    files(tmp_path, BOTH.replace("0.00,0.00,15.00", "0.00,7.00,15.00"), FUNDS)
    done = penstock("size", "losses.csv", "margins.csv", "--cover", "2", cwd=tmp_path)
    assert done.returncode == 2
    assert "power: 2 defaulters can hold the whole fund" in done.stderr
    files(tmp_path, BOTH, FUNDS.replace("B,house,power,0.00", "B,house,power,5.00"))
    funds = found(tmp_path, "--cover", "1")["funds"]
    assert list(funds) == ["power", "rates"]
    rates, power = funds["rates"]["fund"], funds["power"]["fund"]
    assert (rates["size"], rates["contributions"]) == ("30.00", {"A": "7.50", "B": "7.50", "C": "15.00"})
    assert (power["size"], power["contributions"]) == ("10.00", {"A": "1.00", "B": "4.50", "C": "4.50"})
    assert (rates["scenario"], rates["groups"]) == ("up", ["A"])


def test_own_capital_goes_over_the_funds_by_their_size_or_as_given(tmp_path: Path) -> None:
    """Sizes without it are 30 and 10, so 8 is 6 and 2."""
    files(tmp_path, BOTH, FUNDS.replace("B,house,power,0.00", "B,house,power,5.00"))
    split = found(tmp_path, "--cover", "1", "--own", "8")["funds"]
    assert [split[name]["fund"]["own_capital"] for name in ("rates", "power")] == ["6.00", "2.00"]
    assert [split[name]["fund"]["size"] for name in ("rates", "power")] == ["24.00", "8.00"]
    given = found(tmp_path, "--cover", "1", "--own", "rates=3", "--own", "power=0.50")["funds"]
    assert [given[name]["fund"]["size"] for name in ("rates", "power")] == ["27.00", "9.50"]
    assert found(tmp_path, "--cover", "1", "--own", "rates=3")["funds"]["power"]["fund"]["size"] == "10.00"


def test_a_long_table_names_the_fund_in_a_column(tmp_path: Path) -> None:
    margins = FUNDS.replace("B,house,power,0.00", "B,house,power,5.00")
    files(tmp_path, BOTH, margins)
    wide = found(tmp_path, "--cover", "1")
    header, *lines = [line.split(",") for line in BOTH.splitlines()]
    rows = []
    for scenario, *losses in lines:
        for name, loss in zip(header[1:], losses, strict=True):
            fund, member = name.split(":")
            member, _, account = member.partition("/")
            rows.append(f"{scenario},{fund},{member},{account},{loss}")
    files(tmp_path, "\n".join(["scenario,fund,member,account,loss", *rows]), margins)
    assert found(tmp_path, "--cover", "1") == wide


def test_a_fund_by_itself_is_sized_as_if_there_were_no_other(tmp_path: Path) -> None:
    """The same accounts, alone and beside another fund; own capital as given."""
    margins = FUNDS.replace("B,house,power,0.00", "B,house,power,5.00")
    files(tmp_path, BOTH, margins)
    both = found(tmp_path, "--cover", "1", "--own", "rates=1.23")["funds"]["rates"]
    rows = [row.split(",") for row in margins.splitlines()]
    alone = "\n".join(",".join(row[:2] + row[3:]) for row in rows if row[2] in ("fund", "rates"))
    losses = "\n".join(",".join(line.split(",")[:5]) for line in BOTH.replace("rates:", "").splitlines())
    files(tmp_path, losses, alone)
    single = found(tmp_path, "--cover", "1", "--own", "1.23")
    assert single.pop("currency") == "EUR"
    assert single == both


def test_several_funds_are_told_and_drawn(tmp_path: Path) -> None:
    files(tmp_path, BOTH, FUNDS.replace("B,house,power,0.00", "B,house,power,5.00"))
    words = ("--cover", "1", "--own", "8", "--picture", "funds.svg")
    done = penstock("size", "losses.csv", "margins.csv", *words, cwd=tmp_path, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("Fund power") < done.stdout.index("Fund rates")
    assert "and own capital of 6.00 before it" in done.stdout
    drawn = (tmp_path / "funds.svg").read_text(encoding="utf-8")
    assert ">rates<" in drawn
    assert ">power<" in drawn


@pytest.mark.parametrize(
    ("losses", "margins", "words", "says"),
    [
        (BOTH, FUNDS.replace("C,house,power", "C,house,"), (), "has no fund, unlike the first account"),
        (BOTH, FUNDS.replace("B,house,power", "B,house,rates"), (), "'rates:B' stands twice"),
        (BOTH, FUNDS.replace(",rates,10.00,2", ",rates,10.00,two"), (), "is no number from 0 on"),
        (BOTH, FUNDS.replace(",rates,10.00,2", ",rates,10.00,nan"), (), "is no number from 0 on"),
        (BOTH, FUNDS.replace(",rates,10.00,2", ",rates,10.00,-1"), (), "is no number from 0 on"),
        (BOTH, FUNDS.replace("c1,rates,5.00,1", "c1,rates,5.00,3"), (), "A has two values of weight"),
        (BOTH, FUNDS.replace(",1,2.00", ",1,-2.00"), (), "the floor of B is negative"),
        (BOTH, FUNDS.replace(",1,2.00", ",1,inf"), (), "is no amount"),
        (BOTH.replace("power:C", "powr:C"), FUNDS, (), "write power:C"),
        (BOTH.replace("power:C", "C"), FUNDS, (), "'C' has no margin"),
        ("scenario,member,loss\nup,A,1.00\n", FUNDS, (), "no column fund"),
        (BOTH, FUNDS, ("--own", "rate=3"), "there is no fund 'rate'; write rates"),
        (BOTH, FUNDS, ("--own", "3", "--own", "rates=3"), "'rates=3' beside 3"),
        (BOTH, FUNDS, ("--own", "rates=3", "--own", "rates=4"), "'rates=4' beside rates=3"),
        (BOTH, FUNDS, ("--own", "rates=-3"), "own capital is not negative"),
        (BOTH, FUNDS, ("--own", "rates=NaN"), "is no amount"),
    ],
)
def test_funds_that_cannot_be_meant_are_refused(
    tmp_path: Path, losses: str, margins: str, words: tuple[str, ...], says: str
) -> None:
    files(tmp_path, losses, margins)
    done = penstock("size", "losses.csv", "margins.csv", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


# --- what is held while reading ---------------------------------------------------------------------------

ACCOUNTS = 500


def many(folder: Path, scenarios: int) -> tuple[Path, Path]:
    """Three members with 500 client accounts together, so many scenarios."""
    names = [(f"M{i % 3}", f"c{i}") for i in range(ACCOUNTS)]
    margins, losses = folder / "margins.csv", folder / "losses.csv"
    margins.write_text(
        "member,account,initial_margin\n" + "".join(f"{m},{a},1.00\n" for m, a in names), encoding="utf-8"
    )
    with losses.open("w", encoding="utf-8") as file:
        file.write("scenario," + ",".join(f"{m}/{a}" for m, a in names) + "\n")
        for i in range(scenarios):
            file.write(f"s{i}," + ",".join(["1.50"] * ACCOUNTS) + "\n")
    return losses, margins


def size_it(losses: Path, margins: Path) -> None:
    found = sized(losses, margins, EUR, Asked(1, {"": 0}, Fraction(1), None, 1))
    assert found[""].covers[0].amount == -(-ACCOUNTS // 3) * 50


def hold_it(losses: Path, margins: Path) -> None:
    pieces = list(read_losses(losses, EUR, read_book(margins, EUR).rows))
    assert len(pieces) > 1


def peak(work: Callable[[Path, Path], None], losses: Path, margins: Path) -> int:
    """The most bytes that are held at once."""
    tracemalloc.start()
    try:
        work(losses, margins)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_four_times_the_scenarios_take_no_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the pieces are kept, which this would notice."""
    monkeypatch.setattr(stress_files, "ROWS", 32)
    monkeypatch.setattr(tables, "MOST_BYTES", 100_000)  # a buffer of 5 MB would hide what is held
    size_it(*many(tmp_path, 16))  # what is imported is not counted
    few = peak(size_it, *many(tmp_path, 128))
    few_held = peak(hold_it, *many(tmp_path, 128))
    assert peak(size_it, *many(tmp_path, 512)) < 1.1 * few
    assert peak(hold_it, *many(tmp_path, 512)) > 1.3 * few_held


def test_a_bar_is_shown_on_a_terminal_when_reading_takes_long(tmp_path: Path) -> None:
    losses, margins = many(tmp_path, 600)
    shown = io.StringIO()
    for terminal, patience, bar in ((True, 0.0, True), (True, 3600.0, False), (False, 0.0, False)):
        shown.seek(0)
        shown.truncate()
        console = Console(file=shown, force_terminal=terminal, width=100)
        with reading("losses[1].csv", console, patience) as told:
            assert (told is not None) is terminal
            sized(losses, margins, EUR, Asked(1, {"": 0}, Fraction(1), None, 1), told)
        assert ("Reading losses[1].csv" in shown.getvalue()) is bar
