"""A step poured: what one event did, payer by payer, and what the history keeps of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from penstock.core.circumstances import NotKnown
from penstock.core.history import Past, Purse, Spot, Use
from penstock.core.plans import status
from penstock.core.results import EventResult, LayerResult
from penstock.core.rulebook import CHAIN, Layer
from penstock.core.scenario import HOUSE
from penstock.core.steps import Step
from penstock.core.terms import purses
from penstock.core.waterfall import Balance, Label, Outcome


def pour(step: Step, losses: Mapping[Label, int] | None = None) -> tuple[EventResult, Past]:
    """Pour the step's own losses, or others: the result, and what the history records of it."""
    losses = step.losses if losses is None else losses
    outcome = step.outcome(losses, step.bound.balances)
    as_called = _as_called(step, losses) or outcome
    paid = _by_layer(step, outcome)
    called = _by_layer(step, as_called)
    ready = _ready(step)
    ended = {pour.layer: pour.ended for pour in outcome.pours}
    rows = []
    for rank in step.bound.in_force:
        for layer in rank.layers:
            payers, asked = paid.get(layer.id, {}), called.get(layer.id, {})
            rows.append(
                LayerResult(
                    layer=layer,
                    group=rank.group,
                    capacity=outcome.capacities.get(layer.id, 0),
                    used=sum(payers.values()) + ended.get(layer.id, 0),
                    paid=payers,
                    called=asked,
                    unpaid=_unpaid(step, layer, payers, asked),
                    status=status(layer, step.plan.rulebook, step.plan.day),
                    payers=len(ready.get(layer.id, ())),
                    beside=len(rank.layers) > 1,
                )
            )
    result = EventResult(
        members=tuple(default.member for default in step.defaults),
        at=step.defaults[0].at,
        in_force=step.plan.rulebook.in_force(step.plan.day),
        loss=sum(losses.values()),
        beyond_own=all(default.beyond_own for default in step.defaults),
        layers=tuple(rows),
        uncovered=sum(outcome.uncovered.values()),
        uncovered_as_called=sum(as_called.uncovered.values()),
        surplus=_surplus(step, outcome),
    )
    return result, _recorded(step, outcome, result)


def _unpaid(step: Step, layer: Layer, paid: Mapping[str, int], called: Mapping[str, int]) -> dict[str, int]:
    """What members whose ability to pay is known fell short of their calls."""
    if not layer.called:
        return {}
    short = {payer: amount - paid.get(payer, 0) for payer, amount in called.items()}
    able = step.bound.balances
    return {payer: amount for payer, amount in short.items() if amount > 0 and ("able_to_pay", payer) in able}


def _as_called(step: Step, losses: Mapping[Label, int]) -> Outcome | None:
    """What would be paid if every member could pay: the calls. None where nobody's ability is known."""
    enough = sum(losses.values()) + sum(step.bound.balances.values())
    able: dict[Balance, int] = {
        key: enough for key in step.bound.balances if isinstance(key, tuple) and key[0] == "able_to_pay"
    }
    return step.outcome(losses, {**step.bound.balances, **able}) if able else None


def _by_layer(step: Step, outcome: Outcome) -> dict[str, dict[str, int]]:
    """Payments by layer and payer, those of a layer's tranches together, in payment order."""
    paid: dict[str, dict[str, int]] = {}
    for one in outcome.pours:
        payers = paid.setdefault(one.layer, {})
        odd = {f"rounding:{step.rounding.residual_to}": one.odd} if one.odd else {}
        for payer, amount in (*one.paid.items(), *odd.items()):
            payers[payer] = payers.get(payer, 0) + amount
    return paid


def _ready(step: Step) -> dict[str, set[str]]:
    """Who stood ready to pay in each layer."""
    ready: dict[str, set[str]] = {}
    for tranche in step.bound.tranches:
        for part in tranche.parts:
            ready.setdefault(part.layer, set()).update(part.payers)
    return ready


def _recorded(step: Step, outcome: Outcome, result: EventResult) -> Past:
    """What the history keeps of the event."""
    uses = []
    for one, slot in zip(outcome.pours, step.bound.slots, strict=True):
        odd = {f"rounding:{step.rounding.residual_to}": one.odd} if one.odd else {}
        for payer, amount in (*one.paid.items(), *odd.items()):
            uses.append(Use(one.layer, payer, amount, slot.segment, slot.round, slot.layer.called))
    drawn = {
        purse: amount - outcome.left[purse]
        for purse, amount in step.bound.balances.items()
        if isinstance(purse, Purse) and outcome.left[purse] != amount
    }
    exhausted, in_force = _exhausted(step, outcome, uses)
    return Past(
        members=result.members,
        at=result.at,
        notice=step.known.notice,
        uses=tuple(uses),
        drawn=drawn,
        exhausted=exhausted,
        in_force=in_force,
        by_members=frozenset(row.layer.id for row in result.layers if row.layer.payer == "members"),
    )


def _exhausted(step: Step, outcome: Outcome, uses: Sequence[Use]) -> tuple[frozenset[Spot], frozenset[Spot]]:
    """The layers that the loss used up or went past, and all that it could have, place by place.

    Without the defaulters' own and those behind them, which always come first.
    """
    others = {
        (slot.layer.id, slot.segment)
        for slot in step.bound.slots
        if slot.layer.payer not in ("defaulter", *CHAIN) and not slot.layer.action
    }
    used: dict[Spot, int] = {}
    for use in uses:
        used[use.layer, use.segment] = used.get((use.layer, use.segment), 0) + use.amount
    full = {spot for spot in others if used.get(spot) and used[spot] == outcome.places.get(spot)}
    return frozenset(full | (others & outcome.beyond)), frozenset(others)


def _surplus(step: Step, outcome: Outcome) -> dict[str, int]:
    """What is left of each gross defaulter's margin and profit, by account; without what is unknown.

    Margin is what stands in purses that the defaulter's layers name and the members' never do.
    """
    shared = {x.source for x, _ in step.plan.rulebook.all_layers() if x.payer == "members"}
    layers = [layer for rank in step.bound.in_force for layer in rank.layers]
    margin = [x for x in layers if x.payer == "defaulter" and not x.called and x.source not in shared]
    helps = next((layer for layer in layers if layer.account == "house"), None)
    surplus: dict[str, int] = {}
    for default in step.defaults:
        if default.beyond_own:
            continue
        member = default.member
        accounts = {HOUSE, *(a for a, _ in default.losses), *step.known.members[member].accounts}
        for account in sorted(accounts):
            serves = (None, "house") if account == HOUSE else ("client", "omnibus")
            serving = [x for x in margin if x.account in serves]
            profit = sum(v for label, v in step.profits.items() if label[:2] == (member, account))
            try:
                rest = _left(serving, member, account, step, outcome)
                if account == HOUSE and helps and any(x.source == helps.source for x in serving):
                    profit = 0  # it stands in the margin counted above
                elif account == HOUSE and helps and profit:
                    # It stood in a purse that is no margin, and may have helped clients.
                    profit = min(profit, _left([helps], member, HOUSE, step, outcome))
            except NotKnown:
                continue
            surplus[account if len(step.defaults) == 1 else f"{member}/{account}"] = rest + profit
    return surplus


def _left(layers: Sequence[Layer], member: str, account: str, step: Step, outcome: Outcome) -> int:
    """What is left in the purses of the member's account that the layers draw on."""
    found: dict[Purse, int] = {}
    for layer in layers:
        own = replace(layer, account="client") if layer.account == "omnibus" else layer
        each = layer.segment == "each"
        for segment in step.plan.rulebook.segments if each else (layer.segment or "",):
            found |= purses(own, member, replace(step.known, segment=segment), account) or {}
    return sum(outcome.left.get(purse, amount) for purse, amount in found.items())
