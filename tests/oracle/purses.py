"""Where money stands, and what a payer can still give of it (sections 2, 5, 9)."""

import math
from fractions import Fraction
from typing import Any

from oracle.periods import Stamp, counted
from oracle.reading import Flow, Ledger, Past, Reading, View
from oracle.sharing import in_proportion
from oracle.words import (
    AMOUNT_WORDS,
    BOUNDLESS,
    CALLED,
    OWED,
    Layer,
    Payer,
    Unknown,
    ident,
    in_bytes,
    is_by_day,
    is_map_of_parts,
)

Purse = tuple[str, ...]
At = tuple[str, int, str]  # a segment, a round and a day


class Purses(Reading):
    """Purses, limits, windows and caps: all that bounds a payer."""

    def purses(self, layer: Layer, payer: Payer, segment: str, flow: Flow) -> list[Purse] | None:
        """The purses a layer draws on; none for called money and for money given in no way."""
        source, (kind, who, more) = layer["source"], payer
        if source in CALLED:
            return None
        if source in OWED:
            version = str(self.versions[who, source])
            raw = self.members[who].get(source)
            parts = in_bytes(raw) if is_map_of_parts(raw) and not is_by_day(raw) else [""]
            if segment and parts == [""]:
                raise Unknown
            return [("owed", who, source, flow[2], version, one) for one in parts if segment in ("", one)]
        if kind == "member":
            fields = self.members[who]
            if more == "omnibus":
                clients = [name for name in self.accounts(who) if name != "house"]
                return [
                    one
                    for name in clients
                    for one in self.parts(
                        ("member", who, source, name), segment, self.in_account(who, source, name)
                    )
                ]
            apart = source in ((fields.get("accounts") or {}).get("house") or {})
            plain = more == "house" and source in fields and not apart
            account = "" if plain else more
            return self.parts(
                ("member", who, source, account), segment, self.in_account(who, source, account)
            )
        if kind == "chain":
            raw = (self.chain[more].get(who) or {}).get(source)
            return self.parts(("chain", who, source, more), segment, raw)
        given = self.parties.get(who) or {}
        if layer["id"] in given or self.has_paid_in(("party", who, layer["id"], "")):
            return self.parts(("party", who, layer["id"], ""), segment, given.get(layer["id"]))
        if self.is_given_by_source(who, source):
            return self.parts(("party", who, source, ""), segment, given.get(source))
        return None

    def in_account(self, who: str, source: str, account: str) -> Any:
        """A member's money as given, in plain fields or in an account."""
        fields = self.members[who]
        return ((fields.get("accounts") or {}).get(account) or {} if account else fields).get(source)

    def has_paid_in(self, purse: Purse) -> bool:
        """Whether money was ever paid into a purse, of any segment."""
        return any(key[:-1] == purse for one in self.past if not one.is_event for key in one.ledger)

    def parts(self, purse: Purse, segment: str, raw: Any) -> list[Purse]:
        """A purse by segment where it is told so; the one of a segment, or all of them."""
        paid = {key[-1] for one in self.past if not one.is_event for key in one.ledger if key[:-1] == purse}
        by_segment = self.segments and (is_map_of_parts(raw) or (raw is None and paid - {""}))
        if not by_segment:
            if raw is None and not paid:
                raise Unknown
            if segment and purse[0] == "member":
                raise Unknown
            return [(*purse, "")]
        if segment:
            return [(*purse, segment)]
        return [(*purse, one) for one in in_bytes(set(raw or {}) | paid)]

    def left(self, purse: Purse, ledger: Ledger, flow: Flow) -> int:
        """What a purse holds: standing, less what earlier events and this one used."""
        segment = purse[-1]
        if purse[0] == "owed":
            raw = self.members[purse[1]].get(purse[2])
            there = int(self.owed(raw, View(segment=segment, flow=flow)))
        else:
            if purse[0] == "member":
                raw = self.in_account(purse[1], purse[2], purse[3])
            elif purse[0] == "chain":
                raw = (self.chain[purse[3]].get(purse[1]) or {}).get(purse[2])
            else:
                raw = (self.parties.get(purse[1]) or {}).get(purse[2])
            there = 0 if raw is None and self.has_paid_in(purse[:-1]) else int(self.read(raw, "", segment))
        return max(0, there - self.before[purse] - ledger[purse])

    def flow(self, layer: Layer, day: str = "") -> Flow:
        """The days of gains that count in a layer."""
        window = layer.get("window") or {}
        if layer["source"] != "gains":
            return (self.day, "9999", "")
        if "times" in window or AMOUNT_WORDS & set(window) or "length" not in window:
            return (self.day, "9999", day)
        return (self.day, self.calendar.moved(self.when.day, window["length"]).isoformat(), day)

    def part_of(self, layer: Layer, segment: str) -> str:
        """The segment a limit is kept for: none where the layer pays for all."""
        return segment if "segment" in layer else ""

    def room(self, layer: Layer, payer: Payer, at: At, ledger: Ledger, able: bool, bare: bool = False) -> int:
        """What a payer can still give in a layer, in a segment, a round and a day.

        ``bare``: of its limit and its purse alone, whatever windows and caps leave.
        """
        segment, turn, day = at
        flow = self.flow(layer, day)
        purses = self.purses(layer, payer, segment, flow)
        view = View(payer, segment, self.opening(layer, payer), "", flow)
        bounds = [] if purses is None else [sum(self.left(purse, ledger, flow) for purse in purses)]
        if "limit" in layer:
            key = ("limit", layer["id"], *ident(payer), self.part_of(layer, segment), str(turn))
            used = ledger[key] + (self.before[key] if self.is_held(layer) else 0)
            bounds.append(math.floor(self.amount(layer["limit"], view)) - used)
        elif purses is None:
            raise Unknown
        if not bare:
            bounds += self.window_left(layer, payer, segment, ledger)
            for cap in self.caps:
                if layer["id"] in cap["on"] and self.wanted(cap, [payer]):
                    bounds += self.cap_left(cap, payer, ledger)
        if able and payer[0] == "member" and layer["source"] in CALLED:
            fields = self.members[payer[1]]
            if "able_to_pay" in fields:
                key = ("able", payer[1])
                bounds.append(int(self.read(fields["able_to_pay"])) - self.before[key] - ledger[key])
        return max(0, min(bounds))

    # Windows and caps (section 5).

    def stamps(self) -> list[Stamp]:
        """All that happened, this event last."""
        return [*(one.stamp for one in self.past), Stamp(self.when, self.notice)]

    def inside(self, window: Any, payer: Payer) -> tuple[list[Past], str] | None:
        """What counts together with this event, and the opening day; None: the payer is under no window."""
        own = self.date_of(payer, window.get("starts", "").removeprefix("at_"))
        found = counted(window, self.stamps(), self.calendar, own)
        return None if found is None else ([self.past[i] for i in found[0]], found[1].isoformat())

    def opening(self, layer: Layer, payer: Payer) -> str:
        """The opening day of a layer's window, for what its limit is measured at."""
        found = self.inside(layer["window"], payer) if "window" in layer else None
        return found[1] if found else ""

    def window_left(self, layer: Layer, payer: Payer, segment: str, ledger: Ledger) -> list[int]:
        """What a layer's own window leaves a payer."""
        if "window" not in layer:
            return []
        spec = self.window_amount(layer)
        if spec is None and "times" not in layer["window"]:
            return []
        found = self.inside(layer["window"], payer)
        if found is None:
            return []
        part = "" if layer.get("segment") == "each" else segment  # one balance for all segments
        view = View(payer, part, found[1], "", self.flow(layer))
        return self.balance([layer["id"]], layer["window"], spec, payer, found[0], view, ledger)

    def cap_left(self, cap: dict[str, Any], payer: Payer, ledger: Ledger) -> list[int]:
        """What a cap over several layers leaves a payer; without a window it is fresh in each event."""
        window = cap.get("window")
        found = self.inside(window, payer) if window is not None else ([], "")
        if found is None:
            return []
        view = View(payer, "", found[1])
        bounds = self.balance(cap["on"], window or {}, cap.get("limit"), payer, found[0], view, ledger)
        used = sum(one.counts[(cap["id"], *ident(payer))] for one in found[0])
        return [bound - used for bound in bounds]

    def balance(
        self,
        layers: list[str],
        window: Any,
        spec: Any,
        payer: Payer,
        earlier: list[Past],
        view: View,
        ledger: Ledger,
    ) -> list[int]:
        """Times and amount of a window or a cap, less what was used in it."""
        result: list[int] = []
        if "times" in window:
            used = [one for one in earlier if any(one.used[name] > 0 for name in layers)]
            result.append(0 if len(used) >= int(window["times"]) else BOUNDLESS)
        if spec is not None:
            keys = [("paid", name, *ident(payer)) for name in layers]
            paid = sum(one.ledger[key] for one in earlier for key in keys)
            most = max(0, math.floor(self.amount(spec, view)) - paid)
            result.append(most - sum(ledger[key] for key in keys))
        return result

    # Writing down.

    def record(self, ledger: Ledger, layer: Layer, payer: Payer, at: At, units: int) -> Ledger:
        """Write down what a payer pays in a layer: on limits, windows, purses and its ability."""
        segment, turn, day = at
        written = Ledger()
        written[("limit", layer["id"], *ident(payer), self.part_of(layer, segment), str(turn))] += units
        written[("paid", layer["id"], *ident(payer))] += units
        flow = self.flow(layer, day)
        purses = self.purses(layer, payer, segment, flow) or []
        cuts = in_proportion(units, [self.left(purse, ledger, flow) for purse in purses]) if purses else []
        for purse, cut in zip(purses, cuts, strict=True):
            written[purse] += cut
        if payer[0] == "member" and layer["source"] in CALLED:
            written["able", payer[1]] += units
        ledger.update(written)
        return written

    def standing(self, layer: Layer, view: View) -> int:
        """What stood in a layer before this event, over all its payers."""
        who = layer["payer"]
        if who == "members":
            payers = self.wanted(layer, [("member", name, "") for name in self.there])
        else:
            payers = self.all_payers(layer)
        segments = {"each": self.segments, None: [""]}.get(layer.get("segment"), [layer.get("segment")])
        if view.segment in segments:
            segments = [view.segment]
        return sum(
            self.room(layer, payer, (str(segment), 1, ""), Ledger(), able=False, bare=True)
            for payer in payers
            for segment in segments
        )

    def all_payers(self, layer: Layer) -> list[Payer]:
        """Every payer of a layer once."""
        raise NotImplementedError

    def accounts(self, member: str) -> list[str]:
        """The accounts of a defaulter, with money or with a loss."""
        held = set(self.members[member].get("accounts") or {})
        return in_bytes(held | {label[1] for label in self.losses if label[0] == member})

    def most_together(self, layer: Layer, segment: str) -> int:
        """The limit on all payers of a layer together, before anything is used of it."""
        if "together" not in layer:
            return BOUNDLESS
        several = layer["payer"] in ("members", "defaulter") or self.stands_behind(layer)
        payer = None if several else ("party", str(layer["payer"]), "")
        return math.floor(self.amount(layer["together"], View(payer, segment, flow=self.flow(layer))))

    def weight(self, layer: Layer, payer: Payer, at: At, room: int) -> Fraction:
        """By what a payer's share is measured."""
        share = layer.get("share", "equal")
        if layer["payer"] != "members" or share == "equal":
            return Fraction(1)
        if share == "size":
            return Fraction(room)
        view = View(
            payer, self.part_of(layer, at[0]), self.opening(layer, payer), "", self.flow(layer, at[2])
        )
        return self.amount(share, view)
