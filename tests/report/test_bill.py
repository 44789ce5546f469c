"""A member's bill: every line can be checked by hand, and the last one is what it pays."""

from fractions import Fraction

from hypothesis import given

import strategies
from penstock.core.exposure import derive
from penstock.core.problems import Refused
from penstock.core.replay import replay
from penstock.report.bill import bill
from penstock.store.scenarios import scenario_from


def _scenario(rounding: str, loss: str) -> dict[str, object]:
    share = {"share": rounding, "residual_to": "ccp"}
    return {
        "scenario": "Billed",
        "currency": "EUR",
        "rulebook": {
            "currency": "EUR",
            "rounding": share,
            "layers": [
                {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"amount": "10.00"}},
                {
                    "id": "call",
                    "payer": "members",
                    "source": "assessment",
                    "share": "weight",
                    "limit": "owes",
                },
            ],
            "figures": {"weight": {"given": "member", "kind": "number"}, "owes": {"given": "member"}},
        },
        "resources": {
            "members": {
                "X": {"weight": "0", "owes": "0"},
                "A": {"weight": "50", "owes": "10.00"},
                "B": {"weight": "30", "owes": "100.00"},
                "C": {"weight": "40", "owes": "100.00"},
            }
        },
        "defaults": [{"member": "X", "at": "2024-05-02T09:00:00Z", "loss_beyond_own_resources": loss}],
    }


def test_the_bill_of_a_member_below_its_limit() -> None:
    result = replay(scenario_from(_scenario("floor_residual", "60.00")))
    # 60 - 10 of the CCP - 10 of A, who is full: 40 over 30 and 40
    assert bill(result, "B") == [
        (
            "Default of X at 2024-05-02T09:00:00+00:00: the loss, beyond the defaulter's own resources",
            "60.00",
        ),
        ("Borne before its turn in call", "-10.00"),
        ("Reaches layer call (no citation)", "50.00"),
        ("Paid by A, up to the limit", "-10.00"),
        ("Left for the others", "40.00"),
        ("B's share is 3/7 (42.857142... %): exactly", "17.14285714..."),
        ("Rounded down (floor residual); the odd units are paid by ccp", "17.14"),
        ("B pays in all", "17.14"),
    ]


def test_the_bill_of_a_member_at_its_limit() -> None:
    result = replay(scenario_from(_scenario("floor_residual", "60.00")))
    assert bill(result, "A")[-2:] == [
        ("A pays all it can give here: its limit, its money or both", "10.00"),
        ("A pays in all", "10.00"),
    ]


def test_the_bill_says_who_gets_the_odd_cent() -> None:
    # 40.00 over 3/7 and 4/7: 17.142857.. and 22.857142..: the larger fraction is C's
    result = replay(scenario_from(_scenario("largest_remainder", "60.00")))
    assert (
        "Rounded up: among the largest remainders (largest remainder, ties by member id)",
        "22.86",
    ) in bill(result, "C")
    assert (
        "Rounded down: not among the largest remainders (largest remainder, ties by member id)",
        "17.14",
    ) in bill(result, "B")


def test_a_member_that_pays_nothing_is_told_so() -> None:
    result = replay(scenario_from(_scenario("floor_residual", "10.00")))
    assert bill(result, "B")[-2:] == [("B pays nothing in this default", "0.00"), ("B pays in all", "0.00")]


@given(scenario=strategies.scenarios())
def test_every_payment_is_derived_within_one_unit(scenario: dict[str, object]) -> None:
    """The derivation adds up to what is paid, and its exact share is the payment but for rounding."""
    try:
        result = replay(scenario_from(scenario))
    except Refused:
        return
    for event, step in zip(result.events, result.steps, strict=True):
        assert step is not None
        for payer in {name for row in event.layers for name in row.paid if not name.startswith("rounding:")}:
            found = derive(step, event, payer)
            assert sum(one.paid for one in found) == sum(row.paid.get(payer, 0) for row in event.layers)
            for one in found:
                assert abs(one.exact - Fraction(one.paid)) < 1
                assert one.paid <= one.room
                assert one.shared <= one.reached
