"""What earlier defaults left behind: the record of every payment, and sums over it.

The record is the whole memory of a rulebook: what is left of a purse, a limit or a cap is what stood
there less what the record says was used, plus what was paid back in.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import NamedTuple


class Purse(NamedTuple):
    """One payer's money of one source: of an account, in a segment; ``part``: a day's, or a statement's."""

    payer: str
    source: str
    account: str = ""
    segment: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """One payer's payment in one layer, in one segment and round of it; ``called``: of promised money."""

    layer: str
    payer: str
    amount: int
    segment: str = ""
    round: int = 1
    called: bool = False


Spot = tuple[str, str]
"""A layer, and a segment in which it is poured ("" where it is poured for all)."""


@dataclass(frozen=True)
class Past:
    """One event as it was recorded: who defaulted and when, who paid, what was drawn from which purse.

    ``exhausted`` are the layers that the loss used up, ``in_force`` those that could be, both without
    the layers of the defaulters and those behind them. ``by_members`` are layers that members pay in.
    """

    members: tuple[str, ...]
    at: datetime
    notice: date
    uses: tuple[Use, ...]
    drawn: Mapping[Purse, int]
    exhausted: frozenset[Spot] = frozenset()
    in_force: frozenset[Spot] = frozenset()
    by_members: frozenset[str] = frozenset()
    _paid: dict[tuple[str, str], int] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for use in self.uses:
            key = (use.layer, use.payer)
            self._paid[key] = self._paid.get(key, 0) + use.amount

    @property
    def day(self) -> date:
        """The local day of the declaration."""
        return self.at.date()

    def paid(self, layers: Iterable[str], payer: str) -> int:
        """What the payer paid in these layers."""
        return sum(self._paid.get((layer, payer), 0) for layer in layers)

    def used(self, layers: Iterable[str]) -> bool:
        """Whether anything was paid in these layers."""
        return any(use.amount > 0 for use in self.uses if use.layer in layers)


@dataclass(frozen=True, slots=True)
class Deposit:
    """Money paid in: to which purses, which uses it restores of limits and of limits on all payers of a
    layer together, which caps it counts to."""

    at: datetime
    payer: str
    into: Mapping[Purse, int]
    restores: tuple[Use, ...] = ()
    restores_together: Mapping[Spot, int] = field(default_factory=dict)
    counts_to: frozenset[str] = frozenset()

    @property
    def day(self) -> date:
        """The local day on which it was paid."""
        return self.at.date()


@dataclass(frozen=True)
class History:
    """Events and deposits in order of time."""

    records: tuple[Past | Deposit, ...] = ()
    _paid: dict[tuple[str, str, str, int], int] = field(init=False, repr=False, default_factory=dict)
    _together: dict[Spot, int] = field(init=False, repr=False, default_factory=dict)
    _called: dict[str, int] = field(init=False, repr=False, default_factory=dict)
    _moves: dict[Purse, list[int]] = field(init=False, repr=False, default_factory=dict)
    _purses: dict[tuple[str, str, str], list[Purse]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for record in self.records:
            if isinstance(record, Past):
                for use in record.uses:
                    self._count(use, use.amount)
                    self._bear((use.layer, use.segment), use.amount)
                    if use.called:
                        self._called[use.payer] = self._called.get(use.payer, 0) + use.amount
                for purse, amount in record.drawn.items():
                    self._move(purse, -amount)
            else:
                for use in record.restores:
                    self._count(use, -use.amount)
                for spot, amount in record.restores_together.items():
                    self._bear(spot, -amount)
                for purse, amount in record.into.items():
                    self._move(purse, amount)

    def _move(self, purse: Purse, amount: int) -> None:
        if purse not in self._moves:
            self._purses.setdefault(purse[:3], []).append(purse)
        self._moves.setdefault(purse, []).append(amount)

    def _bear(self, spot: Spot, amount: int) -> None:
        self._together[spot] = self._together.get(spot, 0) + amount

    def _count(self, use: Use, amount: int) -> None:
        key = (use.layer, use.payer, use.segment, use.round)
        self._paid[key] = self._paid.get(key, 0) + amount

    def after(self, record: Past | Deposit) -> "History":
        """This history and then ``record``."""
        return History((*self.records, record))

    def before(self, day: date) -> "History":
        """What had been recorded before the day."""
        return History(tuple(record for record in self.records if record.day < day))

    def corrected(self, event: Past, uses: Sequence[Use], drawn: Mapping[Purse, int]) -> "History":
        """This history, had ``event`` had ``uses`` more (or, negative, fewer) and drawn so much more."""
        total = {purse: event.drawn.get(purse, 0) + more for purse, more in drawn.items()}
        now = replace(event, uses=(*event.uses, *uses), drawn={**event.drawn, **total})
        return History(tuple(now if record is event else record for record in self.records))

    @property
    def events(self) -> tuple[Past, ...]:
        """The defaults among the records."""
        return tuple(record for record in self.records if isinstance(record, Past))

    @property
    def out(self) -> frozenset[str]:
        """Everybody who ever defaulted."""
        return frozenset(member for event in self.events for member in event.members)

    def change(self, purse: Purse) -> int:
        """What was paid into the purse less what was drawn from it."""
        return sum(self._moves.get(purse, ()))

    def growth(self, purse: Purse) -> int:
        """By how much payments into the purse at most exceeded what had been drawn from it."""
        most = level = 0
        for move in self._moves.get(purse, ()):
            level += move
            most = max(most, level)
        return most

    def purses(self, payer: str, source: str, account: str) -> list[Purse]:
        """The payer's purses of a source that money went through."""
        return self._purses.get((payer, source, account), [])

    def used_up(self, layer: str, payer: str, segment: str, round_: int) -> int:
        """What the payer has used of its limit in the layer, less what was restored of it."""
        return self._paid.get((layer, payer, segment, round_), 0)

    def uses_left(self, layer: str, payer: str, segment: str) -> Iterator[Use]:
        """What the payer has used of its limit in the layer and not restored, round by round."""
        for (one, who, where, round_), amount in self._paid.items():
            if (one, who) == (layer, payer) and amount > 0 and (not segment or where in ("", segment)):
                yield Use(layer, payer, amount, where, round_)

    def of_layer(self, layer: str, segment: str) -> int:
        """What all payers have used of the layer, less what was restored of it."""
        return self._together.get((layer, segment), 0)

    def spots(self, layer: str, segment: str) -> list[Spot]:
        """Where the layer has been used, of those that a payment for the segment can restore."""
        return [
            spot for spot in self._together if spot[0] == layer and (not segment or spot[1] in ("", segment))
        ]

    def counted(self, cap: str, payer: str, since: date) -> int:
        """What the payer has paid in since the day that counts to the cap."""
        return sum(
            sum(record.into.values())
            for record in self.records
            if isinstance(record, Deposit) and record.payer == payer and record.day >= since
            if cap in record.counts_to
        )

    def called_from(self, payer: str) -> int:
        """What the payer has paid of everything that was called from it."""
        return self._called.get(payer, 0)
