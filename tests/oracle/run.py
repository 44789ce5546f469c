"""A scenario from its first event to its last."""

from collections import Counter
from datetime import datetime
from typing import Any

from oracle.periods import Calendar, Moment, Stamp, moment
from oracle.reading import Ledger, Past
from oracle.returns import Happening, Returns
from oracle.words import CALLED, HELD_BY_CHAIN, on_day

NEVER_PASSED = {"defaulter", *HELD_BY_CHAIN}


class Run(Returns):
    """What earlier events left is all it remembers."""

    def event(self, defaults: list[dict[str, Any]]) -> dict[str, Any]:
        """One event; poured twice where somebody's ability to pay is known (section 9)."""
        self.begin(defaults)
        self.passed = self.passed_over()
        placed = self.placed()
        profits = Ledger()
        for one, purse in placed.items():
            for label, units in self.profits.items():
                if label[:2] == (one, "house"):
                    profits[purse] -= units
        called = rows = self.pour(True, profits)  # first: what it cannot get past is why the run stops
        called_uncovered = sum(self.open.values())
        if any("able_to_pay" in fields for fields in self.members.values()):
            called = self.pour(False, profits)
            called_uncovered = sum(self.open.values())
            rows = self.pour(True, profits)
        limited = {name for name, fields in self.members.items() if "able_to_pay" in fields}
        for layer in [one["id"] for one in self.active if one.get("source") in CALLED]:
            missing = called[layer]["payers"] - rows[layer]["payers"]  # positive ones only
            rows[layer]["unpaid"] = {who: missing[who] for who in missing if who in limited}
        for row in rows.values():
            row["payers"] = {name: units for name, units in row["payers"].items() if units}
        uncovered = sum(self.open.values())
        result = {
            "members": self.defaulters,
            "loss": sum(self.losses.values()),
            "layers": rows,
            "uncovered": uncovered,
            "surplus": self.surplus(placed),
        }
        past = Past(
            Stamp(self.when, self.notice, unused=self.is_unused(rows)),
            +self.now,
            rows=rows,
            ranks=self.ranks,
            defaulters=self.defaulters,
            entries=self.entries,
            used=Counter({name: row["used"] for name, row in rows.items()}),
            out={name: Counter(row["payers"]) for name, row in rows.items()},
            uncovered=uncovered,
            owes={name: Counter(row["unpaid"]) for name, row in rows.items()},
            stood={
                name: Counter(row["payers"]) - Counter(called[name]["payers"]) for name, row in rows.items()
            },
            stood_uncovered=max(0, uncovered - called_uncovered),
            groups={
                item["group"]: [layer["id"] for layer in item["layers"]]
                for item in self.book["layers"]
                if "group" in item
            },
            recoveries=self.book.get("recoveries") or {},
            keys=self.recovery_keys(),
        )
        self.exhaust()
        self.past.append(past)
        self.gone |= set(self.defaulters)
        return result

    def is_unused(self, rows: dict[str, Any]) -> bool:
        """Whether members' money paid nothing."""
        return not any(rows[one["id"]]["used"] for one in self.active if one.get("payer") == "members")

    # Layers passed over (`next: resume`).

    def passed_over(self) -> set[tuple[str, str]]:
        """The layers exhausted in the period."""
        rules = self.book.get("several_defaults") or {}
        if rules.get("next") != "resume":
            return set()
        if self.period is None or not self.calendar.is_within(self.period, rules.get("period"), self.when):
            self.period, self.exhausted = self.when, set()
        return set(self.exhausted)

    def passable(self) -> list[tuple[str, str]]:
        """The layers in force that can be exhausted, by segment: no defaulter's own, and no action."""
        layers = [one for one in self.active if "action" not in one and one["payer"] not in NEVER_PASSED]
        return [(one["id"], segment) for one in layers for segment in self.segments_of(one)]

    def exhaust(self) -> None:
        """Note which layers have paid all they could, or were gone past; once all have, none is."""
        for name, segment in self.passable():
            could = (self.could[name] or {}).get(segment)
            used = self.now["all", name, segment]
            if (used > 0 and used == could) or self.beyond_it[name, segment] > 0:
                self.exhausted.add((name, segment))
        if set(self.passable()) <= self.exhausted:
            self.exhausted = set()


def gathered(scenario: dict[str, Any], pinned: str | None) -> list[list[dict[str, Any]]]:
    """The defaults that are poured together: of one instant, or within `one_event` of the first."""

    def when(default: dict[str, Any]) -> tuple[datetime, str, bytes]:
        return moment(default["at"]).at, default["at"][:10], default["member"].encode()

    events: list[list[dict[str, Any]]] = []
    first, length, calendar = Moment(datetime.min, datetime.min.date()), None, Calendar(None)
    for default in sorted(scenario["defaults"], key=when):
        now = moment(default["at"])
        together = events and (
            now.at == first.at or (length is not None and calendar.is_within(first, length, now))
        )
        if together:
            events[-1].append(default)
            continue
        events.append([default])
        book = on_day(scenario["rulebook"], pinned or default["at"][:10])
        length = (book.get("several_defaults") or {}).get("one_event")
        first, calendar = now, Calendar(book.get("calendar"))
    return events


def told(scenario: dict[str, Any], pinned: str | None = None) -> tuple[list[dict[str, Any]], list[Happening]]:
    """One result per event and one per happening, in order of time (section 9)."""
    run = Run(scenario, pinned)
    steps: list[tuple[datetime, int, int, Any]] = []
    for number, defaults in enumerate(gathered(scenario, pinned)):
        steps.append((moment(defaults[0]["at"]).at, 0, number, defaults))
    for number, event in enumerate(scenario.get("events") or []):
        steps.append((moment(event["at"]).at, 1, number, event))
    events, happenings = [], []
    for _, kind, _, step in sorted(steps, key=lambda one: one[:3]):
        if kind:
            happenings += run.happen(step)
        else:
            events.append(run.event(step))
    return events, happenings


def judge(scenario: dict[str, Any], pinned: str | None = None) -> list[dict[str, Any]]:
    """One result per event, in order of time."""
    return told(scenario, pinned)[0]
