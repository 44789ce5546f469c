"""A simulation from files: the model and the waterfall made ready, run, kept in a folder, resumed."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf, sqrt
from pathlib import Path
from time import monotonic, process_time
from typing import Any

import numpy as np

from penstock import __version__
from penstock.app import jobs
from penstock.core.canonical import digest
from penstock.core.problems import Problem, Refused
from penstock.sim.base import Base
from penstock.sim.compile import compiled
from penstock.sim.engine import Engine, engine
from penstock.sim.layout import Waterfall
from penstock.sim.model import Model, checked_correlation
from penstock.sim.rare import RareFound, fitted, rare_found
from penstock.store import results
from penstock.store.model_files import MARKET, ModelFile, RiskRow

MOST_MEMBERS = 4000
"""So many losses of the largest size can be added up."""
SAVE_EVERY = 30.0
"""Seconds between two checkpoints."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A simulation ready to run."""

    file: ModelFile
    model: Model
    waterfall: Waterfall
    engine: Engine


def ready(file: ModelFile) -> Ready:
    """The model and the waterfall of the file; Refused MODEL_CORRELATION, NOT_SIMULATED and others."""
    try:
        model = model_of(file)
    except Refused as refused:
        told = [one if one.place else replace(one, place=file.place) for one in refused.problems]
        raise Refused(told) from None
    if len(model.members) > MOST_MEMBERS:
        says = f"{len(model.members)} members, whose losses together could be beyond 2^62 minor units"
        raise Refused(Problem("MODEL_MEMBERS", ("members",), says, f"at most {MOST_MEMBERS}"))
    waterfall = waterfall_of(file, model)
    return Ready(file, model, waterfall, engine(model, waterfall))


def waterfall_of(file: ModelFile, model: Model) -> Waterfall:
    """The rulebook of the file's scenario, in its circumstances, with the members of the model."""
    gains = None
    if any("gains_up" in row.amounts for row in file.rows):
        sides = ("gains_down", "gains_up")
        down, up = ({row.member: row.amounts.get(side, 0) for row in file.rows} for side in sides)
        gains = down, up
    unable = bool((model.unable > 0).any())
    return compiled(Base(file.scenario, gains), model.members, bids=model.bids is not None, unable=unable)


def model_of(file: ModelFile) -> Model:
    """The model that the file says: members block by block."""
    blocks = file.blocks()
    names = (*blocks, MARKET)
    place = {name: i for i, name in enumerate(names)}
    correlation = np.eye(len(names))
    for (first, second), value in file.correlations.items():
        i, j = place[first], place[second]
        correlation[i, j] = correlation[j, i] = float(value)
    shown = [name or "the only block" for name in names]
    rows = sorted(file.rows, key=lambda row: (row.block, row.member))

    def column(name: str) -> Any:
        return np.array([float(row.number(name)) for row in rows])

    bids = [row.bids for row in rows]
    some = any(one is not None for one in bids)
    if some and not all(bids):
        who = next(row for row in rows if row.bids is None)
        says = f"{who.member} has no chances of bids, others have"
        raise Refused(Problem("MODEL_ROW", (), says, "chances in every row, or in none", place=who.place))
    return Model(
        members=tuple(row.member for row in rows),
        probability=column("probability"),
        loading=np.sqrt(column("correlation")),
        block=np.array([place[row.block] for row in rows], dtype=np.int64),
        correlation=checked_correlation(correlation, shown),
        scale=np.array([_scale(row, file) for row in rows]),
        start=np.array([float(row.amounts.get("loss_start", 0)) for row in rows]),
        market=column("market"),
        wrong_way=column("wrong_way"),
        jump=column("jump"),
        unable=column("unable"),
        bids=np.array([[float(chance) for chance in one] for one in bids if one]) if some else None,
        degrees=inf if file.degrees is None else float(file.degrees),
        tail=file.tail,
        tail_degrees=0.0 if file.shared or file.tail_degrees is None else float(file.tail_degrees),
        tail_index=float(file.tail_index),
    )


def _scale(row: RiskRow, file: ModelFile) -> float:
    """The scale of the member's loss, in minor units; from its volatility where that is what is said."""
    if "loss_scale" in row.amounts:
        return float(row.amounts["loss_scale"])
    volatility = float(row.amounts["loss_volatility"])
    if file.tail == "student_t":
        assert file.tail_degrees is not None
        degrees = float(file.tail_degrees)
        return volatility * sqrt((degrees - 2) / degrees)
    if file.tail == "pareto":
        index = float(file.tail_index)
        return volatility * (1 - index) * sqrt(1 - 2 * index)
    return volatility


# --- running ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Run:
    """What an engine, or a pair of them, gave so far, of which ranges; kept in ``folder`` if there is one."""

    engine: Any
    seed: int
    scenarios: int
    block: int
    folder: Path | None = None
    tally: Any = field(init=False)
    finished: list[tuple[int, int]] = field(default_factory=list)
    saved: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.tally = self.engine.nothing()

    @property
    def count(self) -> int:
        """Scenarios that are added up."""
        return sum(count for _, count in self.finished)

    def absorb(self, task: jobs.Task, tally: Any) -> None:
        """Count a task that is complete."""
        finished = [*self.finished, (task.first, task.count)]
        self.tally, self.finished = self.engine.added(self.tally, tally), finished
        if self.folder and monotonic() - self.saved > SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        assert self.folder
        ranges = np.array(sorted(self.finished), dtype=np.int64).reshape(-1, 2)
        results.save_tally(self.folder, self.tally._asdict(), ranges)
        self.saved = monotonic()

    def go(self, pool: jobs.Pool, told: Callable[[int], None] = lambda count: None) -> bool:
        """Run what is left; False where it was interrupted, and what was done is kept."""
        digest_ = self.engine.digest
        tasks = (
            jobs.Task(digest_, self.seed, first, count)
            for first, count in jobs.ranges(self.scenarios, self.block, self.finished)
        )

        def done(task: jobs.Task, tally: Any) -> None:
            self.absorb(task, tally)
            told(self.count)

        try:
            jobs.perform_all(tasks, pool, done)
            return True
        except KeyboardInterrupt:
            return False
        finally:
            if self.folder:
                self.save()


def block_of(scenarios: int) -> int:
    """Scenarios in a task: few enough to show progress, enough that handing out costs nothing."""
    return 2**18 if scenarios < 10**8 else 2**21 if scenarios < 10**11 else 2**26


def manifest_of(one: Ready, run: Run) -> dict[str, Any]:
    """What is run: enough to run it again, and to see that nothing has changed."""
    import numba
    import scipy

    scenario = one.file.scenario
    return {
        "simulation": one.file.title,
        "penstock": __version__,
        "engine": one.engine.digest,
        "rulebook": {"id": scenario.rulebook.rulebook, "sha256": digest(scenario.rulebook)},
        "seed": run.seed,
        "scenarios": run.scenarios,
        "block": run.block,
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "numba": numba.__version__,
        },
        "currency": str(scenario.currency),
        "layers": [layer.id for layer in one.engine.layers],
        "members": list(one.engine.members),
    }


def begun(one: Ready, run: Run) -> None:
    """Write the manifest of a new folder; Refused RESULTS_THERE where one holds a simulation already."""
    assert run.folder
    if results.is_there(run.folder):
        says = f"{run.folder} holds a simulation already"
        raise Refused(Problem("RESULTS_THERE", ("--out",), says, "another folder, or --resume"))
    results.save_manifest(run.folder, manifest_of(one, run))


def resumed(one: Ready, run: Run) -> None:
    """Take up what the folder has; Refused RESULTS_OTHER where it is of another model, rulebook or seed."""
    assert run.folder
    manifest = results.read_manifest(run.folder)
    mine = manifest_of(one, run)
    different = [word for word in ("engine", "seed") if manifest.get(word) != mine[word]]
    if different:
        says = f"{run.folder} is of another {'model or rulebook' if 'engine' in different else 'seed'}"
        raise Refused(Problem("RESULTS_OTHER", ("--resume",), says, "the same files and seed"))
    broken = Problem("RESULTS_BROKEN", (), f"{run.folder} is damaged", "another folder, to begin anew")
    block = manifest.get("block")
    if not isinstance(block, int) or block < 1:
        raise Refused(broken)
    run.block = block
    found = results.read_tally(run.folder)
    if found:
        arrays, ranges = found
        shapes = {name: one_.shape for name, one_ in run.tally._asdict().items()}
        if {name: array.shape for name, array in arrays.items()} != shapes or not _disjoint(ranges):
            raise Refused(broken)
        run.tally = type(run.tally)(**arrays)
        run.finished = [(int(first), int(count)) for first, count in ranges]
        if "defaults" in arrays and run.count != int(arrays["defaults"].sum()):
            raise Refused(broken)
    results.save_manifest(run.folder, {**mine, "begun": manifest.get("begun", mine["begun"])})


def _disjoint(ranges: np.ndarray[Any, Any]) -> bool:
    """Whether they are ranges of scenarios, none of which stands in two."""
    if ranges.ndim != 2 or ranges.shape[1] != 2 or (ranges < [0, 1]).any():
        return False
    order = ranges[np.argsort(ranges[:, 0])]
    return bool((order[:-1].sum(axis=1) <= order[1:, 0]).all())


def kept(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the tables of results."""
    for name, text in texts.items():
        results.write_bytes(folder / name, text.encode())


@dataclass(frozen=True, slots=True)
class RareRun:
    """What importance sampling found; ``cost``: of a scenario, pilots included, beside a plain one."""

    target: str
    found: RareFound
    cost: float
    tilt: dict[str, Any]


def rare_run(
    one: Ready, run: Run, target: str, level: float, workers: int, told: Callable[[int], None]
) -> RareRun:
    """Fit a tilt to losses beyond ``target``, and run it with a tenth of the scenarios.

    Refused as ``rare.fitted``.
    """
    fit = fitted(one.model, one.engine, target, run.seed)
    count = max(1000, run.count // 10)
    began = process_time()
    fitted(one.model, one.engine, target, run.seed)  # once more: the first may have been compiled on the way
    pilots = (process_time() - began) / count
    cost = (_cost(fit, run.seed) + pilots) / _cost(one.engine, run.seed)
    other = Run(fit, run.seed, count, max(1, min(run.block, count // 8)))
    with jobs.pool_of(fit, workers) as pool:
        other.go(pool, told)
    members = {
        member: {"odds": float(odds), "loss": float(loss)}
        for member, odds, loss in zip(one.engine.members, fit.tilt.odds, fit.tilt.loss, strict=True)
    }
    tilt = {"factors": [float(z) for z in fit.tilt.shift], "mixing": float(fit.tilt.numbers[0]), **members}
    return RareRun(target, rare_found(other.tally, one.engine.layers, level), cost, tilt)


def _cost(engine: Any, seed: int, count: int = 20_000) -> float:
    """Processor seconds of a scenario."""
    engine.run(seed, 0, 1)
    began = process_time()
    engine.run(seed, 0, count)
    return max(process_time() - began, 1e-9) / count
