"""Scenario files: read against their rulebook, checked, with members from a table where they stand in one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path as FilePath
from typing import Any

from penstock.core.collateral import Lot, realisable
from penstock.core.money import Money
from penstock.core.problems import Path, Refused
from penstock.core.rule_checks import check_scenario
from penstock.core.rulebook import CALLED, CHAIN, ROLES, Citation, Id, Rulebook
from penstock.core.scenario import (
    HOUSE,
    Decision,
    Default,
    Event,
    Field,
    Fields,
    Member,
    Precedent,
    Scenario,
    Stated,
)
from penstock.store.documents import Document, Many, Map, Node, Scalar, from_value, parse
from penstock.store.reading import Reader, Unreadable
from penstock.store.rulebooks import find, load_rulebook, read_bytes, read_rulebook
from penstock.store.tables import read_table

WORDS = (
    "scenario", "currency", "rulebook", "precedent", "resources", "figures", "defaults", "events", "note",
)  # fmt: skip
DEFAULT_WORDS = (
    "member", "at", "notice", "loss", "loss_beyond_own_resources", "members", "decisions", "chain", "facts",
)  # fmt: skip
STATED_WORDS = ("amount", "value", "basis", "cite", "why", "unknown")


def load_scenario(
    path: FilePath, rulebooks: Sequence[FilePath] = (), rulebook: Rulebook | None = None
) -> Scenario:
    """The scenario in the file, with its rulebook, read and checked; Refused with every error at once.

    ``rulebooks`` are folders to look ids up in first; ``rulebook`` takes the place of the file's.
    """
    document = parse(read_bytes(path, "scenario"), str(path))
    return read_scenario(document, path.parent, rulebooks, rulebook)


def scenario_from(
    value: object, rulebooks: Sequence[FilePath] = (), rulebook: Rulebook | None = None
) -> Scenario:
    """A scenario from plain Python maps, lists and strings, as they would stand in the file."""
    return read_scenario(Document(from_value(value)), FilePath(), rulebooks, rulebook)


def read_scenario(
    document: Document,
    beside: FilePath,
    rulebooks: Sequence[FilePath] = (),
    rulebook: Rulebook | None = None,
) -> Scenario:
    """The scenario in the document; files that it names are looked for in the folder ``beside``."""
    reader = Reader(document, "SCENARIO")
    try:
        scenario = _Reading(reader, beside, rulebooks, rulebook).scenario()
    except Unreadable:
        raise Refused(reader.problems) from None
    problems = reader.problems + [
        replace(problem, place=document.place(problem.path)) for problem in check_scenario(scenario)
    ]
    if any(not problem.warning for problem in problems):
        raise Refused(problems)
    return scenario


class _Reading:
    """One scenario being read: the rulebook says what the fields are."""

    def __init__(
        self, reader: Reader, beside: FilePath, folders: Sequence[FilePath], rulebook: Rulebook | None
    ) -> None:
        self.reader, self.beside, self.folders, self.book = reader, beside, folders, rulebook
        self.kinds: dict[str, str] = {}

    def scenario(self) -> Scenario:
        reader = self.reader
        root = reader.words(reader.document.root, (), WORDS, "a scenario")
        for word in ("scenario", "currency", "rulebook", "defaults"):
            if word not in root.items and not (word == "rulebook" and self.book):
                reader.problem("MISSING", (word,), root, f"a scenario needs {word!r}", f"{word}: ...")
        if reader.problems and not {"currency", "rulebook"} <= set(root.items):
            raise Unreadable
        reader.unit = reader.currency(root.items["currency"], ("currency",))
        pinned, reference = self._rulebook(root.items.get("rulebook"))
        assert self.book is not None
        self.kinds = self.book.member_fields()
        if "precedent" in root.items:
            self._citations(root.items["precedent"])
        parts = {
            "title": self._try(lambda: reader.text(root.items["scenario"], ("scenario",))),
            "precedent": self._try(lambda: self._precedent(root)),
            "figures": self._try(lambda: self._figures(root)),
            "defaults": self._try(lambda: self._defaults(root)),
            "events": self._try(lambda: self._events(root)),
        }
        resources = self._try(lambda: self._resources(root))
        if reader.problems:
            raise Unreadable
        members, parties = resources or ({}, {})
        return Scenario(
            currency=reader.unit,
            rulebook=self.book,
            members=members,
            parties=parties,
            pinned=pinned,
            reference=reference,
            **parts,
        )

    def _try(self, read: Any) -> Any:
        """What ``read`` gives, or None with the problem noted."""
        try:
            return read()
        except (Unreadable, KeyError):
            return None

    # --- the rulebook ---------------------------------------------------------------------------

    def _rulebook(self, node: Node | None) -> tuple[date | None, str]:
        """Read the rulebook that the scenario names; the pinned day and what the file says."""
        path: Path = ("rulebook",)
        if isinstance(node, Map):
            if self.book is None:
                inner = Document(node, self.reader.document.name)
                self.book = read_rulebook(inner, inline=True)
            return None, ""
        if node is None:
            return None, self.book.rulebook if self.book else ""
        text = self.reader.text(node, path)
        name, at, day = text.partition("@")
        pinned = self.reader.day(Scalar(day, node.line, node.column), path) if at else None
        if self.book is None:
            file = self.beside / name
            is_file = name.endswith((".yaml", ".yml"))
            try:
                self.book = load_rulebook(file if is_file else find(name, self.folders))
            except Refused as refused:
                raise self.reader.adopt(refused, path, node) from None
        return pinned, text

    # --- values ---------------------------------------------------------------------------------

    def _value(self, node: Node, path: Path, kind: str) -> Stated:
        """One stated value: plain, or a map that says its basis, or that it is unknown."""
        reader = self.reader
        if isinstance(node, Map) and "collateral" in node.items:
            return self._collateral(node, path)
        if not isinstance(node, Map):
            return Stated(self._typed(node, path, kind))
        map_ = reader.words(node, path, STATED_WORDS, "a value")
        why = reader.text(map_.items["why"], (*path, "why")) if "why" in map_.items else ""
        cite = reader.cite(map_.items["cite"], (*path, "cite")) if "cite" in map_.items else None
        basis: Any = None
        if "basis" in map_.items:
            choices = ("published", "derived", "assumed")
            basis = reader._choice(choices, map_.items["basis"], (*path, "basis"))
        if "unknown" in map_.items:
            if not reader.flag(map_.items["unknown"], (*path, "unknown")) or not why:
                says = "an unknown value says why nobody knows it"
                raise reader.problem("MISSING", path, node, says, '{unknown: "true", why: ...}')
            return Stated(None, basis, cite, why)
        word = "amount" if kind == "money" else "value"
        if word not in map_.items:
            raise reader.problem("MISSING", path, node, f"no {word} here", f"{word}: ...")
        return Stated(self._typed(map_.items[word], (*path, word), kind), basis, cite, why)

    def _typed(self, node: Node, path: Path, kind: str) -> Any:
        reader = self.reader
        read = {
            "money": reader.amount_of_money,
            "loss": reader.money,
            "number": reader.number,
            "date": reader.day,
            "flag": lambda n, p: "true" if reader.flag(n, p) else "false",
        }
        return read.get(kind, reader.text)(node, path)

    def _collateral(self, node: Map, path: Path) -> Stated:
        """Lots held in place of an amount: their proceeds or haircut value; own issue counts zero."""
        reader = self.reader
        map_ = reader.words(node, path, ("collateral", "basis", "cite", "why"), "a value")
        lots: tuple[Lot, ...] = reader.read(tuple[Lot, ...], map_.items["collateral"], (*path, "collateral"))
        rest = self._rest(map_, path)
        return replace(rest, value=realisable(lots))

    def _rest(self, map_: Map, path: Path) -> Stated:
        items = {k: v for k, v in map_.items.items() if k != "collateral"} | {"unknown": Scalar("true")}
        items.setdefault("why", Scalar("lots"))
        stated = self._value(Map(items, {**map_.keys, "unknown": (0, 0), "why": (0, 0)}), path, "money")
        return replace(stated, why="" if stated.why == "lots" else stated.why)

    def _field(self, node: Node, path: Path, kind: str, name: str = "") -> Field:
        """One value, or one by segment, by version, or (gains) by day."""
        reader = self.reader
        if isinstance(node, Map) and not set(node.items) & {*STATED_WORDS, "collateral"}:
            assert self.book is not None
            segments = set(self.book.segments)
            if segments & set(node.items):
                reader.words(node, path, tuple(self.book.segments), "an amount by segment")
                return Field(self._entries(node, path, kind), "segment")
            for key in node.items:
                reader.day(Scalar(key, *node.keys[key]), (*path, key))
            gains = name == "gains"
            return Field(self._entries(node, path, "loss" if gains else kind), "day" if gains else "version")
        return Field({"": self._value(node, path, "loss" if name == "gains" else kind)})

    def _entries(self, node: Map, path: Path, kind: str) -> dict[str, Stated]:
        return {key: self._value(item, (*path, key), kind) for key, item in node.items.items()}

    def _fields(self, node: Node, path: Path, known: Mapping[str, str], what: str) -> Fields:
        map_ = self.reader.words(node, path, known, what)
        fields: dict[str, Field] = {}
        for key, item in map_.items.items():
            if key in known:
                found = self._try(lambda k=key, n=item: self._field(n, (*path, k), known[k], k))
                if found:
                    fields[key] = found
        return fields

    # --- resources ------------------------------------------------------------------------------

    def _resources(self, root: Map) -> tuple[dict[str, Member], dict[str, Fields]]:
        assert self.book is not None
        members: dict[str, Member] = {}
        parties: dict[str, Fields] = {}
        if "resources" not in root.items:
            return members, parties
        path: Path = ("resources",)
        known = ("members", *(role for role in ROLES if role not in ("defaulter", "members", *CHAIN)))
        map_ = self.reader.words(root.items["resources"], path, known, "resources")
        for party, node in map_.items.items():
            at = (*path, party)
            if party == "members":
                members = self._members(node, at)
            elif party in known:
                layers = [x for x, _ in self.book.all_layers() if x.payer == party]
                names = {x.id: "money" for x in layers}
                names |= {x.source: "money" for x in layers if x.source and x.source not in CALLED}
                parties[party] = self._fields(node, at, names, f"what {party} holds")
        return members, parties

    def _members(self, node: Node, path: Path) -> dict[str, Member]:
        if isinstance(node, Scalar):
            try:
                rows = read_table(self.beside / self.reader.text(node, path))
            except Refused as refused:
                raise self.reader.adopt(refused, path, node) from None
            return self._table(rows, path)
        if not isinstance(node, Map):
            says = "members are a map by id, or the name of a table beside the scenario"
            raise self.reader.problem("TYPE", path, node, says, "members.csv, or M01: {default_fund: ...}")
        members = {}
        for id_, item in node.items.items():
            member = self._try(lambda i=id_, n=item: self._member(i, n, (*path, i), node.keys[i]))
            if member:
                members[id_] = member
        return members

    def _member(self, id_: str, node: Node, path: Path, at: tuple[int, int]) -> Member:
        if id_ in ROLES or not id_ or ":" in id_ or "/" in id_ or id_ != id_.strip() or len(id_) > 64:
            says = f"{id_!r} cannot be a member's id"
            raise self.reader.problem("TYPE", path, at, says, "a short name without : and /")
        if not isinstance(node, Map):
            raise self.reader.problem(
                "TYPE", path, node, "a member is a map of its fields", "{default_fund: ...}"
            )
        accounts: dict[str, Fields] = {}
        if "accounts" in node.items:
            inner = node.items["accounts"]
            if not isinstance(inner, Map):
                raise self.reader.problem("TYPE", path, inner, "accounts are a map", "{house: {...}}")
            accounts = {
                name: self._fields(item, (*path, "accounts", name), self.kinds, "an account")
                for name, item in inner.items.items()
            }
        rest = Map(
            {k: v for k, v in node.items.items() if k != "accounts"}, node.keys, node.line, node.column
        )
        return Member(id_, self._fields(rest, path, self.kinds, "a member"), accounts)

    def _table(self, rows: "list[tuple[str, dict[str, Scalar]]]", path: Path) -> dict[str, Member]:
        """Members from table rows: one column ``member``, one a field; an empty cell is not given."""
        members: dict[str, Member] = {}
        for where, cells in rows:
            name = self.reader.document.name
            self.reader.document = Document(self.reader.document.root, where)
            try:
                id_ = cells.pop("member")
                if id_.text in members:
                    self.reader.problem(
                        "DUPLICATE", path, id_, f"{id_.text!r} stands twice", "each member once"
                    )
                    continue
                node = Map(
                    dict(cells), {k: (s.line, s.column) for k, s in cells.items()}, id_.line, id_.column
                )
                at = (id_.line, id_.column)
                member = self._try(lambda i=id_.text, n=node, a=at: self._member(i, n, (*path, i), a))
                if member:
                    members[id_.text] = member
            finally:
                self.reader.document = Document(self.reader.document.root, name)
        return members

    def _figures(self, root: Map) -> Fields:
        assert self.book is not None
        if "figures" not in root.items:
            return {}
        known = {str(n): f.kind for n, f in self.book.figures.items() if f.given == "ccp"}
        return self._fields(
            root.items["figures"], ("figures",), known, "figures given for the clearing house"
        )

    # --- defaults and events --------------------------------------------------------------------

    def _listed(self, root: Map, word: str) -> list[tuple[Path, Node]]:
        node = root.items.get(word)
        if node is None:
            return []
        items = node.items if isinstance(node, Many) else (node,)
        return [((word, i), item) for i, item in enumerate(items)]

    def _defaults(self, root: Map) -> tuple[Default, ...]:
        found = [self._try(lambda p=p, n=n: self._default(n, p)) for p, n in self._listed(root, "defaults")]
        return tuple(default for default in found if default)

    def _default(self, node: Node, path: Path) -> Default:
        reader = self.reader
        map_ = reader.words(node, path, DEFAULT_WORDS, "a default")
        for word in ("member", "at"):
            if word not in map_.items:
                raise reader.problem("MISSING", path, node, f"a default needs {word!r}", f"{word}: ...")
        both = [word for word in ("loss", "loss_beyond_own_resources") if word in map_.items]
        if len(both) != 1:
            says = "a default has loss or loss_beyond_own_resources" + (", not both" if both else "")
            raise reader.problem("LOSS", path, node, says, "one of them")
        losses, unpublished = self._loss(map_.items[both[0]], (*path, both[0]), both[0] == "loss")
        notice = map_.items.get("notice")
        return Default(
            member=reader.text(map_.items["member"], (*path, "member")),
            at=reader.time(map_.items["at"], (*path, "at")),
            losses=losses,
            beyond_own=both[0] != "loss",
            unpublished=unpublished,
            notice=reader.time(notice, (*path, "notice")) if notice else None,
            members=self._found_out(map_, path),
            decisions=reader.read(tuple[Decision, ...], map_.items["decisions"], (*path, "decisions"))
            if "decisions" in map_.items
            else (),
            chain=self._chain(map_, path),
            facts=self._facts(map_, path),
        )

    def _loss(self, node: Node, path: Path, gross: bool) -> tuple[dict[tuple[str, str], Stated], str]:
        """The loss by (account, segment), and why it is not published if it is not."""
        assert self.book is not None
        kind = "loss" if gross else "money"
        segments = set(self.book.segments)

        def value(n: Node, p: Path) -> Stated:
            return self._value(n, p, kind) if not isinstance(n, Map) else self._amount_of_loss(n, p, kind)

        if not isinstance(node, Map) or set(node.items) & set(STATED_WORDS):
            losses = {(HOUSE, ""): value(node, path)}
        elif segments & set(node.items):
            self.reader.words(node, path, tuple(self.book.segments), "a loss by segment")
            losses = {}
            for segment, item in node.items.items():
                if isinstance(item, Map) and not set(item.items) & set(STATED_WORDS):
                    for account, inner in item.items.items():
                        losses[account, segment] = value(inner, (*path, segment, account))
                else:
                    losses[HOUSE, segment] = value(item, (*path, segment))
        else:
            losses = {(account, ""): value(item, (*path, account)) for account, item in node.items.items()}
        why = next((f"{s.why or 'not published'}" for s in losses.values() if s.value is None), "")
        return losses, why

    def _amount_of_loss(self, node: Map, path: Path, kind: str) -> Stated:
        if "amount" in node.items:
            stated = self._value(Map({**node.items, "amount": Scalar("0")}, node.keys), path, "money")
            amount = self._typed(node.items["amount"], (*path, "amount"), kind)
            return replace(stated, value=amount)
        return self._value(node, path, "money")

    def _found_out(self, map_: Map, path: Path) -> dict[str, Fields]:
        node = map_.items.get("members")
        if node is None:
            return {}
        if not isinstance(node, Map):
            raise self.reader.problem("TYPE", path, node, "members are a map by id", "{M01: {bid: none}}")
        return {
            id_: self._fields(item, (*path, "members", id_), self.kinds, "a member")
            for id_, item in node.items.items()
        }

    def _chain(self, map_: Map, path: Path) -> dict[str, Fields]:
        assert self.book is not None
        node = map_.items.get("chain")
        if node is None:
            return {}
        at = (*path, "chain")
        chain = self.reader.words(node, at, CHAIN, "the chain behind the defaulter")
        found = {}
        for party, item in chain.items.items():
            layers = [x for x, _ in self.book.all_layers() if x.payer == party]
            names = {str(x.source): "money" for x in layers} | {str(x.id): "money" for x in layers}
            found[party] = self._fields(item, (*at, party), names, f"what the {party} holds")
        return found

    def _facts(self, map_: Map, path: Path) -> dict[str, str]:
        node = map_.items.get("facts")
        if node is None:
            return {}
        facts: dict[str, str] = self.reader.read(Mapping[Id, str], node, (*path, "facts"))
        return facts

    def _events(self, root: Map) -> tuple[Event, ...]:
        found = [self._try(lambda p=p, n=n: self._event(n, p)) for p, n in self._listed(root, "events")]
        return tuple(event for event in found if event)

    def _event(self, node: Node, path: Path) -> Event:
        reader = self.reader
        kinds = ("paid_in", "paid_late", "recovered", "members")
        map_ = reader.words(node, path, ("at", *kinds), "an event")
        told = [kind for kind in kinds if kind in map_.items]
        if "at" not in map_.items or len(told) != 1:
            says = "an event is a time and one thing that happened"
            raise reader.problem("MISSING", path, node, says, f"at: and one of {', '.join(kinds)}")
        at = reader.time(map_.items["at"], (*path, "at"))
        what, inner = (*path, told[0]), map_.items[told[0]]
        if told[0] == "recovered":
            return Event(at, recovered=reader.amount_of_money(inner, what))
        if told[0] == "members":
            return Event(at, members=self._found_out(map_, path))
        paid: dict[str, dict[str, Any]] = {}
        if not isinstance(inner, Map):
            raise reader.problem(
                "TYPE", what, inner, "payments are a map by payer", "{M01: {default_fund: ...}}"
            )
        for payer, item in inner.items.items():
            paid[payer] = reader.read(Mapping[Id, Money], item, (*what, payer))
        return Event(at, paid_in=paid) if told[0] == "paid_in" else Event(at, paid_late=paid)

    # --- precedents -----------------------------------------------------------------------------

    def _citations(self, node: Node) -> None:
        own: Mapping[str, Citation] = {}
        if isinstance(node, Map) and "citations" in node.items:
            hint = Mapping[Id, Citation]
            at = ("precedent", "citations")
            own = self._try(lambda: self.reader.read(hint, node.items["citations"], at)) or {}
        assert self.book is not None
        self.reader.citations = {**self.book.citations, **own}

    def _precedent(self, root: Map) -> Precedent | None:
        node = root.items.get("precedent")
        if node is None:
            return None
        precedent: Precedent = self.reader.dataclass(Precedent, node, ("precedent",))
        return precedent
