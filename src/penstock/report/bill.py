"""One member's bill as a derivation: every line can be checked by hand."""

from fractions import Fraction

from penstock.core.exposure import Derivation, Most, derive
from penstock.core.money import Currency, written
from penstock.core.replay import Result, Step
from penstock.core.results import EventResult, Happening
from penstock.core.waterfall import Label
from penstock.report.words import clause, number

BillLine = tuple[str, str]
"""What happened, and the amount as written ("" where it says none)."""


def bill(result: Result, member: str) -> list[BillLine]:
    """How each unit that the member pays came about, over all events of the result."""
    unit = result.scenario.currency
    lines: list[BillLine] = []
    total = 0
    for event, step in zip(result.events, result.steps, strict=True):
        who = " and ".join(event.members)
        if step is None:
            lines.append((f"Default of {who}: nothing is computed, {event.unpublished}", ""))
            continue
        beyond = ", beyond the defaulter's own resources" if event.beyond_own else ""
        lines.append((f"Default of {who} at {event.at.isoformat()}: the loss{beyond}", _in(event.loss, unit)))
        found = derive(step, event, member)
        for one in found:
            lines += _derived(one, event, step, member, unit)
            total += one.paid
        if not found:
            lines.append((f"{member} pays nothing in this default", _in(0, unit)))
        lines += _not_met(event, member, unit)
    lines.append((f"{member} pays in all", _in(total, unit)))
    back = [line for one in result.happenings for line in _back(one, member, unit)]
    borne = sum(payers.get(member, 0) for one in result.bornes for payers in one.paid.values())
    if back or borne != total:
        lines += [*back, (f"{member} has borne in the end", _in(borne, unit))]
    return lines


def _back(one: Happening, member: str, unit: Currency) -> list[BillLine]:
    """What the member paid in, or got back, between the defaults."""
    lines = []
    for layer, payers in one.layers.items():
        if member in payers and one.what == "paid_in":
            lines.append((f"Paid in on {one.at.date()} for layer {layer}", _in(payers[member], unit)))
        elif member in payers:
            lines.append((f"Back on {one.at.date()} from layer {layer}", f"-{_in(payers[member], unit)}"))
    if member in one.interest:
        lines.append((f"Interest on it on {one.at.date()}", _in(one.interest[member], unit)))
    return lines


def _derived(one: Derivation, event: EventResult, step: Step, member: str, unit: Currency) -> list[BillLine]:
    layer = one.row.layer
    title = layer.title or layer.id
    lines = []
    if one.loss < event.loss:
        lines.append(("The part of the loss that this layer meets", _in(one.loss, unit)))
    before = one.loss - one.reached
    if before:
        lines.append((f"Borne before its turn in {title}", f"-{_in(before, unit)}"))
    lines.append((f"Reaches layer {title} ({clause(layer.cite)})", _in(one.reached, unit)))
    if one.row.beside:
        lines.append(
            (f"Its part of it, side by side with the rest of {one.row.group}", _in(one.shared, unit))
        )
    elif one.shared < one.reached:
        lines.append(("Shared by the payers of this layer, all that it can take here", _in(one.shared, unit)))
    if member in one.full:
        lines.append(
            (f"{member} pays all it can give here: its limit, its money or both", _in(one.room, unit))
        )
        return lines
    shared = one.shared - sum(one.full.values())
    if one.full:
        names = ", ".join(sorted(one.full)) if len(one.full) <= 5 else f"{len(one.full)} members"
        lines.append((f"Paid by {names}, up to the limit", f"-{_in(sum(one.full.values()), unit)}"))
        lines.append(("Left for the others", _in(shared, unit)))
    part = Fraction(one.exact / shared) if shared else Fraction(0)
    percent = _decimals(part * 100, 6) if (part * 100 * 10**6).denominator > 1 else number(part * 100)
    says = f"{member}'s share is {part.numerator}/{part.denominator} ({percent} %): exactly"
    digits = unit.decimals if one.exact.denominator == 1 else unit.decimals + 6
    exact = _decimals(one.exact / 10**unit.decimals, digits)
    lines.append((says, exact))
    floor = one.exact.numerator // one.exact.denominator
    if floor != one.exact:
        rule = step.rounding
        word = rule.share.replace("_", " ")
        if rule.share == "floor_residual":
            says = f"Rounded down ({word}); the odd units are paid by {rule.residual_to}"
        elif one.paid > floor:
            says = f"Rounded up: among the largest remainders ({word}, ties by member id)"
        else:
            says = f"Rounded down: not among the largest remainders ({word}, ties by member id)"
        lines.append((says, _in(one.paid, unit)))
    return lines


def _not_met(event: EventResult, member: str, unit: Currency) -> list[BillLine]:
    return [
        (f"Called in layer {row.layer.id} and not paid: a claim on {member}", _in(row.unpaid[member], unit))
        for row in event.layers
        if member in row.unpaid
    ]


def most_lines(most: Most, unit: Currency) -> list[BillLine]:
    """The most a member can lose, by layer."""
    lines = [(f"In layer {layer}", _in(amount, unit)) for layer, amount in most.by_layer.items()]
    lines += [(f"In layer {layer}: not published, comes on top", "unknown") for layer in most.unknown]
    at_least = "at least" if most.unknown else "at most"
    return [*lines, (f"{most.payer} can lose {at_least}", _in(most.total, unit))]


def loss_of(label: Label) -> str:
    """Whose loss it is, as in "loss of M01, house account, segment rates"."""
    member, account, segment = label
    return f"loss of {member}, {account} account" + (f", segment {segment}" if segment else "")


def _in(minor: int, unit: Currency) -> str:
    return written(minor, unit, grouped=True)


def _decimals(value: Fraction, digits: int) -> str:
    """A fraction with so many digits, cut off; an ellipsis where there were more."""
    scaled = value * 10**digits
    whole = scaled.numerator // scaled.denominator
    text = f"{whole // 10**digits:,}.{whole % 10**digits:0{digits}d}" if digits else f"{whole:,}"
    return text if whole == scaled else text + "..."
