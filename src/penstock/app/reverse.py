"""A reverse stress test from a table of members, of one scenario or of all of a stress matrix."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from penstock.core.money import Currency, written
from penstock.core.problems import Problem, Refused
from penstock.core.scenario import HOUSE
from penstock.sim.reverse import (
    OWN_ALONE,
    Scores,
    affine,
    bounded,
    fewest,
    frontier,
    likeliest,
    minimal_sets,
    probabilities_of,
)
from penstock.store.documents import Scalar
from penstock.store.lines import Told, read_money
from penstock.store.tables import read_table

AMOUNTS = ("stressed_loss", "initial_margin", "default_fund")
BOUNDS = ("stressed_least", "stressed_most")
WHAT = {"own_capital": "own capital", "fund": "the fund", "calls": "the fund and the calls"}
"""A layer, and all before it, in words."""


@dataclass(frozen=True, slots=True)
class _Members:
    """The table by column: names, amounts in minor units, probabilities of default, none if not given.

    ``least`` and ``most`` are what a member loses beside any others, none if not given.
    """

    names: list[str]
    stressed: list[int]
    margins: list[int]
    given: list[int]
    chances: list[Fraction]
    least: list[int]
    most: list[int]

    def scores(self, stressed: list[int], own: int, calls: Fraction) -> Scores:
        """The scores of these losses against one layer."""
        beyond = [max(0, loss - margin) for loss, margin in zip(stressed, self.margins, strict=True)]
        return affine(beyond, self.given, own, calls)

    def named(self, chosen: tuple[int, ...] | None) -> list[str] | None:
        """The names of a set."""
        return None if chosen is None else [self.names[i] for i in chosen]


@dataclass(frozen=True, slots=True)
class Against:
    """What stands against the defaults: minor units, and calls as a multiple; ``minimal`` adds all sets."""

    own: int
    calls: Fraction
    minimal: bool = False

    def layers(self) -> list[tuple[str, Fraction]]:
        """The layers that are there by name, and what stands for each in the place of the calls."""
        found = [("own_capital", OWN_ALONE)] if self.own else []
        found.append(("fund", Fraction(0)))
        return [*found, ("calls", self.calls)] if self.calls else found


def reversed_stress(
    path: Path, unit: Currency, against: Against, losses: Path | None = None, told: Told | None = None
) -> dict[str, Any]:
    """The fewest and the likeliest defaulters, and the frontier, of each layer as JSON.

    Those of the last layer stand by themselves as well. With ``losses``, scenario by member, they are of the
    scenario with the worst pair, and all pairs of all scenarios are counted. Refused as the tables are, and
    REVERSE_TOO_MANY.
    """
    members = _members(path, unit, AMOUNTS[1:] if losses else AMOUNTS)
    found: dict[str, Any] = {"currency": unit.code}
    if losses:
        every, stressed = _pairs(members, unit, against, losses, told)
        found |= every
        members = replace(members, stressed=stressed)
    layers = [{"layer": name, **_layer(members, name, calls, against)} for name, calls in against.layers()]
    return found | {name: said for name, said in layers[-1].items() if name != "layer"} | {"layers": layers}


def _layer(members: _Members, name: str, calls: Fraction, against: Against) -> dict[str, Any]:
    """What exhausts one layer and all before it."""
    own = against.own
    scores = members.scores(members.stressed, own, calls)
    likely = likeliest(scores, members.chances) if members.chances else None
    multipliers = frontier(members.stressed, members.margins, members.given, own, calls)
    found: dict[str, Any] = {
        "fewest": members.named(fewest(scores)),
        "likeliest": likely and {"members": members.named(likely[0]), "probability": _told(likely[1])},
        "frontier": [
            {"defaults": count, "multiplier": f"{float(multiplier):.4f}"} for count, multiplier in multipliers
        ],
    }
    if members.least or members.most:
        least = members.scores(members.least or members.stressed, own, calls)
        bounds = bounded(least, members.scores(members.most or members.stressed, own, calls))
        found["bounds"] = {"no_fewer_than": bounds.fewer, "enough": members.named(bounds.enough)}
    if against.minimal:
        found["minimal"] = _minimal(members, name, scores)
    return found


def _minimal(members: _Members, name: str, scores: Scores) -> list[dict[str, Any]]:
    """All minimal sets, smaller ones first, with their probabilities where those of the members are known."""
    try:
        sets = minimal_sets(scores)
    except Refused as refused:
        problem = refused.problems[0]
        says = problem.says.replace("the layer", WHAT[name])
        raise Refused(replace(problem, says=says, path=("--minimal",))) from None
    if not members.chances:
        return [{"members": members.named(one)} for one in sets]
    likely = probabilities_of(sets, members.chances)
    return [
        {"members": members.named(one), "probability": _told(chance)}
        for one, chance in zip(sets, likely, strict=True)
    ]


def _told(chance: Fraction) -> str:
    return f"{float(chance):.3g}"


def _pairs(
    members: _Members, unit: Currency, against: Against, path: Path, told: Told | None
) -> tuple[dict[str, Any], list[int]]:
    """The pairs of every scenario as JSON, and the losses of the scenario with the worst pair."""
    from penstock.sim.pairs import WorstPair, all_pairs
    from penstock.sim.stress import Stress, check_range
    from penstock.store.margin_files import MarginRow
    from penstock.store.stress_files import read_losses

    if len(members.names) < 2:
        says = "one member is no pair"
        raise Refused(Problem("STRESS_MISSING", (), says, "two members or more", place=str(path)))
    rows = [MarginRow(name, HOUSE, held) for name, held in zip(members.names, members.margins, strict=True)]
    pieces = list(read_losses(path, unit, rows, told))
    if not pieces:
        raise Refused(Problem("STRESS_MISSING", (), "no scenario", "a row a scenario", place=str(path)))
    names = [f"{piece.day} {name}" if piece.day else name for piece in pieces for name in piece.scenarios]
    losses = np.concatenate([piece.losses for piece in pieces])
    check_range(losses, sum(members.margins))
    beyond = np.maximum(losses - np.array(members.margins, dtype=np.int64), 0)
    stress = Stress(tuple(names), tuple(members.names), beyond)
    pairs = all_pairs(stress, members.given, against.own, against.calls)
    assert pairs.worst_fund
    assert pairs.worst_calls

    def worst(one: WorstPair) -> dict[str, Any]:
        return {
            "scenario": one.scenario,
            "members": list(one.groups),
            "beyond": written(ceil(one.beyond), unit),
        }

    counts = zip(names, pairs.fund.tolist(), pairs.calls.tolist(), strict=True)
    found = {
        "scenario": pairs.worst_calls.scenario,
        "pairs": {
            "of_a_scenario": pairs.pairs,
            "worst": {"fund": worst(pairs.worst_fund), "calls": worst(pairs.worst_calls)},
            "scenarios": [{"scenario": name, "fund": fund, "calls": both} for name, fund, both in counts],
        },
    }
    return found, losses[names.index(pairs.worst_calls.scenario)].tolist()


def _members(path: Path, unit: Currency, needed: tuple[str, ...]) -> _Members:
    names: list[str] = []
    amounts: dict[str, list[int]] = {name: [] for name in (*AMOUNTS, *BOUNDS)}
    chances: list[Fraction] = []
    kinds = {**dict.fromkeys(amounts, "money"), "probability": "number"}
    for where, cells in read_table(path, kinds, unit):
        member = cells["member"]
        at = f"{where}:{member.line}:{member.column}"
        if member.text in names:
            says = f"{member.text} stands twice"
            raise Refused(Problem("STRESS_TWICE", (), says, "it once", place=at))
        names.append(member.text)
        beside = [name for name in amounts if name in cells and name.startswith("stressed")]
        if "stressed_loss" not in needed and beside:
            says = f"{beside[0]} of {member.text} beside --losses"
            raise Refused(Problem("USAGE", (), says, "one or the other", place=at))
        for name in (*needed, *(name for name in BOUNDS if name in cells)):
            amounts[name].append(_amount(cells, name, unit, at))
        _in_order(amounts, cells, at)
        if "probability" in cells:
            chances.append(_chance(cells["probability"].text, member.text, at))
    counts = {name: len(amounts[name]) for name in BOUNDS} | {"probability": len(chances)}
    for name, count in counts.items():
        if count and count < len(names):
            says = f"{len(names) - count} members have no {name}"
            raise Refused(
                Problem("STRESS_MISSING", (), says, "one for each, or none at all", place=str(path))
            )
    stressed, margins, held, least, most = amounts.values()
    return _Members(names, stressed, margins, held, chances, least, most)


def _amount(cells: Mapping[str, Scalar], name: str, unit: Currency, at: str) -> int:
    """One amount of a member; what is held is not negative."""
    member = cells["member"].text
    text = cells[name].text if name in cells else ""
    amount = read_money(text, unit, at, f"{member} has no {name}")
    if amount < 0 and not name.startswith("stressed"):
        says = f"{name} of {member} is negative"
        raise Refused(Problem("STRESS_NEGATIVE", (), says, "what is held, 0 or more", place=at))
    return amount


def _in_order(amounts: dict[str, list[int]], cells: Mapping[str, Scalar], at: str) -> None:
    """Refused where a member would lose less alone than it does at least, or more than at most."""
    for low, high in (("stressed_least", "stressed_loss"), ("stressed_loss", "stressed_most")):
        if low in cells and high in cells and amounts[low][-1] > amounts[high][-1]:
            says = f"{low} of {cells['member'].text} is more than its {high}"
            instead = "stressed_least, stressed_loss and stressed_most in ascending order"
            raise Refused(Problem("REVERSE_BOUNDS", (), says, instead, place=at))


def _chance(text: str, member: str, at: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value < 1:
        says = f"the probability of {member}, {text!r}, is not between 0 and 1"
        raise Refused(Problem("REVERSE_PROBABILITY", (), says, "0.01, for one", place=at))
    return value
