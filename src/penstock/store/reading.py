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

from penstock.core.amounts import Amount, Citation, Cite, Dated, Id, Order, Window
from penstock.core.business_days import Duration
from penstock.core.money import Currency, Money
from penstock.core.problems import Path, nearest
from penstock.core.rulebook import Cap, Country, Figure, Group, Layer
from penstock.store.documents import Many, Map, Node, Scalar
from penstock.store.values import DATE, Unreadable, ValueReader

AMOUNT_WORDS = tuple(f.name for f in fields(Amount) if f.name != "cite")
AMOUNT_BASES = ("amount", "of", "matching", "greatest", "least")


class Reader(ValueReader):
    """Reads nodes as values of any type of the language."""

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
            needed = f.default is MISSING and f.default_factory is MISSING
            if key in map_.items:
                try:
                    values[f.name] = self.read(types[f.name], map_.items[key], (*path, key))
                except Unreadable:  # without a value that it can do without, the rest can be checked
                    failed = failed or needed
            elif needed:
                says = f"{what} needs {key!r} ({f.metadata.get('says', '')})"
                self.problem("MISSING", path, map_, says, f"{key}: ...")
                failed = True
        if failed:
            raise Unreadable
        return cls(**values)

    def read(self, hint: Any, node: Node, path: Path) -> Any:
        """``node`` as a value of the type ``hint``; raises Unreadable with the problem noted."""
        special = (
            _SPECIAL.get(hint) if isinstance(hint, type) or hint in (Id, Money, Order, Country) else None
        )
        if special:
            return special(self, node, path)
        origin = get_origin(hint)
        if origin is Dated:
            return self._dated(get_args(hint)[0], node, path)
        if origin in (Union, UnionType):
            return self._either([h for h in get_args(hint) if h is not NoneType], node, path)
        if origin is Literal:
            return self.choice(get_args(hint), node, path)
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
                return self.read(Id if node.text[:1].islower() else Fraction, node, path)
            if str in others:
                return self.read(str, node, path)
            if Amount in others:
                return self.read(Amount, node, path)
            return self.choice(tuple(c for h in choices for c in get_args(h)), node, path)
        if Group in others:
            return self.layer_or_group(node, path)
        shaped = [h for h in others if h not in (str, Id, Fraction)]
        return self.read((shaped or others)[0], node, path)

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
            dates = [key for key in node.items if DATE.fullmatch(key)]
            if dates and len(dates) < len(node.items):
                word = next(key for key in node.items if key not in dates)
                says = f"{word!r} stands beside dates"
                instead = '"2024-01-31", dates only or words only'
                raise self.problem("TYPE", (*path, word), node.keys[word], says, instead)
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
        if any(DATE.fullmatch(key) for key in node.items):
            first = [key for key in node.items if date.fromisoformat(key) <= day]
            return self._as_of(node.items[max(first)], day, path) if first else None
        items = {key: self._as_of(item, day, path) for key, item in node.items.items()}
        for key, item in items.items():
            if item is None:
                says = f"nothing is in force for {key!r} on {day}"
                raise self.problem("DATE", (*path, key), node, says, "an entry from the first day on")
        return replace(node, items={key: item for key, item in items.items() if item is not None})

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
            if re.fullmatch(r"[+-]?[0-9][0-9 ]*(\.[0-9]+)?", text):
                says = f"{text!r} is a bare number"
                raise self.problem("TYPE", path, node, says, f'{{amount: "{text.lstrip("+-")}"}}')
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
        before = len(self.problems)
        value: Amount = self.dataclass(Amount, node, path)
        if not any(getattr(value, base) or value.amount == 0 for base in AMOUNT_BASES) and not partial:
            if len(self.problems) == before and self.unit is not None:
                self.problem("AMOUNT", path, node, f"{bases[0]} says nothing", "a name, or a list of amounts")
            raise Unreadable
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
            if amount and amount.amount is None and not any(getattr(amount, base) for base in AMOUNT_BASES):
                like = limit.on(day or date.max) if limit else None
                if like is None or not like.of:
                    says = "the window's amount names nothing, and neither does the limit"
                    at = node.keys["window"] if isinstance(node, Map) else (0, 0)
                    raise self.problem("WINDOW", (*path, "window"), at, says, "of: beside it")
                amount = replace(amount, of=like.of, measured=amount.measured or like.measured)
            versions.append((day, replace(value, amount=amount)))
        return Dated(tuple(versions))


def _is_dated(node: Map) -> bool:
    return any(DATE.fullmatch(key) for key in node.items)


def _only(map_: Map, keys: list[str]) -> Map:
    return replace(map_, items={k: map_.items[k] for k in keys}, keys={k: map_.keys[k] for k in keys})


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
    Country: Reader.country,
    Order: Reader.order,
    Cite: Reader.cite,
    Amount: Reader.amount,
    Window: Reader.window,
    Figure: Reader.figure,
    Layer: Reader.layer,
    Cap: Reader.cap,
}
