"""What one event did: per layer, per payer, to the unit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from penstock.core.amounts import Cite, Status
from penstock.core.rulebook import Layer


@dataclass(frozen=True, slots=True)
class LayerResult:
    """What one layer did in one event.

    ``capacity``: what it could give when the loss reached it; None where nobody has published it.
    ``paid`` by payer, odd units under ``rounding:<party>``; ``unpaid``: calls not met, by member.
    ``payers`` is how many stood ready to pay; ``beside``: side by side with others of its group.
    """

    layer: Layer
    group: str | None
    capacity: int | None
    used: int
    paid: Mapping[str, int]
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
    """One event: defaults declared at the same instant, their losses put together.

    ``unpublished`` says why nothing was computed, where nobody has published the loss.
    """

    members: tuple[str, ...]
    at: datetime
    in_force: date | None
    loss: int
    beyond_own: bool
    layers: tuple[LayerResult, ...]
    uncovered: int
    surplus: Mapping[str, int]
    unpublished: str = ""
