"""A reverse stress test from a table of members, of one scenario or of all of a stress matrix."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from penstock.core.money import Currency, written
from penstock.core.problems import Problem, Refused
from penstock.core.scenario import HOUSE
from penstock.sim.reverse import affine, fewest, frontier, likeliest
from penstock.store.lines import Told, read_money
from penstock.store.tables import read_table

AMOUNTS = ("stressed_loss", "initial_margin", "default_fund")


@dataclass(frozen=True, slots=True)
class _Members:
    """The table by column: names, amounts in minor units, probabilities of default, none if not given."""

    names: list[str]
    stressed: list[int]
    margins: list[int]
    given: list[int]
    chances: list[Fraction]


def reversed_stress(
    path: Path,
    unit: Currency,
    own: int,
    calls: Fraction,
    losses: Path | None = None,
    told: Told | None = None,
) -> dict[str, Any]:
    """The fewest and the likeliest defaulters, and the frontier, as JSON; Refused as the tables are.

    With ``losses``, scenario by member, these are of the scenario with the worst pair, and all pairs of all
    scenarios are counted.
    """
    members = _members(path, unit, AMOUNTS[1:] if losses else AMOUNTS)
    found: dict[str, Any] = {"currency": unit.code}
    stressed = members.stressed
    if losses:
        every, stressed = _pairs(members, unit, own, calls, losses, told)
        found |= every
    beyond = [max(0, loss - margin) for loss, margin in zip(stressed, members.margins, strict=True)]
    scores = affine(beyond, members.given, own, calls)
    few = fewest(scores)
    likely = likeliest(scores, members.chances) if members.chances else None
    return found | {
        "fewest": None if few is None else [members.names[i] for i in few],
        "likeliest": likely
        and {"members": [members.names[i] for i in likely[0]], "probability": f"{float(likely[1]):.3g}"},
        "frontier": [
            {"defaults": count, "multiplier": f"{float(multiplier):.4f}"}
            for count, multiplier in frontier(stressed, members.margins, members.given, own, calls)
        ],
    }


def _pairs(
    members: _Members, unit: Currency, own: int, calls: Fraction, path: Path, told: Told | None
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
    pairs = all_pairs(Stress(tuple(names), tuple(members.names), beyond), members.given, own, calls)
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
    amounts: dict[str, list[int]] = {name: [] for name in AMOUNTS}
    chances: list[Fraction] = []
    kinds = {**dict.fromkeys(AMOUNTS, "money"), "probability": "number"}
    for where, cells in read_table(path, kinds, unit):
        member = cells["member"]
        at = f"{where}:{member.line}:{member.column}"
        if member.text in names:
            says = f"{member.text} stands twice"
            raise Refused(Problem("STRESS_TWICE", (), says, "it once", place=at))
        names.append(member.text)
        for name in AMOUNTS:
            if name not in needed:
                if name in cells:
                    says = f"{name} of {member.text} beside --losses"
                    raise Refused(Problem("USAGE", (), says, "one or the other", place=at))
                continue
            text = cells[name].text if name in cells else ""
            amount = read_money(text, unit, at, f"{member.text} has no {name}")
            if amount < 0 and name != "stressed_loss":
                says = f"{name} of {member.text} is negative"
                raise Refused(Problem("STRESS_NEGATIVE", (), says, "what is held, 0 or more", place=at))
            amounts[name].append(amount)
        if "probability" in cells:
            chances.append(_chance(cells["probability"].text, member.text, at))
    if chances and len(chances) < len(names):
        says = f"{len(names) - len(chances)} members have no probability"
        raise Refused(Problem("STRESS_MISSING", (), says, "one for each, or none at all", place=str(path)))
    stressed, margins, given = (amounts[name] for name in AMOUNTS)
    return _Members(names, stressed, margins, given, chances)


def _chance(text: str, member: str, at: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value < 1:
        says = f"the probability of {member}, {text!r}, is not between 0 and 1"
        raise Refused(Problem("REVERSE_PROBABILITY", (), says, "0.01, for one", place=at))
    return value
