"""Rules in plain words: an amount, a window, a layer, a whole rulebook, each with its citation."""

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import TypeVar

from penstock.core.amounts import Amount, Cite, Condition, Dated, Window
from penstock.core.money import Currency, written
from penstock.core.rulebook import (
    Cap,
    Group,
    Layer,
    Recoveries,
    Replenishment,
    Rulebook,
    SeveralDefaults,
)

T = TypeVar("T")

ORDINALS = (
    "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth",
    "Eleventh", "Twelfth", "Thirteenth", "Fourteenth", "Fifteenth", "Sixteenth",
)  # fmt: skip
PAYERS = {
    "ccp": "the CCP",
    "defaulter": "the defaulter",
    "members": "the members not in default",
    "exchange": "the exchange",
    "insurer": "the insurer",
    "parent": "the parent company",
    "issuer": "the issuer",
    "staff": "the staff",
    "penalty_pool": "the penalty pool",
    "customer": "the defaulting customer",
    "broker": "the defaulting broker",
}
SOURCES = {
    "initial_margin": "initial margin",
    "excess_margin": "excess margin",
    "default_fund": "default fund contribution",
    "own_capital": "own capital",
    "insurance": "insurance",
    "collateral": "collateral",
    "assessment": "assessment (a cash call)",
    "commitment": "commitment (promised money)",
    "gains": "variation margin gains, kept back",
    "payouts": "payouts, kept back",
    "claims": "claims, paid in part at closure",
}


def name(word: str) -> str:
    """A source or a figure as a reader would say it."""
    return SOURCES.get(word, word.replace("_", " "))


def money(minor: int, unit: Currency) -> str:
    """``EUR 57,000,000.00``."""
    return f"{unit} {written(minor, unit, grouped=True)}"


def kind(payer: str | None) -> str:
    """members, ccp, defaulter or other: what a layer's colour means."""
    return payer if payer in {"members", "ccp", "defaulter"} else "other"


def titled(layer: Layer) -> str:
    """The title of a layer, or its id as words."""
    return layer.title or layer.id.replace("_", " ").capitalize()


def number(value: Fraction) -> str:
    """A decimal fraction without trailing zeros, or numerator/denominator."""
    scaled, digits = value, 0
    while scaled.denominator > 1 and digits < 18:
        scaled, digits = scaled * 10, digits + 1
    if scaled.denominator > 1:
        return str(value)
    text = f"{abs(int(scaled)):0{digits + 1}d}"
    sign = "-" if value < 0 else ""
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else sign + text


def percent(part: int, whole: int) -> str:
    """``64.5 %``, rounded half up; never 0.0 for something nor 100.0 for less than all."""
    if not part:
        return "0 %"
    tenths = (2000 * part + whole) // (2 * whole)
    if part < whole:
        tenths = min(tenths, 999)
    return f"{tenths // 10}.{tenths % 10} %" if tenths else "< 0.1 %"


def amount(term: Amount, unit: Currency) -> str:
    """An amount in words."""
    if term.amount is not None:
        text = money(term.amount, unit)
    elif term.of:
        text = " plus ".join(name(n) for n in term.of)
    elif term.matching:
        text = f"as much as {name(term.matching)} can really give"
    elif term.greatest:
        text = "the greatest of " + ", ".join(amount(inner, unit) for inner in term.greatest)
    elif term.least:
        text = "the least of " + ", ".join(amount(inner, unit) for inner in term.least)
    else:
        text = ""
    if isinstance(term.multiple, Fraction):
        text = f"{number(term.multiple)} times {text}" if term.multiple != 1 else f"once {text}"
    elif term.multiple:
        text = f"{name(term.multiple)} times {text}"
    if term.less:
        text += " less " + " and ".join(amount(inner, unit) for inner in term.less) + " (never below zero)"
    if term.most is not None:
        text += f", at most {money(term.most, unit)}"
    if term.apportioned:
        text += f", divided over the segments by {name(term.apportioned)}"
    if term.measured and term.measured != "at_declaration":
        text += f", measured {term.measured.replace('_', ' ')}"
    return text


def window(value: Window, unit: Currency) -> str:
    """A window in words."""
    parts = []
    if value.times is not None:
        parts.append(f"in at most {value.times} default{'s' if value.times > 1 else ''}")
    if value.amount:
        parts.append(f"at most {amount(value.amount, unit)}")
    if value.look_back:
        span = f"in the {value.length} up to the default's day"
    elif value.length:
        span = f"in {value.length}"
    else:
        span = "in all defaults"
    if value.starts != "at_declaration":
        span += f" from {value.starts.removeprefix('at_').replace('_', ' ')}"
    if value.rolling:
        span += ", each further default extending it"
    if value.longest:
        span += f", {value.longest} at the longest"
    if value.ends_early:
        span += ", ended early by a default that uses no members' money"
    return " ".join([*parts, span])


def condition(where: Condition) -> str:
    """A condition in words."""
    parts = []
    for field, values in where.items():
        wanted = " or ".join(value.replace("_", " ") for value in values)
        if field == "decided":
            parts.append(f"{wanted} was decided")
        else:
            parts.append(f"{field.replace('_', ' ')} is {wanted}")
    return " and ".join(parts)


def clause(cite: Cite | None) -> str:
    """``Clearing Rules 6.1(d), verified``; says so where there is none."""
    if cite is None:
        return "no citation"
    citation = cite.citation
    return f"{citation.title}{' ' + cite.clause if cite.clause else ''}, {citation.status}"


def layer_sentence(layer: Layer, group: Group | None, unit: Currency, day: date | None) -> str:
    """Who pays, out of what, shared how, up to what, when."""
    if layer.action:
        text = f"{layer.action.replace('_', ' ')}; no payment"
    else:
        whose = "own " if layer.source and layer.source in ("own_capital",) else ""
        of_what = name(layer.source or "").removeprefix(whose)
        text = f"{PAYERS.get(layer.payer or '', layer.payer)}, out of its {whose}{of_what}"
        if layer.payer == "members":
            text = f"{PAYERS['members']}, each out of its {name(layer.source or '')}"
    if layer.account == "client":
        text += ", the client's own account for its own loss only"
    if layer.account == "omnibus":
        text += ", all client accounts together, for the loss of any client"
    if layer.account == "house":
        text += ", the house account, for the house first and then for clients"
    for where in _now(layer.where, day):
        text += f", only those whose {condition(where)}"
    for share in _now(layer.share, day):
        if share == "equal":
            text += ", in equal parts"
        elif share == "size":
            text += ", in proportion to what each can still give"
        elif isinstance(share, Amount):
            text += f", in proportion to {amount(share, unit)}"
    for field, classes in _now(layer.order, day):
        listed = ", then ".join(" or ".join(values) for values in classes)
        text += f", by {field.replace('_', ' ')}: {listed}"
    limits = list(_now(layer.limit, day))
    each = "each " if layer.payer == "members" else ""
    for limit in limits:
        text += f", {each}up to {amount(limit, unit)}"
    if not limits and not layer.action:
        text += ", as far as it goes"
    for together in _now(layer.together, day):
        text += f", all together up to {amount(together, unit)}"
    for value in _now(layer.window, day):
        text += f"; {window(value, unit)}"
    if layer.rounds:
        text += f"; poured again up to {layer.rounds} times"
    if layer.base:
        text += f"; gains counted {'day by day' if layer.base == 'daily' else 'over the whole period'}"
    if layer.call and layer.call.unpaid == "uncovered":
        text += "; what one does not pay the others do not make good"
    if layer.segment:
        text += f"; segment {layer.segment}"
    when = {**(group.when if group else {}), **layer.when}
    if when:
        text += f"; only when {condition(when)}"
    return text


def _now(dated: Dated[T] | None, day: date | None) -> Iterator[T]:
    """The version in force on the day; the last one where no day is given."""
    if dated:
        found = dated.on(day or date.max)
        if found is not None:
            yield found


def days(item: Layer | Cap | Group) -> str:
    """`` (from 2018-09-14, until 2018-12-12)``, or nothing."""
    parts = [f"from {item.from_}"] if item.from_ else []
    parts += [f"until {item.until}"] if item.until else []
    return f" ({', '.join(parts)})" if parts else ""


def rulebook_sentences(rulebook: Rulebook, day: date | None = None) -> list[tuple[str, str, str]]:
    """The waterfall in order: (rank and title, sentence, citation), on a day or as last written."""
    unit, lines, rank = rulebook.currency, [], 0
    for item in rulebook.layers:
        group = item if isinstance(item, Group) else None
        layers = [
            layer
            for layer in (group.layers if group else (item,))
            if isinstance(layer, Layer) and _counts(layer, group, day)
        ]
        for j, layer in enumerate(layers):
            beside = group is not None and group.split is not None
            rank += 0 if beside and j else 1
            place = ORDINALS[rank - 1] if rank <= len(ORDINALS) else f"{rank}th"
            head = f"{place}{', beside it' if beside and j else ''}: {layer.title or layer.id}"
            sentence = layer_sentence(layer, group, unit, day)
            if group and beside and len(layers) > 1:
                sentence += f"; side by side in {group.group}, {_split(group)}"
            sentence = (
                sentence[:1].upper() + sentence[1:] + days(layer) + (days(group) if group else "") + "."
            )
            notes = [layer.note, group.note if group and not j else ""]
            sentence += "".join(f" Note: {note}" for note in notes if note)
            lines.append((head, sentence, clause(layer.cite or (group.cite if group else None))))
    for cap in rulebook.caps:
        for limit in _now(cap.limit, day):
            sentence = f"{', '.join(cap.on)} together: each at most {amount(limit, unit)}"
            for value in _now(cap.window, day):
                sentence += f", {window(value, unit)}"
            for where in _now(cap.where, day):
                sentence += f", only those whose {condition(where)}"
            sentence += days(cap) + "." + (f" Note: {cap.note}" if cap.note else "")
            lines.append((f"Cap: {cap.title or cap.id}", sentence, clause(cap.cite)))
    return lines + list(_other_sections(rulebook, day))


def replenishment(rule: Replenishment, unit: Currency) -> str:
    """Who restores what, by when, into what, and what if not."""
    how = "what was used" if rule.restores == "used" else f"up to {amount(rule.restores, unit)}"
    text = f"{PAYERS.get(rule.payer, rule.payer)} restore{'' if rule.payer == 'members' else 's'} {how}"
    text += f" within {rule.due} of the call" if rule.due else ""
    text += f", into {name(rule.into)}" if rule.into else ""
    text += f", {window(rule.window, unit)}" if rule.window else ""
    if rule.stand_in:
        text += ", meanwhile met by " + ", then ".join(PAYERS.get(one, one) for one in rule.stand_in)
    text += "; not to pay is a default" if rule.failure else ""
    return (text + (f"; it counts to the cap {rule.counts_to}" if rule.counts_to else "")).replace("_", " ")


def recoveries(rule: Recoveries, unit: Currency) -> str:
    """To whom money goes that comes back."""
    if isinstance(rule.order, str):
        how = {
            "reverse": "the last layer first (those side by side together)",
            "side_by_side": "all layers together",
        }[rule.order]
    else:
        how = ", then ".join(rule.order)
    key = (
        f"in proportion to {amount(rule.share, unit)}"
        if isinstance(rule.share, Amount)
        else "by what each paid"
    )
    text = f"money that comes back goes to what nobody had covered, then to {how}, within a layer {key}"
    text += f", not to {', '.join(rule.except_)}" if rule.except_ else ""
    return text + (", with its interest" if rule.interest == "passed_on" else "")


def several(rule: SeveralDefaults) -> str:
    """How a second default finds the waterfall."""
    text = f"defaults within {rule.one_event} are one event; " if rule.one_event else ""
    if rule.next == "restart":
        return text + "a later default begins at the top with what stands"
    period = f" within {rule.period}" if rule.period else ""
    return text + f"a later default{period} goes on at the first layer that was not exhausted"


def _split(group: Group) -> str:
    """How layers side by side divide the loss."""
    if not isinstance(group.split, Mapping):
        return "by what each can still give"
    weights = [f"{number(weight)} ({layer})" for layer, weight in group.split.items()]
    return "by fixed weights of " + " to ".join(weights) + "; when one is exhausted the other goes on"


def _other_sections(rulebook: Rulebook, day: date | None) -> Iterator[tuple[str, str, str]]:
    """What a run reads beside the layers and caps."""
    unit = rulebook.currency

    def sentence(text: str) -> str:
        return text[:1].upper() + text[1:] + "."

    for term, figure in rulebook.figures.items():
        for value in _now(figure.amount, day):
            yield f"Meaning: {name(term)}", sentence(amount(value, unit)), clause(figure.cite)
    for share in _now(rulebook.rounding, day):
        bearer = PAYERS.get(share.residual_to, share.residual_to)
        odd = f"shares are rounded down, and {bearer} pays the odd units"
        if share.share == "largest_remainder":
            odd = "odd units go one each to the largest remainders"
        yield "Rounding", sentence(odd), "no citation"
    for rule in _now(rulebook.several_defaults, day):
        yield "Several defaults", sentence(several(rule)), clause(rule.cite)
    for one in rulebook.replenishment:
        yield f"Replenishment: {one.layer}", sentence(replenishment(one, unit)), clause(one.cite)
    if rulebook.recoveries:
        back = rulebook.recoveries
        says = sentence(recoveries(back, unit))
        yield "Recoveries", says + (f" Note: {back.note}" if back.note else ""), clause(back.cite)


def _counts(layer: Layer, group: Group | None, day: date | None) -> bool:
    if day is None:
        return True
    holders = (layer, group) if group else (layer,)
    return all((h.from_ is None or h.from_ <= day) and (h.until is None or day <= h.until) for h in holders)
