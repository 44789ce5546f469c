"""Calendar files: which days are business days, of the calendars that rulebooks name."""

from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path as FilePath

from penstock.core.amounts import Window
from penstock.core.business_days import Calendar, Duration
from penstock.core.problems import Problem, Refused, nearest
from penstock.core.rulebook import Rulebook
from penstock.store.documents import Map, parse
from penstock.store.reading import Reader
from penstock.store.rulebooks import read_bytes
from penstock.store.values import Unreadable

WORDS = ("calendar", "title", "weekend", "first", "last", "cite", "holidays")


def calendars() -> dict[str, FilePath]:
    """The calendars that come with Penstock, by name."""
    folder = FilePath(str(files("penstock") / "calendars"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


@cache
def load_calendar(name: str) -> Calendar:
    """The calendar of this name; Refused CALENDAR_UNKNOWN, or with what is wrong in its file."""
    known = calendars()
    if name not in known:
        instead = nearest(name, known) or "one of " + ", ".join(known) + ", or the calendar itself"
        raise Refused(Problem("CALENDAR_UNKNOWN", ("calendar",), f"there is no calendar {name!r}", instead))
    document = parse(read_bytes(known[name], "calendar"), str(known[name]))
    reader = Reader(document, "CALENDAR")
    try:
        root = reader.words(document.root, (), WORDS, "a calendar")
        citation = reader.cite(root.items["cite"], ("cite",)).citation
        own = Map({k: root.items[k] for k in root.items if k not in ("calendar", "title", "cite")}, root.keys)
        calendar: Calendar = reader.dataclass(Calendar, own, ())
    except Unreadable:
        raise Refused(reader.problems) from None
    if reader.problems:
        raise Refused(reader.problems)
    return replace(calendar, cite=f"{citation.title}, {citation.href}")


def calendar_for(rulebook: Rulebook) -> Calendar | None:
    """The calendar that a run under the rulebook needs; None where it counts no business days."""
    name = rulebook.calendar
    if not isinstance(name, str) or not any(one.unit == "business_days" for one in _counted(rulebook)):
        return None
    return load_calendar(name)


def _counted(rulebook: Rulebook) -> list[Duration]:
    """Every length of time that a run counts."""
    windows = [layer.window for layer, _ in rulebook.all_layers()] + [cap.window for cap in rulebook.caps]
    found: list[Duration | None] = []
    every: list[Window | None] = [window for dated in windows if dated for _, window in dated.versions]
    every += [rule.window for rule in rulebook.replenishment]
    for window in every:
        found += [window.length, window.longest] if window else []
    for _, several in rulebook.several_defaults.versions if rulebook.several_defaults else ():
        found += [several.one_event, several.period]
    return [one for one in found if one]
