"""What a stress matrix asks of a default fund: tables and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import floor, lcm
from typing import Any, NamedTuple

from penstock.core.money import Currency, share, written
from penstock.report.words import number, percent
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


class Own(NamedTuple):
    """Own capital in minor units before the survivors' money; a ``second`` tranche if it is asked for."""

    first: int
    second: int | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """Expected shortfall at a ``level`` of all losses over margin, and each group's part, which add up to it.

    In minor units, exactly; scenarios are equally likely.
    """

    level: Fraction
    mean: Fraction
    parts: dict[str, Fraction]

    def whole(self) -> dict[str, int]:
        """The parts in whole minor units that add up to the mean rounded half up."""
        scale = lcm(*(part.denominator for part in self.parts.values()))
        weights = [int(part * scale) for part in self.parts.values()]
        mean = rounded(self.mean)
        amounts, _ = share(mean, weights, [mean if each else 0 for each in weights], "largest_remainder")
        return dict(zip(self.parts, amounts, strict=True))

    def of_all(self, group: str) -> Fraction:
        """The group's part of the tail, from 0 to 1."""
        return self.parts[group] / self.mean if self.mean else Fraction(0)


@dataclass(frozen=True, slots=True)
class Sized:
    """A sizing: ``covers`` by number of defaults, ``emir`` Art. 42(3), the fund and who contributes what.

    With a ``history`` scenarios, covers and tail are those of its last day, and the fund is bound on
    ``bound_on``. ``segments`` has the covers of each by itself. ``key`` is what contributions were asked to
    go by. ``incentive`` is the part of own capital in the expected loss beyond the defaulters.
    """

    scenarios: int
    members: int
    groups: int
    covers: Sequence[Cover]
    emir: Cover
    standard: int
    own: Own
    fund: int
    binding: str
    defaulters: tuple[str, ...]
    contributions: dict[str, int]
    bound_on: date | None = None
    history: History | None = None
    segments: Mapping[str, Sequence[Cover]] = field(default_factory=dict)
    tail: Tail | None = None
    key: Mapping[str, Fraction] = field(default_factory=dict)
    incentive: Fraction | None = None


def rounded(amount: Fraction) -> int:
    """Whole minor units, half up."""
    return floor(amount + Fraction(1, 2))


def cover_rows(sized: Sized, unit: Currency) -> list[tuple[str, str, str, str]]:
    """Standard, amount, scenario, defaulters: one row a number of defaults, then EMIR Art. 42(3)."""
    rows = [(f"Cover {one.n}", *_cover(one, unit)) for one in sized.covers]
    return [*rows, ("EMIR 42(3)", *_cover(sized.emir, unit))]


def _cover(one: Cover, unit: Currency) -> tuple[str, str, str]:
    return written(one.amount, unit, grouped=True), one.scenario, ", ".join(one.groups)


def segment_rows(sized: Sized, unit: Currency) -> list[tuple[str, str, str, str, str]]:
    """Segment, standard, amount, scenario, defaulters: one row a segment and number of defaults."""
    return [
        (name, f"Cover {one.n}", *_cover(one, unit))
        for name, covers in sized.segments.items()
        for one in covers
    ]


def tail_rows(tail: Tail, unit: Currency) -> list[tuple[str, str, str]]:
    """Group, its part of the tail, in per cent; the largest first."""
    amounts = tail.whole()
    ordered = sorted(tail.parts, key=lambda group: (-tail.parts[group], group))
    shares = {group: tail.of_all(group) for group in ordered}
    return [
        (group, written(amounts[group], unit, grouped=True), percent(*shares[group].as_integer_ratio()))
        for group in ordered
    ]


def key_text(key: Mapping[str, Fraction]) -> str:
    """What contributions go by: ``tail``, or ``margin 70 %, weight 30 %``."""
    if len(key) == 1:
        return next(iter(key))
    return ", ".join(f"{name} {number(part * 100)} %" for name, part in key.items())


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
    second = {} if sized.own.second is None else {"second_tranche": written(sized.own.second, unit)}
    incentive = {} if sized.incentive is None else {"incentive": f"{float(sized.incentive):.6f}"}
    bound_on = {"day": str(sized.bound_on)} if sized.bound_on else {}
    key = {"key": {name: number(part * 100) for name, part in sized.key.items()}} if sized.key else {}
    more = {"tail": _tail_json(sized.tail, unit)} if sized.tail else {}
    more |= {"history": _history_json(sized.history, unit)} if sized.history else {}
    return {
        "scenarios": sized.scenarios,
        "members": sized.members,
        "groups": sized.groups,
        "cover": [_cover_json(one, unit) for one in sized.covers],
        "emir_42_3": _cover_json(sized.emir, unit),
        **_segments_json(sized, unit),
        "fund": {
            "cover": sized.standard,
            "own_capital": written(sized.own.first, unit),
            **second,
            **incentive,
            "size": written(sized.fund, unit),
            **bound_on,
            "scenario": sized.binding,
            "groups": list(sized.defaulters),
            **key,
            "contributions": {m: written(a, unit) for m, a in sized.contributions.items()},
        },
        **more,
    }


def _segments_json(sized: Sized, unit: Currency) -> dict[str, Any]:
    if not sized.segments:
        return {}
    return {
        "segments": {
            name: [_cover_json(one, unit) for one in covers] for name, covers in sized.segments.items()
        }
    }


def _tail_json(tail: Tail, unit: Currency) -> dict[str, Any]:
    amounts = tail.whole()
    return {
        "level": number(tail.level),
        "mean": written(rounded(tail.mean), unit),
        "groups": {
            group: {
                "amount": written(amounts[group], unit),
                "percent": f"{float(100 * tail.of_all(group)):.4f}",
            }
            for group in tail.parts
        },
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
