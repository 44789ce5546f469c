"""A rulebook as it stands on one day: the layers in force, in ranks, and how well they are attested."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from penstock.core.amounts import STATUSES, Amount, Condition, Status
from penstock.core.rulebook import Cap, Group, Layer, Rulebook


@dataclass(frozen=True, slots=True)
class Rank:
    """Layers in force at one place of the order: one, or several side by side."""

    layers: tuple[Layer, ...]
    group: str | None = None
    split: tuple[Fraction, ...] | None = None
    when: Condition = field(default_factory=dict)
    """The group's condition; each layer has its own beside it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A rulebook as it stands on one day: its groups' words are on their layers."""

    rulebook: Rulebook
    day: date
    ranks: tuple[Rank, ...]

    def layers(self) -> Iterator[tuple[Layer, Rank]]:
        """Every layer in force, with its rank."""
        for rank in self.ranks:
            for layer in rank.layers:
                yield layer, rank


def plan(rulebook: Rulebook, day: date) -> Plan:
    """The layers in force on ``day``, in file order."""
    ranks = []
    for item in rulebook.layers:
        group = item if isinstance(item, Group) else None
        layers = tuple(
            layer
            for layer in (_with_group(one, group) for one in (group.layers if group else (item,)))
            if _between(layer.from_, day, layer.until)
            and (group is None or _between(group.from_, day, group.until))
        )
        if group is None or group.split is None:
            name, when = (group.group, group.when) if group else (None, {})
            ranks += [Rank((layer,), name, when=when) for layer in layers]
        elif layers:
            weights = None
            if not isinstance(group.split, str):
                weights = tuple(group.split[layer.id] for layer in layers)
            ranks.append(Rank(layers, group.group, weights, group.when))
    return Plan(rulebook, day, tuple(ranks))


def caps_on(rulebook: Rulebook, day: date) -> tuple[Cap, ...]:
    """The caps in force on the day."""
    return tuple(cap for cap in rulebook.caps if _between(cap.from_, day, cap.until))


def _with_group(layer: "Layer | Group", group: Group | None) -> Layer:
    assert isinstance(layer, Layer)
    if group is None:
        return layer
    return replace(
        layer,
        segment=layer.segment or group.segment,
        cite=layer.cite or group.cite,
    )


def _between(first: date | None, day: date, last: date | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)


def _read_by(layer: Layer, rulebook: Rulebook, day: date) -> list[Amount]:
    """Every amount in force that the layer reads, those of the figures that it names included."""
    values = [value.on(day) for value in (layer.limit, layer.together, layer.share) if value]
    todo = [value for value in values if isinstance(value, Amount)]
    found: list[Amount] = []
    seen: set[str] = set()
    while todo:
        amount = todo.pop()
        found += amount.inside()
        for name in set(amount.names()) - seen:
            seen.add(name)
            figure = rulebook.figures.get(name)
            definition = figure.amount.on(day) if figure and figure.amount else None
            todo += [definition] if definition else []
    return found


def status(layer: Layer, rulebook: Rulebook, day: date) -> Status:
    """The weakest status of the layer's citation and of the values and figures in force."""
    amounts = _read_by(layer, rulebook, day)
    figures = [rulebook.figures.get(name) for amount in amounts for name in amount.names()]
    cites = [amount.cite for amount in amounts] + [figure.cite for figure in figures if figure]
    own: Status = layer.cite.citation.status if layer.cite else "unverified"
    statuses = [own, *(cite.citation.status for cite in cites if cite)]
    return max([*statuses, rulebook.status or own], key=STATUSES.index)
