"""Who refills what was used, how much, by when; and money that was paid in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import floor

from penstock.core.amounts import CALLED, OWED, Amount
from penstock.core.history import Deposit, History, Purse, Spot, Use
from penstock.core.plans import plan
from penstock.core.results import EventResult, Happening
from penstock.core.rulebook import Layer, Replenishment, Rulebook
from penstock.core.scenario import HOUSE, Event, Scenario
from penstock.core.steps import Step
from penstock.core.terms import evaluate
from penstock.core.windows import frame


@dataclass(frozen=True, slots=True)
class Duty:
    """What one payer has to refill after an event; ``rule.due`` says within which time of the call."""

    rule: Replenishment
    payer: str
    amount: int


def duties(step: Step, event: EventResult) -> list[Duty]:
    """What is to be refilled after the event, and by whom, under the rules of its day.

    Whoever was called more often, or for more, than the rule's window allows owes no more; parties that
    stand in are named by the rule.
    """
    rows = {row.layer.id: row for row in event.layers}
    found = []
    for rule in step.plan.rulebook.replenishment:
        row = rows.get(rule.layer)
        if row is None or not row.used or row.layer.action:
            continue
        used = {payer: paid for payer, paid in row.paid.items() if not payer.startswith("rounding:")}
        if rule.payer != row.layer.payer:
            used = {rule.payer: row.used}
        for payer, amount in used.items():
            owed = min(_restored(rule, payer, amount, step), _left_in_window(rule, payer, amount, step))
            if owed > 0:
                found.append(Duty(rule, payer, owed))
    return found


def _restored(rule: Replenishment, payer: str, used: int, step: Step) -> int:
    if not isinstance(rule.restores, Amount):
        return used
    return min(used, floor(evaluate(rule.restores, payer, step.known)))


def _left_in_window(rule: Replenishment, payer: str, used: int, step: Step) -> int:
    """What the rule's window still lets be asked of the payer."""
    window, known = rule.window, step.known
    if window is None:
        return used
    past = known.history.events
    around = frame(window, past, known.at, known.notice, known.calendar)
    if around is None:
        return used
    if window.times and sum(event.used((rule.layer,)) for event in around.events) >= window.times:
        return 0
    if window.amount is None:
        return used
    spent = sum(event.paid((rule.layer,), payer) for event in around.events)
    return max(0, floor(evaluate(window.amount, payer, known)) - spent)


def paid_in(event: Event, scenario: Scenario, history: History) -> tuple[History, Happening]:
    """The history with what survivors and parties paid in, and what that was.

    The purse of the source grows by it; what was used of limits on that source is restored out of the
    same amount, in file order.
    """
    layers: dict[str, dict[str, int]] = {}
    for payer, amounts in event.paid_in.items():
        if payer in history.out:
            continue
        for name, parts in amounts.items():
            deposit, first = _deposit(event.at, payer, name, parts, scenario, history)
            history = history.after(deposit)
            of_layer = layers.setdefault(first, {})
            of_layer[payer] = of_layer.get(payer, 0) + sum(parts.values())
    return history, Happening(event.at, "paid_in", layers)


def _deposit(
    at: datetime, payer: str, name: str, parts: Mapping[str, int], scenario: Scenario, history: History
) -> tuple[Deposit, str]:
    rulebook = scenario.rulebook
    role = "members" if payer in scenario.members else payer
    in_force = [layer for layer, _ in plan(rulebook, scenario.pinned or at.date()).layers()]
    every = [layer for layer, _ in rulebook.all_layers()]
    named = [x for x in in_force if x.payer == role and name in (x.id, x.source)]
    into: dict[Purse, int] = {}
    purse = _purse(payer, name, scenario, [x for x in every if x.payer == role and name in (x.id, x.source)])
    if purse:
        into = {purse._replace(segment=segment): amount for segment, amount in parts.items()}
    restores = []
    restored: dict[tuple[str, str, int], int] = {}
    together: dict[Spot, int] = {}
    for segment, amount in parts.items():
        left = amount
        for layer in named:
            for spot in history.spots(layer.id, segment) if layer.together else ():
                back = min(left, history.of_layer(*spot) - together.get(spot, 0))
                left -= back
                together[spot] = together.get(spot, 0) + back
        left = amount
        for use in _used(named, payer, segment, history):
            key = (use.layer, use.segment, use.round)
            back = min(left, use.amount - restored.get(key, 0))
            left -= back
            restored[key] = restored.get(key, 0) + back
            restores.append(Use(use.layer, payer, back, use.segment, use.round))
    counts = {rule.counts_to for rule in rulebook.replenishment if _meant(rule, role, name, rulebook)}
    caps = frozenset(cap for cap in counts if cap)
    deposit = Deposit(at, payer, into, tuple(restores), together, caps)
    return deposit, named[0].id if named else name


def _purse(payer: str, name: str, scenario: Scenario, layers: list[Layer]) -> Purse | None:
    """The purse that the money goes to; None where a limit is all that stands."""
    if payer in scenario.members:
        return Purse(payer, name, HOUSE)
    held = scenario.parties.get(payer, {})
    if name in held:
        return Purse(payer, name)
    source = next((str(x.source) for x in layers if x.id == name), name)
    if source in held or all(x.limit is None for x in layers):
        return Purse(payer, source)
    return None


def _used(layers: list[Layer], payer: str, segment: str, history: History) -> Iterator[Use]:
    """What the payer has used of limits on these layers, in file order."""
    for layer in layers:
        if layer.limit is not None and layer.source not in (*CALLED, *OWED):
            yield from history.uses_left(layer.id, payer, segment)


def _meant(rule: Replenishment, role: str, name: str, rulebook: Rulebook) -> bool:
    """Whether money of this name is what the rule asks for."""
    sources = [layer.source for layer, _ in rulebook.all_layers() if layer.id == rule.layer]
    return rule.payer == role and name in (rule.into or (sources[0] if sources else None), rule.layer)
