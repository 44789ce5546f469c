"""Sizing by rules: the tail, what contributions go by, own capital by law; against loops with fractions."""

import json
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import ceil, floor
from pathlib import Path
from typing import Any

import pytest

from app.test_cli import Done, penstock

MARGINS = """\
member,initial_margin,group,weight
A,10,,1
B,30,,4
C,20,pair,2
D,60,pair,1
E,15,,0
F,25,,2
"""
LOSSES = """\
scenario,A,B,C,D,E,F
s1,95,40,20,10,33,25
s2,12,91,50,10,16,95
s3,10,20,89,75,90,31
s4,70,35,21,99,15,62
s5,44,80,64,61,77,25
"""
HELD = {"A": 10, "B": 30, "C": 20, "D": 60, "E": 15, "F": 25}
WEIGHT = {"A": 1, "B": 4, "C": 2, "D": 1, "E": 0, "F": 2}
GROUP = {name: "pair" if name in "CD" else name for name in HELD}
ROWS = {line.split(",")[0]: [int(cell) for cell in line.split(",")[1:]] for line in LOSSES.split()[1:]}


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


# --- the same by loops --------------------------------------------------------------------------------


def beyond(rows: Iterable[Sequence[int]]) -> list[dict[str, int]]:
    """Losses over margin by group, a scenario each."""
    found_ = []
    for row in rows:
        one = dict.fromkeys(sorted(set(GROUP.values())), 0)
        for member, loss in zip(HELD, row, strict=True):
            one[GROUP[member]] += max(0, loss - HELD[member])
        found_.append(one)
    return found_


def tail(scenarios: Sequence[Mapping[str, int]], level: Fraction) -> tuple[Fraction, dict[str, Fraction]]:
    """The mean of the worst scenarios, the last of them counted in part; and of each group in them.

    No two scenarios here have the same sum.
    """
    left = whole = (1 - level) * len(scenarios)
    parts = dict.fromkeys(scenarios[0], Fraction(0))
    for one in sorted(scenarios, key=lambda one: -sum(one.values())):
        counted = min(left, Fraction(1))
        left -= counted
        for group, loss in one.items():
            parts[group] += counted * loss / whole
    return sum(parts.values(), Fraction(0)), parts


def keys(parts: Mapping[str, Fraction], of_tail: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Each member's part of the fund."""
    in_group = {g: sum(HELD[m] for m in HELD if GROUP[m] == g) for g in of_tail}
    by = {
        "margin": {m: Fraction(HELD[m]) for m in HELD},
        "weight": {m: Fraction(WEIGHT[m]) for m in HELD},
        "tail": {m: of_tail[GROUP[m]] * HELD[m] / in_group[GROUP[m]] for m in HELD},
    }
    return {
        m: sum((part * by[name][m] / sum(by[name].values()) for name, part in parts.items()), Fraction(0))
        for m in HELD
    }


def smallest_fund(scenarios: Sequence[Mapping[str, int]], part: Mapping[str, Fraction], own: int) -> int:
    """From nothing upwards, over all pairs of groups."""
    fund = 0
    groups = sorted(set(GROUP.values()))
    by_group = {g: sum((part[m] for m in part if GROUP[m] == g), Fraction(0)) for g in groups}
    while any(
        sum(max(one[g], ceil(fund * by_group[g])) for g in pair) > fund + own
        for one in scenarios
        for pair in combinations(groups, 2)
    ):
        fund += 1
    return fund


def divided(fund: int, part: Mapping[str, Fraction]) -> dict[str, int]:
    """Whole units, those that are left to the largest remainders."""
    given = {m: floor(fund * part[m]) for m in part}
    rest = sorted(part, key=lambda m: (given[m] - fund * part[m], m))
    for member in rest[: fund - sum(given.values())]:
        given[member] += 1
    return given


# --- the tail -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["0", "0.5", "0.7", "0.99"])
def test_the_tail_and_the_part_of_each_group(tmp_path: Path, level: str) -> None:
    files(tmp_path)
    told = found(tmp_path, "--tail", level)["tail"]
    mean, parts = tail(beyond(ROWS.values()), Fraction(level))
    assert (told["level"], told["mean"]) == (level, str(floor(mean + Fraction(1, 2))))
    assert sum(int(one["amount"]) for one in told["groups"].values()) == int(told["mean"])
    for group, part in parts.items():
        assert abs(int(told["groups"][group]["amount"]) - part) < 1
        assert told["groups"][group]["percent"] == f"{float(100 * part / mean):.4f}"


def test_the_tail_by_hand(tmp_path: Path) -> None:
    """Sums of 10, 8, 9 and 2 beyond margin. The worst two are 9.5: of it Z (10 + 0) / 2, B (0 + 9) / 2."""
    files(
        tmp_path,
        "scenario,Z,B,C\none,11.00,1.00,0.00\ntwo,5.00,5.00,0.00\nthree,1.00,10.00,0.00\nfour,2.00,2.00,1.00\n",
        "member,initial_margin\nZ,1.00\nB,1.00\nC,1.00\n",
    )
    done = penstock("size", "losses.csv", "margins.csv", "--tail", "0.5", "--cover", "1", cwd=tmp_path)
    assert "Expected shortfall at 0.5 of all groups together: EUR 9.50" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    at = rows.index(["Z", "5.00", "52.6", "%"])
    assert rows[at + 1 : at + 3] == [["B", "4.50", "47.4", "%"], ["C", "0.00", "0", "%"]]
    without = penstock("size", "losses.csv", "margins.csv", "--cover", "1", cwd=tmp_path)
    assert "Expected shortfall" not in without.stdout


def test_of_a_history_the_tail_is_that_of_the_last_day(tmp_path: Path) -> None:
    rows = [f"2024-05-{30 + i // 3},{line}" for i, line in enumerate(LOSSES.split()[1:])]
    files(tmp_path, "day,scenario,A,B,C,D,E,F\n" + "\n".join(rows))
    told = found(tmp_path, "--tail", "0.2")["tail"]
    mean, _ = tail(beyond([ROWS["s4"], ROWS["s5"]]), Fraction("0.2"))
    assert told["mean"] == str(floor(mean + Fraction(1, 2)))


def test_where_nobody_loses_the_tail_is_nothing(tmp_path: Path) -> None:
    files(tmp_path, "scenario,A,B,C,D,E,F\nflat,0,0,0,0,0,-5\n")
    told = found(tmp_path, "--tail", "0.9")["tail"]
    assert told["mean"] == "0"
    assert {one["percent"] for one in told["groups"].values()} == {"0.0000"}


# --- what contributions go by -------------------------------------------------------------------------


MIXES = [
    ("margin", {"margin": 100}),
    ("weight", {"weight": 100}),
    ("tail", {"tail": 100}),
    ("margin=70,weight=30", {"margin": 70, "weight": 30}),
    ("weight=12.5, tail=87.5", {"weight": Fraction(25, 2), "tail": Fraction(175, 2)}),
    ("margin=100/3,weight=100/3,tail=100/3", dict.fromkeys(("margin", "weight", "tail"), Fraction(100, 3))),
]


@pytest.mark.parametrize("own", [0, 17])
@pytest.mark.parametrize(("text", "parts"), MIXES)
def test_the_fund_and_the_contributions_go_by_the_keys(
    tmp_path: Path, text: str, parts: dict[str, Fraction], own: int
) -> None:
    files(tmp_path)
    scenarios, level = beyond(ROWS.values()), Fraction(3, 5)
    _, of_tail = tail(scenarios, level)
    part = keys({name: Fraction(one) / 100 for name, one in parts.items()}, of_tail)
    fund = found(tmp_path, "--key", text, "--tail", "0.6", "--own", str(own))["fund"]
    assert int(fund["size"]) == smallest_fund(scenarios, part, own)
    given = {member: int(amount) for member, amount in fund["contributions"].items()}
    assert given == divided(int(fund["size"]), part)
    assert {name: Fraction(said) for name, said in fund["key"].items()} == parts


def test_keys_that_differ_give_funds_that_differ(tmp_path: Path) -> None:
    """A control: none of the mixes above is another one by accident."""
    files(tmp_path)
    texts = [text for text, _ in MIXES]
    given = [found(tmp_path, "--key", text, "--tail", "0.6")["fund"]["contributions"] for text in texts]
    assert all(one != other for one, other in combinations(given, 2))


def test_without_a_key_it_is_weight_where_there_is_one_and_else_margin(tmp_path: Path) -> None:
    files(tmp_path)
    by_weight = found(tmp_path)
    by_margin = found(tmp_path, "--key", "margin")
    assert "key" not in by_weight["fund"]
    for one, word in ((by_weight, "weight"), (by_margin, "margin")):
        said = found(tmp_path, "--key", word)
        assert said["fund"].pop("key") == {word: "100"}
        one["fund"].pop("key", None)
        assert one == said
    assert by_weight["fund"] != by_margin["fund"]
    files(tmp_path, margins="\n".join(line.rpartition(",")[0] for line in MARGINS.split()))
    assert found(tmp_path)["fund"] == by_margin["fund"]


def test_each_day_goes_by_its_own_tail(tmp_path: Path) -> None:
    """A day of a history needs what it would need alone, and the last day's tail says who gives it."""
    lines = LOSSES.split()[1:]
    days = {"2024-05-30": lines[:3], "2024-05-31": lines[3:], "2024-06-03": lines[1:4]}
    words = ("--key", "tail=60,margin=40", "--tail", "0.5")
    alone = {}
    for day, rows in days.items():
        files(tmp_path, "\n".join(["scenario,A,B,C,D,E,F", *rows]))
        alone[day] = found(tmp_path, *words)["fund"]
    rows = [f"{day},{line}" for day, some in days.items() for line in some]
    files(tmp_path, "\n".join(["day,scenario,A,B,C,D,E,F", *rows]))
    whole = found(tmp_path, *words)
    assert [one["need"] for one in whole["history"]["days"]] == [one["size"] for one in alone.values()]
    assert whole["fund"]["contributions"] == alone["2024-06-03"]["contributions"]
    assert len({one["size"] for one in alone.values()}) > 1


def test_the_part_of_a_group_whose_members_hold_no_margin_is_shared_equally(tmp_path: Path) -> None:
    """A, and P and Q of one group, lose 60 and 40 in the one scenario: a half of 40 each."""
    files(
        tmp_path,
        "scenario,A,P,Q,R,S\nup,60,40,0,50,50\n",
        "member,initial_margin,group\nA,0,\nP,0,pq\nQ,0,pq\nR,0,\nS,0,\n",
    )
    given = found(tmp_path, "--key", "tail", "--tail", "0.9", "--cover", "1")["fund"]["contributions"]
    assert given == {"A": "18", "P": "6", "Q": "6", "R": "15", "S": "15"}


def test_floors_stand_under_every_key(tmp_path: Path) -> None:
    """One default takes 85, of A. E has no weight and a floor of 9, which leaves 76.

    That is 7.6 a unit of weight: A 7.6, B 30.4, C 15.2, D 7.6, F 15.2.
    """
    rows = MARGINS.split()
    margins = [rows[0] + ",floor", *(f"{row},{'9' if row[0] == 'E' else ''}" for row in rows[1:])]
    files(tmp_path, margins="\n".join(margins))
    fund = found(tmp_path, "--key", "weight", "--cover", "1")["fund"]
    given = {"A": "8", "B": "30", "C": "15", "D": "8", "E": "9", "F": "15"}
    assert (fund["size"], fund["contributions"]) == ("85", given)


def test_what_contributions_go_by_is_told(tmp_path: Path) -> None:
    files(tmp_path)
    assert "by margin 70 %, weight 30 %\nmember" in size(tmp_path, "--key", "margin=70,weight=30").stdout
    assert "by tail\nmember" in size(tmp_path, "--key", "tail", "--tail", "0.5").stdout
    assert "by " not in size(tmp_path).stdout.split("bound by")[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--key", "margn"), "--key: 'margn' is no key; write margin"),
        (("--key", "volume"), "'volume' is no key; write one of margin, weight, tail"),
        (("--key", ""), "'' is no key"),
        (("--key", "margin=70,weight=20"), "the parts add up to 90 per cent; write parts that add up to 100"),
        (("--key", "margin=70,weight=40"), "add up to 110 per cent"),
        (("--key", "margin=50"), "add up to 50 per cent"),
        (("--key", "margin,weight"), "'margin' does not say how many per cent go by margin"),
        (("--key", "margin=60,margin=40"), "margin stands twice"),
        (("--key", "margin=110,weight=-10"), "'weight=-10' does not say"),
        (("--key", "margin=100,weight=0"), "'weight=0' does not say"),
        (("--key", "margin=x,weight=50"), "'margin=x' does not say"),
        (("--key", "margin=nan,weight=50"), "'margin=nan' does not say"),
        (("--key", "margin=50/0,weight=50"), "'margin=50/0' does not say"),
        (("--key", "tail"), "contributions by the tail at which level?; write --tail 0.99"),
        (("--key", "margin=50,tail=50"), "contributions by the tail at which level?"),
        (("--tail", "1"), "--tail: '1' is no level from 0 to below 1; write 0.99, for one"),
        (("--tail", "99"), "is no level"),
        (("--tail", "-0.5"), "is no level"),
        (("--tail", "nan"), "is no level"),
        (("--tail", "1/0"), "is no level"),
        (("--buffer", "-1"), "--buffer: '-1' is no percentage"),
        (("--buffer", "1001"), "is no percentage"),
        (("--second", "10"), "a second tranche of what?; write --capital AMOUNT"),
        (
            ("--capital", "100", "--own", "5"),
            "own capital by rule, and --own as an amount; write one of them",
        ),
        (("--capital", "100", "--own", "0"), "one of them"),
        (("--capital", "-1"), "the minimum capital is not negative"),
        (("--capital", "1.5"), "'1.5' has 1 decimals, JPY has 0"),
        (("--capital", "100", "--second", "9.99"), "'9.99' is not from 10 to 25 per cent"),
        (("--capital", "100", "--second", "25.01"), "'25.01' is not from 10 to 25 per cent"),
        (("--capital", "100", "--second", "ten"), "'ten' is not from 10 to 25 per cent"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_before_anything_is_read(
    tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    done = size(tmp_path, *words)  # there are no files
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    control = size(tmp_path, "--key", "margin=50,tail=50", "--tail", "0", "--capital", "9", "--second", "25")
    assert "FILE_NOT_FOUND" in control.stderr


def test_a_key_that_is_not_there_or_zero_for_all_is_refused(tmp_path: Path) -> None:
    bare = "\n".join(line.rpartition(",")[0] for line in MARGINS.split())
    files(tmp_path, margins=bare)
    for word in ("weight", "margin=50,weight=50"):
        done = size(tmp_path, "--key", word)
        assert (done.returncode, done.stdout) == (2, "")
        assert "no member has a weight to contribute by; write a column weight" in done.stderr
    assert size(tmp_path, "--key", "margin").returncode == 0
    files(
        tmp_path,
        margins="\n".join(f"{line},{'weight' if i == 0 else 0}" for i, line in enumerate(bare.split())),
    )
    done = size(tmp_path, "--key", "weight")
    assert "the key by weight is zero for all" in done.stderr
    assert size(tmp_path, "--key", "margin").returncode == 0


def test_a_day_without_a_tail_is_named(tmp_path: Path) -> None:
    lines = ["day,scenario,A,B,C,D,E,F", "2024-05-30,up,95,91,89,99,90,95"]
    files(tmp_path, "\n".join([*lines, "2024-05-31,flat,0,0,0,0,0,0"]))
    done = size(tmp_path, "--key", "tail", "--tail", "0.5")
    assert (done.returncode, done.stdout) == (2, "")
    assert "2024-05-31: the key by tail is zero for all" in done.stderr
    files(tmp_path, "\n".join(lines))
    assert size(tmp_path, "--key", "tail", "--tail", "0.5").returncode == 0


# --- own capital by rule ------------------------------------------------------------------------------

FUNDS = """\
member,fund,initial_margin
A,rates,10
B,rates,10
C,rates,10
A,power,5
B,power,5
C,power,5
"""
BOTH = """\
scenario,rates:A,rates:B,rates:C,power:A,power:B,power:C
up,40,30,0,0,0,15
down,0,0,20,0,0,0
"""


def test_a_quarter_of_the_minimum_capital_stands_before_the_survivors(tmp_path: Path) -> None:
    """T1.11: of 120 it is 30, and the fund is as with --own 30, whatever the second tranche is."""
    files(tmp_path)
    by_rule = found(tmp_path, "--capital", "120")
    assert by_rule["fund"]["own_capital"] == "30"
    assert by_rule == found(tmp_path, "--own", "30")
    with_second = found(tmp_path, "--capital", "120", "--second", "12.5")
    assert with_second["fund"].pop("second_tranche") == "15"
    assert with_second == by_rule
    # parts of a unit are rounded up: 25.25 of 101, and 10.1
    up = found(tmp_path, "--capital", "101", "--second", "10")["fund"]
    assert (up["own_capital"], up["second_tranche"]) == ("26", "11")
    assert found(tmp_path, "--capital", "120")["fund"] != found(tmp_path)["fund"]


def test_both_tranches_go_over_the_funds_by_their_size(tmp_path: Path) -> None:
    """Sizes without own capital are 30 and 10: 32 gives 8, which is 6 and 2; a tenth of 40 is 3 and 1."""
    files(tmp_path, BOTH, FUNDS)
    words = ("--cover", "1", "--capital")
    funds = found(tmp_path, *words, "32", "--second", "25")["funds"]
    for name, own, fund in (("rates", "6", "24"), ("power", "2", "8")):
        told = funds[name]["fund"]
        assert (told["own_capital"], told["second_tranche"], told["size"]) == (own, own, fund)
    funds = found(tmp_path, *words, "40", "--second", "10")["funds"]
    assert [funds[name]["fund"]["second_tranche"] for name in ("rates", "power")] == ["3", "1"]


def test_a_fund_that_needs_nothing_gets_no_own_capital(tmp_path: Path) -> None:
    files(tmp_path, BOTH.replace("15", "5"), FUNDS)
    funds = found(tmp_path, "--cover", "1", "--capital", "32", "--second", "25")["funds"]
    assert [funds[name]["fund"]["own_capital"] for name in ("rates", "power")] == ["8", "0"]
    files(tmp_path, "scenario,rates:A,rates:B,rates:C,power:A,power:B,power:C\nflat,0,0,0,0,0,0\n", FUNDS)
    funds = found(tmp_path, "--cover", "1", "--capital", "32")["funds"]
    assert [funds[name]["fund"]["own_capital"] for name in ("rates", "power")] == ["0", "0"]


def test_own_capital_is_told_with_what_it_bears(tmp_path: Path) -> None:
    files(tmp_path)
    told = size(tmp_path, "--capital", "120", "--second", "20").stdout
    assert "and own capital of 30 before it" in told
    assert "and a second tranche of 24 before cash calls; the fund is no smaller for it" in told
    assert "of the expected loss beyond the defaulters" in told
    assert "expected loss" not in size(tmp_path).stdout
    files(tmp_path, "scenario,A,B,C,D,E,F\nflat,0,0,0,0,0,0\n")
    assert "no scenario has a loss beyond the defaulters" in size(tmp_path, "--own", "5").stdout


@pytest.mark.parametrize("own", [1, 17, 60])
@pytest.mark.parametrize("cover", [1, 2, 3])
def test_the_incentive_is_own_capitals_part_of_what_is_left_beyond_the_defaulters(
    tmp_path: Path, own: int, cover: int
) -> None:
    files(tmp_path)
    fund = found(tmp_path, "--own", str(own), "--cover", str(cover))["fund"]
    given = dict.fromkeys(GROUP.values(), 0)
    for member, amount in fund["contributions"].items():
        given[GROUP[member]] += int(amount)
    mine = whole = 0
    for one in beyond(ROWS.values()):
        left = max(
            sum(max(0, one[group] - given[group]) for group in chosen)
            for chosen in combinations(sorted(one), cover)
        )
        mine, whole = mine + min(left, own), whole + left
        assert left <= own + int(fund["size"])
    assert fund["incentive"] == f"{mine / whole:.6f}"


def test_the_incentive_is_told_of_the_funds_that_have_own_capital(tmp_path: Path) -> None:
    """Rates with 3 of own: 27 is 9 of each. Up 40 - 10 - 9 = 21 is left, down 10 - 9 = 1; own is 3 and 1."""
    files(tmp_path, BOTH, FUNDS)
    funds = found(tmp_path, "--cover", "1", "--own", "rates=3")["funds"]
    assert funds["rates"]["fund"]["incentive"] == f"{4 / 22:.6f}"
    assert "incentive" not in funds["power"]["fund"]
