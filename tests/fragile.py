"""An engine that works on any worker, and one whose worker dies once."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Adding:
    """Gives the scenario numbers of its range."""

    digest: str = "adding"

    def run(self, seed: int, first: int, count: int) -> list[int]:
        """The numbers, times the seed."""
        return [seed * number for number in range(first, first + count)]


@dataclass(frozen=True)
class DiesOnce:
    """Kills its process the first time that it gets to a range, or every time where there is no mark."""

    mark: str
    inner: object
    at: int
    digest: str = "dies once"

    def run(self, seed: int, first: int, count: int) -> object:
        """What the inner engine gives."""
        mark = Path(self.mark) if self.mark else None
        if first == self.at and not (mark and mark.exists()):
            if mark:
                mark.write_text("died")
            os._exit(9)
        return self.inner.run(seed, first, count)  # type: ignore[attr-defined]
