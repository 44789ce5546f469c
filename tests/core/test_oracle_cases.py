"""The oracle comes to what the worked cases say, which were worked out by hand: it is no authority itself."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import oracle
from oracle.words import DECIMALS

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "src" / "penstock"
ITS_OWN = {"UNKNOWN_REACHED", "UNKNOWN_LOSS", "NO_PAYERS", "LATE_TOO_MUCH"}
"""What a run refuses; what a reader refuses before is none of the oracle's business."""


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def _cases() -> list[Any]:
    found = []
    for path in sorted((ROOT / "tests" / "cases").glob("*.yaml")):
        for case in _read(path):
            if "scenario" in case and case.get("refused", "NO_PAYERS") in ITS_OWN:
                found.append(pytest.param(case, id=f"{path.stem}: {case['name']}"))
    return found


def whole(scenario: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The scenario with its rulebook and calendar in place, and the date its rules are read on."""
    book, pinned = scenario["rulebook"], ""
    if isinstance(book, str):
        name, _, pinned = book.partition("@")
        book = _read(SHIPPED / "rulebooks" / f"{name}.yaml")
    if isinstance(book.get("calendar"), str):
        book = {**book, "calendar": _read(SHIPPED / "calendars" / f"{book['calendar']}.yaml")}
    return {**scenario, "rulebook": book}, pinned or None


class Teller:
    """Writes amounts as the cases do."""

    def __init__(self, unit: Any) -> None:
        self.decimals = int(unit["decimals"]) if isinstance(unit, dict) else DECIMALS.get(unit, 2)

    def amount(self, units: int | None) -> str:
        """With all decimals."""
        if units is None:
            return "unknown"
        whole_, part = divmod(units, 10**self.decimals)
        return f"{whole_}.{part:0{self.decimals}d}" if self.decimals else str(whole_)

    def amounts(self, told: dict[str, int]) -> dict[str, str]:
        """Each of a map."""
        return {name: self.amount(units) for name, units in told.items()}

    def event(self, event: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        """The event in the words that the case asks about."""
        rows, told = event["layers"], dict[str, Any]()
        for name, value in wanted.items():
            if name == "uncovered":
                told[name] = self.amount(event[name])
            elif name == "surplus":
                told[name] = self.amounts(event[name])
            elif name == "capacity":
                told[name] = {layer: self.amount(rows[layer]["capacity"]) for layer in value}
            elif name == "unpaid":
                told[name] = {layer: self.amounts(rows[layer]["unpaid"]) for layer in value}
            elif isinstance(value, dict):
                told[name] = self.amounts(rows[name]["payers"])
            else:
                told[name] = self.amount(rows[name]["used"])
        return told

    def happening(self, one: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        """What happened in the words that the case asks about."""
        told = {
            "what": one["what"],
            "layers": {layer: self.amounts(payers) for layer, payers in one["layers"].items()},
            "uncovered": self.amount(one["uncovered"]),
            "surplus": self.amounts(one["surplus"]),
            "interest": self.amounts(one["interest"]),
        }
        return {name: told.get(name, value) for name, value in wanted.items()}


@pytest.mark.parametrize("case", _cases())
def test_the_oracle_comes_to_the_worked_answer(case: dict[str, Any]) -> None:
    """All that the case asks about, to the unit."""
    scenario, pinned = whole(case["scenario"])
    if "refused" in case:
        with pytest.raises(oracle.Refused) as refused:
            oracle.told(scenario, pinned)
        assert refused.value.code == case["refused"]
        return
    if any("unpublished" in wanted for wanted in case["expect"]):
        with pytest.raises(oracle.Refused):
            oracle.told(scenario, pinned)
        return
    teller = Teller(scenario["rulebook"].get("currency", scenario.get("currency")))
    events, happenings = oracle.told(scenario, pinned)
    assert [teller.event(*one) for one in zip(events, case["expect"], strict=True)] == case["expect"]
    if "happenings" in case:
        wanted = case["happenings"]
        assert [teller.happening(*one) for one in zip(happenings, wanted, strict=True)] == wanted


def test_a_wrong_answer_would_be_seen() -> None:
    """A control: the case of a fund of 10, 20 and a loss of 9 is not 4 and 5."""
    people = {"D": {"default_fund": "0"}, "A": {"default_fund": "10"}, "B": {"default_fund": "20"}}
    fund = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"}
    scenario: dict[str, Any] = {
        "currency": "JPY",
        "rulebook": {"currency": "JPY", "layers": [fund]},
        "resources": {"members": people},
        "defaults": [{"member": "D", "at": "2024-05-02T09:00:00Z", "loss": "9"}],
    }
    case = {"scenario": scenario, "expect": [{"fund": {"A": "3", "B": "6"}}]}
    test_the_oracle_comes_to_the_worked_answer(case)
    with pytest.raises(AssertionError):
        test_the_oracle_comes_to_the_worked_answer({**case, "expect": [{"fund": {"A": "4", "B": "5"}}]})
