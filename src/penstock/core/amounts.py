"""The parts that rules are made of: citations, values with dates, amounts, conditions, windows.

One dataclass a map of the file, one field a word (a trailing underscore is not part of the word).
``says`` of a field is its one-line meaning: error messages, JSON Schema and reference are made of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Annotated, Any, Generic, Literal, TypeVar

from penstock.core.business_days import Duration
from penstock.core.money import Money

T = TypeVar("T")


Id = Annotated[str, "id"]
"""Lower case letters, digits and ``_``, a letter first: an id, a name, a source."""


Status = Literal["verified", "reported", "unverified"]


STATUSES: tuple[Status, ...] = ("verified", "reported", "unverified")


CALLED = ("assessment", "commitment")
"""Sources that are promised, not held."""


OWED = ("gains", "payouts", "claims")
"""Sources that the clearing house owes and keeps back."""


def word(says: str, **rest: Any) -> Any:
    """A field of the language with its meaning in one line."""
    return field(metadata={"says": says}, **rest)


@dataclass(frozen=True, slots=True)
class Dated(Generic[T]):
    """A value and its versions: each counts from its day until the day before the next.

    The day None is the file's first day: a value written without dates.
    """

    versions: tuple[tuple[date | None, T], ...]

    def on(self, day: date) -> T | None:
        """The version in force on ``day``; None before the first."""
        found = None
        for first, value in self.versions:
            if first is None or first <= day:
                found = value
        return found

    @property
    def days(self) -> tuple[date, ...]:
        """The days on which a version begins."""
        return tuple(day for day, _ in self.versions if day)


@dataclass(frozen=True, slots=True)
class Citation:
    """A source that clauses are cited from."""

    title: str = word("What it is, for a reader")
    href: str = word("Where it can be read", default="")
    status: Status = word("How far its words were read at the source", default="unverified")
    date_: date | None = word("When it was published", default=None)
    read: date | None = word("When it was read", default=None)


@dataclass(frozen=True, slots=True)
class Cite:
    """A clause of a citation."""

    citation: Citation
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much: exactly one of ``amount``, ``of``, ``matching``, ``greatest``, ``least``, then the rest."""

    amount: Money | None = word("So much money", default=None)
    of: tuple[Id, ...] = word("A name, or several names together", default=())
    matching: Id | None = word("As much as another layer can really give in this default", default=None)
    greatest: "tuple[Amount, ...]" = word("The greatest of a list of amounts", default=())
    least: "tuple[Amount, ...]" = word("The least of a list of amounts", default=())
    multiple: Fraction | Id | None = word("Times a number, or times a figure", default=None)
    less: "tuple[Amount, ...]" = word("Minus an amount, or a list; never below zero", default=())
    most: Money | None = word("A ceiling in money", default=None)
    apportioned: Id | None = word("Divide over the segments by the size of a figure", default=None)
    measured: str | None = word("The moment at which the names are read", default=None)
    cite: Cite | None = word("The clause of this value", default=None)

    def inside(self) -> "Iterator[Amount]":
        """This amount and all amounts within it."""
        yield self
        for amount in (*self.greatest, *self.least, *self.less):
            yield from amount.inside()

    def names(self) -> tuple[str, ...]:
        """Every name it reads, ``matching`` layers left out."""
        found: list[str] = []
        for amount in self.inside():
            found += amount.of
            found += [name for name in (amount.multiple, amount.apportioned) if isinstance(name, str)]
        return tuple(found)


Share = Literal["equal", "size"] | Amount


Condition = Mapping[Id, tuple[str, ...]]


Order = tuple[Id, tuple[tuple[str, ...], ...]]
"""A field and the classes of its values in paying order."""


@dataclass(frozen=True, slots=True)
class Window:
    """The most a payer bears over several defaults."""

    length: Duration | None = word("Days after the declaration that opens it", default=None)
    rolling: bool = word("Each default inside moves the end to length after itself", default=False)
    longest: Duration | None = word("But no further than this after the first", default=None)
    look_back: bool = word("Instead: the length that ends with this default's day", default=False)
    starts: str = word("What opens it", default="at_declaration")
    ends_early: Literal["if_unused"] | None = word(
        "A default resolved without members' money closes it", default=None
    )
    times: int | None = word("In how many defaults of the window the layer may be used", default=None)
    amount: Amount | None = word("The most each payer bears in the window", default=None)


@dataclass(frozen=True, slots=True)
class Call:
    """How a call is made."""

    due: Duration | None = word("When the money is due", default=None)
    notice: Duration | None = word("How long before it is announced", default=None)
    portions: bool = word("May be called in portions", default=False)
    unused: Literal["returned"] | None = word("What becomes of money not used", default=None)
    unpaid: Literal["respread", "uncovered"] | None = word("What becomes of a share unpaid", default=None)
    leave_within: Duration | None = word("Until when a member may leave instead", default=None)
