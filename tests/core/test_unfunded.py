"""Tear-up, payouts, late payments: worked by hand, and held to their invariants."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.pouring import pour
from penstock.core.problems import Refused
from penstock.core.replay import Result, replay
from penstock.core.unfunded import calls, paid_out, torn_up
from penstock.store.scenarios import scenario_from

LOTS = st.integers(-50, 50)


@st.composite
def books(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """A defaulter's residual and the members' positions: every contract adds up to zero."""
    residual, positions = {}, {name: {} for name in "ABCD"}  # type: dict[str, int], dict[str, dict[str, int]]
    for contract in ("gas", "oil"):
        held = [draw(LOTS) for _ in positions]
        for member, lots in zip(positions.values(), held, strict=True):
            member[contract] = lots
        residual[contract] = -sum(held)
    return residual, positions


@given(books())
def test_a_tear_up_flattens_the_defaulter_and_takes_from_the_opposite_side_only(
    book: tuple[dict[str, int], dict[str, dict[str, int]]],
) -> None:
    residual, positions = book
    torn = torn_up(residual, positions)
    for contract, lots in residual.items():
        given_up = torn.get(contract, {})
        assert sum(given_up.values()) == abs(lots)
        against = {m: abs(p[contract]) for m, p in positions.items() if p[contract] * lots < 0}
        for member, amount in given_up.items():
            assert 0 < amount <= against[member]
            exact = Fraction(abs(lots) * against[member], sum(against.values()))
            assert abs(amount - exact) < 1


def test_lots_that_nobody_stands_against_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        torn_up({"oil": -8}, {"A": {"oil": 7}, "B": {"oil": -1}})
    assert refused.value.code == "TEAR_UP_UNMATCHED"
    assert torn_up({"oil": -7}, {"A": {"oil": 7}, "B": {"oil": -1}}) == {"oil": {"A": 7}}


@given(st.integers(0, 500), st.dictionaries(st.sampled_from("ABCD"), st.integers(-100, 100)))
def test_everybody_is_paid_out_in_the_same_ratio(assets: int, claims: dict[str, int]) -> None:
    payout = paid_out(assets, claims)
    owed = {name: claim for name, claim in claims.items() if claim > 0}
    total = sum(owed.values())
    assert payout.ratio == (min(Fraction(1), Fraction(assets, total)) if total else 1)
    assert sum(payout.paid.values()) == min(assets, total)
    for name, claim in owed.items():
        assert payout.paid[name] + payout.short[name] == claim
        assert abs(payout.paid[name] - payout.ratio * claim) < 1


# --- late payments ----------------------------------------------------------------------------------

CALL = {
    "id": "call",
    "payer": "members",
    "source": "assessment",
    "share": "default_fund",
    "limit": {"multiple": "1", "of": "default_fund"},
}
SECOND = {**CALL, "id": "second_call", "limit": {"multiple": "0.5", "of": "default_fund"}}


SHORT = {
    "X": {"default_fund": "0.00"},
    "A": {"default_fund": "50.00", "able_to_pay": "10.00"},
    "B": {"default_fund": "30.00"},
    "C": {"default_fund": "20.00"},
}


def run(events: list[dict[str, Any]], loss: str = "60.00", **more: Any) -> Result:
    """A owes 30 of a call of 60 and can pay 10; B and C take its 20 within their limits of 30 and 20."""
    rulebook: dict[str, Any] = {"currency": "EUR", "layers": [CALL], **more}
    return replay(
        scenario_from(
            {
                "scenario": "late",
                "currency": "EUR",
                "rulebook": rulebook,
                "resources": {
                    "members": SHORT,
                },
                "defaults": [
                    {"member": "X", "at": "2024-05-02T09:00:00Z", "loss_beyond_own_resources": loss}
                ],
                "events": events,
            }
        )
    )


def late(amount: str, layer: str = "call", day: str = "2024-05-06") -> dict[str, Any]:
    return {"at": f"{day}T09:00:00Z", "paid_late": {"A": {layer: amount}}}


def test_a_late_payment_returns_to_those_who_stood_in() -> None:
    """Called 30, 18, 12; paid 10, 30, 20: B stood in with 12, C with 8. Of 15 paid late B gets 9, C 6."""
    result = run([late("15.00")])
    assert result.events[0].layers[0].unpaid == {"A": 20_00}
    (happening,) = result.happenings
    assert happening.layers == {"call": {"B": 9_00, "C": 6_00}}
    assert result.bornes[0].paid == {"call": {"A": 25_00, "B": 21_00, "C": 14_00}}
    assert result.bornes[0].unpaid == {"call": {"A": 5_00}}


def test_the_whole_claim_settles_it_and_a_cent_more_is_refused() -> None:
    result = run([late("15.00"), late("5.00", day="2024-05-07")])
    assert result.bornes[0].paid == {"call": {"A": 30_00, "B": 18_00, "C": 12_00}}
    for events in ([late("20.01")], [late("20.00"), late("0.01", day="2024-05-07")]):
        with pytest.raises(Refused) as refused:
            run(events)
        assert refused.value.code == "LATE_TOO_MUCH"
        (problem,) = refused.value.problems
        assert problem.path == ("events", len(events) - 1, "paid_late", "A", "call")


def test_what_nobody_had_covered_comes_first() -> None:
    """A loss of 100 calls all 100; A pays 10 of 50, so 40 stays uncovered, and nobody else could stand in."""
    result = run([late("25.00")], "100.00")
    assert result.events[0].uncovered == 40_00
    assert result.happenings[0].uncovered == 25_00
    assert result.happenings[0].layers == {}
    assert result.bornes[0].uncovered == 15_00


def test_the_last_layer_gets_it_back_first() -> None:
    """Loss 90 over calls of 100 and 50: called 45, 27, 18; paid 10, 30, 20, and 30 more by the second call.

    In it A cannot pay anything, so B pays 15 and C 10 of their 15 and 10, and 5 is uncovered. Of 30 paid
    late the uncovered 5 comes first, then B's 15 and C's 10 of the second call.
    """
    result = run([late("30.00")], "90.00", layers=[CALL, SECOND])
    assert result.events[0].uncovered == 5_00
    assert result.happenings[0].uncovered == 5_00
    assert result.happenings[0].layers == {"second_call": {"B": 15_00, "C": 10_00}}


def test_returned_money_counts_as_never_paid() -> None:
    """After the return B has paid 21 of the 30 that a window of 30 days lets it be asked for: 9 are left."""
    window = {"length": "30 days", "multiple": "1"}
    second = {"member": "C", "at": "2024-05-10T09:00:00Z", "loss_beyond_own_resources": "40.00"}
    for events, left in (([late("15.00")], 9_00), ([], 0)):
        scenario = {
            "scenario": "window",
            "currency": "EUR",
            "rulebook": {"currency": "EUR", "layers": [{**CALL, "window": window}]},
            "resources": {
                "members": SHORT,
            },
            "defaults": [
                {"member": "X", "at": "2024-05-02T09:00:00Z", "loss_beyond_own_resources": "60.00"},
                second,
            ],
            "events": events,
        }
        result = replay(scenario_from(scenario))
        assert result.events[1].layers[0].paid.get("B", 0) == left


def test_a_gap_that_is_not_spread_stays_open_for_the_next_layer() -> None:
    """Called 30, 18, 12; A pays 10: the gap of 20 goes to the CCP, not to B and C."""
    own = {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"amount": "15.00"}}
    (event,) = run([], layers=[{**CALL, "call": {"unpaid": "uncovered"}}, own]).events
    assert event.layers[0].paid == {"A": 10_00, "B": 18_00, "C": 12_00}
    assert event.layers[0].unpaid == {"A": 20_00}
    assert event.layers[1].paid == {"ccp": 15_00}
    assert event.uncovered == 5_00
    (event,) = run([], layers=[{**CALL, "call": {"unpaid": "respread"}}, own]).events
    assert event.layers[0].paid == {"A": 10_00, "B": 30_00, "C": 20_00}


# --- calls as the loss becomes known ------------------------------------------------------------------


def called(losses: list[int], terms: dict[str, str] | None) -> list[list[tuple[str, int, int, int]]]:
    """The calls made for one loss after another, each as (member, called now, returned, in all)."""
    layer = {**CALL, **({"call": terms} if terms else {})}
    step = run([], "0.00", layers=[layer]).steps[0]
    assert step is not None
    (label,) = step.losses
    made, before = [], None
    for loss in losses:
        now, _ = pour(step, {label: loss})
        found = calls(step, now, date(2024, 5, 3), before)
        made.append([(one.payer, one.amount, one.returned, one.total) for one in found])
        before = now
    return made


def test_a_loss_known_in_parts_is_called_in_portions_and_what_is_unused_goes_back() -> None:
    """30, then 50, then 40 over weights 50, 30, 20."""
    assert called([30_00, 50_00, 40_00], {"portions": "true", "unused": "returned"}) == [
        [("A", 15_00, 0, 15_00), ("B", 9_00, 0, 9_00), ("C", 6_00, 0, 6_00)],
        [("A", 10_00, 0, 25_00), ("B", 6_00, 0, 15_00), ("C", 4_00, 0, 10_00)],
        [("A", 0, 5_00, 20_00), ("B", 0, 3_00, 12_00), ("C", 0, 2_00, 8_00)],
    ]


def test_unused_money_stays_called_where_no_rule_returns_it() -> None:
    assert called([50_00, 40_00], None)[1] == []
    assert called([50_00, 50_00], {"unused": "returned"})[1] == []


def test_a_rule_without_portions_calls_once() -> None:
    with pytest.raises(Refused) as refused:
        called([30_00, 50_00], {"due": "1 day"})
    assert refused.value.code == "CALL_PORTIONS"


def test_a_call_is_due_as_the_rule_says() -> None:
    step = run([], "30.00", layers=[{**CALL, "call": {"due": "3 days"}}]).steps[0]
    assert step is not None
    found = calls(step, pour(step)[0], date(2024, 5, 3))
    assert {one.due for one in found} == {date(2024, 5, 6)}
    assert sum(one.amount for one in found) == 30_00, "calls add up to what is demanded of the layer"
