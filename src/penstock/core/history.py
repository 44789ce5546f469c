"""What earlier defaults left behind: the record of every payment, and sums over it.

The record is the whole memory of a rulebook: what is left of a purse or a limit is what stood there
less what the record says was used.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from penstock.core.waterfall import Balance


@dataclass(frozen=True, slots=True)
class Use:
    """One payer's payment in one layer; ``purse`` None where the money stood in none."""

    day: date
    event: int
    layer: str
    payer: str
    purse: Balance | None
    amount: int


@dataclass(frozen=True)
class History:
    """Uses in order of time, and what they come to."""

    uses: tuple[Use, ...] = ()
    _of_purse: dict[Balance, int] = field(init=False, repr=False, default_factory=dict)
    _of_payer: dict[tuple[str, str], int] = field(init=False, repr=False, default_factory=dict)
    _of_layer: dict[str, int] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for use in self.uses:
            if use.purse is not None:
                self._of_purse[use.purse] = self._of_purse.get(use.purse, 0) + use.amount
            key = (use.layer, use.payer)
            self._of_payer[key] = self._of_payer.get(key, 0) + use.amount
            self._of_layer[use.layer] = self._of_layer.get(use.layer, 0) + use.amount

    def after(self, uses: Iterable[Use]) -> "History":
        """This history and then ``uses``."""
        return History((*self.uses, *uses))

    def of_purse(self, purse: Balance) -> int:
        """What was taken out of the purse."""
        return self._of_purse.get(purse, 0)

    def of_payer(self, layer: str, payer: str) -> int:
        """What the payer has paid in the layer."""
        return self._of_payer.get((layer, payer), 0)

    def of_layer(self, layer: str) -> int:
        """What all payers have paid in the layer."""
        return self._of_layer.get(layer, 0)
