"""Worked cases: what must come out of a scenario, worked out by hand, named by a sentence of the rule."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock.core.money import written
from penstock.core.problems import Refused
from penstock.core.replay import replay
from penstock.core.results import EventResult, Happening
from penstock.core.scenario import Scenario
from penstock.store.rulebooks import listed
from penstock.store.scenarios import load_scenario, scenario_from

CASES = Path(__file__).parent / "cases"
PRECEDENTS = Path(__file__).parents[1] / "src" / "penstock" / "precedents"


def _cases() -> list[Any]:
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader):
            found.append(pytest.param(case, id=f"{path.stem}: {case['name']}"))
    return found


def _scenario(case: dict[str, Any]) -> Scenario:
    if "precedent" in case:
        return load_scenario(PRECEDENTS / f"{case['precedent']}.yaml")
    return scenario_from({"scenario": case["name"], **case["scenario"]})


@pytest.mark.parametrize("case", _cases())
def test_case(case: dict[str, Any]) -> None:
    if "refused" in case:
        with pytest.raises(Refused) as refused:
            replay(_scenario(case))
        assert refused.value.code == case["refused"]
        assert case["says"] in str(refused.value)
        return
    result = replay(_scenario(case))
    got = [
        _shape(event, wanted, result.scenario)
        for event, wanted in zip(result.events, case["expect"], strict=True)
    ]
    assert got == case["expect"]
    if "happenings" in case:
        happened = [
            _shape_of(one, wanted, result.scenario)
            for one, wanted in zip(result.happenings, case["happenings"], strict=True)
        ]
        assert happened == case["happenings"]


def _shape_of(one: Happening, wanted: dict[str, Any], scenario: Scenario) -> dict[str, Any]:
    """What happened between the defaults, in the words that the case asks about."""
    unit = scenario.currency

    def amounts(found: Mapping[str, int]) -> dict[str, str]:
        return {name: written(amount, unit) for name, amount in found.items()}

    told: dict[str, Any] = {
        "what": one.what,
        "layers": {layer: amounts(payers) for layer, payers in one.layers.items()},
        "uncovered": written(one.uncovered, unit),
        "surplus": amounts(one.surplus),
        "interest": amounts(one.interest),
        "retained": written(one.retained, unit),
    }
    return {name: told[name] for name in wanted}


def _shape(event: EventResult, wanted: dict[str, Any], scenario: Scenario) -> dict[str, Any]:
    """The event in the words that the case asks about, so that one comparison shows all differences."""
    unit = scenario.currency
    rows = {row.layer.id: row for row in event.layers}
    shape: dict[str, Any] = {}
    for name, value in wanted.items():
        if name == "uncovered":
            shape[name] = written(event.uncovered, unit)
        elif name == "surplus":
            shape[name] = {account: written(amount, unit) for account, amount in event.surplus.items()}
        elif name == "unpublished":
            shape[name] = event.unpublished
        elif name == "capacity":
            capacities = {n: rows[n].capacity for n in value}
            shape[name] = {n: "unknown" if c is None else written(c, unit) for n, c in capacities.items()}
        elif name == "unpaid":
            found = {n: rows[n].unpaid for n in value}
            shape[name] = {n: {m: written(a, unit) for m, a in unpaid.items()} for n, unpaid in found.items()}
        elif isinstance(value, dict):
            shape[name] = {payer: written(amount, unit) for payer, amount in rows[name].paid.items()}
        else:
            shape[name] = written(rows[name].used, unit)
    return shape


def test_every_case_file_is_read() -> None:
    assert len(_cases()) >= 130


def test_every_shipped_rulebook_has_three_cases_at_least() -> None:
    found = {id_: 0 for id_, _ in listed()}
    for one in _cases():
        (case,) = one.values
        rulebook = _scenario(case).reference.partition("@")[0] if "refused" not in case else ""
        told = case.get("scenario", {}).get("rulebook", rulebook)
        name = told.partition("@")[0] if isinstance(told, str) else ""
        found[name] = found.get(name, 0) + 1
    assert [id_ for id_, count in found.items() if count < 3] == []
    assert len(found) >= 12
