"""What happens between random defaults, and whole random scenarios, for Hypothesis."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

import oracle
from strategies.people import People
from strategies.values import FIRST, NAMES, NEAR_TIMES, OTHERS, Dice, Map, instant


class Writer(People):
    """Writes one scenario."""

    # What happens between and after the defaults.

    def event(self, data: bytes, scenario: Map, times: list[str]) -> Map | None:
        """One event, at a time from which on nothing has been written yet; none if nothing fits."""
        dice = Dice(data)
        kinds = sorted(self.has & {"paid_in", "late", "recovered", "found_out"})
        if not kinds:
            return None
        written = scenario["events"]
        start = max([scenario["defaults"][0]["at"], *(one["at"] for one in written[-1:])], key=instant)
        later = sorted((one for one in times if instant(one) >= instant(start)), key=instant)
        at = dice.pick(later[:3]) if later else start
        kind = dice.pick(kinds)
        if kind == "found_out":
            members = self.found(dice, scenario["resources"]["members"])
            return {"at": at, "members": members}
        if kind == "paid_in":
            return self.paid_in(dice, scenario, at)
        if kind == "late":
            return self.paid_late(dice, scenario, at)
        return self.recovered(dice, scenario, at)

    def paid_in(self, dice: Dice, scenario: Map, at: str) -> Map | None:
        """Members, sometimes one in default, or a party pay in."""
        gone = {one["member"] for one in scenario["defaults"] if instant(one["at"]) <= instant(at)}
        people = scenario["resources"]["members"]
        members = sorted(people)
        if dice.one_in(3):
            holding = [
                x for x in self.layers if x.get("payer") in OTHERS and x["source"] not in oracle.CALLED
            ]
            if not holding:
                return None
            layer = dice.pick(holding)
            given = self.parties.get(layer["payer"], {})
            key = layer["source"] if layer["source"] in given and layer["id"] not in given else layer["id"]
            if key == layer["id"] and key not in given and "limit" not in layer:
                return None
            by_map = isinstance(given.get(key), dict) and "amount" not in given[key]
            told = bool(self.segments) and (by_map or (key not in given and layer.get("segment") == "each"))
            return {"at": at, "paid_in": {layer["payer"]: {key: self.payment(dice, told)}}}
        paid: Map = {}
        for name in members:
            if dice.one_in(2) and (name not in gone or dice.one_in(4)):
                source = dice.pick(self.sources())
                if source in people[name].get("accounts", {}).get("house", {}):
                    continue
                told = self.by_segment(source) and name not in gone
                paid[name] = {source: self.payment(dice, told)}
        return {"at": at, "paid_in": paid} if paid else None

    def payment(self, dice: Dice, told: bool) -> Any:
        """Money that comes in, never none."""
        if not told:
            return self.written(1 + self.units(dice))
        return {name: self.written(1 + self.units(dice)) for name in self.segments[dice.upto(1) :]}

    def paid_late(self, dice: Dice, scenario: Map, at: str) -> Map | None:
        """Somebody pays some or all of what it still owes."""
        awkward = any("base" in x or "action" in x or "rounds" in x for x in self.layers)
        if awkward or any("recovered" in one for one in scenario["events"]):
            return None
        before = [one for one in scenario["defaults"] if instant(one["at"]) <= instant(at)]
        try:
            events = oracle.judge({**scenario, "defaults": before})
        except oracle.Refused:
            return None
        claims: dict[tuple[str, str], list[int]] = {}
        for event in events:
            for layer, row in event["layers"].items():
                for who, units in row["unpaid"].items():
                    claims.setdefault((who, layer), []).append(units)
        owed = [(*key, units[0]) for key, units in claims.items() if len(units) == 1]
        if not owed:
            return None
        who, layer, units = dice.pick(sorted(owed))
        return {
            "at": at,
            "paid_late": {who: {layer: self.written(max(1, units * dice.pick((8, 4, 8, 1)) // 8))}},
        }

    def recovered(self, dice: Dice, scenario: Map, at: str) -> Map | None:
        """Money comes back of one default: some, much, or more than was lost."""
        before = [one for one in scenario["defaults"] if instant(one["at"]) <= instant(at)]
        default = dice.pick(before)
        loss = default.get("loss", default.get("loss_beyond_own_resources"))
        units = _total(loss, 10**self.decimals) * dice.pick((4, 8, 2, 9, 1)) // 8 + dice.upto(2)
        if self.alone and dice.one_in(3):
            return {"at": at, "recovered": self.written(units)}
        told: Map = {"amount": self.written(units), "of": default["member"]}
        own = {x["source"] for x in self.layers if x.get("payer") == "defaulter"} - oracle.CALLED
        if own and dice.one_in(3):
            told["collateral"] = dice.pick(sorted(own))
        if dice.one_in(3):
            told["interest"] = self.written(self.units(dice))
        accounts = sorted(scenario["resources"]["members"][default["member"]].get("accounts") or {})
        if accounts and dice.one_in(3):
            told["account"] = dice.pick(accounts)
        return {"at": at, "recovered": told}


def _total(loss: Any, unit: int) -> int:
    """The minor units of a loss, whatever its form."""
    if isinstance(loss, dict):
        return sum(_total(one, unit) for one in loss.values())
    whole, _, part = loss.replace(" ", "").partition(".")
    return max(0, int(whole) * unit + int(part or 0))


def _scenario(
    without: frozenset[str],
    always: frozenset[str],
    head: bytes,
    ranks: list[bytes],
    members: list[bytes],
    defaults: list[bytes],
    events: list[bytes],
) -> Map:
    writer = Writer(head, without, always)
    specs, given = writer.figures()
    layers = [writer.rank(data) for data in ranks]
    sections = writer.sections()
    sources = writer.sources()
    if "equal" in writer.has:
        members = members[:1] * len(members)
    if writer.dice.one_in(16):
        del members[1:]
    names = NAMES[: len(members)]
    people = {name: writer.member(data, sources) for name, data in zip(names, members, strict=True)}
    book: Map = {"currency": writer.currency, "layers": layers, **sections}
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
    writer.alone = len(defaults) == 1
    start, times = writer.dice.upto(7), writer.times(defaults)
    scenario["events"] = []
    for number, data in enumerate(defaults):
        member = names[(start + number) % len(names)]
        one = writer.default(data[::2], member, people, times[number])
        scenario["defaults"].append(one)
        kind = "loss" if "loss" in one else "loss_beyond_own_resources"
        one[kind] = writer.loss(scenario, number, data[1::2])
        between = events[number::3] if number < len(defaults) - 1 else events[number % 3 :]
        for stream in between[:2]:
            until = times[number + 1] if number + 1 < len(times) else "2025-01-01T00:00:00Z"
            fits = [
                x
                for x in (*times, *NEAR_TIMES, until)
                if instant(times[number]) <= instant(x) < instant(until)
            ]
            event = writer.event(stream, scenario, fits)
            if event is not None:
                scenario["events"].append(event)
    if not scenario["events"]:
        del scenario["events"]
    return scenario


@st.composite
def _scenarios(draw: st.DrawFn, without: frozenset[str], always: frozenset[str]) -> Map:
    streams = (draw(_HEAD), draw(_RANKS), draw(_MEMBERS), draw(_DEFAULTS), draw(_EVENTS))
    return _scenario(without, always, *streams)


def _streams(size: int, least: int, most: int) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.binary(min_size=size, max_size=size), min_size=least, max_size=most)


_HEAD = st.binary(min_size=128, max_size=128)
_RANKS, _MEMBERS, _DEFAULTS = _streams(64, 1, 7), _streams(32, 2, 8), _streams(64, 1, 4)
_EVENTS = _streams(24, 0, 4)


def scenarios(without: Iterable[str] = (), always: Iterable[str] = ()) -> st.SearchStrategy[Map]:
    """Scenarios of the whole language, but for the ``features`` left out, and with those named always."""
    return _scenarios(frozenset(without), frozenset(always))
