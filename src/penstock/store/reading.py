"""Nodes into core's dataclasses, by their type hints, collecting every mistake on the way.

The dataclasses of ``core.rulebook`` and ``core.scenario`` are the language; this is the one place that
knows how each kind of value is written. A map keyed by ISO dates may stand wherever the hint is
``Dated``; a bare name is an amount; a single value is a list of one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from penstock.core.business_days import Duration
from penstock.core.money import Currency, Money, currency, parse
from penstock.core.problems import Path, Problem, Refused, nearest
from penstock.core.rulebook import (
    Amount,
    Cap,
    Citation,
    Cite,
    Dated,
    Figure,
    Group,
    Id,
    Layer,
    Order,
    Window,
)
from penstock.store.documents import Document, Many, Map, Node, Scalar, place

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
_WHOLE = re.compile(r"[1-9][0-9]{0,5}")
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LONGEST_TEXT = 4000

AMOUNT_WORDS = tuple(f.name for f in fields(Amount) if f.name != "cite")
AMOUNT_BASES = ("amount", "of", "matching", "greatest", "least")


class Unreadable(Exception):
    """This value cannot be read; the problem is in the reader's list."""


class Reader:
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
        self.problems.append(Problem(f"{self.prefix}_{code}", path, says, instead, place=where))
        return Unreadable()

    def adopt(self, refused: Refused, path: Path, node: Node) -> Unreadable:
        """Take over the problems of a refusal, at this place."""
        where = place(self.document.name, node.line, node.column)
        for problem in refused.problems:
            self.problems.append(replace(problem, path=path, place=problem.place or where))
        return Unreadable()

    def finish(self) -> None:
        """Raise what was collected, in the order of the text."""
        if any(not problem.warning for problem in self.problems):
            raise Refused(self.problems)

    # --- a map of words -----------------------------------------------------------------------

    def words(self, node: Node, path: Path, known: Mapping[str, Any] | tuple[str, ...], what: str) -> Map:
        """``node`` as a map with no other keys than the known."""
        if not isinstance(node, Map):
            raise self.problem("TYPE", path, node, f"{what} is a map of words", _some(known))
        for key in node.items:
            if key not in known:
                guess = nearest(key, known)
                instead = guess if guess else "one of " + ", ".join(sorted(known))
                code = "UNKNOWN_KEY"
                self.problem(code, (*path, key), node.keys[key], f"{key!r} is not a word of {what}", instead)
        return node

    def dataclass(self, cls: type, node: Node, path: Path, given: Mapping[str, Any] | None = None) -> Any:
        """``node`` as the dataclass; fields in ``given`` were read elsewhere."""
        types = hints(cls)
        known = {f.name.rstrip("_"): f for f in fields(cls)}
        what = _what(cls)
        map_ = self.words(node, path, known, what)
        values: dict[str, Any] = dict(given or {})
        failed = False
        for key, f in known.items():
            if f.name in values:
                continue
            if key in map_.items:
                try:
                    values[f.name] = self.read(types[f.name], map_.items[key], (*path, key))
                except Unreadable:
                    failed = True
            elif f.default is MISSING and f.default_factory is MISSING:
                says = f"{what} needs {key!r} ({f.metadata.get('says', '')})"
                self.problem("MISSING", path, map_, says, f"{key}: ...")
                failed = True
        if failed:
            raise Unreadable
        return cls(**values)

    # --- any value ----------------------------------------------------------------------------

    def read(self, hint: Any, node: Node, path: Path) -> Any:
        """``node`` as a value of the type ``hint``; raises Unreadable with the problem noted."""
        special = _SPECIAL.get(hint) if isinstance(hint, type) or hint in (Id, Money, Order) else None
        if special:
            return special(self, node, path)
        origin = get_origin(hint)
        if origin is Dated:
            return self._dated(get_args(hint)[0], node, path)
        if origin in (Union, UnionType):
            return self._either([h for h in get_args(hint) if h is not NoneType], node, path)
        if origin is Literal:
            return self._choice(get_args(hint), node, path)
        if origin is tuple:
            items = node.items if isinstance(node, Many) else (node,)
            return tuple(self._each([(i, item) for i, item in enumerate(items)], get_args(hint)[0], path))
        if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
            key_hint, item_hint = get_args(hint)
            map_ = node if isinstance(node, Map) else None
            if map_ is None:
                raise self.problem("TYPE", path, node, "a map belongs here", "name: value")
            keys = [self.read(key_hint, Scalar(key, *map_.keys[key]), (*path, key)) for key in map_.items]
            return dict(zip(keys, self._each(list(map_.items.items()), item_hint, path), strict=True))
        assert is_dataclass(hint), hint
        assert isinstance(hint, type), hint
        return self.dataclass(hint, node, path)

    def _each(self, items: list[tuple[Any, Node]], hint: Any, path: Path) -> list[Any]:
        values, failed = [], False
        for key, item in items:
            try:
                values.append(self.read(hint, item, (*path, key)))
            except Unreadable:
                failed = True
        if failed:
            raise Unreadable
        return values

    def _either(self, hints: list[Any], node: Node, path: Path) -> Any:
        """The alternative that this node can be: choices first, then what its shape allows."""
        if len(hints) == 1:
            return self.read(hints[0], node, path)
        choices = [h for h in hints if get_origin(h) is Literal]
        others = [h for h in hints if h not in choices]
        if isinstance(node, Scalar):
            for choice in choices:
                if node.text in get_args(choice):
                    return node.text
            if Fraction in others:
                return self.read(Fraction if node.text[:1].isdigit() else Id, node, path)
            if str in others:
                return self.read(str, node, path)
            if Amount in others:
                return self.read(Amount, node, path)
            return self._choice(tuple(c for h in choices for c in get_args(h)), node, path)
        if Group in others:
            return self.layer_or_group(node, path)
        shaped = [h for h in others if h not in (str, Id, Fraction)]
        return self.read((shaped or others)[0], node, path)

    def _choice(self, choices: tuple[Any, ...], node: Node, path: Path) -> str:
        text = self.text(node, path)
        if text not in choices:
            instead = nearest(text, choices) or "one of " + ", ".join(choices)
            raise self.problem("TYPE", path, node, f"{text!r} is not possible here", instead)
        return text

    def text(self, node: Node, path: Path) -> str:
        """A non-empty string."""
        if not isinstance(node, Scalar):
            raise self.problem("TYPE", path, node, "one value belongs here, not a list or map", "a word")
        if not node.text.strip() or node.text in ("null", "~"):
            raise self.problem("TYPE", path, node, "nothing stands here", "a value, or leave the word out")
        if len(node.text) > _LONGEST_TEXT:
            raise self.problem(
                "TYPE", path, node, "the text is too long", f"at most {_LONGEST_TEXT} characters"
            )
        return node.text

    def _dated(self, hint: Any, node: Node, path: Path) -> Dated[Any]:
        """One value, or its versions where maps keyed by ISO dates stand in or under it."""
        days: set[date] = set()
        self._collect_days(node, path, days)
        if not days:
            return Dated(((None, self.read(hint, node, path)),))
        versions = []
        for day in sorted(days):
            resolved = self._as_of(node, day, path)
            if resolved is not None:
                versions.append((day, self.read(hint, resolved, path)))
        return Dated(tuple(versions))

    def _collect_days(self, node: Node, path: Path, days: set[date]) -> None:
        if isinstance(node, Many):
            for i, item in enumerate(node.items):
                self._collect_days(item, (*path, i), days)
        if isinstance(node, Map):
            dates = [key for key in node.items if _DATE.fullmatch(key)]
            if dates and len(dates) < len(node.items):
                says = "dates and words stand side by side"
                raise self.problem("TYPE", path, node, says, "either dates or words as keys")
            for key in dates:
                days.add(self.read(date, Scalar(key, *node.keys[key]), (*path, key)))
            for key, item in node.items.items():
                self._collect_days(item, (*path, key), days)

    def _as_of(self, node: Node, day: date, path: Path) -> Node | None:
        """The node with each map of dates replaced by its entry in force on ``day``."""
        if isinstance(node, Many):
            return replace(node, items=tuple(x for n in node.items if (x := self._as_of(n, day, path))))
        if not isinstance(node, Map):
            return node
        if any(_DATE.fullmatch(key) for key in node.items):
            first = [key for key in node.items if date.fromisoformat(key) <= day]
            return self._as_of(node.items[max(first)], day, path) if first else None
        items = {key: self._as_of(item, day, path) for key, item in node.items.items()}
        for key, item in items.items():
            if item is None:
                says = f"nothing is in force for {key!r} on {day}"
                raise self.problem("DATE", (*path, key), node, says, "an entry from the first day on")
        return replace(node, items={key: item for key, item in items.items() if item is not None})

    # --- kinds of value -----------------------------------------------------------------------

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

    def flag(self, node: Node, path: Path) -> bool:
        return self._choice(("true", "false"), node, path) == "true"

    def whole(self, node: Node, path: Path) -> int:
        return int(self._matched(node, path, _WHOLE, "RANGE", "a whole number from 1", '"4"'))

    def number(self, node: Node, path: Path) -> Fraction:
        what = "a number of digits and a point, not negative"
        return Fraction(self._matched(node, path, _NUMBER, "RANGE", what, '"0.25"'))

    def day(self, node: Node, path: Path) -> date:
        text = self._matched(node, path, _DATE, "DATE", "a date", '"2024-01-31"')
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
            raise self.problem("RANGE", path, node, "a negative amount", "zero or more")
        return value

    def currency(self, node: Node, path: Path) -> Currency:
        if isinstance(node, Map):
            self.words(node, path, ("code", "decimals"), "currency")
            if set(node.items) != {"code", "decimals"}:
                raise self.problem("MISSING", path, node, "a unit says both", '{code: BTC, decimals: "8"}')
            decimals = self.text(node.items["decimals"], (*path, "decimals"))
            if not re.fullmatch(r"[0-9]|1[0-8]", decimals):
                at = (*path, "decimals")
                raise self.problem("RANGE", at, node, "decimals are 0 to 18", '"8"')
            return Currency(self.text(node.items["code"], (*path, "code")), int(decimals))
        try:
            return currency(self.text(node, path), path)
        except Refused as refused:
            raise self.adopt(refused, path, node) from None

    def cite(self, node: Node, path: Path) -> Cite:
        if isinstance(node, Map):
            return Cite(self.dataclass(Citation, node, path))
        name, _, clause = self.text(node, path).partition(" ")
        citation = self.citations.get(name)
        if citation is None:
            guess = nearest(name, self.citations) or "a name that stands under citations"
            raise self.problem("REFERENCE", path, node, f"{name!r} is not among the citations", guess)
        return Cite(citation, clause)

    def order(self, node: Node, path: Path) -> Order:
        """``{bid: [none, poor, [good, winner]]}``: one field, its values in classes."""
        if not isinstance(node, Map) or len(node.items) != 1:
            raise self.problem("TYPE", path, node, "order is one field and its values", "{bid: [none, poor]}")
        (key, values), items = next(iter(node.items.items())), []
        name = self.id(Scalar(key, *node.keys[key]), (*path, key))
        for i, item in enumerate(values.items if isinstance(values, Many) else (values,)):
            items.append(tuple(self.read(tuple[str, ...], item, (*path, key, i))))
        return name, tuple(items)

    # --- amounts, windows, figures, layers ----------------------------------------------------

    def amount(self, node: Node, path: Path, *, partial: bool = False) -> Amount:
        """A bare name, or a map of the words of section 3 with exactly one base among them."""
        if isinstance(node, Scalar):
            text = self.text(node, path)
            if text[:1].isdigit() or text[:1] in "+-.":
                says = f"{text!r} is a bare number"
                raise self.problem("TYPE", path, node, says, f'{{amount: "{text}"}}')
            return Amount(of=(self.id(node, path),))
        if not isinstance(node, Map):
            raise self.problem("TYPE", path, node, "an amount is a name or a map", '{amount: "1.00"}')
        bases = [word for word in AMOUNT_BASES if word in node.items]
        if len(bases) > 1 or (not bases and not partial):
            here = "stand " + " and ".join(bases) if bases else "is none"
            says = f"an amount has one of {', '.join(AMOUNT_BASES)}; here {here}"
            self.words(node, path, (*AMOUNT_WORDS, "cite"), "an amount")
            raise self.problem("AMOUNT", path, node, says, "one of them")
        if "multiple" in node.items and "of" not in node.items and not partial:
            raise self.problem("AMOUNT", path, node, "a multiple of nothing", "of: beside it")
        value: Amount = self.dataclass(Amount, node, path)
        return value

    def window(self, node: Node, path: Path) -> Window:
        """Window words and, among them, those of the amount that each payer bears in it at most."""
        known = {f.name for f in fields(Window)} | set(AMOUNT_WORDS)
        map_ = self.words(node, path, tuple(sorted(known)), "a window")
        own = _only(map_, [key for key in map_.items if key not in AMOUNT_WORDS])
        of_amount = _only(map_, [key for key in map_.items if key in AMOUNT_WORDS])
        amount = self.amount(of_amount, path, partial=True) if of_amount.items else None
        window: Window = self.dataclass(Window, own, path, {"amount": amount})
        return window

    def figure(self, node: Node, path: Path) -> Figure:
        """``{given: ccp}``, or an amount; a map of dates is an amount with versions."""
        if isinstance(node, Scalar) or (isinstance(node, Map) and _is_dated(node)):
            return Figure(amount=self.read(Dated[Amount], node, path))
        map_ = self.words(node, path, ("given", "kind", *AMOUNT_WORDS, "cite"), "a figure")
        own = _only(map_, [key for key in map_.items if key in ("given", "kind", "cite")])
        rest = _only(map_, [key for key in map_.items if key in AMOUNT_WORDS])
        if ("given" in own.items) == bool(rest.items):
            raise self.problem(
                "AMOUNT", path, node, "a figure is given or defined", "{given: ccp}, or an amount"
            )
        amount = self.read(Dated[Amount], rest, path) if rest.items else None
        figure: Figure = self.dataclass(Figure, own, path, {"amount": amount})
        return figure

    def layer_or_group(self, node: Node, path: Path) -> Layer | Group:
        if isinstance(node, Map) and "group" in node.items:
            group: Group = self.dataclass(Group, node, path)
            return group
        return self.layer(node, path)

    def layer(self, node: Node, path: Path) -> Layer:
        if isinstance(node, Map) and "layers" in node.items:
            says = "layers inside; groups are not nested, and a group says its name"
            raise self.problem("TYPE", path, node, says, "group: name, at the first level")
        layer: Layer = self.dataclass(Layer, node, path)
        return replace(layer, window=self._complete(layer.window, layer.limit, node, path))

    def cap(self, node: Node, path: Path) -> Cap:
        cap: Cap = self.dataclass(Cap, node, path)
        return replace(cap, window=self._complete(cap.window, cap.limit, node, path))

    def _complete(
        self, window: Dated[Window] | None, limit: Dated[Amount] | None, node: Node, path: Path
    ) -> Dated[Window] | None:
        """The window, its amount's ``of`` and ``measured`` taken from the limit where left out."""
        if window is None:
            return None
        versions = []
        for day, value in window.versions:
            amount = value.amount
            if amount and not any(getattr(amount, base) for base in AMOUNT_BASES):
                like = limit.on(day or date.max) if limit else None
                if like is None or not like.of:
                    says = "the window's amount names nothing, and neither does the limit"
                    raise self.problem("WINDOW", (*path, "window"), node, says, "of: beside it")
                amount = replace(amount, of=like.of, measured=amount.measured or like.measured)
            versions.append((day, replace(value, amount=amount)))
        return Dated(tuple(versions))


def _is_dated(node: Map) -> bool:
    return any(_DATE.fullmatch(key) for key in node.items)


def _only(map_: Map, keys: list[str]) -> Map:
    return replace(map_, items={k: map_.items[k] for k in keys}, keys={k: map_.keys[k] for k in keys})


def _some(known: Mapping[str, Any] | tuple[str, ...]) -> str:
    return "{" + ", ".join(f"{key}: ..." for key in list(known)[:3]) + "}"


def _what(cls: type) -> str:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cls.__name__).lower()
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


@cache
def hints(cls: type) -> dict[str, Any]:
    """The type of each field, with what marks it as money or an id."""
    return get_type_hints(cls, include_extras=True)


_SPECIAL: dict[Any, Callable[[Reader, Node, Path], Any]] = {
    str: Reader.text,
    bool: Reader.flag,
    int: Reader.whole,
    date: Reader.day,
    datetime: Reader.time,
    Fraction: Reader.number,
    Duration: Reader.duration,
    Currency: Reader.currency,
    Money: Reader.amount_of_money,
    Id: Reader.id,
    Order: Reader.order,
    Cite: Reader.cite,
    Amount: Reader.amount,
    Window: Reader.window,
    Figure: Reader.figure,
    Layer: Reader.layer,
    Cap: Reader.cap,
}
