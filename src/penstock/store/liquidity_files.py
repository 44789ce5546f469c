"""Liquidity needs and resources from files: amounts in several currencies, each with its own decimals.

    needs        member, currency, day, amount, and group if need be: a row a member, currency and day
    resources    currency, amount, and provider and kind if need be: a row a resource

A day is a date or a whole number. Whoever needs a currency at all says so for every day of the table. The
kind of a resource is for whoever reads the table.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

from penstock.core.money import Currency, currency
from penstock.core.problems import Problem, Refused, nearest
from penstock.store.lines import columns_of, read_day, read_lines, read_money, read_name, same_width

_UNITLESS = Currency("", 0)
"""Cells of a sheet are left as they are: their currency stands in the row."""
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class NeedsTable:
    """Cash needs in minor units by member, currency and day; below zero money comes in.

    ``groups`` by member, itself where it has none; currencies in byte order, days in order.
    """

    groups: dict[str, str]
    units: dict[str, Currency]
    days: tuple[str, ...]
    amounts: dict[tuple[str, str, str], int]


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """An amount in minor units of ``unit``, and the provider as written, "" if none."""

    unit: Currency
    amount: int
    provider: str


def read_needs(path: FilePath) -> NeedsTable:
    """The needs of a CSV or Excel table; Refused with the first mistake and its place."""
    rows = _rows(path, ("member", "currency", "day", "amount"), ("group",))
    groups: dict[str, str] = {}
    units: dict[str, Currency] = {}
    amounts: dict[tuple[str, str, str], int] = {}
    days: dict[str, int] = {}
    forms: set[int] = set()
    for at, cells in rows:
        member = read_name(cells["member"], at["member"], "member")
        unit = _unit(cells["currency"], at["currency"])
        written, number, form = _day(cells["day"], at["day"])
        if forms and form not in forms:
            says = f"{written} beside {next(iter(days))}"
            instead = "dates for all days, or numbers for all"
            raise Refused(Problem("STRESS_DAY", (), says, instead, place=at["day"]))
        forms.add(form)
        group = cells.get("group", "") and read_name(cells["group"], at["group"], "group")
        if group and groups.setdefault(member, group) != group:
            says = f"{member} has two groups, {groups[member]} and {group}"
            instead = "the same on all its rows, or nothing"
            raise Refused(Problem("STRESS_TWICE", (), says, instead, place=at["group"]))
        key = member, unit.code, written
        if key in amounts:
            says = f"{member} {unit} {written} stands twice"
            raise Refused(Problem("STRESS_TWICE", (), says, "it once", place=at["member"]))
        amounts[key] = _amount(path, cells["amount"], unit, at["amount"])
        units[unit.code], days[written] = unit, number
    order = tuple(sorted(days, key=lambda written: days[written]))
    _every_day(path, order, amounts)
    return NeedsTable(
        groups={member: groups.get(member, member) for member, _, _ in amounts},
        units={code: units[code] for code in sorted(units)},
        days=order,
        amounts=amounts,
    )


def read_resources(path: FilePath, needs: NeedsTable) -> list[ResourceRow]:
    """The resources of a CSV or Excel table, whose providers are members or groups of the needs.

    Refused with the first mistake and its place, and where a currency of the needs has no row.
    """
    known = {*needs.groups, *needs.groups.values()}
    found = []
    for at, cells in _rows(path, ("currency", "amount"), ("provider", "kind")):
        unit = _unit(cells["currency"], at["currency"])
        amount = _amount(path, cells["amount"], unit, at["amount"])
        if amount < 0:
            says = "a resource is negative"
            raise Refused(Problem("STRESS_NEGATIVE", (), says, "0, or an amount", place=at["amount"]))
        provider = cells.get("provider", "") and read_name(cells["provider"], at["provider"], "provider")
        if provider and provider not in known:
            says = f"the provider {provider!r} is no member or group of the needs"
            instead = nearest(provider, known) or "nothing where it is no member"
            raise Refused(Problem("STRESS_UNKNOWN", (), says, instead, place=at["provider"]))
        found.append(ResourceRow(unit, amount, provider))
    missing = sorted(set(needs.units) - {row.unit.code for row in found})
    if missing:
        says = f"no resources in {', '.join(missing)}, which is needed"
        instead = f"{missing[0]} with 0 where there are none"
        raise Refused(Problem("STRESS_MISSING", (), says, instead, place=str(path)))
    return found


def _rows(
    path: FilePath, needed: Sequence[str], more: Sequence[str]
) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Places and cells of the rows by column."""
    lines = read_lines(path, _UNITLESS)
    header = [cell.strip() for cell in next(lines, (1, []))[1]]
    columns = columns_of(path, header, needed, more)
    found = []
    for line, cells in lines:
        same_width(path, line, cells, header)
        at = {column: f"{path}:{line}:{i + 1}" for column, i in columns.items()}
        found.append((at, {column: cells[i].strip() for column, i in columns.items()}))
    if not found:
        says = "the table has a header only"
        raise Refused(Problem("STRESS_MISSING", (), says, "rows under it", place=str(path)))
    return found


def _amount(path: FilePath, text: str, unit: Currency, at: str) -> int:
    """Minor units; a sheet shows no zeros at the end of a number."""
    whole, point, part = text.partition(".")
    if path.suffix.lower() != ".csv" and point and part.isdecimal():
        text = f"{whole}.{part.ljust(unit.decimals, '0')}"
    return read_money(text, unit, at)


def _unit(text: str, at: str) -> Currency:
    try:
        return currency(text)
    except Refused as refused:
        one = refused.problems[0]
        raise Refused(Problem(one.code, (), one.says, one.instead, place=at)) from None


def _day(text: str, at: str) -> tuple[str, int, int]:
    """A day as it is told, a number by which days are in order, and whether it is a number or a date."""
    if _NUMBER.fullmatch(text):
        return str(int(text)), int(text), 0
    found = read_day(text, at)
    return str(found), found.toordinal(), 1


def _every_day(path: FilePath, days: Sequence[str], amounts: Mapping[tuple[str, str, str], int]) -> None:
    """Refused where a member says on one day what it needs of a currency, and nothing on another."""
    for member, code in dict.fromkeys((member, code) for member, code, _ in amounts):
        for written in days:
            if (member, code, written) not in amounts:
                says = f"{member} says nothing of {code} on {written}"
                instead = "a row a day, 0 where nothing is needed"
                raise Refused(Problem("STRESS_MISSING", (), says, instead, place=str(path)))
