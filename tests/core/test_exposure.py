"""Curves and worst cases agree with running the engine loss by loss."""

from bisect import bisect_right
from itertools import pairwise
from typing import Any

import pytest

from penstock.core.exposure import curve, last_step, most
from penstock.core.problems import Refused
from penstock.core.replay import pour
from penstock.store.scenarios import scenario_from

LAYERS: list[dict[str, Any]] = [
    {"id": "margin", "payer": "defaulter", "source": "initial_margin"},
    {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"amount": "25.00"}},
    {
        "group": "beside",
        "split": "size",
        "layers": [
            {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"},
            {"id": "second", "payer": "ccp", "source": "own_capital", "limit": {"amount": "57.00"}},
        ],
    },
    {"id": "call", "payer": "members", "source": "assessment", "share": "equal", "limit": "default_fund"},
]


def _scenario(layers: list[dict[str, Any]], **members: dict[str, str]) -> Any:
    return scenario_from(
        {
            "scenario": "Curved",
            "currency": "EUR",
            "rulebook": {
                "currency": "EUR",
                "rounding": {"share": "floor_residual", "residual_to": "ccp"},
                "layers": layers,
            },
            "resources": {"members": {"X": {"initial_margin": "80.00", "default_fund": "0.00"}, **members}},
            "defaults": [{"member": "X", "at": "2024-05-02T09:00:00Z", "loss": "1.00"}],
        }
    )


FULL = _scenario(
    LAYERS, A={"default_fund": "120.00"}, B={"default_fund": "80.00"}, C={"default_fund": "10.00"}
)


def test_layers_attach_and_are_exhausted_where_their_sizes_say() -> None:
    spans = {span.layer: (span.attachment, span.exhaustion, span.capacity) for span in curve(FULL).spans}
    assert spans == {
        "margin": (0, 8000, 8000),
        "own": (8000, 10500, 2500),
        "fund": (10500, 10500 + 26700, 21000),
        "second": (10500, 10500 + 26700, 5700),
        "call": (37200, 58200, 21000),
    }


def test_between_two_points_of_the_curve_everybody_pays_along_a_straight_line() -> None:
    """Exact for losses between the points, up to the units that rounding can shift."""
    found = curve(FULL)
    step, label = last_step(FULL)
    for loss in range(0, 60_000, 371):
        event, _ = pour(step, {label: loss})
        at = min(bisect_right(found.losses, loss), len(found.losses) - 1)
        first, last = found.losses[at - 1], found.losses[at]
        for row in event.layers:
            low, high = found.layers[row.layer.id][at - 1], found.layers[row.layer.id][at]
            line = low + (high - low) * (loss - first) / (last - first)
            assert abs(row.used - line) <= 3, (loss, row.layer.id)
        for member in ("A", "B", "C"):
            paid = sum(row.paid.get(member, 0) for row in event.layers)
            low, high = found.payers[member][at - 1], found.payers[member][at]
            line = low + (high - low) * (loss - first) / (last - first)
            assert abs(paid - line) <= 4, (loss, member)


def test_a_limit_that_bites_is_a_point_of_the_curve() -> None:
    # equal calls: C is full at 3 x 10.00, then B at 2 x 80.00 + 10.00
    losses = curve(FULL).losses
    assert {37200 + 3000, 37200 + 17000, 58200} <= set(losses)


def test_all_payments_and_the_rest_make_the_loss_at_each_point() -> None:
    found = curve(FULL, more=[12_345])
    assert 12_345 in found.losses
    for i, loss in enumerate(found.losses):
        assert sum(amounts[i] for amounts in found.payers.values()) + found.uncovered[i] == loss
    assert all(a < b for a, b in pairwise(found.losses))


def test_a_curve_ends_where_the_money_is_unknown() -> None:
    scenario = _scenario(LAYERS, A={})
    found = curve(scenario)
    assert "fund" in found.ends
    spans = {span.layer: (span.attachment, span.exhaustion, span.capacity) for span in found.spans}
    assert spans["own"] == (8000, 10500, 2500)
    assert spans["fund"] == (10500, None, None)
    assert spans["second"] == (10500, None, 5700)
    assert spans["call"] == (None, None, None)
    assert found.losses[-1] == 10500


def test_a_curve_ends_where_a_call_would_not_be_met() -> None:
    """Margin 80 and own 25; then C owes 10 of the call and is able to pay 4. With 10 it goes on."""
    layers = [*LAYERS[:2], {**LAYERS[3], "call": {"unpaid": "uncovered"}}, LAYERS[2]]
    for able, ends in (("4.00", "layer call: not every payer is able"), ("10.00", "")):
        members = {"A": {"default_fund": "120.00"}, "C": {"default_fund": "10.00", "able_to_pay": able}}
        found = curve(_scenario(layers, **members))
        spans = {span.layer: (span.attachment, span.exhaustion, span.capacity) for span in found.spans}
        assert found.ends[: len(ends) or None] == ends
        if ends:
            assert (spans["call"], found.losses[-1]) == ((10500, None, 12400), 10500)
            assert spans["fund"] == (None, None, 13000)
        else:
            assert spans["call"] == (10500, 23500, 13000)


def test_the_curve_says_whose_loss_it_is_of() -> None:
    assert curve(FULL).of == most(FULL, "C").of == ("X", "house", "")


def test_the_most_a_member_can_lose_is_its_fund_and_its_call() -> None:
    found = most(FULL, "C")
    assert (dict(found.by_layer), found.total, found.unknown) == ({"fund": 1000, "call": 1000}, 2000, ())


def test_the_most_of_the_ccp_counts_all_its_layers() -> None:
    assert dict(most(FULL, "ccp").by_layer) == {"own": 2500, "second": 5700}


def test_what_is_unknown_comes_on_top() -> None:
    found = most(_scenario(LAYERS, A={}), "ccp")
    assert (dict(found.by_layer), found.unknown) == ({"own": 2500, "second": 5700}, ("fund", "call"))


def test_after_a_default_whose_loss_nobody_published_there_is_no_curve() -> None:
    scenario = scenario_from(
        {
            "scenario": "Unknown before",
            "currency": "EUR",
            "rulebook": {
                "currency": "EUR",
                "layers": [{"id": "own", "payer": "ccp", "source": "own_capital"}],
            },
            "resources": {"members": {"X": {}, "Y": {}}, "ccp": {"own": "5.00"}},
            "defaults": [
                {"member": "X", "at": "2024-05-02T09:00:00Z", "loss": {"unknown": "true", "why": "secret"}},
                {"member": "Y", "at": "2024-05-03T09:00:00Z", "loss": "1.00"},
            ],
        }
    )
    with pytest.raises(Refused) as refused:
        curve(scenario)
    assert refused.value.code == "UNKNOWN_REACHED"
