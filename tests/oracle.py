"""A second, naive reading of the rulebook language, to judge the engine by.

It covers sections 1 to 4 and 6 of the language: layers, groups, amounts, names, conditions and
dated values, with accounts, simultaneous defaults and members unable to pay. It knows no windows,
caps, rounds, matching, segments, chains, actions, events or owed money. Everything is brute force
with exact fractions; money is counted in minor units.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

Payer = tuple[str, str, str]  # "member" or "party", its name, which account ("": plain fields)
Label = tuple[str, str]  # a loss: whose default, which account
Layer = dict[str, Any]
Line = tuple[Payer, int, Fraction]  # payer, room here, weight
Ledger = Counter[tuple[str, ...]]

CALLED = {"assessment", "commitment"}
COMMON_FIELDS = {"initial_margin", "excess_margin", "default_fund", "collateral"}
NOT_MONEY = {"accounts", "bid", "active", "group", "able_to_pay"}
NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
DECIMALS = dict.fromkeys(NO_DECIMALS.split(), 0) | dict.fromkeys(["CLF", "UYW"], 4)
DECIMALS |= dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)  # all others 2
BOUNDLESS = 10**40


class Refused(Exception):
    """A run must stop: UNKNOWN_REACHED, NO_PAYERS or (a loss not known, section 8) UNKNOWN_LOSS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unknown(Exception):
    """An amount is unknown or not given; harmless until a loss reaches it (section 8)."""


def on_day(value: Any, day: str) -> Any:
    """The value as of a day: wherever a map keyed by ISO dates stands, its entry (section 6)."""
    if isinstance(value, list):
        return [on_day(one, day) for one in value]
    if not isinstance(value, dict):
        return value
    if value and all(re.fullmatch(r"\d{4}-\d\d-\d\d", key) for key in value):
        begun = [key for key in value if key <= day]
        return on_day(value[max(begun)], day) if begun else None
    return {key: on_day(one, day) for key, one in value.items()}


def as_list(value: Any) -> list[Any]:
    """Nothing, one value or a list of them, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def in_bytes(names: Iterable[str]) -> list[str]:
    """The names in UTF-8 byte order."""
    return sorted(names, key=str.encode)


def word(raw: Any) -> str:
    """A value as a condition compares it."""
    return str(raw.get("amount", "unknown")) if isinstance(raw, dict) else str(raw)


def holds(condition: Any, words: Callable[[str], set[str]]) -> bool:
    """Whether every field of a condition has one of its wanted values (section 4)."""
    return all(words(field) & set(as_list(want)) for field, want in (condition or {}).items())


def fill(amount: int, rooms: list[int], weights: list[Fraction]) -> list[Fraction]:
    """Water-filling (section 10): raise all together until one is full, drop it, go on."""
    given = [Fraction(0) for _ in rooms]
    left = Fraction(amount)
    active = [i for i, room in enumerate(rooms) if room > 0 and weights[i] > 0]
    while left > 0 and active:
        weight = sum((weights[i] for i in active), Fraction(0))
        rise = min(left / weight, *((rooms[i] - given[i]) / weights[i] for i in active))
        for i in active:
            given[i] += rise * weights[i]
        left -= rise * weight
        active = [i for i in active if given[i] < rooms[i]]
    return given


Split = tuple[list[int], int]  # whole units for each, odd units nobody pays


def divide(amount: int, rooms: list[int], weights: list[Fraction], floored: bool) -> Split:
    """Whole units for each, who stand in the order of ties, and the odd units (section 10)."""
    exact = fill(amount, rooms, weights)
    units = [math.floor(share) for share in exact]
    odd = int(sum(exact)) - sum(units)
    while odd > 0 and not floored:
        remainders = [share - whole for share, whole in zip(exact, units, strict=True)]
        units[remainders.index(max(remainders))] += 1
        odd -= 1
    return units, odd


class Run:
    """A scenario, event by event; what earlier events used is all it remembers."""

    def __init__(self, scenario: dict[str, Any], pinned: str | None) -> None:
        given = (scenario.get("resources") or {}).get("members") or {}
        self.scenario, self.pinned = scenario, pinned
        self.known = {name: fields or {} for name, fields in given.items()}
        self.gone: set[str] = set()
        self.before, self.now = Ledger(), Ledger()

    def begin(self, defaults: list[dict[str, Any]]) -> None:
        """Read the book, the resources and the losses for the defaults of one instant."""
        scenario, pinned = self.scenario, self.pinned
        for default in defaults:
            self.known = merged(self.known, default.get("members") or {})
        day = min(default["at"][:10] for default in defaults)
        book = on_day(scenario["rulebook"], pinned or day)
        unit = book.get("currency", scenario.get("currency"))
        own_unit = isinstance(unit, dict)
        self.decimals = int(unit["decimals"]) if own_unit else DECIMALS.get(unit, 2)
        self.specs: dict[str, Any] = book.get("figures") or {}
        self.figures = on_day(scenario.get("figures") or {}, day)
        self.members: dict[str, Any] = on_day(self.known, day)
        self.parties: dict[str, Any] = on_day(scenario.get("resources") or {}, day)
        self.floored = (book.get("rounding") or {}).get("share") == "floor_residual"
        self.residual_to = (book.get("rounding") or {}).get("residual_to", "ccp")
        self.defaulters = in_bytes(default["member"] for default in defaults)
        self.decisions = [one for default in defaults for one in as_list(default.get("decisions"))]
        self.facts = [default.get("facts") or {} for default in defaults]
        self.there = in_bytes(self.members.keys() - self.gone)  # before this event
        self.survivors = [one for one in self.there if one not in self.defaulters]
        self.layers: dict[str, Any] = {}  # all of the rulebook
        self.ranks: list[tuple[Any, list[Any]]] = []  # those that count: a `split`, its layers
        for item in book["layers"]:
            self.read_layers(item, pinned or day)
        self.active = [layer for _, layers in self.ranks for layer in layers]
        mine = [x for x in self.layers.values() if x["payer"] in ("members", "defaulter")]
        written = {name for fields in self.members.values() for name in fields}
        self.fields = (COMMON_FIELDS | written | {x["source"] for x in mine}) - CALLED - NOT_MONEY
        self.fields |= {name for name in self.specs if self.figure(name).get("given") == "member"}
        self.beyond = {one["member"] for one in defaults if "loss_beyond_own_resources" in one}
        self.losses: dict[Label, int] = {}
        self.profits: dict[Label, int] = {}
        for default in defaults:
            self.read_loss(default)
        house = [layer for layer in self.active if layer.get("account") == "house"][:1]
        gross = [one for one in self.defaulters if one not in self.beyond]
        self.placed = {  # the house's profit joins this purse
            one: self.purse(layer, ("member", one, "house")) for layer in house for one in gross
        }

    def read_layers(self, item: Layer, day: str) -> None:
        """A layer, or the layers of a group, if in force and if `when` holds (sections 2, 6)."""
        layers = item["layers"] if "group" in item else [item]
        self.layers |= {layer["id"]: layer for layer in layers}
        used = [
            layer
            for layer in layers
            if all(
                one.get("from", "") <= day <= one.get("until", "9999")
                and holds(one.get("when"), self.words_of_default)
                for one in (item, layer)
            )
        ]
        if used and "split" in item:
            self.ranks.append((item["split"], used))
        else:
            self.ranks += [(None, [layer]) for layer in used]

    def read_loss(self, default: dict[str, Any]) -> None:
        """The losses by account; a negative one is a profit (section 8)."""
        loss = default.get("loss_beyond_own_resources", default.get("loss"))
        if not isinstance(loss, dict) or {"amount", "unknown"} & set(loss):
            loss = {"house": loss}
        for account, raw in loss.items():
            try:
                amount = int(self.read(raw))
            except Unknown:
                raise Refused("UNKNOWN_LOSS") from None
            self.losses[default["member"], account] = max(0, amount)
            self.profits[default["member"], account] = max(0, -amount)

    def read(self, raw: Any, name: str = "") -> Fraction:
        """A written amount in minor units; bare, if the name is a figure of `kind: number`."""
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

    def amount(self, spec: Any, payer: Payer | None, figure: str = "") -> Fraction:
        """What an amount comes to for a payer, exactly; `figure` is the figure it defines."""
        spec = {"of": spec} if isinstance(spec, str) else spec
        if not spec or "unknown" in spec:
            raise Unknown
        if "amount" in spec:
            result = self.read(spec["amount"], figure)
        elif "of" in spec:
            result = sum((self.value(name, payer) for name in as_list(spec["of"])), Fraction(0))
        elif "greatest" in spec:
            result = max(self.amount(one, payer, figure) for one in spec["greatest"])
        else:
            result = min(self.amount(one, payer, figure) for one in spec["least"])
        if "multiple" in spec:
            text = spec["multiple"]
            result *= Fraction(text) if text[0].isdigit() else self.value(text, payer)
        if "less" in spec:
            result -= sum(self.amount(one, payer, figure) for one in as_list(spec["less"]))
        if "most" in spec:
            result = min(result, self.read(spec["most"], figure))
        return max(result, Fraction(0))

    def value(self, name: str, payer: Payer | None) -> Fraction:
        """A name: 1. a field of the payer, 2. a figure, 3. a total over members, 4. a layer."""
        kind, who, _ = payer or ("", "", "")
        if kind == "member" and name in self.fields:
            return self.read(self.members[who].get(name), name)
        if kind == "party" and self.is_given_by_source(who, name):
            return self.read(self.parties[who][name])
        if name in self.specs and name not in self.fields:
            if self.figure(name).get("given") == "ccp":
                return self.read(self.figures.get(name), name)
            return self.amount(self.figure(name), payer, name)
        if name in self.fields:
            every = (self.read(fields.get(name), name) for fields in self.members.values())
            return sum(every, Fraction(0))
        if name in self.layers:
            layer = self.layers[name]
            among = layer["payer"] == "members"
            payers = self.eligible(layer, self.there) if among else self.all_payers(layer)
            return Fraction(sum(self.room(layer, one, Ledger(), able=False) for one in payers))
        raise Unknown

    def is_given_by_source(self, party: str, name: str) -> bool:
        """Whether an entry of a party's money is keyed by source, not by one of its layers."""
        keyed_by_layer = name in self.layers and self.layers[name]["payer"] == party
        return name in (self.parties.get(party) or {}) and not keyed_by_layer

    # Conditions (section 4).

    def words_of_default(self, field: str) -> set[str]:
        """What the event's defaults say of a fact, or which decisions were taken."""
        if field == "decided":
            return {one["decided"] for one in self.decisions} or {"false"}
        return {word(facts[field]) for facts in self.facts if field in facts} or {"false"}

    def words_of_payer(self, payer: Payer, field: str) -> set[str]:
        """What a condition finds in a field of a payer."""
        kind, who, _ = payer
        fields = self.members[who] if kind == "member" else self.parties.get(who) or {}
        if field == "decided":
            naming = [one for one in self.decisions if who in as_list(one.get("members"))]
            return {one["decided"] for one in naming} or {"false"}
        if field == "defaulter_affiliate":
            groups = [self.members[one].get("group") for one in self.defaulters]
            return {"true" if fields.get("group", "") in groups else "false"}
        return {word(fields.get(field, "false"))}

    def wanted(self, layer: Layer, payers: list[Payer]) -> list[Payer]:
        """The payers that satisfy the layer's `where`."""

        def fits(payer: Payer) -> bool:
            return holds(layer.get("where"), lambda field: self.words_of_payer(payer, field))

        return [payer for payer in payers if fits(payer)]

    # Purses and limits (section 2).

    def purse(self, layer: Layer, payer: Payer) -> tuple[str, ...]:
        """The purse a layer draws on; () for called money and for money given neither way."""
        source, (kind, who, account) = layer["source"], payer
        if source in CALLED:
            return ()
        if kind == "member":
            fields = self.members[who]
            apart = source in ((fields.get("accounts") or {}).get("house") or {})
            plain = account == "house" and source in fields and not apart
            return ("member", who, source, "" if plain else account)
        if layer["id"] in (self.parties.get(who) or {}):
            return ("party", who, layer["id"])
        return ("party", who, source) if self.is_given_by_source(who, source) else ()

    def left(self, purse: tuple[str, ...], ledger: Ledger) -> int:
        """What a purse holds: standing, less what earlier events and this one used."""
        fields = self.members[purse[1]] if purse[0] == "member" else self.parties[purse[1]]
        if purse[0] == "member" and purse[3]:
            fields = (fields.get("accounts") or {}).get(purse[3]) or {}
        there = int(self.read(fields.get(purse[2])))
        return max(0, there - self.before[purse] - ledger[purse])

    def room(self, layer: Layer, payer: Payer, ledger: Ledger, able: bool) -> int:
        """What a payer can still give in a layer: limit, purse and, if `able`, ability to pay."""
        kind, who, _ = payer
        called, purse = layer["source"] in CALLED, self.purse(layer, payer)
        bounds = [self.left(purse, ledger)] if purse else []
        if "limit" in layer:
            paid = ("paid", layer["id"], kind, who)
            used = ledger[paid] + (0 if called else self.before[paid])
            bounds.append(math.floor(self.amount(layer["limit"], payer)) - used)
        elif not purse:
            raise Unknown
        if called and able and kind == "member" and "able_to_pay" in self.members[who]:
            used = self.before["able", who] + ledger["able", who]
            bounds.append(int(self.read(self.members[who]["able_to_pay"])) - used)
        return max(0, min(bounds))

    def together_left(self, layer: Layer, ledger: Ledger) -> int:
        """What all payers of a layer together may still bear."""
        if "together" not in layer:
            return BOUNDLESS
        if not (self.survivors if layer["payer"] == "members" else self.tranches(layer)):
            return 0  # nobody is left to bear it, whatever the cap is
        several = layer["payer"] in ("members", "defaulter")
        cap = self.amount(layer["together"], None if several else ("party", layer["payer"], ""))
        whole = ("all", layer["id"])
        used = ledger[whole] + (0 if layer["source"] in CALLED else self.before[whole])
        return max(0, math.floor(cap) - used)

    # Tranches: which losses, which payers (section 9, step 4).

    def tranches(self, layer: Layer) -> list[tuple[list[Label], list[Payer]]]:
        """The tranches of a layer, one after another."""
        labels = list(self.losses)
        if layer["payer"] == "defaulter":
            return [one for member in self.defaulters for one in self.own(layer, member)]
        if layer["payer"] != "members":
            return [(labels, self.wanted(layer, [("party", layer["payer"], "")]))]
        payers = self.eligible(layer, self.survivors)
        if "order" not in layer:
            return [(labels, payers)]
        [(field, classes)] = layer["order"].items()
        wanted = [set(as_list(values)) for values in classes]
        words = {one: self.words_of_payer(one, field) for one in payers}
        return [(labels, [one for one in payers if words[one] & these]) for these in wanted]

    def eligible(self, layer: Layer, members: list[str]) -> list[Payer]:
        """Those of the members that satisfy `where`."""
        return self.wanted(layer, [("member", member, "") for member in members])

    def own(self, layer: Layer, member: str) -> list[tuple[list[Label], list[Payer]]]:
        """The tranches of one defaulter: by client; the house, then clients; or all in one."""
        if member in self.beyond or not self.eligible(layer, [member]):
            return []
        clients = [(member, account) for account in self.accounts(member) if account != "house"]
        if layer.get("account") == "client":
            return [([label], [("member", *label)]) for label in clients]
        payer = ("member", member, layer.get("account", ""))
        if layer.get("account") == "house":
            return [([(member, "house")], [payer]), (clients, [payer])]
        return [([(member, "house"), *clients], [payer])]

    def accounts(self, member: str) -> list[str]:
        """The accounts of a defaulter, with money or with a loss."""
        held = set(self.members[member].get("accounts") or {})
        return in_bytes(held | {account for one, account in self.losses if one == member})

    def all_payers(self, layer: Layer) -> list[Payer]:
        """Every payer of a layer once, whatever the tranche."""
        return list(dict.fromkeys(one for _, payers in self.tranches(layer) for one in payers))

    # Pouring (sections 9 and 10).

    def lines(self, layer: Layer, payers: list[Payer], ledger: Ledger) -> list[Line]:
        """Room and weight of each payer."""
        self.together_left(layer, ledger)  # all the layer needs must be known
        result: list[Line] = []
        for payer in payers:
            room, share = self.room(layer, payer, ledger, self.able), layer.get("share", "equal")
            if layer["payer"] != "members" or share == "equal":
                weight = Fraction(1)
            else:
                weight = Fraction(room) if share == "size" else self.amount(share, payer)
            result.append((payer, room, weight))
        return result

    def reserve(self, layer: Layer, lines: list[Line], ledger: Ledger) -> int:
        """Write into a scratch ledger all that a tranche could take, and say how much it is."""
        together = self.together_left(layer, ledger)
        paying = [(payer, room) for payer, room, weight in lines if weight > 0]
        most = min(together, sum(room for _, room in paying))
        for payer, room in paying:
            self.record(ledger, layer, payer, min(room, together))
        ledger["all", layer["id"]] += most
        return most

    def record(self, ledger: Ledger, layer: Layer, payer: Payer, units: int) -> None:
        """Write down what a payer pays in a layer: on its limit, its purse, its ability."""
        kind, who, _ = payer
        ledger["paid", layer["id"], kind, who] += units
        ledger[self.purse(layer, payer)] += units
        if kind == "member" and layer["source"] in CALLED:
            ledger["able", who] += units

    def capacity(self, layer: Layer) -> int | None:
        """What a layer could give now over all its tranches; None if unknown."""
        scratch = self.now.copy()
        try:
            if layer["payer"] == "members":
                self.lines(layer, self.eligible(layer, self.survivors), scratch)
            return sum(
                self.reserve(layer, self.lines(layer, payers, scratch), scratch)
                for _, payers in self.tranches(layer)
            )
        except Unknown:
            return None

    def check(self, layer: Layer) -> None:
        """An open loss reaches a members' layer: all must be known, and somebody bear it."""
        if layer["payer"] == "members":
            if not self.survivors:
                raise Refused("NO_PAYERS")
            self.lines(layer, self.eligible(layer, self.survivors), self.now)
            lines = self.lines(layer, self.all_payers(layer), self.now)
            if any(room for _, room, _ in lines) and not any(weight for _, _, weight in lines):
                raise Refused("NO_PAYERS")

    def pay(self, layer: Layer, lines: list[Line], amount: int, row: Any, extra: int = 0) -> None:
        """Divide an amount over the payers; odd and extra units have a payer of their own."""
        units, odd = divide(amount, [line[1] for line in lines], [line[2] for line in lines], self.floored)
        for (payer, _, _), paid in zip(lines, units, strict=True):
            self.record(self.now, layer, payer, paid)
            row["payers"][payer[1]] += paid
        row["payers"][f"rounding:{self.residual_to}"] += odd + extra
        self.now["all", layer["id"]] += amount + extra
        row["used"] += amount + extra

    def settle(self, labels: list[Label], amount: int) -> None:
        """Reduce open losses pro rata: floored, odd units by label in byte order."""
        hit = [label for label in labels if self.open.get(label, 0) > 0]
        hit.sort(key=lambda label: (label[0].encode(), label[1].encode()))
        wanted = sum(self.open[label] for label in hit)
        cuts = [self.open[label] * amount // wanted for label in hit]
        odd = amount - sum(cuts)
        for i, label in enumerate(hit):
            self.open[label] -= cuts[i] + (1 if i < odd else 0)

    def pour(self, able: bool) -> dict[str, Any]:
        """Pour the losses through all ranks; one row per layer in force."""
        self.able, self.open = able, dict(self.losses)
        profits = {purse: -self.profits.get((one, "house"), 0) for one, purse in self.placed.items()}
        self.now = Ledger(profits)  # a profit is a use below zero: it did not stand there before
        rows: dict[str, Any] = {
            layer["id"]: {"used": 0, "capacity": None, "payers": Counter(), "unpaid": {}}
            for layer in self.active
        }
        try:
            for split, layers in self.ranks:
                if split is None:
                    self.pour_one(layers[0], rows[layers[0]["id"]])
                else:
                    self.pour_side_by_side(split, layers, rows)
        except Unknown:
            raise Refused("UNKNOWN_REACHED") from None
        return rows

    def pour_one(self, layer: Layer, row: Any) -> None:
        """One layer alone in its rank, tranche after tranche."""
        row["capacity"] = self.capacity(layer)
        if any(self.open.values()):
            self.check(layer)
        for labels, payers in self.tranches(layer):
            wanted = sum(self.open.get(label, 0) for label in labels)
            if wanted > 0:
                lines = self.lines(layer, payers, self.now)
                amount = min(wanted, self.reserve(layer, lines, self.now.copy()))
                self.pay(layer, lines, amount, row)
                self.settle(labels, amount)

    def pour_side_by_side(self, split: Any, layers: list[Layer], rows: dict[str, Any]) -> None:
        """Layers filled side by side; what each can give is reserved in file order."""
        wanted, scratch = sum(self.open.values()), self.now.copy()
        parts: list[list[Line]] = []
        most: list[int] = []
        for layer in layers:
            try:
                if wanted:
                    self.check(layer)
                parts.append(self.lines(layer, self.all_payers(layer), scratch))
            except Unknown:
                if wanted:
                    raise
                continue
            most.append(self.reserve(layer, parts[-1], scratch))
            rows[layer["id"]]["capacity"] = most[-1]
        if not wanted:
            return
        sizes = {layer["id"]: str(room) for layer, room in zip(layers, most, strict=True)}
        weights = [Fraction((sizes if split == "size" else split)[x["id"]]) for x in layers]
        amount = min(wanted, sum(most[i] for i, weight in enumerate(weights) if weight > 0))
        units, odd = divide(amount, most, weights, self.floored)
        extra = [0 for _ in layers]
        while odd > 0:
            roomy = [i for i, room in enumerate(most) if units[i] + extra[i] < room]
            i = ([i for i in roomy if layers[i]["payer"] == self.residual_to] or roomy)[0]
            extra[i] += 1
            odd -= 1
        for i, layer in enumerate(layers):
            self.pay(layer, parts[i], units[i], rows[layer["id"]], extra[i])
        self.settle(list(self.losses), amount)

    def surplus(self) -> dict[str, int]:
        """What is left of each defaulter's profit and margin, by account (section 14)."""
        shared = {one["source"] for one in self.layers.values() if one["payer"] == "members"}
        own = [one for one in self.active if one["payer"] == "defaulter"]
        own = [one for one in own if one["source"] not in shared | CALLED]
        result: dict[str, int] = {}
        for member in [one for one in self.defaulters if one not in self.beyond]:
            for account in dict.fromkeys(["house", *self.accounts(member)]):
                purses = {
                    self.purse(one, ("member", member, account if "account" in one else ""))
                    for one in own
                    if (one.get("account") == "client") == (account != "house")
                }
                profit, placed = self.profits.get((member, account), 0), self.placed.get(member)
                try:
                    left = sum(self.left(purse, self.now) for purse in purses)
                    if account == "house" and placed in purses:
                        profit = 0  # already counted in its purse
                    elif account == "house" and placed and profit:
                        profit = min(profit, self.left(placed, self.now))
                except Unknown:
                    continue
                key = account if len(self.defaulters) == 1 else f"{member}/{account}"
                result[key] = profit + left
        return result

    def event(self, defaults: list[dict[str, Any]]) -> dict[str, Any]:
        """One event; poured twice where somebody's ability to pay is known (section 9)."""
        self.begin(defaults)
        rows = self.pour(able=True)  # first: what it cannot get past is why the run stops
        if any("able_to_pay" in fields for fields in self.members.values()):
            called, rows = self.pour(able=False), self.pour(able=True)
            limited = {name for name, fields in self.members.items() if "able_to_pay" in fields}
            for layer in [one["id"] for one in self.active if one["source"] in CALLED]:
                missing = called[layer]["payers"] - rows[layer]["payers"]  # positive ones only
                rows[layer]["unpaid"] = {who: missing[who] for who in missing if who in limited}
        for row in rows.values():
            row["payers"] = {name: units for name, units in row["payers"].items() if units}
        result = {
            "members": self.defaulters,
            "loss": sum(self.losses.values()),
            "layers": rows,
            "uncovered": sum(self.open.values()),
            "surplus": self.surplus(),
        }
        self.before, self.gone = self.before + self.now, self.gone | set(self.defaulters)
        return result


def merged(old: Any, new: Any) -> Any:
    """What was found out laid over what was known, map into map (section 8)."""
    if not isinstance(old, dict) or not isinstance(new, dict) or {"amount", "unknown"} & set(new):
        return new
    return old | {key: merged(old.get(key), value) for key, value in new.items()}


def judge(scenario: dict[str, Any], pinned: str | None = None) -> list[dict[str, Any]]:
    """One result per event, in order of time; a time without zone is UTC (section 9)."""
    run, events = Run(scenario, pinned), dict[datetime, list[dict[str, Any]]]()
    for default in sorted(scenario["defaults"], key=lambda one: one["member"].encode()):
        at = datetime.fromisoformat(default["at"])
        events.setdefault(at if at.tzinfo else at.replace(tzinfo=UTC), []).append(default)
    return [run.event(events[at]) for at in sorted(events)]
