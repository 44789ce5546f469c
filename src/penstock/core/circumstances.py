"""Everything that can be read at one event: facts, fields, numbers, conditions.

What nobody has said raises ``NotKnown``; it is never zero.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fractions import Fraction

from penstock.core.amounts import Condition
from penstock.core.business_days import Calendar
from penstock.core.history import History
from penstock.core.rulebook import Layer, Rulebook
from penstock.core.scenario import Field, Member, Stated
from penstock.core.waterfall import Capacities

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")


class NotKnown(Exception):
    """A value that is needed, and that nobody has given or published; the text says which."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything a term can read at one event.

    ``day`` is the day whose rules are read, ``at`` the declaration, whose day's facts are read;
    ``pinned``: rules are read as of ``day`` at any moment. ``members`` have taken in what was found out
    so far; ``found_out`` are the members as each day's findings left them, the first entry before any.
    ``out`` are those in default before this event, ``defaulters`` those of it. ``facts`` of the default
    include its decisions under ``decided``; ``decided`` says which decisions name a member. ``layers``
    are those in force; ``kinds`` the members' fields with their kinds.

    What is being read: ``segment``, if one; ``span``, the days whose gains count; ``opens``, the first
    day of the window that the amount belongs to; ``capacities``, what earlier layers could give.
    """

    rulebook: Rulebook
    day: date
    at: datetime
    notice: date
    pinned: bool
    members: Mapping[str, Member]
    found_out: tuple[tuple[date, Mapping[str, Member]], ...]
    parties: Mapping[str, Mapping[str, Field]]
    figures: Mapping[str, Field]
    out: frozenset[str]
    defaulters: tuple[str, ...]
    facts: Mapping[str, frozenset[str]]
    decided: Mapping[str, frozenset[str]]
    layers: Mapping[str, Layer]
    history: History
    kinds: Mapping[str, str]
    calendar: Calendar | None = None
    segment: str = ""
    span: tuple[date, date] | None = None
    opens: date | None = None
    capacities: Capacities = field(default_factory=dict)
    reading: date | None = None
    """The day as of which values are read, where it is not that of the default."""
    whole: History | None = None
    """All that was recorded before the default, where ``history`` ends earlier."""

    @property
    def today(self) -> date:
        """The day whose facts and figures are read."""
        return self.reading or self.at.date()

    def survivors(self) -> list[str]:
        """Members never in default, in UTF-8 byte order (that of the code points)."""
        return sorted(m for m in self.members if m not in self.out and m not in self.defaulters)

    def as_of(self, moment: date) -> "Circumstances":
        """The same, with values read as they stood on an earlier or later day."""
        if moment == self.today:
            return self
        whole = self.whole or self.history
        now = moment == self.at.date()
        history = whole if now else whole.before(moment)
        return replace(
            self,
            day=self.day if self.pinned else moment,
            reading=moment,
            members=[members for day, members in self.found_out if day <= moment][-1],
            history=history,
            whole=whole,
            out=history.out,
        )


def number(field: Field | None, day: date, what: str, segment: str = "") -> Fraction:
    """The number in a field on the day: that of the segment, where it is told by segment and one is asked."""
    stated: list[Stated | None] = [field.on(day)] if field else [None]
    if field and field.by == "segment":
        stated = list(field.values.values())
        if segment:
            stated = [field.values.get(segment, Stated(0))]
    return sum((_stated(one, what) for one in stated), Fraction(0))


def _stated(one: Stated | None, what: str) -> Fraction:
    if one is None:
        raise NotKnown(f"{what} is not given")
    if one.value is None:
        raise NotKnown(f"{what} is not published" + (f": {one.why}" if one.why else ""))
    assert isinstance(one.value, (int, Fraction)), f"{what} is read as a number"
    return Fraction(one.value)


def owed(field: Field | None, what: str, known: Circumstances) -> dict[str, int]:
    """What the clearing house owes and may keep back, by segment; a loss is no gain.

    Told by day, the days of ``span`` count, and their net is what is owed.
    """
    if field is None:
        raise NotKnown(f"{what} is not given")
    if field.by == "day":
        first, last = known.span or (known.at.date(), date.max)
        days = [day for day in field.values if first <= date.fromisoformat(day) <= last]
        return {"": max(0, int(sum(_stated(field.values[day], what) for day in days)))}
    if field.by == "segment":
        wanted = [known.segment] if known.segment else known.rulebook.segments
        return {one: max(0, int(number(field, known.today, what, one))) for one in wanted}
    return {"": max(0, int(number(field, known.today, what)))}


def holds(condition: Condition, facts: Mapping[str, frozenset[str]]) -> bool:
    """Whether every field of the condition has one of the values wanted; a missing one is false."""
    return all(facts.get(name, frozenset(("false",))) & set(wanted) for name, wanted in condition.items())


def facts_of(member: str, known: Circumstances, wanted: Condition) -> dict[str, frozenset[str]]:
    """What ``where`` and ``order`` ask of a member: the values that it has, among those wanted or not."""
    facts: dict[str, frozenset[str]] = {}
    groups = {_word(known.members[d], "group", known) for d in known.defaulters} - {None}
    kinds = known.kinds
    for name, values in wanted.items():
        if name == "decided":
            found = known.decided.get(member, frozenset())
        elif name == "defaulter_affiliate":
            affiliate = _word(known.members[member], "group", known) in groups
            found = frozenset(("true",)) if affiliate else frozenset()
        elif kinds.get(name) in ("money", "number"):
            found = _equal(known.members[member], name, values, known)
        else:
            word = _word(known.members[member], name, known)
            found = frozenset() if word is None else frozenset((word,))
        facts[name] = found or frozenset(("false",))
    return facts


def _word(member: Member, name: str, known: Circumstances) -> str | None:
    stated = _told(member.fields.get(name), known)
    return None if stated is None or stated.value is None else str(stated.value)


def _told(field: Field | None, known: Circumstances) -> Stated | None:
    """What a field says now: in the segment that is read, where it is told by segment."""
    if field and field.by == "segment":
        return field.values.get(known.segment)
    return field.on(known.today) if field else None


def _equal(member: Member, name: str, wanted: tuple[str, ...], known: Circumstances) -> frozenset[str]:
    """Those of the wanted values, as written, that are the member's number or amount."""
    stated = _told(member.fields.get(name), known)
    if stated is None or not isinstance(stated.value, (int, Fraction)):
        return frozenset()
    unit = 10**known.rulebook.currency.decimals if isinstance(stated.value, int) else 1
    numbers = {text: Fraction(text) * unit for text in wanted if _NUMBER.fullmatch(text)}
    return frozenset(text for text, value in numbers.items() if value == stated.value)
