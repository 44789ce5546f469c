"""Precedents side by side: figures computed from their data, words as recorded."""

from dataclasses import dataclass

from penstock.core.money import Currency, written
from penstock.core.replay import Result
from penstock.core.results import EventResult, LayerResult
from penstock.core.scenario import Published
from penstock.report.words import clause, money, percent


@dataclass(frozen=True, slots=True)
class Burden:
    """Who bore a default: minor units; None where the data does not say.

    ``before_members``: the CCP's money used before any member's; ``fund`` what stood in the members'
    held layers that were reached or could have been.
    """

    defaulter: int | None
    before_members: int
    ccp: int
    survivors: int
    fund: int | None


def burden(event: EventResult) -> Burden:
    """What one computed event cost whom."""
    own = sum(row.used for row in event.layers if row.layer.payer == "defaulter")
    ccp = sum(row.used for row in event.layers if row.layer.payer == "ccp")
    first = next((i for i, row in enumerate(event.layers) if row.layer.payer == "members"), len(event.layers))
    before = sum(row.used for row in event.layers[:first] if row.layer.payer == "ccp")
    survivors = sum(row.used for row in event.layers if row.layer.payer == "members")
    held = [row for row in event.layers if _is_fund(row)]
    fund = sum(row.capacity or 0 for row in held) if any(row.capacity is not None for row in held) else None
    return Burden(None if event.beyond_own else own, before, ccp, survivors, fund)


def _is_fund(row: LayerResult) -> bool:
    return row.layer.payer == "members" and not row.layer.called and row.capacity is not None


def comparison(results: list[tuple[str, Result]]) -> list[tuple[str, list[str]]]:
    """Rows of a table: what is compared, and one cell a precedent."""
    columns = [_column(result) for _, result in results]
    labels = list(columns[0]) if columns else []
    return [("Precedent", [name for name, _ in results])] + [
        (label, [column[label] for column in columns]) for label in labels
    ]


def _column(result: Result) -> dict[str, str]:
    scenario, unit = result.scenario, result.scenario.currency
    precedent = scenario.precedent
    event = result.events[0]
    column = {
        "Cause": precedent.cause if precedent else "",
        "Default": f"{' and '.join(event.members)}, {event.at.date()}",
        "Loss": "not published",
        "Defaulter's resources": "not published",
        "SITG before members": "not published",
        "Survivors' loss": "not published",
        "Share of the fund used": "not published",
    }
    if not event.unpublished:
        found = burden(event)
        beyond = " beyond the defaulter's resources" if event.beyond_own else ""
        column["Loss"] = f"{money(event.loss, unit)}{beyond}"
        column["Defaulter's resources"] = (
            "used up; amount not published" if found.defaulter is None else money(found.defaulter, unit)
        )
        column["SITG before members"] = money(found.before_members, unit) if found.before_members else "none"
        column["Survivors' loss"] = money(found.survivors, unit)
        if found.fund:
            used = sum(row.used for row in event.layers if _is_fund(row))
            column["Share of the fund used"] = percent(used, found.fund)
    column["Effect on confidence"] = precedent.confidence if precedent else ""
    column["Lesson"] = precedent.lesson if precedent else ""
    return column


def published_rows(result: Result) -> list[tuple[str, str]]:
    """What was published about the precedent: the figure, what it is and the source with its status."""
    precedent = result.scenario.precedent
    if precedent is None:
        return []
    unit = result.scenario.currency
    return [
        (_figure(one, unit), f"{one.what}\n  {clause(one.cite)}" if one.cite else one.what)
        for one in precedent.published
    ]


def _figure(one: Published, unit: Currency) -> str:
    if one.amount is not None:
        return money(one.amount, unit)
    return str(one.date_) if one.date_ else one.value


def before_and_after(was: Result, now: Result) -> list[tuple[str, str, str, str]]:
    """Who pays as it was and otherwise, by kind of payer, and the difference."""
    unit = was.scenario.currency
    before, after = _by_kind(was), _by_kind(now)
    rows = []
    for kind in dict.fromkeys((*before, *after)):
        old, new = before.get(kind, 0), after.get(kind, 0)
        texts = [written(amount, unit, grouped=True) for amount in (old, new, new - old)]
        rows.append((kind, texts[0], texts[1], texts[2]))
    return rows


def _by_kind(result: Result) -> dict[str, int]:
    totals: dict[str, int] = {}
    for event in result.events:
        for row in event.layers:
            if row.used:
                payer = row.layer.payer or ""
                totals[payer] = totals.get(payer, 0) + row.used
        if event.uncovered:
            totals["uncovered"] = totals.get("uncovered", 0) + event.uncovered
    return totals
