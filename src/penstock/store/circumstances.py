"""The circumstances in a scenario file: what every party holds, who defaults, what was found out.

The rulebook says which fields there are and of which kind.
"""

from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import ParamSpec, TypeVar

from penstock.core.amount_checks import VALUES
from penstock.core.amounts import CALLED, Id
from penstock.core.collateral import Lot, realisable
from penstock.core.money import Money
from penstock.core.problems import Path, Refused
from penstock.core.rulebook import CHAIN, ROLES, Rulebook
from penstock.core.scenario import (
    HOUSE,
    Basis,
    Decision,
    Default,
    Event,
    Field,
    Fields,
    Member,
    Recovered,
    Stated,
    Value,
)
from penstock.store.documents import Document, Many, Map, Node, Scalar
from penstock.store.reading import Reader
from penstock.store.tables import Row, read_table
from penstock.store.values import Unreadable

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_WORDS = (
    "member", "at", "notice", "loss", "loss_beyond_own_resources", "members", "decisions", "chain", "facts",
)  # fmt: skip
STATED_WORDS = ("amount", "value", "collateral", "unknown", "basis", "cite", "why")


class CircumstancesReader:
    """Reads with ``reader`` what stands in the file; tables are looked for in ``beside``."""

    def __init__(self, reader: Reader, book: Rulebook, beside: FilePath) -> None:
        self.reader, self.book, self.beside = reader, book, beside
        self.kinds = book.member_fields()
        self.folded: dict[str, str] = {}

    def attempt(self, read: Callable[P, T], *args: P.args, **words: P.kwargs) -> T | None:
        """What ``read`` gives, or None with the problem noted."""
        try:
            return read(*args, **words)
        except Unreadable:
            return None

    # --- values ---------------------------------------------------------------------------------

    def _value(self, node: Node, path: Path, kind: str) -> Stated:
        """One stated value: plain, or a map that says its basis, its lots, or that it is unknown."""
        reader = self.reader
        if not isinstance(node, Map):
            return Stated(self._typed(node, path, kind))
        map_ = reader.words(node, path, STATED_WORDS, "a value")
        why = reader.text(map_.items["why"], (*path, "why")) if "why" in map_.items else ""
        cite = reader.cite(map_.items["cite"], (*path, "cite")) if "cite" in map_.items else None
        basis = reader.read(Basis, map_.items["basis"], (*path, "basis")) if "basis" in map_.items else None
        word = "amount" if kind in ("money", "loss") else "value"
        told = [name for name in (word, "collateral", "unknown") if name in map_.items]
        if len(told) != 1:
            says = f"a value is told by one of {word}, collateral and unknown"
            raise reader.problem("MISSING", path, node, says, f"{word}: ...")
        inner, at = map_.items[told[0]], (*path, told[0])
        if told[0] == "unknown":
            if not reader.flag(inner, at) or not why:
                says = "an unknown value says why nobody knows it"
                raise reader.problem("MISSING", path, node, says, '{unknown: "true", why: ...}')
            return Stated(None, basis, cite, why)
        if told[0] == "collateral":
            lots: tuple[Lot, ...] = reader.read(tuple[Lot, ...], inner, at)
            return Stated(realisable(lots), basis, cite, why)
        return Stated(self._typed(inner, at, kind), basis, cite, why)

    def _typed(self, node: Node, path: Path, kind: str) -> Value:
        reader = self.reader
        if kind == "bid":
            return reader.choice(VALUES["bid"], node, path)
        if kind == "flag":
            return "true" if reader.flag(node, path) else "false"
        read: Mapping[str, Callable[[Node, Path], Value]] = {
            "money": reader.amount_of_money,
            "loss": reader.money,
            "number": reader.number,
            "date": reader.day,
        }
        return read.get(kind, reader.text)(node, path)

    def _field(self, node: Node, path: Path, kind: str, name: str = "") -> Field:
        """One value, or one by segment, by version, or (gains) by day."""
        reader = self.reader
        kind = "bid" if name == "bid" else kind
        if isinstance(node, Map) and node.items and not set(node.items) & set(STATED_WORDS):
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
                found = self.attempt(self._field, item, (*path, key), known[key], key)
                if found:
                    fields[key] = found
        return fields

    # --- resources ------------------------------------------------------------------------------

    def resources(self, root: Map) -> tuple[dict[str, Member], dict[str, Fields]]:
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
                rows = read_table(self.beside / self.reader.text(node, path), self.kinds, self.reader.unit)
            except Refused as refused:
                raise self.reader.adopt(refused, path, node) from None
            return self._table(rows, path)
        if not isinstance(node, Map):
            says = "members are a map by id, or the name of a table beside the scenario"
            raise self.reader.problem("TYPE", path, node, says, "members.csv, or M01: {default_fund: ...}")
        members = {}
        for id_, item in node.items.items():
            member = self.attempt(self._member, id_, item, (*path, id_), node.keys[id_])
            self._alike(id_, path, node.keys[id_])
            members[id_] = member or Member(id_)  # what is wrong with it is noted; it is still a member
        return members

    def _alike(self, id_: str, path: Path, at: tuple[int, int]) -> None:
        """No two ids that a person would read as one."""
        other = self.folded.setdefault(id_.casefold(), id_)
        if other != id_:
            says = f"{id_!r} and {other!r} differ by capital letters only"
            self.reader.problem("DUPLICATE_NAME", (*path, id_), at, says, "another id")

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
                raise self.reader.problem(
                    "TYPE", (*path, "accounts"), inner, "accounts are a map", "{house: {...}}"
                )
            margin = {str(x.source): "money" for x, _ in self.book.all_layers() if x.account}
            accounts = {
                name: self._fields(item, (*path, "accounts", name), margin or self.kinds, "an account")
                for name, item in inner.items.items()
            }
        rest = Map(
            {k: v for k, v in node.items.items() if k != "accounts"}, node.keys, node.line, node.column
        )
        return Member(id_, self._fields(rest, path, self.kinds, "a member"), accounts)

    def _table(self, rows: list[Row], path: Path) -> dict[str, Member]:
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
                member = self.attempt(self._member, id_.text, node, (*path, id_.text), at)
                if member:
                    self._alike(id_.text, path, at)
                    members[id_.text] = member
            finally:
                self.reader.document = Document(self.reader.document.root, name)
        return members

    def figures(self, root: Map) -> Fields:
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

    def defaults(self, root: Map) -> tuple[Default, ...]:
        found = [self.attempt(self._default, node, path) for path, node in self._listed(root, "defaults")]
        if None in found:
            raise Unreadable
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
        # What a default can do without is read as far as possible, so that all its mistakes are told.
        notice = map_.items.get("notice", Scalar(""))
        decisions = map_.items.get("decisions", Many(()))
        facts = map_.items.get("facts", Map({}, {}))
        noticed = self.attempt(reader.time, notice, (*path, "notice")) if "notice" in map_.items else None
        found_out = self.attempt(self._found_out, map_, path)
        decided = self.attempt(reader.read, tuple[Decision, ...], decisions, (*path, "decisions"))
        chain = self.attempt(self._chain, map_, path)
        told = self.attempt(reader.read, Mapping[Id, str], facts, (*path, "facts"))
        member = self.attempt(reader.text, map_.items["member"], (*path, "member"))
        declared = self.attempt(reader.time, map_.items["at"], (*path, "at"))
        losses, unpublished = self._loss(map_.items[both[0]], (*path, both[0]), both[0] == "loss")
        if member is None or declared is None:
            raise Unreadable
        return Default(
            member=member,
            at=declared,
            losses=losses,
            beyond_own=both[0] != "loss",
            unpublished=unpublished,
            notice=noticed,
            members=found_out or {},
            decisions=decided or (),
            chain=chain or {},
            facts=told or {},
        )

    def _loss(self, node: Node, path: Path, gross: bool) -> tuple[dict[tuple[str, str], Stated], str]:
        """The loss by (account, segment), and why it is not published if it is not."""
        kind = "loss" if gross else "money"
        segments = set(self.book.segments)

        def value(inner: Node, at: Path) -> Stated:
            return self._value(inner, at, kind)

        if isinstance(node, Map) and not node.items:
            raise self.reader.problem("LOSS", path, node, "no loss", 'an amount such as "1234.50"')
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

    def _found_out(self, map_: Map, path: Path) -> dict[str, Fields]:
        node = map_.items.get("members")
        if node is None:
            return {}
        if not isinstance(node, Map):
            at = (*path, "members")
            raise self.reader.problem("TYPE", at, node, "members are a map by id", "{M01: {bid: none}}")
        return {
            id_: self._fields(item, (*path, "members", id_), self.kinds, "a member")
            for id_, item in node.items.items()
        }

    def _chain(self, map_: Map, path: Path) -> dict[str, Fields]:
        node = map_.items.get("chain")
        if node is None:
            return {}
        at = (*path, "chain")
        chain = self.reader.words(node, at, CHAIN, "the chain behind the defaulter")
        found = {}
        for party, item in chain.items.items():
            if party not in CHAIN:
                continue
            layers = [x for x, _ in self.book.all_layers() if x.payer == party]
            names = {str(x.source): "money" for x in layers} | {str(x.id): "money" for x in layers}
            found[party] = self._fields(item, (*at, party), names, f"what the {party} holds")
        return found

    def events(self, root: Map) -> tuple[Event, ...]:
        found = [self.attempt(self._event, node, path) for path, node in self._listed(root, "events")]
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
            return Event(at, recovered=self._recovered(inner, what))
        if told[0] == "members":
            return Event(at, members=self._found_out(map_, path))
        if not isinstance(inner, Map):
            raise reader.problem(
                "TYPE", what, inner, "payments are a map by payer", "{M01: {default_fund: ...}}"
            )
        if told[0] == "paid_late":
            late = Mapping[Id, Money]
            return Event(at, paid_late={k: reader.read(late, v, (*what, k)) for k, v in inner.items.items()})
        return Event(at, paid_in={k: self._paid_in(v, (*what, k)) for k, v in inner.items.items()})

    def _recovered(self, node: Node, path: Path) -> Recovered:
        """An amount, or a map that says more of it."""
        if isinstance(node, Map):
            recovered: Recovered = self.reader.dataclass(Recovered, node, path)
            return recovered
        return Recovered(self.reader.amount_of_money(node, path))

    def _paid_in(self, node: Node, path: Path) -> dict[str, Mapping[str, Money]]:
        """What one payer paid in, by source or layer, and there by segment or at once."""
        reader = self.reader
        if not isinstance(node, Map):
            raise reader.problem("TYPE", path, node, "a map belongs here", "name: value")
        paid: dict[str, Mapping[str, Money]] = {}
        for key, item in node.items.items():
            name, at = reader.id(Scalar(key, *node.keys[key]), (*path, key)), (*path, key)
            if isinstance(item, Map):
                reader.words(item, at, tuple(self.book.segments), "an amount by segment")
                paid[name] = {
                    one: reader.amount_of_money(inner, (*at, one)) for one, inner in item.items.items()
                }
            else:
                paid[name] = {"": reader.amount_of_money(item, at)}
        return paid
