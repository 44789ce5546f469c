"""Money: whole minor units of one currency, read strictly, written exactly, shared to the unit.

An amount is an ``int`` of minor units (cents, won, fils); which currency it is stands once, in the
rulebook and the scenario. Strings come in through ``parse`` and go out through ``written``; nothing
else converts. Sharing is exact: ``water_fill`` finds the rational shares under caps, and the
rulebook's rounding word says who bears the odd units.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import lt
from typing import Annotated, Literal, TypeVar

from penstock.core.problems import Path, Problem, Refused

Money = Annotated[int, "money"]
"""Minor units of the currency of the document it stands in."""

T = TypeVar("T", bound=tuple[str, ...])

Rounding = Literal["largest_remainder", "floor_residual"]

MOST = 2**63 - 1
"""No single amount may be larger: it has to fit a database's integer column."""

# ISO 4217 by number of decimals. The last line of each: withdrawn since 2020, kept for old records.
_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD
        CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS
        GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD
        LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB
        PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP
        SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
        ANG BGN CUC HRK SLL ZWL""",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
ISO_4217 = {code: decimals for decimals, codes in _BY_DECIMALS.items() for code in codes.split()}
"""Decimals of the minor unit by currency code (ISO 4217, list one)."""


@dataclass(frozen=True, slots=True)
class Currency:
    """A code and how many decimals its minor unit has. Not every unit is in ISO 4217 (BTC: 8)."""

    code: str
    decimals: int

    def __str__(self) -> str:
        return self.code


def currency(code: object, path: Path = ("currency",)) -> Currency:
    """The ISO 4217 currency of this code; Refused CURRENCY_UNKNOWN otherwise."""
    text = code.strip().upper() if isinstance(code, str) else ""
    if text not in ISO_4217 or text != code:
        others = "" if path == ("--currency",) else ', or {code: XYZ, decimals: "8"}'
        instead = text if text in ISO_4217 else f"EUR, for one{others}"
        says = f"{shortened(code)} is not an ISO 4217 currency code"
        raise Refused(Problem("CURRENCY_UNKNOWN", path, says, instead))
    return Currency(text, ISO_4217[text])


_PLAIN = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_GROUPED = re.compile(r"(-?)([1-9][0-9]{0,2}(?: [0-9]{3})+)(?:\.([0-9]+))?")
_NOT_FINITE = re.compile(r"[+-]?(s?nan|inf(inity)?)", re.IGNORECASE)
_LONGEST = 40


def shortened(text: object) -> str:
    """The text in quotes, cut where it is too long for a message; what is no text, by its type."""
    if not isinstance(text, str):
        return type(text).__name__
    return repr(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")


def parse(text: object, unit: Currency, path: Path = (), *, in_file: bool = True) -> Money:
    """Minor units of ``text``: digits, a point and exactly the currency's decimals.

    In files the decimals may be left out whole, and single spaces may stand between groups of three;
    on the wire neither. Raises Refused MONEY_MUST_BE_STRING, MONEY_NOT_FINITE, MONEY_FORMAT,
    MONEY_SCALE or MONEY_RANGE; the cost does not depend on the value written.
    """
    example = "1234" + ("." + "50".ljust(unit.decimals, "0")[: unit.decimals] if unit.decimals else "")

    def refused(code: str, says: str, instead: str = f'an amount such as "{example}"') -> Refused:
        return Refused(Problem(code, path, says, instead))

    if not isinstance(text, str):
        raise refused("MONEY_MUST_BE_STRING", f"an amount is a string, not {type(text).__name__}")
    shown = shortened(text)
    if _NOT_FINITE.fullmatch(text[:_LONGEST]):
        raise refused("MONEY_NOT_FINITE", f"{shown} is no amount")
    match = _PLAIN.fullmatch(text) or (_GROUPED.fullmatch(text) if in_file else None)
    if match is None:
        raise refused("MONEY_FORMAT", f"{shown} is not written as an amount")
    sign, whole, part = match[1], match[2].replace(" ", ""), match[3] or ""
    if sign and not (whole + part).strip("0"):
        raise refused("MONEY_FORMAT", f"{shown}: zero has no sign", f'"{written(0, unit)}"')
    if len(whole) > _LONGEST or int(whole) * 10**unit.decimals > MOST:
        raise refused("MONEY_RANGE", f"{shown} is too large", "an amount below 2^63 minor units")
    if len(part) != unit.decimals and (part or not in_file):
        raise refused("MONEY_SCALE", f"{shown} has {len(part)} decimals, {unit} has {unit.decimals}")
    minor = int(whole + part.ljust(unit.decimals, "0"))
    if minor > MOST:
        raise refused("MONEY_RANGE", f"{shown} is too large", "an amount below 2^63 minor units")
    return -minor if sign else minor


def written(minor: int, unit: Currency, *, grouped: bool = False) -> str:
    """``minor`` with exactly the currency's decimals; ``grouped`` puts commas between thousands."""
    whole, part = divmod(abs(minor), 10**unit.decimals)
    text = f"{whole:,}" if grouped else str(whole)
    if unit.decimals:
        text += f".{part:0{unit.decimals}d}"
    return "-" + text if minor < 0 else text


def water_fill(amount: int, weights: Sequence[int], caps: Sequence[int]) -> tuple[list[int], list[int]]:
    """Exact shares min(cap, level x weight) that add up to ``amount``: (whole units, remainders).

    The remainders have one common denominator and are zero for whoever pays a cap in full.
    ``amount`` may not exceed the caps together; weights and caps are not negative, and a payer of
    weight zero must have cap zero. O(n log n), and O(n) where no cap binds.
    """
    parts, level = _filled(amount, weights, caps)
    rest = [0] * len(parts)
    if level:
        for i in level.below:
            rest[i] = level.amount * weights[i] - parts[i] * level.weights
    return parts, rest


@dataclass(frozen=True, slots=True)
class _Level:
    """Who stays below the cap, and what they share by weight: ``amount`` over ``weights``."""

    below: Sequence[int]
    amount: int
    weights: int


def _filled(amount: int, weights: Sequence[int], caps: Sequence[int]) -> tuple[list[int], _Level | None]:
    """The shares in whole units, rounded down, and the level of those below their caps."""
    capacity, total = sum(caps), sum(weights)
    assert 0 <= amount <= capacity, "nobody can be made to pay beyond the caps"
    if amount == capacity:
        return list(caps), None
    parts = _shares(amount, weights, total)
    if all(map(lt, parts, caps)):
        return parts, _Level(range(len(parts)), amount, total)
    parts = list(caps)
    below = [i for i, weight in enumerate(weights) if weight]
    # Whoever reaches the cap at some level does so at any higher one. A few rounds nearly always
    # settle it; where each finds few, sorting by cap / weight bounds the work.
    for _ in range(len(below).bit_length()):
        above = [i for i in below if caps[i] * total > amount * weights[i]]
        if len(above) == len(below):
            break
        full = set(below).difference(above)
        amount -= sum(caps[i] for i in full)
        total -= sum(weights[i] for i in full)
        below = above
    else:
        below, amount, total = _sorted_out(below, amount, total, weights, caps)
    for i, part in zip(below, _shares(amount, [weights[i] for i in below], total), strict=True):
        parts[i] = part
    return parts, _Level(below, amount, total)


def _sorted_out(
    below: list[int], amount: int, total: int, weights: Sequence[int], caps: Sequence[int]
) -> tuple[list[int], int, int]:
    """Who stays below the cap among ``below``, in order, and what they share; somebody always does."""
    # Two ratios cap / weight differ by at least 1 / (product of the weights), so whole multiples of
    # the square of the greatest weight keep their order exactly.
    scale = max(weights) ** 2
    order = sorted(below, key=lambda i: caps[i] * scale // weights[i])
    full = 0
    while caps[order[full]] * total <= amount * weights[order[full]]:
        amount -= caps[order[full]]
        total -= weights[order[full]]
        full += 1
    return sorted(order[full:]), amount, total


def _shares(amount: int, weights: Sequence[int], total: int) -> list[int]:
    """``amount`` x weight / ``total``, rounded down, for each weight.

    By one multiplication with amount / total at a precision of ``bits``, rounded up: the error stays
    below 1 / total, which no quotient that is not whole can be short of the next.
    """
    bits = (max(weights) * total).bit_length()
    ratio = -(-(amount << bits) // total)
    return [weight * ratio >> bits for weight in weights]


def share(
    amount: int, weights: Sequence[int], caps: Sequence[int], rounding: Rounding
) -> tuple[list[int], int]:
    """``amount`` divided in whole units: what each pays, and the odd units that nobody here pays.

    ``largest_remainder`` leaves none: they go one each to the largest remainders, ties to whoever
    stands first (callers list payers in UTF-8 byte order). ``floor_residual`` leaves all of them,
    fewer than there are payers. Conditions as for ``water_fill``.
    """
    parts, level = _filled(amount, weights, caps)
    odd = amount - sum(parts)
    if odd and level and rounding == "largest_remainder":
        amount, total = level.amount, level.weights
        rest = [amount * weights[i] - parts[i] * total for i in level.below]
        for j in sorted(range(len(rest)), key=rest.__getitem__, reverse=True)[:odd]:
            parts[level.below[j]] += 1
        odd = 0
    return parts, odd


def in_proportion(amount: int, parts: Mapping[T, int]) -> dict[T, int]:
    """``amount`` over the parts in proportion, none above its own; odd units one each in byte order."""
    if len(parts) == 1:
        return dict.fromkeys(parts, amount)
    keys = sorted(parts)
    amounts = [parts[key] for key in keys]
    shares, _ = water_fill(amount, amounts, amounts)
    odd = amount - sum(shares)
    return {key: share + (i < odd) for i, (key, share) in enumerate(zip(keys, shares, strict=True))}
