"""What differs between two rulebooks, or two days of one: in words, and in amounts over a range of losses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from penstock.core.amounts import Amount
from penstock.core.exposure import Curve, curve
from penstock.core.money import Currency, written
from penstock.core.plans import Rank, plan
from penstock.core.rulebook import Cap, Layer, Rulebook
from penstock.core.scenario import Scenario
from penstock.report.words import (
    PAYERS,
    amount,
    clause,
    condition,
    name,
    number,
    recoveries,
    replenishment,
    several,
    titled,
    window,
)

Facets = dict[str, str]
"""What a layer, a cap or a section says: facet -> words."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs; ``before`` or ``after`` is "" where it stands on one side only.

    ``head`` is the layer or section, ``facet`` what of it differs ("" for the whole).
    """

    head: str
    facet: str
    before: str
    after: str


def differences(old: Rulebook, new: Rulebook, old_day: date | None, new_day: date | None) -> list[Difference]:
    """Every difference between what is in force under ``old`` and under ``new`` on their days."""
    before, after = plan(old, old_day or date.max), plan(new, new_day or date.max)
    first, second = list(before.layers()), list(after.layers())
    pairs = _paired([layer for layer, _ in first], [layer for layer, _ in second])
    found = list(_sections(old, new, before.day, after.day))
    places_old = _places(before.ranks)
    places_new = _places(after.ranks)
    moved = _moved([pairs[layer.id] for layer, _ in first if layer.id in pairs], places_new)
    for layer, rank in first:
        head = f"Layer {places_old[layer.id]}, {titled(layer)}"
        if layer.id not in pairs:
            said = _layer_facets(layer, rank, old, before.day)
            found.append(Difference(head, "", "; ".join(f"{k} {v}" for k, v in said.items()), ""))
            continue
        other, other_rank = next(pair for pair in second if pair[0].id == pairs[layer.id])
        if other.id in moved:
            found.append(Difference(head, "place", places_old[layer.id], places_new[other.id]))
        if other.id != layer.id:
            found.append(Difference(head, "called", titled(layer), titled(other)))
        mine = _layer_facets(layer, rank, old, before.day)
        found += _changed(head, mine, _layer_facets(other, other_rank, new, after.day))
    matched = set(pairs.values())
    for layer, rank in second:
        if layer.id not in matched:
            said = _layer_facets(layer, rank, new, after.day)
            head = f"Layer {places_new[layer.id]}, {titled(layer)}"
            found.append(Difference(head, "", "", "; ".join(f"{k} {v}" for k, v in said.items())))
    return found


def _changed(head: str, before: Facets, after: Facets) -> Iterator[Difference]:
    for facet in dict.fromkeys((*before, *after)):
        if before.get(facet, "") != after.get(facet, ""):
            yield Difference(head, facet, before.get(facet, ""), after.get(facet, ""))


def _paired(first: Sequence[Layer], second: Sequence[Layer]) -> dict[str, str]:
    """Which layer is which: by id, the others by who pays out of what, in order."""
    ids = {layer.id for layer in second}
    pairs = {layer.id: layer.id for layer in first if layer.id in ids}
    rest = [layer for layer in second if layer.id not in pairs.values()]
    for layer in first:
        if layer.id in pairs:
            continue
        like = next((x for x in rest if (x.payer, _kind(x)) == (layer.payer, _kind(layer))), None)
        if like:
            pairs[layer.id] = like.id
            rest.remove(like)
    return pairs


def _kind(layer: Layer) -> str:
    """Held, called or owed money, or an action: layers of two clearing houses name sources differently."""
    held = layer.source not in ("assessment", "commitment", "gains", "payouts", "claims")
    return layer.action or ("held" if held else str(layer.source))


def _places(ranks: Sequence[Rank]) -> dict[str, str]:
    """``4b`` for the second of the layers side by side at the fourth place."""
    found = {}
    for i, rank in enumerate(ranks, 1):
        for j, layer in enumerate(rank.layers):
            found[layer.id] = f"{i}{chr(ord('a') + j)}" if len(rank.layers) > 1 else str(i)
    return found


def _moved(order: list[str], places: Mapping[str, str]) -> set[str]:
    """The fewest layers that must have moved for the old order to become the new one."""
    at = {name: i for i, name in enumerate(places)}
    best: list[list[str]] = []
    for one in order:
        longest = max((chain for chain in best if at[chain[-1]] < at[one]), key=len, default=[])
        best.append([*longest, one])
    stays = max(best, key=len, default=[])
    return {one for one in order if one not in stays}


def _layer_facets(layer: Layer, rank: Rank, book: Rulebook, day: date) -> Facets:
    """What a layer says on the day, word by word."""
    unit = book.currency
    said: Facets = {}
    if layer.action:
        said["ends the loss:"] = layer.action.replace("_", " ")
    else:
        said["payer"] = PAYERS.get(layer.payer or "", str(layer.payer))
        said["out of"] = name(layer.source or "")
    share = layer.share.on(day) if layer.share else None
    if share is not None:
        said["shared by"] = amount(share, unit) if isinstance(share, Amount) else share
    limit = layer.limit.on(day) if layer.limit else None
    if limit:
        said["up to"] = amount(limit, unit)
    together = layer.together.on(day) if layer.together else None
    if together:
        said["all together up to"] = amount(together, unit)
    held = layer.window.on(day) if layer.window else None
    if held:
        said["window"] = window(held, unit)
    where = layer.where.on(day) if layer.where else None
    if where:
        said["only those whose"] = condition(where)
    order = layer.order.on(day) if layer.order else None
    if order:
        said["by"] = f"{order[0]}: " + ", then ".join(" or ".join(values) for values in order[1])
    when = {**rank.when, **layer.when}
    if when:
        said["only when"] = condition(when)
    for facet in ("segment", "account", "base", "rounds"):
        value = getattr(layer, facet)
        if value is not None:
            said[facet] = str(value)
    if len(rank.layers) > 1:
        others = [titled(x) for x in rank.layers if x.id != layer.id]
        said["side by side with"] = ", ".join(others)
        said["divided by"] = "size"
        if rank.split:
            pairs = zip(rank.split, rank.layers, strict=True)
            said["divided by"] = " to ".join(f"{number(weight)} ({titled(x)})" for weight, x in pairs)
    if layer.call:
        terms = {f.name: getattr(layer.call, f.name) for f in fields(layer.call)}
        said["call"] = ", ".join(
            f"{name.replace('_', ' ')} {value}" for name, value in terms.items() if value
        )
    return said


def _sections(old: Rulebook, new: Rulebook, old_day: date, new_day: date) -> Iterator[Difference]:
    mine, other = _book_facets(old, old_day), _book_facets(new, new_day)
    for facet in dict.fromkeys((*mine, *other)):
        if mine.get(facet, "") != other.get(facet, ""):
            yield Difference(facet, "", mine.get(facet, ""), other.get(facet, ""))


def _book_facets(book: Rulebook, day: date) -> Facets:
    """What a rulebook says outside its layers."""
    said: Facets = {"Currency": str(book.currency), "Jurisdiction": book.jurisdiction}
    cover = book.cover.on(day) if book.cover else None
    if cover:
        more = [f"and {number(cover.buffer * 100)} %"] if cover.buffer else []
        said["Cover"] = ", ".join([cover.standard, *more, *cover.plus])
    rounding = book.rounding_on(day)
    bearer = f", borne by {rounding.residual_to}" if rounding.share == "floor_residual" else ""
    said["Odd units"] = rounding.share.replace("_", " ") + bearer
    for term, figure in book.figures.items():
        value = figure.amount.on(day) if figure.amount else None
        given = f"given by the {figure.given}" if figure.given else ""
        said[f"Meaning of {name(term)}"] = amount(value, book.currency) if value else given
    if book.auctions:
        told = {f.name: getattr(book.auctions, f.name) for f in fields(book.auctions) if f.name != "cite"}
        said["Auctions"] = ", ".join(
            f"{word.replace('_', ' ')} {value}" for word, value in told.items() if value
        )
    if book.default_events:
        said["Default events"] = "; ".join(one.event for one in book.default_events)
    if book.segments:
        said["Segments"] = ", ".join(book.segments)
    rule = book.several_defaults.on(day) if book.several_defaults else None
    if rule:
        said["Several defaults"] = several(rule)
    for cap in book.caps:
        if (cap.from_ is None or cap.from_ <= day) and (cap.until is None or day <= cap.until):
            said[f"Cap {cap.id}"] = _cap(cap, book.currency, day)
    for one in book.replenishment:
        key = f"Replenishment of {one.layer}"
        said[key] = "; ".join(filter(None, [said.get(key), replenishment(one, book.currency)]))
    if book.recoveries:
        said["Recoveries"] = recoveries(book.recoveries, book.currency)
    return said


def _cap(cap: Cap, unit: Currency, day: date) -> str:
    text = f"{', '.join(cap.on)} together"
    limit = cap.limit.on(day)
    text += f": each at most {amount(limit, unit)}" if limit else ""
    held = cap.window.on(day) if cap.window else None
    text += f", {window(held, unit)}" if held else ""
    where = cap.where.on(day) if cap.where else None
    return text + (f", only those whose {condition(where)}" if where else "") + f" ({clause(cap.cite)})"


# --- amounts ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Point:
    """Who bears how much of one loss under each rulebook: by kind of payer, and uncovered.

    None: a layer whose money is not known is reached.
    """

    loss: int
    before: Mapping[str, int] | None
    after: Mapping[str, int] | None


def amounts(before: Scenario, after: Scenario, losses: Sequence[int] = ()) -> list[Point]:
    """The last default's loss under both rulebooks, over ``losses`` or eight steps to the farther end."""
    ends = [curve(one) for one in (before, after)]
    top = max(found.losses[-1] for found in ends)
    chosen = sorted(losses or [top * i // 8 for i in range(1, 9)])
    mine, other = (curve(one, chosen) for one in (before, after))
    return [Point(loss, _kinds(mine, before, loss), _kinds(other, after, loss)) for loss in chosen]


def _kinds(found: Curve, scenario: Scenario, loss: int) -> dict[str, int] | None:
    """What each kind of payer bears of the loss."""
    if loss not in found.losses:
        return None
    i = found.losses.index(loss)
    kinds = {layer.id: layer.payer or "ended" for layer, _ in scenario.rulebook.all_layers()}
    borne: dict[str, int] = {}
    for layer, paid in found.layers.items():
        borne[kinds[layer]] = borne.get(kinds[layer], 0) + paid[i]
    borne["uncovered"] = found.uncovered[i]
    return borne


def amount_rows(points: Sequence[Point], unit: Currency) -> list[tuple[str, str, str, str, str]]:
    """Loss, kind of payer, what it bears before and after, and the change; the loss once for its rows."""
    rows = []
    kinds = list(dict.fromkeys(k for p in points for side in (p.before, p.after) if side for k in side))
    for point in points:
        loss = written(point.loss, unit, grouped=True)
        for kind in kinds:
            sides = [None if side is None else side.get(kind, 0) for side in (point.before, point.after)]
            if not any(side != 0 for side in sides):
                continue
            texts = ["not published" if x is None else written(x, unit, grouped=True) for x in sides]
            known = [x for x in sides if x is not None]
            change = known[1] - known[0] if len(known) == 2 else 0
            sign = "+" if change > 0 else ""
            signed = sign + written(change, unit, grouped=True) if change else ""
            rows.append((loss, kind.replace("_", " "), texts[0], texts[1], signed))
            loss = ""
    return rows
