"""What random scenarios are made of: choices read off a stream of bytes, values and amounts."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from oracle.periods import moment

T = TypeVar("T")
Map = dict[str, Any]

PLAIN = (
    "able", "accounts", "beyond", "conditions", "dated", "decisions", "equal", "figures", "found", "groups",
    "grouped", "huge", "layers", "lives", "order", "parties", "profit", "several", "stated", "together",
    "unknown",
)  # fmt: skip
"""What a scenario may have; a test leaves out by name what its invariant does not speak of."""

WIDE = (
    "actions", "apportioned", "caps", "chain", "counts", "daily", "found_out", "late", "matching", "measured",
    "omnibus", "one_event", "owed", "paid_in", "recovered", "resume", "rounds", "segments", "uncovered",
    "windows",
)  # fmt: skip
"""What it may have beyond that: limits over several defaults, segments, owed money, money that comes back."""

CURRENCIES = (("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4))
NAMES = ("M1", "M10", "M2", "Z", "a", "É", "ö", "中")
"""Ids whose UTF-8 byte order is not that of their numbers, cases or accents."""

PAYERS = ("members", "defaulter", "ccp", "members", "insurer", "members", "exchange", "defaulter", "parent")
OTHERS = ("ccp", "insurer", "exchange", "parent")
CHAIN = ("customer", "broker")
HELD_BY = {
    "defaulter": ("initial_margin", "default_fund", "initial_margin", "excess_margin"),
    "members": ("default_fund", "default_fund", "second_fund"),
}
OF_PARTIES = ("own_capital", "own_capital", "insurance", "collateral")
OWED = ("gains", "gains", "gains", "payouts", "claims")
BIDS = ("none", "poor", "good", "winner")
MULTIPLES = ("1", "2", "0.5", "1.1", "0.333", "3")
WEIGHTS = ("1", "1", "2", "0", "0.5", "1000000000000000")
UNKNOWN = {"unknown": "true", "why": "nobody has published it"}
SEGMENTS = ("rates", "equities", "credit")
CALENDAR = {
    "weekend": ["saturday", "sunday"],
    "holidays": ["2024-05-20", "2024-05-27"],
    "first": "2020-01-01",
    "last": "2030-12-31",
}
FIRST, CHANGE = "2020-01-01", "2024-06-01"
"""The day from which every dated value has an entry, and the day of the second entry."""
TIMES = (
    "2024-03-01T09:00:00Z", "2024-06-01T08:00:00+02:00", "2024-03-01T10:00:00+01:00", "2024-05-31T23:00:00Z",
    "2024-09-02T12:30:00Z",
)  # fmt: skip
"""The first default's, and the later ones': of one instant with it, and on either side of the change."""
NEAR_TIMES = (
    "2024-05-27T09:00:00Z", "2024-06-01T08:00:00+02:00", "2024-05-22T10:00:00Z", "2024-05-24T18:00:00Z",
    "2024-06-03T09:00:00Z", "2024-05-17T11:00:00+02:00", "2024-06-17T09:00:00Z", "2024-06-16T23:30:00Z",
    "2024-05-17T18:00:00Z", "2024-07-01T09:00:00Z", "2024-05-18T09:00:00Z",
)  # fmt: skip
"""After a first default on Friday, 17 May 2024: at and beside the ends of windows, one on a Saturday."""
NEAR_FIRST = "2024-05-17T09:00:00Z"
NOTICES = ("2024-05-10T09:00:00Z", "2024-05-16T23:00:00Z", "2024-05-15T09:00:00Z")
LENGTHS = (
    "10 days",
    "30 days",
    "5 business_days",
    "1 month",
    "10 business_days",
    "48 hours",
    "1 day",
    "1 year",
)
LONGEST = {"10 days": "15 days", "5 business_days": "12 days", "1 month": "40 days", "1 day": "2 days"}
DATES = ("2024-05-17", "2024-05-20", "2024-05-23", "2024-06-01", "2023-01-31")
GAIN_DAYS = ("2024-05-16", "2024-05-17", "2024-05-18", "2024-05-22", "2024-06-01", "2024-06-03", "2024-07-01")


class Dice:
    """Choices read off a stream of bytes; an exhausted stream chooses the simplest."""

    def __init__(self, data: bytes) -> None:
        self.rolls = iter(data)

    def upto(self, most: int) -> int:
        """A number from 0 to ``most``."""
        return next(self.rolls, 0) % (most + 1)

    def one_in(self, many: int) -> bool:
        """Seldom true."""
        return self.upto(many - 1) == many - 1

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.upto(len(options) - 1)]


def instant(at: str) -> datetime:
    """A time as written, without zone in UTC."""
    return moment(at).at


def day_of_2024(number: int) -> str:
    """The day so many days after the first of January."""
    return str(date(2024, 1, 1) + timedelta(days=number))


class Values:
    """Writes the values of one scenario; ``has`` are the features switched on."""

    def __init__(self, head: bytes, without: frozenset[str], always: frozenset[str]) -> None:
        self.dice = dice = Dice(head)
        self.has = {name for name in PLAIN if dice.one_in(2)} - without
        often = 5 - dice.upto(3)
        self.has |= {name for name in WIDE if dice.one_in(often)} - without | always
        self.has -= {"profit", "late"} if "segments" in self.has else {"apportioned"}
        self.currency, self.decimals = dice.pick(CURRENCIES)
        self.layers: list[Map] = []
        self.groups: list[str] = []
        self.standing: list[str] = []
        """Ids of the layers that an amount may name: always in force, and not a defaulter's."""
        self.matchable: list[str] = []
        """Ids of the layers that another may match."""
        self.parties: dict[str, Map] = {}
        self.caps: list[Map] = []
        self.beside = False
        """Whether a defaulter's layer stands side by side with others: then it has one account."""
        self.segments = SEGMENTS[: 2 + dice.upto(1)] if "segments" in self.has else ()
        self.told: dict[str, bool] = {}
        """By source: whether members tell it by segment."""
        self.alone = False
        """Whether there is one default only, so that what is recovered need not say of which."""
        self.has_dates = bool(self.has & {"windows", "caps", "measured"})

    # Values.

    def units(self, dice: Dice) -> int:
        """Some minor units: mostly few, so that odd units and boundaries matter; seldom none."""
        size = dice.upto(9)
        if size < 7:
            return (dice.upto(30) + 3) % 31
        if size < 9 or "huge" not in self.has:
            return 256 * dice.upto(255) + dice.upto(255)
        return dice.pick((10**15, 10**15 + 1, 1, 10**15 - 1))

    def written(self, units: int) -> str:
        """The amount as the file has it, sometimes without decimals or in groups of three."""
        whole, part = divmod(abs(units), 10**self.decimals)
        text = f"{whole:,}".replace(",", " ") if "grouped" in self.has else str(whole)
        if part or (self.decimals and "stated" not in self.has):
            text += f".{part:0{self.decimals}d}"
        return "-" + text if units < 0 else text

    def money(self, dice: Dice) -> Any:
        """An amount that somebody holds or has: now and then unknown, or with its basis."""
        text = self.written(self.units(dice))
        if "unknown" in self.has and dice.one_in(12):
            return dict(UNKNOWN)
        if "stated" in self.has and dice.one_in(4):
            return {"amount": text, "basis": "assumed"}
        return text

    def by_segment(self, source: str) -> bool:
        """Whether members tell this money by segment, the same for all."""
        if source not in self.told:
            self.told[source] = bool(self.segments) and self.dice.upto(3) > 0
        return self.told[source]

    def parted(self, dice: Dice, told: bool) -> Any:
        """Money, by segment or not; a segment that is left out has none."""
        if not told:
            return self.money(dice)
        last = len(self.segments) - (1 if dice.one_in(6) else 0)
        return {name: self.money(dice) for name in self.segments[:last]}

    def owed(self, dice: Dice, source: str) -> Any:
        """What a member is owed, by segment or not; gains also by day."""
        if self.by_segment(source):
            return {name: self.written(self.units(dice)) for name in self.segments}
        if source != "gains" or not ("daily" in self.has or dice.one_in(3)):
            return self.figure(dice, source)
        start, count = dice.upto(len(GAIN_DAYS) - 1), 1 + dice.upto(3)
        days = (GAIN_DAYS[start:] + GAIN_DAYS[:start])[:count]
        return {day: self.figure(dice, source) for day in sorted(days)}

    def figure(self, dice: Dice, source: str) -> str:
        """One figure of what is owed; gains may be losses."""
        sign = -1 if source == "gains" and dice.one_in(4) else 1
        return self.written(sign * self.units(dice))

    def dated(self, dice: Dice, first: T, second: T) -> T | dict[str, T]:
        """One value, or the two versions."""
        return {FIRST: first, CHANGE: second} if "dated" in self.has and dice.one_in(3) else first

    # Amounts.

    def names(self) -> list[str]:
        """Names that an amount of money may read."""
        figures = ["cap", "deposit", "base"] if "figures" in self.has else []
        return ["default_fund", "initial_margin", *figures, *self.standing]

    def amount(self, dice: Dice, inner: int = 0, names: Sequence[str] = ()) -> Any:
        """An amount of section 3 of the language; not zero for all."""
        names = names or self.names()
        kind = dice.upto(7 if inner == 0 else 5)
        if kind < 3:
            first, second = (self.written(1 + self.units(dice)) for _ in "12")
            spec: Map = {"amount": self.dated(dice, first, second)}
        elif kind == 3:
            spec = {"of": dice.pick(names)}
            if dice.one_in(3):
                return spec["of"]
        elif kind == 4:
            number = "factor" if "figures" in self.has and dice.one_in(3) else dice.pick(MULTIPLES)
            spec = {"multiple": number, "of": dice.pick(names)}
        elif kind == 5:
            spec = {"of": [dice.pick(names), dice.pick(names)]}
        else:
            word = "greatest" if kind == 6 else "least"
            spec = {word: [self.amount(dice, 1, names), self.amount(dice, 1, names)]}
        if inner < 2 and dice.one_in(6):
            less = [self.amount(dice, 2, names) for _ in range(1 + dice.upto(1))]
            spec["less"] = less if len(less) > 1 else less[0]
        if dice.one_in(6):
            spec["most"] = self.written(self.units(dice))
        if "measured" in self.has and "amount" not in spec and dice.one_in(3):
            spec["measured"] = dice.pick(("at_notice", "at_call", "at_declaration", "at_notice"))
        return spec

    def versions(self, dice: Dice, payer: str) -> Any:
        """A limit of the payer, sometimes another one from the second day on."""
        if (
            "matching" in self.has
            and self.matchable
            and payer not in ("defaulter", *CHAIN)
            and dice.one_in(2)
        ):
            spec = {"matching": dice.pick(self.matchable)}
            return spec | ({"most": self.written(self.units(dice))} if dice.one_in(3) else {})
        own = [] if payer in HELD_BY else [name for name in self.parties.get(payer, {}) if name in OF_PARTIES]
        names = [*self.names(), *own]
        return self.dated(dice, self.amount(dice, 0, names), self.amount(dice, 0, names))

    def figures(self) -> tuple[Map, Map]:
        """The definitions clause, and what the scenario gives of it."""
        dates = {"left_on": {"given": "member", "kind": "date"}} if self.has_dates else {}
        if "figures" not in self.has:
            return dates, {}
        dice = self.dice
        specs = {
            "cap": {"given": "ccp"},
            "factor": {"given": "ccp", "kind": "number"},
            "deposit": {"given": "member"},
            "weight": {"given": "member", "kind": "number"},
            "tier": {"given": "member", "kind": "word"},
            "base": self.dated(
                dice, *(self.amount(dice, 1, ["cap", "deposit", "default_fund"]) for _ in "12")
            ),
        }
        given = {"cap": self.dated(dice, self.money(dice), self.money(dice)), "factor": dice.pick(MULTIPLES)}
        if "unknown" in self.has and dice.one_in(4):
            del given[dice.pick(("cap", "factor"))]
        return specs | dates, given
