"""What importance sampling found, as a table, JSON and CSV."""

import csv
import io
from typing import Any, Protocol

from penstock.report.simulated import between, likely, probability
from penstock.sim.rare import RareFound
from penstock.sim.statistics import Estimate
from penstock.sim.summary import Summary

COLUMNS = ("plain", "plain_low", "plain_high", "weighted", "weighted_low", "weighted_high")


class RareRun(Protocol):
    """An importance sampling: aimed at what, what it found, its cost beside a plain run, the ways it drew."""

    @property
    def target(self) -> str: ...
    @property
    def found(self) -> RareFound: ...
    @property
    def cost(self) -> float: ...
    @property
    def ways(self) -> list[dict[str, Any]]: ...


def _plain(found: Summary) -> dict[str, Estimate]:
    """The events as a plain run estimates them."""
    events = {"uncovered": found.uncovered.positive}
    for one in found.layers:
        events |= {f"{one.layer.id} hit": one.hit, f"{one.layer.id} exhausted": one.exhausted}
    return events


def rare_rows(rare: RareRun, found: Summary) -> list[tuple[str, ...]]:
    """A row an event that gains: plain and weighted estimate, effective sample size, gain for the work."""
    plain = _plain(found)
    return [
        (
            event.name,
            likely(plain[event.name].value),
            between(plain[event.name]),
            likely(event.probability.value),
            between(event.probability),
            f"{event.effective:,.0f}",
            f"{event.ratio / rare.cost:.2g} x",
        )
        for event in rare.found.events
        if event.ratio > rare.cost or event.name in (rare.target, f"{rare.target} exhausted")
    ]


def rare_json(rare: RareRun) -> dict[str, Any]:
    """What importance sampling found, and the ways that it drew in."""
    return {
        "target": rare.target,
        "scenarios": rare.found.scenarios,
        "mean_weight": {"estimate": rare.found.weight, "standard_error": rare.found.weight_error},
        "cost": rare.cost,
        "ways": rare.ways,
        "events": {
            event.name: {
                **probability(event.probability),
                "effective_sample": event.effective,
                "variance_ratio": event.ratio,
                "gain": event.ratio / rare.cost,
            }
            for event in rare.found.events
        },
    }


def rare_csv(found: RareFound, plain: Summary) -> str:
    """A row an event as CSV: its probability by the plain and by the weighted run, each with its interval.

    ``effective_sample``: as many equal weights tell as much; ``variance_ratio``: how many times smaller the
    variance is than that of as many plain scenarios.
    """
    beside = _plain(plain)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("event", *COLUMNS, "effective_sample", "variance_ratio"))
    for event in found.events:
        both = (*_three(beside[event.name]), *_three(event.probability))
        writer.writerow((event.name, *both, f"{event.effective:.9g}", f"{event.ratio:.9g}"))
    return out.getvalue()


def _three(one: Estimate) -> tuple[str, ...]:
    return tuple(f"{value:.9g}" for value in (one.value, one.low, one.high))
