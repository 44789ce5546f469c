"""A sizing from files: read a piece at a time, put together by group, each fund and day sized by itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import groupby
from math import ceil
from pathlib import Path

import numpy as np

from penstock.app.size_funds import Fund, Key, covers, fund_of, told_of
from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused, nearest
from penstock.report.sizes import Day, History, Own, Sized, Tail
from penstock.sim.sizing import (
    Size,
    incentive,
    monthly,
    rolling_size,
    self_consistent,
    skin_in_the_game,
    tail_mean,
)
from penstock.sim.stress import Amounts, Cover, Stress, cover, emir_default_fund, largest
from penstock.store.lines import Told
from penstock.store.margin_files import read_book
from penstock.store.stress_files import Piece, read_losses

FIRST = Fraction(1, 4)
"""Of its minimum capital so much stands before the members' money: EU 153/2013 Art. 35(2)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How to size: for ``cover`` defaults, ``factor`` (one and the buffer) on top, over ``days`` days.

    ``own`` capital by fund in minor units; under "" it is that of all funds together. ``days`` is None where
    no history is asked for, ``up_to`` how many defaults are told of. With ``capital``, the minimum capital of
    the clearing house, own capital is by rule, and ``second`` of it a second tranche. ``key`` is what members
    contribute by, ``tail`` the level of the tail, None where it is not asked for.
    """

    cover: int
    own: Mapping[str, int]
    factor: Fraction
    days: int | None
    up_to: int
    capital: int | None = None
    second: Fraction = Fraction(0)
    key: Key = field(default_factory=dict)
    tail: Fraction | None = None


def sized(
    losses: Path, margins: Path, unit: Currency, asked: Asked, told: Told | None = None
) -> dict[str, Sized]:
    """The sizing of what the two files say, by fund; the one fund of a table without funds is "".

    Only losses of a day by group are held: scenario x group. Refused as the files and the sizing are.
    """
    book = read_book(margins, unit)
    funds = {name: fund_of(book, name, asked.key) for name in book.funds}
    _known(asked.own, funds)
    found: dict[str, list[_Need]] = {name: [] for name in funds}
    last: dict[str, _Losses] = {}
    for day, pieces in groupby(read_losses(losses, unit, book.rows, told), key=lambda piece: piece.day):
        last = _together(pieces, funds, asked.up_to)
        for name, need in _sized(day, last, funds, asked).items():
            found[name].append(need)
    if not last:
        says = f"{losses} has no scenario"
        raise Refused(Problem("STRESS_MISSING", (), says, "a row a scenario", place=str(losses)))
    if asked.days is not None and found[next(iter(funds))][0].day is None:
        says = f"{losses} has no days"
        instead = "a first column day, or no --days"
        raise Refused(Problem("STRESS_DAY", (), says, instead, place=f"{losses}:1:1"))
    return {name: _told(funds[name], found[name], last[name], asked) for name in funds}


def _known(own: Mapping[str, int], funds: Mapping[str, Fund]) -> None:
    """Refused where own capital is for a fund that is not there."""
    for name in own:
        if name and name not in funds:
            instead = nearest(name, funds) or ", ".join(name for name in funds if name) or "an amount alone"
            raise Refused(Problem("STRESS_UNKNOWN", ("--own",), f"there is no fund {name!r}", instead))


# --- one day ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Losses:
    """One day of one fund: losses over margin by group, and Cover 1 to n of each segment by itself."""

    stress: Stress
    segments: dict[str, list[Cover]]


def _together(pieces: Iterator[Piece], funds: Mapping[str, Fund], up_to: int) -> dict[str, _Losses]:
    """The pieces of a day put together, for each fund."""
    names: list[str] = []
    parts: dict[str, list[Amounts]] = {name: [] for name in funds}
    alone: dict[str, dict[str, list[Cover]]] = {name: {} for name in funds}
    for piece in pieces:
        names += piece.scenarios
        for name, fund in funds.items():
            losses = piece.losses if len(funds) == 1 else piece.losses[:, fund.places]
            beyond, segments = fund.beyond(losses, piece.scenarios, up_to)
            parts[name].append(beyond)
            for segment, found in segments.items():
                # Of equal scenarios the first, which stands in an earlier piece.
                before = alone[name].get(segment, found)
                alone[name][segment] = [
                    new if new.amount > old.amount else old for old, new in zip(before, found, strict=True)
                ]
    return {
        name: _Losses(
            Stress(tuple(names), fund.holdings.group_names(), np.concatenate(parts[name])), alone[name]
        )
        for name, fund in funds.items()
    }


@dataclass(frozen=True, slots=True)
class _Need:
    """What one fund needs on one day; ``own`` is its part of the own capital."""

    day: date | None
    scenarios: int
    cover: Cover
    own: Own
    need: int
    size: Size


def _sized(
    day: date | None, losses: Mapping[str, _Losses], funds: Mapping[str, Fund], asked: Asked
) -> dict[str, _Need]:
    keys = {}
    for name, fund in funds.items():
        with told_of(name, str(day or "")):
            keys[name] = _keys(fund, losses[name].stress, asked)

    def size(name: str, own: int) -> Size:
        with told_of(name, str(day or "")):
            return _size(losses[name].stress, funds[name], keys[name], asked.cover, own)

    own = _own(funds, asked, lambda name: size(name, 0).fund)
    found = {}
    for name, fund in funds.items():
        stress, suffices = losses[name].stress, size(name, own[name].first)
        need = max(suffices.fund, sum(fund.floors))
        found[name] = _Need(day, len(stress.scenarios), cover(stress, asked.cover), own[name], need, suffices)
    return found


def _keys(fund: Fund, stress: Stress, asked: Asked) -> list[int]:
    """What the members contribute by; by the tail it is that of these scenarios."""
    if fund.fixed is not None:
        return fund.fixed
    assert asked.tail is not None
    return fund.keys(tail_mean(stress.losses, asked.tail)[1])


def _own(funds: Iterable[str], asked: Asked, alone: Callable[[str], int]) -> dict[str, Own]:
    """Own capital by fund: as given, or by the size ``alone`` that each fund would have without any."""
    by_rule = asked.capital is not None
    whole = asked.capital if by_rule else asked.own.get("")
    if whole is None:
        return {name: Own(asked.own.get(name, 0)) for name in funds}
    names = list(funds)
    sizes = {name: alone(name) for name in names} if len(names) > 1 and whole else dict.fromkeys(names, 1)
    if not any(sizes.values()):
        whole, sizes = 0, dict.fromkeys(names, 1)  # nobody needs any
    first = skin_in_the_game(whole, sizes, FIRST if by_rule else Fraction(1))
    second = skin_in_the_game(whole, sizes, asked.second)
    return {name: Own(first[name], second[name] if asked.second else None) for name in names}


def _size(stress: Stress, fund: Fund, keys: list[int], standard: int, own: int) -> Size:
    """The fund that suffices for so many defaults, with its members' contributions by their keys."""

    def given(total: int) -> list[int]:
        return fund.by_group(fund.shares(total, keys))

    return self_consistent(stress, fund.by_group(keys), standard, own, given if any(fund.floors) else None)


# --- what is told -----------------------------------------------------------------------------------------


def _told(fund: Fund, needs: list[_Need], losses: _Losses, asked: Asked) -> Sized:
    """The sizing on the last day, with what went before it."""
    last, stress = needs[-1], losses.stress
    binding, amount, history = last, ceil(last.need * asked.factor), None
    if last.day is not None:
        window = asked.days or 1
        by_day = {need.day: need for need in needs if need.day is not None}
        sizes = rolling_size({day: need.need for day, need in by_day.items()}, window, asked.factor - 1)
        amount = sizes[last.day]
        counted = [need for day, need in by_day.items() if (last.day - day).days < window]
        binding = max(counted, key=lambda need: need.need)  # of equal days the first
        days = [Day(day, one.scenarios, one.cover, one.need, sizes[day]) for day, one in by_day.items()]
        history = History(window, tuple(days), monthly(sizes))
    parts = fund.shares(amount, _keys(fund, stress, asked))
    return Sized(
        scenarios=last.scenarios,
        members=len(fund.members),
        groups=len(stress.groups),
        covers=covers(stress, asked.up_to),
        emir=emir_default_fund(stress),
        standard=asked.cover,
        own=binding.own,
        fund=amount,
        binding=binding.size.scenario,
        defaulters=binding.size.defaulters,
        contributions=dict(zip(fund.members, parts, strict=True)),
        bound_on=binding.day,
        history=history,
        segments=losses.segments,
        tail=None if asked.tail is None else _tail(stress, asked.tail),
        key=asked.key,
        incentive=_incentive(stress, fund.by_group(parts), binding.own.first, asked.cover),
    )


def _tail(stress: Stress, level: Fraction) -> Tail:
    """The tail of all groups together, and each group's part, in fractions of minor units."""
    mean, parts = tail_mean(stress.losses, level)
    return Tail(level, mean, dict(zip(stress.groups, parts, strict=True)))


def _incentive(stress: Stress, given: list[int], own: int, n: int) -> Fraction | None:
    """The part of own capital in what the ``n`` largest defaults leave beyond the defaulters.

    ``given`` are contributions by group: each meets its giver's loss first. None without own capital.
    """
    if not own:
        return None
    beyond = largest(np.maximum(stress.losses - np.array(given, dtype=np.int64), 0), n)
    return incentive(beyond, own, sum(given))
