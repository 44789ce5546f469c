"""What one event did: per layer, per payer, to the unit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from penstock.core.amounts import Cite, Status
from penstock.core.rulebook import Layer


@dataclass(frozen=True, slots=True)
class LayerResult:
    """What one layer did in one event.

    ``capacity``: what it could give when the loss reached it; None where nobody has published it.
    ``paid`` by payer, odd units under ``rounding:<party>``; ``called``: what they would have paid had
    everybody been able to; ``unpaid``: calls not met, by member. An action uses what it ends.
    ``payers`` is how many stood ready to pay; ``beside``: side by side with others of its group.
    """

    layer: Layer
    group: str | None
    capacity: int | None
    used: int
    paid: Mapping[str, int]
    called: Mapping[str, int]
    unpaid: Mapping[str, int]
    status: Status
    payers: int
    beside: bool

    @property
    def cite(self) -> Cite | None:
        """The clause of the layer, its group's if it has none of its own."""
        return self.layer.cite


@dataclass(frozen=True, slots=True)
class EventResult:
    """One event: defaults declared at the same instant, or within the rulebook's ``one_event``.

    ``uncovered_as_called``: what would have stayed uncovered had every member been able to pay.
    ``unpublished`` says why nothing was computed, where nobody has published the loss.
    """

    members: tuple[str, ...]
    at: datetime
    in_force: date | None
    loss: int
    beyond_own: bool
    layers: tuple[LayerResult, ...]
    uncovered: int
    uncovered_as_called: int
    surplus: Mapping[str, int]
    unpublished: str = ""


@dataclass(frozen=True, slots=True)
class Borne:
    """What an event has left its payers out of pocket, as money comes back.

    ``paid`` by layer and payer in rank order, ``uncovered`` by nobody; ``stood_in`` and ``unpaid``: what
    payers paid, and members owe, because others could not or did not pay a call.
    """

    event: EventResult
    paid: Mapping[str, Mapping[str, int]]
    uncovered: int
    unpaid: Mapping[str, Mapping[str, int]]
    stood_in: Mapping[str, Mapping[str, int]]
    uncovered_for_others: int


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened between the defaults: money paid in or late, or recovered.

    ``layers``: by layer and payer what was paid in, or went back to whom; ``uncovered``: what made good
    what no layer had covered. ``surplus``: what is left for the defaulter, by account; ``interest`` by
    payer; ``retained``: interest that the clearing house keeps.
    """

    at: datetime
    what: Literal["paid_in", "paid_late", "recovered", "members"]
    layers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    uncovered: int = 0
    surplus: Mapping[str, int] = field(default_factory=dict)
    interest: Mapping[str, int] = field(default_factory=dict)
    retained: int = 0
    members: tuple[str, ...] = ()
    """Whose default it concerns."""
