"""A scenario replayed: one event after another through history, tranches and waterfall.

Scenario -> Result: per event, per layer, per payer, to the unit
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from penstock.core.history import History, Use
from penstock.core.plans import Plan, plan, status
from penstock.core.problems import Problem, Refused
from penstock.core.results import EventResult, LayerResult
from penstock.core.rulebook import RoundingRule
from penstock.core.scenario import HOUSE, Default, Member, Scenario
from penstock.core.terms import Circumstances
from penstock.core.tranches import Bound, bind
from penstock.core.waterfall import NO_PAYERS, Balance, Label, Outcome, Stopped, allocate


@dataclass(frozen=True, slots=True)
class Step:
    """One event bound to its circumstances, ready to be poured with any loss."""

    number: int
    defaults: tuple[Default, ...]
    plan: Plan
    known: Circumstances
    losses: Mapping[Label, int]
    profits: Mapping[Label, int]
    bound: Bound
    rounding: RoundingRule

    def outcome(self, losses: Mapping[Label, int], balances: Mapping[Balance, int]) -> Outcome:
        """Pour these losses; Refused where one reaches what cannot be poured."""
        rule = self.rounding
        try:
            return allocate(losses, self.bound.tranches, balances, rule.share, rule.residual_to)
        except Stopped as stopped:
            raise Refused(self._reached(stopped)) from None

    def _reached(self, stopped: Stopped) -> Problem:
        whose = " and ".join(default.member for default in self.defaults)
        says = f"the loss of {whose} reaches layer {stopped.layer}, and {stopped.why}"
        instead = "the figure in the scenario, or a loss that stays below"
        if stopped.code == NO_PAYERS:
            instead = "a share that is not zero, or a scenario with a survivor"
        return Problem(stopped.code, (), says, instead)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a scenario; a step is None where its loss is unpublished."""

    scenario: Scenario
    events: tuple[EventResult, ...]
    steps: tuple[Step | None, ...]


def replay(scenario: Scenario) -> Result:
    """Run the scenario; Refused if a loss reaches what nobody knows, or a word not executed yet."""
    _refuse_what_is_not_built(scenario)
    history, out = History(), frozenset[str]()
    members = scenario.members
    events: list[EventResult] = []
    steps: list[Step | None] = []
    unpublished = ""
    for number, defaults in enumerate(_events(scenario)):
        members = _learnt(members, defaults)
        unpublished = unpublished or next((d.unpublished for d in defaults if d.unpublished), "")
        if unpublished:
            steps.append(None)
            events.append(_not_computed(scenario, defaults, unpublished))
            continue
        step = _prepare(scenario, number, defaults, members, out, history)
        result, uses = pour(step)
        history = history.after(uses)
        out |= {default.member for default in defaults}
        steps.append(step)
        events.append(result)
    return Result(scenario, tuple(events), tuple(steps))


def _refuse_what_is_not_built(scenario: Scenario) -> None:
    """Refuse by name what this version reads, but does not execute."""
    book, words = scenario.rulebook, []
    rule = book.several_defaults.on(_day(scenario, scenario.defaults[-1])) if book.several_defaults else None
    if len(book.segments) > 1:
        words.append("segments")
    if scenario.events:
        words.append("events")
    if rule and len(_events(scenario)) > 1:
        words += ["one_event"] if rule.one_event else []
        words += ["next: resume"] if rule.next == "resume" else []
    if words:
        says = f"{', '.join(words)}: this version reads that, but cannot run it yet"
        raise Refused(Problem("NOT_EXECUTED", (), says, "a scenario without it, to run it now"))


def _events(scenario: Scenario) -> list[tuple[Default, ...]]:
    """Defaults in order of time, those of one instant together in UTF-8 byte order of the member."""
    ordered = sorted(scenario.defaults, key=lambda default: (default.at, default.member))
    return [tuple(same) for _, same in groupby(ordered, key=lambda default: default.at)]


def _day(scenario: Scenario, default: Default) -> date:
    """The day whose rules are read: the pinned one, else the local day of the declaration."""
    return scenario.pinned or default.at.date()


def _learnt(members: Mapping[str, Member], defaults: Sequence[Default]) -> dict[str, Member]:
    """The members with what these defaults found out; it stays true afterwards."""
    now = dict(members)
    for default in defaults:
        for id_, fields in default.members.items():
            now[id_] = replace(now[id_], fields={**now[id_].fields, **fields})
    return now


def _prepare(
    scenario: Scenario,
    number: int,
    defaults: tuple[Default, ...],
    members: Mapping[str, Member],
    out: frozenset[str],
    history: History,
) -> Step:
    day = _day(scenario, defaults[0])
    now = plan(scenario.rulebook, day)
    facts: dict[str, frozenset[str]] = {}
    decided: dict[str, frozenset[str]] = {}
    for default in defaults:
        for name, value in default.facts.items():
            facts[name] = facts.get(name, frozenset()) | {value}
        for decision in default.decisions:
            facts["decided"] = facts.get("decided", frozenset()) | {decision.decided}
            for member in decision.members:
                decided[member] = decided.get(member, frozenset()) | {decision.decided}
    known = Circumstances(
        rulebook=scenario.rulebook,
        day=day,
        today=defaults[0].at.date(),
        members=members,
        parties=scenario.parties,
        figures=scenario.figures,
        out=out,
        defaulters=tuple(default.member for default in defaults),
        facts=facts,
        decided=decided,
        layers={layer.id: layer for layer, _ in now.layers()},
        history=history,
    )
    losses: dict[Label, int] = {}
    profits: dict[Label, int] = {}
    for default in defaults:
        for (account, segment), stated in default.losses.items():
            assert isinstance(stated.value, int), "an unpublished loss is not computed"
            side = losses if stated.value >= 0 else profits
            side[default.member, account, segment] = abs(stated.value)
    gross = [default.member for default in defaults if not default.beyond_own]
    bound = bind(now, known, losses, profits, gross)
    return Step(number, defaults, now, known, losses, profits, bound, scenario.rulebook.rounding_on(day))


def pour(step: Step, losses: Mapping[Label, int] | None = None) -> tuple[EventResult, list[Use]]:
    """Pour the step's own losses, or others: the result, and what the history records of it."""
    losses = step.losses if losses is None else losses
    outcome = step.outcome(losses, step.bound.balances)
    paid = _by_layer(outcome, step.rounding.residual_to)
    called = _by_layer(_as_called(step, losses) or outcome, step.rounding.residual_to)
    rows, uses = [], []
    for rank in step.bound.in_force:
        for layer in rank.layers:
            payers = paid.get(layer.id, {})
            unpaid = {
                payer: amount - payers.get(payer, 0)
                for payer, amount in called.get(layer.id, {}).items()
                if layer.called and ("able_to_pay", payer) in step.bound.balances
                if amount > payers.get(payer, 0)
            }
            capacity = outcome.capacities.get(layer.id, 0)
            rating = status(layer, step.plan.rulebook, step.plan.day)
            used = sum(payers.values())
            ready = {
                p
                for t in step.bound.tranches
                for part in t.parts
                if part.layer == layer.id
                for p in part.payers
            }
            beside = len(rank.layers) > 1
            rows.append(
                LayerResult(layer, rank.group, capacity, used, payers, unpaid, rating, len(ready), beside)
            )
            for payer, amount in payers.items():
                purse = step.bound.purses.get((layer.id, payer))
                uses.append(Use(step.plan.day, step.number, layer.id, payer, purse, amount))
    result = EventResult(
        members=tuple(default.member for default in step.defaults),
        at=step.defaults[0].at,
        in_force=step.plan.rulebook.in_force(step.plan.day),
        loss=sum(losses.values()),
        beyond_own=all(default.beyond_own for default in step.defaults),
        layers=tuple(rows),
        uncovered=sum(outcome.uncovered.values()),
        surplus=_surplus(step, outcome),
    )
    return result, uses


def _as_called(step: Step, losses: Mapping[Label, int]) -> Outcome | None:
    """What would be paid if every member could pay: the calls. None where nobody's ability is known."""
    enough = sum(losses.values()) + sum(step.bound.balances.values())
    able: dict[Balance, int] = {
        key: enough for key in step.bound.balances if isinstance(key, tuple) and key[0] == "able_to_pay"
    }
    return step.outcome(losses, {**step.bound.balances, **able}) if able else None


def _by_layer(outcome: Outcome, residual_to: str) -> dict[str, dict[str, int]]:
    """Payments by layer and payer, those of a layer's tranches together, in payment order."""
    paid: dict[str, dict[str, int]] = {}
    for one in outcome.pours:
        payers = paid.setdefault(one.layer, {})
        odd = {f"rounding:{residual_to}": one.odd} if one.odd else {}
        for payer, amount in (*one.paid.items(), *odd.items()):
            payers[payer] = payers.get(payer, 0) + amount
    return paid


def _surplus(step: Step, outcome: Outcome) -> dict[str, int]:
    """What is left of each gross defaulter's margin and profit, by account; without what is unknown.

    Margin is what stands in purses that the defaulter's layers name and the members' never do.
    """
    shared = {x.source for x, _ in step.plan.rulebook.all_layers() if x.payer == "members"}
    layers = [layer for rank in step.bound.in_force for layer in rank.layers]
    margin = [x for x in layers if x.payer == "defaulter" and not x.called and x.source not in shared]
    helps = next((layer.source for layer in layers if layer.account == "house"), None)
    surplus: dict[str, int] = {}
    for default in step.defaults:
        if default.beyond_own:
            continue
        member = default.member
        accounts = {HOUSE, *(a for a, _ in default.losses), *step.known.members[member].accounts}
        for account in sorted(accounts):
            served = "client" if account != HOUSE else "house"
            sources = {x.source for x in margin if (x.account or "house") == served}
            keys: list[Balance] = [("purse", member, source, account) for source in sorted(map(str, sources))]
            if any(key not in outcome.left for key in keys):
                continue
            left = sum(outcome.left[key] for key in keys)
            profit = sum(v for label, v in step.profits.items() if label[:2] == (member, account))
            if account == HOUSE and helps in sources:
                profit = 0  # it stands in the margin counted above
            elif account == HOUSE and helps is not None and profit:
                # It stood in a purse that is no margin, and may have helped clients.
                stood: Balance = ("purse", member, helps, HOUSE)
                if stood not in outcome.left:
                    continue
                profit = min(profit, outcome.left[stood])
            left += profit
            surplus[account if len(step.defaults) == 1 else f"{member}/{account}"] = left
    return surplus


def _not_computed(scenario: Scenario, defaults: tuple[Default, ...], why: str) -> EventResult:
    members = tuple(default.member for default in defaults)
    in_force = scenario.rulebook.in_force(_day(scenario, defaults[0]))
    beyond = all(default.beyond_own for default in defaults)
    return EventResult(members, defaults[0].at, in_force, 0, beyond, (), 0, {}, why)
