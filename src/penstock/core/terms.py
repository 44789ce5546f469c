"""Amounts and conditions read on circumstances and history, as exact fractions.

A name is looked up as a field of the payer, a figure, a total over the members, a layer, in this
order. What nobody has said raises ``NotKnown``; it is never zero.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor

from penstock.core.amounts import Amount, Condition
from penstock.core.history import History
from penstock.core.rulebook import Layer, Rulebook
from penstock.core.scenario import HOUSE, Field, Member, Stated
from penstock.core.waterfall import Balance

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")


class NotKnown(Exception):
    """A value that is needed, and that nobody has given or published; the text says which."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything a term can read at one event.

    ``day`` is the day whose rules are read, ``today`` that of the default, whose facts are read.
    ``members`` have taken in what was found out so far; ``out`` are those in default before this
    event, ``defaulters`` those of it. ``facts`` of the default include its decisions under
    ``decided``; ``decided`` says which decisions name a member. ``layers`` are those in force.
    """

    rulebook: Rulebook
    day: date
    today: date
    members: Mapping[str, Member]
    parties: Mapping[str, Mapping[str, Field]]
    figures: Mapping[str, Field]
    out: frozenset[str]
    defaulters: tuple[str, ...]
    facts: Mapping[str, frozenset[str]]
    decided: Mapping[str, frozenset[str]]
    layers: Mapping[str, Layer]
    history: History

    def survivors(self) -> list[str]:
        """Members never in default, in UTF-8 byte order (that of the code points)."""
        return sorted(m for m in self.members if m not in self.out and m not in self.defaulters)


def evaluate(amount: Amount, payer: str, known: Circumstances) -> Fraction:
    """The amount for this payer, in minor units (or as a number where its names are numbers)."""
    if amount.amount is not None:
        value = Fraction(amount.amount)
    elif amount.of:
        value = sum((lookup(name, payer, known) for name in amount.of), Fraction(0))
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
    return value if amount.most is None else min(value, Fraction(amount.most))


def lookup(name: str, payer: str, known: Circumstances) -> Fraction:
    """What ``name`` means for this payer."""
    member_fields = known.rulebook.member_fields()
    figure = known.rulebook.figures.get(name)
    if payer in known.members:
        if name in member_fields:
            return number(known.members[payer].fields.get(name), known.today, f"{name} of {payer}")
    elif _is_source_of(name, payer, known):
        return number(known.parties.get(payer, {}).get(name), known.today, f"{name} of {payer}")
    if figure and figure.amount:
        definition = figure.amount.on(known.day)
        if definition is None:
            raise NotKnown(f"figure {name} on {known.day}")
        return evaluate(definition, payer, known)
    if figure and figure.given == "ccp":
        return number(known.figures.get(name), known.today, f"figure {name}")
    if name in member_fields:
        fields = ((m.id, m.fields.get(name)) for m in known.members.values())
        return sum((number(f, known.today, f"{name} of {m}") for m, f in fields), Fraction(0))
    if name in known.layers:
        return Fraction(standing(known.layers[name], known))
    raise NotKnown(f"{name} for {payer}")


def _is_source_of(name: str, party: str, known: Circumstances) -> bool:
    named = any(x.payer == party and x.source == name for x, _ in known.rulebook.all_layers())
    return named and name not in known.layers


def number(field: Field | None, day: date, what: str) -> Fraction:
    """The number in a field on the day, all its segments together."""
    stated: list[Stated | None] = [field.on(day)] if field else [None]
    if field and field.by == "segment":
        stated = list(field.values.values())
    total = Fraction(0)
    for one in stated:
        if one is None:
            raise NotKnown(f"{what} is not given")
        if one.value is None:
            raise NotKnown(f"{what} is not published" + (f": {one.why}" if one.why else ""))
        assert isinstance(one.value, (int, Fraction)), f"{what} is read as a number"
        total += one.value
    return total


def holds(condition: Condition, facts: Mapping[str, frozenset[str]]) -> bool:
    """Whether every field of the condition has one of the values wanted; a missing one is false."""
    return all(facts.get(name, frozenset(("false",))) & set(wanted) for name, wanted in condition.items())


def facts_of(member: str, known: Circumstances, wanted: Condition) -> dict[str, frozenset[str]]:
    """What ``where`` and ``order`` ask of a member: the values that it has, among those wanted or not."""
    facts: dict[str, frozenset[str]] = {}
    groups = {_word(known.members[d], "group", known) for d in known.defaulters} - {None}
    kinds = known.rulebook.member_fields()
    for name, values in wanted.items():
        if name == "decided":
            found = known.decided.get(member, frozenset())
        elif name == "defaulter_affiliate":
            affiliate = _word(known.members[member], "group", known) in groups
            found = frozenset(("true",)) if affiliate else frozenset()
        elif kinds.get(name) in ("money", "number"):
            found = _equal(known.members[member], name, values, known)
        else:
            word = _word(known.members[member], name, known)
            found = frozenset() if word is None else frozenset((word,))
        facts[name] = found or frozenset(("false",))
    return facts


def _word(member: Member, name: str, known: Circumstances) -> str | None:
    field = member.fields.get(name)
    stated = field.on(known.today) if field else None
    return None if stated is None or stated.value is None else str(stated.value)


def _equal(member: Member, name: str, wanted: tuple[str, ...], known: Circumstances) -> frozenset[str]:
    """Those of the wanted values, as written, that are the member's number or amount."""
    field = member.fields.get(name)
    stated = field.on(known.today) if field else None
    if stated is None or not isinstance(stated.value, (int, Fraction)):
        return frozenset()
    unit = 10**known.rulebook.currency.decimals if isinstance(stated.value, int) else 1
    numbers = {text: Fraction(text) * unit for text in wanted if _NUMBER.fullmatch(text)}
    return frozenset(text for text, value in numbers.items() if value == stated.value)


# --- purses and limits: what a payer can give in a layer --------------------------------------------


def purse(layer: Layer, payer: str, known: Circumstances, account: str = HOUSE) -> tuple[Balance, int] | None:
    """The purse that the payer's payments in this held layer come out of, and what is in it.

    None: the layer's limit is all there is. Raises NotKnown.
    """
    assert layer.source
    assert not layer.called
    name: str = layer.source
    if payer in known.members:
        member = known.members[payer]
        field = member.accounts.get(account, {}).get(name) if layer.account else None
        if field is None and account == HOUSE:
            field = member.fields.get(name)
    else:
        account, held = "", known.parties.get(payer, {})
        name = layer.id if layer.id in held else name
        field = held.get(name)
        if field is None:
            if layer.limit is None:
                raise NotKnown(f"{layer.source} of {payer} is not given")
            return None
    key = ("purse", payer, name, account)
    stands = number(field, known.today, f"{name} of {payer}")
    return key, floor(stands) - known.history.of_purse(key)


def limit(layer: Layer, payer: str, known: Circumstances) -> int | None:
    """What is left of the payer's limit in the layer; None where it has none. Raises NotKnown."""
    amount = layer.limit.on(known.day) if layer.limit else None
    if amount is None:
        return None
    whole = floor(evaluate(amount, payer, known))
    return whole if layer.called else whole - known.history.of_payer(layer.id, payer)


def standing(layer: Layer, known: Circumstances) -> int:
    """What stands in a layer before this default: this event's defaulters are still members."""
    payers = [layer.payer or ""]
    if layer.payer == "members":
        where = (layer.where.on(known.day) if layer.where else None) or {}
        payers = [m for m in known.members if m not in known.out]
        payers = [m for m in payers if holds(where, facts_of(m, known, where))]
    elif layer.payer == "defaulter":
        payers = list(known.defaulters)
    total = 0
    for payer in payers:
        here = [limit(layer, payer, known)]
        if not layer.called:
            held = purse(layer, payer, known)
            here.append(held[1] if held else None)
        total += max(0, min(amount for amount in here if amount is not None))
    return total
