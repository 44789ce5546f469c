"""Unfunded tools: calls that are not met or met late, tear-up in part and in full.

Cash calls and haircuts of gains are layers like any other and are poured by the engine; here is what
follows a call that a member did not meet, and the two allocations that are not of money.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from math import floor

from penstock.core.amounts import Call as CallTerms
from penstock.core.business_days import moved
from penstock.core.history import History, Past, Purse, Use
from penstock.core.money import in_proportion, share
from penstock.core.problems import Path, Problem, Refused
from penstock.core.results import Borne, EventResult, Happening
from penstock.core.steps import Step

LATE_TOO_MUCH = "LATE_TOO_MUCH"


@dataclass(frozen=True, slots=True)
class Call:
    """What one payer is called for in one layer now, or gets back: ``total`` is called of it so far.

    ``due`` is the last day on which it can be paid in time; None where the rules give none.
    """

    layer: str
    payer: str
    amount: int
    returned: int
    total: int
    due: date | None


def calls(step: Step, now: EventResult, on: date, before: EventResult | None = None) -> list[Call]:
    """The calls made on a day for the loss as ``now`` has it, ``before`` being what was called last.

    A loss that becomes known in parts is poured anew as a whole, and the difference is called, or, where
    the rules say that unused money is returned, goes back. Every layer of promised money has one call a
    payer. Refused CALL_PORTIONS where a rule with terms for its calls does not know portions, and
    something was called before.
    """
    earlier = {row.layer.id: row.called for row in before.layers} if before else {}
    found = []
    for row in (row for row in now.layers if row.layer.called):
        terms = row.layer.call or CallTerms()
        was = earlier.get(row.layer.id, {})
        due = moved(on, terms.due, step.known.calendar) if terms.due else None
        for payer in sorted(one for one in {*row.called, *was} if not one.startswith("rounding:")):
            total, last = row.called.get(payer, 0), was.get(payer, 0)
            if total > last > 0 and row.layer.call and not terms.portions:
                says = f"{row.layer.id}: {payer} was called before, and the rule knows no portions"
                raise Refused(Problem("CALL_PORTIONS", (), says, 'call: {portions: "true"}, if it does'))
            if total < last and terms.unused != "returned":
                total = last
            if total != last:
                more = total - last
                found.append(
                    Call(row.layer.id, payer, max(0, more), max(0, -more), total, due if more > 0 else None)
                )
    return found


def borne(event: EventResult) -> Borne:
    """What the event left its payers out of pocket, before any money came back."""
    stood_in: dict[str, dict[str, int]] = {}
    for row in event.layers:
        more = {payer: paid - row.called.get(payer, 0) for payer, paid in row.paid.items()}
        stood_in[row.layer.id] = {payer: amount for payer, amount in more.items() if amount > 0}
    return Borne(
        event=event,
        paid={row.layer.id: dict(row.paid) for row in event.layers},
        uncovered=event.uncovered,
        unpaid={row.layer.id: dict(row.unpaid) for row in event.layers},
        stood_in=stood_in,
        uncovered_for_others=max(0, event.uncovered - event.uncovered_as_called),
    )


def returned(amounts: Mapping[str, int], amount: int) -> dict[str, int]:
    """``amount`` in proportion to ``amounts``, none above its own; odd units to the largest remainders."""
    names = sorted(amounts)
    weights = [amounts[name] for name in names]
    parts, _ = share(min(amount, sum(weights)), weights, weights, "largest_remainder")
    return {name: part for name, part in zip(names, parts, strict=True) if part}


def paid_late(
    at: datetime, payer: str, layer: str, amount: int, bornes: list[Borne], history: History, path: Path = ()
) -> tuple[History, Happening]:
    """A member pays a call after its time: its claim is settled, those who stood in get it back.

    The latest default with a claim on the payer in that layer comes first. In each, what nobody had
    covered comes first, then the last layer first; what an action had ended without a payment stays with
    the clearing house. ``bornes`` are changed in place; ``path`` is where it is said. Refused LATE_TOO_MUCH.
    """
    found = [i for i, one in enumerate(bornes) if one.unpaid.get(layer, {}).get(payer)]
    owes = sum(bornes[i].unpaid[layer][payer] for i in found)
    if amount > owes:
        says = f"{payer} pays more in {layer} than it still owes there"
        instead = "at most what was unpaid" if owes else "a layer in which a call was not met"
        raise Refused(Problem(LATE_TOO_MUCH, path, says, instead))
    back: dict[str, dict[str, int]] = {}
    left, uncovered, retained, members = amount, 0, 0, tuple[str, ...]()
    for i in reversed(found):
        one = bornes[i]
        settled = min(left, one.unpaid[layer][payer])
        left -= settled
        hole, returns = _to_whom(one, settled)
        bornes[i] = _settled(one, payer, layer, settled, returns, hole)
        past = next(event for event in history.events if event.members == one.event.members)
        history = _put_right(history, past, payer, layer, settled, returns, one)
        for name, parts in returns.items():
            into = back.setdefault(name, {})
            for other, part in parts.items():
                into[other] = into.get(other, 0) + part
        uncovered += hole
        retained += settled - hole - sum(sum(parts.values()) for parts in returns.values())
        members += one.event.members
    return history, Happening(at, "paid_late", back, uncovered, retained=retained, members=members)


def _to_whom(one: Borne, settled: int) -> tuple[int, dict[str, dict[str, int]]]:
    """What of a late payment makes good what was uncovered, and what goes back to whom."""
    hole = min(settled, one.uncovered_for_others, one.uncovered)
    left = settled - hole
    returns: dict[str, dict[str, int]] = {}
    for row in reversed(one.event.layers):
        still = one.paid[row.layer.id]  # who has had money back by a recovery is out of less
        out = {p: min(amount, max(0, still.get(p, 0))) for p, amount in one.stood_in[row.layer.id].items()}
        parts = returned(out, left)
        if parts:
            returns[row.layer.id] = parts
            left -= sum(parts.values())
    return hole, returns


def _settled(
    one: Borne, payer: str, layer: str, amount: int, back: Mapping[str, Mapping[str, int]], uncovered: int
) -> Borne:
    paid = {name: dict(payers) for name, payers in one.paid.items()}
    stood_in = {name: dict(payers) for name, payers in one.stood_in.items()}
    unpaid = {name: dict(payers) for name, payers in one.unpaid.items()}
    paid[layer][payer] = paid[layer].get(payer, 0) + amount
    unpaid[layer][payer] -= amount
    for name, payers in back.items():
        for other, returned_ in payers.items():
            paid[name][other] -= returned_
            stood_in[name][other] -= returned_
    return replace(
        one,
        paid=paid,
        stood_in=stood_in,
        unpaid=unpaid,
        uncovered=one.uncovered - uncovered,
        uncovered_for_others=one.uncovered_for_others - uncovered,
    )


def _put_right(
    history: History,
    past: Past,
    payer: str,
    layer: str,
    amount: int,
    back: Mapping[str, Mapping[str, int]],
    one: Borne,
) -> History:
    """The history as if the late payer had paid in time: returned money stands in its purse again."""
    uses = [Use(layer, payer, amount, called=True)]
    drawn: dict[Purse, int] = {}
    sources = {row.layer.id: row.layer for row in one.event.layers}
    for name, payers in back.items():
        for other, returned_ in payers.items():
            net: dict[tuple[str, int], int] = {}
            for use in past.uses:
                if (use.layer, use.payer) == (name, other):
                    net[use.segment, use.round] = net.get((use.segment, use.round), 0) + use.amount
            spots = {(segment, str(round_)): paid for (segment, round_), paid in net.items() if paid > 0}
            for (segment, round_), part in in_proportion(min(returned_, sum(spots.values())), spots).items():
                of = sources[name].called
                uses.append(Use(name, other, -part, segment, int(round_), of))
            left = returned_
            for purse, taken in past.drawn.items():
                own = purse.payer == other and purse.source in (sources[name].source, name)
                part = min(left, taken + drawn.get(purse, 0)) if own else 0
                if part > 0:
                    drawn[purse] = drawn.get(purse, 0) - part
                    left -= part
    return history.corrected(past, uses, drawn)


# --- tear-up ----------------------------------------------------------------------------------------


def torn_up(
    residual: Mapping[str, int], positions: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """Partial tear-up: whose positions are terminated against what is left of the defaulter's.

    ``residual``: signed lots of the defaulter by contract. ``positions``: signed lots by member and
    contract. Members on the opposite side give lots in proportion to theirs, whole lots by largest
    remainders, ties in byte order of the member; the result is by contract and member, in lots without
    sign. Refused TEAR_UP_UNMATCHED where the opposite side is smaller than the residual.
    """
    torn: dict[str, dict[str, int]] = {}
    for contract, lots in sorted(residual.items()):
        if not lots:
            continue
        sign = -1 if lots > 0 else 1
        against = {
            member: sign * held[contract]
            for member, held in positions.items()
            if sign * held.get(contract, 0) > 0
        }
        if sum(against.values()) < abs(lots):
            says = (
                f"{contract}: {abs(lots)} lots are left, and only {sum(against.values())} stand against them"
            )
            raise Refused(Problem("TEAR_UP_UNMATCHED", (contract,), says, "positions that add up to zero"))
        torn[contract] = returned(against, abs(lots))
    return torn


@dataclass(frozen=True, slots=True)
class Payout:
    """A full tear-up: the ratio in which net claims are met, and what each claimant gets and gives up."""

    ratio: Fraction
    paid: Mapping[str, int]
    short: Mapping[str, int]


def paid_out(assets: int, claims: Mapping[str, int]) -> Payout:
    """Full tear-up: every contract is closed at one price, and what there is meets the net claims.

    ``assets`` and ``claims`` in minor units; a negative claim is a debt, which its debtor still owes: it
    is not counted here. Everybody gets the same part, odd units by largest remainders.
    """
    owed = {name: amount for name, amount in claims.items() if amount > 0}
    total = sum(owed.values())
    ratio = min(Fraction(1), Fraction(assets, total)) if total else Fraction(1)
    met = returned(owed, floor(ratio * total)) if total else {}
    paid = {name: met.get(name, 0) for name in sorted(owed)}
    return Payout(ratio, paid, {name: owed[name] - paid[name] for name in paid})
