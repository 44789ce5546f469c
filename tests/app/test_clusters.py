"""Dask clusters as users meet them: nobody there, gone in the middle, workers of another version."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from app.test_cli import penstock as command
from app_files import folder_of
from fragile import Adding
from penstock.app import jobs, keeping
from penstock.app.tasks import Task
from penstock.core.problems import Refused
from penstock.store import results

pytestmark = pytest.mark.filterwarnings("ignore")
SOURCE = Path(penstock.__file__).parents[1]


def started(module: str, *words: str, source: Path = SOURCE) -> subprocess.Popen[str]:
    """A program of its own, with the penstock of ``source``."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(folder: Path, source: Path = SOURCE) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A scheduler, its address, and one worker that joins when it is ready."""
    file = folder / "scheduler.json"
    where = "--no-dashboard", "--scheduler-file", str(file)
    words = ["--host", "127.0.0.1", "--port", "0"]
    scheduler = started("distributed.cli.dask_scheduler", *where, *words)
    words = ["--no-nanny", "--nthreads", "1", "--local-directory", str(folder)]
    worker = started("distributed.cli.dask_worker", *where, *words, source=source)
    try:
        yield _address(file), scheduler
    finally:
        for each in (scheduler, worker):
            each.kill()
            each.communicate()


def _address(file: Path) -> str:
    """What the scheduler writes when it is there."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            return str(json.loads(file.read_text(encoding="utf-8"))["address"])
        except (FileNotFoundError, ValueError):
            time.sleep(0.05)
    raise AssertionError("no scheduler came up")


# --- nobody there -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("abc", "'abc' is no address of a Dask scheduler"),
        ("tcp://127.0.0.1:1", "127.0.0.1:1: nobody answers"),
    ],
)
def test_where_there_is_no_cluster_one_line_says_so(tmp_path: Path, address: str, says: str) -> None:
    """In a few seconds, without a traceback or a line of a library's log; nothing is begun."""
    folder_of(tmp_path)
    began = time.monotonic()
    done = started("penstock", "simulate", str(tmp_path / "model.yaml"), "--cluster", address,
                   "--out", str(tmp_path / "results"))  # fmt: skip
    out, err = done.communicate(timeout=60)
    assert (done.returncode, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1, err
    assert time.monotonic() - began < 30, "half of it for a busy machine"
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9, b"\xff" * 999])
def test_what_is_no_scheduler_is_told(monkeypatch: pytest.MonkeyPatch, answer: bytes | None) -> None:
    """A server that says nothing, hangs up, or talks of something else."""
    import socket

    monkeypatch.setattr("penstock.app.on_cluster.PATIENCE", 0.5)
    lines = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                lines.append(line)
                if answer is not None:
                    line.sendall(answer)
                    line.close()

        threading.Thread(target=serve, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with (
            pytest.raises(Refused, match="there is no Dask scheduler at"),
            jobs.pool_of(Adding(), cluster=address),
        ):
            pass
        server.shutdown(socket.SHUT_RDWR)
    for line in lines:
        line.close()


# --- gone in the middle -------------------------------------------------------------------------------


def test_a_scheduler_that_dies_in_the_middle(tmp_path: Path) -> None:
    """One line says so; what was done is kept."""
    folder_of(tmp_path)
    out = tmp_path / "results"
    words = "simulate", str(tmp_path / "model.yaml"), "--out", str(out)
    with running(tmp_path) as (address, scheduler):
        done = started("penstock", *words, "--scenarios", "1e12", "--cluster", address)
        while not out.exists() and done.poll() is None:
            time.sleep(0.05)
        time.sleep(0.3)
        assert done.poll() is None, "it is in the middle"
        scheduler.kill()
        printed, err = done.communicate(timeout=60)
    assert (done.returncode, printed) == (2, "")
    assert f"the Dask scheduler at {address} is gone" in err
    assert "--resume" in err
    assert len(err.splitlines()) == 1, err
    assert results.read_checkpoint(out)
    assert results.read_manifest(out)["scenarios"] == 10**12


# --- who the workers are ------------------------------------------------------------------------------


def test_a_worker_with_other_sources_is_refused(tmp_path: Path) -> None:
    """The version of the bits is another there: named, before anything is begun."""
    folder_of(tmp_path)
    other = tmp_path / "other"
    shutil.copytree(SOURCE / "penstock", other / "penstock", ignore=shutil.ignore_patterns("__pycache__"))
    engine = other / "penstock" / "sim" / "engine.py"
    text = engine.read_text(encoding="utf-8")
    engine.write_text(text.replace("VERSION = ", "VERSION = 1 + "), encoding="utf-8")
    with running(tmp_path, source=other) as (address, _):
        _joined(address)
        done = command("simulate", "model.yaml", "--cluster", address, "--out", "results", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "has simulation" in done.stderr
    assert "the same versions on all workers" in done.stderr
    assert not (tmp_path / "results").exists()


def _joined(address: str) -> None:
    """Wait for one worker."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        client.wait_for_workers(1, timeout=30)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two worker processes of Dask on this machine."""
    import distributed

    local: Any = distributed.LocalCluster
    scratch = str(tmp_path_factory.mktemp("workers"))
    with local(n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=scratch) as found:
        yield found


@pytest.mark.parametrize("word", ["penstock", "simulation", "python", "numpy", "numba", "sources"])
def test_versions_that_are_not_ours_are_named(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """Each of what the bits depend on."""
    from penstock.app import on_cluster

    address = cluster.scheduler_address
    with jobs.pool_of(Adding(), cluster=address):
        pass
    monkeypatch.setitem(on_cluster._STAMP, word, "0")
    with pytest.raises(Refused, match=f"has {word} .*, not 0"), jobs.pool_of(Adding(), cluster=address):
        pass


def test_what_a_worker_of_another_version_gives_is_not_counted(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that joins when the run has begun: its task is refused; those before it count."""
    from penstock.app import on_cluster

    done: list[int] = []

    def told(task: Task, found: Any) -> None:
        assert found == Adding().run(task.seed, task.first, task.count)
        done.append(task.first)

    with jobs.pool_of(Adding(), cluster=cluster.scheduler_address) as pool:
        jobs.perform_all([Task("adding", 1, 0, 2)], pool, told)
        monkeypatch.setitem(on_cluster._STAMP, "numba", "0")
        with pytest.raises(Refused, match=r"a worker of .* has numba"):
            jobs.perform_all([Task("adding", 1, first, 2) for first in (2, 4)], pool, told)
    assert done == [0]


def test_a_cluster_is_left_as_it_was_found(cluster: Any) -> None:
    """No worker knows the engine afterwards, unless somebody else needs it."""
    from distributed import Client

    def known() -> list[str]:
        from penstock.app import tasks as there

        return list(there._ENGINES)

    with Client(cluster.scheduler_address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        for _ in range(2):
            with jobs.pool_of(Adding(), cluster=cluster.scheduler_address):
                with jobs.pool_of(Adding(), cluster=cluster.scheduler_address, also=[Adding("also")]):
                    found = client.run(known)
                    assert all(set(names) == {"adding", "also"} for names in found.values())
                assert all(names == ["adding"] for names in client.run(known).values())
            assert not any(client.run(known).values())


# --- what runs there ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [("simulate", "model.yaml", "--rare", "uncovered"), ("compare", "model.yaml", "other/model.yaml")],
)
def test_a_cluster_gives_the_bits_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: Any, words: tuple[str, ...]
) -> None:
    """Of weighted runs and of comparisons too; begun on the cluster, gone on with here."""
    monkeypatch.setattr(keeping, "block_of", lambda scenarios: 5000)
    folder_of(tmp_path)
    other = folder_of(tmp_path / "other").with_name("scenario.yaml")
    text = other.read_text(encoding="utf-8")
    other.write_text(text.replace('amount: "10000000"', 'amount: "20000000"'), encoding="utf-8")
    there = "--out", "there", "--cluster", cluster.scheduler_address
    for more in ((*there, "--scenarios", "12_000"), ("--out", "here", "--scenarios", "20_000")):
        done = command(*words, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (
        command(*words, "--out", "there", "--resume", "--scenarios", "20_000", cwd=tmp_path).returncode == 0
    )
    for name in (results.TALLY, results.RARE) if "--rare" in words else (results.TALLY,):
        first, second = (results.read_checkpoint(tmp_path / side, name) for side in ("here", "there"))
        assert first
        assert second
        assert all(np.array_equal(first.arrays[one], second.arrays[one]) for one in first.arrays)
        assert np.array_equal(first.source, second.source)
