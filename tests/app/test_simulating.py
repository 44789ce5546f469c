"""Simulations in pieces: any workers, any order, killed, interrupted and resumed, with the same bits."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app_files import folder_of
from fragile import Adding, DiesOnce, Sleeping
from penstock.app import jobs, keeping, simulating
from penstock.app.options import Asked
from penstock.app.tasks import Task, equip, perform
from penstock.core.problems import Refused
from penstock.sim.engine import Engine
from penstock.sim.tally import Tally, canonical
from penstock.store import results
from penstock.store.model_files import load_model

COUNT = 20_000


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> simulating.Ready:
    """The simulation, ready to run."""
    return simulating.ready(load_model(folder_of(tmp_path_factory.mktemp("simulation"))))


@pytest.fixture(scope="module")
def whole(ready: simulating.Ready) -> Tally:
    """All scenarios in one go."""
    return ready.engine.run(5, 0, COUNT)


def same(first: Tally, second: Tally) -> bool:
    """Equal to the bit."""
    return all((a == b).all() for a, b in zip(canonical(first), canonical(second), strict=True))


def run_of(engine: Engine, block: int, folder: Path | None = None) -> keeping.Run:
    """A run of all scenarios."""
    return keeping.Run(engine, 5, COUNT, block, folder)


def begun(ready: simulating.Ready, run: keeping.Run, resume: bool = False) -> None:
    """Begin the folder of the run."""
    assert run.folder
    want = Asked(run.scenarios, run.seed, 0.95, 0, False, "", run.folder, resume)
    manifest = keeping.opened(want, run, keeping.manifest_of("simulation", [ready], run))
    results.save_manifest(run.folder, manifest)


def resumed(ready: simulating.Ready, run: keeping.Run) -> None:
    """Go on with the folder of the run."""
    begun(ready, run, resume=True)


# --- the same bits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("workers", "block"), [(1, 20_000), (1, 7), (2, 4096), (3, 10_007), (16, 999)])
def test_any_number_of_threads_and_any_block_give_the_same_bits(
    ready: simulating.Ready, whole: Tally, workers: int, block: int
) -> None:
    """Blocks of seven scenarios: the first two thousand of them."""
    run = run_of(ready.engine, block)
    if block == 7:
        run.scenarios = 2_000
        whole = ready.engine.run(5, 0, 2_000)
    with jobs.pool_of(ready.engine, workers) as pool:
        assert run.go(pool)
    assert run.count == run.scenarios
    assert same(run.tally, whole)


def test_tasks_done_in_any_order_and_twice_count_once(ready: simulating.Ready, whole: Tally) -> None:
    """Ranges are merged as they come; one that comes again is passed."""

    class Shuffled:
        """Does tasks at once, and every third of them twice."""

        width = 8
        lost: tuple[type[BaseException], ...] = ()

        def submit(self, task: Task) -> Any:
            from concurrent.futures import Future

            future: Future[Any] = Future()
            future.set_result(perform(task))
            return future

        def renewed(self) -> bool:
            return False

    equip(ready.engine)
    tasks = [Task(ready.engine.digest, 5, first, n) for first, n in jobs.ranges(COUNT, 999)]
    tasks += tasks[::3]
    random.Random(3).shuffle(tasks)
    run = run_of(ready.engine, 999)
    jobs.perform_all(tasks, Shuffled(), run.absorb)
    assert run.count == COUNT
    assert same(run.tally, whole)
    run.absorb(tasks[0], ready.engine.run(5, tasks[0].first, tasks[0].count))
    assert not same(run.tally, whole), "the control: what is counted twice would be noticed"


def test_processes_give_the_same_bits_also_where_one_is_killed(
    ready: simulating.Ready, whole: Tally, tmp_path: Path
) -> None:
    """Its tasks are done again."""
    mark = tmp_path / "mark"
    fragile = DiesOnce(str(mark), ready.engine, at=5000)
    run = run_of(ready.engine, 5000)
    with jobs.pool_of(fragile, 2, processes=True) as pool:
        tasks = [Task(fragile.digest, 5, first, n) for first, n in jobs.ranges(COUNT, 5000)]
        jobs.perform_all(tasks, pool, run.absorb)
    assert mark.exists(), "a worker did die"
    assert run.count == COUNT
    assert same(run.tally, whole)


def test_workers_that_die_every_time_are_given_up() -> None:
    """With a message, not for ever."""
    fragile = DiesOnce("", Adding(), at=4)
    done: list[int] = []
    with jobs.pool_of(fragile, 1, processes=True) as pool:
        tasks = [Task(fragile.digest, 1, first, 1) for first in (0, 4)]
        with pytest.raises(Refused, match="died again and again"):
            jobs.perform_all(tasks, pool, lambda task, found: done.append(task.first))


def test_processes_at_work_are_ended_where_nobody_waits(tmp_path: Path) -> None:
    """After Ctrl-C: not once their minute is over."""
    mark = tmp_path / "mark"
    with jobs.pool_of(Sleeping(str(mark)), 1, processes=True) as pool:
        future = pool.submit(Task("sleeping", 1, 0, 1))
        while not mark.exists():
            time.sleep(0.05)
        began = time.monotonic()
    assert time.monotonic() - began < 30
    assert future.done()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two worker processes of Dask on this machine."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import distributed

        local: Any = distributed.LocalCluster

        scratch = str(tmp_path_factory.mktemp("workers"))
        with local(
            n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=scratch
        ) as found:
            yield found


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_the_same_bits(ready: simulating.Ready, whole: Tally, cluster: Any) -> None:
    """Two processes, by the address of their scheduler."""
    run = run_of(ready.engine, 2500)
    with jobs.pool_of(ready.engine, cluster=cluster.scheduler_address) as pool:
        assert pool.width == 2
        assert run.go(pool)
    assert same(run.tally, whole)


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_with_a_killed_worker_gives_the_same_bits(
    ready: simulating.Ready, whole: Tally, cluster: Any, tmp_path: Path
) -> None:
    """The cluster starts another, which knows the engine too."""
    mark = tmp_path / "mark"
    fragile = DiesOnce(str(mark), ready.engine, at=5000)
    run = run_of(ready.engine, 2500)
    with jobs.pool_of(fragile, cluster=cluster.scheduler_address) as pool:
        tasks = [Task(fragile.digest, 5, first, n) for first, n in jobs.ranges(COUNT, 2500)]
        jobs.perform_all(tasks, pool, run.absorb)
    assert mark.exists()
    assert run.count == COUNT
    assert same(run.tally, whole)


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any work."""
    monkeypatch.setattr("penstock.app.on_cluster.PATIENCE", 0.2)
    with pytest.raises(Refused, match="nobody answers"), jobs.pool_of(Adding(), cluster="tcp://127.0.0.1:9"):
        pass


# --- checkpoints --------------------------------------------------------------------------------------


class Interrupted:
    """A pool of one thread, stopped by Ctrl-C after some tasks."""

    width = 1
    lost: tuple[type[BaseException], ...] = ()

    def __init__(self, pool: jobs.Pool, after: int) -> None:
        self.pool, self.left = pool, after

    def submit(self, task: Task) -> Any:
        """Begin a task, or stop."""
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return self.pool.submit(task)

    def renewed(self) -> bool:
        """Never."""
        return False


def test_an_interrupted_run_keeps_what_is_done_and_goes_on(
    ready: simulating.Ready, whole: Tally, tmp_path: Path
) -> None:
    """The resumed run has the bits of one that was never interrupted."""
    folder = tmp_path / "results"
    run = run_of(ready.engine, 999, folder)
    begun(ready, run)
    with jobs.pool_of(ready.engine, 1) as pool:
        assert not run.go(Interrupted(pool, after=7))
    assert 0 < run.count < COUNT
    again = run_of(ready.engine, 4096, folder)
    resumed(ready, again)
    assert again.count == run.count
    assert again.block == 999, "blocks are those of the run that is resumed"
    with jobs.pool_of(ready.engine, 2) as pool:
        assert again.go(pool)
    assert same(again.tally, whole)
    done = run_of(ready.engine, 999, folder)
    resumed(ready, done)
    assert same(done.tally, whole)


def test_a_run_of_something_else_is_not_resumed(ready: simulating.Ready, tmp_path: Path) -> None:
    """Another seed, another model; a folder that holds a run already is not begun anew."""
    folder = tmp_path / "results"
    begun(ready, run_of(ready.engine, 999, folder))
    resumed(ready, run_of(ready.engine, 999, folder))
    with pytest.raises(Refused, match="another seed"):
        resumed(ready, keeping.Run(ready.engine, 6, COUNT, 999, folder))
    with pytest.raises(Refused, match="holds results already"):
        begun(ready, run_of(ready.engine, 999, folder))
    manifest = results.read_manifest(folder)
    results.save_manifest(folder, {**manifest, "engine": "0" * 64})
    with pytest.raises(Refused, match="another model or rulebook"):
        resumed(ready, run_of(ready.engine, 999, folder))


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a tally", b"\x93NUMPY"])
def test_a_damaged_checkpoint_is_told(ready: simulating.Ready, tmp_path: Path, damage: bytes) -> None:
    """Nothing is guessed from half a file."""
    folder = tmp_path / "results"
    run = run_of(ready.engine, 999, folder)
    begun(ready, run)
    run.save()
    resumed(ready, run_of(ready.engine, 999, folder))
    (folder / results.TALLY).write_bytes(damage)
    with pytest.raises(Refused, match="damaged"):
        resumed(ready, run_of(ready.engine, 999, folder))
