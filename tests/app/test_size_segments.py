"""Segments of a fund: what is held in one meets no loss in another; against values by hand and loops."""

import json
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.test_cli import Done, penstock
from penstock.store import stress_files

MARGINS = """\
member,segment,account,initial_margin,weight
A,rates,,10,1
A,power,,30,1
B,rates,,10,1
B,rates,c1,5,1
B,power,,10,1
C,power,,20,2
"""
LOSSES = """\
scenario,rates:A,power:A,rates:B,rates:B/c1,power:B,power:C
up,40,0,5,12,0,60
down,5,90,20,5,30,0
"""


def files(folder: Path, losses: str = LOSSES, margins: str = MARGINS) -> None:
    (folder / "losses.csv").write_text(losses, encoding="utf-8")
    (folder / "margins.csv").write_text(margins, encoding="utf-8")


def size(folder: Path, *words: str) -> Done:
    return penstock(
        "size", "losses.csv", "margins.csv", "--currency", "JPY", *words, cwd=folder, COLUMNS="90"
    )


def found(folder: Path, *words: str) -> Any:
    done = size(folder, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def amounts(covers: list[dict[str, Any]]) -> list[tuple[int, str, list[str]]]:
    return [(int(one["amount"]), one["scenario"], one["groups"]) for one in covers]


def test_what_is_held_in_one_segment_meets_no_loss_in_another(tmp_path: Path) -> None:
    """Up: A is 30 short in rates, and the 30 it has to spare in power stay there. B's house has 5 to spare in
    rates, of the 7 that its client there lacks; 10 in power help nobody. C lacks 40.

    Down: A 60 in power; B 10 in rates and 20 in power. C gives half of the fund, so that A and C take 60
    and that half: 120 are enough.
    """
    files(tmp_path)
    told = found(tmp_path, "--cover", "2")
    assert amounts(told["cover"]) == [
        (60, "down", ["A"]),
        (90, "down", ["A", "B"]),
        (90, "down", ["A", "B"]),
    ]
    assert list(told["segments"]) == ["power", "rates"]
    assert amounts(told["segments"]["power"]) == [
        (60, "down", ["A"]),
        (80, "down", ["A", "B"]),
        (80, "down", ["A", "B"]),
    ]
    assert amounts(told["segments"]["rates"]) == [(30, "up", ["A"]), (32, "up", ["A", "B"])]
    assert (told["members"], told["groups"], told["fund"]["size"]) == (3, 3, "120")


def test_without_the_column_a_margin_meets_all_losses_of_its_member(tmp_path: Path) -> None:
    """A control: A has 40 for losses of 40 up and 95 down, B 20 and a client."""
    margins = "member,account,initial_margin,weight\nA,,40,2\nB,,20,3\nB,c1,5,3\nC,,20,2\n"
    files(tmp_path, "scenario,A,B,B/c1,C\nup,40,5,12,60\ndown,95,50,5,0\n", margins)
    told = found(tmp_path)
    assert [int(one["amount"]) for one in told["cover"]] == [55, 85, 85]
    assert "segments" not in told


def test_segments_against_a_loop_over_accounts_and_sets(tmp_path: Path) -> None:
    """Two funds of which one has segments, affiliates, clients: every Cover by all sets of groups."""
    random = Random(20)
    groups = {"A": "G", "B": "G", "C": "C", "D": "D", "E": "E"}
    book = [
        (fund, segment, member, account, random.randrange(40))
        for fund, segments in (("one", ("x", "y", "z")), ("two", ("",)))
        for segment in segments
        for member in groups
        for account in ("", "c1", "c2")
        if random.random() < 0.8
    ]
    names = [":".join(filter(None, (fund, seg, m + (a and f"/{a}")))) for fund, seg, m, a, _ in book]
    rows = {f"s{i}": [random.randrange(-30, 90) for _ in book] for i in range(7)}
    margins = [f"{f},{s},{m},{a},{amount},{groups[m]}" for f, s, m, a, amount in book]
    losses = [f"{name},{','.join(map(str, row))}" for name, row in rows.items()]
    files(
        tmp_path,
        "\n".join(["scenario," + ",".join(names), *losses]),
        "\n".join(["fund,segment,member,account,initial_margin,group", *margins]),
    )

    def short(fund: str, segments: set[str], row: list[int]) -> dict[str, int]:
        """By group; a member counts in each segment by itself."""
        left: dict[tuple[str, str], list[int]] = {}
        for (of, segment, member, account, held), loss in zip(book, row, strict=True):
            if of == fund and segment in segments:
                house, clients = left.get((segment, member), [0, 0])
                if account:
                    clients += max(0, loss - held)
                else:
                    house = loss - held
                left[segment, member] = [house, clients]
        total = dict.fromkeys((groups[member] for _, member in left), 0)
        for (_, member), (house, clients) in left.items():
            total[groups[member]] += max(0, house + clients)
        return total

    def most(fund: str, segments: set[str], n: int) -> int:
        each = [list(short(fund, segments, row).values()) for row in rows.values()]
        return max(sum(some) for one in each for some in combinations(one, min(n, len(one))))

    funds = found(tmp_path, "--cover", "1", "--up-to", "4")["funds"]
    covers = {("one", "xyz"): funds["one"]["cover"], ("two", ("",)): funds["two"]["cover"]}
    covers |= {("one", segment): funds["one"]["segments"][segment] for segment in "xyz"}
    for (fund, segments), told in covers.items():
        assert len(told) >= 3
        for one in told:
            assert int(one["amount"]) == most(fund, set(segments), one["defaults"])
    assert "segments" not in funds["two"]


def test_a_long_table_names_the_segment_in_a_column(tmp_path: Path) -> None:
    files(tmp_path)
    wide = found(tmp_path)
    header, *lines = [line.split(",") for line in LOSSES.splitlines()]
    rows = []
    for scenario, *losses in lines:
        for name, loss in zip(header[1:], losses, strict=True):
            segment, member = name.split(":")
            member, _, account = member.partition("/")
            rows.append(f"{scenario},{member},{segment},{account},{loss}")
    files(tmp_path, "\n".join(["scenario,member,segment,account,loss", *rows]))
    assert found(tmp_path) == wide
    files(tmp_path, "\n".join(["scenario,fund,member,segment,account,loss", *rows]))
    assert "'fund' is no column of this table" in size(tmp_path).stderr
    files(tmp_path, "scenario,member,account,loss\nup,A,,1\n")
    assert "no column segment" in size(tmp_path).stderr
    files(
        tmp_path,
        "\n".join(["scenario,member,segment,account,loss", *rows]).replace("up,C,power", "up,C,powr"),
    )
    done = size(tmp_path)
    assert "losses.csv:7:2: 'powr:C' has no margin; write power:C" in done.stderr


def test_a_segment_is_told_of_all_pieces_and_of_the_last_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest of one piece, and of equal ones the first, is that of all scenarios together."""
    rows = ["up,40,0,5,12,0,60", "down,5,90,20,5,30,0", "both,40,90,5,12,0,60", "calm,0,0,0,0,0,0"]
    days = [f"2024-05-{30 + i // 4},{rows[i % 4]}" for i in range(8)]
    days[0] = "2024-05-30,up,900,900,900,900,900,900"
    files(tmp_path, "\n".join(["day," + LOSSES.split(maxsplit=1)[0], *days]))
    whole = found(tmp_path)
    assert [one["scenario"] for one in whole["segments"]["rates"]] == ["up", "up"]
    assert int(whole["segments"]["power"][2]["amount"]) == 100
    monkeypatch.setattr(stress_files, "ROWS", 1)
    assert found(tmp_path) == whole


def test_segments_are_told_and_drawn(tmp_path: Path) -> None:
    files(tmp_path)
    done = size(tmp_path, "--picture", "covers.svg")
    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert told.index("Each segment by itself:") > told.index("EMIR 42(3)")
    rows = [line.split() for line in told.splitlines()]
    assert ["rates", "Cover", "2", "32", "up", "A,", "B"] in rows
    drawn = (tmp_path / "covers.svg").read_text(encoding="utf-8")
    assert ">rates alone<" in drawn
    assert ">All segments<" in drawn
    files(tmp_path, "scenario,A\nup,1\n", "member,initial_margin\nA,1\n")
    assert "segment" not in size(tmp_path, "--cover", "1").stdout


@pytest.mark.parametrize(
    ("losses", "margins", "says"),
    [
        (
            LOSSES,
            MARGINS.replace("B,power", "B,"),
            "margins.csv:6:1: 'B' has no segment, unlike the first account; write a segment for each account",
        ),
        (
            LOSSES,
            MARGINS.replace("A,rates", "A,"),
            "margins.csv:3:1: 'power:A' has a segment, unlike the first",
        ),
        (LOSSES, MARGINS.replace("B,power", "B,rates"), "'rates:B' stands twice"),
        (
            LOSSES.replace("power:C", "powr:C"),
            MARGINS,
            "losses.csv:1:7: 'powr:C' has no margin; write power:C",
        ),
        (LOSSES.replace("power:C", "C"), MARGINS, "losses.csv:1:7: 'C' has no margin"),
        (LOSSES.replace("power:C", "rates:C"), MARGINS, "losses.csv:1:7: 'rates:C' has no margin"),
        (
            LOSSES.replace(",power:C", "").replace(",60", "").replace("30,0", "30"),
            MARGINS,
            "no column for power:C",
        ),
        (LOSSES, MARGINS.replace("segment", "segmnet"), "segmnet"),
    ],
)
def test_segments_that_cannot_be_meant_are_refused(
    tmp_path: Path, losses: str, margins: str, says: str
) -> None:
    files(tmp_path, losses, margins)
    done = size(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    files(tmp_path)
    assert size(tmp_path).returncode == 0


def test_a_fund_has_segments_or_has_none(tmp_path: Path) -> None:
    margins = "member,fund,segment,initial_margin\nA,f,x,1\nB,f,x,1\nA,g,,1\nB,g,,1\n"
    losses = "scenario,f:x:A,f:x:B,g:A,g:B\nup,2,2,2,2\n"
    files(tmp_path, losses, margins)
    assert size(tmp_path, "--cover", "1").returncode == 0
    files(tmp_path, losses, margins.replace("B,g,", "B,g,x"))
    assert "'g:x:B' has a segment, unlike the first account of fund 'g'" in size(tmp_path).stderr
