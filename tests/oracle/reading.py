"""What an event reads: rulebook, resources, losses; what names and amounts come to (sections 3, 4)."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

from oracle.periods import Calendar, Moment, Stamp, moment
from oracle.words import (
    AMOUNT_BASE,
    AMOUNT_WORDS,
    CALLED,
    COMMON_FIELDS,
    DECIMALS,
    HELD_BY_CHAIN,
    NOT_MONEY,
    OWED,
    Label,
    Layer,
    Payer,
    Refused,
    Unknown,
    as_list,
    holds,
    in_bytes,
    is_by_day,
    is_map_of_parts,
    merged,
    on_day,
    word,
)

Ledger = Counter[tuple[str, ...]]
Flow = tuple[str, str, str]  # of gains by day: the first day that counts, the last, the only one ("": all)


@dataclass(frozen=True)
class View:
    """For whom, for which segment, and as of which day an amount is read."""

    payer: Payer | None = None
    segment: str = ""
    opened: str = ""  # the opening day of the window that the amount belongs to
    day: str = ""  # "": the event's own
    flow: Flow = ("", "9999", "")


@dataclass
class Past:
    """What one event, or one payment in, left behind."""

    stamp: Stamp
    ledger: Ledger
    is_event: bool = True
    rows: dict[str, Any] = field(default_factory=dict)
    ranks: list[tuple[Any, list[Layer]]] = field(default_factory=list)
    defaulters: list[str] = field(default_factory=list)
    entries: list[tuple[str, str, Ledger]] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)  # by layer, less what was returned as never paid
    out: dict[str, Counter[str]] = field(default_factory=dict)  # less what was recovered, too
    uncovered: int = 0
    owes: dict[str, Counter[str]] = field(default_factory=dict)
    stood: dict[str, Counter[str]] = field(default_factory=dict)
    stood_uncovered: int = 0
    groups: dict[str, list[str]] = field(default_factory=dict)  # the layers of each
    recoveries: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Fraction | None] = field(default_factory=dict)
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)  # payments in that use up a cap


class Reading:
    """The circumstances of one event after another, and what earlier ones left."""

    def __init__(self, scenario: dict[str, Any], pinned: str | None) -> None:
        given = (scenario.get("resources") or {}).get("members") or {}
        self.scenario, self.pinned = scenario, pinned
        self.first_known = {name: fields or {} for name, fields in given.items()}
        self.findings: list[tuple[str, Any]] = []  # the day, and what was found out
        self.versions = Counter[tuple[str, str]]()  # how often a member's owed figure was given anew
        self.gone: set[str] = set()
        self.past: list[Past] = []
        self.before, self.now = Ledger(), Ledger()
        self.exhausted: set[tuple[str, str]] = set()
        self.period: Moment | None = None

    def found(self, day: str, members: Any) -> None:
        """Something was found out; owed figures given anew are a new purse."""
        self.findings.append((day, members))
        for name, fields in (members or {}).items():
            for source in OWED & set(fields or {}):
                self.versions[name, source] += 1

    def read_book(self, day: str) -> None:
        """The rulebook as of a day, or of the pinned one."""
        book = on_day(self.scenario["rulebook"], self.pinned or day)
        self.book: dict[str, Any] = book
        unit = book.get("currency", self.scenario.get("currency"))
        self.decimals = int(unit["decimals"]) if isinstance(unit, dict) else DECIMALS.get(unit, 2)
        self.calendar = Calendar(book.get("calendar"))
        self.segments: list[str] = as_list(book.get("segments"))
        self.floored = (book.get("rounding") or {}).get("share") == "floor_residual"
        self.residual_to = (book.get("rounding") or {}).get("residual_to", "ccp")
        self.layers: dict[str, Layer] = {}  # all of the rulebook
        for item in book["layers"]:
            own = {"segment": item["segment"]} if "group" in item and "segment" in item else {}
            for layer in item["layers"] if "group" in item else [item]:
                self.layers[layer["id"]] = {**own, **layer}
        self.before = Ledger()
        for one in self.past:
            self.before.update(one.ledger)

    def begin(self, defaults: list[dict[str, Any]]) -> None:
        """Read the book, the resources and the losses for the defaults of one event, the first one first."""
        first = defaults[0]
        self.when, self.notice = moment(first["at"]), moment(first.get("notice") or first["at"])
        self.day: str = first["at"][:10]
        for default in defaults:
            self.found(self.day, default.get("members") or {})
        self.read_book(self.day)
        self.defaults = defaults
        self.defaulters = [default["member"] for default in defaults]  # in order of time
        self.decisions = [one for default in defaults for one in as_list(default.get("decisions"))]
        self.facts = [default.get("facts") or {} for default in defaults]
        self.members: dict[str, Any] = self.members_on(self.day)
        self.parties: dict[str, Any] = on_day(self.scenario.get("resources") or {}, self.day)
        self.chain = {one["member"]: one.get("chain") or {} for one in defaults}
        self.there = in_bytes(self.members.keys() - self.gone)  # before this event
        self.survivors = [one for one in self.there if one not in self.defaulters]
        self.beyond = {one["member"] for one in defaults if "loss_beyond_own_resources" in one}
        self.read_ranks()
        mine = [x for x in self.layers.values() if x.get("payer") in ("members", "defaulter")]
        written = {name for fields in self.members.values() for name in fields}
        self.specs: dict[str, Any] = self.book.get("figures") or {}
        self.fields = (COMMON_FIELDS | written | {x["source"] for x in mine}) - CALLED - NOT_MONEY
        self.fields |= {name for name in self.specs if self.figure(name).get("given") == "member"}
        self.losses: dict[Label, int] = {}
        self.profits: dict[Label, int] = {}
        for default in defaults:
            self.read_loss(default)

    def read_ranks(self) -> None:
        """The layers in force and whose `when` holds, rank by rank (sections 2, 6)."""
        day = self.pinned or self.day
        self.ranks: list[tuple[Any, list[Layer]]] = []  # a `split`, its layers
        for item in self.book["layers"]:
            ids = [layer["id"] for layer in (item["layers"] if "group" in item else [item])]
            used = [
                self.layers[name]
                for name in ids
                if all(
                    one.get("from", "") <= day <= one.get("until", "9999")
                    and holds(one.get("when"), self.words_of_default)
                    for one in (item, self.layers[name])
                )
            ]
            if used and "split" in item:
                self.ranks.append((item["split"], used))
            else:
                self.ranks += [(None, [layer]) for layer in used]
        self.active = [layer for _, layers in self.ranks for layer in layers]
        caps = as_list(self.book.get("caps"))
        self.caps = [cap for cap in caps if cap.get("from", "") <= day <= cap.get("until", "9999")]

    def members_on(self, day: str) -> dict[str, Any]:
        """Members' fields as of a day, as far as they were known on it."""
        known = self.first_known
        for found, members in self.findings:
            if found <= day:
                known = merged(known, members)
        return {name: on_day(fields, day) for name, fields in known.items()}

    def read_loss(self, default: dict[str, Any]) -> None:
        """The losses by segment and account; a negative one is a profit (section 8)."""
        loss = default.get("loss_beyond_own_resources", default.get("loss"))
        parts: Any = loss if self.segments and is_map_of_parts(loss) else {"": loss}
        for segment, told in parts.items():
            accounts: Any = told if is_map_of_parts(told) else {"house": told}
            for account, raw in accounts.items():
                try:
                    amount = int(self.read(raw))
                except Unknown:
                    raise Refused("UNKNOWN_LOSS") from None
                label = (default["member"], account, segment)
                self.losses[label], self.profits[label] = max(0, amount), max(0, -amount)

    def read(self, raw: Any, name: str = "", segment: str = "") -> Fraction:
        """A written amount in minor units; bare, if the name is a figure of `kind: number`.

        Told by segment: the segment's part, or all of them.
        """
        if self.segments and is_map_of_parts(raw):
            if segment:
                return self.read(raw.get(segment, "0"), name)
            return sum((self.read(one, name) for one in raw.values()), Fraction(0))
        if isinstance(raw, dict):
            raw = None if "unknown" in raw else raw.get("amount")
        if raw is None:
            raise Unknown
        bare = self.figure(name).get("kind") == "number"
        return Fraction(raw.replace(" ", "")) * (1 if bare else 10**self.decimals)

    # Amounts and names (section 3).

    def figure(self, name: str) -> dict[str, Any]:
        """A figure's entry in the rulebook, as a map."""
        spec = self.specs.get(name) or {}
        return {"of": spec} if isinstance(spec, str) else spec

    def amount(self, spec: Any, view: View, figure: str = "") -> Fraction:
        """What an amount comes to, exactly; `figure` is the figure it defines."""
        spec = {"of": spec} if isinstance(spec, str) else spec
        if not spec or "unknown" in spec:
            raise Unknown
        if "measured" in spec:
            view = replace(view, day=self.measured(spec["measured"], view))
        if "amount" in spec:
            result = self.read(spec["amount"], figure)
        elif "of" in spec:
            result = sum((self.value(name, view) for name in as_list(spec["of"])), Fraction(0))
        elif "matching" in spec:
            result = self.matched(spec["matching"], view)
        elif "greatest" in spec:
            result = max(self.amount(one, view, figure) for one in spec["greatest"])
        else:
            result = min(self.amount(one, view, figure) for one in spec["least"])
        if "multiple" in spec:
            text = spec["multiple"]
            result *= Fraction(text) if text[0].isdigit() else self.value(text, view)
        if "less" in spec:
            result -= sum(self.amount(one, view, figure) for one in as_list(spec["less"]))
        if "most" in spec:
            result = min(result, self.read(spec["most"], figure))
        if "apportioned" in spec:
            whole = self.value(spec["apportioned"], replace(view, segment=""))
            result *= self.value(spec["apportioned"], view) / whole if whole else 0
        return max(result, Fraction(0))

    def measured(self, when: str, view: View) -> str:
        """The day as of which names are read."""
        if when in ("at_declaration", "at_call"):
            return self.day
        if when == "at_notice":
            return str(self.notice.day)
        if when == "at_window_start":
            return view.opened or self.day
        own = self.date_of(view.payer, when.removeprefix("at_"))
        if own is None:
            raise Unknown
        return own

    def date_of(self, payer: Payer | None, name: str) -> str | None:
        """A date field of a member."""
        if payer is None or payer[0] != "member":
            return None
        raw = self.members[payer[1]].get(name)
        return raw if isinstance(raw, str) else None

    def value(self, name: str, view: View) -> Fraction:
        """A name: 1. a field of the payer, 2. a figure, 3. a total over members, 4. a layer."""
        kind, who, more = view.payer or ("", "", "")
        day = view.day or self.day
        if kind == "member" and name in self.fields:
            return self.member_value(who, name, view)
        if kind == "party" and self.is_given_by_source(who, name):
            raw = on_day((self.scenario["resources"].get(who) or {}).get(name), day)
            return self.with_paid_in(raw, name, ("party", who, name, ""), view)
        if kind == "chain" and name in (self.chain[more].get(who) or {}):
            return self.read(self.chain[more][who][name], name, view.segment)
        if name in self.specs and name not in self.fields:
            if self.figure(name).get("given") == "ccp":
                return self.read(
                    on_day(self.scenario.get("figures") or {}, day).get(name), name, view.segment
                )
            spec = on_day(self.scenario["rulebook"].get("figures") or {}, self.pinned or day).get(name)
            return self.amount(spec, view, name)
        if name in self.fields:
            return sum((self.member_value(one, name, view) for one in self.members), Fraction(0))
        if name in self.layers:
            with self.as_of(day):
                return Fraction(self.standing(self.layers[name], view))
        raise Unknown

    def member_value(self, who: str, name: str, view: View) -> Fraction:
        """A member's own field."""
        fields = self.members if view.day in ("", self.day) else self.members_on(view.day)
        raw = (fields.get(who) or {}).get(name)
        if name in OWED:
            return self.owed(raw, view)
        return self.with_paid_in(raw, name, ("member", who, name, ""), view)

    def owed(self, raw: Any, view: View) -> Fraction:
        """What is owed and can be kept back: gains of the days that count, never below zero."""
        if self.segments and is_map_of_parts(raw) and not is_by_day(raw):
            if view.segment:
                return self.owed(raw.get(view.segment, "0"), view)
            return sum((self.owed(one, view) for one in raw.values()), Fraction(0))
        if is_by_day(raw):
            first, last, only = view.flow
            days = [day for day in raw if first <= day <= last and only in ("", day)]
            return max(Fraction(0), sum((self.read(raw[day]) for day in days), Fraction(0)))
        return max(Fraction(0), self.read(raw))

    def with_paid_in(self, raw: Any, name: str, purse: tuple[str, ...], view: View) -> Fraction:
        """A purse's money as a figure: given, and the most by which payments in exceeded uses."""
        paid_in = [one for one in self.past if not one.is_event]
        segments = {key[-1] for one in paid_in for key in one.ledger if key[:-1] == purse}
        if raw is None and not segments:
            raise Unknown
        given = Fraction(0) if raw is None else self.read(raw, name, view.segment)
        wanted = [one for one in segments if view.segment in ("", one) or not one]
        return given + sum(self.excess((*purse, one), view.day) for one in wanted)

    def excess(self, purse: tuple[str, ...], day: str) -> int:
        """The most by which payments into a purse ever exceeded what was used of it."""
        most = net = 0
        for one in self.past:
            if self.counts_on(one, day):
                net -= one.ledger[purse]
                most = max(most, net)
        return most

    def counts_on(self, one: Past, day: str) -> bool:
        """Whether something was before a day; before this event, if the day is not an earlier one."""
        return day in ("", self.day) or day > self.day or one.stamp.when.day < date.fromisoformat(day)

    @contextmanager
    def as_of(self, day: str) -> Iterator[None]:
        """With what was used and paid in before a day, and the members that were there then."""
        kept, there, gone = self.before, self.there, set[str]()
        self.before = Ledger()
        for one in self.past:
            if self.counts_on(one, day):
                self.before.update(one.ledger)
                gone |= set(one.defaulters)
        self.there = in_bytes(self.members.keys() - gone)
        yield
        self.before, self.there = kept, there

    def is_given_by_source(self, party: str, name: str) -> bool:
        """Whether an entry of a party's money is keyed by source, not by one of its layers."""
        keyed_by_layer = name in self.layers and self.layers[name].get("payer") == party
        if keyed_by_layer or party == "members":
            return False
        return name in (self.parties.get(party) or {}) or any(
            key[:3] == ("party", party, name) for one in self.past if not one.is_event for key in one.ledger
        )

    def window_amount(self, layer: Layer) -> dict[str, Any] | None:
        """The most in a layer's window, if it says an amount or leaves it to the limit."""
        window = layer["window"]
        own = {name: value for name, value in window.items() if name in AMOUNT_WORDS}
        if not own and ("times" in window or layer["source"] == "gains"):
            return None
        limit = layer.get("limit") or {}
        limit = {"of": limit} if isinstance(limit, str) else limit
        if not own:
            return dict(limit)
        kept = ("measured",) if AMOUNT_BASE & set(own) else ("of", "measured")
        return {name: limit[name] for name in kept if name in limit} | own

    # Conditions (section 4).

    def words_of_default(self, field: str) -> set[str]:
        """What the event's defaults say of a fact, or which decisions were taken."""
        if field == "decided":
            return {one["decided"] for one in self.decisions} or {"false"}
        return {word(facts[field]) for facts in self.facts if field in facts} or {"false"}

    def words_of_payer(self, payer: Payer, field: str, segment: str = "") -> set[str]:
        """What a condition finds in a field of a payer; in a segment, where it is told by segment."""
        kind, who, _ = payer
        fields = self.members[who] if kind == "member" else self.parties.get(who) or {}
        if field == "decided":
            naming = [one for one in self.decisions if who in as_list(one.get("members"))]
            return {one["decided"] for one in naming} or {"false"}
        if field == "defaulter_affiliate":
            groups = [self.members[one].get("group") for one in self.defaulters]
            return {"true" if fields.get("group", "") in groups else "false"}
        raw = fields.get(field, "false")
        if self.segments and is_map_of_parts(raw):
            raw = raw.get(segment, "false")
        return {word(raw)}

    def wanted(self, rule: Layer, payers: list[Payer], segment: str = "") -> list[Payer]:
        """The payers that satisfy the `where` of a layer or a cap."""

        def fits(payer: Payer) -> bool:
            return holds(rule.get("where"), lambda field: self.words_of_payer(payer, field, segment))

        return [payer for payer in payers if fits(payer)]

    def is_held(self, layer: Layer) -> bool:
        """Whether a layer's money stands in a purse; else it is called or owed."""
        return layer["source"] not in CALLED | OWED

    def stands_behind(self, layer: Layer) -> bool:
        """Whether a layer is paid from the chain of a defaulter."""
        return layer.get("payer") in HELD_BY_CHAIN

    def matched(self, name: str, view: View) -> Fraction:
        """What another layer could give when its turn came."""
        raise NotImplementedError

    def standing(self, layer: Layer, view: View) -> int:
        """What stands in a layer."""
        raise NotImplementedError
