"""Liquidity under default from two tables."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from penstock.core.money import Currency
from penstock.sim.liquidity import Ladder, Needs, Resource, ladders
from penstock.store.liquidity_files import read_needs, read_resources


@dataclass(frozen=True, slots=True)
class Found:
    """The ladders of the currencies in byte order, and how many members and groups there are."""

    defaults: int
    members: int
    groups: int
    ladders: tuple[tuple[Ladder, Currency], ...]


def liquidity(needs_file: Path, resources_file: Path, n: int) -> Found:
    """The lowest balances when at most ``n`` groups default; Refused as the tables are."""
    table = read_needs(needs_file)
    rows = read_resources(resources_file, table)
    units = table.units | {row.unit.code: row.unit for row in rows}
    groups = {name: i for i, name in enumerate(sorted(set(table.groups.values())))}
    currencies = {code: i for i, code in enumerate(sorted(units))}
    days = {day: i for i, day in enumerate(table.days)}
    amounts = np.zeros((len(groups), len(currencies), len(days)), dtype=np.int64)
    for (member, code, day), amount in table.amounts.items():
        amounts[groups[table.groups[member]], currencies[code], days[day]] += amount
    needs = Needs(tuple(groups), tuple(currencies), table.days, amounts)
    # A provider is a member, whose group defaults with it, or else a group.
    resources = [
        Resource(row.unit.code, row.amount, table.groups.get(row.provider, row.provider)) for row in rows
    ]
    found = ladders(needs, resources, n)
    return Found(n, len(table.groups), len(groups), tuple((one, units[one.currency]) for one in found))
