"""Simulation files that cannot be meant: refused before any work, with place and remedy."""

from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest

from app_files import MODEL, RISK, SCENARIO
from penstock.app.simulating import Ready, ready
from penstock.core.problems import Refused
from penstock.store.model_files import load_model

Change = tuple[str, str]
COPULA = 'copula: {kind: student_t, degrees_of_freedom: "4"}'
LOSSES = "losses: {tail: student_t, mixing: copula}"
SCALES = ("loss_volatility", "loss_scale")


def files(folder: Path, scenario: str, risk: str, model: str) -> Path:
    """The files of a simulation; the simulation itself."""
    for name, text in (("scenario.yaml", scenario), ("risk.csv", risk), ("model.yaml", model)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "model.yaml"


def read(folder: Path, scenario: str = SCENARIO, risk: str = RISK, model: str = MODEL) -> Ready:
    """The simulation made ready."""
    return ready(load_model(files(folder, scenario, risk, model)))


def changed(text: str, *changes: Change) -> str:
    """The text with something else in it."""
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    return text


def refused(folder: Path, code: str, says: str, at: str, **texts: str) -> None:
    """Every problem has a place and a remedy; one of them is this one."""
    before = sorted(folder.iterdir())
    with pytest.raises(Refused) as raised:
        read(folder, **texts)
    found = [(one.code, one.says, one.place) for one in raised.value.problems]
    assert all(one.instead and one.place for one in raised.value.problems), found
    assert any(c.startswith(code) and says in s and at in p for c, s, p in found), found
    assert sorted(folder.iterdir()) == sorted({*before, *(folder / name for name in FILES)})


FILES = ("scenario.yaml", "risk.csv", "model.yaml")


def test_the_files_that_all_these_are_made_of_are_good(tmp_path: Path) -> None:
    """The control: five members in two blocks, t copula, two regimes of gains."""
    one = read(tmp_path)
    assert one.model.members == ("ALPHA", "BETA", "GAMMA", "DELTA", "EPSILON")
    assert one.model.block.tolist() == [0, 0, 0, 1, 1]
    assert (one.model.degrees, one.model.tail, one.model.tail_degrees) == (4, "student_t", 0)
    assert one.waterfall.regimes == 2
    plain = read(tmp_path, model=MODEL[: MODEL.index(COPULA)])
    assert (plain.model.degrees, plain.model.tail) == (inf, "normal")


# --- the file -----------------------------------------------------------------------------------------


def own_degrees(degrees: str) -> Change:
    """Losses with a tail of their own."""
    return LOSSES, f'losses: {{tail: student_t, degrees_of_freedom: "{degrees}"}}'


def pareto(index: str) -> Change:
    """Losses of a generalised Pareto distribution."""
    return LOSSES, f'losses: {{tail: pareto, index: "{index}"}}'


def correlations(*told: str) -> Change:
    """Other correlations between the blocks."""
    return MODEL[MODEL.index("correlations") :], "\n".join(["correlations:", *told]) + "\n"


FILE: dict[str, tuple[str, str, str, tuple[Change, ...]]] = {
    "no title": ("MODEL_MISSING", "a simulation needs", "model.yaml", (("simulation:", "note:"),)),
    "no scenario": ("MODEL_MISSING", "'scenario'", "model.yaml", (("scenario: scenario.yaml\n", ""),)),
    "no members": ("MODEL_MISSING", "'members'", "model.yaml", (("members: risk.csv\n", ""),)),
    "an unknown word": ("MODEL_", "'copulas'", "model.yaml:5", (("copula:", "copulas:"),)),
    "another scenario": (
        "FILE_NOT_FOUND",
        "there is no",
        "model.yaml:3",
        (("scenario.yaml", "scenarios.yaml"),),
    ),
    "another table": ("FILE_NOT_FOUND", "there is no such table", "risks.csv", (("risk.csv", "risks.csv"),)),
    "a table of another kind": ("FILE_TYPE", "not a table", "model.yaml", (("risk.csv", "model.yaml"),)),
    "a copula that there is not": (
        "MODEL_",
        "clayton",
        "model.yaml:5",
        (("kind: student_t", "kind: clayton"),),
    ),
    "a Gaussian copula with degrees": (
        "MODEL_DEGREES",
        "has none",
        "model.yaml:5",
        (("kind: student_t", "kind: gaussian"),),
    ),
    "no degrees": (
        "MODEL_MISSING",
        "degrees_of_freedom",
        "model.yaml:5",
        ((COPULA, "copula: {kind: student_t}"),),
    ),
    "zero degrees": ("MODEL_DEGREES", "degrees of freedom", "model.yaml:5", (('"4"', '"0"'),)),
    "negative degrees": ("MODEL_", "", "model.yaml:5", (('"4"', '"-3"'),)),
    "degrees that are none": ("MODEL_", "", "model.yaml:5", (('"4"', '"nan"'),)),
    "very many degrees": ("MODEL_DEGREES", "up to 1000", "model.yaml:5", (('"4"', '"1001"'),)),
    "hardly any degrees": ("MODEL_DEGREES", "", "model.yaml:5", (('"4"', '"0.0001"'),)),
    "hardly any degrees of the losses": ("MODEL_DEGREES", "", "model.yaml:6", (own_degrees("0.0001"),)),
    "no degrees of the losses": ("MODEL_MISSING", "", "model.yaml:6", ((", mixing: copula", ""),)),
    "zero degrees of the losses": (
        "MODEL_DEGREES",
        "degrees of freedom",
        "model.yaml:6",
        (own_degrees("0"),),
    ),
    "mixing and degrees": (
        "MODEL_",
        "",
        "model.yaml:6",
        (("mixing: copula", 'mixing: copula, degrees_of_freedom: "3"'),),
    ),
    "mixing of a Gaussian copula": ("MODEL_MIXING", "no mixing", "model.yaml", ((COPULA + "\n", ""),)),
    "another tail": ("MODEL_", "cauchy", "model.yaml:6", (("tail: student_t", "tail: cauchy"),)),
    "a normal tail with an index": (
        "MODEL_WORD",
        "has no",
        "model.yaml:6",
        ((LOSSES, 'losses: {tail: normal, index: "0.1"}'),),
    ),
    "an index of one": ("MODEL_INDEX", "infinite", "model.yaml:6", (pareto("1"),)),
    "a negative index": ("MODEL_RANGE", "zero or more", "model.yaml:6", (pareto("-0.2"),)),
    "an unknown block": (
        "MODEL_BLOCK",
        "'funds' is neither a block nor market",
        "model.yaml:8",
        (("[banks, brokers]", "[banks, funds]"),),
    ),
    "a block with itself": (
        "MODEL_BLOCK",
        "not two blocks",
        "model.yaml:8",
        (("[banks, brokers]", "[banks, banks]"),),
    ),
    "a pair twice": (
        "MODEL_TWICE",
        "stand twice",
        "model.yaml:9",
        (("[banks, market]", "[brokers, banks]"),),
    ),
    "a correlation above one": ("MODEL_RANGE", "from -1 to 1", "model.yaml:8", (('"0.5"', '"1.5"'),)),
    "a correlation that is none": ("MODEL_RANGE", "from -1 to 1", "model.yaml:8", (('"0.5"', '"nan"'),)),
    "half a correlation": ("MODEL_MISSING", "both", "model.yaml:8", ((', is: "0.5"', ""),)),
    "correlations that cannot hold at once": (
        "MODEL_CORRELATION",
        "not positive semidefinite",
        "model.yaml",
        (
            correlations(
                '  - {between: [banks, brokers], is: "0.9"}',
                '  - {between: [banks, market], is: "0.9"}',
                '  - {between: [brokers, market], is: "-0.9"}',
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", FILE)
def test_a_file_that_cannot_be_meant(tmp_path: Path, name: str) -> None:
    """One thing in it is wrong; scales rather than volatilities, so that degrees may be few."""
    code, says, at, changes = FILE[name]
    refused(tmp_path, code, says, at, model=changed(MODEL, *changes), risk=changed(RISK, SCALES))


@pytest.mark.parametrize(
    ("change", "good"),
    [
        (own_degrees("2"), own_degrees("2.1")),
        (own_degrees("1.5"), own_degrees("3")),
        (('"4"', '"2"'), ('"4"', '"2.5"')),
        (pareto("0.5"), pareto("0.49")),
        (pareto("0.9"), pareto("0")),
    ],
)
def test_a_volatility_where_there_is_none(tmp_path: Path, change: Change, good: Change) -> None:
    """Degrees of freedom up to 2, an index from 0.5 on; as scales they are good."""
    refused(tmp_path, "MODEL_ROW", "a loss has no volatility", "risk.csv:2:", model=changed(MODEL, change))
    read(tmp_path, model=changed(MODEL, good))
    read(tmp_path, model=changed(MODEL, change), risk=changed(RISK, SCALES))


def test_a_volatility_is_the_standard_deviation_whatever_the_tail(tmp_path: Path) -> None:
    """sqrt((nu - 2) / nu) of it for t, (1 - xi) sqrt(1 - 2 xi) for Pareto, all of it for a normal loss."""
    for change, part in (
        (own_degrees("4"), 0.5**0.5),
        (pareto("0.375"), 0.625 * 0.5),
        ((LOSSES + "\n", ""), 1.0),
    ):
        one = read(tmp_path, model=changed(MODEL, change))
        assert one.model.scale[0] == pytest.approx(60_000_000_00 * part)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ((SCENARIO[SCENARIO.index("defaults:") :], ""), "SCENARIO_MISSING", "needs 'defaults'"),
        ((SCENARIO[SCENARIO.index("defaults:") :], "defaults: []\n"), "", ""),
        (("currency: EUR", "currency: EURO"), "CURRENCY_UNKNOWN", ""),
        (("payer: ccp", "payer: cpp"), "", "cpp"),
        (("  members:\n", "  member:\n"), "SCENARIO_", "member"),
        (('gains: "0"}', 'gains: "nan"}'), "MONEY_", ""),
        (("rulebook:", "rulebook: ["), "YAML_SYNTAX", ""),
    ],
)
def test_a_scenario_that_cannot_be_meant(tmp_path: Path, change: Change, code: str, says: str) -> None:
    """With its own place; a simulation needs a default whose circumstances all have."""
    with pytest.raises(Refused) as raised:
        read(tmp_path, scenario=changed(SCENARIO, change))
    first = raised.value.problems[0]
    assert first.code.startswith(code)
    assert says in first.says
    assert ".yaml" in first.place
    assert first.instead


DAMAGED: list[Callable[[str], bytes]] = [
    lambda text: text.replace("{kind", "{{kind").encode(),
    lambda text: text.replace("copula:", "\tcopula:").encode(),
    lambda text: text.encode() + b"\xff\xfe",
    lambda text: text.encode("utf-16"),
    lambda text: text.encode() + b"\0",
    lambda text: b"",
    lambda text: b"- a\n- b\n",
    lambda text: (text + "simulation: again\n").encode(),
    lambda text: text.replace("members: risk.csv", "members: &a [*a]").encode(),
    lambda text: text.replace("members: risk.csv", "members: !!python/object:os.system x").encode(),
]


@pytest.mark.parametrize("number", range(len(DAMAGED)))
def test_a_damaged_file(tmp_path: Path, number: int) -> None:
    """Refused with its name, whatever is in it."""
    path = files(tmp_path, SCENARIO, RISK, MODEL)
    load_model(path)
    path.write_bytes(DAMAGED[number](MODEL))
    with pytest.raises(Refused) as raised:
        load_model(path)
    assert "model.yaml" in raised.value.problems[0].place
    assert raised.value.problems[0].instead


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Or is a folder."""
    for path in (tmp_path / "other.yaml", tmp_path):
        with pytest.raises(Refused, match=r"there is no simulation|cannot be read"):
            load_model(path)


@pytest.mark.parametrize("degrees", ["0.7", "1"])
def test_losses_without_a_mean_are_refused(tmp_path: Path, degrees: str) -> None:
    """Up to one degree of freedom, whatever the table says."""
    says = "the mean loss is infinite"
    refused(tmp_path, "MODEL_DEGREES", says, "model.yaml:", model=changed(MODEL, own_degrees(degrees)))
