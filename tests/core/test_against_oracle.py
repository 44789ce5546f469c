"""The engine and the oracle, two readings of one language, say the same to the unit."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
import strategies
from penstock.core.problems import Refused
from penstock.core.replay import replay
from penstock.core.results import EventResult
from penstock.store.scenarios import scenario_from

PINNED = (None, "2024-01-15", "2024-06-01")


def told(event: EventResult) -> dict[str, Any]:
    """The engine's event in the oracle's words."""
    layers = {
        row.layer.id: {
            "used": row.used,
            "capacity": row.capacity,
            "payers": dict(row.paid),
            "unpaid": dict(row.unpaid),
        }
        for row in event.layers
    }
    return {
        "members": list(event.members),
        "loss": event.loss,
        "layers": layers,
        "uncovered": event.uncovered,
        "surplus": dict(event.surplus),
    }


def engine(scenario: dict[str, Any], pinned: str | None = None) -> list[dict[str, Any]] | str:
    """What the engine makes of the scenario, or the code of its refusal."""
    read = scenario_from(scenario)
    try:
        result = replay(replace(read, pinned=date.fromisoformat(pinned)) if pinned else read)
    except Refused as refused:
        return refused.code
    return [told(event) for event in result.events]


def judged(scenario: dict[str, Any], pinned: str | None = None) -> list[dict[str, Any]] | str:
    """What the oracle makes of it, or the code of its refusal."""
    try:
        return oracle.judge(scenario, pinned)
    except oracle.Refused as refused:
        return refused.code


@given(strategies.scenarios(), st.sampled_from(PINNED))
def test_engine_and_oracle_agree_on_everything_that_is_executed(
    scenario: dict[str, Any], pinned: str | None
) -> None:
    """Members, use, capacity, payers and unpaid calls of every layer, uncovered, surplus, refusals."""
    assert engine(scenario, pinned) == judged(scenario, pinned)


@given(strategies.scenarios(without={"unknown", "lives", "conditions", "several", "accounts", "dated"}))
def test_engine_and_oracle_agree_where_money_flows(scenario: dict[str, Any]) -> None:
    """The same where nothing is unknown, out of force or conditional: most losses then go deep."""
    assert engine(scenario) == judged(scenario)


def test_the_comparison_sees_a_single_unit_in_the_wrong_place() -> None:
    """A control: two payers whose payments differ by one unit are not equal to the oracle's."""
    layer = {"id": "fund", "payer": "members", "source": "default_fund", "share": "equal"}
    members = {name: {"default_fund": "5.00"} for name in ("M1", "M2", "M3")}
    scenario = {
        "scenario": "control",
        "currency": "EUR",
        "rulebook": {"currency": "EUR", "layers": [layer]},
        "resources": {"members": members},
        "defaults": [{"member": "M1", "at": "2024-03-01T09:00:00Z", "loss": "4.01"}],
    }
    events = engine(scenario)
    assert events == judged(scenario)
    assert isinstance(events, list)
    assert events[0]["layers"]["fund"]["payers"] == {"M2": 201, "M3": 200}
    events[0]["layers"]["fund"]["payers"] = {"M2": 200, "M3": 201}
    assert events != judged(scenario)


@pytest.mark.parametrize("code", ["UNKNOWN_REACHED", "NO_PAYERS"])
def test_refusals_are_compared_by_their_code(code: str) -> None:
    """A control: both sides refuse the same two scenarios, each for its own reason."""
    layer = {"id": "fund", "payer": "members", "source": "default_fund", "share": "equal"}
    fund: Any = {"unknown": "true", "why": "not published"} if code == "UNKNOWN_REACHED" else "5.00"
    members = {"M1": {"default_fund": "5.00"}} | (
        {"M2": {"default_fund": fund}} if isinstance(fund, dict) else {}
    )
    scenario = {
        "scenario": "control",
        "currency": "EUR",
        "rulebook": {"currency": "EUR", "layers": [layer]},
        "resources": {"members": members},
        "defaults": [{"member": "M1", "at": "2024-03-01T09:00:00Z", "loss": "1.00"}],
    }
    assert engine(scenario) == judged(scenario) == code
