"""``penstock simulate``: what is asked for, what is printed, what is kept, what is left where it stops."""

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.test_cli import Done, penstock
from app_files import MODEL, folder_of
from penstock.app import keeping, simulating
from penstock.sim.summary import summary
from penstock.sim.tally import PASSED, POSITIVE, REACHED, SUM, total
from penstock.store.model_files import load_model

COUNT, BLOCK = 30_000, 5_000
FILES = {"scenario.yaml", "risk.csv", "model.yaml"}
KEPT = {
    "manifest.json", "tally.npz", "layers.csv", "members.csv", "liability.csv", "exceedance.csv", "worst.csv",
    "summary.json", "exceedance.svg", "liability.svg",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a simulation."""
    folder_of(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there are several."""
    monkeypatch.setattr(keeping, "block_of", lambda scenarios: BLOCK)


def simulate(folder: Path, *words: str, count: int = COUNT) -> Done:
    """The command, with a few scenarios."""
    given = () if "--scenarios" in words else ("--scenarios", str(count))
    return penstock("simulate", "model.yaml", *given, *words, cwd=folder)


def good(folder: Path, *words: str, count: int = COUNT) -> Any:
    """What it prints as JSON."""
    done = simulate(folder, *words, "--json", count=count)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(folder: Path, *words: str, says: str) -> None:
    """With a message, before any work, and nothing written."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    folders = {path for path in folder.rglob("*") if path.is_dir()}
    done = simulate(folder, *words)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert says in done.stderr
    assert "write " in done.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert {path for path in folder.rglob("*") if path.is_dir()} == folders


# --- what is asked for --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seed", ["x", "-1", str(2**64), "1.5", "", " 1", "1e3", "١", "0" * 40 + "9" * 30, "0" * 5000]
)
def test_a_seed_that_is_none(folder: Path, seed: str) -> None:
    """The largest is one less than 2^64."""
    refused(folder, f"--seed={seed}", says="is no seed")


def test_the_seeds_at_both_ends(folder: Path) -> None:
    """Good, and different."""
    first, last = (good(folder, f"--seed={seed}") for seed in (0, 2**64 - 1))
    assert (first["seed"], last["seed"]) == (0, 2**64 - 1)
    assert first["layers"] != last["layers"]


@pytest.mark.parametrize("count", ["0", "-5", "abc", "1e-3", "", "1.5", "_", "1e", "inf", "nan", "１"])
def test_scenarios_that_are_none(folder: Path, count: str) -> None:
    """A whole number from one on."""
    refused(folder, f"--scenarios={count}", says="is no number of scenarios")


@pytest.mark.parametrize("count", ["1e18", "10_000_000_000_001", "9" * 19, "1e99"])
def test_scenarios_that_would_take_years(folder: Path, count: str) -> None:
    """Refused, not begun."""
    refused(folder, f"--scenarios={count}", says="would take years")


def test_scenarios_in_any_writing(folder: Path) -> None:
    """Powers of ten, digits in groups."""
    for text, count in (("2e3", 2000), ("2_000", 2000), ("1", 1)):
        assert good(folder, f"--scenarios={text}")["scenarios"] == count


@pytest.mark.parametrize("level", ["0", "1", "nan", "inf", "-0.5", "0.4999", "95"])
def test_a_level_that_is_none(folder: Path, level: str) -> None:
    """From a half to below one."""
    refused(folder, f"--level={level}", says="is no level")


def test_the_level_that_is_asked_for_is_the_one_that_is_told(folder: Path) -> None:
    """Wider intervals; the heading says 99.9 %, not 100."""
    narrow, wide = (good(folder, f"--level={level}") for level in (0.5, 0.999))
    for a, b in zip(narrow["layers"], wide["layers"], strict=True):
        assert b["hit"]["low"] < a["hit"]["low"] < a["hit"]["estimate"] < a["hit"]["high"] < b["hit"]["high"]
    heading = simulate(folder, "--level=0.999").stdout.splitlines()[3]
    assert heading.replace(" %", "%").split().count("99.9%") == 2, "two intervals"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--resume",), "there is no folder to resume"),
        (("--resume", "--out", "nowhere"), "holds no simulation"),
        (("--out", "risk.csv"), "cannot be written"),
        (("--out", "risk.csv/results"), "cannot be written"),
        (("--out", "x" * 300), "cannot be written"),
        (("--out", "/proc/results"), "cannot be written"),
        (("--picture", "curves.pdf"), "curves.pdf"),
        (("--under", "nobody/nothing"), "nobody/nothing"),
        (("--rulebooks", "nowhere"), "there is no folder nowhere"),
        (("--rare", "nothing"), "nothing"),
        (("--rare", "nothing", "--out", "results"), "nothing"),
    ],
)
def test_words_that_cannot_be_meant(folder: Path, words: tuple[str, ...], says: str) -> None:
    """Before any work, with nothing left behind."""
    refused(folder, *words, says=says)


@pytest.mark.parametrize("address", ["nowhere", "tcp://", "http://[", "http://host:80", "host:0", "", " "])
def test_a_cluster_that_is_none(folder: Path, address: str) -> None:
    """An empty address is not a run on this machine: a variable that is not set would be one."""
    refused(folder, "--cluster", address, "--out", "results", says="is no address of a Dask scheduler")


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_does_not_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder is begun, so that the same words can be given again."""
    monkeypatch.setattr("penstock.app.on_cluster.PATIENCE", 0.2)
    refused(folder, "--cluster", "tcp://127.0.0.1:9", "--out", "results", says="nobody answers")


@pytest.mark.parametrize("word", ["--processes", "--workers=2"])
def test_a_cluster_has_its_own_workers(folder: Path, word: str) -> None:
    """Both together are a mistake, whoever is right."""
    refused(folder, "--cluster", "tcp://127.0.0.1:9", word, says="the workers are those of the cluster")


def test_a_table_that_cannot_be_meant_leaves_nothing(folder: Path) -> None:
    """No folder is begun."""
    text = (folder / "risk.csv").read_text(encoding="utf-8")
    (folder / "risk.csv").write_text(text.replace("0.04", "NaN"), encoding="utf-8")
    refused(folder, "--out", "results", "--picture", "curves.svg", says="risk.csv:2:2: ")


@pytest.mark.parametrize(
    ("book", "word"),
    [
        ("segments: {names: [a, b]}", "segments"),
        ("{id: clients, payer: customer, source: collateral}", "payer: customer"),
    ],
)
def test_a_rulebook_that_cannot_be_simulated(folder: Path, book: str, word: str) -> None:
    """Refused by the word; every shipped rulebook stands in tests of the simulation."""
    text = (folder / "scenario.yaml").read_text(encoding="utf-8")
    if word == "segments":
        text = text.replace("  layers:", "  segments: [a, b]\n  layers:").replace(
            'loss: "0"', 'loss: {a: "0"}'
        )
    else:
        text = text.replace("    - {id: haircut", f"    - {book}\n    - {{id: haircut")
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    refused(folder, "--out", "results", says=f"cannot express {word!r}")


# --- what is printed ----------------------------------------------------------------------------------


def test_json_has_the_figures_of_the_tally(folder: Path) -> None:
    """Counts over scenarios, sums over scenarios; nothing else is printed."""
    printed = good(folder, "--seed", "7")
    one = simulating.ready(load_model(folder / "model.yaml"))
    tally = one.engine.run(7, 0, COUNT)
    told = summary(one.engine, tally)
    assert (printed["scenarios"], printed["seed"], printed["level"]) == (COUNT, 7, 0.95)
    assert printed["engine"] == one.engine.digest
    assert sum(printed["defaults"].values()) == COUNT
    for i, layer in enumerate(printed["layers"]):
        row = tally.measures[i]
        assert layer["hit"]["estimate"] == row[REACHED] / COUNT
        assert layer["exhausted"]["estimate"] == row[PASSED] / COUNT
        assert layer["used"]["positive"]["estimate"] == row[POSITIVE] / COUNT
        mean = total(row[SUM : SUM + 2]) / COUNT
        assert abs(float(layer["used"]["mean"]["estimate"]) * 100 - mean) <= 0.5
    assert [one["layer"] for one in printed["layers"]] == [layer.id for layer in one.engine.layers]
    members = {name: i for i, name in enumerate(one.engine.members)}
    for member in printed["members"]:
        place = members[member["member"]]
        sums = [total(tally.charges[place, kind : kind + 2]) / COUNT for kind in (0, 2, 4)]
        assert member["default"]["estimate"] == tally.defaulted[place] / COUNT
        assert abs(float(member["paid"]["mean"]["estimate"]) * 100 - sum(sums)) <= 0.5
        assert list(member["by_kind"]) == ["fund", "call", "haircut"]
        for kind, found in enumerate(member["by_kind"].values()):
            assert abs(float(found["mean"]["estimate"]) * 100 - sums[kind]) <= 0.5
            pays = int(tally.member_histogram[place, kind].sum())
            assert found["positive"]["estimate"] == pays / COUNT
    assert [one["scenario"] for one in printed["worst"]] == [number for _, _, number in told.worst]


def test_json_stays_json_beside_anything_else(folder: Path) -> None:
    """With pictures, replayed scenarios and importance sampling."""
    good(folder, "--open", "2")
    good(folder, "--picture", "curves.svg")


def test_amounts_that_cannot_be_negative_are_not(folder: Path) -> None:
    """Not even at the lower end of an interval, however few scenarios."""
    printed = good(folder, count=250)
    for one in (*printed["layers"], *printed["members"]):
        found = one.get("used") or one["paid"]
        for values in (found["mean"], *found["quantiles"].values(), *found["expected_shortfall"].values()):
            assert float(values["low"]) >= 0


def test_nobody_pays_more_than_it_has(folder: Path) -> None:
    """Quantiles and shortfalls of a member end where its fund, its calls and its gains do."""
    most = {"ALPHA": 85e6, "BETA": 64e6, "GAMMA": 42e6, "DELTA": 26e6, "EPSILON": 11e6}
    (folder / "scenario.yaml").write_text(
        (folder / "scenario.yaml").read_text(encoding="utf-8").replace('"10000000"}}', '"1.00"}}'),
        encoding="utf-8",
    )
    for member in good(folder, count=200_000)["members"]:
        found = member["paid"]
        for values in (*found["quantiles"].values(), *found["expected_shortfall"].values()):
            assert float(values["estimate"]) <= most[member["member"]]


def test_the_worst_are_replayed_to_the_cent(folder: Path) -> None:
    """As many as are asked for, the worst first, with the amounts that were added up."""
    worst = good(folder)["worst"]
    done = simulate(folder, "--open", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the same to the cent as simulated") == 3
    for one in worst[:3]:
        part = done.stdout.split(f"Scenario {one['scenario']}, replayed")[1].split("the same to the cent")[0]
        assert part.split("uncovered")[1].split()[0].replace(",", "") == one["uncovered"]
    assert simulate(folder, "--open", "101").returncode == 2


def test_a_replay_that_is_not_what_was_added_up_is_a_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: one unit more was added up."""
    run = keeping.Run.go

    def more(self: keeping.Run, *words: Any) -> bool:
        done = run(self, *words)
        self.tally.worst[:, 0] += 1
        return done

    monkeypatch.setattr(keeping.Run, "go", more)
    with pytest.raises(AssertionError, match="is not the same"):
        simulate(folder, "--open", "1")


def test_where_nobody_defaults_there_is_nothing_to_draw(folder: Path) -> None:
    """Zeros with their intervals; a folder without pictures."""
    text = (folder / "risk.csv").read_text(encoding="utf-8")
    header, *rows = [line.split(",") for line in text.splitlines()]
    lines = [header, *([row[0], "0", *row[2:]] for row in rows)]
    (folder / "risk.csv").write_text("\n".join(",".join(line) for line in lines) + "\n", encoding="utf-8")
    found = good(folder, "--out", "results")
    assert found["defaults"] == {"0": COUNT}
    assert all(layer["hit"]["estimate"] == 0 < layer["hit"]["high"] for layer in found["layers"])
    assert {path.name for path in (folder / "results").iterdir()} == KEPT - {
        "exceedance.svg",
        "liability.svg",
    }


# --- what is kept -------------------------------------------------------------------------------------


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_a_folder_keeps_all_that_the_manual_names(folder: Path) -> None:
    """Tables that agree with what is printed; pictures that are XML."""
    printed = good(folder, "--out", "results")
    out = folder / "results"
    assert {path.name for path in out.iterdir()} == KEPT
    kept = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert {**kept, "begun": ""} == {**printed, "begun": ""}
    for picture in out.glob("*.svg"):
        assert ElementTree.parse(picture).getroot().tag.endswith("svg")
    layers = {row["layer"]: row for row in table(out / "layers.csv")}
    assert list(layers) == [*(one["layer"] for one in printed["layers"]), "uncovered", "beyond_own_resources"]
    for one in printed["layers"]:
        row = layers[one["layer"]]
        assert float(row["hit"]) == pytest.approx(one["hit"]["estimate"], rel=1e-8)
        assert float(row["exhausted_high"]) == pytest.approx(one["exhausted"]["high"], rel=1e-8)
        assert (row["mean"], row["mean_low"]) == (one["used"]["mean"]["estimate"], one["used"]["mean"]["low"])
        assert row["quantile_0.99"] == one["used"]["quantiles"]["0.99"]["estimate"]
        assert row["shortfall_0.99"] == one["used"]["expected_shortfall"]["0.99"]["estimate"]
    members = {row["member"]: row for row in table(out / "members.csv")}
    for one in printed["members"]:
        row = members[one["member"]]
        assert row["mean"] == one["paid"]["mean"]["estimate"]
        assert float(row["default_low"]) == pytest.approx(one["default"]["low"], rel=1e-8)
    liability = {(row["member"], row["kind"]): row for row in table(out / "liability.csv")}
    assert len(liability) == 3 * len(printed["members"])
    for one in printed["members"]:
        for kind, paid in one["by_kind"].items():
            row, tail = liability[one["member"], kind], paid["expected_shortfall"]["0.99"]
            assert (row["mean"], row["mean_high"]) == (paid["mean"]["estimate"], paid["mean"]["high"])
            assert (row["shortfall_0.99"], row["shortfall_0.99_low"]) == (tail["estimate"], tail["low"])
    worst = [(int(row["scenario"]), row["uncovered"]) for row in table(out / "worst.csv")]
    assert worst == [(one["scenario"], one["uncovered"]) for one in printed["worst"]]
    for layer in printed["layers"]:
        curve = [row for row in table(out / "exceedance.csv") if row["layer"] == layer["layer"]]
        counts = [int(row["scenarios"]) for row in curve]
        assert counts == sorted(counts, reverse=True)
        assert counts[0] / COUNT == layer["used"]["positive"]["estimate"]
        assert float(curve[0]["probability_high"]) == pytest.approx(
            layer["used"]["positive"]["high"], rel=1e-8
        )
        amounts = [float(row["at_least"]) for row in curve]
        assert amounts == sorted(set(amounts))


def test_a_picture_is_written_where_it_is_asked_for(folder: Path) -> None:
    """As .svg and .png."""
    for name, first in (("curves.svg", b"<?xml"), ("curves.png", b"\x89PNG")):
        assert simulate(folder, "--picture", name).returncode == 0
        assert (folder / name).read_bytes().startswith(first)
    assert {path.name for path in folder.iterdir()} == FILES | {"curves.svg", "curves.png"}


def test_a_folder_that_holds_a_run_is_left_alone(folder: Path) -> None:
    """Not begun anew, and not gone on with under another seed or model."""
    good(folder, "--out", "results")
    refused(folder, "--out", "results", says="holds results already")
    (folder / "mine").mkdir()
    (folder / "mine" / "summary.json").write_text("{}", encoding="utf-8")
    refused(folder, "--out", "mine", says="holds other files")
    (folder / "empty").mkdir()
    good(folder, "--out", "empty")
    refused(folder, "--out", "results", "--resume", "--seed", "2", says="another seed")
    text = MODEL.replace('"0.5"', '"0.4"')
    (folder / "model.yaml").write_text(text, encoding="utf-8")
    refused(folder, "--out", "results", "--resume", says="another model or rulebook")
