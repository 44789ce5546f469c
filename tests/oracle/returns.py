"""What happens between defaults: money paid in, paid late and recovered (section 7)."""

from collections import Counter
from fractions import Fraction
from typing import Any

from oracle.periods import Stamp, moment
from oracle.pouring import Pouring
from oracle.reading import Ledger, Past, View
from oracle.sharing import divide, in_proportion, refunded
from oracle.words import HELD_BY_CHAIN, Layer, Refused, Unknown, as_list, in_bytes, is_map_of_parts

Happening = dict[str, Any]
PURSES = {"member", "party", "chain", "owed"}


def nothing(what: str) -> Happening:
    """A happening that moves nothing yet."""
    return {"what": what, "layers": {}, "uncovered": 0, "surplus": {}, "interest": {}}


class Returns(Pouring):
    """Non-default events."""

    def happen(self, event: dict[str, Any]) -> list[Happening]:
        """One event between the defaults: what it did."""
        day = event["at"][:10]
        if "members" in event:
            self.found(day, event["members"])
            return [nothing("members")]
        if "paid_in" in event:
            return self.paid_in(event["at"], event["paid_in"])
        if "paid_late" in event:
            return [self.paid_late(event["paid_late"])]
        self.decimals = self.decimals_on(day)
        given = event["recovered"]
        given = given if isinstance(given, dict) else {"amount": given}
        past = [one for one in self.past if one.is_event]
        [of] = [one for one in past if given.get("of") in one.defaulters] if "of" in given else past
        interest = int(self.read(given["interest"])) if "interest" in given else 0
        account, proceeds = given.get("account", "house"), given.get("collateral")
        amount = int(self.read(given["amount"]))
        return [self.recovered(of, given.get("of", of.defaulters[0]), amount, proceeds, account, interest)]

    def decimals_on(self, day: str) -> int:
        """The currency's, from the rulebook of a day."""
        self.day = day
        self.read_book(day)
        self.specs = self.book.get("figures") or {}
        return self.decimals

    # Paid in.

    def paid_in(self, at: str, given: dict[str, Any]) -> list[Happening]:
        """Money for purses, and for what was used of limits; a defaulter's is late proceeds."""
        result, when = nothing("paid_in"), moment(at)
        refunds: list[Happening] = []
        self.decimals_on(at[:10])
        self.members = self.members_on(at[:10])
        self.parties = self.scenario.get("resources") or {}
        one = Past(Stamp(when, when, is_event=False), Ledger(), is_event=False)
        for payer, money in given.items():
            for name, amount in money.items():
                units = int(self.read(amount))
                if payer in self.gone:
                    [of] = [past for past in self.past if payer in past.defaulters]
                    refunds.append(self.recovered(of, payer, units, name, "house", 0))
                else:
                    self.put(one, payer, name, amount)
                    result["layers"].setdefault(self.told_as(payer, name), Counter())[payer] += units
        self.past.append(one)
        return [result, *refunds] if result["layers"] else refunds

    def told_as(self, payer: str, name: str) -> str:
        """The first layer on its days that draws on the money paid in, else the source."""
        kind, day = "members" if payer in self.members else payer, self.pinned or self.day
        for item in self.book["layers"]:
            for one in item["layers"] if "group" in item else [item]:
                lives = all(x.get("from", "") <= day <= x.get("until", "9999") for x in (item, one))
                if lives and one.get("payer") == kind and name in (one["id"], one["source"]):
                    return str(one["id"])
        return name

    def put(self, one: Past, payer: str, name: str, amount: Any) -> None:
        """Into the payer's purse, by segment if so told; and back to what was used of limits."""
        is_member = payer in self.members
        parts = amount if is_map_of_parts(amount) and self.segments else {"": amount}
        fields = self.members[payer] if is_member else {}
        at_home = name in ((fields.get("accounts") or {}).get("house") or {}) if is_member else False
        kind = "member" if is_member else "party"
        own = {
            x["id"]: x for x in self.layers.values() if x.get("payer") == ("members" if is_member else payer)
        }
        by_limit_only = (
            not is_member
            and name in own
            and name not in (self.parties.get(payer) or {})
            and "limit" in own[name]
        )
        layers = (
            [own[name]]
            if name in own and not is_member
            else [one for one in own.values() if one["source"] == name]
        )
        for segment, raw in parts.items():
            units = int(self.read(raw))
            if not by_limit_only:
                one.ledger[(kind, payer, name, "house" if at_home else "", segment)] -= units
            self.restore(one, layers, (kind, payer), segment, units)
            if is_member:
                for item in as_list(self.book.get("replenishment")):
                    into = item.get("into", self.layers[item["layer"]].get("source"))
                    if "counts_to" in item and into == name:
                        one.counts[(item["counts_to"], kind, payer)] += units

    def restore(self, one: Past, layers: list[Layer], who: tuple[str, ...], segment: str, units: int) -> None:
        """What was used of held limits, in file order, each up to what was used, out of one amount."""
        for word in ("limit", "together"):
            left = units
            for layer in layers:
                for key in self.used_keys(layer, word, who, segment) if word in layer else []:
                    back = min(left, max(0, self.before[key] + one.ledger[key]))
                    one.ledger[key] -= back
                    left -= back

    def used_keys(self, layer: Layer, word: str, who: tuple[str, ...], segment: str) -> list[tuple[str, ...]]:
        """Under which keys the uses of a limit are kept."""
        segments = [one for one in self.segments_of(layer) if segment in ("", one) or not one]
        if word == "together":
            return [("all", layer["id"], one) for one in segments]
        turns = range(1, int(layer.get("rounds", "1")) + 1)
        return [("limit", layer["id"], *who, one, str(turn)) for one in segments for turn in turns]

    # Paid late.

    def paid_late(self, given: dict[str, Any]) -> Happening:
        """A call met late settles the claim, and returns to those who stood in."""
        result = nothing("paid_late")
        for payer, money in given.items():
            for layer, raw in money.items():
                units = int(self.read(raw))
                claims = [one for one in reversed(self.past) if one.owes.get(layer, Counter())[payer] > 0]
                if units > sum(one.owes[layer][payer] for one in claims) or not claims:
                    raise Refused("LATE_TOO_MUCH")
                for one in claims:
                    part = min(units, one.owes[layer][payer])
                    units -= part
                    if part:
                        self.settle_claim(one, layer, payer, part, result)
        return result

    def settle_claim(self, one: Past, layer: str, payer: str, units: int, result: Happening) -> None:
        """Money for one event's stand-ins: what stayed uncovered more first, then the last layer."""
        one.owes[layer][payer] -= units
        left = units
        back = min(left, one.stood_uncovered)
        one.stood_uncovered -= back
        one.uncovered -= back
        result["uncovered"] += back
        left -= back
        for name in reversed(list(one.stood)):
            stood = one.stood[name]
            names = in_bytes(stood)
            for who, back in zip(
                names,
                refunded(min(left, sum(stood.values())), [stood[who] for who in names]),
                strict=True,
            ):
                if back:
                    stood[who] -= back
                    left -= back
                    self.unpay(one, name, who, back)
                    result["layers"].setdefault(name, Counter())[who] += back
        one.out.setdefault(layer, Counter())[payer] += units
        one.used[layer] += units
        one.ledger["paid", layer, "member", payer] += units
        one.ledger["able", payer] += units

    def unpay(self, one: Past, layer: str, who: str, units: int) -> None:
        """What was paid counts as never paid: for windows, purses and limits."""
        one.out[layer][who] -= units
        one.used[layer] -= units
        for name, payer, written in reversed(one.entries):
            if (name, payer) != (layer, who) or not units:
                continue
            paid = next(amount for key, amount in written.items() if key[0] == "paid")
            back = min(units, paid)
            units -= back
            purses = sorted(key for key in written if key[0] in PURSES)
            for key, cut in zip(purses, in_proportion(back, [written[key] for key in purses]), strict=True):
                written[key] -= cut
                one.ledger[key] -= cut
            for key in [key for key in written if key[0] not in PURSES]:
                written[key] -= back
                one.ledger[key] -= back

    # Recovered.

    def recovered(
        self, of: Past, whose: str, amount: int, proceeds: str | None, account: str, interest: int
    ) -> Happening:
        """Money back for what was not covered, then for those who paid; the rest is the defaulter's."""
        result = nothing("recovered")
        left = amount - min(amount, of.uncovered)
        result["uncovered"] = amount - left
        of.uncovered -= amount - left
        spared = self.spared(of, proceeds)
        for step in self.steps(of):
            layers = [one for one in step if one["id"] not in spared]
            outs = [sum(of.out.get(one["id"], Counter()).values()) for one in layers]
            parts = refunded(min(left, sum(outs)), outs)
            for layer, part in zip(layers, parts, strict=True):
                for who, back in self.back(of, layer, part).items():
                    if back:
                        of.out[layer["id"]][who] -= back
                        left -= back
                        result["layers"].setdefault(layer["id"], Counter())[who] += back
        if left:
            result["surplus"] = {account: left}
        if interest and of.recoveries.get("interest") == "passed_on":
            refunds: Counter[str] = Counter()
            for payers in result["layers"].values():
                refunds.update(payers)
            names = in_bytes(refunds)
            total = sum(refunds.values())
            units = divide(
                interest if total else 0,
                [interest] * len(names),
                [Fraction(refunds[x]) for x in names],
                False,
            )[0]
            result["interest"] = {who: one for who, one in zip(names, units, strict=True) if one}
        return result

    def spared(self, of: Past, proceeds: str | None) -> set[str]:
        """Layers that get nothing back from this payment."""
        out = set(as_list(of.recoveries.get("except")))
        ordered = [layer for _, layers in of.ranks for layer in layers]
        result = {
            one["id"]
            for one in ordered
            if "action" in one or one["payer"] in {"defaulter", *HELD_BY_CHAIN} | out or one["id"] in out
        }
        if proceeds is not None:
            own = [
                rank
                for rank, (_, layers) in enumerate(of.ranks)
                if any(x.get("payer") == "defaulter" and x["source"] == proceeds for x in layers)
            ]
            for _, layers in of.ranks[: own[0] if own else 0]:
                result |= {layer["id"] for layer in layers}
        return result

    def steps(self, of: Past) -> list[list[Layer]]:
        """The layers in the order of paying back; those of one step in proportion."""
        order = of.recoveries.get("order", "reverse")
        backwards = [layers for _, layers in reversed(of.ranks)]
        if order == "side_by_side":
            return [[layer for _, layers in of.ranks for layer in layers]]
        if order == "reverse":
            return backwards
        named = [of.groups.get(name, [name]) for name in as_list(order)]  # a group is one step
        by_name = {layer["id"]: layer for layers in backwards for layer in layers}
        first = [[by_name[name] for name in names if name in by_name] for names in named]
        done = {name for names in named for name in names}
        return first + [[one for one in layers if one["id"] not in done] for layers in backwards]

    def back(self, of: Past, layer: Layer, amount: int) -> dict[str, int]:
        """What each payer of a layer gets of an amount."""
        out = of.out.get(layer["id"], Counter())
        names = in_bytes(out)
        if of.recoveries.get("share", "paid") == "paid" or layer["payer"] != "members":
            return dict(zip(names, refunded(amount, [out[who] for who in names]), strict=True))
        payers = [who for who in names if not who.startswith("rounding:")]
        weights = [of.keys.get(who) for who in payers]
        known = [one for one in weights if one is not None]
        if len(known) < len(weights):
            raise Refused("UNKNOWN_REACHED")
        units = divide(amount, [out[who] for who in payers], known, False)[0]
        left = amount - sum(units)
        spare = [out[who] - back for who, back in zip(payers, units, strict=True)]  # of those without weight
        more = refunded(min(left, sum(spare)), spare)
        result = {who: one + two for who, one, two in zip(payers, units, more, strict=True)}
        left -= sum(more)
        for who in [who for who in names if who.startswith("rounding:")]:
            result[who] = min(left, out[who])
            left -= result[who]
        return result

    def recovery_keys(self) -> dict[str, Any]:
        """By what the members of this event would be paid back, where the rules name a key."""
        share = (self.book.get("recoveries") or {}).get("share", "paid")
        if share == "paid":
            return {}
        result: dict[str, Any] = {}
        for member in self.survivors:
            try:
                result[member] = self.amount(share, View(("member", member, "")))
            except Unknown:
                result[member] = None
        return result
