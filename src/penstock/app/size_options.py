"""The words after ``penstock size``: own capital, per cents, levels and keys, each read strictly."""

import re
from collections.abc import Sequence
from fractions import Fraction

from penstock.core.money import Currency, parse, shortened
from penstock.core.problems import Problem, Refused, nearest

KEYS = ("margin", "weight", "tail")

_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}|/[1-9][0-9]{0,8})?")


def refused(option: str, says: str, instead: str) -> Refused:
    """What is wrong with an option."""
    return Refused(Problem("USAGE", (option,), says, instead))


def number_of(text: str) -> Fraction | None:
    """A number from 0 on, as a decimal or such as 100/3, exactly; None for anything else."""
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def buffer_of(text: str) -> Fraction:
    """A buffer of so many per cent, as a factor."""
    value = number_of(text)
    if value is None or value > 1000:
        raise refused("--buffer", f"{shortened(text)} is no percentage", "10, for one")
    return 1 + value / 100


def own_of(words: Sequence[str], unit: Currency) -> dict[str, int]:
    """Own capital by fund, under "" that of all of them together; one or the other."""
    found: dict[str, int] = {}
    for word in words:
        fund, _, text = word.rpartition("=")
        amount = amount_of(text, unit, "--own", "own capital")
        if fund in found or (found and "" in (fund, *found)):
            says = f"{word!r} beside {', '.join(words[: words.index(word)])}"
            raise refused("--own", says, "one amount, or one FUND=AMOUNT a fund")
        found[fund] = amount
    return found


def amount_of(text: str, unit: Currency, option: str, what: str) -> int:
    """Minor units from 0 on; Refused MONEY_* or USAGE."""
    amount = parse(text, unit, (option,))
    if amount < 0:
        raise refused(option, f"{what} is not negative", "0, or an amount")
    return amount


def capital_of(
    capital: str | None, second: str | None, own: bool, unit: Currency
) -> tuple[int | None, Fraction]:
    """The minimum capital, None if not said, and the part of it that is the second tranche.

    Refused USAGE beside ``own`` capital as an amount, and where there is a second tranche of nothing.
    """
    if capital is None:
        if second is not None:
            raise refused("--second", "a second tranche of what?", "--capital AMOUNT beside it")
        return None, Fraction(0)
    if own:
        raise refused("--capital", "own capital by rule, and --own as an amount", "one of them")
    part = Fraction(0)
    if second is not None:
        value = number_of(second)
        if value is None or not 10 <= value <= 25:
            raise refused("--second", f"{shortened(second)} is not from 10 to 25 per cent", "10, for one")
        part = value / 100
    return amount_of(capital, unit, "--capital", "the minimum capital"), part


def level_of(text: str | None) -> Fraction | None:
    """The level of the tail, from 0 to below 1."""
    if text is None:
        return None
    value = number_of(text)
    if value is None or value >= 1:
        raise refused("--tail", f"{shortened(text)} is no level from 0 to below 1", "0.99, for one")
    return value


def key_of(text: str | None, tail: Fraction | None) -> dict[str, Fraction]:
    """The parts of the whole that go by each key: ``tail``, or ``margin=70,weight=30`` in per cent.

    None is empty: as without the option. Refused USAGE where a key is unknown or stands twice, where the
    parts are not above 0 or not 100 together, and where contributions go by a tail without a level.
    """
    if text is None:
        return {}
    found: dict[str, Fraction] = {}
    words = [word.strip() for word in text.split(",")]
    for word in words:
        name, mark, part = (piece.strip() for piece in word.partition("="))
        if name not in KEYS:
            instead = nearest(name, KEYS) or f"one of {', '.join(KEYS)}"
            raise refused("--key", f"{shortened(name)} is no key", instead)
        if name in found:
            raise refused("--key", f"{name} stands twice", "it once")
        value = number_of(part) if mark else Fraction(100) if len(words) == 1 else None
        if not value:
            says = f"{shortened(word)} does not say how many per cent go by {name}"
            raise refused("--key", says, f"{name}=50, for one, and 100 together")
        found[name] = value / 100
    if sum(found.values()) != 1:
        together = float(100 * sum(found.values()))
        raise refused("--key", f"the parts add up to {together:g} per cent", "parts that add up to 100")
    if "tail" in found and tail is None:
        raise refused("--key", "contributions by the tail at which level?", "--tail 0.99 beside it, for one")
    return found
