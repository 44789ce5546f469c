"""Random scenarios in the file's form, for Hypothesis: one byte of a small stream decides one thing.

    bytes per head, rank, member, default   ->   a scenario with its rulebook inline, all scalars strings

One stream for each part keeps drawing cheap and shrinking useful: a rank, a member or a default is left
out whole, and a byte of zero is the simplest choice. ``features`` switch words of the language on for a
whole scenario, so that some scenarios have few of them and others nearly all.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

import oracle

T = TypeVar("T")
Map = dict[str, Any]

FEATURES = (
    "able", "accounts", "beyond", "conditions", "dated", "decisions", "equal", "figures", "found", "groups",
    "grouped", "huge", "layers", "lives", "order", "parties", "profit", "several", "stated", "together",
    "unknown",
)  # fmt: skip
"""What a scenario may have; a test leaves out by name what its invariant does not speak of."""

CURRENCIES = (("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4))
NAMES = ("M1", "M10", "M2", "Z", "a", "É", "ö", "中")
"""Ids whose UTF-8 byte order is not that of their numbers, cases or accents."""

PAYERS = ("members", "defaulter", "ccp", "members", "insurer", "members", "exchange", "defaulter", "parent")
OTHERS = ("ccp", "insurer", "exchange", "parent")
HELD_BY = {
    "defaulter": ("initial_margin", "default_fund", "initial_margin", "excess_margin"),
    "members": ("default_fund", "default_fund", "second_fund"),
}
OF_PARTIES = ("own_capital", "own_capital", "insurance", "collateral")
BIDS = ("none", "poor", "good", "winner")
MULTIPLES = ("1", "2", "0.5", "1.1", "0.333", "3")
WEIGHTS = ("1", "1", "2", "0", "0.5", "1000000000000000")
UNKNOWN = {"unknown": "true", "why": "nobody has published it"}
FIRST, CHANGE = "2020-01-01", "2024-06-01"
"""The day from which every dated value has an entry, and the day of the second entry."""
TIMES = (
    "2024-03-01T09:00:00Z", "2024-06-01T08:00:00+02:00", "2024-03-01T10:00:00+01:00", "2024-05-31T23:00:00Z",
    "2024-09-02T12:30:00Z",
)  # fmt: skip
"""The first default's, and the later ones': of one instant with it, and on either side of the change."""


class Dice:
    """Choices read off a stream of bytes; an exhausted stream chooses the simplest."""

    def __init__(self, data: bytes) -> None:
        self.rolls = iter(data)

    def upto(self, most: int) -> int:
        """A number from 0 to ``most``."""
        return next(self.rolls, 0) % (most + 1)

    def one_in(self, many: int) -> bool:
        """Seldom true."""
        return self.upto(many - 1) == many - 1

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.upto(len(options) - 1)]


class Writer:
    """Writes one scenario; ``has`` are the features switched on."""

    def __init__(self, head: bytes, without: frozenset[str]) -> None:
        self.dice = dice = Dice(head)
        self.has = {name for name in FEATURES if dice.one_in(2)} - without
        self.currency, self.decimals = dice.pick(CURRENCIES)
        self.layers: list[Map] = []
        self.standing: list[str] = []
        """Ids of the layers that an amount may name: always in force, and not a defaulter's."""
        self.parties: dict[str, Map] = {}
        self.beside = False
        """Whether a defaulter's layer stands side by side with others: then it has one account."""

    # Values.

    def units(self, dice: Dice) -> int:
        """Some minor units: mostly few, so that odd units and boundaries matter; seldom none."""
        size = dice.upto(9)
        if size < 7:
            return (dice.upto(30) + 3) % 31
        if size < 9 or "huge" not in self.has:
            return 256 * dice.upto(255) + dice.upto(255)
        return dice.pick((10**15, 10**15 + 1, 1, 10**15 - 1))

    def written(self, units: int) -> str:
        """The amount as the file has it, sometimes without decimals or in groups of three."""
        whole, part = divmod(abs(units), 10**self.decimals)
        text = f"{whole:,}".replace(",", " ") if "grouped" in self.has else str(whole)
        if part or (self.decimals and "stated" not in self.has):
            text += f".{part:0{self.decimals}d}"
        return "-" + text if units < 0 else text

    def money(self, dice: Dice) -> Any:
        """An amount that somebody holds or has: now and then unknown, or with its basis."""
        text = self.written(self.units(dice))
        if "unknown" in self.has and dice.one_in(12):
            return dict(UNKNOWN)
        if "stated" in self.has and dice.one_in(4):
            return {"amount": text, "basis": "assumed"}
        return text

    def dated(self, dice: Dice, first: T, second: T) -> T | dict[str, T]:
        """One value, or the two versions."""
        return {FIRST: first, CHANGE: second} if "dated" in self.has and dice.one_in(3) else first

    # Amounts.

    def names(self) -> list[str]:
        """Names that an amount of money may read."""
        figures = ["cap", "deposit", "base"] if "figures" in self.has else []
        return ["default_fund", "initial_margin", *figures, *self.standing]

    def amount(self, dice: Dice, inner: int = 0, names: Sequence[str] = ()) -> Any:
        """An amount of section 3 of the language; not zero for all."""
        names = names or self.names()
        kind = dice.upto(7 if inner == 0 else 5)
        if kind < 3:
            first, second = (self.written(1 + self.units(dice)) for _ in "12")
            spec: Map = {"amount": self.dated(dice, first, second)}
        elif kind == 3:
            spec = {"of": dice.pick(names)}
            if dice.one_in(3):
                return spec["of"]
        elif kind == 4:
            number = "factor" if "figures" in self.has and dice.one_in(3) else dice.pick(MULTIPLES)
            spec = {"multiple": number, "of": dice.pick(names)}
        elif kind == 5:
            spec = {"of": [dice.pick(names), dice.pick(names)]}
        else:
            word = "greatest" if kind == 6 else "least"
            spec = {word: [self.amount(dice, 1, names), self.amount(dice, 1, names)]}
        if inner < 2 and dice.one_in(6):
            less = [self.amount(dice, 2, names) for _ in range(1 + dice.upto(1))]
            spec["less"] = less if len(less) > 1 else less[0]
        if dice.one_in(6):
            spec["most"] = self.written(self.units(dice))
        return spec

    def versions(self, dice: Dice, payer: str) -> Any:
        """A limit of the payer, sometimes another one from the second day on."""
        own = [] if payer in HELD_BY else [name for name in self.parties.get(payer, {}) if name in OF_PARTIES]
        names = [*self.names(), *own]
        return self.dated(dice, self.amount(dice, 0, names), self.amount(dice, 0, names))

    def figures(self) -> tuple[Map, Map]:
        """The definitions clause, and what the scenario gives of it."""
        if "figures" not in self.has:
            return {}, {}
        dice = self.dice
        specs = {
            "cap": {"given": "ccp"},
            "factor": {"given": "ccp", "kind": "number"},
            "deposit": {"given": "member"},
            "weight": {"given": "member", "kind": "number"},
            "tier": {"given": "member", "kind": "word"},
            "base": self.dated(
                dice, *(self.amount(dice, 1, ["cap", "deposit", "default_fund"]) for _ in "12")
            ),
        }
        given = {"cap": self.dated(dice, self.money(dice), self.money(dice)), "factor": dice.pick(MULTIPLES)}
        if "unknown" in self.has and dice.one_in(4):
            del given[dice.pick(("cap", "factor"))]
        return specs, given

    # Layers.

    def when(self, dice: Dice) -> Map:
        """A condition on the default."""
        wanted = dice.pick((("drill", "auction"), ("drill",), ("x", "y"), ("x",), ("y", "false")))
        return {"decided" if wanted[0] == "drill" else "cause": list(wanted)}

    def where(self, dice: Dice) -> Map:
        """A condition on a member, surviving or in default."""
        options: list[Map] = [
            {"bid": ["none", "poor"]},
            {"bid": ["good", "winner"]},
            {"active": "true"},
            {"defaulter_affiliate": "false"},
            {"group": ["g1", "false"]},
            {"decided": "auction"},
            {"decided": "false", "active": ["true", "false"]},
        ]
        if "figures" in self.has:
            options += [{"tier": "one"}, {"weight": ["0.5", "1"]}]
        return dice.pick(options)

    def order(self, dice: Dice) -> Map:
        """Classes that leave out no bid, so that every member stands in one."""
        values = list(BIDS)
        turn, cut, end = dice.upto(3), dice.upto(2), dice.upto(1)
        values = values[turn:] + values[:turn]
        classes: list[Any] = [values[: cut + 1], *values[cut + 1 :]]
        return {"bid": classes if end else [classes[0], values[cut + 1 :]]}

    def layer(self, dice: Dice, own_rank: bool) -> Map:
        """One layer, its money among the parties' resources where a party pays."""
        payer = dice.pick(PAYERS)
        if not own_rank and payer == "defaulter" and "several" in self.has:
            payer = "members"
        held = HELD_BY.get(payer, OF_PARTIES)
        source = dice.pick(("assessment", "commitment")) if dice.one_in(4) else dice.pick(held)
        called = source in oracle.CALLED
        layer: Map = {"id": f"layer_{len(self.layers)}", "payer": payer, "source": source}
        if called or dice.one_in(2):
            layer["limit"] = self.versions(dice, payer)
        if payer == "members":
            self.shared(layer, dice, own_rank)
        elif payer != "defaulter" and not called:
            self.held(layer, dice)
        if payer == "defaulter" and "accounts" in self.has and not called:
            layer["account"] = dice.pick(("house", "client"))
        if "together" in self.has and dice.one_in(4):
            layer["together"] = self.versions(dice, payer)
        if "conditions" in self.has and dice.one_in(3):
            layer["when"] = self.when(dice)
        if "conditions" in self.has and payer in HELD_BY and dice.one_in(3):
            layer["where"] = self.dated(dice, self.where(dice), self.where(dice))
        if "lives" in self.has and dice.one_in(4):
            layer |= dice.pick(({"from": CHANGE}, {"until": "2024-05-31"}))
        self.layers.append(layer)
        return layer

    def shared(self, layer: Map, dice: Dice, own_rank: bool) -> None:
        """How the members share, which of them pay, and in which order."""
        kinds: list[Any] = ["equal", "size", "default_fund", self.amount(dice)]
        if "figures" in self.has:
            kinds += ["weight", "deposit"]
        layer["share"] = dice.pick(kinds)
        if own_rank and "order" in self.has and dice.one_in(2):
            layer["order"] = self.dated(dice, self.order(dice), self.order(dice))

    def held(self, layer: Map, dice: Dice) -> None:
        """A party's money: by source, by layer id, or neither, then the limit is all there is."""
        holds = self.parties.setdefault(layer["payer"], {})
        way = dice.upto(2 if "parties" in self.has else 0)
        if way == 2 and ("limit" in layer or "unknown" in self.has):
            return
        key = layer["id"] if way == 1 else layer["source"]
        if key not in holds:
            holds[key] = self.money(dice)

    def rank(self, data: bytes) -> Map:
        """A layer, or a group of them, one after another or side by side."""
        dice = Dice(data)
        if "groups" not in self.has or not dice.one_in(3):
            layer = self.layer(dice, own_rank=True)
            self.may_be_named([layer], {})
            return layer
        split = dice.upto(2)
        layers = [self.layer(dice, own_rank=split == 0) for _ in range(2 + dice.upto(1))]
        group: Map = {"group": f"group_{len(self.layers)}", "layers": layers}
        self.beside |= split > 0 and any(layer["payer"] == "defaulter" for layer in layers)
        if split == 1:
            group["split"] = "size"
        elif split == 2:
            group["split"] = {layer["id"]: dice.pick(("1", "2", "0.5", "3")) for layer in layers}
        if "conditions" in self.has and dice.one_in(3):
            group["when"] = self.when(dice)
        if "lives" in self.has and dice.one_in(6):
            group["until"] = "2024-05-31"
        self.may_be_named(layers, group)
        return group

    def may_be_named(self, layers: list[Map], group: Map) -> None:
        """Later amounts may name the layers that are in force always."""
        fleeting = {"when", "from", "until"}
        for layer in layers:
            if "layers" in self.has and layer["payer"] != "defaulter" and not fleeting & {*layer, *group}:
                self.standing.append(layer["id"])

    # Members.

    def sources(self) -> list[str]:
        """Held money that a member may have."""
        paid = {layer["source"] for layer in self.layers if layer["payer"] in HELD_BY}
        return sorted({"default_fund", "initial_margin", *paid} - oracle.CALLED)

    def member(self, data: bytes, sources: list[str]) -> Map:
        """A member's money, figures and conduct; unknown ones are left out or said to be unknown."""
        dice = Dice(data)
        fields: Map = {source: self.money(dice) for source in sources}
        if "figures" in self.has:
            fields["deposit"] = self.dated(dice, self.money(dice), self.money(dice))
            fields["weight"] = dice.pick(WEIGHTS)
            fields["tier"] = self.dated(dice, "one", "two")
        if "unknown" in self.has and dice.one_in(8):
            del fields[dice.pick(sorted(fields))]
        if self.has & {"conditions", "order"}:
            fields["bid"] = dice.pick(BIDS)
            fields |= dice.pick(({}, {"group": "g1"}, {"group": "g2"}, {"active": "true"}))
        if "able" in self.has and dice.one_in(2):
            fields["able_to_pay"] = self.money(dice)
        told = sorted({layer["source"] for layer in self.layers if "account" in layer})
        if told:
            fields["accounts"] = self.accounts(dice, fields, told)
        return fields

    def accounts(self, dice: Dice, fields: Map, told: list[str]) -> Map:
        """Margin by account; the house's own is now and then told there instead of in plain fields."""
        clients = dice.pick(((), ("c1",), ("c1", "C2")))
        if self.beside:
            clients = ()
        result: Map = {client: {source: self.money(dice) for source in told} for client in clients}
        if dice.one_in(4):
            source = dice.pick(told)
            result["house"] = {source: fields.pop(source, self.written(0))}
        return result

    # Defaults.

    def default(self, data: bytes, member: str, members: Map, first: bool) -> Map:
        """Who defaults when, with which decisions and facts; the loss is zero as yet."""
        dice = Dice(data)
        one: Map = {"member": member, "at": TIMES[0] if first else dice.pick(TIMES[1:])}
        kind = "loss_beyond_own_resources" if "beyond" in self.has and dice.one_in(3) else "loss"
        one[kind] = self.written(0)
        if "conditions" in self.has and dice.one_in(2):
            one["facts"] = {"cause": dice.pick(("x", "y"))}
        if "decisions" in self.has and dice.one_in(2):
            concerned = [name for name in members if dice.one_in(2)]
            decided = {"decided": dice.pick(("auction", "drill")), "by": "board", "at": TIMES[0]}
            one["decisions"] = [{**decided, "reason": "needed", "members": concerned}]
        if "found" in self.has and dice.one_in(2):
            words = [{"bid": dice.pick(BIDS)}, {"active": "true"}]
            if "able" in self.has:
                words.append({"able_to_pay": self.money(dice)})
            one["members"] = {dice.pick(sorted(members)): dice.pick(words)}
        return one

    def loss(self, scenario: Map, number: int, data: bytes) -> Any:
        """A loss, often just at, above or below where a layer ends; by account where there are several."""
        dice = Dice(data)
        default = scenario["defaults"][number]
        house = self.aimed(scenario, number, dice) if dice.upto(3) < 3 else self.units(dice)
        gross = "loss" in default
        if gross and "profit" in self.has and dice.one_in(4):
            house = -house
        clients = list(scenario["resources"]["members"][default["member"]].get("accounts", {}))
        clients = [name for name in clients if name != "house" and dice.one_in(2)]
        if not clients:
            return self.written(house)
        losses = {"house": house} if dice.upto(5) else {}
        for name in clients:
            profit = gross and "profit" in self.has and dice.one_in(3)
            losses[name] = -self.units(dice) if profit else self.units(dice)
        return {name: self.written(loss) for name, loss in losses.items()}

    def aimed(self, scenario: Map, number: int, dice: Dice) -> int:
        """A loss that ends within some layer of this default, at its end, or a unit beside it."""
        try:
            rows = oracle.judge({**scenario, "defaults": scenario["defaults"][: number + 1]})[-1]["layers"]
        except oracle.Refused:
            return self.units(dice)
        capacities = [row["capacity"] or 0 for row in rows.values()] or [0]
        last = max(dice.upto(len(capacities) - 1), dice.upto(len(capacities) - 1))
        into = capacities[last] * dice.pick((4, 8, 8, 1, 2, 3, 5, 7)) // 8
        return max(0, sum(capacities[:last]) + into + dice.pick((0, 1, -1)))


def _scenario(
    without: frozenset[str], head: bytes, ranks: list[bytes], members: list[bytes], defaults: list[bytes]
) -> Map:
    writer = Writer(head, without)
    specs, given = writer.figures()
    layers = [writer.rank(data) for data in ranks]
    sources = writer.sources()
    if "equal" in writer.has:
        members = members[:1] * len(members)
    if writer.dice.one_in(16):
        del members[1:]
    names = NAMES[: len(members)]
    people = {name: writer.member(data, sources) for name, data in zip(names, members, strict=True)}
    book: Map = {"currency": writer.currency, "layers": layers}
    word = writer.dice.upto(3)
    if word:
        floored = {"share": "floor_residual", "residual_to": writer.dice.pick(("ccp", "insurer", "exchange"))}
        book["rounding"] = floored if word < 3 else {"share": "largest_remainder"}
    if specs:
        book["figures"] = specs
    if writer.dice.one_in(2):
        book["from"] = FIRST
    scenario: Map = {
        "scenario": "random",
        "currency": writer.currency,
        "rulebook": book,
        "resources": {"members": people, **writer.parties},
        "defaults": [],
    }
    if given:
        scenario["figures"] = given
    defaults = defaults[: len(people) if "several" in writer.has else 1]
    start = writer.dice.upto(7)
    for number, data in enumerate(defaults):
        member = names[(start + number) % len(names)]
        one = writer.default(data[::2], member, people, first=number == 0)
        scenario["defaults"].append(one)
        kind = "loss" if "loss" in one else "loss_beyond_own_resources"
        one[kind] = writer.loss(scenario, number, data[1::2])
    return scenario


@st.composite
def _scenarios(draw: st.DrawFn, without: frozenset[str]) -> Map:
    streams = (draw(_HEAD), draw(_RANKS), draw(_MEMBERS), draw(_DEFAULTS))
    return _scenario(without, *streams)


def _streams(size: int, least: int, most: int) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.binary(min_size=size, max_size=size), min_size=least, max_size=most)


_HEAD = st.binary(min_size=64, max_size=64)
_RANKS, _MEMBERS, _DEFAULTS = _streams(48, 1, 7), _streams(24, 2, 8), _streams(48, 1, 3)


def scenarios(without: Iterable[str] = ()) -> st.SearchStrategy[Map]:
    """Scenarios of everything that is executed, but for the ``features`` left out."""
    return _scenarios(frozenset(without))


def simple(layers: list[Map], members: Map, loss: Any = "0", **rest: Any) -> Map:
    """A scenario in yen with these layers and members, in which the first member defaults.

    ``rest`` are figures of the rulebook, what parties hold, and words of the default.
    """
    book = {"currency": "JPY", "layers": layers}
    if "figures" in rest:
        book["figures"] = rest.pop("figures")
    parties = {party: rest.pop(party) for party in OTHERS if party in rest}
    default = {"member": next(iter(members)), "at": TIMES[0], "loss": loss, **rest}
    return {
        "scenario": "simple",
        "currency": "JPY",
        "rulebook": book,
        "resources": {"members": members, **parties},
        "defaults": [default],
    }


# Money and the engine without a rulebook.

Pot = tuple[int, int]
"""A payer as the engine sees it: weight and what it can give."""

_POT = st.one_of(
    st.tuples(st.integers(0, 7), st.integers(0, 12)),
    st.tuples(st.integers(0, 1000), st.integers(0, 10_000)),
    st.tuples(st.sampled_from((1, 10**15)), st.sampled_from((0, 1, 10**15))),
)
_CHANGE = st.integers(-1, 1)


def _aimed(draw: st.DrawFn, ends: Sequence[int], most: int) -> int:
    """An amount up to ``most``: anywhere, or at one of the ends, a unit above or below it."""
    if draw(st.booleans()):
        return draw(st.integers(0, most))
    return min(most, max(0, draw(st.sampled_from(ends)) + draw(_CHANGE)))


@st.composite
def sharings(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    """An amount, weights and caps that together can bear it; who has no weight has no cap."""
    pots = draw(st.lists(_POT, min_size=1, max_size=9))
    caps = [cap if weight else 0 for weight, cap in pots]
    amount = _aimed(draw, (0, sum(caps), *caps), sum(caps))
    return amount, [weight for weight, _ in pots], caps


@st.composite
def chains(draw: st.DrawFn) -> tuple[int, list[list[Pot]]]:
    """A loss, and layers one after another, each with its payers; the loss may exceed them all."""
    layers = draw(st.lists(st.lists(_POT, min_size=1, max_size=5), min_size=1, max_size=5))
    ends = [0]
    for pots in layers:
        ends.append(ends[-1] + sum(cap for weight, cap in pots if weight))
    return _aimed(draw, ends, ends[-1] + 20), layers
