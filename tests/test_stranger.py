"""A rulebook that somebody wrote from two pages of rules with the guide alone, held to those rules.

``stranger/rules.md`` are the rules, ``stranger/meridian.yaml`` the rulebook; the answers here are worked
out from the rules.
"""

from pathlib import Path
from typing import Any

import pytest

from penstock.core.replay import Result, replay
from penstock.store.rulebooks import load_rulebook
from penstock.store.scenarios import scenario_from

BOOK = Path(__file__).parent / "stranger" / "meridian.yaml"
M = 1_000_000_00


def run(*defaults: dict[str, Any], events: tuple[dict[str, Any], ...] = (), **members: Any) -> Result:
    """A and B are active, C is dormant; capital exceeds the reserve by 30m, so B2 gives 7.5m."""
    people: dict[str, Any] = {
        "A": {"required_deposit": "10000000", "deposit": "10000000", "gains": "10000000"},
        "B": {"required_deposit": "6000000", "deposit": "6000000", "gains": "10000000"},
        "C": {"required_deposit": "4000000", "deposit": "4000000", "gains": "0", "dormant": "true"},
    }
    for name in ("X", "Y"):
        people[name] = {"required_deposit": "0", "deposit": "0", "initial_margin": "0", "gains": "0"}
    for name, fields in members.items():
        people[name] = {**people[name], **fields}
    return replay(
        scenario_from(
            {
                "scenario": "Meridian",
                "currency": "USD",
                "rulebook": str(BOOK),
                "figures": {"corporation_capital": "100000000", "operating_reserve": "70000000"},
                "resources": {"members": people},
                "defaults": list(defaults),
                "events": list(events),
            }
        )
    )


def default(member: str, loss: str, day: str = "2024-09-02") -> dict[str, Any]:
    return {"member": member, "at": f"{day}T10:00:00+08:00", "loss_beyond_own_resources": loss}


def paid(result: Result, event: int = 0) -> dict[str, dict[str, float]]:
    """Who paid in which layer, in millions, layers without a payment left out."""
    rows = result.events[event].layers
    return {r.layer.id: {p: a / M for p, a in r.paid.items()} for r in rows if r.paid}


def test_it_is_a_sound_rulebook() -> None:
    assert load_rulebook(BOOK).rulebook == "meridian/metals"


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("5000000", {"first_contribution": {"ccp": 5}}),
        ("15500000", {"first_contribution": {"ccp": 7.5}, "active_deposits": {"A": 5, "B": 3}}),
        # the dormant member's deposit stands behind the others
        (
            "25500000",
            {
                "first_contribution": {"ccp": 7.5},
                "active_deposits": {"A": 10, "B": 6},
                "dormant_deposits": {"C": 2},
            },
        ),
        # 8 more: 2 of the corporation for 6 of levy, by required deposit
        (
            "35500000",
            {
                "first_contribution": {"ccp": 7.5},
                "active_deposits": {"A": 10, "B": 6},
                "dormant_deposits": {"C": 4},
                "levy": {"A": 3, "B": 1.8, "C": 1.2},
                "second_contribution": {"ccp": 2},
            },
        ),
    ],
)
def test_one_default_goes_down_part_b(loss: str, expected: dict[str, dict[str, float]]) -> None:
    assert paid(run(default("X", loss))) == expected


def test_a_second_default_in_the_event_period_meets_every_limit() -> None:
    """After 35.5: 4 of the second contribution; levies up to 2.25 times less 13, 7.8 and 5.2; then gains."""
    result = run(default("X", "35500000"), default("Y", "40000000", "2024-09-20"))
    assert paid(result, 1) == {
        "levy": {"A": 9.5, "B": 5.7, "C": 3.8},
        "second_contribution": {"ccp": 4},
        "gains_reduction": {"A": 8.5, "B": 8.5},
    }
    # after the period the levy is there again, up to the required deposit
    later = run(default("X", "35500000"), default("Y", "24000000", "2024-10-03"))
    assert paid(later, 1)["levy"] == {"A": 10, "B": 6, "C": 4}


def test_defaults_of_the_next_day_count_as_one() -> None:
    result = run(default("X", "10000000"), default("Y", "5500000", "2024-09-03"))
    assert [event.members for event in result.events] == [("X", "Y")]
    assert paid(result) == {"first_contribution": {"ccp": 7.5}, "active_deposits": {"A": 5, "B": 3}}


def test_a_clients_money_serves_the_client_and_the_house_helps_last() -> None:
    own: dict[str, Any] = {
        "X": {
            "deposit": "2000000",
            "initial_margin": "0",
            "accounts": {"house": {"initial_margin": "5000000"}, "c1": {"initial_margin": "1000000"}},
        }
    }
    gross = {"member": "X", "at": "2024-09-02T10:00:00+08:00", "loss": {"house": "3000000", "c1": "4000000"}}
    assert paid(run(gross, **own)) == {
        "client_margin": {"X": 1},
        "own_margin": {"X": 5},
        "own_deposit": {"X": 1},
    }


def test_what_one_does_not_pay_the_others_do_not_make_good() -> None:
    result = run(default("X", "35500000"), A={"able_to_pay": "1000000"})
    assert paid(result)["levy"] == {"A": 1, "B": 1.8, "C": 1.2}
    assert paid(result)["gains_reduction"] == {"A": 1, "B": 1}


def test_money_that_comes_back_goes_up_part_b() -> None:
    """Of 10: the 8 of B4, then 2 over the deposits of both classes; interest with it."""
    back = {
        "at": "2025-03-03T10:00:00+08:00",
        "recovered": {"amount": "10000000", "interest": "100000"},
    }
    (happening,) = run(default("X", "35500000"), events=(back,)).happenings
    assert {layer: {p: a / M for p, a in payers.items()} for layer, payers in happening.layers.items()} == {
        "levy": {"A": 3, "B": 1.8, "C": 1.2},
        "second_contribution": {"ccp": 2},
        "active_deposits": {"A": 1, "B": 0.6},
        "dormant_deposits": {"C": 0.4},
    }
    assert happening.interest == {"A": 40_000_00, "B": 24_000_00, "C": 16_000_00, "ccp": 20_000_00}
    assert happening.surplus == {}
