"""Engines that work on any worker, whose worker dies once, and that take long."""

import os
import time
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


@dataclass(frozen=True)
class Sleeping:
    """Leaves a mark, and takes a minute."""

    mark: str
    digest: str = "sleeping"

    def run(self, seed: int, first: int, count: int) -> int:
        """Nothing of use."""
        Path(self.mark).write_text("begun")
        time.sleep(60)
        return first
