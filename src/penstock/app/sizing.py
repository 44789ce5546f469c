"""A sizing from files: read a piece at a time, put together by group, sized."""

from fractions import Fraction
from math import ceil, lcm
from pathlib import Path

import numpy as np

from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused
from penstock.core.scenario import HOUSE
from penstock.report.sizes import Sized
from penstock.sim.sizing import contributions, self_consistent
from penstock.sim.stress import Accounts, Stress, by_group, cover, emir_default_fund, over_margin
from penstock.store.stress_files import Book, read_book, read_losses


def sized(
    losses: Path, margins: Path, unit: Currency, standard: int, own: int, factor: Fraction, up_to: int
) -> Sized:
    """The sizing of what the two files say; ``factor`` is one and the buffer.

    Only losses by group are held: scenario x group. Refused as the files and the sizing are.
    """
    book = read_book(margins, unit)
    accounts = _accounts(book)
    margin = np.array([row.margin for row in book.rows], dtype=np.int64)
    names: list[str] = []
    pieces = []
    for scenarios, piece in read_losses(losses, unit, book):
        names += scenarios
        pieces.append(by_group(over_margin(piece, margin, accounts), accounts, scenarios).losses)
    if not pieces:
        says = f"{losses} has no scenario"
        raise Refused(Problem("STRESS_MISSING", (), says, "a row a scenario", place=str(losses)))
    stress = Stress(tuple(names), accounts.group_names(), np.concatenate(pieces))
    weights = _weights(book, accounts)
    whole = lcm(*(weight.denominator for weight in weights.values()))
    keys = {member: int(weight * whole) for member, weight in weights.items()}
    by_name = dict.fromkeys(stress.groups, 0)
    for member, group in zip(accounts.members, accounts.groups, strict=True):
        by_name[group] += keys[member]
    floors = [book.floors.get(member, 0) for member in accounts.members]
    shares = [keys[member] for member in accounts.members]

    def given(fund: int) -> list[int]:
        """What the groups contribute to a fund, with the floors of their members."""
        parts = contributions(max(fund, sum(floors)), shares, floors)
        found = dict.fromkeys(stress.groups, 0)
        for group, part in zip(accounts.groups, parts, strict=True):
            found[group] += part
        return list(found.values())

    size = self_consistent(stress, list(by_name.values()), standard, own, given if any(floors) else None)
    fund = ceil(max(size.fund, sum(floors)) * factor)
    parts = contributions(fund, shares, floors)
    return Sized(
        scenarios=len(names),
        members=len(accounts.members),
        groups=len(stress.groups),
        covers=[cover(stress, n) for n in range(1, min(up_to, len(stress.groups)) + 1)],
        emir=emir_default_fund(stress),
        standard=standard,
        own=own,
        fund=fund,
        binding=size.scenario,
        defaulters=size.defaulters,
        contributions=dict(zip(accounts.members, parts, strict=True)),
    )


def _accounts(book: Book) -> Accounts:
    members = tuple(sorted({row.member for row in book.rows}))
    place = {member: i for i, member in enumerate(members)}
    return Accounts(
        members=members,
        owner=np.array([place[row.member] for row in book.rows], dtype=np.intp),
        house=np.array([row.account == HOUSE for row in book.rows]),
        groups=tuple(book.groups.get(member, member) for member in members),
    )


def _weights(book: Book, accounts: Accounts) -> dict[str, Fraction]:
    """The key of each member: its weight where weights are given, else its margin."""
    if book.weights:
        return {member: book.weights.get(member, Fraction(0)) for member in accounts.members}
    margins = dict.fromkeys(accounts.members, Fraction(0))
    for row in book.rows:
        margins[row.member] += row.margin
    return margins
