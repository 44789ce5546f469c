"""What is held as collateral, lot by lot, and what it is good for when its giver has defaulted."""

from collections.abc import Iterable
from dataclasses import dataclass

from penstock.core.money import Money


@dataclass(frozen=True, slots=True)
class Lot:
    """One lot held: its value after the collateral haircut, and the proceeds once it was sold.

    ``own_issue``: issued by its giver or the giver's group; it counts zero, whatever it is marked at.
    """

    lot: str
    haircut_value: Money
    proceeds: Money | None = None
    own_issue: bool = False


def realisable(lots: Iterable[Lot]) -> int:
    """What the lots can be realised for: proceeds where sold, else the haircut value; own issue 0."""
    return sum(
        0 if lot.own_issue else lot.haircut_value if lot.proceeds is None else lot.proceeds for lot in lots
    )
