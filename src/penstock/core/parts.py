"""One part of a tranche: the weights of its payers, and the balances that limit each of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from math import floor, lcm

from penstock.core.amounts import CALLED, OWED, Amount, Window
from penstock.core.circumstances import Circumstances, NotKnown, facts_of, holds, number
from penstock.core.history import Purse, Spot
from penstock.core.rulebook import CHAIN, Cap, Layer
from penstock.core.scenario import HOUSE
from penstock.core.terms import evaluate, limit_on, own_date, purses, reads_capacity, used_up
from penstock.core.waterfall import NO_PAYERS, UNKNOWN_REACHED, Balance, Capacities, Label, Part
from penstock.core.windows import Frame, frame


@dataclass(frozen=True, slots=True)
class Slot:
    """Which layer a part pours, in which segment and round of it."""

    layer: Layer
    segment: str = ""
    round: int = 1


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit that counts several events, or several layers: a layer's own window, or a cap."""

    name: str
    layers: tuple[str, ...]
    amount: Amount | None
    window: Window | None
    cap: Cap | None = None
    segment: str = ""

    @property
    def by_payer(self) -> bool:
        """Whether its window opens at a date of each payer's own."""
        return self.window is not None and self.window.starts not in ("at_declaration", "at_notice")


@dataclass(slots=True)
class PartBinder:
    """Builds parts and gathers the balances that they name.

    ``profits`` by label are owed to the defaulters; ``house`` is the source that serves the house first,
    then its clients: a house profit adds to it. ``passed_over``: layers whose turn does not come again yet.
    """

    known: Circumstances
    profits: Mapping[Label, int]
    house: str | None
    passed_over: frozenset[Spot]
    caps: tuple[Cap, ...]
    balances: dict[Balance, int] = field(default_factory=dict)

    def part(self, slot: Slot, payers: tuple[str, ...], account: str = HOUSE) -> Part:
        """The part of these payers; ``account`` is the defaulter's, or the defaulter itself behind it."""
        layer = slot.layer
        if (layer.id, slot.segment) in self.passed_over:
            return Part(layer.id, (), (), (), slot.segment)
        if layer.payer == "members" and not self.known.survivors():
            return Part(layer.id, (), (), (), stop=(NO_PAYERS, "every member is in default"))
        part = Part(layer.id, payers, (), (), slot.segment)
        try:
            part = self._with_purses(part, slot, account)
            part = self._with_limits(part, slot, account)
            part = self._with_bounds(part, slot, account)
            part = self._with_ability(part, layer)
            part = self._with_together(part, slot)
            return replace(part, weights=self._weights(layer, payers))
        except NotKnown as unknown:
            return Part(layer.id, (), (), (), slot.segment, stop=(UNKNOWN_REACHED, str(unknown)))

    def _balance(self, key: Balance, amount: int) -> Balance:
        self.balances.setdefault(key, max(0, amount))
        return key

    def _with_purses(self, part: Part, slot: Slot, account: str) -> Part:
        """The purse of each payer; its pool of purses where it has several."""
        layer = slot.layer
        if layer.called:
            return part
        found = [purses(layer, payer, self.known, account) for payer in part.payers]
        if not found or any(held is None for held in found):
            return part
        keys: list[tuple[Purse, ...]] = []
        for payer, held in zip(part.payers, found, strict=True):
            for purse, amount in (held or {}).items():
                self._balance(purse, amount + self._profit(layer, payer, account, purse))
            keys.append(tuple(held or {}))
        if all(len(purses) == 1 for purses in keys):
            return replace(part, draws=(*part.draws, tuple(purses[0] for purses in keys)))
        return replace(part, pools=tuple(enumerate(keys)))

    def _profit(self, layer: Layer, payer: str, account: str, purse: Purse) -> int:
        """What is owed to the defaulter on its house account stands in the purse that serves the house."""
        if layer.payer != "defaulter" or layer.source != self.house or account != HOUSE:
            return 0
        if layer.account == "omnibus":
            return 0
        return sum(
            amount
            for label, amount in self.profits.items()
            if label[:2] == (payer, HOUSE) and purse.segment in ("", label[2])
        )

    def _with_limits(self, part: Part, slot: Slot, account: str) -> Part:
        """What is left of each payer's limit; parties behind different defaulters are different people."""
        whose = account if slot.layer.payer in CHAIN else ""
        amount = limit_on(slot.layer, self.known)
        if amount is None:
            return part
        known = replace(self.known, opens=self._opens(slot.layer, ""))
        column: list[Balance] = []
        sized = list(part.sized)
        for payer in part.payers:
            key = ("limit", slot.layer.id, payer, whose, slot.segment, slot.round)
            used = 0 if whose else used_up(slot.layer, payer, known, slot.round)
            column.append(key)
            if reads_capacity(amount, known):
                sized.append((key, Sized(amount, payer, known, used)))
            else:
                own = replace(known, opens=self._opens(slot.layer, payer)) if amount.measured else known
                self._balance(key, floor(evaluate(amount, payer, own)) - used)
        return replace(part, draws=(*part.draws, tuple(column)), sized=tuple(sized))

    def _opens(self, layer: Layer, payer: str) -> date | None:
        window = layer.window.on(self.known.day) if layer.window else None
        found = self._frame(window, payer) if window else None
        return found.opens if found else None

    def _frame(self, window: Window | None, payer: str) -> Frame | None:
        known = self.known
        start = None
        if window and window.starts not in ("at_declaration", "at_notice"):
            start = own_date(window.starts, payer, known)
        return frame(window, known.history.events, known.at, known.notice, known.calendar, start)

    def _bounds(self, layer: Layer) -> Iterator[Bound]:
        """The layer's own window where it limits, and every cap that counts the layer."""
        day = self.known.day
        window = layer.window.on(day) if layer.window else None
        limit = limit_on(layer, self.known)
        if window and limit and layer.source != "gains" and window.amount is None and window.times is None:
            if not reads_capacity(limit, self.known):
                window = replace(window, amount=limit)  # it says no other
        if window and (window.amount or window.times):
            place = "" if layer.segment == "each" else layer.segment or ""
            yield Bound(layer.id, (layer.id,), window.amount, window, segment=place)
        for cap in self.caps:
            if layer.id in cap.on:
                own = cap.window.on(day) if cap.window else None
                yield Bound(cap.id, cap.on, cap.limit.on(day), own, cap)
                if own and own.amount:
                    yield Bound(f"{cap.id} in its window", cap.on, own.amount, own, cap)

    def _with_bounds(self, part: Part, slot: Slot, account: str) -> Part:
        """What its windows and caps, which are read for all segments, leave to each payer."""
        known, also = replace(self.known, segment=""), list(part.also)
        whose = account if slot.layer.payer in CHAIN else ""
        for bound in self._bounds(slot.layer):
            shared = None if bound.by_payer else self._frame(bound.window, "")
            where = (bound.cap.where.on(known.day) if bound.cap and bound.cap.where else None) or {}
            for i, payer in enumerate(part.payers):
                facts = facts_of(payer, known, where) if payer in known.members else {}
                if not holds(where, facts):
                    continue
                around = shared or self._frame(bound.window, payer)
                if around:
                    also += [(i, key) for key in self._left_of(bound, payer, around, whose)]
        return replace(part, also=tuple(also))

    def _left_of(self, bound: Bound, payer: str, around: Frame, whose: str) -> Iterator[Balance]:
        """The balances that the bound leaves the payer: nothing once it was used so many times.

        Parties behind different defaulters (``whose``) are different people, and have paid nothing yet.
        """
        key = ("cap", bound.name, payer, whose)
        times = bound.window.times if bound.window else None
        if times and sum(event.used(bound.layers) for event in around.events) >= times:
            yield self._balance((*key, "times"), 0)
        if bound.amount is None:
            return
        if key not in self.balances:
            spent = 0 if whose else sum(event.paid(bound.layers, payer) for event in around.events)
            if bound.cap and bound.window:
                spent += self.known.history.counted(bound.cap.id, payer, around.opens)
            inside = replace(self.known, opens=around.opens, segment=bound.segment)
            self._balance(key, floor(evaluate(bound.amount, payer, inside)) - spent)
        yield key

    def _with_ability(self, part: Part, layer: Layer) -> Part:
        """What a member is able to pay of all that is called from it, where that is known.

        What it paid before anybody asked counts as well.
        """
        known = self.known
        if not layer.called:
            return part
        found: list[tuple[int, Balance]] = []
        for i, payer in enumerate(part.payers):
            member = known.members.get(payer)
            able = member.fields.get("able_to_pay") if member else None
            if able is not None:
                stands = int(number(able, known.today, f"able_to_pay of {payer}"))
                key = self._balance(("able_to_pay", payer), stands - known.history.called_from(payer))
                found.append((i, key))
        if layer.call and layer.call.unpaid == "uncovered":
            return replace(part, able=tuple(found))
        return replace(part, also=(*part.also, *found))

    def _with_together(self, part: Part, slot: Slot) -> Part:
        layer = slot.layer
        amount = layer.together.on(self.known.day) if layer.together else None
        if amount is None:
            return part
        key = ("together", layer.id, slot.segment)
        party = "" if layer.payer in ("members", "defaulter") else str(layer.payer)
        held = layer.source not in (*CALLED, *OWED)
        used = self.known.history.of_layer(layer.id, slot.segment) if held else 0
        known = replace(self.known, opens=self._opens(layer, ""))
        sized = part.sized
        if reads_capacity(amount, known):
            sized = (*sized, (key, Sized(amount, party, known, used)))
        else:
            self._balance(key, floor(evaluate(amount, party, known)) - used)
        return replace(part, together=(key,), sized=sized)

    def _weights(self, layer: Layer, payers: tuple[str, ...]) -> tuple[int, ...] | None:
        share = layer.share.on(self.known.day) if layer.share else None
        if share == "size":
            return None
        if share == "equal" or layer.payer != "members":
            return (1,) * len(payers)
        assert isinstance(share, Amount)
        return whole([evaluate(share, payer, self.known) for payer in payers])


@dataclass(frozen=True, slots=True)
class Sized:
    """A limit that depends on what an earlier layer can give, less what was used of it."""

    amount: Amount
    payer: str
    known: Circumstances
    used: int

    def __call__(self, capacities: Capacities) -> int | None:
        try:
            known = replace(self.known, capacities=capacities)
            whole = floor(evaluate(self.amount, self.payer, known))
        except NotKnown:
            return None
        return max(0, whole - self.used)


def whole(weights: Sequence[Fraction]) -> tuple[int, ...]:
    """The weights times their common denominator."""
    scale = lcm(*(weight.denominator for weight in weights)) if weights else 1
    return tuple(int(weight * scale) for weight in weights)
