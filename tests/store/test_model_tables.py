"""Tables of a simulation that cannot be meant: each cell and row with its place and a remedy."""

from pathlib import Path

import pytest

from app_files import MODEL, RISK, SCENARIO
from penstock.core.problems import Refused
from penstock.store.model_files import load_model
from store.test_model_files import Change, changed, files, read, refused

BIDS = ("unable,", "bid_none,bid_poor,bid_winner,unable,")

# --- the table ----------------------------------------------------------------------------------------

NOT_NUMBERS = ["NaN", "nan", "inf", "-inf", "1e-2", "4%", "0,5", "abc", "--1", "0x1", "½", "٣"]


@pytest.mark.parametrize("column", ["probability", "correlation", "market", "wrong_way", "unable"])
@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_a_cell_that_is_no_number(tmp_path: Path, column: str, value: str) -> None:
    """Its line and column are told."""
    place = RISK.splitlines()[0].split(",").index(column)
    rows = [line.split(",") for line in RISK.splitlines()]
    rows[2][place] = f'"{value}"'
    risk = "\n".join(",".join(row) for row in rows) + "\n"
    refused(
        tmp_path, "MODEL_NUMBER", f"{column} {value!r} is no number", f"risk.csv:3:{place + 1}", risk=risk
    )


@pytest.mark.parametrize("value", ["NaN", "inf", "1e9", "60 million", "60000000.123", "1,5"])
def test_a_cell_that_is_no_amount(tmp_path: Path, value: str) -> None:
    """In the words of every other amount."""
    risk = changed(RISK, ("60000000", f'"{value}"'))
    with pytest.raises(Refused) as raised:
        read(tmp_path, risk=risk)
    assert [one.code[:6] for one in raised.value.problems if "risk.csv:2:5" in one.place] == ["MONEY_"]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("probability", ("-0.01", "1.01", "2")),
        ("correlation", ("-0.1", "1.5")),
        ("market", ("-1.1", "1.1")),
        ("wrong_way", ("-2", "1.000000001")),
        ("unable", ("-0.1", "1.1")),
    ],
)
def test_a_number_out_of_its_range(tmp_path: Path, column: str, values: tuple[str, ...]) -> None:
    """The range is told; its ends are good."""
    place = RISK.splitlines()[0].split(",").index(column)
    rows = [line.split(",") for line in RISK.splitlines()]
    for value in values:
        rows[1][place] = value
        risk = "\n".join(",".join(row) for row in rows) + "\n"
        refused(tmp_path, "MODEL_NUMBER", "is no number from", f"risk.csv:2:{place + 1}", risk=risk)
    for value in ("0", "1") if column != "correlation" else ("0", "0.99"):
        rows[1][place] = value
        read(tmp_path, risk="\n".join(",".join(row) for row in rows) + "\n")


ROWS: dict[str, tuple[str, str, str, tuple[Change, ...]]] = {
    "an empty probability": ("MODEL_ROW", "ALPHA has no probability", "risk.csv:2:", (("0.04", ""),)),
    "no column of probabilities": (
        "MODEL_ROW",
        "EPSILON has no probability",
        "risk.csv:6:",
        (("probability", "jump"),),
    ),
    "a cell less": ("CSV_ROW", "9 cells under 10 columns", "risk.csv:3:", (("-0.5,0.2,", "-0.5,"),)),
    "a cell more": ("CSV_ROW", "11 cells under 10 columns", "risk.csv:3:", (("-0.5,0.2,", "-0.5,0.2,0,"),)),
    "a member twice": ("MODEL_TWICE", "ALPHA stands twice", "risk.csv:3:1", (("BETA", "ALPHA"),)),
    "an unknown member": (
        "MODEL_UNKNOWN",
        "OMEGA is no member of the scenario",
        "risk.csv:3:1",
        (("BETA", "OMEGA"),),
    ),
    "another spelling": ("MODEL_UNKNOWN", "Beta is no member", "risk.csv:3:1", (("BETA", "Beta"),)),
    "a member without a row": (
        "MODEL_MISSING",
        "no row for EPSILON",
        "risk.csv",
        ((RISK.splitlines()[-1] + "\n", ""),),
    ),
    "a row without a member": ("CSV_ROW", "without a member", "risk.csv:3:", (("BETA,", ","),)),
    "an unknown column": ("CSV_HEADER", "'pd' is no field", "risk.csv:1:2", (("probability", "pd"),)),
    "a column twice": ("CSV_HEADER", "'market' stands twice", "risk.csv:1:", (("wrong_way", "market"),)),
    "no column of members": ("CSV_HEADER", "the header is", "risk.csv:1:1", (("member", "unable"),)),
    "neither scale nor volatility": ("MODEL_ROW", "neither or both", "risk.csv:2:", (("60000000", ""),)),
    "both scale and volatility": (
        "MODEL_ROW",
        "neither or both",
        "risk.csv:2:",
        (("market", "loss_scale"), ("60000000,0.6", "60000000,6")),
    ),
    "a negative scale": ("MODEL_ROW", "negative amount", "risk.csv:2:", (("60000000", "-60000000"),)),
    "negative gains": ("MODEL_ROW", "negative amount", "risk.csv:2:", (("25000000", "-1"),)),
    "gains on one side only": ("MODEL_ROW", "one of gains_up", "risk.csv:2:", (("0,25000000", ",25000000"),)),
    "a correlation of one": ("MODEL_ROW", "correlation of 1", "risk.csv:2:", (("0.04,0.3", "0.04,1"),)),
    "a correlation of one in disguise": (
        "MODEL_ROW",
        "correlation of 1",
        "risk.csv:2:",
        (("0.04,0.3", "0.04,1.000"),),
    ),
    "a correlation that is one in a computer": (
        "MODEL_ROW",
        "correlation",
        "risk.csv:2:",
        (("0.04,0.3", "0.04,0.99999999999999999"),),
    ),
    "a row of totals": ("CSV_ROW", "totals", "risk.csv:6:1", (("EPSILON", "Total"),)),
    "a loss beyond what is drawn": (
        "",
        "",
        "risk.csv:2:",
        (("60000000", "90000000000000000"),),
    ),
    "a block of the market's name": ("MODEL_", "market", "risk.csv:", (("banks", "market"),)),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_table_that_cannot_be_meant(tmp_path: Path, name: str) -> None:
    """One thing in it is wrong."""
    code, says, at, changes = ROWS[name]
    refused(tmp_path, code, says, at, risk=changed(RISK, *changes))


@pytest.mark.parametrize(
    ("risk", "code"),
    [
        ("", "IMPORT_EMPTY"),
        (RISK.splitlines()[0] + "\n", "IMPORT_EMPTY"),
        (RISK.replace(",", ";"), "CSV_DIALECT"),
        (RISK.replace("\n", "\r\n", 2), "CSV_DIALECT"),
        (RISK + '"', "CSV_QUOTE"),
        (RISK + "\0", "CSV_ENCODING"),
    ],
)
def test_a_damaged_table(tmp_path: Path, risk: str, code: str) -> None:
    """Told as such, with its name."""
    folder = tmp_path
    path = files(folder, SCENARIO, RISK, MODEL)
    (folder / "risk.csv").write_bytes(risk.encode())
    with pytest.raises(Refused) as raised:
        load_model(path)
    assert raised.value.code == code
    assert "risk.csv" in raised.value.problems[0].place


def test_all_mistakes_of_a_table_are_told_at_once(tmp_path: Path) -> None:
    """Not one after another."""
    risk = changed(RISK, ("0.04", "x"), ("BETA", "ALPHA"), ("30000000", "-1"), ("DELTA,0.2", "DELTA,7"))
    with pytest.raises(Refused) as raised:
        read(tmp_path, risk=risk)
    assert {one.code for one in raised.value.problems} == {"MODEL_NUMBER", "MODEL_TWICE", "MODEL_ROW"}
    lines = {one.place.split("risk.csv:")[1].split(":")[0] for one in raised.value.problems}
    assert lines == {"2", "3", "4", "5"}


# --- bids ---------------------------------------------------------------------------------------------


def with_bids(*chances: str) -> str:
    """The table with chances of bids: none, poor, winner."""
    header, *rows = RISK.splitlines()
    columns = header.replace(*BIDS).split(",")
    place = columns.index("bid_none")
    lines = [row.split(",") for row in rows]
    for line, chance in zip(lines, chances, strict=True):
        line[place:place] = chance.split(",")
    return "\n".join(",".join(line) for line in [columns, *lines]) + "\n"


def test_chances_of_bids(tmp_path: Path) -> None:
    """What is left is good bids; more than one, or in some rows only, cannot be meant."""
    good = read(tmp_path, risk=with_bids("0.2,0.3,0.1", "1,0,0", "0,0,1", "0,0,0", "0.1,0.2,0.7"))
    assert good.model.bids is not None
    assert good.model.bids.tolist()[0] == pytest.approx([0.2, 0.3, 0.4, 0.1])
    for wrong in ("0.5,0.5,0.1", "1,1,1", "0.1,0.2,0.700000001"):
        risk = with_bids(wrong, "1,0,0", "0,0,1", "0,0,0", "0.1,0.2,0.7")
        refused(tmp_path, "MODEL_ROW", "bids add up to more than 1", "risk.csv:2:", risk=risk)
    risk = with_bids("0.5,0.2,0.1", "1,0,0", ",,", "0,0,0", "0.1,0.2,0.7")
    refused(tmp_path, "MODEL_ROW", "GAMMA has no chances of bids", "risk.csv:4:", risk=risk)


def test_gains_in_some_rows_only(tmp_path: Path) -> None:
    """Nobody's gains are taken to be zero where nothing was said."""
    risk = changed(RISK, ("0.05,0,25000000", "0.05,,"))
    refused(tmp_path, "MODEL_ROW", "ALPHA has no gains", "risk.csv:2:", risk=risk)
