"""From results to pictures: what the waterfall picture shows of an event."""

from penstock.core.problems import Problem, Refused
from penstock.core.replay import Result
from penstock.core.results import EventResult, LayerResult
from penstock.report.picture import Picture, Tank
from penstock.report.terminal import ranked, who
from penstock.report.words import kind, titled


def panels(result: Result) -> list[Picture]:
    """A picture for each computed event of the result; Refused NOTHING_TO_DRAW where there is none."""
    found = [_picture(result, event) for event in result.events if event.layers]
    if not found:
        says = "there is nothing to draw: no loss is published, or no layer was in force"
        raise Refused(Problem("NOTHING_TO_DRAW", (), says, "a scenario whose loss is known"))
    return found


def _picture(result: Result, event: EventResult) -> Picture:
    ranks: list[list[Tank]] = []
    for rank, row in ranked(event):
        if event.beyond_own and row.layer.payer == "defaulter":
            continue
        tank = _tank(row)
        if rank[-1].isalpha() and not rank.endswith("a"):
            ranks[-1].append(tank)
        else:
            ranks.append([tank])
    title = result.scenario.title
    if len(result.events) > 1:
        title += f": {' and '.join(event.members)}"
    return Picture(
        title=title,
        currency=result.scenario.currency,
        loss=event.loss,
        loss_title="Loss beyond the defaulter's own" if event.beyond_own else "Loss to cover",
        ranks=tuple(tuple(tanks) for tanks in ranks),
        uncovered=event.uncovered,
    )


def _tank(row: LayerResult) -> Tank:
    cite = f"{row.cite.citation.title} {row.cite.clause}".strip() if row.cite else ""
    return Tank(
        title=titled(row.layer),
        payer=kind(row.layer.payer),
        who=who(row)[:1].upper() + who(row)[1:],
        used=row.used,
        capacity=row.capacity,
        called=row.layer.called,
        cite=cite,
        status=row.status,
    )
