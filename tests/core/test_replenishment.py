"""Who refills what, and money paid in: worked by hand."""

from typing import Any

import pytest

from penstock.core.problems import Refused
from penstock.core.replay import Result, replay
from penstock.core.replenishment import duties
from penstock.store.scenarios import scenario_from

FUND = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"}
OWN = {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"amount": "10.00"}}
SECOND = {**OWN, "id": "second"}


def run(
    layers: list[dict[str, Any]],
    losses: list[str],
    events: list[dict[str, Any]] | None = None,
    ccp: dict[str, Any] | None = None,
    **more: Any,
) -> Result:
    """A holds 60 and B 40; X, Y and Z default on 2 May, 2 June and 2 July 2024."""
    members: dict[str, Any] = {name: {"default_fund": "0.00"} for name in "XYZ"}
    members |= {"A": {"default_fund": "60.00"}, "B": {"default_fund": "40.00"}}
    rulebook: dict[str, Any] = {"currency": "EUR", "layers": layers, **more}
    resources: dict[str, Any] = {"members": members, **({"ccp": ccp} if ccp else {})}
    return replay(
        scenario_from(
            {
                "scenario": "refill",
                "currency": "EUR",
                "rulebook": rulebook,
                "resources": resources,
                "defaults": [
                    {"member": who, "at": f"2024-{month}-02T09:00:00Z", "loss_beyond_own_resources": loss}
                    for who, month, loss in zip("XYZ", ("05", "06", "07"), losses, strict=False)
                ],
                "events": events or [],
            }
        )
    )


def owed(result: Result, event: int = 0) -> list[tuple[str, str, int]]:
    step = result.steps[event]
    assert step is not None
    return [(d.rule.layer, d.payer, d.amount) for d in duties(step, result.events[event])]


def paid_in(payer: str, name: str, amount: Any, day: str = "2024-05-20") -> dict[str, Any]:
    return {"at": f"{day}T09:00:00Z", "paid_in": {payer: {name: amount}}}


def test_each_refills_what_it_paid() -> None:
    rules = [{"layer": "fund", "payer": "members"}, {"layer": "own", "payer": "ccp"}]
    assert owed(run([OWN, FUND], ["30.00"], replenishment=rules)) == [
        ("fund", "A", 12_00),
        ("fund", "B", 8_00),
        ("own", "ccp", 10_00),
    ]
    assert owed(run([OWN, FUND], ["0.00"], replenishment=rules)) == []


def test_another_party_may_refill_the_whole() -> None:
    rules = [{"layer": "fund", "payer": "ccp"}]
    assert owed(run([FUND], ["30.00"], replenishment=rules)) == [("fund", "ccp", 30_00)]


def test_no_more_than_the_rule_restores() -> None:
    rules = [{"layer": "fund", "payer": "members", "restores": {"multiple": "0.1", "of": "default_fund"}}]
    assert owed(run([FUND], ["30.00"], replenishment=rules)) == [("fund", "A", 6_00), ("fund", "B", 4_00)]


def test_once_in_sixty_days_and_no_more_than_the_window_allows() -> None:
    once = [{"layer": "fund", "payer": "members", "window": {"length": "60 days", "times": "1"}}]
    result = run([FUND], ["10.00", "10.00", "10.00"], replenishment=once)
    assert owed(result, 0) == [("fund", "A", 6_00), ("fund", "B", 4_00)]
    assert owed(result, 1) == []
    assert owed(result, 2) == [("fund", "A", 6_00), ("fund", "B", 4_00)]  # 61 days after the first
    most = [{"layer": "fund", "payer": "members", "window": {"length": "60 days", "amount": "7.00"}}]
    result = run([FUND], ["10.00", "10.00"], replenishment=most)
    assert owed(result, 0) == [("fund", "A", 6_00), ("fund", "B", 4_00)]
    assert owed(result, 1) == [("fund", "A", 1_00), ("fund", "B", 3_00)]


def test_a_window_of_a_members_own_does_not_bind_those_without_the_date() -> None:
    rules = [
        {
            "layer": "fund",
            "payer": "members",
            "window": {"starts": "at_left", "times": "1", "length": "9 days"},
        }
    ]
    figures = {"left": {"given": "member", "kind": "date"}}
    assert owed(run([FUND], ["10.00"], replenishment=rules, figures=figures)) == [
        ("fund", "A", 6_00),
        ("fund", "B", 4_00),
    ]


def test_an_action_and_an_unused_layer_are_not_refilled() -> None:
    closing = {"id": "closing", "action": "full_tear_up", "when": {"closed": "true"}}
    rules = [{"layer": "closing", "payer": "ccp"}, {"layer": "fund", "payer": "members"}]
    assert owed(run([OWN, closing, FUND], ["5.00"], replenishment=rules)) == []


# --- money paid in ----------------------------------------------------------------------------------


def used(result: Result, event: int) -> dict[str, int]:
    return {row.layer.id: row.used for row in result.events[event].layers}


def test_money_paid_in_stands_in_its_purse_from_then_on() -> None:
    """A's 60 lose 54 to a loss of 90; with 30 paid back in it has 36 for the next, B has 4."""
    result = run([FUND], ["90.00", "50.00"], [paid_in("A", "default_fund", "30.00")])
    assert result.events[1].layers[0].paid == {"A": 36_00, "B": 4_00}
    assert result.events[1].uncovered == 10_00
    late = run([FUND], ["90.00", "50.00"], [paid_in("A", "default_fund", "30.00", "2024-06-03")])
    assert late.events[1].layers[0].paid == {"A": 6_00, "B": 4_00}


def test_a_limit_is_restored_with_its_purse_in_file_order() -> None:
    """Two limits of 10 on one purse of 20, used up; 14 paid in restores the first and 4 of the second."""
    event = paid_in("ccp", "own_capital", "14.00")
    result = run([OWN, SECOND], ["30.00", "30.00"], [event], {"own_capital": "20.00"})
    assert used(result, 0) == {"own": 10_00, "second": 10_00}
    assert used(result, 1) == {"own": 10_00, "second": 4_00}
    nothing = run([OWN, SECOND], ["30.00", "30.00"], ccp={"own_capital": "20.00"})
    assert used(nothing, 1) == {"own": 0, "second": 0}


def test_a_purse_by_layer_is_restored_by_layer() -> None:
    result = run(
        [OWN, SECOND],
        ["30.00", "30.00"],
        [paid_in("ccp", "second", "7.00")],
        {"own": "10.00", "second": "10.00"},
    )
    assert used(result, 1) == {"own": 0, "second": 7_00}


def test_where_a_limit_is_all_that_stands_it_is_restored_by_layer_or_source() -> None:
    by_layer = run([OWN, SECOND], ["30.00", "30.00"], [paid_in("ccp", "second", "7.00")])
    assert used(by_layer, 1) == {"own": 0, "second": 7_00}
    by_source = run([OWN, SECOND], ["30.00", "30.00"], [paid_in("ccp", "own_capital", "12.00")])
    assert used(by_source, 1) == {"own": 10_00, "second": 2_00}


def test_a_purse_without_a_limit_can_begin_with_what_is_paid_in() -> None:
    bare = {"id": "own", "payer": "ccp", "source": "own_capital"}
    result = run([FUND, bare], ["10.00", "150.00"], [paid_in("ccp", "own_capital", "12.00")])
    assert used(result, 1) == {"fund": 90_00, "own": 12_00}


def test_new_money_may_rank_after_old_and_shares_by_what_was_paid_in() -> None:
    """The fund of 100 is gone; A pays 30 and B 10 into the new one, which bears 8 as 6 and 2.

    Nobody has given Z anything in it: money that replenishment fills begins empty.
    """
    new = {**FUND, "id": "new", "source": "new_fund", "share": "new_fund"}
    events = [paid_in("A", "new_fund", "30.00"), paid_in("B", "new_fund", "10.00")]
    rules = [{"layer": "fund", "payer": "members", "into": "new_fund"}]
    result = run([FUND, new], ["100.00", "8.00", "40.00"], events, replenishment=rules)
    assert result.events[0].layers[1].capacity == 0
    assert result.events[1].layers[1].paid == {"A": 6_00, "B": 2_00}
    # the key does not fall by use: 32 of 24 and 8 are all there is
    assert result.events[2].layers[1].paid == {"A": 24_00, "B": 8_00}
    assert result.events[2].uncovered == 8_00


def test_what_is_paid_in_may_count_to_a_cap() -> None:
    """Called 60 and 40 of a cap of twice the contribution; 30 refilled by A leaves 120 - 60 - 30 = 30."""
    call = {**FUND, "id": "call", "source": "assessment", "limit": {"multiple": "2", "of": "default_fund"}}
    cap = {
        "id": "period",
        "on": "call",
        "limit": {"multiple": "2", "of": "default_fund"},
        "window": {"length": "60 days"},
    }
    rules = [{"layer": "fund", "payer": "members", "counts_to": "period"}]
    losses, event = ["200.00", "400.00"], paid_in("A", "default_fund", "30.00")
    counted = run([FUND, call], losses, [event], caps=[cap], replenishment=rules)
    assert counted.events[0].layers[1].paid == {"A": 60_00, "B": 40_00}
    assert counted.events[1].layers[1].paid == {"A": 30_00, "B": 40_00}
    free = run([FUND, call], losses, [event], caps=[cap])
    assert free.events[1].layers[1].paid == {"A": 60_00, "B": 40_00}


def test_a_cap_may_have_a_limit_for_each_default_and_another_for_its_window() -> None:
    """Once the contribution in a default, one and a half times in 60 days: 60 and 40, then 30 and 20."""
    call = {**FUND, "id": "call", "source": "assessment", "limit": {"multiple": "2", "of": "default_fund"}}
    cap = {
        "id": "period",
        "on": "call",
        "limit": {"multiple": "2", "of": "default_fund"},
        "window": {"length": "60 days", "multiple": "1.5"},
    }
    result = run([call], ["100.00", "100.00"], caps=[cap])
    assert result.events[0].layers[0].paid == {"A": 60_00, "B": 40_00}
    assert result.events[1].layers[0].paid == {"A": 30_00, "B": 20_00}


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (paid_in("A", "assessment", "1.00"), "SCENARIO_REFERENCE"),
        (paid_in("A", "call", "1.00"), "SCENARIO_REFERENCE"),
        ({"at": "2024-05-20T09:00:00Z", "recovered": {"amount": "1.00", "of": "A"}}, "SCENARIO_REFERENCE"),
        ({"at": "2024-05-01T09:00:00Z", "recovered": {"amount": "1.00", "of": "X"}}, "SCENARIO_DATE"),
        ({"at": "2024-05-20T09:00:00Z", "recovered": {"amount": "1.00", "of": "Y"}}, "SCENARIO_DATE"),
        ({"at": "2024-05-20T09:00:00Z", "recovered": "1.00"}, "SCENARIO_MISSING"),
        (
            {"at": "2024-05-20T09:00:00Z", "recovered": {"amount": "1.00", "of": "X", "collateral": "gold"}},
            "SCENARIO_REFERENCE",
        ),
    ],
)
def test_money_that_cannot_have_come_is_refused(event: dict[str, Any], code: str) -> None:
    call = {**FUND, "id": "call", "source": "assessment", "limit": {"multiple": "1", "of": "default_fund"}}
    with pytest.raises(Refused) as refused:
        run([FUND, call], ["10.00", "10.00"], [event])
    assert refused.value.code == code
    assert len(refused.value.problems) == 1
