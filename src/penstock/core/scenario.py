"""A scenario as data: what every party holds, who defaults with which loss, what was decided.

Every stated value carries where it comes from. A value that nobody has published is None: it is never
zero, and a run stops only if the loss reaches it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Literal

from penstock.core.amounts import Citation, Cite, Id, word
from penstock.core.business_days import Calendar
from penstock.core.money import Currency, Money
from penstock.core.rulebook import Rulebook

Basis = Literal["published", "derived", "assumed"]
Value = int | Fraction | date | str
"""Money in minor units, a number, a date, a word or flag."""

HOUSE = "house"
"""The account of a loss, or of margin, that names none."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A value and where it comes from; ``value`` None: nobody has published it, ``why`` says why."""

    value: Value | None
    basis: Basis | None = None
    cite: Cite | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """What a party has under one name: one value, or one by segment, by version or by day.

    The keys of ``values`` are "" for one value, segment names, or ISO dates.
    """

    values: Mapping[str, Stated]
    by: Literal["", "segment", "version", "day"] = ""
    since: int = 0
    """At which event it was found out: 0 before any default, else one more than those before it."""

    def on(self, day: date) -> Stated | None:
        """The value in force on ``day``; None where it is by segment or by day."""
        if self.by == "version":
            first = [key for key in self.values if key <= day.isoformat()]
            return self.values[max(first)] if first else None
        return self.values.get("")


Fields = Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Member:
    """A clearing member: its fields, and the margin of its accounts (house, clients)."""

    id: str
    fields: Fields = field(default_factory=dict)
    accounts: Mapping[str, Fields] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """A discretion that was used: what, by whom, when, why, and on which members."""

    decided: Id = word("What was decided")
    by: str = word("Who decided")
    at: datetime = word("When")
    reason: str = word("Why")
    members: tuple[str, ...] = word("The members concerned", default=())


@dataclass(frozen=True, slots=True)
class Default:
    """One member's default. ``losses`` by (account, segment); minor units, negative is a profit.

    ``beyond_own``: the losses are what the defaulter's own resources did not cover.
    ``unpublished`` says why nobody has published the loss: then nothing is computed.
    """

    member: str
    at: datetime
    losses: Mapping[tuple[str, str], Stated]
    beyond_own: bool = False
    unpublished: str = ""
    notice: datetime | None = None
    members: Mapping[str, Fields] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    chain: Mapping[str, Fields] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recovered:
    """Money that came back: of whose default, of which collateral, with which interest."""

    amount: Money = word("How much")
    of: str | None = word("Whose default; needed where there are several", default=None)
    collateral: Id | None = word("Late proceeds of the defaulter's money of this source", default=None)
    account: str = word("Whose the collateral is, and what is left of it", default=HOUSE)
    interest: Money = word("Interest that came with it", default=0)


@dataclass(frozen=True, slots=True)
class Event:
    """Something between the defaults: money paid in or late, recovered, or learnt about members.

    ``paid_in``: payer -> source or layer -> segment ("" where there are none) -> amount.
    """

    at: datetime
    paid_in: Mapping[str, Mapping[str, Mapping[str, Money]]] = field(default_factory=dict)
    paid_late: Mapping[str, Mapping[str, Money]] = field(default_factory=dict)
    recovered: Recovered | None = None
    members: Mapping[str, Fields] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """A figure that was published about a precedent: an amount, a date or another value."""

    what: str = word("What it is")
    amount: Money | None = word("An amount in the scenario's currency", default=None)
    date_: date | None = word("A date", default=None)
    value: str = word("Any other figure, as text", default="")
    cite: Cite | None = word("Where it was published", default=None)


@dataclass(frozen=True, slots=True)
class Precedent:
    """What makes a scenario a precedent: the story in figures and sources."""

    cause: str = word("What happened")
    confidence: str = word("Its effect on confidence")
    lesson: str = word("What was learnt")
    published: tuple[Published, ...] = word("Published figures", default=())
    disagreements: tuple[str, ...] = word("Where sources disagree", default=())
    citations: Mapping[Id, Citation] = word("The sources", default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario, with the rulebook that it runs under.

    ``pinned``: every rule is read as of that day, else as of the day of each default. ``reference``
    is what the file says under ``rulebook``; "" for an inline one.
    """

    title: str
    currency: Currency
    rulebook: Rulebook
    defaults: tuple[Default, ...]
    members: Mapping[str, Member] = field(default_factory=dict)
    parties: Mapping[str, Fields] = field(default_factory=dict)
    figures: Fields = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    pinned: date | None = None
    reference: str = ""
    precedent: Precedent | None = None
    calendar: Calendar | None = None
    """The calendar that the rulebook names."""

    @property
    def inline(self) -> bool:
        """Whether the rulebook stands in the scenario itself."""
        return not self.reference
