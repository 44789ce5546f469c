"""Random members, what they hold, and their defaults."""

from typing import Any

import oracle
from strategies.layers import Layers
from strategies.values import (
    BIDS,
    CHAIN,
    DATES,
    HELD_BY,
    NEAR_FIRST,
    NEAR_TIMES,
    NOTICES,
    TIMES,
    WEIGHTS,
    WIDE,
    Dice,
    Map,
    instant,
)


class People(Layers):
    """Writes the members and the defaults of one scenario."""

    # Members.

    def sources(self) -> list[str]:
        """Held money that a member may have."""
        paid = {layer["source"] for layer in self.layers if layer.get("payer") in HELD_BY}
        return sorted({"default_fund", "initial_margin", *paid} - oracle.CALLED - oracle.OWED)

    def member(self, data: bytes, sources: list[str]) -> Map:
        """A member's money, figures and conduct; unknown ones are left out or said to be unknown."""
        dice = Dice(data)
        fields: Map = {source: self.parted(dice, self.by_segment(source)) for source in sources}
        if "figures" in self.has:
            fields["deposit"] = self.dated(dice, self.money(dice), self.money(dice))
            fields["weight"] = dice.pick(WEIGHTS)
            fields["tier"] = self.dated(dice, "one", "two")
        for source in sorted({x["source"] for x in self.layers if "source" in x} & oracle.OWED):
            fields[source] = self.owed(dice, source)
        if "unknown" in self.has and dice.one_in(8):
            del fields[dice.pick(sorted(fields))]
        if self.has & {"conditions", "order"}:
            fields["bid"] = dice.pick(BIDS)
            if self.segments and dice.one_in(4):
                fields["bid"] = {name: dice.pick(BIDS) for name in self.segments[dice.upto(1) :]}
            fields |= dice.pick(({}, {"group": "g1"}, {"group": "g2"}, {"active": "true"}))
        if "able" in self.has and dice.one_in(2):
            fields["able_to_pay"] = self.money(dice)
        if "rounds" in self.has and dice.one_in(3):
            fields["withdrew_in_round"] = dice.pick(("1", "2", "1"))
        if self.has_dates and dice.one_in(2):
            fields["left_on"] = dice.pick(DATES)
        told = sorted({layer["source"] for layer in self.layers if "account" in layer})
        if told:
            fields["accounts"] = self.accounts(dice, fields, told)
        return fields

    def accounts(self, dice: Dice, fields: Map, told: list[str]) -> Map:
        """Margin by account; the house's own is now and then told there instead of in plain fields."""
        clients = dice.pick(((), ("c1",), ("c1", "C2")))
        omnibus = any(layer.get("account") == "omnibus" for layer in self.layers)
        if omnibus:
            clients = clients or ("c1",)
        if self.beside:
            clients = ()
        result: Map = {
            client: {source: self.parted(dice, self.by_segment(source)) for source in told}
            for client in clients
        }
        if dice.one_in(4) and not (omnibus and self.beside):
            source = dice.pick(told)
            result["house"] = {source: fields.pop(source, self.written(0))}
        return result

    # Defaults.

    def times(self, datas: list[bytes]) -> list[str]:
        """When the members default, in order of time."""
        if not self.has & set(WIDE) or self.dice.one_in(4):
            times = [TIMES[0], *(Dice(data).pick(TIMES[1:]) for data in datas[1:])]
        else:
            times = [NEAR_FIRST, *(Dice(data).pick(NEAR_TIMES) for data in datas[1:])]
        return sorted(times, key=lambda one: (instant(one), one))[: len(datas)]

    def default(self, data: bytes, member: str, members: Map, at: str) -> Map:
        """Who defaults when, with which decisions and facts; the loss is zero as yet."""
        dice = Dice(data[1:])
        one: Map = {"member": member, "at": at}
        kind = "loss_beyond_own_resources" if "beyond" in self.has and dice.one_in(3) else "loss"
        zero = self.written(0)
        one[kind] = dict.fromkeys(self.segments, zero) if self.segments else zero
        if self.has & {"windows", "caps", "measured"} and at == NEAR_FIRST and dice.one_in(2):
            one["notice"] = dice.pick(NOTICES)
        if "conditions" in self.has and dice.one_in(2):
            one["facts"] = {"cause": dice.pick(("x", "y"))}
        if "decisions" in self.has and dice.one_in(2):
            concerned = [name for name in members if dice.one_in(2)]
            decided = {"decided": dice.pick(("auction", "drill")), "by": "board", "at": TIMES[0]}
            one["decisions"] = [{**decided, "reason": "needed", "members": concerned}]
        if "found" in self.has and dice.one_in(2):
            one["members"] = self.found(dice, members)
        held = [x for x in self.layers if x.get("payer") in CHAIN and x["source"] == "collateral"]
        roles = sorted({layer["payer"] for layer in held})
        if roles and not ("unknown" in self.has and dice.one_in(3)):
            told = bool(self.segments) and dice.one_in(2)
            one["chain"] = {role: {"collateral": self.parted(dice, told)} for role in roles}
        return one

    def found(self, dice: Dice, members: Map) -> Map:
        """What was found out about a member."""
        who = dice.pick(sorted(members))
        words: list[Map] = [{"bid": dice.pick(BIDS)}, {"active": "true"}]
        if "able" in self.has:
            words.append({"able_to_pay": self.money(dice)})
        if "figures" in self.has:
            words.append({"deposit": self.money(dice)})
        owed = sorted(oracle.OWED & set(members[who]))
        words += [{source: self.owed(dice, source)} for source in owed]
        if owed:
            gains = words[-1][owed[-1]]
            same = isinstance(gains, dict) == isinstance(members[who][owed[-1]], dict)
            if not same or isinstance(gains, dict):
                words.pop()
        return {who: dice.pick(words)}

    def loss(self, scenario: Map, number: int, data: bytes) -> Any:
        """A loss, often just at, above or below where a layer ends; by account where there are several."""
        dice = Dice(data)
        default = scenario["defaults"][number]
        house = self.aimed(scenario, number, dice) if dice.upto(3) < 3 else self.units(dice)
        if not self.segments:
            return self.by_account(scenario, default, house, dice)
        parts: list[int] = []
        for _ in self.segments[1:]:
            parts.append((house - sum(parts)) * dice.pick((4, 2, 8, 0, 1)) // 8)
        parts.append(house - sum(parts))
        last = len(self.segments) - (1 if dice.one_in(5) else 0)
        return {
            name: self.by_account(scenario, default, part, dice)
            for name, part in list(zip(self.segments, parts, strict=True))[:last]
        }

    def by_account(self, scenario: Map, default: Map, house: int, dice: Dice) -> Any:
        """A loss of the house and perhaps of clients."""
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
