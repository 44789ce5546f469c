"""Days, lengths and windows (section 5): which earlier events count together with this one."""

import calendar as months
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Moment:
    """An instant, and the local date written in it."""

    at: datetime
    day: date


@dataclass
class Stamp:
    """When something happened; an event also has a notice, and may have left members' money alone."""

    when: Moment
    notice: Moment
    unused: bool = False
    is_event: bool = True


def moment(text: str) -> Moment:
    """As written; a time without zone is UTC."""
    at = datetime.fromisoformat(text)
    return Moment(at if at.tzinfo else at.replace(tzinfo=UTC), date.fromisoformat(text[:10]))


class Calendar:
    """Business days: neither weekend nor holiday."""

    def __init__(self, spec: Any) -> None:
        spec = spec if isinstance(spec, dict) else {}
        self.weekend = {WEEK.index(name) for name in spec.get("weekend") or ()}
        self.holidays = {date.fromisoformat(day) for day in spec.get("holidays") or ()}

    def is_open(self, day: date) -> bool:
        """Whether it is a business day."""
        return day.weekday() not in self.weekend and day not in self.holidays

    def moved(self, day: date, length: str, sign: int = 1) -> date:
        """A length after a day, or before it: the n-th business day, the same day of the month, clipped."""
        number, unit = length.split()
        count, unit = int(number), unit.rstrip("s")
        if unit == "business_day":
            while count:
                day += timedelta(days=sign)
                count -= self.is_open(day)
            return day
        if unit == "day":
            return day + timedelta(days=sign * count)
        total = day.year * 12 + day.month - 1 + sign * count * (12 if unit == "year" else 1)
        year, month = divmod(total, 12)
        return date(year, month + 1, min(day.day, months.monthrange(year, month + 1)[1]))

    def is_within(self, start: Moment, length: str | None, later: Moment) -> bool:
        """Whether something is at most a length after its start."""
        if length is None:
            return True
        count, unit = length.split()
        if unit.startswith("hour"):
            return later.at <= start.at + timedelta(hours=int(count))
        return later.day <= self.moved(start.day, length)

    def is_recent(self, now: Moment, length: str, earlier: Moment) -> bool:
        """Whether something is less than a length back."""
        count, unit = length.split()
        if unit.startswith("hour"):
            return earlier.at > now.at - timedelta(hours=int(count))
        return earlier.day >= self.first_recent(now, length)

    def first_recent(self, now: Moment, length: str) -> date:
        """The first day of the time that looks back a length: of so many business days, the first."""
        count, unit = length.split()
        if unit.startswith("hour"):
            return (now.at - timedelta(hours=int(count))).date()
        if unit.startswith("business"):
            before = int(count) - self.is_open(now.day)
            return self.moved(now.day, f"{before} {unit}", -1)
        return self.moved(now.day, length, -1) + timedelta(days=1)


Found = tuple[list[int], date]
"""The places of those that count together with the last one, itself left out, and the opening day."""


def counted(window: Any, stamps: Sequence[Stamp], calendar: Calendar, own: str | None) -> Found | None:
    """Which of the stamps stand in the window of the last one, an event; None if it is under none.

    ``own`` is the payer's date where the window starts at one.
    """
    now = stamps[-1]
    length = window.get("length")
    starts = window.get("starts", "at_declaration")
    if window.get("look_back") == "true":
        return _picked(stamps, lambda one: calendar.is_recent(now.when, length, one)), calendar.first_recent(
            now.when, length
        )
    if starts not in ("at_declaration", "at_notice"):
        if own is None:
            return None
        first = date.fromisoformat(own)
        start = Moment(datetime(first.year, first.month, first.day, tzinfo=UTC), first)

        def fits(one: Moment) -> bool:
            return one.day >= first and calendar.is_within(start, length, one)

        return (_picked(stamps, fits), first) if fits(now.when) else None
    return _walked(window, stamps, calendar)


def _picked(stamps: Sequence[Stamp], fits: Callable[[Moment], bool]) -> list[int]:
    return [i for i, one in enumerate(stamps[:-1]) if fits(one.when)]


def _walked(window: Any, stamps: Sequence[Stamp], calendar: Calendar) -> Found:
    inside: list[int] = []
    opening = anchor = stamps[-1].when
    is_open = False
    for i, one in enumerate(stamps):
        start = one.notice if window.get("starts") == "at_notice" else one.when
        fits = is_open and calendar.is_within(anchor, window.get("length"), one.when)
        fits = fits and calendar.is_within(opening, window.get("longest"), one.when)
        if not one.is_event:
            inside += [i] if fits else []
            continue
        if not fits:
            inside, opening, anchor, is_open = [], start, start, True
        elif window.get("rolling") == "true":
            anchor = start
        inside.append(i)
        if window.get("ends_early") == "if_unused" and one.unused:
            is_open = False
    return inside[:-1], opening.day
