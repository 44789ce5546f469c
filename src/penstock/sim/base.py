"""The circumstances that all simulated defaults have in common; any of them, bound for the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from penstock.core.history import History
from penstock.core.rulebook import RoundingRule
from penstock.core.scenario import HOUSE, Default, Field, Member, Scenario, Stated
from penstock.core.steps import Findings, Step, prepare
from penstock.core.waterfall import UNKNOWN_REACHED, Part


@dataclass(frozen=True, slots=True)
class Base:
    """The circumstances of every simulated default: a scenario, and the gains that members have.

    The simulated members default at the time of the scenario's first default, with its facts, decisions
    and findings. ``gains``: what the clearing house owes each member where the market factor is not
    positive, and where it is; None leaves what the scenario says.
    """

    scenario: Scenario
    gains: tuple[Mapping[str, int], Mapping[str, int]] | None = None

    @property
    def rounding(self) -> RoundingRule:
        """How odd units are divided on the day."""
        first = self.scenario.defaults[0]
        return self.scenario.rulebook.rounding_on(self.scenario.pinned or first.at.date())

    def step(
        self,
        losses: Mapping[str, int],
        up: bool = False,
        unable: Sequence[str] = (),
        bids: Mapping[str, str] | None = None,
    ) -> Step:
        """The event of these defaults, bound for the exact engine; it passes on where nobody is left to pay.

        ``losses`` by defaulter, before its own resources; ``up``: the market factor is positive;
        ``unable``: survivors who pay no calls; ``bids`` by member.
        """
        first = self.scenario.defaults[0]
        changed: dict[str, dict[str, Field]] = {}
        if self.gains:
            for member, amount in self.gains[up].items():
                changed.setdefault(member, {})["gains"] = Field({"": Stated(amount)})
        for member in unable:
            changed.setdefault(member, {})["able_to_pay"] = Field({"": Stated(0)})
        for member, bid in (bids or {}).items():
            changed.setdefault(member, {})["bid"] = Field({"": Stated(bid)})
        members: dict[str, Member] = {}
        for name, member_ in self.scenario.members.items():
            fields = {**member_.fields, **first.members.get(name, {}), **changed.get(name, {})}
            members[name] = replace(member_, fields=fields)
        defaults = tuple(
            Default(
                member=member,
                at=first.at,
                losses={(HOUSE, ""): Stated(losses[member])},
                notice=first.notice,
                decisions=first.decisions,
                facts=first.facts,
            )
            for member in sorted(losses)
        )
        findings: Findings = ((date.min, self.scenario.members), (first.at.date(), members))
        step = prepare(replace(self.scenario, members=members), 0, defaults, findings, History())
        tranches = tuple(
            replace(one, parts=tuple(_passing(part) for part in one.parts)) for one in step.bound.tranches
        )
        return replace(step, bound=replace(step.bound, tranches=tranches))


def _passing(part: Part) -> Part:
    """The part, passed where nobody can pay in it: a simulation goes on to the next layer."""
    return part if part.stop is None or part.stop[0] == UNKNOWN_REACHED else replace(part, stop=None)
