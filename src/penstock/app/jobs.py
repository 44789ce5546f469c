"""Long work in pieces: threads, processes or a Dask cluster, all with the same bits.

A task is (digest of the engine, seed, first scenario, count). What a task gives is kept by its range and
counted when it is complete, so one that was done twice, or again after a worker died, counts once.
"""

import multiprocessing
import os
import pickle
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from penstock.app.tasks import Engine, Task, dismiss, equip, equip_from, perform
from penstock.core.problems import Problem, Refused


class Pool(Protocol):
    """Where tasks are done: ``width`` at a time."""

    width: int
    lost: tuple[type[BaseException], ...]
    """What a task raises whose worker died."""

    def submit(self, task: Task) -> "Future[Any]":
        """Begin a task."""

    def renewed(self) -> bool:
        """Begin anew after workers died; False, or Refused, where that is not possible."""


class Local:
    """Threads of this process, or processes of this machine."""

    lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)

    def __init__(self, engines: Sequence[Engine], width: int, *, processes: bool = False) -> None:
        self.engines, self.width, self.processes = engines, width, processes
        self.file: Path | None = None
        self.going: set[Future[Any]] = set()
        for engine in engines:
            equip(engine)
        self.executor = self._begun()

    def _begun(self) -> Executor:
        if not self.processes:
            return ThreadPoolExecutor(self.width)
        if self.file is None:
            # Not handed over through the pipe: a worker that is killed before it reads a large engine would
            # keep its parent writing for ever.
            handle, name = tempfile.mkstemp(prefix="penstock-", suffix=".engine")
            self.file = Path(name)
            with os.fdopen(handle, "wb") as file:
                pickle.dump(self.engines, file)
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.width, context, initializer=equip_from, initargs=(str(self.file),))

    def submit(self, task: Task) -> "Future[Any]":
        with _undisturbed() if self.processes else nullcontext():
            future = self.executor.submit(perform, task)
        self.going.add(future)
        future.add_done_callback(self.going.discard)
        return future

    def renewed(self) -> bool:
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.executor = self._begun()
        return True

    def close(self) -> None:
        """Let go of the workers; processes still at work are ended, nobody waits for what they give."""
        if self.going:
            for worker in list((getattr(self.executor, "_processes", None) or {}).values()):
                worker.terminate()
        self.executor.shutdown(wait=True, cancel_futures=True)
        for engine in self.engines:
            dismiss(engine)
        if self.file:
            self.file.unlink(missing_ok=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A process that begins here never hears of Ctrl-C, which a terminal sends to all: its parent ends it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def pool_of(
    engine: Engine, workers: int = 0, processes: bool = False, cluster: str = "", also: Sequence[Engine] = ()
) -> Iterator[Pool]:
    """Where tasks of the engine are done, and of those ``also`` known there.

    Threads by default, as many as there are processors; or processes; or a Dask cluster by its address.
    Refused CLUSTER and CLUSTER_VERSIONS.
    """
    engines = engine, *also
    pool: Any
    if cluster:
        from penstock.app.on_cluster import Cluster

        pool = Cluster(cluster, engines)
    else:
        pool = Local(engines, workers or len(os.sched_getaffinity(0)), processes=processes)
    try:
        yield pool
    finally:
        pool.close()


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
                instead = "fewer workers, or more memory; a folder of --out is gone on with by --resume"
                raise Refused(Problem("WORKERS_DIED", (), "workers died again and again", instead))


def ranges(scenarios: int, block: int, finished: Iterable[tuple[int, int]] = ()) -> Iterator[tuple[int, int]]:
    """(first, count) of what is left of ``scenarios`` beside what is finished, in blocks."""
    at = 0
    for first, count in [*sorted(finished), (scenarios, 0)]:
        for start in range(at, min(first, scenarios), block):
            yield start, min(block, min(first, scenarios) - start)
        at = max(at, first + count)
