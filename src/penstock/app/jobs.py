"""Long work in pieces: threads, processes or a Dask cluster, all with the same bits.

A task is (digest of the engine, seed, first scenario, count). What a task gives is kept by its range and
counted when it is complete, so one that was done twice, or again after a worker died, counts once.
"""

import multiprocessing
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from penstock.core.problems import Problem, Refused


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


_ENGINES: dict[str, Engine] = {}
"""Those of this process, by digest."""


def equip(engine: Engine) -> None:
    """Make the engine known to this process."""
    _ENGINES[engine.digest] = engine


def equip_from(path: str) -> None:
    """Make the engine in the file known to this process."""
    with open(path, "rb") as file:
        equip(pickle.load(file))


def perform(task: Task) -> Any:
    """Do one task with the engine of its digest."""
    return _ENGINES[task.digest].run(task.seed, task.first, task.count)


class Pool(Protocol):
    """Where tasks are done: ``width`` at a time."""

    width: int
    lost: tuple[type[BaseException], ...]
    """What a task raises whose worker died."""

    def submit(self, task: Task) -> "Future[Any]":
        """Begin a task."""

    def renewed(self) -> bool:
        """Begin anew after workers died; False where that is not possible."""


class Local:
    """Threads of this process, or processes of this machine."""

    def __init__(self, engine: Engine, width: int, *, processes: bool = False) -> None:
        self.engine, self.width, self.processes = engine, width, processes
        self.lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)
        self.file: Path | None = None
        self.executor = self._begun()

    def _begun(self) -> Executor:
        equip(self.engine)
        if not self.processes:
            return ThreadPoolExecutor(self.width)
        if self.file is None:
            # Not handed over through the pipe: a worker that is killed before it reads a large engine would
            # keep its parent writing for ever.
            handle, name = tempfile.mkstemp(prefix="penstock-", suffix=".engine")
            self.file = Path(name)
            with os.fdopen(handle, "wb") as file:
                pickle.dump(self.engine, file)
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.width, context, initializer=equip_from, initargs=(str(self.file),))

    def submit(self, task: Task) -> "Future[Any]":
        return self.executor.submit(perform, task)

    def renewed(self) -> bool:
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.executor = self._begun()
        return True

    def close(self) -> None:
        """Let go of the workers."""
        self.executor.shutdown(wait=True, cancel_futures=True)
        if self.file:
            self.file.unlink(missing_ok=True)


class Cluster:
    """A Dask cluster by its address; Refused CLUSTER where it does not answer."""

    def __init__(self, engine: Engine, address: str) -> None:
        from distributed import Client, KilledWorker
        from distributed.comm.core import CommClosedError
        from distributed.diagnostics.plugin import WorkerPlugin

        class Equip(WorkerPlugin):
            """Workers know the engine when they start, those that take the place of others too."""

            name = f"penstock-{engine.digest}"

            def setup(self, worker: Any) -> None:
                from penstock.app.jobs import equip as known

                known(engine)

        try:
            self.client = Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:  # ValueError: no address at all
            says = f"the cluster at {address} does not answer: {str(error)[:200]}"
            instead = "the address of a scheduler, such as tcp://host:8786"
            raise Refused(Problem("CLUSTER", ("--cluster",), says, instead)) from None
        self.lost: tuple[type[BaseException], ...] = (KilledWorker, CancelledError, CommClosedError)
        self.client.register_plugin(Equip())
        self.width = max(1, sum(self.client.nthreads().values()))
        self.executor = self.client.get_executor(pure=False, retries=3)

    def submit(self, task: Task) -> "Future[Any]":
        found: Future[Any] = self.executor.submit(perform, task)
        return found

    def renewed(self) -> bool:
        return False

    def close(self) -> None:
        """Leave the cluster as it was found."""
        self.executor.shutdown(wait=False)
        self.client.close()


@contextmanager
def pool_of(engine: Engine, workers: int = 0, processes: bool = False, cluster: str = "") -> Iterator[Pool]:
    """Threads by default, as many as there are processors; or processes; or the cluster."""
    width = workers or len(os.sched_getaffinity(0))
    pool: Local | Cluster = Cluster(engine, cluster) if cluster else Local(engine, width, processes=processes)
    try:
        yield pool
    finally:
        pool.close()


PATIENCE = "10s"
"""How long a cluster may take to answer."""
MOST_RENEWALS = 3
"""Without any task done in between."""


def perform_all(tasks: Iterable[Task], pool: Pool, done: Callable[[Task, Any], None]) -> None:
    """Do all tasks, a few in advance, and tell ``done`` of each once, in any order.

    Where workers die their tasks are done again. Refused WORKERS_DIED where that does not help.
    """
    waiting = iter(tasks)
    running: dict[Future[Any], Task] = {}
    again: list[Task] = []
    counted: set[tuple[int, int]] = set()
    renewals = 0
    while True:
        while len(running) < 2 * pool.width:
            task = again.pop() if again else next(waiting, None)
            if task is None:
                break
            try:
                running[pool.submit(task)] = task
            except pool.lost:
                again.append(task)
                break
        if not running and not again:
            return
        finished, _ = wait(running, return_when=FIRST_COMPLETED) if running else (set(), None)
        died = not running
        for future in finished:
            task = running.pop(future)
            try:
                found = future.result()
            except pool.lost:
                again.append(task)
                died = True
                continue
            renewals = 0
            if (task.first, task.count) not in counted:
                counted.add((task.first, task.count))
                done(task, found)
        if died:
            again += running.values()
            running.clear()
            renewals += 1
            if renewals > MOST_RENEWALS or not pool.renewed():
                says = "workers died again and again; what is done is kept in --out"
                raise Refused(
                    Problem("WORKERS_DIED", (), says, "fewer workers, or more memory; --resume goes on")
                )


def ranges(scenarios: int, block: int, finished: Iterable[tuple[int, int]] = ()) -> Iterator[tuple[int, int]]:
    """(first, count) of what is left of ``scenarios`` beside what is finished, in blocks."""
    at = 0
    for first, count in [*sorted(finished), (scenarios, 0)]:
        for start in range(at, min(first, scenarios), block):
            yield start, min(block, min(first, scenarios) - start)
        at = max(at, first + count)
