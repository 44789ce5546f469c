"""Windows and days: a table of cases counted by hand on the calendar."""

from datetime import UTC, date, datetime

import pytest

from penstock.core.amounts import Window
from penstock.core.business_days import Calendar, Duration, moved, within
from penstock.core.history import Past, Use
from penstock.core.problems import Refused
from penstock.core.windows import frame
from penstock.store.calendars import calendars, load_calendar

WEEK = Calendar(("saturday", "sunday"), (date(2024, 5, 1),), date(2024, 1, 1), date(2024, 12, 31))


def length(text: str) -> Duration:
    found = Duration.parse(text)
    assert found
    return found


MOVED = [
    ("2024-04-26", "1 business_day", "2024-04-29", "2024-04-25"),  # a Friday: Monday, and Thursday
    ("2024-04-30", "1 business_day", "2024-05-02", "2024-04-29"),  # 1 May is a holiday
    ("2024-04-28", "1 business_day", "2024-04-29", "2024-04-26"),  # from a Sunday
    ("2024-04-26", "5 business_days", "2024-05-06", "2024-04-19"),
    ("2024-01-31", "1 month", "2024-02-29", "2023-12-31"),
    ("2024-03-31", "1 month", "2024-04-30", "2024-02-29"),
    ("2024-02-29", "1 year", "2025-02-28", "2023-02-28"),
    ("2024-11-30", "3 months", "2025-02-28", "2024-08-30"),
    ("2024-03-01", "30 days", "2024-03-31", "2024-01-31"),
    ("2024-03-01", "25 hours", "2024-03-03", "2024-02-28"),
]


@pytest.mark.parametrize(("day", "by", "later", "earlier"), MOVED)
def test_days_are_counted_as_on_a_calendar(day: str, by: str, later: str, earlier: str) -> None:
    assert moved(date.fromisoformat(day), length(by), WEEK) == date.fromisoformat(later)
    assert moved(date.fromisoformat(day), length(by), WEEK, back=True) == date.fromisoformat(earlier)


def test_a_calendar_speaks_for_its_years_only() -> None:
    with pytest.raises(Refused) as refused:
        moved(date(2024, 12, 31), length("1 business_day"), WEEK)
    assert refused.value.code == "CALENDAR_RANGE"
    with pytest.raises(Refused) as refused:
        moved(date(2024, 5, 2), length("1 business_day"), None)
    assert refused.value.code == "CALENDAR_MISSING"


def test_time_does_not_end_before_the_calendar_of_dates_does() -> None:
    assert moved(date(2024, 5, 2), length("99999 months"), None) == date.max
    assert moved(date(2024, 5, 2), length("99999 months"), None, back=True) == date.min
    assert moved(date(9999, 5, 2), length("99999 days"), None) == date.max
    assert moved(date(2, 5, 2), length("99999 days"), None, back=True) == date.min


def test_hours_compare_instants_and_days_compare_local_days() -> None:
    start = datetime(2024, 5, 2, 22, tzinfo=UTC)
    assert within(length("24 hours"), start, datetime(2024, 5, 3, 22, tzinfo=UTC), None)
    assert not within(length("24 hours"), start, datetime(2024, 5, 3, 22, 1, tzinfo=UTC), None)
    assert within(length("1 day"), start, datetime(2024, 5, 3, 23, 59, tzinfo=UTC), None)
    assert not within(length("1 day"), start, datetime(2024, 5, 4, tzinfo=UTC), None)


def event(day: str, members_pay: bool = True) -> Past:
    at = datetime.fromisoformat(f"{day}T09:00:00+00:00")
    paid = (Use("fund", "A", 100),) if members_pay else (Use("own", "ccp", 100),)
    return Past(("X",), at, at.date(), paid, {}, by_members=frozenset(("fund",)))


# window, earlier defaults (! where members paid nothing), this one -> the window's first day, those inside
FRAMES = [
    (Window(), "2020-01-01 2024-04-01", "2024-05-01", "2020-01-01", "2020-01-01 2024-04-01"),
    (Window(length("30 days")), "2024-03-01", "2024-03-31", "2024-03-01", "2024-03-01"),
    (Window(length("30 days")), "2024-03-01", "2024-04-01", "2024-04-01", ""),
    # the first opens it, one outside opens the next
    (Window(length("30 days")), "2024-03-01 2024-03-20 2024-04-02", "2024-04-20", "2024-04-02", "2024-04-02"),
    (Window(length("30 days")), "2024-03-01 2024-03-20", "2024-04-10", "2024-04-10", ""),
    # rolling: counted from the latest inside
    (
        Window(length("30 days"), rolling=True),
        "2024-03-01 2024-03-20",
        "2024-04-10",
        "2024-03-01",
        "2024-03-01 2024-03-20",
    ),
    (Window(length("30 days"), rolling=True), "2024-03-01 2024-03-20", "2024-04-20", "2024-04-20", ""),
    (
        Window(length("30 days"), rolling=True, longest=length("40 days")),
        "2024-03-01 2024-03-20",
        "2024-04-10",
        "2024-03-01",
        "2024-03-01 2024-03-20",
    ),
    (
        Window(length("30 days"), rolling=True, longest=length("40 days")),
        "2024-03-01 2024-03-20",
        "2024-04-11",
        "2024-04-11",
        "",
    ),
    # looking back: this day and the 29 before it
    (
        Window(length("30 days"), look_back=True),
        "2024-04-01 2024-04-02 2024-04-20",
        "2024-05-01",
        "2024-04-02",
        "2024-04-02 2024-04-20",
    ),
    # five business days: 2 May, 30 April, 29, 26 and 25
    (
        Window(length("5 business_days"), look_back=True),
        "2024-04-24 2024-04-25",
        "2024-05-02",
        "2024-04-25",
        "2024-04-25",
    ),
    (
        Window(length("2 business_days"), look_back=True),
        "2024-04-25 2024-04-26",
        "2024-04-27",
        "2024-04-25",
        "2024-04-25 2024-04-26",
    ),
    (
        Window(length("48 hours"), look_back=True),
        "2024-04-29 2024-04-30",
        "2024-05-01",
        "2024-04-29",
        "2024-04-30",
    ),
    # one in which members paid nothing closes it
    (Window(length("30 days"), ends_early="if_unused"), "2024-03-01!", "2024-03-10", "2024-03-10", ""),
    (
        Window(length("30 days"), ends_early="if_unused"),
        "2024-03-01",
        "2024-03-10",
        "2024-03-01",
        "2024-03-01",
    ),
    (
        Window(length("30 days"), ends_early="if_unused"),
        "2024-03-01! 2024-03-05",
        "2024-03-10",
        "2024-03-05",
        "2024-03-05",
    ),
]


@pytest.mark.parametrize(("window", "past", "now", "opens", "inside"), FRAMES)
def test_a_window_holds(window: Window, past: str, now: str, opens: str, inside: str) -> None:
    events = [event(day.rstrip("!"), not day.endswith("!")) for day in past.split()]
    at = datetime.fromisoformat(f"{now}T09:00:00+00:00")
    found = frame(window, events, at, at.date(), WEEK)
    assert found is not None
    assert str(found.opens) == opens
    assert [str(one.day) for one in found.events] == inside.split()


def test_a_window_may_open_at_notice() -> None:
    notice = Past(("X",), datetime(2024, 3, 5, 9, tzinfo=UTC), date(2024, 3, 1), (), {})
    window = Window(length("30 days"), starts="at_notice")
    for day, inside in ((date(2024, 3, 31), True), (date(2024, 4, 1), False)):
        at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        found = frame(window, [notice], at, day, None)
        assert found is not None
        assert bool(found.events) == inside


def test_a_window_of_a_member_binds_from_its_own_date() -> None:
    window = Window(starts="at_resigning_notice")
    past = [event("2024-03-01"), event("2024-04-01")]
    at = datetime(2024, 5, 1, 9, tzinfo=UTC)
    assert frame(window, past, at, at.date(), None) is None
    assert frame(window, past, at, at.date(), None, date(2024, 5, 2)) is None
    found = frame(window, past, at, at.date(), None, date(2024, 3, 15))
    assert found is not None
    assert [one.day for one in found.events] == [date(2024, 4, 1)]
    ended = Window(length("30 days"), starts="at_resigning_notice")
    assert frame(ended, past, at, at.date(), None, date(2024, 3, 15)) is None
    assert frame(ended, past, at, at.date(), None, date(2024, 4, 1)) is not None


@pytest.mark.parametrize("name", sorted(calendars()))
def test_every_calendar_can_be_read(name: str) -> None:
    calendar = load_calendar(name)
    assert calendar.first < calendar.last
    assert calendar.cite
    days = list(calendar.holidays)
    assert days == sorted(set(days))
    assert all(calendar.first <= day <= calendar.last for day in days)
    assert not [day for day in days if day.weekday() >= 5], "holidays on weekdays only"
    for year in range(calendar.first.year, calendar.last.year + 1):
        assert sum(day.year == year for day in days) >= 2, f"{name} in {year}"


def test_target_closes_on_six_days() -> None:
    """ECB, long-term calendar of 14 December 2000: Easter 2024 was on 31 March."""
    calendar = load_calendar("target")
    closed = [day for day in calendar.holidays if day.year == 2024]
    assert [str(day) for day in closed] == [
        "2024-01-01", "2024-03-29", "2024-04-01", "2024-05-01", "2024-12-25", "2024-12-26",
    ]  # fmt: skip
    assert moved(date(2024, 3, 1), length("20 business_days"), calendar) == date(2024, 4, 2)


def test_an_unknown_calendar_is_refused_with_the_nearest() -> None:
    with pytest.raises(Refused, match="target"):
        load_calendar("targett")
