"""Money that comes back, and to whom: the rulebook's order, the key at the time of the default.

Nobody gets back more than it paid. Late proceeds of the defaulter's collateral first refund those who
paid after it; what is left belongs to the defaulter, account by account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from penstock.core.amounts import Amount
from penstock.core.circumstances import Circumstances, NotKnown
from penstock.core.money import share
from penstock.core.parts import whole
from penstock.core.problems import Problem, Refused
from penstock.core.results import Borne, Happening, LayerResult
from penstock.core.rulebook import CHAIN, Recoveries, Rulebook
from penstock.core.scenario import Recovered
from penstock.core.terms import evaluate
from penstock.core.unfunded import returned
from penstock.core.waterfall import UNKNOWN_REACHED


def refunded(
    at: datetime, came: Recovered, one: Borne, rulebook: Rulebook, known: Circumstances
) -> tuple[Borne, Happening]:
    """What an event's payers get back of ``came``, and what they are still out of pocket afterwards.

    ``known`` are the circumstances of that default, by which its keys are read.
    """
    rule = rulebook.recoveries or Recoveries()
    left = came.amount
    uncovered = min(left, one.uncovered)
    left -= uncovered
    still = {name: dict(payers) for name, payers in one.paid.items()}
    back: dict[str, dict[str, int]] = {}
    for rows in _steps(rule, _owed_to(rule, came, one), one):
        out = {row.layer.id: _open(rule, still[row.layer.id]) for row in rows}
        totals = [sum(out[row.layer.id].values()) for row in rows]
        amounts, _ = share(min(left, sum(totals)), totals, totals, "largest_remainder")
        for row, amount in zip(rows, amounts, strict=True):
            name = row.layer.id
            parts = _within(rule, row, out[name], amount, known)
            if parts:
                back[name] = parts
            for payer, part in parts.items():
                still[name][payer] -= part
            left -= amount
    surplus = {came.account: left} if left else {}
    interest = _interest(rule, came.interest, back)
    happening = Happening(
        at=at,
        what="recovered",
        layers=back,
        uncovered=uncovered,
        surplus=surplus,
        interest=interest,
        retained=came.interest - sum(interest.values()),
        members=one.event.members,
    )
    return replace(one, paid=still, uncovered=one.uncovered - uncovered), happening


def _owed_to(rule: Recoveries, came: Recovered, one: Borne) -> list[LayerResult]:
    """The layers that can get money back, in rank order: those after the collateral that came late."""
    rows = list(one.event.layers)
    if came.collateral:
        behind = ("defaulter", *CHAIN)
        first = [
            i for i, x in enumerate(rows) if x.layer.payer in behind and x.layer.source == came.collateral
        ]
        rows = rows[_beginning(rows, first[0]) :] if first else rows
    return [
        row
        for row in rows
        if row.layer.payer not in ("defaulter", *CHAIN) and row.layer.id not in rule.except_
        if not row.layer.action
    ]


def _beginning(rows: Sequence[LayerResult], i: int) -> int:
    """The first layer of the rank that layer ``i`` stands in: side by side is not before."""
    while rows[i].beside and i and rows[i - 1].beside and rows[i - 1].group == rows[i].group:
        i -= 1
    return i


def _steps(rule: Recoveries, rows: Sequence[LayerResult], one: Borne) -> list[list[LayerResult]]:
    """The layers in the order in which they get money back; those of a step side by side."""
    if rule.order == "side_by_side":
        return [list(rows)]
    steps: list[list[LayerResult]] = []
    for row in rows:
        if row.beside and steps and steps[-1][-1].beside and steps[-1][-1].group == row.group:
            steps[-1].append(row)
        else:
            steps.append([row])
    steps.reverse()
    if rule.order == "reverse":
        return steps
    first = [[row for row in rows if name in (row.layer.id, row.group)] for name in rule.order]
    named = [row for step in first for row in step]
    rest = [[row for row in step if row not in named] for step in steps]
    return [step for step in (*first, *rest) if step]


def _open(rule: Recoveries, payers: Mapping[str, int]) -> dict[str, int]:
    return {payer: paid for payer, paid in payers.items() if paid > 0 and payer not in rule.except_}


def _within(
    rule: Recoveries, row: LayerResult, out: Mapping[str, int], amount: int, known: Circumstances
) -> dict[str, int]:
    """``amount`` over a layer's payers: by what they are out, or by the rule's key up to what they are."""
    if not isinstance(rule.share, Amount) or row.layer.payer != "members":
        return returned(out, amount)
    members = sorted(payer for payer in out if payer in known.members)
    try:
        weights = whole([evaluate(rule.share, member, known) for member in members])
    except NotKnown as unknown:
        says = f"money comes back to the members by a key that is not known: {unknown}"
        problem = Problem(UNKNOWN_REACHED, ("recoveries", "share"), says, "the figure in the scenario")
        raise Refused(problem) from None
    caps = [out[member] if weight else 0 for member, weight in zip(members, weights, strict=True)]
    parts, _ = share(min(amount, sum(caps)), weights, caps, "largest_remainder")
    found = {member: part for member, part in zip(members, parts, strict=True) if part}
    rest = {payer: paid - found.get(payer, 0) for payer, paid in out.items()}
    for payer, part in returned(rest, amount - sum(found.values())).items():
        found[payer] = found.get(payer, 0) + part
    return found


def _interest(rule: Recoveries, interest: int, back: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Interest in proportion to what each payer gets back now, where the rule passes it on."""
    if rule.interest != "passed_on" or not interest:
        return {}
    refunds: dict[str, int] = {}
    for payers in back.values():
        for payer, amount in payers.items():
            refunds[payer] = refunds.get(payer, 0) + amount
    names = sorted(refunds)
    weights = [refunds[name] for name in names]
    if not sum(weights):
        return {}
    parts, _ = share(interest, weights, [interest if w else 0 for w in weights], "largest_remainder")
    return {name: part for name, part in zip(names, parts, strict=True) if part}
