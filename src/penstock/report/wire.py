"""A result as JSON: amounts as strings with exactly the currency's decimals. Keys are never renamed."""

from collections.abc import Iterable, Mapping
from typing import Any

from penstock.core.amounts import Cite
from penstock.core.canonical import digest
from penstock.core.money import Currency, written
from penstock.core.replay import Result
from penstock.core.replenishment import Duty, duties
from penstock.core.results import EventResult, Happening, LayerResult
from penstock.core.steps import Step


def result_json(result: Result) -> dict[str, Any]:
    """The result in the shape of ``penstock run --json``."""
    scenario, unit = result.scenario, result.scenario.currency
    by_layer = _total((row.layer.id, row.used) for event in result.events for row in event.layers)
    by_payer = _total(pair for e in result.events for row in e.layers for pair in row.paid.items())
    return {
        "scenario": scenario.title,
        "currency": unit.code,
        "rulebook": {
            "id": scenario.rulebook.rulebook,
            "in_force": _day(result.events[0].in_force),
            "sha256": digest(scenario.rulebook),
        },
        "defaults": [
            _event(event, step, unit) for event, step in zip(result.events, result.steps, strict=True)
        ],
        **({"events": [_happening(one, unit) for one in result.happenings]} if result.happenings else {}),
        "totals": {
            "loss": written(sum(event.loss for event in result.events), unit),
            "uncovered": written(sum(event.uncovered for event in result.events), unit),
            "by_layer": _amounts(by_layer, unit),
            "by_payer": _amounts(by_payer, unit),
            **({"borne": _amounts(_borne(result), unit)} if result.happenings else {}),
        },
    }


def _borne(result: Result) -> dict[str, int]:
    """What every payer has borne in the end, after money came back."""
    return _total(pair for one in result.bornes for payers in one.paid.values() for pair in payers.items())


def _happening(one: Happening, unit: Currency) -> dict[str, Any]:
    """What happened between the defaults; keys without content are left out."""
    more = {
        "members": list(one.members),
        "layers": {layer: _amounts(payers, unit) for layer, payers in one.layers.items()},
        "uncovered": written(one.uncovered, unit) if one.uncovered else "",
        "surplus": _amounts(one.surplus, unit),
        "interest": _amounts(one.interest, unit),
        "retained": written(one.retained, unit) if one.retained else "",
    }
    return {"at": one.at.isoformat(), "event": one.what, **{key: told for key, told in more.items() if told}}


def _total(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for name, amount in pairs:
        totals[name] = totals.get(name, 0) + amount
    return totals


def _event(event: EventResult, step: Step | None, unit: Currency) -> dict[str, Any]:
    who: dict[str, Any] = {"member": event.members[0]}
    if len(event.members) > 1:
        who = {"members": list(event.members)}
    known = not event.unpublished
    owed = duties(step, event) if step else []
    return {
        **who,
        "at": event.at.isoformat(),
        "in_force": _day(event.in_force),
        "loss": written(event.loss, unit) if known else None,
        "layers": [_layer(row, unit) for row in event.layers],
        "uncovered": written(event.uncovered, unit) if known else None,
        "surplus": _amounts(event.surplus, unit),
        **({"replenishment": [_duty(duty, unit) for duty in owed]} if owed else {}),
        **({} if known else {"unpublished": event.unpublished}),
    }


def _duty(duty: Duty, unit: Currency) -> dict[str, Any]:
    return {
        "layer": duty.rule.layer,
        "payer": duty.payer,
        "amount": written(duty.amount, unit),
        "due": str(duty.rule.due) if duty.rule.due else None,
        **({"into": duty.rule.into} if duty.rule.into else {}),
    }


def _layer(row: LayerResult, unit: Currency) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if row.group:
        extra["group"] = row.group
    if row.layer.segment:
        extra["segment"] = row.layer.segment
    if row.unpaid:
        extra["unpaid"] = _amounts(row.unpaid, unit)
    if row.layer.action:
        extra["action"] = row.layer.action
    return {
        "layer": row.layer.id,
        "payer": row.layer.payer,
        "source": row.layer.source,
        "capacity": None if row.capacity is None else written(row.capacity, unit),
        "used": written(row.used, unit),
        "payers": _amounts(row.paid, unit),
        "cite": cite_json(row.cite),
        "status": row.status,
        **extra,
    }


def cite_json(cite: Cite | None) -> dict[str, Any] | None:
    """A citation: title, href, status and the clause; None without one."""
    if cite is None:
        return None
    citation = cite.citation
    return {
        "title": citation.title,
        "href": citation.href,
        "status": citation.status,
        "clause": cite.clause,
    }


def _amounts(amounts: Mapping[str, int], unit: Currency) -> dict[str, str]:
    return {name: written(amount, unit) for name, amount in amounts.items()}


def _day(day: object) -> str | None:
    return str(day) if day else None
