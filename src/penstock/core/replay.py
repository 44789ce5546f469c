"""A scenario replayed: one event after another through history, tranches and waterfall.

Scenario -> Result: per event, per layer, per payer, to the unit
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from penstock.core.history import History
from penstock.core.pouring import pour
from penstock.core.recoveries import refunded
from penstock.core.replenishment import paid_in
from penstock.core.results import Borne, EventResult, Happening
from penstock.core.scenario import HOUSE, Default, Event, Fields, Member, Recovered, Scenario
from penstock.core.steps import Findings, Step, not_computed, prepare, several_defaults_of
from penstock.core.unfunded import borne, paid_late

__all__ = ["Result", "Step", "pour", "replay"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a scenario; a step is None where its loss is unpublished.

    ``happenings``: what happened between the defaults. ``bornes``: what every event has left its payers
    out of pocket in the end.
    """

    scenario: Scenario
    events: tuple[EventResult, ...]
    steps: tuple[Step | None, ...]
    happenings: tuple[Happening, ...] = ()
    bornes: tuple[Borne, ...] = ()


def replay(scenario: Scenario) -> Result:
    """Run the scenario; Refused if a loss reaches what nobody knows."""
    run = _Run(scenario)
    defaults = several_defaults_of(scenario)
    happened = sorted(scenario.events, key=lambda event: event.at)
    for group in defaults:
        while happened and happened[0].at < group[0].at:
            run.happen(happened.pop(0))
        run.default(group)
    for event in happened:
        run.happen(event)
    return Result(scenario, tuple(run.events), tuple(run.steps), tuple(run.happenings), tuple(run.bornes))


class _Run:
    """What has come of a scenario so far."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.history = History()
        self.findings: Findings = ((date.min, scenario.members),)
        self.events: list[EventResult] = []
        self.steps: list[Step | None] = []
        self.happenings: list[Happening] = []
        self.bornes: list[Borne] = []
        self.unpublished = ""

    def default(self, defaults: tuple[Default, ...]) -> None:
        """One event more."""
        for default in defaults:
            self._learn(defaults[0].at.date(), default.members)
        self.unpublished = self.unpublished or next((d.unpublished for d in defaults if d.unpublished), "")
        if self.unpublished:
            self.steps.append(None)
            self.events.append(not_computed(self.scenario, defaults, self.unpublished))
            return
        step = prepare(self.scenario, len(self.events), defaults, self.findings, self.history)
        result, past = pour(step)
        self.history = self.history.after(past)
        self.steps.append(step)
        self.events.append(result)
        self.bornes.append(borne(result))

    def happen(self, event: Event) -> None:
        """What happened between the defaults; nothing can be said once a loss is unpublished."""
        if self.unpublished:
            return
        if event.members:
            self._learn(event.at.date(), event.members)
            self.happenings.append(Happening(event.at, "members", members=tuple(sorted(event.members))))
        if event.paid_in:
            self._pay_in(event)
        for payer, amounts in sorted(event.paid_late.items()):
            for layer, amount in amounts.items():
                path = ("events", self.scenario.events.index(event), "paid_late", payer, layer)
                self.history, happening = paid_late(
                    event.at, payer, layer, amount, self.bornes, self.history, path
                )
                self.happenings.append(happening)
        if event.recovered:
            self._recover(event, event.recovered)

    def _learn(self, day: date, found_out: Mapping[str, Fields]) -> None:
        """The members with what was found out; it stays true afterwards."""
        if not found_out:
            return
        members: dict[str, Member] = dict(self.findings[-1][1])
        for id_, fields in found_out.items():
            new = {name: replace(field, since=len(self.findings)) for name, field in fields.items()}
            members[id_] = replace(members[id_], fields={**members[id_].fields, **new})
        self.findings = (*self.findings, (day, members))

    def _pay_in(self, event: Event) -> None:
        """Money paid in; by a defaulter, it is late proceeds of its collateral."""
        out = self.history.out
        self.history, happening = paid_in(event, self.scenario, self.history)
        if happening.layers:
            self.happenings.append(happening)
        for payer, amounts in event.paid_in.items():
            for source, parts in amounts.items():
                if payer in out:
                    late = Recovered(sum(parts.values()), of=payer, collateral=source)
                    self._recover(event, late)

    def _recover(self, event: Event, came: Recovered) -> None:
        of = came.of
        found = [i for i, one in enumerate(self.bornes) if of is None or of in one.event.members]
        assert found, "checked: money is recovered after its default"
        i = found[-1]
        step = self.steps[i]
        assert step is not None, "what is not computed is not borne"
        came = came if came.account else replace(came, account=HOUSE)
        self.bornes[i], happening = refunded(
            event.at, came, self.bornes[i], self.scenario.rulebook, step.known
        )
        self.happenings.append(happening)
