"""The JSON Schemas take what the reader takes, and refuse a slip that an editor should underline."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from penstock.store.schema import rulebook_schema, scenario_schema

PACKAGE = Path(__file__).parents[2] / "src" / "penstock"
RULEBOOKS = sorted(PACKAGE.glob("rulebooks/*/*.yaml"))
SCENARIOS = sorted(PACKAGE.glob("precedents/*.yaml"))
CASES = sorted((Path(__file__).parents[1] / "cases").glob("*.yaml"))


def _load(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def _errors(schema: dict[str, Any], value: Any) -> list[str]:
    return [error.json_path for error in jsonschema.Draft202012Validator(schema).iter_errors(value)]


def test_both_are_schemas() -> None:
    for schema in (rulebook_schema(), scenario_schema()):
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_shipped_rulebooks_are_valid(path: Path) -> None:
    assert _errors(rulebook_schema(), _load(path)) == []


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_precedents_are_valid(path: Path) -> None:
    assert _errors(scenario_schema(), _load(path)) == []


def test_worked_cases_are_valid() -> None:
    schema = scenario_schema()
    for path in CASES:
        for case in _load(path):
            if "scenario" in case:
                assert _errors(schema, {"scenario": case["name"], **case["scenario"]}) == [], case["name"]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("layers", []),
        ("layers", [{"id": "x", "payr": "ccp"}]),
        ("layers", [{"id": "Not An Id"}]),
        ("layers", [{"id": "x", "limit": {"amount": "1e5"}}]),
        ("layers", [{"id": "x", "limit": {"amount": "1.00", "of": "y"}}]),
        ("layers", [{"id": "x", "limit": {"2024": {"amount": "1.00"}}}]),
        ("layers", [{"id": "x", "window": {"length": "30 dais"}}]),
        ("jurisdiction", "europe"),
        ("currency", "euro"),
        ("colour", "blue"),
    ],
)
def test_a_slip_in_a_rulebook_is_refused(path: str, change: Any) -> None:
    book = _load(RULEBOOKS[0])
    if path == "layers" and not change:
        book[path] = "none"
    else:
        book[path] = change
    assert _errors(rulebook_schema(), book)


@pytest.mark.parametrize(
    "change",
    [
        {"defaults": [{"member": "X", "at": "2024-01-01T09:00:00Z"}]},
        {"defaults": [{"member": "X", "at": "yesterday", "loss": "1.00"}]},
        {
            "defaults": [
                {"member": "X", "at": "2024-01-01T09:00:00Z", "loss": "1", "loss_beyond_own_resources": "1"}
            ]
        },
        {"resources": {"members": {"X": {"default_fund": {"amount": "1.00", "basis": "guessed"}}}}},
        {"default": []},
    ],
)
def test_a_slip_in_a_scenario_is_refused(change: dict[str, Any]) -> None:
    scenario = _load(next(path for path in SCENARIOS if path.stem == "nasdaq-2018"))
    assert _errors(scenario_schema(), {**scenario, **change})
