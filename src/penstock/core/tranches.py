"""From a rulebook to tranches: every peculiarity of a rulebook ends here.

plan(rulebook, day)               the layers in force, in ranks            static
bind(plan, circumstances, losses) tranches and balances for the engine     one event
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from penstock.core.amounts import OWED
from penstock.core.business_days import moved
from penstock.core.circumstances import Circumstances, NotKnown, facts_of, holds, number
from penstock.core.history import Spot
from penstock.core.parts import PartBinder, Slot, whole
from penstock.core.plans import Plan, Rank, caps_on, plan
from penstock.core.problems import Problem, Refused
from penstock.core.rulebook import CHAIN, Layer
from penstock.core.scenario import HOUSE, Fields
from penstock.core.terms import purses
from penstock.core.waterfall import NO_PAYERS, Balance, Label, Part, Tranche

__all__ = ["Bound", "bind", "plan"]


@dataclass(frozen=True, slots=True)
class Bound:
    """An event ready to be poured.

    ``in_force``: the ranks whose ``when`` holds. ``slots``: for each part, tranche by tranche, what it
    is of the rulebook.
    """

    in_force: tuple[Rank, ...]
    tranches: tuple[Tranche, ...]
    balances: Mapping[Balance, int]
    slots: tuple[Slot, ...]


Chains = Mapping[str, Mapping[str, Fields]]
"""What the parties behind each defaulter hold: defaulter -> role -> fields."""


def bind(
    plan: Plan,
    known: Circumstances,
    losses: Mapping[Label, int],
    profits: Mapping[Label, int],
    gross: Sequence[str],
    chains: Chains | None = None,
    passed_over: frozenset[Spot] = frozenset(),
) -> Bound:
    """The tranches of this event: resolve first, so that the engine only pours.

    ``profits`` by label are owed to the defaulters. ``gross``: the defaulters whose losses are told
    before their own resources; those of the others are used up already. ``chains``: what parties behind
    a defaulter hold. ``passed_over``: layers whose turn does not come again yet.
    """
    in_force = []
    for rank in plan.ranks:
        chosen = [i for i, layer in enumerate(rank.layers) if holds(layer.when, known.facts)]
        if chosen and holds(rank.when, known.facts):
            split = tuple(rank.split[i] for i in chosen) if rank.split else None
            in_force.append(Rank(tuple(rank.layers[i] for i in chosen), rank.group, split))
    layers = [layer for rank in in_force for layer in rank.layers]
    house = next((layer.source for layer in layers if layer.account == "house"), None)
    balances: dict[Balance, int] = {}
    caps = caps_on(plan.rulebook, plan.day)
    parts = PartBinder(known, profits, house, passed_over, caps, balances)
    binder = _Layout(parts, tuple(sorted(losses)), tuple(sorted(gross)), chains or {})
    found = [pair for rank in in_force for pair in binder.tranches(rank)]
    slots = tuple(slot for _, slots in found for slot in slots)
    return Bound(tuple(in_force), tuple(tranche for tranche, _ in found), balances, slots)


Placed = tuple[tuple[Label, ...], Slot, Part]
"""A part of a layer, what it is of it, and the labels that it meets."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Lays the parts of layers out as tranches: whose losses each meets, and in which order."""

    binder: PartBinder
    labels: tuple[Label, ...]
    gross: tuple[str, ...]
    chains: Chains

    @property
    def known(self) -> Circumstances:
        return self.binder.known

    def _reading(self, **words: Any) -> "_Layout":
        """The same, with other words of what is being read: a segment, days, parties."""
        return replace(self, binder=replace(self.binder, known=replace(self.known, **words)))

    def tranches(self, rank: Rank) -> Iterator[tuple[Tranche, list[Slot]]]:
        """The tranches of one rank: per set of labels, the parts that meet them."""
        met: dict[tuple[Label, ...] | str, list[tuple[int, Slot, Part]]] = {}
        labels_of: dict[tuple[Label, ...] | str, tuple[Label, ...]] = {}
        for i, layer in enumerate(rank.layers):
            for labels, slot, part in self.parts(layer):
                if len(rank.layers) == 1:
                    yield Tranche(labels, (part,), rank=layer.id), [slot]
                else:
                    key = labels or slot.segment
                    labels_of[key] = labels
                    met.setdefault(key, []).append((i, slot, part))
        for key, parts in met.items():
            split = None if rank.split is None else whole([rank.split[i] for i, _, _ in parts])
            tranche = Tranche(labels_of[key], tuple(part for _, _, part in parts), split, str(rank.group))
            yield tranche, [slot for _, slot, _ in parts]

    def parts(self, layer: Layer) -> Iterator[Placed]:
        """The parts of one layer: a segment after another, in it a round, a class, a day after another."""
        each = layer.segment == "each"
        for segment in self.known.rulebook.segments if each else (layer.segment or "",):
            labels = tuple(label for label in self.labels if not segment or label[2] == segment)
            inside = replace(self._reading(segment=segment), labels=labels)
            yield from inside._in_segment(layer, segment)

    def _in_segment(self, layer: Layer, segment: str) -> Iterator[Placed]:
        slot = Slot(layer, segment)
        if layer.action:
            yield self.labels, slot, Part(layer.id, (), (), (), ends=True)
        elif layer.payer == "defaulter":
            yield from ((labels, slot, part) for labels, part in self._of_defaulters(layer))
        elif layer.payer in CHAIN:
            for member in self.gross:
                held = {
                    **self.known.parties,
                    str(layer.payer): self.chains.get(member, {}).get(layer.payer, {}),
                }
                own = tuple(label for label in self.labels if label[0] == member)
                yield own, slot, self._reading(parties=held).binder.part(slot, (str(layer.payer),), member)
        elif layer.payer == "members":
            yield from ((self.labels, in_round, part) for in_round, part in self._of_members(slot))
        else:
            for round_ in range(1, (layer.rounds or 1) + 1):
                in_round = replace(slot, round=round_)
                yield self.labels, in_round, self.binder.part(in_round, (str(layer.payer),))

    def _of_defaulters(self, layer: Layer) -> Iterator[tuple[tuple[Label, ...], Part]]:
        where = (layer.where.on(self.known.day) if layer.where else None) or {}
        for member in self.gross:
            # Also where the layer does not ask this defaulter: its purses still have a surplus.
            found = list(self._of_accounts(layer, member))
            if holds(where, facts_of(member, self.known, where)):
                yield from found

    def _of_accounts(self, layer: Layer, member: str) -> Iterator[tuple[tuple[Label, ...], Part]]:
        """The defaulter's parts here: one, one a client, all clients' together, or the house twice."""
        slot = Slot(layer, self.known.segment)
        own = tuple(label for label in self.labels if label[0] == member)
        clients = tuple(label for label in own if label[1] != HOUSE)
        if layer.account is None:
            yield own, self.binder.part(slot, (member,))
        elif layer.account == "omnibus":
            yield clients, self.binder.part(slot, (member,))
        elif layer.account == "client":
            accounts = set(self.known.members[member].accounts) | {label[1] for label in clients}
            for account in sorted(accounts - {HOUSE}):
                labels = tuple(label for label in clients if label[1] == account)
                yield labels, self.binder.part(slot, (member,), account)
        else:
            part = self.binder.part(slot, (member,))
            yield tuple(label for label in own if label[1] == HOUSE), part
            yield clients, part

    def _of_members(self, slot: Slot) -> list[tuple[Slot, Part]]:
        """A part a round, class and day; what nobody knows of one, or shares in none, stops them all."""
        layer = slot.layer
        placed: list[tuple[Slot, Part]] = []
        for round_ in range(1, (layer.rounds or 1) + 1):
            in_round = replace(slot, round=round_)
            for payers in self._classes(in_round):
                for span in self._spans(layer, payers):
                    placed.append((in_round, self._reading(span=span).binder.part(in_round, payers)))
        parts = [part for _, part in placed]
        stop = next((part.stop for part in parts if part.stop), None)
        if stop:
            return [(slot, Part(layer.id, (), (), (), slot.segment, stop=stop))]
        if any(part.payers for part in parts) and not any(any(p.weights or (1,)) for p in parts if p.payers):
            none = (NO_PAYERS, "every payer's share is zero")
            return [(one, replace(part, stop=none) if part.payers else part) for one, part in placed]
        return placed

    def _spans(self, layer: Layer, payers: tuple[str, ...]) -> list[tuple[date, date] | None]:
        """The days whose gains count: all together, or under a daily base each by itself."""
        if layer.source not in OWED:
            return [None]
        known, today, last = self.known, self.known.at.date(), date.max
        window = layer.window.on(known.day) if layer.window else None
        if window and window.length and window.amount is None and window.times is None:
            last = moved(today, window.length, known.calendar)
        if layer.base != "daily":
            return [(today, last)]
        days: set[date] = set()
        for payer in payers:
            told = known.members[payer].fields.get(layer.source)
            if told and told.by == "day":
                days |= {date.fromisoformat(day) for day in told.values}
        return [(day, day) for day in sorted(days) if today <= day <= last] or [(today, last)]

    def _classes(self, slot: Slot) -> Iterator[tuple[str, ...]]:
        """The members who pay, class after class."""
        known, layer = self.known, slot.layer
        where = (layer.where.on(known.day) if layer.where else None) or {}
        payers = [m for m in known.survivors() if holds(where, facts_of(m, known, where))]
        if slot.round > 1:
            payers = [m for m in payers if not self._withdrew_before(m, slot.round)]
        order = layer.order.on(known.day) if layer.order else None
        if order is None:
            yield tuple(payers)
            return
        name, classes = order
        asked = {name: tuple(value for one in classes for value in one)}
        values = {m: next(iter(facts_of(m, known, asked)[name])) for m in payers}
        for member, value in values.items():
            if not any(value in wanted for wanted in classes) and self._has_money(layer, member):
                has = "is not given" if value == "false" else f"is {value!r}"
                says = f"layer {layer.id}: {member}'s {name} {has}, which is in no class of its order"
                instead = f"one of {', '.join(v for wanted in classes for v in wanted)} for {member}"
                raise Refused(Problem("SCENARIO_ORDER", ("defaults",), says, instead))
        for wanted in classes:
            yield tuple(m for m in payers if values[m] in wanted)

    def _withdrew_before(self, member: str, round_: int) -> bool:
        told = self.known.members[member].fields.get("withdrew_in_round")
        if told is None:
            return False
        return number(told, self.known.today, f"withdrew_in_round of {member}") < round_

    def _has_money(self, layer: Layer, member: str) -> bool:
        try:
            held = None if layer.called else purses(layer, member, self.known)
        except NotKnown:
            return True
        return held is None or sum(held.values()) > 0
