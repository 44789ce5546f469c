"""Margins from a table: every account, and what is said of its member.

    member, initial_margin, and if need be account, fund, segment, group, weight, floor

Losses name an account ``member``, or ``member/account`` for a client; before it stand the fund, where there
are several, and its segment, where it has any: ``fund:segment:member/account``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path as FilePath

from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused
from penstock.core.scenario import HOUSE
from penstock.store.documents import Scalar
from penstock.store.lines import read_money, read_number
from penstock.store.tables import read_table

KINDS = {
    "account": "word",
    "fund": "word",
    "segment": "word",
    "initial_margin": "money",
    "group": "word",
    "weight": "number",
    "floor": "money",
    "day": "word",
}


@dataclass(frozen=True, slots=True)
class MarginRow:
    """One account: whose it is, its margin in minor units, its default fund and segment if there are any."""

    member: str
    account: str
    margin: int
    fund: str = ""
    segment: str = ""

    @property
    def name(self) -> str:
        """As losses name it."""
        return account_name(self.fund, self.segment, self.member, self.account)


@dataclass(frozen=True, slots=True)
class Fund:
    """One default fund: the places of its accounts in the book, and its members' weights and floors.

    Members of whom nothing is said are left out. Floors in minor units.
    """

    places: tuple[int, ...]
    weights: dict[str, Fraction]
    floors: dict[str, int]


@dataclass(frozen=True, slots=True)
class Book:
    """Every account, in file order; groups by member, where it has one; funds by name, "" if only one."""

    rows: tuple[MarginRow, ...]
    groups: dict[str, str]
    funds: dict[str, Fund]


def account_name(fund: str, segment: str, member: str, account: str) -> str:
    """The name of an account in a table of losses."""
    name = member if account in ("", HOUSE) else f"{member}/{account}"
    return ":".join(part for part in (fund, segment, name) if part)


def read_book(path: FilePath, unit: Currency) -> Book:
    """The margins in a CSV or Excel table; Refused with every mistake of the table, or the first of sense."""
    rows: list[MarginRow] = []
    seen: set[str] = set()
    first: dict[str, MarginRow] = {}
    said: dict[tuple[str, str, str], str] = {}
    for where, cells in read_table(path, KINDS, unit):
        at = f"{where}:{cells['member'].line}:{cells['member'].column}"
        row = _row(cells, unit, at)
        if row.name in seen:
            raise Refused(Problem("STRESS_TWICE", (), f"{row.name!r} stands twice", "it once", place=at))
        seen.add(row.name)
        if rows and bool(row.fund) != bool(rows[0].fund):
            says = f"{row.name!r} has {'a' if row.fund else 'no'} fund, unlike the first account"
            raise Refused(Problem("STRESS_MISSING", (), says, "a fund for each account, or none", place=at))
        if bool(row.segment) != bool(first.setdefault(row.fund, row).segment):
            says = f"{row.name!r} has {'a' if row.segment else 'no'} segment, unlike the first account"
            says += f" of fund {row.fund!r}" if row.fund else ""
            instead = "a segment for each account of the fund, or none"
            raise Refused(Problem("STRESS_MISSING", (), says, instead, place=at))
        rows.append(row)
        for name, fund in (("group", ""), ("weight", row.fund), ("floor", row.fund)):
            text = cells[name].text if name in cells else None
            if text is None:
                continue
            _checked(name, text, row.member, unit, at)
            if said.setdefault((name, fund, row.member), text) != text:
                says = f"{row.member} has two values of {name}"
                raise Refused(Problem("STRESS_TWICE", (), says, "the same on all its rows", place=at))
    return Book(
        rows=tuple(rows),
        groups=_said(said, "group", ""),
        funds={
            fund: Fund(
                places=tuple(i for i, row in enumerate(rows) if row.fund == fund),
                weights={m: Fraction(text) for m, text in _said(said, "weight", fund).items()},
                floors={m: read_money(text, unit, "") for m, text in _said(said, "floor", fund).items()},
            )
            for fund in sorted({row.fund for row in rows})
        },
    )


def _row(cells: Mapping[str, Scalar], unit: Currency, at: str) -> MarginRow:
    """The account of one row."""
    if "day" in cells:
        says = "margins by day: they are the same on all days"
        raise Refused(Problem("STRESS_DAY", (), says, "the table without its column day", place=at))
    member = cells["member"].text
    account = cells["account"].text if "account" in cells else HOUSE
    margin = cells["initial_margin"].text if "initial_margin" in cells else ""
    amount = read_money(margin, unit, at, f"{member} {account} has no initial_margin")
    if amount < 0:
        says = f"{member} {account} has a negative margin"
        raise Refused(Problem("STRESS_NEGATIVE", (), says, "what is held, 0 or more", place=at))
    fund, segment = (cells[name].text if name in cells else "" for name in ("fund", "segment"))
    return MarginRow(member, account, amount, fund, segment)


def _checked(name: str, text: str, member: str, unit: Currency, at: str) -> None:
    """Refused where a weight is no number, or a floor no amount from 0 on."""
    if name == "weight":
        read_number(text, at, f"the weight of {member}")
    if name == "floor" and read_money(text, unit, at) < 0:
        says = f"the floor of {member} is negative"
        raise Refused(Problem("STRESS_NEGATIVE", (), says, "0, or an amount", place=at))


def _said(said: Mapping[tuple[str, str, str], str], name: str, fund: str) -> dict[str, str]:
    """What is said of the members under one column, in one fund."""
    return {member: text for (what, where, member), text in said.items() if (what, where) == (name, fund)}
