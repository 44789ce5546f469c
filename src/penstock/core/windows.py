"""Windows: which earlier events count together with this one, and when the window opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from penstock.core.amounts import Window
from penstock.core.business_days import Calendar, Duration, moved, within
from penstock.core.history import Past


@dataclass(frozen=True, slots=True)
class Frame:
    """The window that an event stands in: its opening day, and the earlier events inside."""

    opens: date
    events: tuple[Past, ...]


@dataclass(frozen=True, slots=True)
class _Now:
    """The event that is asked about, as far as a window sees it."""

    at: datetime
    notice: date


def frame(
    window: Window | None,
    past: Sequence[Past],
    at: datetime,
    notice: date,
    calendar: Calendar | None,
    start: date | None = None,
) -> Frame | None:
    """The window that an event at ``at`` stands in; without a window, the event by itself.

    ``start`` is the payer's own date where the window starts at one. None: the window does not bind.
    """
    day = at.date()
    if window is None:
        return Frame(day, ())
    if window.look_back and window.length and window.length.unit == "hours":
        after = at - timedelta(hours=window.length.count)
        return Frame(after.date(), tuple(event for event in past if event.at > after))
    if window.look_back and window.length:
        first = opening(day, window.length, calendar)
        return Frame(first, tuple(event for event in past if event.day >= first))
    if window.starts not in ("at_declaration", "at_notice"):
        if start is None or day < start:
            return None
        if window.length and day > moved(start, window.length, calendar):
            return None
        return Frame(start, tuple(event for event in past if event.day >= start))
    return _walked(window, past, _Now(at, notice), calendar)


def opening(day: date, length: Duration, calendar: Calendar | None) -> date:
    """The first of the days that look back from ``day`` and end with it."""
    if length.unit == "business_days" and calendar:
        on_business = calendar.is_business_day(day)
        back = length.count - on_business
        return moved(day, Duration(back, "business_days"), calendar, back=True) if back else day
    return moved(day, length, calendar, back=True) + timedelta(days=1)


def _walked(window: Window, past: Sequence[Past], now: _Now, calendar: Calendar | None) -> Frame:
    """The run of events that the window's words make, up to ``now``."""
    first: datetime | None = None
    latest = now.at
    inside: list[Past] = []

    def stays(event: Past | _Now) -> bool:
        if first is None:
            return False
        anchor = latest if window.rolling else first
        return within(window.length, anchor, event.at, calendar) and within(
            window.longest, first, event.at, calendar
        )

    for event in past:
        if not stays(event):
            first, inside = _opens(window, event), []
        latest = _opens(window, event)
        inside.append(event)
        if window.ends_early and not event.used(event.by_members):
            first = None
    if first is None or not stays(now):
        return Frame(_opens(window, now).date(), ())
    return Frame(first.date(), tuple(inside))


def _opens(window: Window, event: Past | _Now) -> datetime:
    """The instant from which an event counts the window's length."""
    if window.starts == "at_notice":
        return datetime.combine(event.notice, event.at.timetz())
    return event.at
