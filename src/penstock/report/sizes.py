"""What a stress matrix asks of a default fund: tables and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from penstock.core.money import Currency, written
from penstock.sim.stress import Cover


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a history: what the defaults cost, the fund needed that day, and the size that counts."""

    day: date
    scenarios: int
    cover: Cover
    need: int
    size: int


@dataclass(frozen=True, slots=True)
class History:
    """Sizes over days, each the largest need of the last ``window`` calendar days with the buffer on top.

    ``monthly`` is the size that counts from each month on, as ``2024-05``.
    """

    window: int
    days: tuple[Day, ...]
    monthly: dict[str, int]


@dataclass(frozen=True, slots=True)
class Sized:
    """A sizing: ``covers`` by number of defaults, ``emir`` Art. 42(3), the fund and who contributes what.

    With a ``history`` scenarios and covers are those of its last day, and the fund is bound on ``bound_on``.
    """

    scenarios: int
    members: int
    groups: int
    covers: Sequence[Cover]
    emir: Cover
    standard: int
    own: int
    fund: int
    binding: str
    defaulters: tuple[str, ...]
    contributions: dict[str, int]
    bound_on: date | None = None
    history: History | None = None


def cover_rows(sized: Sized, unit: Currency) -> list[tuple[str, str, str, str]]:
    """Standard, amount, scenario, defaulters: one row a number of defaults, then EMIR Art. 42(3)."""
    rows = [(f"Cover {one.n}", *_cover(one, unit)) for one in sized.covers]
    return [*rows, ("EMIR 42(3)", *_cover(sized.emir, unit))]


def _cover(one: Cover, unit: Currency) -> tuple[str, str, str]:
    return written(one.amount, unit, grouped=True), one.scenario, ", ".join(one.groups)


def contribution_rows(sized: Sized, unit: Currency) -> list[tuple[str, str]]:
    """Members by contribution, the largest first."""
    ordered = sorted(sized.contributions.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(member, written(amount, unit, grouped=True)) for member, amount in ordered]


def day_rows(history: History, unit: Currency) -> list[tuple[str, str, str, str]]:
    """Day, what its defaults cost, the fund needed, the size."""

    def told(amount: int) -> str:
        return written(amount, unit, grouped=True)

    return [(str(one.day), told(one.cover.amount), told(one.need), told(one.size)) for one in history.days]


def month_rows(history: History, unit: Currency) -> list[tuple[str, str]]:
    """From which month on which size counts."""
    return [(month, written(size, unit, grouped=True)) for month, size in history.monthly.items()]


def sizes_json(funds: Mapping[str, Sized], unit: Currency) -> dict[str, Any]:
    """All funds as JSON: under ``funds`` by name, or the one without a name as it is."""
    if list(funds) == [""]:
        return {"currency": unit.code, **sized_json(funds[""], unit)}
    return {
        "currency": unit.code,
        "funds": {name: sized_json(sized, unit) for name, sized in funds.items()},
    }


def sized_json(sized: Sized, unit: Currency) -> dict[str, Any]:
    """One fund as JSON; amounts as strings with exactly the currency's decimals."""
    bound_on = {"day": str(sized.bound_on)} if sized.bound_on else {}
    history = {"history": _history_json(sized.history, unit)} if sized.history else {}
    return {
        "scenarios": sized.scenarios,
        "members": sized.members,
        "groups": sized.groups,
        "cover": [_cover_json(one, unit) for one in sized.covers],
        "emir_42_3": _cover_json(sized.emir, unit),
        "fund": {
            "cover": sized.standard,
            "own_capital": written(sized.own, unit),
            "size": written(sized.fund, unit),
            **bound_on,
            "scenario": sized.binding,
            "groups": list(sized.defaulters),
            "contributions": {m: written(a, unit) for m, a in sized.contributions.items()},
        },
        **history,
    }


def _cover_json(one: Cover, unit: Currency) -> dict[str, Any]:
    return {
        "defaults": one.n,
        "amount": written(one.amount, unit),
        "scenario": one.scenario,
        "groups": list(one.groups),
    }


def _history_json(history: History, unit: Currency) -> dict[str, Any]:
    return {
        "window": history.window,
        "days": [
            {
                "day": str(one.day),
                "scenarios": one.scenarios,
                "cover": _cover_json(one.cover, unit),
                "need": written(one.need, unit),
                "size": written(one.size, unit),
            }
            for one in history.days
        ],
        "monthly": {month: written(size, unit) for month, size in history.monthly.items()},
    }
