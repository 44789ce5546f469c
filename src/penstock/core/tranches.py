"""From a rulebook to tranches: every peculiarity of a rulebook ends here.

plan(rulebook, day)               the layers in force, in ranks            static
bind(plan, circumstances, losses) tranches and balances for the engine     one event
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm

from penstock.core.amounts import Amount
from penstock.core.plans import Plan, Rank, plan, refuse_what_is_not_built
from penstock.core.problems import Problem, Refused
from penstock.core.rulebook import Layer
from penstock.core.scenario import HOUSE
from penstock.core.terms import Circumstances, NotKnown, evaluate, facts_of, holds, limit, number, purse
from penstock.core.waterfall import NO_PAYERS, UNKNOWN_REACHED, Balance, Label, Part, Tranche

__all__ = ["Bound", "bind", "plan"]


@dataclass(frozen=True, slots=True)
class Bound:
    """An event ready to be poured.

    ``in_force``: the ranks whose ``when`` holds. ``purses``: which purse a payer's payment in a layer
    comes out of.
    """

    in_force: tuple[Rank, ...]
    tranches: tuple[Tranche, ...]
    balances: Mapping[Balance, int]
    purses: Mapping[tuple[str, str], Balance]


def bind(
    plan: Plan,
    known: Circumstances,
    losses: Mapping[Label, int],
    profits: Mapping[Label, int],
    gross: Sequence[str],
) -> Bound:
    """The tranches of this event: resolve first, so that the engine only pours.

    ``profits`` by label are owed to the defaulters. ``gross``: the defaulters whose losses are told
    before their own resources; those of the others are used up already.
    """
    in_force = []
    for rank in plan.ranks:
        chosen = [i for i, layer in enumerate(rank.layers) if holds(layer.when, known.facts)]
        if chosen and holds(rank.when, known.facts):
            split = tuple(rank.split[i] for i in chosen) if rank.split else None
            in_force.append(Rank(tuple(rank.layers[i] for i in chosen), rank.group, split))
    layers = [layer for rank in in_force for layer in rank.layers]
    refuse_what_is_not_built(layers, plan)
    house = next((layer.source for layer in layers if layer.account == "house"), None)
    binder = _Binder(known, tuple(sorted(losses)), profits, tuple(sorted(gross)), house)
    tranches = [tranche for rank in in_force for tranche in binder.tranches(rank)]
    return Bound(tuple(in_force), tuple(tranches), binder.balances, binder.purses)


@dataclass(slots=True)
class _Binder:
    """Builds parts and gathers the balances that they name."""

    known: Circumstances
    labels: tuple[Label, ...]
    profits: Mapping[Label, int]
    gross: tuple[str, ...]
    house: str | None
    """The source that serves the house first, then its clients: a house profit adds to it."""
    balances: dict[Balance, int] = field(default_factory=dict)
    purses: dict[tuple[str, str], Balance] = field(default_factory=dict)

    def tranches(self, rank: Rank) -> list[Tranche]:
        """The tranches of one rank: per set of labels, the parts that meet them."""
        met: dict[tuple[Label, ...], list[tuple[int, Part]]] = {}
        found: list[Tranche] = []
        for i, layer in enumerate(rank.layers):
            for labels, part in self.parts(layer):
                if len(rank.layers) == 1:
                    found.append(Tranche(labels, (part,), rank=layer.id))
                else:
                    met.setdefault(labels, []).append((i, part))
        for labels, parts in met.items():
            split = None if rank.split is None else _whole([rank.split[i] for i, _ in parts])
            found.append(Tranche(labels, tuple(part for _, part in parts), split, str(rank.group)))
        return found

    def parts(self, layer: Layer) -> Iterator[tuple[tuple[Label, ...], Part]]:
        """The parts of one layer, each with the labels it meets."""
        if layer.payer == "defaulter":
            yield from self._of_defaulters(layer)
        elif layer.payer == "members":
            yield from ((self.labels, part) for part in self._of_members(layer))
        else:
            yield self.labels, self._part(layer, (str(layer.payer),))

    def _of_defaulters(self, layer: Layer) -> Iterator[tuple[tuple[Label, ...], Part]]:
        where = (layer.where.on(self.known.day) if layer.where else None) or {}
        for member in self.gross:
            # Also where the layer does not ask this defaulter: its purses still have a surplus.
            found = list(self._of_accounts(layer, member))
            if holds(where, facts_of(member, self.known, where)):
                yield from found

    def _of_accounts(self, layer: Layer, member: str) -> Iterator[tuple[tuple[Label, ...], Part]]:
        """The defaulter's parts in this layer: one, one a client, or the house twice."""
        own = tuple(label for label in self.labels if label[0] == member)
        clients = tuple(label for label in own if label[1] != HOUSE)
        if layer.account is None:
            yield own, self._part(layer, (member,))
        elif layer.account == "client":
            accounts = set(self.known.members[member].accounts) | {label[1] for label in clients}
            for account in sorted(accounts - {HOUSE}):
                labels = tuple(label for label in clients if label[1] == account)
                yield labels, self._part(layer, (member,), account)
        else:
            part = self._part(layer, (member,))
            yield tuple(label for label in own if label[1] == HOUSE), part
            yield clients, part

    def _of_members(self, layer: Layer) -> list[Part]:
        """A part a class; what nobody knows of one class, or shares in none, stops the whole layer."""
        parts = [self._part(layer, payers) for payers in self._classes(layer)]
        stop = next((part.stop for part in parts if part.stop), None)
        if stop:
            return [Part(layer.id, (), (), (), stop=stop)]
        if any(part.payers for part in parts) and not any(any(p.weights or (1,)) for p in parts if p.payers):
            return [replace(part, stop=(NO_PAYERS, "every payer's share is zero")) for part in parts]
        return parts

    def _classes(self, layer: Layer) -> Iterator[tuple[str, ...]]:
        """The members who pay, class after class."""
        known = self.known
        where = (layer.where.on(known.day) if layer.where else None) or {}
        payers = [m for m in known.survivors() if holds(where, facts_of(m, known, where))]
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

    def _has_money(self, layer: Layer, member: str) -> bool:
        try:
            held = None if layer.called else purse(layer, member, self.known)
        except NotKnown:
            return True
        return held is None or held[1] > 0

    def _part(self, layer: Layer, payers: tuple[str, ...], account: str = HOUSE) -> Part:
        """One part: weights, and the balances that limit each payer."""
        known = self.known
        if layer.payer == "members" and not known.survivors():
            return Part(layer.id, (), (), (), stop=(NO_PAYERS, "every member is in default"))
        try:
            draws = [self._draws(layer, payer, account) for payer in payers]
            able = [(i, key) for i, payer in enumerate(payers) if (key := self._able(layer, payer))]
            weights = self._weights(layer, payers)
            together = self._together(layer)
        except NotKnown as unknown:
            return Part(layer.id, (), (), (), stop=(UNKNOWN_REACHED, str(unknown)))
        columns = tuple(zip(*draws, strict=True)) if draws else ((),)
        return Part(layer.id, payers, weights, columns, tuple(able), together)

    def _draws(self, layer: Layer, payer: str, account: str) -> tuple[Balance, ...]:
        """The payer's purse and its limit, as far as the layer has them for every payer."""
        known, keys = self.known, []
        held = None if layer.called else purse(layer, payer, known, account)
        if held:
            keys.append(self._balance(held[0], held[1] + self._profit(layer, payer, account)))
            self.purses[layer.id, payer] = held[0]
        most = limit(layer, payer, known)
        if most is not None:
            keys.append(self._balance(("limit", layer.id, payer), most))
        return tuple(keys)

    def _able(self, layer: Layer, payer: str) -> Balance | None:
        """What a member is able to pay of all that is called from it, where that is known.

        What it paid before anybody asked counts as well.
        """
        known = self.known
        if not layer.called or payer not in known.members:
            return None
        key: Balance = ("able_to_pay", payer)
        self.purses[layer.id, payer] = key
        able = known.members[payer].fields.get("able_to_pay")
        if able is None:
            return None
        stands = int(number(able, known.today, f"able_to_pay of {payer}"))
        return self._balance(key, stands - known.history.of_purse(key))

    def _balance(self, key: Balance, amount: int) -> Balance:
        self.balances.setdefault(key, max(0, amount))
        return key

    def _profit(self, layer: Layer, payer: str, account: str) -> int:
        if layer.payer != "defaulter" or layer.source != self.house or account != HOUSE:
            return 0
        return sum(amount for label, amount in self.profits.items() if label[:2] == (payer, HOUSE))

    def _weights(self, layer: Layer, payers: tuple[str, ...]) -> tuple[int, ...] | None:
        share = layer.share.on(self.known.day) if layer.share else None
        if share == "size":
            return None
        if share == "equal" or layer.payer != "members":
            return (1,) * len(payers)
        assert isinstance(share, Amount)
        return _whole([evaluate(share, payer, self.known) for payer in payers])

    def _together(self, layer: Layer) -> tuple[Balance, ...]:
        amount = layer.together.on(self.known.day) if layer.together else None
        if amount is None:
            return ()
        party = "" if layer.payer in ("members", "defaulter") else str(layer.payer)
        most = int(evaluate(amount, party, self.known))
        used = 0 if layer.called else self.known.history.of_layer(layer.id)
        return (self._balance(("together", layer.id), most - used),)


def _whole(weights: Sequence[Fraction]) -> tuple[int, ...]:
    """The weights times their common denominator."""
    scale = lcm(*(weight.denominator for weight in weights)) if weights else 1
    return tuple(int(weight * scale) for weight in weights)
