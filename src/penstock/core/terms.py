"""Amounts read on circumstances and history, as exact fractions; what stands in purses and under limits.

A name is looked up as a field of the payer, a figure, a total over the members, a layer, in this
order. What nobody has said raises ``NotKnown``; it is never zero.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from math import floor

from penstock.core.amounts import CALLED, OWED, Amount
from penstock.core.circumstances import Circumstances, NotKnown, facts_of, holds, number, owed
from penstock.core.history import Purse
from penstock.core.rulebook import CHAIN, Layer
from penstock.core.scenario import HOUSE, Field, Member


def evaluate(amount: Amount, payer: str, known: Circumstances) -> Fraction:
    """The amount for this payer, in minor units (or as a number where its names are numbers)."""
    if amount.measured:
        known = known.as_of(_moment(amount.measured, payer, known))
    if amount.amount is not None:
        value = Fraction(amount.amount)
    elif amount.of:
        value = sum((lookup(name, payer, known) for name in amount.of), Fraction(0))
    elif amount.matching:
        value = _matched(amount.matching, known)
    elif amount.greatest:
        value = max(evaluate(inner, payer, known) for inner in amount.greatest)
    else:
        value = min(evaluate(inner, payer, known) for inner in amount.least)
    if isinstance(amount.multiple, Fraction):
        value *= amount.multiple
    elif amount.multiple is not None:
        value *= lookup(amount.multiple, payer, known)
    value -= sum((evaluate(inner, payer, known) for inner in amount.less), Fraction(0))
    value = max(value, Fraction(0))
    if amount.most is not None:
        value = min(value, Fraction(amount.most))
    return value * _part_of(amount.apportioned, payer, known) if amount.apportioned else value


def _moment(measured: str, payer: str, known: Circumstances) -> date:
    """The day that ``measured`` means for this payer."""
    if measured in ("at_declaration", "at_call"):
        return known.at.date()
    if measured == "at_notice":
        return known.notice
    if measured == "at_window_start":
        return known.opens or known.at.date()
    day = own_date(measured, payer, known)
    if day is None:
        raise NotKnown(f"{measured.removeprefix('at_')} of {payer} is not given")
    return day


def own_date(moment: str, payer: str, known: Circumstances) -> date | None:
    """The payer's own day for ``at_`` and a date field; None where it has none."""
    member = known.members.get(payer)
    field = member.fields.get(moment.removeprefix("at_")) if member else None
    stated = field.on(known.at.date()) if field else None
    return stated.value if stated and isinstance(stated.value, date) else None


def _matched(layer: str, known: Circumstances) -> Fraction:
    place = (layer, known.segment)
    capacity = known.capacities.get(place, known.capacities.get((layer, "")))
    if capacity is None:
        raise NotKnown(f"what layer {layer} can give is not known")
    return Fraction(capacity)


def _part_of(name: str, payer: str, known: Circumstances) -> Fraction:
    """This segment's part of a figure that is told by segment."""
    here = lookup(name, payer, known)
    parts = [lookup(name, payer, replace(known, segment=one)) for one in known.rulebook.segments]
    total = sum(parts, Fraction(0))
    return Fraction(here, total) if total else Fraction(0)


def lookup(name: str, payer: str, known: Circumstances) -> Fraction:
    """What ``name`` means for this payer."""
    figure = known.rulebook.figures.get(name)
    if payer in known.members:
        if name in known.kinds:
            return _of_member(known.members[payer], name, known)
    elif _is_source_of(name, payer, known):
        field = known.parties.get(payer, {}).get(name)
        return _figure(field, Purse(payer, name), f"{name} of {payer}", known)
    if figure and figure.amount:
        definition = figure.amount.on(known.day)
        if definition is None:
            raise NotKnown(f"figure {name} on {known.day}")
        return evaluate(definition, payer, known)
    if figure and figure.given == "ccp":
        return number(known.figures.get(name), known.today, f"figure {name}", known.segment)
    if name in known.kinds:
        return sum((_of_member(m, name, known) for m in known.members.values()), Fraction(0))
    if name in known.layers:
        return Fraction(standing(known.layers[name], known))
    raise NotKnown(f"{name} for {payer}")


def _of_member(member: Member, name: str, known: Circumstances) -> Fraction:
    field = member.fields.get(name)
    if name in OWED:
        return Fraction(sum(owed(field, f"{name} of {member.id}", known).values()))
    return _figure(field, Purse(member.id, name, HOUSE), f"{name} of {member.id}", known)


def _figure(field: Field | None, purse: Purse, what: str, known: Circumstances) -> Fraction:
    """A figure: what was given, and what was paid in beyond what had been used; use never lowers it."""
    paid_in = [
        one
        for one in known.history.purses(purse.payer, purse.source, purse.account)
        if not known.segment or one.segment in ("", known.segment)
    ]
    more = sum(known.history.growth(one) for one in paid_in)
    if field is None and (more or purse.source in known.rulebook.begin_empty()):
        return Fraction(more)
    return number(field, known.today, what, known.segment) + more


def _is_source_of(name: str, party: str, known: Circumstances) -> bool:
    named = any(x.payer == party and x.source == name for x, _ in known.rulebook.all_layers())
    return named and name not in known.layers


# --- purses and limits: what a payer can give in a layer --------------------------------------------


def purses(layer: Layer, payer: str, known: Circumstances, account: str = HOUSE) -> dict[Purse, int] | None:
    """The purses that the payer's payments in this layer come out of, and what is in each.

    None: the layer's limit is all there is. Where a segment is read, those of that segment; else of all.
    ``account`` is the defaulter's account, or, behind a defaulter, that defaulter. Raises NotKnown.
    """
    assert layer.source
    assert not layer.called
    name: str = layer.source
    if name in OWED:
        return _owed(name, known.members[payer], known, daily=layer.base == "daily")
    if payer in known.members:
        member = known.members[payer]
        if layer.account == "omnibus":
            found: dict[Purse, int] = {}
            for client in sorted(set(member.accounts) - {HOUSE}):
                field = member.accounts[client].get(name)
                found |= _standing_in(Purse(payer, name, client), field, f"{name} of {payer}", known)
            return found
        field = member.accounts.get(account, {}).get(name) if layer.account else None
        if field is None and account == HOUSE:
            field = member.fields.get(name)
    else:
        account = account if layer.payer in CHAIN else ""
        held: Mapping[str, Field] = known.parties.get(payer, {})
        name = layer.id if layer.id in held else name
        field = held.get(name)
        if field is None and not known.history.purses(payer, name, account):
            if layer.limit is None or layer.payer in CHAIN:
                raise NotKnown(f"{layer.source} of {payer} is not given")
            return None
    return _standing_in(Purse(payer, name, account), field, f"{name} of {payer}", known)


def _standing_in(purse: Purse, field: Field | None, what: str, known: Circumstances) -> dict[Purse, int]:
    """What stands in the purse, segment by segment: given, less what was drawn, plus what was paid in."""
    went = known.history.purses(purse.payer, purse.source, purse.account)
    stands: dict[str, Fraction] = {}
    if field and field.by == "segment":
        for one in (known.segment,) if known.segment else field.values:
            stands[one] = number(field, known.today, what, one)
    elif field or not (went or purse.source in known.rulebook.begin_empty()):
        if known.segment and field and purse.payer in known.members:
            raise NotKnown(f"{what} is not told by segment")
        stands[""] = number(field, known.today, what)
    for other in went:
        if not known.segment or other.segment in ("", known.segment):
            stands.setdefault(other.segment, Fraction(0))
    places = {purse._replace(segment=segment): floor(amount) for segment, amount in stands.items()}
    return {place: amount + known.history.change(place) for place, amount in places.items()}


def _owed(name: str, member: Member, known: Circumstances, daily: bool) -> dict[Purse, int]:
    """What the clearing house owes the member and has not kept back yet.

    A figure given anew is new money; under a daily base each day's is its own.
    """
    field = member.fields.get(name)
    amounts = owed(field, f"{name} of {member.id}", known)
    if known.segment and "" in amounts:
        raise NotKnown(f"{name} of {member.id} is not told by segment")
    part = str(field.since if field else 0)
    if daily and known.span:
        part += f" {known.span[0]}"
    places = {Purse(member.id, name, HOUSE, one, part): amount for one, amount in amounts.items()}
    return {place: amount + known.history.change(place) for place, amount in places.items()}


def reads_capacity(amount: Amount, known: Circumstances) -> bool:
    """Whether the amount matches what another layer can give, itself or by way of a figure."""
    todo, seen = [amount], set[str]()
    while todo:
        for inner in todo.pop().inside():
            if inner.matching:
                return True
            for name in set(inner.names()) - seen:
                seen.add(name)
                figure = known.rulebook.figures.get(name)
                definition = figure.amount.on(known.day) if figure and figure.amount else None
                todo += [definition] if definition else []
    return False


def limit_on(layer: Layer, known: Circumstances) -> Amount | None:
    """The layer's limit in force."""
    return layer.limit.on(known.day) if layer.limit else None


def used_up(layer: Layer, payer: str, known: Circumstances, round_: int = 1) -> int:
    """What the payer has used of its limit in the layer: promised and owed money has it anew each time."""
    if layer.source in (*CALLED, *OWED):
        return 0
    return known.history.used_up(layer.id, payer, known.segment, round_)


def standing(layer: Layer, known: Circumstances) -> int:
    """What stands in a layer before this default: this event's defaulters are still members."""
    if layer.segment == "each":
        segments = (known.segment,) if known.segment else known.rulebook.segments
        return sum(_standing(layer, replace(known, segment=one)) for one in segments)
    return _standing(layer, replace(known, segment=layer.segment or ""))


def _standing(layer: Layer, known: Circumstances) -> int:
    payers = [layer.payer or ""]
    if layer.payer == "members":
        where = (layer.where.on(known.day) if layer.where else None) or {}
        payers = [m for m in known.members if m not in known.out]
        payers = [m for m in payers if holds(where, facts_of(m, known, where))]
    elif layer.payer == "defaulter":
        payers = list(known.defaulters)
    amount = limit_on(layer, known)
    total = 0
    for payer in payers:
        here: list[int] = []
        if amount is not None:
            here.append(floor(evaluate(amount, payer, known)) - used_up(layer, payer, known))
        held = None if layer.called else purses(layer, payer, known)
        if held is not None:
            here.append(sum(held.values()))
        total += max(0, min(here))
    return total
