"""Values as the file has them: versions by date, lists of one, conditions, what was found out."""

import re
from collections.abc import Callable, Iterable
from typing import Any

Payer = tuple[str, str, str]
"""A kind, a name and more: a member and which of its accounts (""; all its own), a party, or a role in
the chain and whose."""

Label = tuple[str, str, str]  # a loss: whose default, which account, which segment
Layer = dict[str, Any]

CALLED = {"assessment", "commitment"}
OWED = {"gains", "payouts", "claims"}
HELD_BY_CHAIN = {"customer", "broker"}
COMMON_FIELDS = {"initial_margin", "excess_margin", "default_fund", "collateral"}
NOT_MONEY = {"accounts", "bid", "active", "group", "able_to_pay", "withdrew_in_round"}
AMOUNT_BASE = {"amount", "of", "matching", "greatest", "least"}
AMOUNT_WORDS = AMOUNT_BASE | {"multiple", "less", "most", "measured", "apportioned"}
NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
DECIMALS = dict.fromkeys(NO_DECIMALS.split(), 0) | dict.fromkeys(["CLF", "UYW"], 4)
DECIMALS |= dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)  # all others 2
BOUNDLESS = 10**40


class Refused(Exception):
    """A run must stop, and the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unknown(Exception):
    """An amount is unknown or not given; harmless until a loss reaches it (section 8)."""


def is_by_day(value: Any) -> bool:
    """Whether this is a map keyed by ISO dates."""
    return isinstance(value, dict) and bool(value) and all(re.fullmatch(r"\d{4}-\d\d-\d\d", k) for k in value)


def on_day(value: Any, day: str) -> Any:
    """The value as of a day: wherever a map keyed by ISO dates stands, its entry (section 6)."""
    if isinstance(value, list):
        return [on_day(one, day) for one in value]
    if not isinstance(value, dict):
        return value
    if is_by_day(value):
        begun = [key for key in value if key <= day]
        return on_day(value[max(begun)], day) if begun else None
    return {key: one if key == "gains" else on_day(one, day) for key, one in value.items()}


def is_map_of_parts(value: Any) -> bool:
    """Whether a value is told by segment or account, rather than as one amount."""
    return isinstance(value, dict) and not {"amount", "unknown", "collateral", "value"} & set(value)


def merged(old: Any, new: Any) -> Any:
    """What was found out laid over what was known, map into map (section 8); a map by day whole."""
    if not is_map_of_parts(old) or not is_map_of_parts(new) or is_by_day(old) or is_by_day(new):
        return new
    return old | {key: merged(old.get(key), value) for key, value in new.items()}


def as_list(value: Any) -> list[Any]:
    """Nothing, one value or a list of them, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def in_bytes(names: Iterable[str]) -> list[str]:
    """The names in UTF-8 byte order."""
    return sorted(names, key=str.encode)


def word(raw: Any) -> str:
    """A value as a condition compares it."""
    return str(raw.get("amount", "unknown")) if isinstance(raw, dict) else str(raw)


def holds(condition: Any, words: Callable[[str], set[str]]) -> bool:
    """Whether every field of a condition has one of its wanted values (section 4)."""
    return all(words(field) & set(as_list(want)) for field, want in (condition or {}).items())


def ident(payer: Payer) -> tuple[str, ...]:
    """Who a payer is, whichever of its accounts pays."""
    return payer if payer[0] == "chain" else payer[:2]
