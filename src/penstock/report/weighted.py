"""What importance sampling found, as a table."""

import csv
import io

from penstock.sim.rare import RareFound
from penstock.sim.statistics import Estimate
from penstock.sim.summary import Summary

COLUMNS = ("plain", "plain_low", "plain_high", "weighted", "weighted_low", "weighted_high")


def rare_csv(found: RareFound, plain: Summary) -> str:
    """A row an event as CSV: its probability by the plain and by the weighted run, each with its interval.

    ``effective_sample``: as many equal weights tell as much; ``variance_ratio``: how many times smaller the
    variance is than that of as many plain scenarios.
    """
    beside = {"uncovered": plain.uncovered.positive}
    for one in plain.layers:
        beside |= {f"{one.layer.id} hit": one.hit, f"{one.layer.id} exhausted": one.exhausted}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("event", *COLUMNS, "effective_sample", "variance_ratio"))
    for event in found.events:
        both = (*_three(beside[event.name]), *_three(event.probability))
        writer.writerow((event.name, *both, f"{event.effective:.9g}", f"{event.ratio:.9g}"))
    return out.getvalue()


def _three(one: Estimate) -> tuple[str, ...]:
    return tuple(f"{value:.9g}" for value in (one.value, one.low, one.high))
