"""The waterfall in ``decimal.Decimal``: what Penstock's integers are measured against.

The same job on amounts with two decimals: layers one after another, payers limited by balances that
payments draw down, water-filling under caps, both rounding words; every figure equal to Penstock's to
the cent. It is written to be fast. What helps Penstock helps it too: balances in columns; shares floored
at once where no cap binds, else the level raised over full payers until none is left; remainders only
where somebody asks for them; one sort. In its favour it knows one loss only, and no parts side by side.

Nothing is rounded by accident: the context traps ``Inexact``, so a digit lost anywhere raises.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from operator import le, lt, sub
from typing import Literal

Rounding = Literal["largest_remainder", "floor_residual"]

ZERO, CENT, HUNDRED = Decimal("0.00"), Decimal("0.01"), Decimal(100)
EXACT = Context(prec=100, traps=[DivisionByZero, Inexact, InvalidOperation, Overflow])
"""Digits enough for every product of amounts below 2^63 cents."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Payers with weights (at most two decimals); columns of balances that their payments draw on."""

    name: str
    payers: tuple[str, ...]
    weights: tuple[Decimal, ...]
    draws: tuple[tuple[Hashable, ...], ...]


@dataclass(frozen=True, slots=True)
class Poured:
    """What each layer paid, its odd cents, what it could give; what is uncovered; the balances left."""

    paid: list[dict[str, Decimal]]
    odd: list[Decimal]
    capacities: dict[str, Decimal]
    uncovered: Decimal
    left: dict[Hashable, Decimal]


def pour(
    loss: Decimal, layers: Iterable[Layer], balances: Mapping[Hashable, Decimal], rounding: Rounding
) -> Poured:
    """Pour ``loss`` over ``layers`` in order."""
    with localcontext(EXACT):
        left, uncovered = dict(balances), loss
        poured = Poured([], [], {}, ZERO, left)
        for layer in layers:
            first, *more = layer.draws
            room = [left[key] for key in first]
            for column in more:
                room = list(map(min, room, [left[key] for key in column]))
            if not all(layer.weights):
                room = [give if weight else ZERO for give, weight in zip(room, layer.weights, strict=True)]
            most = poured.capacities[layer.name] = sum(room, ZERO)
            if uncovered < most:
                shares, odd = share(uncovered, layer.weights, room, rounding)
                uncovered = ZERO
            else:
                shares, odd = room, ZERO
                uncovered -= most
            assert shares is room or all(map(le, shares, room)), "nobody pays beyond a balance"
            for column in layer.draws:
                left.update(zip(column, map(sub, [left[key] for key in column], shares), strict=True))
            paid = dict(zip(layer.payers, shares, strict=True))
            if not all(shares):
                paid = {payer: amount for payer, amount in paid.items() if amount}
            poured.paid.append(paid)
            poured.odd.append(odd)
        total = sum([sum(paid.values(), ZERO) for paid in poured.paid], sum(poured.odd, ZERO))
        assert total + uncovered == loss, "every cent once"
        return Poured(poured.paid, poured.odd, poured.capacities, uncovered, left)


def share(
    amount: Decimal, weights: Sequence[Decimal], caps: Sequence[Decimal], rounding: Rounding
) -> tuple[list[Decimal], Decimal]:
    """``amount`` (less than the caps together) in cents: what each pays, and the odd cents left over.

    To be called under ``EXACT``. Quotients are found by ``//``: cheaper than ``/`` with ``quantize``
    or ``to_integral_value``, and exact.
    """
    total = sum(weights, ZERO)
    cents = amount * HUNDRED
    parts = [cents * weight // total * CENT for weight in weights]
    if all(map(lt, parts, caps)):
        if rounding == "floor_residual":
            return parts, amount - sum(parts, ZERO)
        return _largest_remainder(amount, parts, [cents * weight % total for weight in weights])
    most, before = sum(caps, ZERO), len(parts)
    below = [(cap, weight) for part, cap, weight in zip(parts, caps, weights, strict=True) if part < cap]
    while len(below) < before:
        before = len(below)
        amount_below = amount - most + sum([cap for cap, _ in below], ZERO)
        total = sum([weight for _, weight in below], ZERO)
        level = _level(amount_below, total)
        below = [(cap, weight) for cap, weight in below if weight * level < cap]
    cents = amount_below * HUNDRED
    parts = [
        part if (part := cents * weight // total * CENT) < cap else cap
        for cap, weight in zip(caps, weights, strict=True)
    ]
    if rounding == "floor_residual":
        return parts, amount - sum(parts, ZERO)
    rest = [
        cents * weight % total if part < cap else ZERO
        for part, cap, weight in zip(parts, caps, weights, strict=True)
    ]
    return _largest_remainder(amount, parts, rest)


def _level(amount: Decimal, total: Decimal) -> Decimal:
    """``amount`` / ``total``, rounded up so little that comparing weight x level with a cap stays exact."""
    whole = max(amount.adjusted() - total.adjusted(), 0)
    places = 2 * max(total.adjusted(), 0) + 6
    return Context(prec=whole + places + 2, rounding=ROUND_CEILING).divide(amount, total)


def _largest_remainder(
    amount: Decimal, parts: list[Decimal], rest: list[Decimal]
) -> tuple[list[Decimal], Decimal]:
    """The odd cents go one each to the largest remainders, ties to whoever stands first."""
    odd = int((amount - sum(parts, ZERO)) * HUNDRED)
    if odd:
        for i in sorted(range(len(rest)), key=rest.__getitem__, reverse=True)[:odd]:
            parts[i] += CENT
    return parts, ZERO
