"""A Dask cluster as a place where tasks are done; imported only where one is asked for.

What a worker gives comes with its versions: nothing is added up from one whose bits could differ from those
of the program that asks.
"""

import asyncio
import logging
import platform
import uuid
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
import numpy
from distributed import Client, KilledWorker, Security
from distributed.client import ClosedClientError
from distributed.comm.core import CommClosedError, connect
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.versions import VersionMismatchWarning

import penstock
from penstock.app.tasks import Engine, Task, dismiss, equip, perform
from penstock.core.problems import Problem, Refused
from penstock.sim import engine

PATIENCE = 3.0
"""Seconds that a scheduler may take to answer."""
_LOUD = "distributed", "tornado", "asyncio"


def _stamp() -> dict[str, str]:
    sources = sha256()
    for path in sorted(Path(engine.__file__).parent.glob("*.py")):
        sources.update(path.read_bytes())
    return {
        "penstock": penstock.__version__,
        "simulation": str(engine.VERSION),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": numpy.__version__,
        "numba": numba.__version__,
        "sources": sources.hexdigest()[:12],
    }


_STAMP = _stamp()
"""Of what is loaded: what stands on the disk may be newer."""


def stamp() -> dict[str, str]:
    """What the bits of a result depend on, beside the task: versions, and the sources of the simulation."""
    return _STAMP


def stamped(task: Task, wanted: dict[str, str]) -> tuple[dict[str, str], Any]:
    """The stamp of the worker, and what the task gives; nothing where another stamp is wanted."""
    return _STAMP, perform(task) if wanted == _STAMP else None


class Equip(WorkerPlugin):
    """Workers know the engines as long as they are needed, those that join later too."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = engines
        self.name = f"penstock-{uuid.uuid4().hex}"

    def setup(self, worker: Any) -> None:
        """When the worker hears of them."""
        for one in self.engines:
            equip(one)

    def teardown(self, worker: Any) -> None:
        """When nobody needs them any more."""
        for one in self.engines:
            dismiss(one)


class Cluster:
    """A Dask cluster by the address of its scheduler.

    Refused CLUSTER where it does not answer, CLUSTER_VERSIONS where a worker has other versions.
    """

    lost: tuple[type[BaseException], ...] = (
        KilledWorker,
        CancelledError,
        CommClosedError,
        ClosedClientError,
    )

    def __init__(self, address: str, engines: Sequence[Engine]) -> None:
        self.address, self.equip = address, Equip(engines)
        self.client: Any = None
        for name in (*logging.root.manager.loggerDict, *_LOUD):
            if name.split(".")[0] in _LOUD:
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        warnings.simplefilter("ignore", VersionMismatchWarning)  # it is we who look at versions
        try:
            self._join()
        except BaseException:
            self.close()
            raise

    def _join(self) -> None:
        """Become a client of the scheduler, once it is sure that there is one."""
        try:
            asyncio.run(asyncio.wait_for(_asked(self.address), PATIENCE))
            self.client = Client(self.address, timeout=PATIENCE, set_as_default=False)
            for worker, told in self.client.run(stamp, on_error="return").items():
                self._check(told, worker)
            self.client.register_plugin(self.equip)
            self.width = max(1, sum(self.client.nthreads().values()))
            self.executor = self.client.get_executor(pure=False, retries=3)
        except Refused:
            raise
        except Exception as error:  # whatever comes from an address where something else answers
            raise self._silent(error) from None

    def _silent(self, error: Exception) -> Refused:
        """What to say of an address where there is no scheduler."""
        why = "nobody answers"
        if isinstance(error, TypeError):  # TLS without certificates
            why = str(error)[:200]
        elif not isinstance(error, OSError):
            why = "something else answers"
        says = f"there is no Dask scheduler at {self.address}: {why}"
        instead = "the address of a scheduler that runs, such as tcp://host:8786"
        return Refused(Problem("CLUSTER", ("--cluster",), says, instead))

    def _check(self, told: Any, worker: str = "") -> None:
        """Refused CLUSTER_VERSIONS where the stamp is not ours."""
        if told == _STAMP:
            return
        who = f"the worker {worker}" if worker else "a worker"
        if isinstance(told, Mapping):
            word = next((word for word in _STAMP if told.get(word) != _STAMP[word]), "others")
            what = f"{word} {told.get(word, 'of another kind')}, not {_STAMP.get(word)}"
        else:
            what = f"another Penstock, or none: {str(told)[:200] or type(told).__name__}"
        says = f"{who} of {self.address} has {what}"
        instead = "the same versions on all workers as here"
        raise Refused(Problem("CLUSTER_VERSIONS", ("--cluster",), says, instead))

    def submit(self, task: Task) -> "Future[Any]":
        """Begin a task; Refused CLUSTER_VERSIONS from its future where the worker has other versions."""
        there: Future[Any] = self.executor.submit(stamped, task, _STAMP)
        here: Future[Any] = Future()

        def done(_: "Future[Any]") -> None:
            try:
                told, found = there.result()
                self._check(told)
                here.set_result(found)
            except BaseException as error:  # a future that never ends would be waited for
                here.set_exception(error)

        there.add_done_callback(done)
        return here

    def renewed(self) -> bool:
        """Come back after the connection or workers were lost; Refused CLUSTER_LOST where nobody is there."""
        self.close()
        try:
            self._join()
        except Refused as refused:
            if refused.problems[0].code != "CLUSTER":
                raise
            says = f"the Dask scheduler at {self.address} is gone"
            instead = "another cluster; a folder of --out is gone on with by --resume"
            raise Refused(Problem("CLUSTER_LOST", ("--cluster",), says, instead)) from None
        return True

    def close(self) -> None:
        """Leave the cluster as it was found."""
        client, self.client = self.client, None
        if client is None:
            return
        with suppress(Exception):  # what is gone needs no goodbye
            self.executor.shutdown(wait=False)
            if client.status == "running":
                forget = client.scheduler.unregister_worker_plugin
                client.sync(forget, name=self.equip.name, callback_timeout=PATIENCE)
        with suppress(Exception):
            client.close(timeout=PATIENCE)


async def _asked(address: str) -> None:
    """Ask who is there; any exception where it is no scheduler."""
    more = Security().get_connection_args("client")
    line = await connect(address, timeout=PATIENCE, **more)
    try:
        await line.write({"op": "identity", "n_workers": 0, "reply": True})
        if (await line.read())["type"] != "Scheduler":
            raise ValueError(f"{address} is no scheduler")
    finally:
        line.abort()
