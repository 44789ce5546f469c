"""What a comparison of two waterfalls found, as tables, CSV and JSON."""

import csv
import io
from typing import Any, Final

from penstock.core.money import Currency
from penstock.report.simulated import amount, likely, probability, shown
from penstock.sim.comparison import Compared, Comparison
from penstock.sim.statistics import Estimate

SAID: Final = {  # payers in words
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
        SAID.get(one.name, one.name),
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
        "mean_difference": dict(zip(("estimate", "low", "high"), _money(one.difference, unit), strict=True)),
    }


def tables(found: Comparison, unit: Currency) -> dict[str, str]:
    """The tables of a result folder: name -> CSV; every payer and member, also where it pays nothing."""
    return {
        f"{name}s.csv": _csv(name, rows_, unit)
        for name, rows_ in (("payer", found.payers), ("member", found.members))
    }


def _csv(name: str, rows_: tuple[Compared, ...], unit: Currency) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    three = [
        f"{what}{end}" for what in ("a_pays", "b_pays", "pays_difference") for end in ("", "_low", "_high")
    ]
    means = ("a_mean", "b_mean", "mean_difference", "mean_difference_low", "mean_difference_high")
    writer.writerow((name, *three, *means))
    for one in rows_:
        estimates = (*one.likely, one.likelier)
        numbers = [f"{value:.9g}" for each in estimates for value in (each.value, each.low, each.high)]
        sums = (amount(each, unit) for each in one.means)
        writer.writerow((one.name, *numbers, *sums, *_money(one.difference, unit)))
    return out.getvalue()


def _money(one: Estimate, unit: Currency) -> tuple[str, ...]:
    return tuple(amount(value, unit) for value in (one.value, one.low, one.high))
