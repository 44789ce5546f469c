"""Importance sampling beside a plain run: its tilt, its own run in the same pieces, what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np

from penstock.app.keeping import Run
from penstock.app.simulating import Ready
from penstock.sim.rare import RareFound, fitted, rare_found
from penstock.sim.tilted import Ways
from penstock.store import results

PART, LEAST = 10, 1000
"""So many plain scenarios for a weighted one, and how many weighted ones at least."""


@dataclass(frozen=True, slots=True)
class RareRun:
    """What importance sampling found; ``cost``: of a scenario, pilots included, beside a plain one.

    ``asked``: how many scenarios; fewer are done where it was interrupted.
    """

    target: str
    found: RareFound
    cost: float
    ways: list[dict[str, Any]]
    asked: int


@dataclass(frozen=True, slots=True)
class Weighing:
    """The weighted part of a simulation: its run, aimed at a loss beyond ``target``.

    ``cost``: of a weighted scenario beside a plain one; ``pilots``: of all pilots, in plain scenarios.
    """

    run: Run
    target: str
    cost: float
    pilots: float

    def found(self, one: Ready, level: float) -> RareRun | None:
        """What it found so far, with intervals of the level; None where nothing was done."""
        if not self.run.count:
            return None
        cost = self.cost + self.pilots / self.run.count
        found = rare_found(self.run.tally, one.engine.layers, level)
        ways = _told(one.engine.members, self.run.engine.ways)
        return RareRun(self.target, found, cost, ways, self.run.scenarios)


def _told(members: Sequence[str], ways: Ways) -> list[dict[str, Any]]:
    """The ways that scenarios are drawn in, each with its part of them."""
    parts = np.diff(ways.chance, prepend=0.0)
    return [
        {
            "part": float(part),
            "factors": shift.tolist(),
            "mixing": float(scale),
            "members": {
                member: {"odds": float(by), "loss": float(own)}
                for member, by, own in zip(members, odds, loss, strict=True)
            },
        }
        for part, shift, scale, odds, loss in zip(parts, *ways[1:], strict=True)
    ]


def weighing(one: Ready, plain: Run, target: str, resume: bool) -> Weighing:
    """Fit a tilt to losses beyond ``target``, for a run of a tenth of the scenarios of the plain one.

    ``resume``: it takes up what the folder has. Refused as ``rare.fitted`` and ``Run.take_up``.
    """
    fit = fitted(one.model, one.engine, target, plain.seed)
    began = process_time()
    fitted(
        one.model, one.engine, target, plain.seed
    )  # once more: the first may have been compiled on the way
    pilots = process_time() - began
    each = _cost(one.engine, plain.seed)
    count = max(LEAST, plain.scenarios // PART)
    run = Run(fit, plain.seed, count, max(1, min(plain.block, count // 8)), plain.folder, results.RARE)
    if resume:
        run.take_up()
    return Weighing(run, target, _cost(fit, plain.seed) / each, pilots / each)


def _cost(engine: Any, seed: int, count: int = 20_000) -> float:
    """Processor seconds of a scenario."""
    engine.run(seed, 0, 1)
    began = process_time()
    engine.run(seed, 0, count)
    return max(process_time() - began, 1e-9) / count
