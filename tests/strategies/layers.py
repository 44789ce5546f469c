"""Random rulebooks: layers, groups, windows, caps and the other sections."""

from typing import Any

import oracle
from strategies.values import (
    BIDS,
    CALENDAR,
    CHAIN,
    CHANGE,
    FIRST,
    HELD_BY,
    LENGTHS,
    LONGEST,
    MULTIPLES,
    OF_PARTIES,
    OTHERS,
    OWED,
    PAYERS,
    Dice,
    Map,
    Values,
)


class Layers(Values):
    """Writes the rulebook of one scenario."""

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
        if self.segments:  # a bid that is told for other segments only
            classes[0] = [*classes[0], "false"]
        return {"bid": classes if end else [classes[0], values[cut + 1 :]]}

    def source(self, dice: Dice, payer: str) -> str:
        """Which money of the payer."""
        if payer in CHAIN:
            return dice.pick(("collateral", "commitment"))
        if payer == "members" and "owed" in self.has and dice.one_in(2):
            return dice.pick(OWED)
        held = HELD_BY.get(payer, OF_PARTIES)
        return dice.pick(("assessment", "commitment")) if dice.one_in(4) else dice.pick(held)

    def layer(self, dice: Dice, own_rank: bool, segment: str = "") -> Map:
        """One layer, its money among the parties' resources where a party pays."""
        payer = dice.pick(PAYERS)
        if "chain" in self.has and dice.one_in(4):
            payer = dice.pick(CHAIN)
        if not own_rank and payer in ("defaulter", *CHAIN) and "several" in self.has:
            payer = "members"
        source = self.source(dice, payer)
        if source == "gains" and (not own_rank or any(x.get("source") == "gains" for x in self.layers)):
            source = "payouts"  # layers over gains have to count the same days
        by_members = payer in HELD_BY and source not in oracle.CALLED
        if segment and by_members and not self.by_segment(source):
            source, by_members = "assessment", False
        called, owed = source in oracle.CALLED, source in OWED
        layer: Map = {"id": f"layer_{len(self.layers):02d}", "payer": payer, "source": source}
        if self.segments and own_rank and (not by_members or self.by_segment(source)):
            segment = dice.pick(("", "each", "each", self.segments[0], self.segments[-1]))
            layer |= {"segment": segment} if segment else {}
        if called or dice.one_in(2):
            layer["limit"] = self.versions(dice, payer)
            if segment == "each" and "apportioned" in self.has and isinstance(layer["limit"], dict):
                if not {FIRST, "less"} & set(layer["limit"]) and self.by_segment("default_fund"):
                    layer["limit"]["apportioned"] = "default_fund"
        if payer == "members":
            self.shared(layer, dice, own_rank)
        elif payer in OTHERS and not called:
            self.held(layer, dice)
        if payer == "defaulter" and "accounts" in self.has and not called:
            accounts = ("house", "client", "omnibus") if "omnibus" in self.has else ("house", "client")
            layer["account"] = dice.pick(accounts)
        if "together" in self.has and dice.one_in(4):
            layer["together"] = self.versions(dice, payer)
        if "windows" in self.has and dice.one_in(3):
            self.window(layer, dice)
        if "conditions" in self.has and dice.one_in(3):
            layer["when"] = self.when(dice)
        if "conditions" in self.has and payer in HELD_BY and dice.one_in(3):
            layer["where"] = self.dated(dice, self.where(dice), self.where(dice))
        if "lives" in self.has and dice.one_in(4):
            layer |= dice.pick(({"from": CHANGE}, {"until": "2024-05-31"}))
        if owed and source == "gains" and "daily" in self.has and not self.by_segment("gains"):
            layer["base"] = "daily"
        elif source == "gains" and dice.one_in(3):
            layer["base"] = "cumulative"
        self.layers.append(layer)
        return layer

    def shared(self, layer: Map, dice: Dice, own_rank: bool) -> None:
        """How the members share, which of them pay, in which order and how often."""
        kinds: list[Any] = ["equal", "size", "default_fund", self.amount(dice)]
        if "figures" in self.has:
            kinds += ["weight", "deposit"]
        if layer["source"] in OWED:
            kinds += [layer["source"]] * 4
        layer["share"] = dice.pick(kinds)
        if own_rank and "order" in self.has and dice.one_in(2):
            layer["order"] = self.dated(dice, self.order(dice), self.order(dice))
        if own_rank and "rounds" in self.has and dice.one_in(2):
            layer["rounds"] = dice.pick(("2", "3"))
        if layer["source"] in oracle.CALLED and "uncovered" in self.has and dice.one_in(2):
            layer["call"] = {"unpaid": dice.pick(("uncovered", "respread", "uncovered"))}

    def held(self, layer: Map, dice: Dice) -> None:
        """A party's money: by source, by layer id, or neither, then the limit is all there is."""
        holds = self.parties.setdefault(layer["payer"], {})
        way = dice.upto(2 if "parties" in self.has else 0)
        if way == 2 and ("limit" in layer or "unknown" in self.has):
            return
        key = layer["id"] if way == 1 else layer["source"]
        if key not in holds:
            holds[key] = self.parted(dice, bool(self.segments) and dice.one_in(2))

    # Windows and caps.

    def run(self, dice: Dice, measures: bool) -> Map:
        """Which events count together."""
        length = dice.pick(LENGTHS)
        kind = dice.upto(6)
        if kind == 1:
            rolling: Map = {"length": length, "rolling": "true"}
            return rolling | ({"longest": LONGEST[length]} if length in LONGEST and dice.one_in(2) else {})
        if kind == 2 and "hours" not in length:
            return {"length": length, "look_back": "true"}
        if kind == 3:
            return {"length": length, "starts": "at_notice"} | ({"rolling": "true"} if dice.one_in(2) else {})
        if kind == 4 and "hours" not in length and measures:
            return {"starts": "at_left_on"} | ({"length": length} if dice.one_in(2) else {})
        if kind == 5:
            return {"length": length, "ends_early": "if_unused"} | (
                {"rolling": "true"} if dice.one_in(2) else {}
            )
        return {"length": length}

    def window(self, layer: Map, dice: Dice) -> None:
        """A layer's window: an amount of its own, the limit's with other words, how often, or none."""
        window, limit = self.run(dice, layer["payer"] == "members"), layer.get("limit")
        kind = dice.upto(5)
        plain_limit = isinstance(limit, str) or (isinstance(limit, dict) and "of" in limit)
        if kind == 0 and plain_limit:
            window["multiple"] = dice.pick(("2", "1", "1.5"))
            if dice.one_in(2):
                window["measured"] = "at_window_start"
        elif kind in (0, 1):
            window["times"] = dice.pick(("1", "2"))
        elif kind == 2 and (limit is not None or layer["source"] == "gains") and "hours" not in str(window):
            if layer["source"] == "gains":
                window = {"length": dice.pick(("5 days", "5 business_days", "1 month"))}
            if limit is not None and isinstance(limit, dict) and "matching" in limit:
                window["times"] = "2"
        elif kind == 3:
            names = ["default_fund", *(["deposit", "base"] if "figures" in self.has else [])]
            window |= {"multiple": dice.pick(MULTIPLES), "of": dice.pick(names)}
            window["measured"] = dice.pick(("at_window_start", "at_declaration", "at_notice"))
        else:
            window["amount"] = self.written(self.units(dice))
            if dice.one_in(4):
                window["times"] = dice.pick(("1", "2"))
        layer["window"] = window

    def cap(self, dice: Dice) -> None:
        """A cap over some layers."""
        ids = [layer["id"] for layer in self.layers if "action" not in layer]
        on = [name for name in ids if dice.one_in(2)] or ids[:1]
        if not on:
            return
        cap: Map = {"id": f"cap_{len(self.caps)}", "on": on}
        names = ["default_fund", *(["deposit", "base", "cap"] if "figures" in self.has else [])]
        cap["limit"] = self.amount(dice, 0, names)
        kind = dice.upto(4)
        if kind:
            members_only = all(x["payer"] == "members" for x in self.layers if x["id"] in on)
            cap["window"] = self.run(dice, members_only or dice.one_in(2))
            if isinstance(cap["limit"], dict) and "amount" not in cap["limit"] and dice.one_in(2):
                cap["limit"]["measured"] = "at_window_start"
        if kind == 4:
            cap["window"]["times"] = dice.pick(("1", "2"))
        if "conditions" in self.has and dice.one_in(3):
            cap["where"] = self.where(dice)
        if "lives" in self.has and dice.one_in(4):
            cap |= dice.pick(({"from": CHANGE}, {"until": "2024-05-31"}))
        self.caps.append(cap)

    # Ranks.

    def rank(self, data: bytes) -> Map:
        """A layer, or a group of them, one after another or side by side; or an action."""
        dice = Dice(data)
        if "actions" in self.has and dice.one_in(5):
            what = dice.pick(("partial_tear_up", "full_tear_up", "close_service"))
            action: Map = {"id": f"layer_{len(self.layers):02d}", "action": what, "when": self.when(dice)}
            self.layers.append(action)
            return action
        if "groups" not in self.has or not dice.one_in(3):
            layer = self.layer(dice, own_rank=True)
            self.may_be_named([layer], {})
            return layer
        split = dice.upto(2)
        segment = dice.pick(("", "each", self.segments[0])) if self.segments and split else ""
        layers = [self.layer(dice, split == 0, segment) for _ in range(2 + dice.upto(1))]
        group: Map = {"group": f"group_{len(self.layers)}", "layers": layers}
        self.groups.append(group["group"])
        group |= {"segment": segment} if segment else {}
        self.beside |= split > 0 and any(layer["payer"] == "defaulter" for layer in layers)
        if split == 1:
            group["split"] = "size"
        elif split == 2:
            group["split"] = {layer["id"]: dice.pick(("1", "2", "0.5", "3")) for layer in layers}
        if "conditions" in self.has and dice.one_in(3):
            group["when"] = self.when(dice)
        if "lives" in self.has and dice.one_in(6):
            group["until"] = "2024-05-31"
        if split and "matching" in self.has and layers[-1]["payer"] in OTHERS and dice.one_in(2):
            self.match_first(layers)
        self.may_be_named(layers, group)
        return group

    def match_first(self, layers: list[Map]) -> None:
        """The last of layers side by side gives as much as the first."""
        first, last = layers[0], layers[-1]
        if not {"when", "from", "until", "window"} & {*first, *last} and first["payer"] in (
            *OTHERS,
            "members",
        ):
            last["limit"] = {"matching": first["id"]}

    def may_be_named(self, layers: list[Map], group: Map) -> None:
        """Later amounts may name, or match, the layers that are in force always."""
        bound = {"window", "rounds", "segment", "base"}
        for layer in layers:
            fixed = not {"when", "from", "until"} & {*layer, *group}
            if fixed and layer["payer"] not in ("defaulter", *CHAIN):
                self.matchable.append(layer["id"])
                plain = not bound & {*layer, *group} and layer["source"] not in OWED
                if "layers" in self.has and plain and "matching" not in str(layer.get("limit")):
                    self.standing.append(layer["id"])

    # The other sections.

    def sections(self) -> Map:
        """Caps, calendar, segments, several defaults, recoveries, replenishment."""
        dice, book = self.dice, Map()
        if self.segments:
            book["segments"] = list(self.segments)
        if "caps" in self.has:
            for _ in range(1 + dice.upto(1)):
                self.cap(dice)
        if self.caps:
            book["caps"] = self.caps
        several: Map = {}
        if "one_event" in self.has:
            several["one_event"] = dice.pick(("10 days", "1 day", "5 business_days", "1 month", "24 hours"))
        if "resume" in self.has:
            several["next"] = "resume"
            several |= {"period": dice.pick(("10 days", "1 month"))} if dice.one_in(2) else {}
        if several:
            book["several_defaults"] = several
        if "counts" in self.has and self.caps:
            of_members = [
                x for x in self.layers if x.get("payer") == "members" and x["source"] in HELD_BY["members"]
            ]
            book["replenishment"] = [
                {"layer": x["id"], "payer": "members", "restores": "used", "counts_to": self.caps[0]["id"]}
                for x in of_members[:1]
            ]
        if "recovered" in self.has and dice.one_in(2):
            book["recoveries"] = self.recoveries(dice)
        book["calendar"] = CALENDAR
        return book

    def recoveries(self, dice: Dice) -> Map:
        """Who is paid back in which order, by which key."""
        ids = [layer["id"] for layer in self.layers if "action" not in layer]
        orders: list[Any] = ["reverse", "side_by_side"]
        if len(ids) > 1:
            orders.append([ids[0], ids[-1]])
        if self.groups:
            orders.append([self.groups[-1]])
        rules: Map = {"order": dice.pick(orders)}
        shares: list[Any] = ["paid", "paid", "default_fund", {"multiple": "2", "of": "default_fund"}]
        rules["share"] = dice.pick(shares)
        if dice.one_in(3):
            rules["except"] = [dice.pick(("ccp", "insurer", *ids))]
        if dice.one_in(2):
            rules["interest"] = "passed_on"
        return rules
