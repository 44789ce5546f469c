"""Lengths of time as a rule writes them, and business calendars as values."""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from penstock.core.problems import Problem, Refused

Unit = Literal["days", "business_days", "months", "years", "hours"]

_DURATION = re.compile(r"([1-9][0-9]{0,4}) (day|business_day|month|year|hour)s?")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Duration:
    """``20 business_days``: a count and a unit."""

    count: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.count} {self.unit if self.count > 1 else self.unit[:-1]}"

    @staticmethod
    def parse(text: str) -> "Duration | None":
        """The duration written in ``text``, or None if it is none."""
        match = _DURATION.fullmatch(text)
        if match is None:
            return None
        unit: Mapping[str, Unit] = {
            "day": "days",
            "business_day": "business_days",
            "month": "months",
            "year": "years",
            "hour": "hours",
        }
        return Duration(int(match[1]), unit[match[2]])


@dataclass(frozen=True, slots=True)
class Calendar:
    """Weekend days by name and holidays; speaks for ``first`` to ``last`` and no further."""

    weekend: tuple[str, ...] = field(metadata={"says": "Days without business, by name"})
    holidays: tuple[date, ...] = field(metadata={"says": "Other days without business"})
    first: date = field(metadata={"says": "First day it speaks for"})
    last: date = field(metadata={"says": "Last day it speaks for"})
    cite: str = field(metadata={"says": "Where it was read"}, default="")

    def is_business_day(self, day: date) -> bool:
        """Whether business is done on the day; Refused CALENDAR_RANGE outside the calendar's years."""
        if not self.first <= day <= self.last:
            says = f"the calendar speaks for {self.first} to {self.last}, and {day} is asked for"
            raise Refused(Problem("CALENDAR_RANGE", ("calendar",), says, "a calendar of those years"))
        return WEEKDAYS[day.weekday()] not in self.weekend and day not in self.holidays


def moved(day: date, by: Duration, calendar: Calendar | None, *, back: bool = False) -> date:
    """The day so much later, or earlier: the day itself not counted, months clipped to their end.

    Hours move to the day in which they end. Refused CALENDAR_MISSING for business days without calendar.
    """
    step = -1 if back else 1
    if by.unit == "business_days":
        if calendar is None:
            says = f"{by}: nobody says which days are business days"
            raise Refused(Problem("CALENDAR_MISSING", ("calendar",), says, "calendar: target, for one"))
        left = by.count
        while left:
            day += timedelta(days=step)
            left -= calendar.is_business_day(day)
        return day
    if by.unit in ("months", "years"):
        months = day.year * 12 + day.month - 1 + step * by.count * (12 if by.unit == "years" else 1)
        year, month = divmod(months, 12)
        if not date.min.year <= year <= date.max.year:
            return date.min if back else date.max
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    days = by.count if by.unit == "days" else -(-by.count // 24)
    room = (day - date.min).days if back else (date.max - day).days
    return day + step * timedelta(days=min(days, room))


def within(length: Duration | None, start: datetime, at: datetime, calendar: Calendar | None) -> bool:
    """Whether ``at`` is at most ``length`` after ``start``: hours by the instant, else by local days."""
    if length is None:
        return True
    if length.unit == "hours":
        return at <= start + timedelta(hours=length.count)
    return at.date() <= moved(start.date(), length, calendar)
