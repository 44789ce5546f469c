"""What a simulation found, as JSON, tables and CSV; amounts in the currency's decimals."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Protocol

from penstock.core.money import Currency, written
from penstock.sim.rare import RareFound
from penstock.sim.statistics import Estimate
from penstock.sim.summary import LayerFound, Measure, MemberFound, Summary


class RareRun(Protocol):
    """An importance sampling: aimed at what, what it found, its cost beside a plain run, its tilt."""

    @property
    def target(self) -> str: ...
    @property
    def found(self) -> RareFound: ...
    @property
    def cost(self) -> float: ...
    @property
    def tilt(self) -> dict[str, Any]: ...


def amount(value: float, unit: Currency) -> str:
    """An estimated amount, rounded to a whole minor unit."""
    return written(round(value), unit)


def shown(value: float, unit: Currency) -> str:
    """An estimated amount for the eye: whole units where it is a thousand or more."""
    if abs(value) < 1000 * 10**unit.decimals:
        return written(round(value), unit, grouped=True)
    return f"{round(value / 10**unit.decimals):,}"


def likely(value: float) -> str:
    """A probability: 0.0123 as 1.23 %, small ones in powers of ten."""
    return f"{100 * value:.3g} %" if value == 0 or value >= 1e-5 else f"{value:.2e}"


def between(one: Estimate) -> str:
    """The interval of a probability."""
    low, high = likely(one.low), likely(one.high)
    both = low.endswith(" %") and high.endswith(" %")
    return f"{low.removesuffix(' %') if both else low} - {high}"


def layer_rows(found: Summary, unit: Currency) -> list[tuple[str, ...]]:
    """A row a layer: how likely it is hit, and exhausted, each with its interval, and what it gives."""
    rows = [_layer_row(one, unit) for one in found.layers]
    rows.append(
        (
            "uncovered",
            likely(found.uncovered.positive.value),
            between(found.uncovered.positive),
            "",
            "",
            shown(found.uncovered.mean.value, unit),
            _tail(found.uncovered, unit),
        )
    )
    return rows


def _layer_row(one: LayerFound, unit: Currency) -> tuple[str, ...]:
    return (
        one.layer.id,
        likely(one.hit.value),
        between(one.hit),
        likely(one.exhausted.value),
        between(one.exhausted),
        shown(one.used.mean.value, unit),
        _tail(one.used, unit),
    )


def _tail(measure: Measure, unit: Currency) -> str:
    """The expected shortfall at the level shown."""
    level = tail_level(measure)
    return shown(measure.shortfalls[level].value, unit) if level else ""


def tail_level(measure: Measure) -> float | None:
    """The level of the shortfall that tables show: 99.9 %, or the highest that the run can say."""
    if 0.999 in measure.shortfalls:
        return 0.999
    return max(measure.shortfalls, default=None)


def member_rows(found: Summary, unit: Currency, most: int | None = None) -> list[tuple[str, ...]]:
    """A row a member, whoever is expected to pay most first."""
    order = sorted(found.members, key=lambda one: (-one.paid.mean.value, one.member))
    return [_member_row(one, unit) for one in order[:most]]


def _member_row(one: MemberFound, unit: Currency) -> tuple[str, ...]:
    kinds = (shown(one.by_kind[kind], unit) for kind in ("fund", "call", "haircut"))
    return (
        one.member,
        likely(one.default.value),
        likely(one.paid.positive.value),
        *kinds,
        shown(one.paid.mean.value, unit),
        _tail(one.paid, unit),
    )


def rare_rows(rare: RareRun, found: Summary) -> list[tuple[str, ...]]:
    """A row an event that gains: plain and weighted estimate, effective sample size, gain for the work."""
    plain = {"uncovered": found.uncovered.positive}
    for one in found.layers:
        plain |= {f"{one.layer.id} hit": one.hit, f"{one.layer.id} exhausted": one.exhausted}
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


# --- JSON ---------------------------------------------------------------------------------------------


def simulated_json(found: Summary, unit: Currency, about: dict[str, Any]) -> dict[str, Any]:
    """All of it; ``about``: what was run."""
    return {
        **about,
        "scenarios": found.scenarios,
        "level": found.level,
        "layers": [
            {
                "layer": one.layer.id,
                "payer": one.layer.payer,
                "kind": one.layer.kind,
                "hit": probability(one.hit),
                "exhausted": probability(one.exhausted),
                "used": _measure(one.used, unit),
            }
            for one in found.layers
        ],
        "uncovered": _measure(found.uncovered, unit),
        "beyond_own_resources": _measure(found.beyond, unit),
        "loss": _measure(found.gross, unit),
        "defaults": {str(n): count for n, count in enumerate(found.defaults) if count},
        "members": [
            {
                "member": one.member,
                "default": probability(one.default),
                "by_kind": {kind: amount(value, unit) for kind, value in one.by_kind.items()},
                "paid": _measure(one.paid, unit),
            }
            for one in found.members
        ],
        "worst": [
            {
                "scenario": number,
                "uncovered": written(left, unit),
                "beyond_own_resources": written(beyond, unit),
            }
            for left, beyond, number in found.worst
        ],
    }


def rare_json(rare: RareRun) -> dict[str, Any]:
    """What importance sampling found, and how it was tilted."""
    return {
        "target": rare.target,
        "scenarios": rare.found.scenarios,
        "mean_weight": {"estimate": rare.found.weight, "standard_error": rare.found.weight_error},
        "cost": rare.cost,
        "tilt": rare.tilt,
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


def probability(one: Estimate) -> dict[str, float]:
    """An estimate and its interval."""
    return {"estimate": one.value, "low": one.low, "high": one.high}


def _amount(one: Estimate, unit: Currency) -> dict[str, str]:
    return {
        "estimate": amount(one.value, unit),
        "low": amount(one.low, unit),
        "high": amount(one.high, unit),
    }


def _measure(one: Measure, unit: Currency) -> dict[str, Any]:
    return {
        "positive": probability(one.positive),
        "mean": _amount(one.mean, unit),
        "quantiles": {f"{level:g}": _amount(value, unit) for level, value in one.quantiles.items()},
        "expected_shortfall": {f"{level:g}": _amount(value, unit) for level, value in one.shortfalls.items()},
    }


# --- CSV ----------------------------------------------------------------------------------------------


def tables(found: Summary, unit: Currency) -> dict[str, str]:
    """The tables of a result folder: name -> CSV."""
    layers = [
        (one.layer.id, one.layer.kind, *_numbers(one.hit), *_numbers(one.exhausted), *_money(one.used, unit))
        for one in found.layers
    ]
    layers += [
        (name, "", *_numbers(one.positive), "", "", "", *_money(one, unit))
        for name, one in (("uncovered", found.uncovered), ("beyond_own_resources", found.beyond))
    ]
    members = [
        (
            one.member,
            *_numbers(one.default),
            *_numbers(one.paid.positive),
            *(amount(one.by_kind[kind], unit) for kind in ("fund", "call", "haircut")),
            *_money(one.paid, unit),
        )
        for one in found.members
    ]
    curve = [
        (one.layer.id, amount(at, unit), count, f"{count / found.scenarios:.9g}")
        for one in found.layers
        for at, count in one.used.distribution.exceedance()
    ]
    curve += [
        ("uncovered", amount(at, unit), count, f"{count / found.scenarios:.9g}")
        for at, count in found.uncovered.distribution.exceedance()
    ]
    worst = [(number, written(left, unit), written(beyond, unit)) for left, beyond, number in found.worst]
    tail = [f"{word}_{level:g}" for level in found.beyond.quantiles for word in ("quantile", "shortfall")]
    layer_heads = ("layer", "kind", *_three("hit"), *_three("exhausted"), *_three("mean"), *tail)
    kinds = ("fund", "call", "haircut")
    member_heads = ("member", *_three("default"), *_three("pays"), *kinds, *_three("mean"), *tail)
    return {
        "layers.csv": _csv(layer_heads, layers),
        "members.csv": _csv(member_heads, members),
        "exceedance.csv": _csv(("layer", "at_least", "scenarios", "probability"), curve),
        "worst.csv": _csv(("scenario", "uncovered", "beyond_own_resources"), worst),
    }


def _three(name: str) -> tuple[str, str, str]:
    """An estimate and its interval."""
    return name, f"{name}_low", f"{name}_high"


def _numbers(one: Estimate) -> tuple[str, ...]:
    return tuple(f"{value:.9g}" for value in (one.value, one.low, one.high))


def _money(one: Measure, unit: Currency) -> tuple[str, ...]:
    middle = tuple(amount(value, unit) for value in (one.mean.value, one.mean.low, one.mean.high))
    tail = [value.get(level) for level in one.quantiles for value in (one.quantiles, one.shortfalls)]
    return *middle, *(amount(each.value, unit) if each else "" for each in tail)


def _csv(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return out.getvalue()
