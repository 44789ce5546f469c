"""``penstock simulate --out``: stopped, gone on with, damaged."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import penstock
from app.test_simulate import BLOCK, COUNT, KEPT, good, refused, simulate
from app.test_simulating import Interrupted
from app_files import folder_of
from penstock.app import jobs, keeping
from penstock.core.problems import Refused
from penstock.store import results


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a simulation."""
    folder_of(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there are several."""
    monkeypatch.setattr(keeping, "block_of", lambda scenarios: BLOCK)


# --- interrupted and resumed --------------------------------------------------------------------------


def interrupted(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Pools are stopped by Ctrl-C after some tasks."""
    whole = jobs.pool_of

    @contextmanager
    def stopped(*words: Any, **more: Any) -> Iterator[jobs.Pool]:
        with whole(*words, **more) as pool:
            yield Interrupted(pool, after)

    monkeypatch.setattr(jobs, "pool_of", stopped)


def shown(folder: Path) -> Any:
    """What a folder's summary says, but for when it was begun."""
    found = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return {**found, "begun": ""}


def test_an_interrupted_run_keeps_what_is_done_and_is_resumed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with 130 and says how to go on; the resumed run has the figures of one that never stopped."""
    good(folder, "--out", "whole")
    with monkeypatch.context() as patch:
        interrupted(patch, after=4)
        done = simulate(folder, "--out", "results")
    assert done.returncode == 130
    assert "--out results --resume goes on" in done.stderr
    part = shown(folder / "results")
    assert 0 < part["scenarios"] < COUNT
    assert part["scenarios"] % BLOCK == 0
    assert simulate(folder, "--out", "results", "--resume").returncode == 0
    assert shown(folder / "results") == shown(folder / "whole")
    for name in KEPT - {"manifest.json", "summary.json", "tally.npz"}:
        if name.endswith(".csv"):
            assert (folder / "results" / name).read_bytes() == (folder / "whole" / name).read_bytes()
    assert not list(folder.rglob("*.part"))


def test_a_run_interrupted_before_anything_was_done(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Says so; without a folder too; and can be gone on with."""
    with monkeypatch.context() as patch:
        interrupted(patch, after=0)
        for words in ((), ("--out", "results")):
            done = simulate(folder, *words)
            assert (done.returncode, done.stdout) == (130, "")
            assert "before anything was done" in done.stderr
    assert good(folder, "--out", "results", "--resume")["scenarios"] == COUNT


@pytest.mark.parametrize(("first", "then"), [(7_500, 30_000), (10_000, 12_345), (30_000, 30_000)])
def test_a_run_that_is_done_goes_on_to_more_scenarios(folder: Path, first: int, then: int) -> None:
    """Each scenario counts once, also where the first run ended within a block."""
    good(folder, "--out", "results", count=first)
    more = good(folder, "--out", "results", "--resume", count=then)
    assert more["scenarios"] == then
    assert {**more, "begun": ""} == {**good(folder, count=then), "begun": ""}
    assert shown(folder / "results") == {**more, "begun": ""}


def test_fewer_scenarios_than_are_there_do_not_count_any_twice(folder: Path) -> None:
    """What is done is done: all of it is told, or it is refused."""
    whole = good(folder, "--out", "results")
    done = simulate(folder, "--out", "results", "--resume", "--json", count=7_500)
    if done.returncode == 0:
        assert json.loads(done.stdout)["layers"] == whole["layers"]
    else:
        assert (done.returncode, done.stdout) == (2, "")


DAMAGE: dict[str, Any] = {
    "no block": lambda manifest: manifest.pop("block"),
    "a block of none": lambda manifest: manifest.update(block=0),
    "a block below zero": lambda manifest: manifest.update(block=-5),
    "a block that is none": lambda manifest: manifest.update(block="many"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_manifest(folder: Path, name: str) -> None:
    """Told as such; the good one, the control, is gone on with."""
    good(folder, "--out", "results")
    good(folder, "--out", "results", "--resume")
    manifest = results.read_manifest(folder / "results")
    DAMAGE[name](manifest)
    results.save_manifest(folder / "results", manifest)
    refused(folder, "--out", "results", "--resume", says="damaged")


def test_a_damaged_checkpoint_is_never_a_fault_of_the_program(folder: Path) -> None:
    """Whatever bit is turned in it: it is told to be damaged, or says what it said before."""
    whole = good(folder, "--out", "results")
    path = folder / "results" / results.TALLY
    data, some = path.read_bytes(), 0
    for number, place in enumerate(range(0, len(data), max(1, len(data) // 400))):
        turned = bytearray(data)
        turned[place] ^= 4
        path.write_bytes(turned)
        try:
            results.read_checkpoint(folder / "results")
        except Refused:
            some += 1
        if number % 20 == 0:
            done = simulate(folder, "--out", "results", "--resume", "--json")
            if done.returncode == 0:
                assert json.loads(done.stdout)["layers"] == whole["layers"]
            else:
                assert (done.returncode, done.stdout) == (2, "")
                assert "damaged" in done.stderr
    assert some > 100


def test_ctrl_c_in_a_terminal_is_told_by_one_process(folder: Path) -> None:
    """A terminal sends it to all of them; workers say nothing of it."""
    words = "--scenarios", "1e12", "--out", "results", "--processes", "--workers", "2"
    program = subprocess.Popen(
        [sys.executable, "-m", "penstock", "simulate", "model.yaml", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(penstock.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (folder / "results").exists() and program.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)
    os.killpg(program.pid, signal.SIGINT)
    _, err = program.communicate(timeout=120)
    assert program.returncode == 130
    assert len(err.splitlines()) == 1, err
    assert err.startswith("Interrupted ")
