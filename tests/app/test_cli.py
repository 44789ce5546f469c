"""The program as a user starts it: commands, exit codes, messages, and what a start costs."""

import contextlib
import csv
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from penstock.app.cli import main

SCENARIO = """\
scenario: A small default
currency: EUR
rulebook: illustrative/eu_second_skin
resources:
  members:
    D: {initial_margin: "10.00", default_fund: "5.00"}
    A: {default_fund: "30.00"}
    B: {default_fund: "60.00"}
defaults:
  - {member: D, at: "2024-06-03T09:00:00+02:00", loss: "40000020.00"}
"""


@dataclass
class Done:
    """What a run of the program left: exit code and both outputs."""

    returncode: int
    stdout: str
    stderr: str


def penstock(*words: str, cwd: Path, **environment: str) -> Done:
    """Run the program in ``cwd``, in this process: a start of its own costs half a second."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.chdir(cwd)
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            main(words)
        except SystemExit as stop:
            code = stop.code
    return Done(code if isinstance(code, int) else 1, out.getvalue(), err.getvalue())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    return tmp_path


def test_json_has_the_keys_of_the_contract(folder: Path) -> None:
    done = penstock("run", "scenario.yaml", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result) == ["scenario", "currency", "rulebook", "defaults", "totals"]
    assert set(result["rulebook"]) == {"id", "in_force", "sha256"}
    assert result["rulebook"]["id"] == "illustrative/eu_second_skin"
    assert result["rulebook"]["in_force"] == "2023-02-12"
    default = result["defaults"][0]
    assert default["member"] == "D"
    assert default["at"] == "2024-06-03T09:00:00+02:00"
    assert default["loss"] == "40000020.00"
    assert {"layer", "payer", "capacity", "used", "payers", "cite", "status"} <= set(default["layers"][0])
    assert [row["layer"] for row in default["layers"]] == [
        "defaulter_margin",
        "defaulter_fund",
        "skin_in_the_game",
        "member_fund",
        "second_skin_in_the_game",
        "assessment",
    ]
    assert default["layers"][3]["group"] == default["layers"][4]["group"] == "member_fund_and_second_skin"
    assert set(default["layers"][2]["cite"]) >= {"title", "href", "status"}
    assert default["surplus"] == {"house": "0.00"}
    # 40,000,020 less 15 of the defaulter, 20m, 90 + 10m by size, 90 of assessments
    assert default["uncovered"] == "9999825.00"
    assert result["totals"]["by_layer"]["assessment"] == "90.00"
    assert result["totals"]["by_payer"]["ccp"] == "30000000.00"
    paid = [float(amount) for amount in result["totals"]["by_payer"].values()]
    assert sum(paid) + 9999825 == 40000020


def test_the_hash_of_a_rulebook_ignores_comments_and_layout(folder: Path) -> None:
    assert penstock("init", ".", cwd=folder / "..").returncode in (0, 2)
    book = """\
rulebook: my/book
title: Mine
from: "2024-01-01"
currency: EUR
jurisdiction: US
citations: {r: {title: Rules, status: unverified}}
layers:
  - {id: sitg, payer: ccp, source: own_capital, limit: {amount: "1 000.00"}, cite: r 1}
"""
    same = """\
# the same, laid out otherwise
title: Mine
rulebook: my/book
currency: EUR
jurisdiction: US
from: 2024-01-01
citations:
  r:
    status: unverified
    title: Rules
layers:
  - id: sitg
    payer: ccp
    source: own_capital
    limit: {amount: "1000.00"}
    cite: r 1
"""
    hashes = []
    for text in (book, same, book.replace('"1 000.00"', '"1 001.00"')):
        (folder / "book.yaml").write_text(text, encoding="utf-8")
        done = penstock("rulebook", "check", "book.yaml", cwd=folder)
        assert done.returncode == 0, done.stderr
        hashes.append(done.stdout.split("sha256 of its content: ")[1].split()[0])
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_waterfall_fits_80_columns(folder: Path) -> None:
    for words in (("run", "scenario.yaml"), ("precedents", "replay", "krx-2013")):
        done = penstock(*words, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_the_nasdaq_waterfall_reads_as_drawn(folder: Path) -> None:
    done = penstock("precedents", "replay", "nasdaq-2018", cwd=folder)
    lines = [" ".join(line.replace("█", "").replace("░", "").split()) for line in done.stdout.splitlines()]
    assert "3 junior_capital CCP 7,000,000.00 full" in lines
    assert "4 member_fund 3 members 107,000,000.00 64.5 %" in lines
    assert "uncovered 0.00" in lines
    assert "CCP 7,000,000.00 (6.1 %) members 107,000,000.00 (93.9 %)" in lines


def test_what_if_krx_had_had_skin_in_the_game(folder: Path) -> None:
    done = penstock(
        "precedents", "replay", "krx-2013", "--what-if", "ccp=20000000000@member_fund", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "members 41,500,000,000 21,500,000,000 -20,000,000,000" in lines
    assert "ccp 0 20,000,000,000 20,000,000,000" in lines


def test_what_if_nasdaq_had_had_no_junior_capital(folder: Path) -> None:
    done = penstock("precedents", "replay", "nasdaq-2018", "--what-if", "without=junior_capital", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "members 107,000,000.00 114,000,000.00 7,000,000.00" in lines


def test_a_full_disk_is_no_fault_of_the_program() -> None:
    """Nothing more is said than that; to a file with room, the control, it is written."""
    words = [sys.executable, "-m", "penstock", "schema", "rulebook"]
    for path, code, says in (("/dev/full", 2, "cannot be written: No space left"), ("/dev/null", 0, "")):
        with Path(path).open("w") as file:
            done = subprocess.run(words, stdout=file, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == code
        assert says in done.stderr
        assert "fault" not in done.stderr


def test_compare_computes_its_figures_and_draws_both(folder: Path) -> None:
    words = (
        "precedents",
        "compare",
        "nasdaq-2018",
        "krx-2013",
        "--picture",
        "both.svg",
        "--picture",
        "both.png",
    )
    done = penstock(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    for figure in (
        "EUR 107,000,000.00",
        "KRW 41,500,000,000",
        "64.5 %",
        "10.5 %",
        "EUR 7,000,000.00",
        "none",
    ):
        assert figure in done.stdout
    assert "<svg" in (folder / "both.svg").read_text(encoding="utf-8")
    assert (folder / "both.png").read_bytes().startswith(b"\x89PNG")


def test_init_check_explain_run_most_and_curve_work_one_after_another(tmp_path: Path) -> None:
    assert penstock("init", "mine", cwd=tmp_path).returncode == 0
    mine = tmp_path / "mine"
    assert sorted(path.name for path in mine.iterdir()) == [
        "members.csv",
        "model.yaml",
        "risk.csv",
        "rulebook.yaml",
        "scenario.yaml",
    ]
    again = penstock("init", "mine", cwd=tmp_path)
    assert again.returncode == 2
    assert "FILE_EXISTS" in again.stderr
    assert penstock("rulebook", "check", "rulebook.yaml", cwd=mine).returncode == 0
    told = penstock("rulebook", "explain", "rulebook.yaml", cwd=mine).stdout
    assert "Third: skin_in_the_game" in told
    assert "up to EUR 25,000,000.00" in told
    bill = penstock("run", "scenario.yaml", "--explain", "M03", cwd=mine).stdout
    # the members' part of 19.5m beside 10m of second skin, 9m of 28.5m of it
    assert "14,435,064.94" in bill
    assert "6/19" in bill
    assert "4,558,441.56" in bill
    most = penstock("run", "scenario.yaml", "--most", "M03", cwd=mine).stdout
    assert "18,000,000.00" in most
    assert penstock("run", "scenario.yaml", "--curve", "curve.csv", cwd=mine).returncode == 0
    with (mine / "curve.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    fund = [row for row in rows if row["name"] == "member_fund"]
    assert [(row["from_loss"], row["to_loss"], row["slope"]) for row in fund] == [
        ("42000000.00", "80500000.00", "0.740260")
    ]
    assert penstock("run", "scenario.yaml", "--curve", "curve.svg", cwd=mine).returncode == 0
    assert "<svg" in (mine / "curve.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "nowhere.yaml"), 2, "FILE_NOT_FOUND"),
        (("run", "scenario.yaml", "--explain", "AA"), 2, "nobody in this scenario; write A"),
        (("run", "scenario.yaml", "--under", "illustrative/major_cpp"), 2, "illustrative/major_ccp"),
        (("run", "scenario.yaml", "--under", "illustrative/major_ccp"), 2, "CURRENCY_MISMATCH"),
        (("run", "scenario.yaml", "--picture", "x.gif"), 2, ".svg or .png"),
        (("run", "scenario.yaml", "--curve", "no/where/x.svg"), 2, "FILE_UNWRITABLE"),
        (("run", "--nonsense"), 2, "No such option"),
        (("precedents", "replay", "nasdaq"), 2, "PRECEDENT_NOT_FOUND"),
        (("precedents", "replay", "krx-2013", "--what-if", "without=members"), 2, "has no layer"),
        (("precedents", "replay", "krx-2013", "--what-if", "what=ever"), 2, "WHAT_IF"),
        (("rulebook", "explain", "krx/derivatives", "--on", "yesterday"), 2, "not a date"),
        (("rulebook", "check", "nowhere.yaml"), 2, "FILE_NOT_FOUND"),
        (("rulebook", "show", "krx/derivatives@2013-13-01"), 2, "not a date"),
        (("run", "scenario.yaml", "--json", "--most", "A"), 2, "one of them"),
        (("run", "scenario.yaml", "--curve", "x.txt"), 2, "curve.csv"),
        (("schema", "nothing"), 2, "rulebook"),
    ],
)
def test_a_mistake_is_told_in_words(folder: Path, words: tuple[str, ...], code: int, said: str) -> None:
    before = sorted(folder.rglob("*"))
    done = penstock(*words, cwd=folder)
    assert done.returncode == code
    assert said in " ".join(done.stderr.split()).replace("│ ", "")
    assert "Traceback" not in done.stderr + done.stdout
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "words",
    [
        ("size", "none.csv", "none.csv"),
        ("reverse", "none.csv"),
        ("liquidity", "none.csv", "none.csv"),
        ("simulate", "none.yaml"),
    ],
)
def test_a_picture_without_a_place_is_refused_before_anything_is_read(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """The control: with a place for it, what is missing is the first file."""
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    for name, says in (
        ("no/where/x.svg", "there is no folder no/where; write a folder that exists [FILE_UNWRITABLE]"),
        ("file/x.svg", "there is no folder file"),
        ("folder.svg", "it is a folder; write the name of a file [FILE_UNWRITABLE]"),
    ):
        done = penstock(*words, "--picture", name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr
    assert "FILE_NOT_FOUND" in penstock(*words, "--picture", "x.svg", cwd=tmp_path).stderr


def test_square_brackets_in_a_name_are_told_as_they_stand(folder: Path) -> None:
    text = SCENARIO.replace("    A: {", "    '[bold]A': {")
    assert text != SCENARIO
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    done = penstock("run", "scenario.yaml", "--explain", "[bold]A", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "[bold]A" in done.stdout


def test_where_no_loss_is_known_there_is_no_picture_and_no_traceback(folder: Path) -> None:
    text = SCENARIO.replace('loss: "40000020.00"', "loss: {unknown: true, why: nobody said}")
    assert text != SCENARIO
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    done = penstock("run", "scenario.yaml", "--picture", "x.svg", cwd=folder)
    assert done.returncode == 2
    assert "nothing to draw" in " ".join(done.stderr.split()).replace("│ ", "")
    assert not (folder / "x.svg").exists()


def test_ids_are_looked_up_in_the_named_folders_first(folder: Path) -> None:
    book = folder / "books" / "krx" / "derivatives.yaml"
    book.parent.mkdir(parents=True)
    shipped = penstock("rulebook", "show", "krx/derivatives", cwd=folder).stdout
    book.write_text(shipped.replace("Korea Exchange, derivatives market", "My own reading"), encoding="utf-8")
    by_option = penstock("rulebook", "list", "--rulebooks", "books", cwd=folder).stdout
    by_environment = penstock("rulebook", "list", cwd=folder, PENSTOCK_RULEBOOKS="books").stdout
    neither = penstock("rulebook", "list", cwd=folder).stdout
    assert "My own reading" in by_option
    assert "My own reading" in by_environment
    assert "My own reading" not in neither


@pytest.mark.parametrize("words", [("--help",), ("run", "scenario.yaml"), ("--version",)])
def test_starting_up_loads_no_heavy_library(folder: Path, words: tuple[str, ...]) -> None:
    probe = (
        "import sys, atexit\n"
        "heavy = {'numpy', 'scipy', 'matplotlib', 'fastapi', 'starlette', 'openpyxl', 'hypothesis'}\n"
        "atexit.register(lambda: sys.stderr.write('HEAVY ' + ' '.join(sorted(heavy & set(sys.modules)))))\n"
        f"sys.argv = ['penstock', *{list(words)!r}]\n"
        "from penstock.app.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("HEAVY ")


def test_without_its_assertions_it_does_not_start(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-O", "-m", "penstock", "--version"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "CONFIG_UNSAFE" in done.stderr


def test_a_fund_is_sized_from_two_tables(tmp_path: Path) -> None:
    margins, losses = tmp_path / "margins.csv", tmp_path / "losses.csv"
    margins.write_text("member,initial_margin\nA,10.00\nB,10.00\nC,20.00\n", encoding="utf-8")
    losses.write_text("scenario,A,B,C\none,30.00,15.00,0.00\ntwo,9.00,9.00,60.00\n", encoding="utf-8")
    done = penstock(
        "size",
        str(losses),
        str(margins),
        "--cover",
        "1",
        "--own",
        "4",
        "--buffer",
        "50",
        "--json",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [one["amount"] for one in found["cover"]] == ["40.00", "40.00", "40.00"]
    # C loses 40 beyond its margin; 36 with 4 of own capital, and half of it on top
    assert found["fund"]["size"] == "54.00"
    assert found["fund"]["contributions"] == {"A": "13.50", "B": "13.50", "C": "27.00"}
    picture = tmp_path / "covers.svg"
    assert (
        penstock("size", str(losses), str(margins), "--picture", str(picture), cwd=tmp_path).returncode == 0
    )
    assert "The largest defaults of one scenario" in picture.read_text(encoding="utf-8")
    wrong = penstock("size", str(losses), str(margins), "--buffer", "much", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "no percentage" in wrong.stderr


REVERSE = """\
member,stressed_loss,initial_margin,default_fund,probability
A,120.00,30.00,30.00,0.002
B,100.00,30.00,25.00,0.003
C,75.00,15.00,20.00,0.02
D,60.00,30.00,15.00,0.03
"""


def test_what_would_exhaust_the_fund_is_asked_of_a_table(tmp_path: Path) -> None:
    """Scores 90, 70, 60, 30 against 90 and 20 of own capital: A and B; A and D are likelier, but 120 too."""
    path = tmp_path / "members.csv"
    path.write_text(REVERSE, encoding="utf-8")
    done = penstock("reverse", str(path), "--own", "20", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["fewest"] == ["A", "B"]
    assert found["likeliest"]["members"] == ["A", "D"]
    assert [one["defaults"] for one in found["frontier"]] == [1, 2, 3, 4]
    text = penstock("reverse", str(path), "--own", "9000", cwd=tmp_path).stdout
    assert "No defaults in this scenario exhaust the fund." in text


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("0.03\n", "\n", "have no probability"),
        ("0.03\n", "1\n", "is not between 0 and 1"),
        ("0.03\n", "often\n", "is not between 0 and 1"),
        ("D,60.00", "C,60.00", "stands twice"),
        ("60.00,30.00", "60.00,-30.00", "is negative"),
        ("60.00,30.00", "60.00,", "has no initial_margin"),
        ("60.00", "NaN", "is no amount"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "members.csv"
    path.write_text(REVERSE.replace(old, new, 1), encoding="utf-8")
    done = penstock("reverse", str(path), cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert penstock("reverse", str(path), "--calls", "twice", cwd=tmp_path).returncode == 2
