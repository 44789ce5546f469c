"""Which losses meet which payers, and the pouring itself (sections 9 and 10)."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from oracle.purses import At, Purse, Purses
from oracle.reading import Ledger, View
from oracle.sharing import divide
from oracle.words import (
    BOUNDLESS,
    CALLED,
    OWED,
    Label,
    Layer,
    Payer,
    Refused,
    Unknown,
    as_list,
    in_bytes,
    is_by_day,
    is_map_of_parts,
)


@dataclass(frozen=True)
class Spot:
    """A tranche: whose losses, who pays, in which segment, round and day."""

    labels: list[Label]
    payers: list[Payer]
    segment: str = ""
    turn: int = 1
    day: str = ""

    @property
    def at(self) -> At:
        """Segment, round and day."""
        return self.segment, self.turn, self.day


Line = tuple[Payer, int, Fraction]  # payer, room here, weight


class Pouring(Purses):
    """Takes the losses of one event through all ranks."""

    passed: set[tuple[str, str]]
    """The layers that are passed over in this event, by segment."""

    # Tranches.

    def segments_of(self, layer: Layer) -> list[str]:
        """The segments a layer pays for, one after another; "" where it pays for all at once."""
        named = layer.get("segment")
        return self.segments if named == "each" else [named] if named else [""]

    def spots(self, layer: Layer) -> list[Spot]:
        """The tranches of a layer, one after another."""
        return [spot for segment in self.segments_of(layer) for spot in self.spots_in(layer, segment)]

    def spots_in(self, layer: Layer, segment: str) -> list[Spot]:
        """The tranches of a layer in one segment."""
        labels = [label for label in self.losses if segment in ("", label[2])]
        if layer["payer"] == "defaulter":
            return [one for x in in_bytes(self.defaulters) for one in self.own(layer, x, labels, segment)]
        if self.stands_behind(layer):
            return [
                Spot([x for x in labels if x[0] == one], [("chain", layer["payer"], one)], segment)
                for one in in_bytes(self.defaulters)
                if one not in self.beyond
            ]
        if layer["payer"] != "members":
            return [Spot(labels, self.wanted(layer, [("party", layer["payer"], "")], segment), segment)]
        return [
            Spot(labels, payers, segment, turn, day)
            for turn in range(1, int(layer.get("rounds", "1")) + 1)
            for payers in self.classes(
                layer, self.in_round(self.eligible(layer, self.survivors, segment), turn), segment
            )
            for day in self.days(layer)
        ]

    def in_round(self, payers: list[Payer], turn: int) -> list[Payer]:
        """Those who have not withdrawn before a round."""
        last = {one: self.members[one[1]].get("withdrew_in_round") for one in payers}
        return [one for one in payers if last[one] is None or int(last[one]) >= turn]

    def classes(self, layer: Layer, payers: list[Payer], segment: str) -> list[list[Payer]]:
        """The payers in classes, one after another."""
        if "order" not in layer:
            return [payers]
        [(field, classes)] = layer["order"].items()
        wanted = [set(as_list(values)) for values in classes]
        words = {one: self.words_of_payer(one, field, segment) for one in payers}
        return [[one for one in payers if words[one] & these] for these in wanted]

    def days(self, layer: Layer) -> list[str]:
        """The days of gains that are kept back one by one."""
        if layer.get("base") != "daily":
            return [""]
        first, last, _ = self.flow(layer)
        raws = [fields.get("gains") for fields in self.members.values()]
        raws += [one for raw in raws if is_map_of_parts(raw) and not is_by_day(raw) for one in raw.values()]
        days = {day for raw in raws if is_by_day(raw) for day in raw}
        return sorted(day for day in days if first <= day <= last)

    def eligible(self, layer: Layer, members: list[str], segment: str) -> list[Payer]:
        """Those of the members that satisfy `where`."""
        return self.wanted(layer, [("member", member, "") for member in members], segment)

    def own(self, layer: Layer, member: str, labels: list[Label], segment: str) -> list[Spot]:
        """The tranches of one defaulter: by client; all clients; the house, then clients; or all in one."""
        if member in self.beyond or not self.eligible(layer, [member], segment):
            return []
        mine = [label for label in labels if label[0] == member]
        clients = [name for name in self.accounts(member) if name != "house"]
        of_clients = [label for label in mine if label[1] != "house"]
        account = layer.get("account", "")
        if account == "client":
            return [
                Spot([x for x in mine if x[1] == name], [("member", member, name)], segment)
                for name in clients
            ]
        if account == "omnibus" and not clients:
            return []
        payers: list[Payer] = [("member", member, account)]
        if account == "house":
            of_house = [label for label in mine if label[1] == "house"]
            return [Spot(of_house, payers, segment), Spot(of_clients, payers, segment)]
        return [Spot(of_clients if account == "omnibus" else mine, payers, segment)]

    def all_payers(self, layer: Layer) -> list[Payer]:
        """Every payer of a layer once, whatever the tranche."""
        return list(dict.fromkeys(one for spot in self.spots(layer) for one in spot.payers))

    # What a tranche could take.

    def together_left(self, layer: Layer, segment: str, ledger: Ledger) -> int:
        """What all payers of a layer together may still bear."""
        if "together" not in layer:
            return BOUNDLESS
        if not (self.survivors if layer["payer"] == "members" else self.spots(layer)):
            return 0  # nobody is left to bear it, whatever the cap is
        key = ("all", layer["id"], segment)
        used = ledger[key] + (self.before[key] if self.is_held(layer) else 0)
        return max(0, self.most_together(layer, segment) - used)

    def lines(self, layer: Layer, spot: Spot, ledger: Ledger, able: bool) -> list[Line]:
        """Room and weight of each payer."""
        self.together_left(layer, spot.segment, ledger)  # all the layer needs must be known
        result: list[Line] = []
        for payer in spot.payers:
            room = self.room(layer, payer, spot.at, ledger, able)
            result.append((payer, room, self.weight(layer, payer, spot.at, room)))
        return result

    def reserve(self, layer: Layer, spot: Spot, lines: list[Line], ledger: Ledger) -> int:
        """Write into a scratch ledger all that a tranche could take, and say how much it is."""
        together = self.together_left(layer, spot.segment, ledger)
        paying = [(payer, room) for payer, room, weight in lines if weight > 0]
        most = min(together, sum(room for _, room in paying))
        for payer, room in paying:
            self.record(ledger, layer, payer, spot.at, min(room, together))
        ledger["all", layer["id"], spot.segment] += most
        return most

    def capacity(self, layer: Layer, segments: list[str], scratch: Ledger) -> dict[str, int] | None:
        """What a layer could give now over all its tranches, by segment; None if unknown."""
        result: dict[str, int] = {}
        try:
            for segment in segments:
                if (layer["id"], segment) in self.passed:
                    result[segment] = 0
                    continue
                spots = self.spots_in(layer, segment)
                if layer["payer"] == "members":
                    for day in self.days(layer) or [""]:
                        everybody = Spot([], self.eligible(layer, self.survivors, segment), segment, 1, day)
                        self.lines(layer, everybody, scratch, self.able)
                result[segment] = sum(
                    self.reserve(layer, spot, self.lines(layer, spot, scratch, self.able), scratch)
                    for spot in spots
                )
        except Unknown:
            return None
        return result

    def matched(self, name: str, view: View) -> Fraction:
        """What another layer could give when its turn came, in this segment if it gives by segment."""
        if name not in self.could:
            return Fraction(0)  # not in force
        could = self.could[name]
        if could is None:
            raise Unknown
        return Fraction(could[view.segment] if view.segment in could else sum(could.values()))

    def check(self, layer: Layer, segment: str) -> None:
        """An open loss reaches a members' layer: all must be known, and somebody bear it."""
        if layer["payer"] != "members":
            return
        if not self.survivors:
            raise Refused("NO_PAYERS")
        spots = self.spots_in(layer, segment)
        for day in self.days(layer) or [""]:
            everybody = Spot([], self.eligible(layer, self.survivors, segment), segment, 1, day)
            self.lines(layer, everybody, self.now, self.able)
        lines = [line for spot in spots for line in self.lines(layer, spot, self.now, self.able)]
        if any(room for _, room, _ in lines) and not any(weight for _, _, weight in lines):
            raise Refused("NO_PAYERS")

    # Paying.

    def is_cut(self, layer: Layer) -> bool:
        """Whether what a member cannot pay stays open instead of falling to the others."""
        return (
            self.able and layer["source"] in CALLED and (layer.get("call") or {}).get("unpaid") == "uncovered"
        )

    def pay(self, layer: Layer, spot: Spot, lines: list[Line], amount: int, row: Any, extra: int = 0) -> int:
        """Divide an amount over the payers; odd and extra units have a payer of their own."""
        units, odd = divide(amount, [line[1] for line in lines], [line[2] for line in lines], self.floored)
        paid = odd + extra
        for (payer, _, _), wanted in zip(lines, units, strict=True):
            able = self.room(layer, payer, spot.at, self.now, able=True) if self.is_cut(layer) else wanted
            self.enter(layer, spot, payer, min(wanted, able), row)
            paid += min(wanted, able)
        if odd + extra:
            row["payers"][f"rounding:{self.residual_to}"] += odd + extra
        self.now["all", layer["id"], spot.segment] += paid
        row["used"] += paid
        return paid

    def enter(self, layer: Layer, spot: Spot, payer: Payer, units: int, row: Any) -> None:
        """A payer pays."""
        if units:
            written = self.record(self.now, layer, payer, spot.at, units)
            written["all", layer["id"], spot.segment] += units
            self.entries.append((layer["id"], payer[1], written))
            row["payers"][payer[1]] += units

    def settle(self, losses: dict[Label, int], labels: list[Label], amount: int) -> None:
        """Reduce open losses pro rata: floored, odd units by label in byte order."""
        hit = [label for label in labels if losses.get(label, 0) > 0]
        hit.sort(key=lambda label: tuple(part.encode() for part in label))
        wanted = sum(losses[label] for label in hit)
        cuts = [losses[label] * amount // wanted for label in hit]
        odd = amount - sum(cuts)
        for i, label in enumerate(hit):
            losses[label] -= cuts[i] + (1 if i < odd else 0)

    def pour(self, able: bool, profits: Ledger) -> dict[str, Any]:
        """Pour the losses through all ranks; one row per layer in force."""
        self.able, self.open = able, dict(self.losses)
        self.now = Ledger(profits)  # a profit is a use below zero: it did not stand there before
        self.entries: list[tuple[str, str, Ledger]] = []
        self.could: dict[str, dict[str, int] | None] = {}
        self.beyond_it: dict[tuple[str, str], int] = {}  # what was open after a layer's turn, by segment
        rows: dict[str, Any] = {
            layer["id"]: {"used": 0, "capacity": None, "payers": Counter(), "unpaid": {}}
            for layer in self.active
        }
        try:
            for split, layers in self.ranks:
                if "action" in layers[0]:
                    row = rows[layers[0]["id"]]
                    row["used"] = row["capacity"] = sum(self.open.values())
                    self.open = dict.fromkeys(self.open, 0)
                elif split is None:
                    self.pour_one(layers[0], rows[layers[0]["id"]])
                else:
                    self.pour_side_by_side(split, layers, rows)
                for layer in layers:
                    for segment in self.segments_of(layer):
                        open_ = self.wanted_by(self.open, self.in_segment(segment))
                        self.beyond_it[layer["id"], segment] = open_
        except Unknown:
            raise Refused("UNKNOWN_REACHED") from None
        return rows

    def wanted_by(self, losses: dict[Label, int], labels: list[Label]) -> int:
        """What is open under some labels."""
        return sum(losses.get(label, 0) for label in labels)

    def in_segment(self, segment: str) -> list[Label]:
        """The labels of a segment, or all."""
        return [label for label in self.losses if segment in ("", label[2])]

    def pour_one(self, layer: Layer, row: Any) -> None:
        """One layer alone in its rank, tranche after tranche."""
        segments = self.segments_of(layer)
        could = self.could[layer["id"]] = self.capacity(layer, segments, self.now.copy())
        row["capacity"] = None if could is None else sum(could.values())
        for segment in segments:
            if (layer["id"], segment) in self.passed:
                continue
            if self.wanted_by(self.open, self.in_segment(segment)):
                self.check(layer, segment)
            asked = dict(self.open)  # what the layer's payers are asked for, whether they can pay or not
            for spot in self.spots_in(layer, segment):
                wanted = self.wanted_by(asked, spot.labels)
                if wanted > 0:
                    lines = self.lines(layer, spot, self.now, self.able and not self.is_cut(layer))
                    amount = min(wanted, self.reserve(layer, spot, lines, self.now.copy()))
                    paid = self.pay(layer, spot, lines, amount, row)
                    self.settle(asked, spot.labels, amount)
                    self.settle(self.open, spot.labels, paid)

    def pour_side_by_side(self, split: Any, layers: list[Layer], rows: dict[str, Any]) -> None:
        """Layers filled side by side, segment by segment; each reserves in file order what it can give."""
        segments, scratch = self.segments_of(layers[0]), self.now.copy()
        could: dict[str, dict[str, int] | None] = {layer["id"]: {} for layer in layers}
        self.could |= could
        for segment in segments:
            for name, layer in zip(could, layers, strict=True):
                part, so_far = self.capacity(layer, [segment], scratch), could[name]
                could[name] = None if part is None or so_far is None else so_far | part
                self.could[name] = could[name]
        for name, parts in could.items():
            rows[name]["capacity"] = None if parts is None else sum(parts.values())
        for segment in segments:
            if self.wanted_by(self.open, self.in_segment(segment)):
                self.pour_beside(split, layers, segment, rows)

    def pour_beside(self, split: Any, layers: list[Layer], segment: str, rows: dict[str, Any]) -> None:
        """One segment of layers side by side."""
        labels = self.in_segment(segment)
        wanted, scratch = self.wanted_by(self.open, labels), self.now.copy()
        layers = [layer for layer in layers if (layer["id"], segment) not in self.passed]
        parts: list[tuple[Spot, list[Line]]] = []
        most: list[int] = []
        for layer in layers:
            self.check(layer, segment)
            payers = list(dict.fromkeys(one for spot in self.spots_in(layer, segment) for one in spot.payers))
            spot = Spot(labels, payers, segment)
            lines = self.lines(layer, spot, scratch, self.able and not self.is_cut(layer))
            parts.append((spot, lines))
            most.append(self.reserve(layer, spot, lines, scratch))
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
        paid = 0
        for i, layer in enumerate(layers):
            paid += self.pay(layer, parts[i][0], parts[i][1], units[i], rows[layer["id"]], extra[i])
        self.settle(self.open, labels, paid)

    # What is left to the defaulters.

    def placed(self) -> dict[str, Purse]:
        """The purse of each defaulter that the profit of its house joins."""
        house = [layer for layer in self.active if layer.get("account") == "house"][:1]
        result: dict[str, Purse] = {}
        for layer in house:
            for one in self.defaulters:
                if one not in self.beyond:
                    try:
                        result[one] = (
                            self.purses(layer, ("member", one, "house"), "", self.flow(layer)) or []
                        )[0]
                    except Unknown:
                        fields = self.members[one]
                        apart = layer["source"] in ((fields.get("accounts") or {}).get("house") or {})
                        plain = layer["source"] in fields and not apart
                        result[one] = ("member", one, layer["source"], "" if plain else "house", "")
        return result

    def surplus(self, placed: dict[str, Purse]) -> dict[str, int]:
        """What is left of each defaulter's profit and margin, by account (section 14)."""
        shared = {one["source"] for one in self.layers.values() if one.get("payer") == "members"}
        own = [one for one in self.active if one.get("payer") == "defaulter"]
        own = [one for one in own if one["source"] not in shared | CALLED | OWED]
        result: dict[str, int] = {}
        for member in [one for one in self.defaulters if one not in self.beyond]:
            for account in dict.fromkeys(["house", *self.accounts(member)]):
                profit = sum(
                    units
                    for label, units in self.profits.items()
                    if label[0] == member and label[1] == account
                )
                try:
                    purses = {
                        purse
                        for one in own
                        if (one.get("account") in ("client", "omnibus")) == (account != "house")
                        for segment in self.segments_of(one)
                        for purse in self.purses(
                            one,
                            ("member", member, account if "account" in one else ""),
                            segment,
                            self.flow(one),
                        )
                        or []
                    }
                    left = sum(self.left(purse, self.now, self.flow({"source": ""})) for purse in purses)
                    if account == "house" and placed.get(member) in purses:
                        profit = 0  # already counted in its purse
                    elif account == "house" and member in placed and profit:
                        profit = min(profit, self.left(placed[member], self.now, self.flow({"source": ""})))
                except Unknown:
                    continue
                key = account if len(self.defaulters) == 1 else f"{member}/{account}"
                result[key] = profit + left
        return result
