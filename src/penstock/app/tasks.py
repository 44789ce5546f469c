"""What workers are told and do: a range of scenarios, by the engine of a name."""

import pickle
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Task:
    """A range of scenarios: all that a worker is told."""

    digest: str
    seed: int
    first: int
    count: int


class Engine(Protocol):
    """What does the work: the same on every worker."""

    @property
    def digest(self) -> str:
        """Its name."""

    def run(self, seed: int, first: int, count: int) -> Any:
        """What a range of scenarios gives."""


_ENGINES: dict[str, tuple[Engine, int]] = {}
"""Those of this process by digest, and how many need each."""


def equip(engine: Engine) -> None:
    """Make the engine known to this process."""
    _, users = _ENGINES.get(engine.digest, (engine, 0))
    _ENGINES[engine.digest] = engine, users + 1


def dismiss(engine: Engine) -> None:
    """Forget the engine where nobody else needs it."""
    known, users = _ENGINES.pop(engine.digest, (engine, 0))
    if users > 1:
        _ENGINES[engine.digest] = known, users - 1


def equip_from(path: str) -> None:
    """Make the engines in the file known to this process."""
    with open(path, "rb") as file:
        for engine in pickle.load(file):
            equip(engine)


def perform(task: Task) -> Any:
    """Do one task with the engine of its digest."""
    return _ENGINES[task.digest][0].run(task.seed, task.first, task.count)
