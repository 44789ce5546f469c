"""What a simulation found, as JSON, tables and CSV; amounts in the currency's decimals."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from penstock.core.money import Currency, written
from penstock.sim.layout import MEMBER_KINDS
from penstock.sim.statistics import Estimate, clopper_pearson
from penstock.sim.summary import Measure, MemberFound, Summary


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


def within(one: Estimate, unit: Currency) -> str:
    """The interval of an amount, if it has one."""
    return f"{shown(one.low, unit)} - {shown(one.high, unit)}" if one.bounded else "none"


def layer_rows(found: Summary) -> list[tuple[str, ...]]:
    """A row a layer: how likely it is hit, and exhausted, each with its interval."""
    rows = [
        (
            one.layer.id,
            likely(one.hit.value),
            between(one.hit),
            likely(one.exhausted.value),
            between(one.exhausted),
        )
        for one in found.layers
    ]
    uncovered = found.uncovered.positive
    return [*rows, ("uncovered", likely(uncovered.value), between(uncovered), "", "")]


def amount_rows(found: Summary, unit: Currency) -> list[tuple[str, ...]]:
    """A row a layer: what it gives on average and in the tail, each with its interval."""
    rows = [(one.layer.id, one.used) for one in found.layers]
    return [(name, *_amounts(one, unit)) for name, one in [*rows, ("uncovered", found.uncovered)]]


def _amounts(one: Measure, unit: Currency) -> tuple[str, str, str, str]:
    """The mean and the expected shortfall at the level shown, with their intervals."""
    tail = _tail(one)
    return (
        shown(one.mean.value, unit),
        within(one.mean, unit),
        shown(tail.value, unit) if tail else "",
        within(tail, unit) if tail else "",
    )


def _tail(measure: Measure) -> Estimate | None:
    """The expected shortfall at the level shown."""
    level = tail_level(measure)
    return measure.shortfalls[level] if level else None


def tail_level(measure: Measure) -> float | None:
    """The level of the shortfall that tables show: 99.9 %, or the highest that the run can say."""
    if 0.999 in measure.shortfalls:
        return 0.999
    return max(measure.shortfalls, default=None)


def paying(found: Summary) -> list[MemberFound]:
    """The members, whoever is expected to pay most first."""
    return sorted(found.members, key=lambda one: (-one.paid.mean.value, one.member))


def member_rows(found: Summary, unit: Currency, most: int | None = None) -> list[tuple[str, ...]]:
    """A row a member, whoever is expected to pay most first: expected payments by kind and in all."""
    return [
        (
            one.member,
            likely(one.default.value),
            likely(one.paid.positive.value),
            *(shown(one.by_kind[kind].mean.value, unit) for kind in MEMBER_KINDS),
            shown(one.paid.mean.value, unit),
            within(one.paid.mean, unit),
        )
        for one in paying(found)[:most]
    ]


def tail_rows(found: Summary, unit: Currency, level: float, most: int | None = None) -> list[tuple[str, ...]]:
    """A row a member in the same order: its expected shortfall at the level, by kind and in all."""
    rows = []
    for one in paying(found)[:most]:
        tails = [each.shortfalls[level] for each in (*one.by_kind.values(), one.paid)]
        rows.append((one.member, *(shown(tail.value, unit) for tail in tails), within(tails[-1], unit)))
    return rows


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
        "losses_at_the_limit": found.largest,
        "defaults": {str(n): count for n, count in enumerate(found.defaults) if count},
        "members": [
            {
                "member": one.member,
                "default": probability(one.default),
                "by_kind": {kind: _measure(paid, unit) for kind, paid in one.by_kind.items()},
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


def probability(one: Estimate) -> dict[str, float]:
    """An estimate and its interval."""
    return {"estimate": one.value, "low": one.low, "high": one.high}


def _amount(one: Estimate, unit: Currency) -> dict[str, str | None]:
    value, low, high = _told(one, unit)
    return {"estimate": value, "low": low or None, "high": high or None}


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
    levels = tuple(found.beyond.quantiles)
    layers = [
        (
            one.layer.id,
            one.layer.kind,
            *_numbers(one.hit),
            *_numbers(one.exhausted),
            *_money(one.used, levels, unit),
        )
        for one in found.layers
    ]
    layers += [
        (name, "", *_numbers(one.positive), "", "", "", *_money(one, levels, unit))
        for name, one in (("uncovered", found.uncovered), ("beyond_own_resources", found.beyond))
    ]
    members = [(one.member, *_numbers(one.default), *_paid(one.paid, levels, unit)) for one in found.members]
    liability = [
        (one.member, kind, *_paid(paid, levels, unit))
        for one in found.members
        for kind, paid in one.by_kind.items()
    ]
    curve = [
        (name, amount(at, unit), count, *_numbers(clopper_pearson(count, found.scenarios, found.level)))
        for name, one in [*((one.layer.id, one.used) for one in found.layers), ("uncovered", found.uncovered)]
        for at, count in one.distribution.exceedance()
    ]
    worst = [(number, written(left, unit), written(beyond, unit)) for left, beyond, number in found.worst]
    tail = (f"{word}_{level:g}" for level in levels for word in ("quantile", "shortfall"))
    amounts = [*_three("mean"), *(head for one in tail for head in _three(one))]
    exceeded = ("layer", "at_least", "scenarios", *_three("probability"))
    return {
        "layers.csv": _csv(("layer", "kind", *_three("hit"), *_three("exhausted"), *amounts), layers),
        "members.csv": _csv(("member", *_three("default"), *_three("pays"), *amounts), members),
        "liability.csv": _csv(("member", "kind", *_three("pays"), *amounts), liability),
        "exceedance.csv": _csv(exceeded, curve),
        "worst.csv": _csv(("scenario", "uncovered", "beyond_own_resources"), worst),
    }


def _three(name: str) -> tuple[str, str, str]:
    """An estimate and its interval."""
    return name, f"{name}_low", f"{name}_high"


def _numbers(one: Estimate) -> tuple[str, ...]:
    return tuple(f"{value:.9g}" for value in (one.value, one.low, one.high))


def _paid(one: Measure, levels: Sequence[float], unit: Currency) -> tuple[str, ...]:
    return *_numbers(one.positive), *_money(one, levels, unit)


def _money(one: Measure, levels: Sequence[float], unit: Currency) -> tuple[str, ...]:
    """The mean, and quantile and shortfall of each level, each with its interval."""
    tail = (value.get(level) for level in levels for value in (one.quantiles, one.shortfalls))
    return tuple(text for each in (one.mean, *tail) for text in _told(each, unit))


def _told(one: Estimate | None, unit: Currency) -> tuple[str, str, str]:
    """An amount and its interval, empty where there is none."""
    if one is None:
        return "", "", ""
    if not one.bounded:
        return amount(one.value, unit), "", ""
    return amount(one.value, unit), amount(one.low, unit), amount(one.high, unit)


def _csv(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return out.getvalue()
