"""``penstock reverse`` layer by layer: minimal sets, bounds where losses do not add up; against all sets."""

import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any

import pytest

from app.test_cli import Done, penstock
from penstock.sim import reverse as sim_reverse

MEMBERS = """\
member,stressed_loss,initial_margin,default_fund,probability
A,120,30,30,0.002
B,100,30,25,0.003
C,75,15,20,0.02
D,60,30,15,0.03
E,20,10,10,0.05
F,15,10,10,0.05
G,0,0,40,0.001
"""
BEYOND = dict(zip("ABCDEFG", (90, 70, 60, 30, 10, 5, 0), strict=True))
FUND = dict(zip("ABCDEFG", (30, 25, 20, 15, 10, 10, 40), strict=True))
CHANCE = dict(
    zip("ABCDEFG", map(Fraction, ("0.002", "0.003", "0.02", "0.03", "0.05", "0.05", "0.001")), strict=True)
)


def reverse(folder: Path, *words: str, members: str = MEMBERS) -> Done:
    (folder / "members.csv").write_text(members, encoding="utf-8")
    return penstock("reverse", "members.csv", "--currency", "JPY", *words, cwd=folder, COLUMNS="90")


def found(folder: Path, *words: str, members: str = MEMBERS) -> Any:
    done = reverse(folder, *words, "--json", members=members)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- the same by all sets -----------------------------------------------------------------------------


def every_set() -> Iterator[tuple[str, ...]]:
    for count in range(len(FUND) + 1):
        yield from combinations(FUND, count)


def exhausts(chosen: tuple[str, ...], layer: str, own: int, calls: Fraction) -> bool:
    """By the definition: what is left beyond margin and contribution exceeds all that stands against it."""
    left = sum(max(0, BEYOND[m] - FUND[m]) for m in chosen)
    survivors = sum(given for m, given in FUND.items() if m not in chosen)
    times = {"own_capital": Fraction(0), "fund": Fraction(1), "calls": 1 + calls}
    return left > own + survivors * times[layer]


def chance(chosen: tuple[str, ...]) -> Fraction:
    return prod((p if m in chosen else 1 - p for m, p in CHANCE.items()), start=Fraction(1))


# --- layers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "calls", "layers"),
    [
        ("20", "1", ["own_capital", "fund", "calls"]),
        ("20", "0", ["own_capital", "fund"]),
        ("0", "0.5", ["fund", "calls"]),
        ("0", "0", ["fund"]),
    ],
)
def test_each_layer_is_told_with_all_its_minimal_sets(
    tmp_path: Path, own: str, calls: str, layers: list[str]
) -> None:
    answer = found(tmp_path, "--own", own, "--calls", calls, "--minimal")
    assert [one["layer"] for one in answer["layers"]] == layers
    for one in answer["layers"]:
        good = [x for x in every_set() if exhausts(x, one["layer"], int(own), Fraction(calls))]
        minimal = [x for x in good if not any(set(other) < set(x) for other in good)]
        told = [(tuple(each["members"]), each["probability"]) for each in one["minimal"]]
        assert told == [(x, f"{float(chance(x)):.3g}") for x in minimal]
        assert tuple(one["fewest"]) in good
        assert len(one["fewest"]) == min(map(len, good))
        likely = max(good, key=chance)
        assert tuple(one["likeliest"]["members"]) == likely
        assert one["likeliest"]["probability"] == f"{float(chance(likely)):.3g}"
    assert {name: answer[name] for name in answer["layers"][-1] if name != "layer"} == {
        name: said for name, said in answer["layers"][-1].items() if name != "layer"
    }


def test_own_capital_alone_is_exhausted_earlier(tmp_path: Path) -> None:
    """A has to lose 81 of its 120: less 30 of margin and 30 of its own contribution that is more than 20.

    For the fund it is 201, for the calls as well 321: 120 and 240 of the others more.
    """
    answer = found(tmp_path, "--own", "20", "--calls", "1")
    own, fund, calls = answer["layers"]
    assert [one["fewest"] for one in (own, fund, calls)] == [["A"], ["A", "B", "C"], ["A", "B", "C", "G"]]
    assert own["frontier"][0] == {"defaults": 1, "multiplier": "0.6750"}
    assert [one["frontier"][0]["multiplier"] for one in (fund, calls)] == ["1.6750", "2.6750"]


def test_the_layers_of_the_worst_scenario_are_told(tmp_path: Path) -> None:
    rows = [line.split(",") for line in MEMBERS.split()]
    members = "\n".join(",".join([row[0], *row[2:]]) for row in rows)
    (tmp_path / "losses.csv").write_text(
        "scenario,A,B,C,D,E,F,G\nmild,0,0,0,0,0,0,0\nharsh,120,100,75,60,20,15,0\n", encoding="utf-8"
    )
    words = ("--own", "20", "--calls", "1", "--minimal")
    many = found(tmp_path, *words, "--losses", "losses.csv", members=members)
    assert many["scenario"] == "harsh"
    assert many["layers"] == found(tmp_path, *words)["layers"]


def test_layers_are_told_in_turn(tmp_path: Path) -> None:
    told = reverse(tmp_path, "--own", "20", "--calls", "1").stdout
    places = [
        told.index(f"Fewest defaults that exhaust {what}: ")
        for what in ("own capital", "the fund", "the fund and the calls")
    ]
    assert places == sorted(places)
    rows = [line.split() for line in told.splitlines()]
    assert ["1", "0.6750", "1.6750", "2.6750"] in rows
    assert "Minimal" not in told
    alone = reverse(tmp_path)
    assert "own capital" not in alone.stdout
    assert ["defaults", "times"] in [line.split() for line in alone.stdout.splitlines()]


def test_a_layer_that_nothing_exhausts_is_told_as_such(tmp_path: Path) -> None:
    told = reverse(tmp_path, "--own", "20", "--calls", "100", "--minimal")
    assert "Fewest defaults that exhaust the fund: 3, A, B, C" in told.stdout
    done = reverse(tmp_path, "--own", "900", "--minimal")
    assert "No defaults in this scenario exhaust own capital." in done.stdout
    assert "No defaults in this scenario exhaust the fund." in done.stdout
    assert "Minimal" not in done.stdout


# --- minimal sets -------------------------------------------------------------------------------------


def test_twenty_minimal_sets_are_printed_and_all_are_counted(tmp_path: Path) -> None:
    """Twelve equal members, 10 each, against 2 of own capital and 1 of each survivor: any two are enough."""
    rows = "".join(f"M{i:02},10,0,1\n" for i in range(12))
    members = "member,stressed_loss,initial_margin,default_fund\n" + rows
    done = reverse(tmp_path, "--own", "2", "--minimal", members=members)
    assert "Minimal sets that exhaust the fund: 66" in done.stdout
    assert "and 46 more; --json has all" in done.stdout
    told = done.stdout[done.stdout.index("Minimal sets that exhaust the fund") :].splitlines()
    assert [line for line in told if line.startswith("M0")] == [
        f"M{i:02}, M{j:02}" for i, j in [*((0, j) for j in range(1, 12)), *((1, j) for j in range(2, 11))]
    ]
    assert "probability" not in done.stdout
    minimal = found(tmp_path, "--own", "2", "--minimal", members=members)["minimal"]
    assert [one["members"] for one in minimal] == [
        list(x) for x in combinations([f"M{i:02}" for i in range(12)], 2)
    ]
    assert set(minimal[0]) == {"members"}


def test_too_many_minimal_sets_are_refused_by_the_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sim_reverse.minimal_sets, "__defaults__", (5,))
    done = reverse(tmp_path, "--own", "20", "--minimal")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--minimal: more than 5 minimal sets exhaust the fund" in done.stderr
    assert reverse(tmp_path, "--own", "20").returncode == 0


def test_a_table_without_probabilities_has_sets_without(tmp_path: Path) -> None:
    members = "\n".join(line.rpartition(",")[0] for line in MEMBERS.split())
    told = reverse(tmp_path, "--own", "20", "--minimal", members=members).stdout
    assert "Minimal sets that exhaust the fund: 11" in told
    assert "probability" not in told
    assert "1.05e-07" in reverse(tmp_path, "--own", "20", "--minimal").stdout


# --- losses that do not add up ------------------------------------------------------------------------

CROWDED = """\
member,stressed_loss,stressed_least,stressed_most,initial_margin,default_fund
A,50,40,70,10,10
B,40,40,60,10,10
C,30,20,50,10,10
D,20,20,45,10,10
"""


def test_the_fewest_lie_between_what_members_cost_at_least_and_at_most(tmp_path: Path) -> None:
    """Scores are loss beyond margin, or the contribution of 10 if that is more, against 5 and the fund of 40.

    At most 60, 50, 40 and 35: A alone exceeds 45. At least 30, 30, 10 and 10: A and B are 60. As they are 40,
    30, 20 and 10: two as well. With calls of once more the contribution, 10 more each against 85: at most 70
    and 60, two; at least 40, 40 and 20, three.
    """
    answer = found(tmp_path, "--own", "5", "--calls", "1", members=CROWDED)
    bounds = {one["layer"]: one["bounds"] for one in answer["layers"]}
    assert bounds["fund"] == {"no_fewer_than": 1, "enough": ["A", "B"]}
    assert bounds["calls"] == {"no_fewer_than": 2, "enough": ["A", "B", "C"]}
    assert answer["bounds"] == bounds["calls"]
    assert answer["layers"][1]["fewest"] == ["A", "B"]
    told = reverse(tmp_path, "--own", "5", members=CROWDED).stdout
    assert "Whatever they cost beside each other: no fewer than 1, and 2 are enough: A, B" in told
    assert "Whatever" not in reverse(tmp_path, "--own", "5").stdout


def test_one_bound_alone_has_the_stressed_loss_for_the_other(tmp_path: Path) -> None:
    """The fund takes two by the stressed losses: 40 and 30 against 45."""
    rows = [line.split(",") for line in CROWDED.split()]
    for left_out, bounds in (
        (2, {"no_fewer_than": 1, "enough": ["A", "B"]}),
        (3, {"no_fewer_than": 2, "enough": ["A", "B"]}),
    ):
        members = "\n".join(",".join(row[:left_out] + row[left_out + 1 :]) for row in rows)
        assert found(tmp_path, "--own", "5", members=members)["bounds"] == bounds
    without = "\n".join(",".join(row[:2] + row[4:]) for row in rows)
    assert "bounds" not in found(tmp_path, "--own", "5", members=without)


def test_bounds_without_an_answer_say_so(tmp_path: Path) -> None:
    """At least 30, 30, 10 and 10 never exceed 90; at most 60 and 50 do. Nothing exceeds 900."""
    maybe = reverse(tmp_path, "--own", "50", members=CROWDED)
    assert "beside each other: no fewer than 2, and none are enough for sure" in " ".join(
        maybe.stdout.split()
    )
    assert found(tmp_path, "--own", "50", members=CROWDED)["bounds"] == {"no_fewer_than": 2, "enough": None}
    never = reverse(tmp_path, "--own", "900", members=CROWDED)
    assert "beside each other: no defaults are enough" in " ".join(never.stdout.split())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("50,40,70", "50,51,70", "members.csv:2:1: stressed_least of A is more than its stressed_loss"),
        ("50,40,70", "50,40,49", "members.csv:2:1: stressed_loss of A is more than its stressed_most"),
        ("50,40,70", "50,40,", "1 members have no stressed_most; write one for each, or none at all"),
        ("50,40,70", "50,,70", "1 members have no stressed_least"),
        ("50,40,70", "50,forty,70", "members.csv:2:1: 'forty' is not written as an amount"),
        ("50,40,70", ",40,70", "A has no stressed_loss"),
        ("stressed_most", "stressed_mots", "stressed_mots"),
    ],
)
def test_bounds_that_cannot_be_meant_are_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in CROWDED
    done = reverse(tmp_path, "--own", "5", members=CROWDED.replace(old, new))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert reverse(tmp_path, "--own", "5", members=CROWDED).returncode == 0


def test_bounds_beside_a_matrix_are_refused(tmp_path: Path) -> None:
    (tmp_path / "losses.csv").write_text("scenario,A,B\nup,1,1\n", encoding="utf-8")
    for column in ("stressed_least", "stressed_most"):
        members = f"member,{column},initial_margin,default_fund\nA,1,1,1\nB,1,1,1\n"
        done = reverse(tmp_path, "--losses", "losses.csv", members=members)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{column} of A beside --losses; write one or the other" in done.stderr
    members = "member,initial_margin,default_fund\nA,1,1\nB,1,1\n"
    assert reverse(tmp_path, "--losses", "losses.csv", members=members).returncode == 0


# --- the picture --------------------------------------------------------------------------------------


def test_the_picture_names_what_is_above_and_below_each_line(tmp_path: Path) -> None:
    reverse(tmp_path, "--own", "20", "--calls", "1", "--picture", "frontier.svg")
    drawn = (tmp_path / "frontier.svg").read_text(encoding="utf-8")
    for text in (
        "exhausts nothing",
        "exhausts own capital",
        "exhausts the fund",
        "exhausts the fund and the calls",
        "the stressed losses as they are",
    ):
        assert f">{text}<" in drawn
    reverse(tmp_path, "--picture", "frontier.svg")
    drawn = (tmp_path / "frontier.svg").read_text(encoding="utf-8")
    assert "own capital" not in drawn
    assert ">exhausts the fund<" in drawn
