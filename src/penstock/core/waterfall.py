"""The engine: losses are poured over tranches, in order, to the unit.

    losses (label -> amount)  +  tranches  +  balances   ->   Outcome

It knows labels, weights and balances; no rule, no date, no name of a clearing house. Whatever limits a
payer (its purse, a limit, a cap, its ability to pay) is a balance that payments draw down, so money
named by several layers is found by the later ones as the earlier ones left it.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import le, sub

from penstock.core.money import Rounding, in_proportion, share

Label = tuple[str, str, str]
"""Whose default, which account, which segment."""

Balance = Hashable
"""The key of a balance: a purse, a limit or a cap."""

Capacities = Mapping[tuple[str, str], int | None]
"""What each layer so far could give when the loss reached it, in a place and ("") in all; None if unknown."""

UNKNOWN_REACHED, NO_PAYERS = "UNKNOWN_REACHED", "NO_PAYERS"


@dataclass(frozen=True, slots=True)
class Part:
    """One layer's payers in a tranche, in UTF-8 byte order.

    ``weights`` None shares by what each can still give. ``draws`` are columns of balances, one entry a
    payer: its payments draw on its entry of each, and no two payers share an entry. ``place``: where the
    layer is poured, if it is in several places. ``pools`` are balances of single payers, by position,
    that its payments come out of together, in proportion to what is in them. ``also`` are further
    balances of single payers, ``together`` those that all payments of the part draw on. ``able`` are
    balances that cut what a payer pays after the sharing: what it falls short stays open for the next
    rank. ``sized`` balances are as large as a function of the capacities so far says. ``ends``: takes
    all that is open, from nobody. ``stop`` is a code and a reason: such a part may be passed, never
    poured. If it names payers, it stops only while one of them has anything to give.
    """

    layer: str
    payers: tuple[str, ...]
    weights: tuple[int, ...] | None
    draws: tuple[tuple[Balance, ...], ...]
    place: str = ""
    also: tuple[tuple[int, Balance], ...] = ()
    together: tuple[Balance, ...] = ()
    stop: tuple[str, str] | None = None
    pools: tuple[tuple[int, tuple[tuple[str, ...], ...]], ...] = ()
    able: tuple[tuple[int, Balance], ...] = ()
    sized: tuple[tuple[Balance, Callable[[Capacities], int | None]], ...] = ()
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Tranche:
    """What meets the losses of its labels at one rank: parts side by side, divided by ``split``.

    ``split`` None divides by what each part can still give. Tranches that follow each other at one
    ``rank`` (those of the same layers, where it says none) have their capacity counted together.
    """

    labels: tuple[Label, ...]
    parts: tuple[Part, ...]
    split: tuple[int, ...] | None = None
    rank: str = ""


@dataclass(frozen=True, slots=True)
class Pour:
    """What one part of one tranche paid: payer -> amount, its odd units if a payer of their own, and
    what it ended without a payment."""

    layer: str
    paid: dict[str, int]
    odd: int
    ended: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """``capacities``: what each layer could give when the loss reached its rank; None if unknown.

    ``places``: the same place by place. ``beyond``: the layers, by place, after which something of the
    losses that they meet was still open.
    """

    pours: tuple[Pour, ...]
    capacities: dict[str, int | None]
    uncovered: dict[Label, int]
    left: dict[Balance, int]
    places: dict[tuple[str, str], int | None]
    beyond: frozenset[tuple[str, str]]


class Stopped(Exception):
    """A loss reached a part that cannot be poured: UNKNOWN_REACHED or NO_PAYERS, and why."""

    def __init__(self, code: str, why: str, layer: str) -> None:
        super().__init__(why)
        self.code, self.why, self.layer = code, why, layer


def allocate(
    losses: Mapping[Label, int],
    tranches: Sequence[Tranche],
    balances: Mapping[Balance, int],
    rounding: Rounding = "largest_remainder",
    residual_to: str = "",
) -> Outcome:
    """Pour ``losses`` over ``tranches`` in order; what none can bear is uncovered.

    Under ``floor_residual`` the odd units of parts side by side go to the part that ``residual_to``
    pays, else to the first with room. Raises Stopped.
    """
    assert all(loss >= 0 for loss in losses.values()), "a profit is not put through the waterfall"
    open_, left = dict(losses), dict(balances)
    pours: list[Pour] = []
    capacities: dict[tuple[str, str], int | None] = {}
    beyond: set[tuple[str, str]] = set()
    for _, rank in groupby(tranches, key=lambda one: one.rank or [part.layer for part in one.parts]):
        same, before = list(rank), dict(capacities)
        reserved = left if len(same) == 1 else dict(left)
        for tranche in same:
            giving = rooms(tranche.parts, reserved, before, reserve=len(same) > 1)
            for part, _, able, _ in giving:
                count(part, able, capacities)
        gaps: dict[Label, int] = {}
        for tranche in same:
            owed = {label: open_[label] - gaps.get(label, 0) for label in tranche.labels if label in open_}
            owed = {label: amount for label, amount in owed.items() if amount}
            if not owed:
                pours += (Pour(part.layer, {}, 0) for part in tranche.parts)
                continue
            if len(same) > 1:
                giving = rooms(tranche.parts, left, before)
            taken, short = _pour(tranche, giving, sum(owed.values()), left, pours, rounding, residual_to)
            if tranche.parts[0].ends:
                capacities[tranche.parts[0].layer, ""] = taken
            for label, amount in in_proportion(taken, owed).items():
                open_[label] -= amount
                owed[label] -= amount
            if short:
                for label, amount in in_proportion(short, {k: v for k, v in owed.items() if v}).items():
                    gaps[label] = gaps.get(label, 0) + amount
        for tranche in same:
            if any(open_.get(label) for label in tranche.labels):
                beyond.update((part.layer, part.place) for part in tranche.parts)
    paid = sum(sum(pour.paid.values()) + pour.odd + pour.ended for pour in pours)
    assert paid + sum(open_.values()) == sum(losses.values()), "every unit once"
    by_layer = {layer: amount for (layer, place), amount in capacities.items() if not place}
    return Outcome(tuple(pours), by_layer, open_, left, capacities, frozenset(beyond))


Giving = tuple[Part, int, int, list[int]]
"""A part, the most it can be asked for, what it can really give, the most of each of its payers."""


def rooms(
    parts: Sequence[Part], left: dict[Balance, int], before: Capacities, *, reserve: bool = False
) -> list[Giving]:
    """What each part, and each payer in it, can give now; ``before``: what earlier ranks could.

    Where parts name the same balance, an earlier one reserves all that it could take; ``reserve``
    leaves what they all reserve drawn from ``left``.
    """
    now = left if len(parts) == 1 or reserve else dict(left)
    here = dict(before)
    found: list[Giving] = []
    for part in parts:
        for key, size in part.sized:
            if key in left:
                continue
            amount = size(here)
            if amount is None:
                why = "what an earlier layer can give, which it depends on, is not known"
                part = Part(part.layer, (), (), (), part.place, stop=(UNKNOWN_REACHED, why))
                break
            left[key] = now[key] = amount
        room = _room(part, now)
        if part.weights is not None and 0 in part.weights:
            room = [give if weight else 0 for give, weight in zip(room, part.weights, strict=True)]
        shared = [now[key] for key in part.together]
        most = min([sum(room), *shared])
        really = cut(part, room, now) if part.able else room
        able = min([sum(really), *shared])
        found.append((part, most, able, room))
        count(part, able, here)
        if len(parts) > 1 or reserve:
            draw(part, [min(give, able) for give in really], able, now)
    return found


def count(part: Part, able: int, capacities: dict[tuple[str, str], int | None]) -> None:
    """Add what the part can really give to its layer's capacity, in its place and in all."""
    unknown = part.stop and part.stop[0] == UNKNOWN_REACHED
    for key in dict.fromkeys(((part.layer, part.place), (part.layer, ""))):
        so_far = capacities.get(key, 0)
        capacities[key] = None if unknown or so_far is None else so_far + able


def cut(part: Part, room: list[int], left: Mapping[Balance, int]) -> list[int]:
    """The room of each payer, cut to what it is able to pay."""
    able = list(room)
    for i, key in part.able:
        able[i] = min(able[i], left[key])
    return able


def _room(part: Part, left: Mapping[Balance, int]) -> list[int]:
    """What each payer's own balances leave it, whatever its weight."""
    room: list[int] = []
    for column in part.draws:
        now = [left[key] for key in column]
        room = list(map(min, room, now)) if room else now
    if part.pools:
        pools = [sum(left[key] for key in keys) for _, keys in part.pools]
        room = list(map(min, room, pools)) if room else pools
    for i, key in part.also:
        room[i] = min(room[i], left[key])
    return room


def draw(part: Part, amounts: Sequence[int], total: int, left: dict[Balance, int]) -> None:
    """Draw the payers' amounts on their balances, and the total on those they share."""
    for column in part.draws:
        now = [left[key] for key in column]
        left.update(zip(column, map(sub, now, amounts), strict=True))
    for i, keys in part.pools:
        for one, amount in in_proportion(amounts[i], {one: left[one] for one in keys if left[one]}).items():
            left[one] -= amount
    for i, key in part.also:
        left[key] -= amounts[i]
    for i, key in part.able:
        left[key] = max(0, left[key] - amounts[i])
    for key in part.together:
        left[key] -= total


def _pour(
    tranche: Tranche,
    giving: list[Giving],
    due: int,
    left: dict[Balance, int],
    pours: list[Pour],
    rounding: Rounding,
    residual_to: str,
) -> tuple[int, int]:
    """Take up to ``due`` from the tranche, draw ``left`` down, record the pours.

    What was taken, and what payers fell short of it.
    """
    for part, _, _, _ in giving:
        if part.stop and (not part.payers or any(_room(part, left))):
            raise Stopped(*part.stop, part.layer)
        if part.ends:
            pours.append(Pour(part.layer, {}, 0, due))
            return due, 0
    mosts = [most for _, most, _, _ in giving]
    taken = min(due, sum(mosts))
    missed = 0
    amounts, odds = _side_by_side(tranche, taken, mosts, rounding, residual_to)
    for (part, _, _, room), amount, odd in zip(giving, amounts, odds, strict=True):
        weights: Sequence[int] = room if part.weights is None else part.weights
        shares, more = share(amount, weights, room, rounding)
        assert all(map(le, shares, room)), "nobody pays beyond a purse, a limit or a cap"
        for i, key in part.able:
            short = max(0, shares[i] - left[key])
            shares[i] -= short
            missed += short
        draw(part, shares, sum(shares) + more + odd, left)
        paid = dict(zip(part.payers, shares, strict=True))
        if 0 in shares:
            paid = {payer: amount for payer, amount in paid.items() if amount}
        pours.append(Pour(part.layer, paid, odd + more))
    return taken - missed, missed


def _side_by_side(
    tranche: Tranche, taken: int, mosts: list[int], rounding: Rounding, residual_to: str
) -> tuple[list[int], list[int]]:
    """``taken`` over the parts: the amount its payers share, and the odd units beside it."""
    if len(mosts) == 1:
        return [taken], [0]
    amounts, odd = share(taken, tranche.split or mosts, mosts, rounding)
    odds = [0] * len(amounts)
    for i in sorted(range(len(amounts)), key=lambda i: tranche.parts[i].payers != (residual_to,)):
        odds[i] = min(odd, mosts[i] - amounts[i])
        odd -= odds[i]
    return amounts, odds
