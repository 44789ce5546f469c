"""``penstock simulate --rare``: where it runs, what is kept, what Ctrl-C leaves, what is not gone on with."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.test_cli import Done
from app.test_simulate import KEPT, refused, simulate
from app.test_simulate_resumed import interrupted
from app_files import folder_of
from penstock.app import keeping, weighing
from penstock.sim import rare
from penstock.store import results

COUNT, BLOCK = 30_000, 5_000
WEIGHTED = COUNT // weighing.PART
TASKS = COUNT // BLOCK
RARE = ("--rare", "uncovered", "--out", "results")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a simulation."""
    folder_of(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there are several, and so that costs are quickly measured."""
    monkeypatch.setattr(keeping, "block_of", lambda scenarios: BLOCK)
    monkeypatch.setattr(weighing, "_cost", lambda engine, seed: 1e-7)


def said(done: Done) -> Any:
    """What was printed as JSON, but for what is measured by a clock."""
    found = json.loads(done.stdout)
    weighted = found.get("importance_sampling", {"events": {}})
    weighted.pop("cost", None)
    for event in weighted["events"].values():
        event.pop("gain")
    return {**found, "begun": ""}


def sums(folder: Path) -> dict[str, Any]:
    """The weighted sums that a folder keeps."""
    found = results.read_checkpoint(folder, results.RARE)
    assert found
    return {**found.arrays, "source": found.source}


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Equal to the bit."""
    return all(np.array_equal(first[name], second[name]) for name in {*first, *second})


def test_a_folder_keeps_the_weighted_part(folder: Path) -> None:
    """The events of the summary stand in a table, each beside the plain run's."""
    done = simulate(folder, *RARE, "--json")
    assert done.returncode == 0, done.stderr
    out = folder / "results"
    assert {path.name for path in out.iterdir()} == KEPT | {"rare.npz", "rare.csv"}
    printed = json.loads(done.stdout)
    assert (printed["interrupted"], printed["importance_sampling"]["interrupted"]) == (False, False)
    assert printed["importance_sampling"]["scenarios"] == WEIGHTED
    plain = {"uncovered": printed["uncovered"]["positive"]}
    for one in printed["layers"]:
        plain |= {f"{one['layer']} {what}": one[what] for what in ("hit", "exhausted")}
    with (out / "rare.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["event"]: row for row in csv.DictReader(file, strict=True)}
    events = printed["importance_sampling"]["events"]
    assert set(rows) == set(events) == set(plain)
    for name, row in rows.items():
        for column, found in (("plain", plain[name]), ("weighted", events[name])):
            for end, word in (("", "estimate"), ("_low", "low"), ("_high", "high")):
                assert float(row[column + end]) == pytest.approx(found[word], rel=1e-8)
        assert float(row["effective_sample"]) == pytest.approx(events[name]["effective_sample"], rel=1e-8)


def test_the_weighted_part_runs_where_the_plain_one_does(folder: Path) -> None:
    """In processes, with the bits of threads."""
    one = simulate(folder, *RARE, "--json", "--workers", "1")
    other = simulate(folder, *RARE[:3], "other", "--json", "--workers", "2", "--processes")
    assert other.returncode == 0, other.stderr
    assert said(one) == said(other)
    assert same(sums(folder / "results"), sums(folder / "other"))
    seed = simulate(folder, *RARE[:3], "seed", "--seed", "2")
    assert seed.returncode == 0
    assert not same(sums(folder / "results"), sums(folder / "seed")), "the control: another seed"


@pytest.mark.parametrize("after", [TASKS + 3, TASKS + 6])
def test_an_interrupted_weighted_part_is_told_and_resumed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """It says which part, and how many of how many; resumed it has the bits of one that never stopped."""
    whole = simulate(folder, "--rare", "uncovered", "--out", "whole", "--json")
    with monkeypatch.context() as patch:
        interrupted(patch, after=after)
        done = simulate(folder, *RARE)
    assert done.returncode == 130
    kept = json.loads((folder / "results" / "summary.json").read_text(encoding="utf-8"))
    part = kept["importance_sampling"]
    assert (kept["interrupted"], part["interrupted"], kept["scenarios"]) == (False, True, COUNT)
    assert 0 < part["scenarios"] < WEIGHTED
    assert f"{part['scenarios']:,} scenarios of {WEIGHTED:,}, interrupted; mean weight" in done.stdout
    text = (
        f"in the weighted part, after 30,000 of 30,000 scenarios and {part['scenarios']:,} of 3,000 weighted"
    )
    assert text in done.stderr
    assert "--out results --resume goes on" in done.stderr
    again = simulate(folder, "--out", "results", "--resume", "--json")
    assert again.returncode == 0, again.stderr
    assert said(again) == said(whole), "aimed where the folder says"
    assert same(sums(folder / "results"), sums(folder / "whole"))
    table = (folder / "whole" / "rare.csv").read_bytes()
    assert (folder / "results" / "rare.csv").read_bytes() == table


def test_an_interrupted_plain_part_leaves_the_weighted_one_for_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is shown of it; with scenarios of an earlier run, those are."""
    with monkeypatch.context() as patch:
        interrupted(patch, after=3)
        done = simulate(folder, *RARE, "--json")
    assert done.returncode == 130
    part = json.loads(done.stdout)
    assert part["interrupted"]
    assert "importance_sampling" not in part
    assert f"after {part['scenarios']:,} of 30,000 scenarios and 0 of 3,000 weighted ones" in done.stderr
    assert simulate(folder, "--out", "results", "--resume").returncode == 0
    with monkeypatch.context() as patch:
        interrupted(patch, after=3)
        done = simulate(folder, "--out", "results", "--resume", "--json", count=2 * COUNT)
    assert done.returncode == 130
    more = json.loads(done.stdout)["importance_sampling"]
    assert (more["scenarios"], more["interrupted"]) == (WEIGHTED, True)
    assert "3,000 of 6,000 weighted ones" in done.stderr


def test_ctrl_c_while_pilots_are_fitted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is run, so nothing is begun; of a run that is resumed all stays as it was."""

    def stop(*words: Any) -> Any:
        raise KeyboardInterrupt

    def left() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = left()
    with monkeypatch.context() as patch:
        patch.setattr(weighing, "fitted", stop)
        done = simulate(folder, *RARE)
    assert (done.returncode, done.stdout, left()) == (130, "", before)
    assert "while the pilots of --rare were fitted, before anything was done" in done.stderr
    assert simulate(folder, *RARE).returncode == 0
    before = left()
    with monkeypatch.context() as patch:
        patch.setattr(weighing, "fitted", stop)
        done = simulate(folder, *RARE, "--resume", count=2 * COUNT)
    assert (done.returncode, done.stdout, left()) == (130, "", before)
    assert "while the pilots of --rare were fitted, after 30,000 of 60,000 scenarios" in done.stderr


def test_what_is_weighted_otherwise_is_not_gone_on_with(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another aim, another tilt; a plain run may be given an aim later."""
    assert simulate(folder, "--out", "results").returncode == 0
    assert simulate(folder, *RARE, "--resume").returncode == 0
    assert simulate(folder, *RARE, "--resume").returncode == 0, "the control: the same"
    resume = ("--out", "results", "--resume")
    refused(folder, *resume, "--rare", "calls", says="importance sampling aimed at uncovered")
    monkeypatch.setattr(
        weighing, "fitted", lambda model, one, aim, seed: rare.fitted(model, one, aim, seed + 1)
    )
    refused(folder, *resume, says="rare.npz is not of this model")


def test_an_aim_that_is_never_reached_is_refused_before_anything_is_run(folder: Path) -> None:
    """Not after hours of the plain run, with a folder left behind."""
    text = (folder / "risk.csv").read_text(encoding="utf-8")
    header, *rows = [line.split(",") for line in text.splitlines()]
    lines = [header, *([row[0], "0", *row[2:]] for row in rows)]
    (folder / "risk.csv").write_text("\n".join(",".join(line) for line in lines) + "\n", encoding="utf-8")
    refused(folder, *RARE, says="no pilot found a way beyond uncovered")


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no sums", b"\x93NUMPY"])
def test_a_damaged_checkpoint_of_weights_is_told(folder: Path, damage: bytes) -> None:
    """As one of the plain part is."""
    assert simulate(folder, *RARE).returncode == 0
    path = folder / "results" / results.RARE
    whole = path.read_bytes()
    path.write_bytes(damage)
    refused(folder, *RARE, "--resume", says="rare.npz is damaged")
    path.write_bytes(whole)
    assert simulate(folder, *RARE, "--resume").returncode == 0
