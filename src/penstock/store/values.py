"""Single values of the language: text, ids, flags, numbers, dates, times, money, currencies.

Every mistake is noted with its place and what to write instead; reading goes on elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from penstock.core.amounts import Citation
from penstock.core.business_days import Duration
from penstock.core.money import ISO_4217, Currency, Money, currency, parse
from penstock.core.problems import MOST_PROBLEMS, Path, Problem, Refused, nearest
from penstock.store.documents import Document, Map, Node, Scalar, place

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
_NUMERAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_WHOLE = re.compile(r"[1-9][0-9]{0,5}")
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_COUNTRY = re.compile(r"[A-Z]{2}")
OF_THEIR_OWN = ("TEXT_", "MONEY_", "DATE_AMBIGUOUS", "DUPLICATE_NAME")
"""Codes that are the same in every kind of document; the others begin with its prefix."""
_LONGEST_TEXT = 4000


class Unreadable(Exception):
    """This value cannot be read; the problem is in the reader's list."""


class ValueReader:
    """Reads the nodes of one document; ``problems`` is what was wrong so far.

    ``prefix`` begins the codes (RULE or SCENARIO). ``unit`` and ``citations`` are set as soon as
    they are known, for amounts and clauses need them.
    """

    def __init__(self, document: Document, prefix: str) -> None:
        self.document, self.prefix = document, prefix
        self.problems: list[Problem] = []
        self.unit: Currency | None = None
        self.citations: Mapping[str, Citation] = {}

    def problem(
        self, code: str, path: Path, node: Node | tuple[int, int], says: str, instead: str = ""
    ) -> Unreadable:
        """Note a problem and return the exception to raise for it."""
        at = node if isinstance(node, tuple) else (node.line, node.column)
        where = place(self.document.name, *at)
        if not code.startswith(OF_THEIR_OWN):
            code = f"{self.prefix}_{code}"
        self._note(Problem(code, path, says, instead, place=where))
        return Unreadable()

    def _note(self, problem: Problem) -> None:
        """Keep a problem, once: versions of a value are read from the same text."""
        if len(self.problems) < MOST_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)

    def adopt(self, refused: Refused, path: Path, node: Node) -> Unreadable:
        """Take over the problems of a refusal, at this place."""
        where = place(self.document.name, node.line, node.column)
        for problem in refused.problems:
            self._note(replace(problem, path=path, place=problem.place or where))
        return Unreadable()

    def words(self, node: Node, path: Path, known: Mapping[str, Any] | tuple[str, ...], what: str) -> Map:
        """``node`` as a map with no other keys than the known."""
        if not isinstance(node, Map):
            raise self.problem("TYPE", path, node, f"{what} is a map of words", _some(known))
        for key in node.items:
            if key not in known:
                instead = nearest(key, known) or "one of " + ", ".join(sorted(known))
                item = node.items[key]
                if isinstance(item, Scalar) and not item.text and " " in key:
                    instead = "quotes around a text that has a comma in it"
                elif isinstance(item, Scalar) and not item.text and key[0].isdigit():
                    instead = 'an amount without commas, such as "10 000 000.00"'
                if not known:
                    instead = f"nothing here: no layer of the rulebook draws on {what}"
                says = f"{key!r} is not a word of {what}"
                self.problem("UNKNOWN_KEY", (*path, key), node.keys[key], says, instead)
        return node

    def choice(self, choices: tuple[Any, ...], node: Node, path: Path) -> str:
        text = self.text(node, path)
        if text not in choices:
            instead = nearest(text, choices) or "one of " + ", ".join(choices)
            raise self.problem("TYPE", path, node, f"{text!r} is not possible here", instead)
        return text

    def text(self, node: Node, path: Path) -> str:
        """A non-empty string."""
        if not isinstance(node, Scalar):
            raise self.problem("TYPE", path, node, "one value belongs here, not a list or map", "a word")
        if node.text in ("", "null", "~"):
            raise self.problem("TYPE", path, node, "nothing stands here", "a value, or leave the word out")
        if not node.text.strip():
            raise self.problem("TEXT_BLANK", path, node, "only spaces stand here", "a value")
        if len(node.text) > _LONGEST_TEXT:
            says = f"{len(node.text)} characters"
            raise self.problem("TEXT_LENGTH", path, node, says, f"at most {_LONGEST_TEXT} characters")
        return node.text

    def _matched(
        self, node: Node, path: Path, pattern: re.Pattern[str], code: str, what: str, example: str
    ) -> str:
        text = self.text(node, path)
        if not pattern.fullmatch(text):
            shown = text if len(text) < 60 else text[:60] + "..."
            raise self.problem(code, path, node, f"{shown!r} is not {what}", example)
        return text

    def id(self, node: Node, path: Path) -> str:
        what = "a name: lower case letters, digits and _"
        return self._matched(node, path, _ID, "TYPE", what, "a name such as member_fund")

    def country(self, node: Node, path: Path) -> str:
        text = self.text(node, path)
        instead = text.upper() if re.fullmatch("[A-Za-z]{2}", text) else "two capital letters such as EU"
        return self._matched(node, path, _COUNTRY, "TYPE", "a country code or EU", instead)

    def flag(self, node: Node, path: Path) -> bool:
        return self.choice(("true", "false"), node, path) == "true"

    def whole(self, node: Node, path: Path) -> int:
        self._matched(node, path, _NUMERAL, "TYPE", "a whole number", '"4"')
        return int(self._matched(node, path, _WHOLE, "RANGE", "a whole number from 1 to 999999", '"4"'))

    def number(self, node: Node, path: Path) -> Fraction:
        self._matched(node, path, _NUMERAL, "TYPE", "a number of digits and a point", '"0.25"')
        what = "zero or more, with at most 18 digits before the point and 18 after it"
        return Fraction(self._matched(node, path, _NUMBER, "RANGE", what, '"0.25"'))

    def day(self, node: Node, path: Path) -> date:
        if re.fullmatch("[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}", self.text(node, path)):
            says = f"{self.text(node, path)} may begin with the day or the month"
            raise self.problem("DATE_AMBIGUOUS", path, node, says, '"2024-01-31"')
        text = self._matched(node, path, DATE, "DATE", "a date", '"2024-01-31"')
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise self.problem(
                "DATE", path, node, f"{text} does not exist", "a day of the calendar"
            ) from None

    def time(self, node: Node, path: Path) -> datetime:
        example = '"2024-01-31T09:00:00+01:00"'
        text = self.text(node, path)
        if not _TIME.fullmatch(text):
            offset = re.fullmatch(r"[0-9T:.-]+", text) is not None
            says = f"{text!r} is not a time with its offset from UTC" if offset else f"{text!r} is not a time"
            raise self.problem("TIME", path, node, says, example)
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise self.problem("TIME", path, node, f"{text} does not exist", example) from None

    def duration(self, node: Node, path: Path) -> Duration:
        text = self.text(node, path)
        duration = Duration.parse(text)
        if duration is None:
            raise self.problem("TYPE", path, node, f"{text!r} is not a length of time", "20 business_days")
        return duration

    def money(self, node: Node, path: Path) -> Money:
        if self.unit is None:  # the currency itself could not be read; its problem is noted
            raise Unreadable
        try:
            return parse(self.text(node, path), self.unit, path)
        except Refused as refused:
            raise self.adopt(refused, path, node) from None

    def amount_of_money(self, node: Node, path: Path) -> Money:
        """Money that may not be negative."""
        value = self.money(node, path)
        if value < 0:
            code = "RANGE" if self.prefix == "RULE" else "MONEY_SIGN"
            raise self.problem(code, path, node, "a negative amount", "zero or more")
        return value

    def currency(self, node: Node, path: Path) -> Currency:
        if isinstance(node, Map):
            self.words(node, path, ("code", "decimals"), "currency")
            if set(node.items) != {"code", "decimals"}:
                raise self.problem("MISSING", path, node, "a unit says both", '{code: BTC, decimals: "8"}')
            return self._unit(node, path)
        try:
            return currency(self.text(node, path), path)
        except Refused as refused:
            raise self.adopt(refused, path, node) from None

    def _unit(self, node: Map, path: Path) -> Currency:
        """A unit with its decimals said; one of ISO 4217 has those of ISO 4217."""
        inner, at = node.items["decimals"], (*path, "decimals")
        if not re.fullmatch(r"[0-9]|1[0-8]", self.text(inner, at)):
            raise self.problem("RANGE", at, inner, "decimals are 0 to 18", '"8"')
        code, decimals = self.text(node.items["code"], (*path, "code")), int(self.text(inner, at))
        if not re.fullmatch(r"[A-Z0-9]{2,12}", code):
            says = f"{code!r} is not a code of capital letters and digits"
            problem = Problem("CURRENCY_UNKNOWN", path, says, code.upper())
            raise self.adopt(Refused(problem), (*path, "code"), node.items["code"])
        if ISO_4217.get(code, decimals) != decimals:
            says = f"{code} has {ISO_4217[code]} decimals by ISO 4217"
            raise self.adopt(
                Refused(Problem("CURRENCY_UNKNOWN", path, says, f"currency: {code}")), path, node
            )
        return Currency(code, decimals)


def _some(known: Mapping[str, Any] | tuple[str, ...]) -> str:
    return "{" + ", ".join(f"{key}: ..." for key in list(known)[:3]) + "}"
