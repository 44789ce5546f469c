"""Lengths of time as a rule writes them, and business calendars as values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

Unit = Literal["days", "business_days", "months", "years", "hours"]

_DURATION = re.compile(r"([1-9][0-9]{0,4}) (day|business_day|month|year|hour)s?")


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

    weekend: tuple[str, ...]
    holidays: tuple[date, ...]
    first: date
    last: date
    cite: str = ""
