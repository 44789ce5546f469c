"""Division of whole units (section 10): water-filling, largest remainders, and plain proportion."""

import math
from collections.abc import Sequence
from fractions import Fraction


def fill(amount: int, rooms: Sequence[int], weights: Sequence[Fraction]) -> list[Fraction]:
    """Water-filling: raise all together until one is full, drop it, go on."""
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


def divide(amount: int, rooms: Sequence[int], weights: Sequence[Fraction], floored: bool) -> Split:
    """Whole units for each, who stand in the order of ties, and the odd units."""
    exact = fill(amount, rooms, weights)
    units = [math.floor(share) for share in exact]
    odd = int(sum(exact)) - sum(units)
    while odd > 0 and not floored:
        remainders = [share - whole for share, whole in zip(exact, units, strict=True)]
        units[remainders.index(max(remainders))] += 1
        odd -= 1
    return units, odd


def in_proportion(amount: int, held: Sequence[int]) -> list[int]:
    """An amount taken from what is held, floored, odd units one each in the order given."""
    total = sum(held)
    cuts = [one * amount // total if total else 0 for one in held]
    odd = amount - sum(cuts)
    for i, one in enumerate(held):
        if odd > 0 and one > 0:
            cuts[i] += 1
            odd -= 1
    return cuts


def refunded(amount: int, out: Sequence[int]) -> list[int]:
    """An amount returned in proportion to what each is out, odd units to the largest remainders."""
    return divide(amount, out, [Fraction(one) for one in out], floored=False)[0]
