"""One event: its circumstances, bound to tranches, poured with its own losses or any others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from penstock.core.business_days import Calendar, within
from penstock.core.circumstances import Circumstances
from penstock.core.history import History, Spot
from penstock.core.plans import Plan, plan
from penstock.core.problems import Problem, Refused
from penstock.core.results import EventResult
from penstock.core.rulebook import RoundingRule, SeveralDefaults
from penstock.core.scenario import Default, Member, Scenario
from penstock.core.tranches import Bound, bind
from penstock.core.waterfall import NO_PAYERS, Balance, Label, Outcome, Stopped, allocate

Findings = tuple[tuple[date, Mapping[str, Member]], ...]
"""The members as the findings of each day left them; first as the scenario gave them."""


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


def day_of(scenario: Scenario, default: Default) -> date:
    """The day whose rules are read: the pinned one, else the local day of the declaration."""
    return scenario.pinned or default.at.date()


def calendar_of(scenario: Scenario) -> Calendar | None:
    """The calendar of the rulebook, where one is known."""
    own = scenario.rulebook.calendar
    return own if isinstance(own, Calendar) else scenario.calendar


def prepare(
    scenario: Scenario,
    number: int,
    defaults: tuple[Default, ...],
    findings: Findings,
    history: History,
) -> Step:
    """The event bound to its circumstances."""
    day = day_of(scenario, defaults[0])
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
        at=defaults[0].at,
        notice=(defaults[0].notice or defaults[0].at).date(),
        pinned=scenario.pinned is not None,
        members=findings[-1][1],
        found_out=findings,
        parties=scenario.parties,
        figures=scenario.figures,
        out=history.out,
        defaulters=tuple(default.member for default in defaults),
        facts=facts,
        decided=decided,
        layers={layer.id: layer for layer, _ in now.layers()},
        history=history,
        kinds=scenario.rulebook.member_fields(),
        calendar=calendar_of(scenario),
    )
    losses: dict[Label, int] = {}
    profits: dict[Label, int] = {}
    for default in defaults:
        for (account, segment), stated in default.losses.items():
            assert isinstance(stated.value, int), "an unpublished loss is not computed"
            side = losses if stated.value >= 0 else profits
            side[default.member, account, segment] = abs(stated.value)
    gross = [default.member for default in defaults if not default.beyond_own]
    chains = {default.member: default.chain for default in defaults}
    passed = passed_over(history, several_on(scenario, day), known)
    bound = bind(now, known, losses, profits, gross, chains, passed)
    return Step(number, defaults, now, known, losses, profits, bound, scenario.rulebook.rounding_on(day))


def several_on(scenario: Scenario, day: date) -> SeveralDefaults:
    """How several defaults are met, under the rules of the day."""
    several = scenario.rulebook.several_defaults
    return (several.on(day) if several else None) or SeveralDefaults()


def passed_over(history: History, several: SeveralDefaults, known: Circumstances) -> frozenset[Spot]:
    """Layers exhausted in the running period, until all were; none where each default starts at the top."""
    if several.next != "resume":
        return frozenset()
    passed: frozenset[Spot] = frozenset()
    first = None
    for event in history.events:
        if first is None or not within(several.period, first, event.at, known.calendar):
            first, passed = event.at, frozenset()
        passed |= event.exhausted
        if event.in_force <= passed:
            passed = frozenset()
    if first is None or not within(several.period, first, known.at, known.calendar):
        return frozenset()
    return passed


def several_defaults_of(scenario: Scenario) -> list[tuple[Default, ...]]:
    """Defaults in order of time, those of one event together in UTF-8 byte order of the member.

    One event is what is declared at one instant, or within ``one_event`` of the first of it.
    """
    ordered = sorted(scenario.defaults, key=lambda default: (default.at, default.member))
    found: list[list[Default]] = []
    for default in ordered:
        if found:
            first = found[-1][0]
            length = several_on(scenario, day_of(scenario, first)).one_event
            near = length is not None and within(length, first.at, default.at, calendar_of(scenario))
            if default.at == first.at or near:
                found[-1].append(default)
                continue
        found.append([default])
    return [tuple(event) for event in found]


def not_computed(scenario: Scenario, defaults: Sequence[Default], why: str) -> EventResult:
    """The result of an event of which nothing can be computed."""
    return EventResult(
        members=tuple(default.member for default in defaults),
        at=defaults[0].at,
        in_force=scenario.rulebook.in_force(day_of(scenario, defaults[0])),
        loss=0,
        beyond_own=all(default.beyond_own for default in defaults),
        layers=(),
        uncovered=0,
        uncovered_as_called=0,
        surplus={},
        unpublished=why,
    )
