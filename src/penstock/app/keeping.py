"""Runs in pieces: interrupted, kept in a folder, resumed, with the bits of one that never stopped."""

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import typer

from penstock import __version__
from penstock.app import jobs
from penstock.app.console import INTERRUPTED, err
from penstock.app.options import Asked
from penstock.app.progress import counting
from penstock.app.tasks import Task
from penstock.core.canonical import digest
from penstock.core.problems import Problem, Refused
from penstock.store import results

if TYPE_CHECKING:
    from penstock.app.simulating import Ready

SAVE_EVERY = 30.0
"""Seconds between two checkpoints."""
_DAMAGED = "another folder, to begin anew"


@dataclass(slots=True)
class Run:
    """What an engine gave so far, of which ranges of scenarios.

    ``engine``: one, a pair of them, or one that draws by a tilt. ``name``: of its checkpoint in ``folder``.
    """

    engine: Any
    seed: int
    scenarios: int
    block: int
    folder: Path | None = None
    name: str = results.TALLY
    tally: Any = field(init=False)
    finished: list[tuple[int, int]] = field(default_factory=list)
    saved: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.tally = self.engine.nothing()

    @property
    def count(self) -> int:
        """Scenarios that are added up."""
        return sum(count for _, count in self.finished)

    @property
    def whole(self) -> bool:
        """Whether all that are asked for are."""
        return not any(jobs.ranges(self.scenarios, self.block, self.finished))

    def absorb(self, task: Task, tally: Any) -> None:
        """Count a task that is complete."""
        finished = [*self.finished, (task.first, task.count)]
        self.tally, self.finished = self.engine.added(self.tally, tally), finished
        if self.folder and monotonic() - self.saved > SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        assert self.folder
        ranges = np.array(sorted(self.finished), dtype=np.int64).reshape(-1, 2)
        found = results.Checkpoint(self.tally._asdict(), ranges, self._source())
        results.save_checkpoint(self.folder, self.name, found)
        self.saved = monotonic()

    def _source(self) -> np.ndarray[Any, Any]:
        return results.source_of(f"{self.engine.digest} {self.seed}")

    def take_up(self) -> None:
        """Go on with the checkpoint, if there is one.

        Refused RESULTS_BROKEN, and RESULTS_OTHER where another engine gave it.
        """
        assert self.folder
        found = results.read_checkpoint(self.folder, self.name)
        if not found:
            return
        path = self.folder / self.name
        shapes = {name: one.shape for name, one in self.tally._asdict().items()}
        if {name: one.shape for name, one in found.arrays.items()} != shapes or not _disjoint(found.ranges):
            raise Refused(Problem("RESULTS_BROKEN", (), f"{path} is damaged", _DAMAGED))
        if not np.array_equal(found.source, self._source()):
            says = f"{path} is not of this model, rulebook and seed, or was begun with other versions"
            raise Refused(Problem("RESULTS_OTHER", ("--resume",), says, _DAMAGED))
        self.tally = type(self.tally)(**found.arrays)
        self.finished = [(int(first), int(count)) for first, count in found.ranges]
        told = found.arrays.get("scenarios", found.arrays.get("defaults"))
        if told is not None and self.count != int(told.sum()):
            raise Refused(Problem("RESULTS_BROKEN", (), f"{path} is damaged", _DAMAGED))

    def go(self, pool: jobs.Pool, told: Callable[[int], None] = lambda count: None) -> bool:
        """Run what is left; False where it was interrupted, and what was done is kept."""
        digest_ = self.engine.digest
        tasks = (
            Task(digest_, self.seed, first, count)
            for first, count in jobs.ranges(self.scenarios, self.block, self.finished)
        )

        def done(task: Task, tally: Any) -> None:
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


def _disjoint(ranges: np.ndarray[Any, Any]) -> bool:
    """Whether they are ranges of scenarios, none of which stands in two."""
    if ranges.ndim != 2 or ranges.shape[1] != 2 or (ranges < [0, 1]).any():
        return False
    order = ranges[np.argsort(ranges[:, 0])]
    return bool((order[:-1].sum(axis=1) <= order[1:, 0]).all())


def block_of(scenarios: int) -> int:
    """Scenarios in a task: few enough to show progress, enough that handing out costs nothing."""
    return 2**18 if scenarios < 10**8 else 2**21 if scenarios < 10**11 else 2**26


# --- the folder ---------------------------------------------------------------------------------------


def manifest_of(
    kind: Literal["simulation", "comparison"], sides: Sequence["Ready"], run: Run, rare: str = ""
) -> dict[str, Any]:
    """What is run: enough to run it again, and to see that nothing has changed.

    ``sides``: one simulation, whose own words stand among the others, or the two that are compared, as ``a``
    and ``b``. ``rare``: the layer that importance sampling is aimed at.
    """
    import numba
    import scipy

    found = [_side(one) for one in sides]
    return {
        "kind": kind,
        **(found[0] if len(found) == 1 else dict(zip("ab", found, strict=True))),
        "penstock": __version__,
        "engine": run.engine.digest,
        "seed": run.seed,
        "scenarios": run.scenarios,
        "block": run.block,
        **({"rare": rare} if rare else {}),
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "numba": numba.__version__,
        },
        "currency": str(sides[0].file.scenario.currency),
        "members": list(sides[0].engine.members),
    }


def _side(one: "Ready") -> dict[str, Any]:
    scenario = one.file.scenario
    return {
        "simulation": one.file.title,
        "rulebook": {"id": scenario.rulebook.rulebook, "sha256": digest(scenario.rulebook)},
        "engine": one.engine.digest,
        "layers": [layer.id for layer in one.engine.layers],
    }


def opened(want: Asked, run: Run, mine: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of what is run or gone on with; in the latter case the run takes up what was done.

    ``mine``: what is asked for. Nothing is written. Refused RESULTS_THERE where a new folder holds anything;
    where one is to be resumed RESULTS_MISSING, RESULTS_BROKEN, and RESULTS_OTHER where it is of another kind,
    model, rulebook, seed, or of importance sampling aimed elsewhere.
    """
    if not want.folder:
        return dict(mine)
    if not want.resume:
        if results.is_there(want.folder):
            says = f"{want.folder} holds results already"
            raise Refused(Problem("RESULTS_THERE", ("--out",), says, "another folder, or --resume"))
        if results.is_taken(want.folder):
            says = f"{want.folder} holds other files"
            raise Refused(Problem("RESULTS_THERE", ("--out",), says, "a new folder, or an empty one"))
        return dict(mine)
    there = results.read_manifest(want.folder)
    _check_same(want.folder, there, mine)
    run.block = there["block"]
    run.take_up()
    if run.count > run.scenarios:
        err.print(f"{want.folder} has {run.count:,} scenarios already; all of them are told.", markup=False)
    same: dict[str, Any] = {word: there[word] for word in ("block", "begun", "rare") if word in there}
    return {**mine, **same}


def _check_same(folder: Path, there: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    kind, block, rare = there.get("kind"), there.get("block"), there.get("rare", "")
    says, instead = "", "the same files and seed"
    good = isinstance(block, int) and block > 0 and isinstance(rare, str)
    if not good or kind not in ("simulation", "comparison"):
        raise Refused(Problem("RESULTS_BROKEN", (), f"{folder} is damaged", _DAMAGED))
    if kind != mine["kind"]:
        says = f"{folder} is of a {kind}, not of a {mine['kind']}"
        instead = f"penstock {'simulate' if kind == 'simulation' else 'compare'}, or another folder"
    elif there.get("engine") != mine["engine"]:
        says = f"{folder} is of another model or rulebook"
    elif there.get("seed") != mine["seed"]:
        says = f"{folder} is of another seed"
    elif rare and mine.get("rare", rare) != rare:
        says, instead = f"{folder} is of importance sampling aimed at {rare}", f"--rare {rare}"
    if says:
        raise Refused(Problem("RESULTS_OTHER", ("--resume",), says, instead))


def kept(folder: Path, texts: Mapping[str, str], pictures: Mapping[str, Callable[[Path], None]]) -> None:
    """Write tables and pictures of results; a picture of nothing is left out."""
    for name, text in texts.items():
        results.write_bytes(folder / name, text.encode())
    for name, draw in pictures.items():
        try:
            draw(folder / name)
        except Refused as refused:
            if refused.problems[0].code != "NOTHING_TO_DRAW":
                raise


# --- running ------------------------------------------------------------------------------------------


def executed(want: Asked, manifest: Mapping[str, Any], runs: Sequence[Run]) -> None:
    """Do what is left of the runs, one after another, where it was asked for, until Ctrl-C.

    The folder is written to once there are workers, so that nothing is left where there are none. Refused as
    ``jobs.pool_of`` and ``jobs.perform_all``.
    """
    engines = [run.engine for run in runs]
    where = want.workers, want.processes, want.cluster
    with suppress(KeyboardInterrupt), jobs.pool_of(engines[0], *where, also=engines[1:]) as pool:
        if want.folder:
            results.save_manifest(want.folder, manifest)
        for run in runs:
            with counting(run.scenarios, err) as told:
                if not run.go(pool, told):
                    break
    if not runs[0].count:
        stopped(want, runs)


def stopped(want: Asked, runs: Sequence[Run], at: str = "") -> None:
    """Leave with INTERRUPTED where something is left to do: say what is done, and whether it is kept.

    ``at``: where it stopped, if not in the runs.
    """
    plain, *weighted = runs
    if not at and all(run.whole for run in runs):
        return
    if weighted and plain.whole:
        at = "in the weighted part, "
    done = [f"{plain.count:,} of {plain.scenarios:,} scenarios"]
    done += [f"{run.count:,} of {run.scenarios:,} weighted ones" for run in weighted]
    where = f"kept: --out {want.folder} --resume goes on" if want.folder else "kept above"
    said = f"after {' and '.join(done)}; they are {where}." if plain.count else "before anything was done."
    err.print(f"Interrupted {at}{said}", markup=False)
    raise typer.Exit(INTERRUPTED)
