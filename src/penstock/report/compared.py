"""What a comparison of two waterfalls found, as tables and JSON."""

from typing import Any

from penstock.core.money import Currency
from penstock.report.simulated import amount, likely, probability, shown
from penstock.sim.comparison import Compared, Comparison

_SAID = {
    "own": "the defaulters",
    "other": "clearing house and others",
    "fund": "members, default fund",
    "call": "members, cash calls",
    "haircut": "members, gains haircut",
    "ends": "ended without payment",
    "members": "members, together",
}


def rows(found: tuple[Compared, ...], unit: Currency) -> list[tuple[str, ...]]:
    """A row a payer: how likely it pays and what, under both, and the difference with its interval."""
    return [_row(one, unit) for one in found if any(one.means)]


def _row(one: Compared, unit: Currency) -> tuple[str, ...]:
    return (
        _SAID.get(one.name, one.name),
        likely(one.likely[0].value),
        likely(one.likely[1].value),
        shown(one.means[0], unit),
        shown(one.means[1], unit),
        shown(one.difference.value, unit),
        f"{shown(one.difference.low, unit)} to {shown(one.difference.high, unit)}",
    )


def compared_json(found: Comparison, unit: Currency, about: dict[str, Any]) -> dict[str, Any]:
    """All of it; ``about``: what was compared."""
    return {
        **about,
        "scenarios": found.scenarios,
        "level": found.level,
        "payers": [_json(one, unit) for one in found.payers],
        "members": [_json(one, unit) for one in found.members],
    }


def _json(one: Compared, unit: Currency) -> dict[str, Any]:
    return {
        "name": one.name,
        "pays": [probability(each) for each in one.likely],
        "pays_difference": probability(one.likelier),
        "mean": [amount(each, unit) for each in one.means],
        "mean_difference": {
            "estimate": amount(one.difference.value, unit),
            "low": amount(one.difference.low, unit),
            "high": amount(one.difference.high, unit),
        },
    }
