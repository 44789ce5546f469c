"""``penstock reverse`` over a stress matrix: pairs of all scenarios, and the frontier as a picture."""

import json
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest

from app.test_cli import penstock

MEMBERS = """\
member,initial_margin,default_fund
A,30.00,30.00
B,30.00,25.00
C,15.00,20.00
D,30.00,15.00
E,10.00,10.00
"""
LOSSES = """\
scenario,A,B,C,D,E
up,120.00,100.00,75.00,60.00,20.00
down,20.00,30.00,150.00,130.00,10.00
flat,0.00,0.00,0.00,0.00,-5.00
"""
HELD = {"A": (30, 30), "B": (30, 25), "C": (15, 20), "D": (30, 15), "E": (10, 10)}


def files(folder: Path, members: str = MEMBERS, losses: str = LOSSES) -> None:
    (folder / "members.csv").write_text(members, encoding="utf-8")
    (folder / "losses.csv").write_text(losses, encoding="utf-8")


def beyond(row: dict[str, int], pair: tuple[str, str], own: int, calls: Fraction) -> Fraction:
    """What is missing, by the definition."""
    lost = sum(max(0, row[name] - sum(HELD[name])) for name in pair)
    return lost - own - (1 + calls) * sum(held[1] for name, held in HELD.items() if name not in pair)


@pytest.mark.parametrize("calls", ["0", "1", "0.5"])
def test_all_pairs_of_all_scenarios_are_counted(tmp_path: Path, calls: str) -> None:
    files(tmp_path)
    words = ("--losses", "losses.csv", "--own", "5", "--calls", calls, "--json")
    done = penstock("reverse", "members.csv", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    header, *lines = [line.split(",") for line in LOSSES.splitlines()]
    table = {
        line[0]: dict(zip(header[1:], (int(float(cell)) for cell in line[1:]), strict=True)) for line in lines
    }
    for layer, multiple in (("fund", Fraction(0)), ("calls", Fraction(calls))):
        amounts = {
            (name, pair): beyond(row, pair, 5, multiple)
            for name, row in table.items()
            for pair in combinations("ABCDE", 2)
        }
        for one in found["pairs"]["scenarios"]:
            more = [key for key, amount in amounts.items() if key[0] == one["scenario"] and amount > 0]
            assert one[layer] == len(more)
        name, pair = max(amounts, key=lambda key: amounts[key])
        worst = found["pairs"]["worst"][layer]
        assert (worst["scenario"], worst["members"]) == (name, list(pair))
        assert Fraction(worst["beyond"]) == amounts[name, pair]
    assert found["pairs"]["of_a_scenario"] == 10
    assert found["scenario"] == found["pairs"]["worst"]["calls"]["scenario"]


def test_the_rest_is_of_the_scenario_with_the_worst_pair(tmp_path: Path) -> None:
    """C alone loses 135 beyond margin, 115 beyond its contribution, against 5 and 80 of the others."""
    files(tmp_path)
    words = ("reverse", "members.csv", "--own", "5", "--json")
    found = json.loads(penstock(*words, "--losses", "losses.csv", cwd=tmp_path).stdout)
    assert (found["scenario"], found["fewest"]) == ("down", ["C"])
    rows = MEMBERS.splitlines()
    losses = ["stressed_loss", "20.00", "30.00", "150.00", "130.00", "10.00"]
    files(tmp_path, "\n".join(f"{row},{loss}" for row, loss in zip(rows, losses, strict=True)))
    alone = json.loads(penstock(*words, cwd=tmp_path).stdout)
    assert {name: found[name] for name in alone} == alone


def test_it_is_told_and_drawn(tmp_path: Path) -> None:
    files(tmp_path, losses="day," + LOSSES.replace("\n", "\n2024-05-31,").removesuffix("2024-05-31,"))
    words = ("--losses", "losses.csv", "--own", "5", "--calls", "1", "--picture", "frontier.svg")
    done = penstock("reverse", "members.csv", *words, cwd=tmp_path, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "3 scenarios of 10 pairs each" in done.stdout
    assert "Worst pair: C, D in 2024-05-31 down, 65.00 beyond the fund and the calls" in done.stdout
    drawn = (tmp_path / "frontier.svg").read_text(encoding="utf-8")
    assert "What exhausts it" in drawn
    calm = penstock("reverse", "members.csv", *words[:2], "--own", "5000", cwd=tmp_path)
    assert "within the fund" in calm.stdout
    assert "No defaults in this scenario exhaust the fund." in calm.stdout


def test_nothing_is_drawn_where_nothing_exhausts_it(tmp_path: Path) -> None:
    zero = "scenario,A,B,C,D,E\nflat,0,0,0,0,0\n"
    files(tmp_path, losses=zero)
    words = ("--losses", "losses.csv", "--picture", "frontier.svg", "--own", "1")
    done = penstock("reverse", "members.csv", *words, cwd=tmp_path)
    assert (done.returncode, (tmp_path / "frontier.svg").exists()) == (2, False)
    assert "there is nothing to draw" in done.stderr


@pytest.mark.parametrize(
    ("members", "losses", "says"),
    [
        (MEMBERS, LOSSES.replace("E\n", "F\n"), "'F' has no margin"),
        (MEMBERS, LOSSES.replace("120.00", "nan"), "losses.csv:2:2: 'nan' is no amount"),
        (MEMBERS, LOSSES.replace("120.00", ""), "losses.csv:2:2: an empty cell"),
        (MEMBERS, LOSSES.replace("down", "up"), "scenario 'up' stands twice"),
        (MEMBERS, "scenario,A,B,C,D,E\n", "no scenario"),
        (MEMBERS.replace("B,", "A,"), LOSSES, "A stands twice"),
        (MEMBERS.replace("B,30.00,25.00", "B,30.00,"), LOSSES, "B has no default_fund"),
        ("member,initial_margin,default_fund\nA,1.00,1.00\n", LOSSES, "one member is no pair"),
        (MEMBERS.replace("member,initial_margin", "member,stressed_loss"), LOSSES, "beside --losses"),
    ],
)
def test_a_matrix_that_cannot_be_meant_is_refused(
    tmp_path: Path, members: str, losses: str, says: str
) -> None:
    files(tmp_path, members, losses)
    done = penstock("reverse", "members.csv", "--losses", "losses.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
