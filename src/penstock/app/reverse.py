"""A reverse stress test from a table of members."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from penstock.core.money import Currency, parse
from penstock.core.problems import Problem, Refused
from penstock.sim.reverse import affine, fewest, frontier, likeliest
from penstock.store.tables import read_table

AMOUNTS = ("stressed_loss", "initial_margin", "default_fund")


def reversed_stress(path: Path, unit: Currency, own: int, calls: Fraction) -> dict[str, Any]:
    """The fewest and the likeliest defaulters, and the frontier, as JSON; Refused as the table is."""
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
            if name not in cells:
                says = f"{member.text} has no {name}"
                raise Refused(Problem("STRESS_MISSING", (), says, '"0" where there is none', place=at))
            amount = _amount(cells[name].text, unit, at, name)
            if amount < 0 and name != "stressed_loss":
                says = f"{name} of {member.text} is negative"
                raise Refused(Problem("STRESS_NEGATIVE", (), says, "what is held, 0 or more", place=at))
            amounts[name].append(amount)
        if "probability" in cells:
            chances.append(_chance(cells["probability"].text, member.text, at))
    if chances and len(chances) < len(names):
        says = f"{len(names) - len(chances)} members have no probability"
        raise Refused(Problem("STRESS_MISSING", (), says, "one for each, or none at all", place=str(path)))
    losses, margins, given = (amounts[name] for name in AMOUNTS)
    beyond = [max(0, loss - margin) for loss, margin in zip(losses, margins, strict=True)]
    scores = affine(beyond, given, own, calls)
    few = fewest(scores)
    likely = likeliest(scores, chances) if chances else None
    return {
        "currency": unit.code,
        "fewest": None if few is None else [names[i] for i in few],
        "likeliest": likely
        and {"members": [names[i] for i in likely[0]], "probability": f"{float(likely[1]):.3g}"},
        "frontier": [
            {"defaults": count, "multiplier": f"{float(multiplier):.4f}"}
            for count, multiplier in frontier(losses, margins, given, own, calls)
        ],
    }


def _amount(text: str, unit: Currency, at: str, name: str) -> int:
    try:
        return parse(text, unit)
    except Refused as refused:
        one = refused.problems[0]
        raise Refused(Problem(one.code, (name,), one.says, one.instead, place=at)) from None


def _chance(text: str, member: str, at: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value < 1:
        says = f"the probability of {member}, {text!r}, is not between 0 and 1"
        raise Refused(Problem("REVERSE_PROBABILITY", (), says, "0.01, for one", place=at))
    return value
