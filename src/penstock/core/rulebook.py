"""A rulebook as data: who pays for a default, out of which money, up to what amount, shared how.

The words are those of the rulebook language; see ``amounts`` for the parts that they are made of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Annotated, Literal

from penstock.core.amounts import (
    CALLED,
    Amount,
    Call,
    Citation,
    Cite,
    Condition,
    Dated,
    Id,
    Order,
    Share,
    Status,
    Window,
    word,
)
from penstock.core.business_days import Calendar, Duration
from penstock.core.money import Currency, Rounding
from penstock.core.problems import Path

Country = Annotated[str, "country"]
"""Two capital letters: a country of ISO 3166, or EU."""
ROLES = (
    "defaulter", "members", "ccp", "exchange", "insurer", "parent", "issuer", "staff",
    "penalty_pool", "customer", "broker",
)  # fmt: skip


CHAIN = ("customer", "broker")
"""Parties behind the defaulter; what they hold is told with each default."""


Action = Literal["partial_tear_up", "full_tear_up", "close_service"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One line of the waterfall."""

    id: Id = word("Name of the layer, unique in the file")
    payer: Id | None = word("Who pays: defaulter, members, or one party", default=None)
    source: Id | None = word("Which of its money", default=None)
    share: Dated[Share] | None = word("How several payers divide it", default=None)
    limit: Dated[Amount] | None = word("The most each payer bears here", default=None)
    together: Dated[Amount] | None = word("The most all payers of the layer bear", default=None)
    window: Dated[Window] | None = word("The most each bears over several defaults", default=None)
    segment: Id | None = word("Which segment's money, for which segment's loss; each", default=None)
    account: Literal["house", "client", "omnibus"] | None = word(
        "Whose margin of the defaulter", default=None
    )
    where: Dated[Condition] | None = word("Only these payers", default=None)
    order: Dated[Order] | None = word("The payers in classes, one after another", default=None)
    when: Condition = word("Only in such a default", default_factory=dict)
    from_: date | None = word("The layer's first day", default=None)
    until: date | None = word("The layer's last day, included", default=None)
    rounds: int | None = word("The layer is poured again, up to so many times", default=None)
    base: Literal["cumulative", "daily"] | None = word(
        "For gains: over the period, or each day", default=None
    )
    call: Call | None = word("How a call is made", default=None)
    action: Action | None = word("A step that ends the loss and is not paid in money", default=None)
    cite: Cite | None = word("The clause", default=None)
    title: str = word("A name for the reader", default="")
    note: str = word("A remark for the reader", default="")

    @property
    def called(self) -> bool:
        """Whether its money is promised rather than held."""
        return self.source in CALLED


@dataclass(frozen=True, slots=True)
class Group:
    """Layers under one head: one after another, or side by side where ``split`` says how."""

    group: Id = word("Name of the group")
    layers: tuple[Layer, ...] = word("Its layers")
    split: Literal["size"] | Mapping[Id, Fraction] | None = word(
        "Side by side: by size, or a weight per layer", default=None
    )
    segment: Id | None = word("For all its layers", default=None)
    when: Condition = word("For all its layers", default_factory=dict)
    from_: date | None = word("For all its layers", default=None)
    until: date | None = word("For all its layers", default=None)
    cite: Cite | None = word("For all its layers", default=None)
    title: str = word("A name for the reader", default="")
    note: str = word("A remark for the reader", default="")


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit that counts several layers together, for each payer."""

    id: Id = word("Name of the cap")
    on: tuple[Id, ...] = word("The layers it counts")
    limit: Dated[Amount] = word("The most each payer bears in them together")
    window: Dated[Window] | None = word("Over which defaults; left out: each by itself", default=None)
    where: Dated[Condition] | None = word("Only these payers", default=None)
    from_: date | None = word("The cap's first day", default=None)
    until: date | None = word("The cap's last day, included", default=None)
    cite: Cite | None = word("The clause", default=None)
    title: str = word("A name for the reader", default="")
    note: str = word("A remark for the reader", default="")


@dataclass(frozen=True, slots=True)
class Figure:
    """A definition: given by the scenario for the clearing house or each member, or an amount."""

    given: Literal["ccp", "member"] | None = word("Who has it; the scenario must say it", default=None)
    kind: Literal["money", "number", "date", "flag", "word"] = word("What it is", default="money")
    amount: Dated[Amount] | None = word("What it is defined as", default=None)
    cite: Cite | None = word("The clause", default=None)


@dataclass(frozen=True, slots=True)
class RoundingRule:
    """Where the odd units of a division go."""

    share: Rounding = word("largest_remainder or floor_residual", default="largest_remainder")
    residual_to: Id = word("Who pays them under floor_residual", default="ccp")


@dataclass(frozen=True, slots=True)
class Cover:
    """Which stress the resources must withstand."""

    standard: str = word("cover_1, cover_2, max_top1_top2_3 or another name")
    buffer: Fraction | None = word("How much more", default=None)
    plus: tuple[str, ...] = word("Who else counts", default=())
    cite: Cite | None = word("The clause", default=None)


@dataclass(frozen=True, slots=True)
class SeveralDefaults:
    """How a second default finds the waterfall."""

    one_event: Duration | None = word("Losses declared within it are put together", default=None)
    next: Literal["restart", "resume"] = word(
        "From the top, or where the last one stopped", default="restart"
    )
    period: Duration | None = word("How long the second counts as following the first", default=None)
    cite: Cite | None = word("The clause", default=None)


@dataclass(frozen=True, slots=True)
class Replenishment:
    """Who refills what, how much, by when."""

    layer: Id = word("The layer that was used")
    payer: Id = word("Who refills it")
    restores: Literal["used"] | Amount = word("How much", default="used")
    into: Id | None = word("The source it is paid into, if another", default=None)
    due: Duration | None = word("By when", default=None)
    window: Window | None = word("How often, or how much at most", default=None)
    stand_in: tuple[Id, ...] = word("Who pays meanwhile, in order", default=())
    failure: Literal["default"] | None = word("What not paying is", default=None)
    counts_to: Id | None = word("A cap it counts to", default=None)
    cite: Cite | None = word("The clause", default=None)
    note: str = word("A remark for the reader", default="")


@dataclass(frozen=True, slots=True)
class Recoveries:
    """To whom money goes that comes back."""

    order: Literal["reverse", "side_by_side"] | tuple[Id, ...] = word("Which layers first", default="reverse")
    share: Literal["paid"] | Amount = word("By what within a layer", default="paid")
    except_: tuple[Id, ...] = word("Who is left out", default=())
    interest: Literal["passed_on", "kept"] = word("What becomes of interest on it", default="kept")
    cite: Cite | None = word("The clause", default=None)
    note: str = word("A remark for the reader", default="")


@dataclass(frozen=True, slots=True)
class Auctions:
    """How the defaulter's portfolio is auctioned."""

    lots_by: str = word("What makes a lot", default="")
    format: str = word("single_unit, multi_unit, sealed and so on", default="")
    obliged: Condition = word("Who must bid", default_factory=dict)
    reference_price: str = word("Against what a bid is measured", default="")
    rounds: int | None = word("How many", default=None)
    if_failed: tuple[str, ...] = word("What then, in order", default=())
    poor_bid: str = word("When a bid is poor", default="")
    cite: Cite | None = word("The clause", default=None)


@dataclass(frozen=True, slots=True)
class DefaultEvent:
    """What makes a member a defaulter."""

    event: str = word("What happened")
    declared_by: str = word("Who declares it", default="")
    cite: Cite | None = word("The clause", default=None)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A whole rulebook file."""

    rulebook: str = word("Its id: clearing house / service")
    title: str = word("A name for the reader")
    currency: Currency = word("An ISO 4217 code, or {code, decimals}")
    layers: tuple[Layer | Group, ...] = word("Who pays, in order")
    from_: date | None = word("First day this file speaks for", default=None)
    jurisdiction: Country = word("Country code, or EU", default="")
    status: Status | None = word("unverified makes the whole file so", default=None)
    cover: Dated[Cover] | None = word("Which stress the resources must withstand", default=None)
    rounding: Dated[RoundingRule] | None = word("Where odd units go", default=None)
    calendar: str | Calendar | None = word("Which days are business days", default=None)
    citations: Mapping[Id, Citation] = word("The sources that clauses are cited from", default_factory=dict)
    figures: Mapping[Id, Figure] = word("The definitions clause", default_factory=dict)
    segments: tuple[Id, ...] = word("Parts of the service with money of their own", default=())
    caps: tuple[Cap, ...] = word("Limits that count several layers together", default=())
    several_defaults: Dated[SeveralDefaults] | None = word("How a second default finds it", default=None)
    replenishment: tuple[Replenishment, ...] = word("Who refills what", default=())
    recoveries: Recoveries | None = word("To whom money goes that comes back", default=None)
    auctions: Auctions | None = word("How the portfolio is auctioned", default=None)
    default_events: tuple[DefaultEvent, ...] = word("What makes a defaulter", default=())
    note: str = word("A remark for the reader", default="")

    def all_layers(self) -> "Iterator[tuple[Layer, Group | None]]":
        """Every layer in file order, with its group."""
        for item in self.layers:
            if isinstance(item, Group):
                yield from ((layer, item) for layer in item.layers)
            else:
                yield item, None

    def places(self) -> "Iterator[tuple[Path, Layer, Group | None]]":
        """Every layer in file order, with its path in the file and its group."""
        for i, item in enumerate(self.layers):
            if isinstance(item, Group):
                yield from ((("layers", i, "layers", j), one, item) for j, one in enumerate(item.layers))
            else:
                yield ("layers", i), item, None

    def rounding_on(self, day: date) -> RoundingRule:
        """The rounding rule in force; ``largest_remainder`` where none is written."""
        return (self.rounding.on(day) if self.rounding else None) or RoundingRule()

    def member_fields(self) -> dict[str, str]:
        """Every field that a member can have, and its kind."""
        fields = {"bid": "word", "active": "flag", "group": "word", "able_to_pay": "money"}
        fields["withdrew_in_round"] = "number"
        fields |= dict.fromkeys(("initial_margin", "excess_margin", "default_fund"), "money")
        for layer, _ in self.all_layers():
            if layer.source and layer.payer in ("members", "defaulter") and not layer.called:
                fields[layer.source] = "money"
        return fields | {n: f.kind for n, f in self.figures.items() if f.given == "member"}

    def begin_empty(self) -> set[str]:
        """Sources that only replenishment fills: what a scenario does not give in them is nothing."""
        return {rule.into for rule in self.replenishment if rule.into}

    def changes(self) -> tuple[date, ...]:
        """Every day on which anything in the file changes, in order."""
        days = {self.from_} if self.from_ else set()
        for item in _dated_parts(self):
            if isinstance(item, Dated):
                days.update(item.days)
            else:
                days.update(day for day in (getattr(item, "from_", None),) if day)
                until = getattr(item, "until", None)
                if until and until < date.max:
                    days.add(until + timedelta(days=1))
        return tuple(sorted(days))

    def in_force(self, on: date) -> date | None:
        """The last day not after ``on`` on which anything in the file changed."""
        before = [day for day in self.changes() if day <= on]
        return before[-1] if before else None


def _dated_parts(rulebook: Rulebook) -> Iterator[object]:
    yield from (rulebook.cover, rulebook.rounding, rulebook.several_defaults)
    yield from (figure.amount for figure in rulebook.figures.values())
    for cap in rulebook.caps:
        yield from (cap, cap.limit, cap.window, cap.where)
    yield from (item for item in rulebook.layers if isinstance(item, Group))
    for layer, _ in rulebook.all_layers():
        yield from (layer, layer.share, layer.limit, layer.together, layer.window, layer.where, layer.order)
