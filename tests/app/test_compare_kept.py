"""``penstock compare``: where it runs, what is kept and drawn, stopped, gone on with, damaged."""

import csv
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from app.test_cli import Done, penstock
from app.test_simulate import simulate
from app.test_simulate_resumed import interrupted
from app_files import folder_of
from penstock.app import keeping, simulating
from penstock.sim.comparison import pair
from penstock.store import results
from penstock.store.model_files import load_model

COUNT, BLOCK = 30_000, 5_000
KEPT = {"manifest.json", "tally.npz", "payers.csv", "members.csv", "summary.json", "comparison.svg"}
OUT = ("--out", "results")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A simulation, and another with twice the own capital and no calls."""
    folder_of(tmp_path)
    other = folder_of(tmp_path / "other").with_name("scenario.yaml")
    text = other.read_text(encoding="utf-8").replace('amount: "10000000"', 'amount: "20000000"')
    other.write_text(text.replace('multiple: "1"', 'multiple: "0"'), encoding="utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there are several."""
    monkeypatch.setattr(keeping, "block_of", lambda scenarios: BLOCK)


def compare(folder: Path, *words: str, count: int = COUNT) -> Done:
    """The command, with a few scenarios."""
    files = ("model.yaml", "other/model.yaml")
    return penstock("compare", *files, "--scenarios", str(count), *words, cwd=folder)


def good(folder: Path, *words: str, count: int = COUNT) -> Any:
    """What it prints as JSON."""
    done = compare(folder, *words, "--json", count=count)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def left(folder: Path) -> dict[Path, bytes]:
    """All files."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder: Path, done: Done, before: dict[Path, bytes], says: str) -> None:
    """With a message, and nothing written."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert says in done.stderr
    assert left(folder) == before


def table(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a CSV file by their first cell."""
    with path.open(encoding="utf-8", newline="") as file:
        return {next(iter(row.values())): row for row in csv.DictReader(file, strict=True)}


def test_a_folder_keeps_all_that_the_manual_names(folder: Path) -> None:
    """Tables that agree with what is printed, to the last digit."""
    printed = good(folder, *OUT, "--seed", "7")
    out = folder / "results"
    assert {path.name for path in out.iterdir()} == KEPT
    kept = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert {**kept, "begun": ""} == {**printed, "begun": ""}
    for name in ("payer", "member"):
        rows = table(out / f"{name}s.csv")
        assert list(rows) == [one["name"] for one in printed[f"{name}s"]]
        for one in printed[f"{name}s"]:
            row = rows[one["name"]]
            three = ("a_pays", one["pays"][0]), ("b_pays", one["pays"][1])
            for column, found in (*three, ("pays_difference", one["pays_difference"])):
                for end, word in (("", "estimate"), ("_low", "low"), ("_high", "high")):
                    assert float(row[column + end]) == pytest.approx(found[word], rel=1e-8)
            assert [row["a_mean"], row["b_mean"]] == one["mean"]
            for end, word in (("", "estimate"), ("_low", "low"), ("_high", "high")):
                assert row[f"mean_difference{end}"] == one["mean_difference"][word]
    assert ElementTree.parse(out / "comparison.svg").getroot().tag.endswith("svg")


def test_the_manifest_says_what_both_are(folder: Path) -> None:
    """The seed, the digests of both engines and rulebooks, versions."""
    good(folder, *OUT, "--seed", "7")
    manifest = results.read_manifest(folder / "results")
    paths = folder / "model.yaml", folder / "other" / "model.yaml"
    sides = [simulating.ready(load_model(path)) for path in paths]
    assert [manifest[side]["engine"] for side in "ab"] == [one.engine.digest for one in sides]
    assert manifest["engine"] == pair(sides[0].engine, sides[1].engine).digest
    assert manifest["a"]["rulebook"]["sha256"] != manifest["b"]["rulebook"]["sha256"]
    assert (manifest["kind"], manifest["seed"], manifest["scenarios"]) == ("comparison", 7, COUNT)
    assert set(manifest["versions"]) == {"python", "numpy", "scipy", "numba"}


def test_processes_give_the_bits_of_threads(folder: Path) -> None:
    """Any number of them."""
    good(folder, *OUT, "--workers", "1")
    good(folder, "--out", "processes", "--workers", "2", "--processes")
    first, second = (results.read_checkpoint(folder / name) for name in ("results", "processes"))
    assert first
    assert second
    assert all(np.array_equal(first.arrays[name], second.arrays[name]) for name in first.arrays)


def test_an_interrupted_comparison_keeps_what_is_done_and_is_resumed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with 130 and says how to go on; resumed it has the figures of one that never stopped."""
    good(folder, "--out", "whole")
    with monkeypatch.context() as patch:
        interrupted(patch, after=0)
        done = compare(folder, *OUT)
        assert (done.returncode, done.stdout) == (130, "")
        assert "before anything was done" in done.stderr
    with monkeypatch.context() as patch:
        interrupted(patch, after=4)
        done = compare(folder, *OUT, "--resume")
    assert done.returncode == 130
    part = json.loads((folder / "results" / "summary.json").read_text(encoding="utf-8"))
    assert part["interrupted"]
    assert 0 < part["scenarios"] < COUNT
    text = (
        f"Interrupted after {part['scenarios']:,} of 30,000 scenarios; they are kept: --out results --resume"
    )
    assert text in done.stderr
    assert compare(folder, *OUT, "--resume").returncode == 0
    for name in KEPT - {"manifest.json", "summary.json", "tally.npz"}:
        assert (folder / "results" / name).read_bytes() == (folder / "whole" / name).read_bytes()
    assert good(folder, *OUT, "--resume", count=40_000)["scenarios"] == 40_000


def test_a_folder_is_gone_on_with_by_what_it_is_of(folder: Path) -> None:
    """Not by a simulation, nor a simulation by a comparison; nor with the two the other way round."""
    good(folder, *OUT)
    assert simulate(folder, "--out", "plain", count=COUNT).returncode == 0
    before = left(folder)
    resume = (*OUT, "--resume")
    refused(folder, compare(folder, *OUT), before, says="holds results already")
    done = compare(folder, "--out", "plain", "--resume")
    refused(folder, done, before, says="plain is of a simulation, not of a comparison")
    done = simulate(folder, *resume)
    refused(folder, done, before, says="results is of a comparison, not of a simulation")
    refused(folder, compare(folder, *resume, "--seed", "2"), before, says="another seed")
    files = ("other/model.yaml", "model.yaml")
    done = penstock("compare", *files, "--scenarios", str(COUNT), *resume, cwd=folder)
    refused(folder, done, before, says="another model or rulebook")
    assert good(folder, *resume)["scenarios"] == COUNT, "the control: as it was begun"


def test_sums_of_another_folder_are_not_taken_up(folder: Path) -> None:
    """Of the same shape, under a manifest that is right: of another seed."""
    good(folder, *OUT)
    good(folder, "--out", "second", "--seed", "2")
    path = folder / "results" / results.TALLY
    whole = path.read_bytes()
    path.write_bytes((folder / "second" / results.TALLY).read_bytes())
    before = left(folder)
    refused(folder, compare(folder, *OUT, "--resume"), before, says="tally.npz is not of this model")
    path.write_bytes(whole)
    assert compare(folder, *OUT, "--resume").returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--resume",), "there is no folder to resume"),
        (("--resume", "--out", "nowhere"), "holds no simulation or comparison"),
        (("--out", "risk.csv"), "cannot be written"),
        (("--picture", "curves.pdf"), "curves.pdf"),
        (("--cluster", "nowhere"), "is no address of a Dask scheduler"),
        (("--level", "2"), "is no level"),
        (("--under", "nasdaq/commodities"), "are two comparisons"),
    ],
)
def test_words_that_cannot_be_meant(folder: Path, words: tuple[str, ...], says: str) -> None:
    """Before any work, with nothing left behind."""
    before = left(folder)
    refused(folder, compare(folder, *words), before, says=says)


def test_the_picture_says_what_each_payer_pays_and_the_difference(folder: Path) -> None:
    """As .svg and .png; amounts of the summary, whoever pays nothing or the same left out."""
    printed = good(folder)
    for name, first in (("both.svg", b"<?xml"), ("both.png", b"\x89PNG")):
        assert compare(folder, "--picture", name).returncode == 0
        assert (folder / name).read_bytes().startswith(first)
    words = re.findall(r">([^<>]+)</text>", (folder / "both.svg").read_text(encoding="utf-8"))
    names = {
        "other": "clearing house and others", "fund": "members, default fund", "call": "members, cash calls",
        "haircut": "members, gains haircut", "members": "members, together", "uncovered": "uncovered",
    }  # fmt: skip
    drawn = 0
    for one in printed["payers"]:
        if one["name"] in names and any(float(mean) for mean in one["mean"]):
            assert names[one["name"]] in words
            amounts = [f"{round(float(mean)):,}" if float(mean) else "0.00" for mean in one["mean"]]
            assert all(f"{side}  {amount}" in words for side, amount in zip("AB", amounts, strict=True))
            difference = float(one["mean_difference"]["estimate"])
            assert f"{'+' if difference > 0 else ''}{round(difference):,}" in words
            drawn += 1
    assert drawn == 6
    assert "the defaulters" not in words
    assert any("The defaulters pay the same under both" in word for word in words)


def test_where_nobody_pays_there_is_nothing_to_draw(folder: Path) -> None:
    """A folder without a picture; a picture that is asked for is refused."""
    for risk in (folder / "risk.csv", folder / "other" / "risk.csv"):
        header, *rows = [line.split(",") for line in risk.read_text(encoding="utf-8").splitlines()]
        lines = [header, *([row[0], "0", *row[2:]] for row in rows)]
        risk.write_text("\n".join(",".join(line) for line in lines) + "\n", encoding="utf-8")
    good(folder, *OUT)
    assert {path.name for path in (folder / "results").iterdir()} == KEPT - {"comparison.svg"}
    done = compare(folder, "--picture", "both.svg")
    assert done.returncode == 2
    assert "there is nothing to draw" in done.stderr
