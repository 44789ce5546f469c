"""What differs between rulebooks: said once, in words, and in amounts worked out by hand."""

from typing import Any

import pytest

from penstock.core.money import currency
from penstock.core.rulebook import Rulebook
from penstock.report.differences import Difference, amount_rows, amounts, differences
from penstock.store.documents import Document, from_value
from penstock.store.rulebooks import read_rulebook
from penstock.store.scenarios import scenario_from

OWN = {"id": "own", "title": "Own capital", "payer": "ccp", "source": "own_capital"}
FUND = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"}
CALL = {**FUND, "id": "call", "source": "assessment", "limit": {"multiple": "1", "of": "default_fund"}}


def book(*layers: dict[str, Any], **more: Any) -> Rulebook:
    value = {"currency": "EUR", "layers": list(layers), **more}
    return read_rulebook(Document(from_value(value)), inline=True)


def said(old: Rulebook, new: Rulebook) -> list[tuple[str, str, str, str]]:
    found = differences(old, new, None, None)
    return [(one.head, one.facet, one.before, one.after) for one in found]


def limited(amount: str) -> dict[str, Any]:
    return {**OWN, "limit": {"amount": amount}}


def test_a_rulebook_does_not_differ_from_itself() -> None:
    assert said(book(limited("5.00"), FUND, CALL), book(limited("5.00"), FUND, CALL)) == []


def test_a_changed_limit_is_said_on_both_sides() -> None:
    assert said(book(limited("5.00"), FUND), book(limited("7.00"), FUND)) == [
        ("Layer 1, Own capital", "up to", "EUR 5.00", "EUR 7.00")
    ]


def test_what_is_only_on_one_side_is_said_whole() -> None:
    without, with_ = book(FUND), book(FUND, CALL)
    call = (
        "payer the members not in default; out of assessment (a cash call); shared by default fund "
        "contribution; up to once default fund contribution"
    )
    assert said(without, with_) == [("Layer 2, Call", "", "", call)]
    assert said(with_, without) == [("Layer 2, Call", "", call, "")]


def test_one_layer_that_changed_places_is_one_difference() -> None:
    assert said(book(OWN, FUND, CALL), book(FUND, CALL, OWN)) == [("Layer 1, Own capital", "place", "1", "3")]


def test_layers_of_other_names_are_paired_by_who_pays_out_of_what() -> None:
    renamed = {**OWN, "id": "junior", "title": "Junior capital"}
    assert said(book(OWN, FUND), book(renamed, FUND)) == [
        ("Layer 1, Own capital", "called", "Own capital", "Junior capital")
    ]


def test_sections_and_caps_differ_too() -> None:
    cap = {"id": "cap", "on": ["fund", "call"], "limit": {"multiple": "1.5", "of": "default_fund"}}
    found = said(book(FUND, CALL), book(FUND, CALL, caps=[cap], several_defaults={"next": "resume"}))
    assert found == [
        ("Several defaults", "", "", "a later default goes on at the first layer that was not exhausted"),
        (
            "Cap cap",
            "",
            "",
            "fund, call together: each at most 1.5 times default fund contribution (no citation)",
        ),
    ]


def test_two_days_of_one_rulebook() -> None:
    dated = {**OWN, "limit": {"2020-01-01": {"amount": "5.00"}, "2022-01-01": {"amount": "7.00"}}}
    one = book(dated, FUND, **{"from": "2020-01-01"})
    first, later = one.changes()
    assert differences(one, one, first, later) == [
        Difference("Layer 1, Own capital", "up to", "EUR 5.00", "EUR 7.00")
    ]
    assert differences(one, one, later, later) == []


def test_amounts_by_kind_of_payer_at_each_loss() -> None:
    """Loss 40: 10 of the CCP, 30 of the members; then 25 and 15. Loss 200: the fund of 100 is empty."""
    unit = currency("EUR")

    def scenario(capital: str) -> Any:
        return scenario_from(
            {
                "scenario": "two capitals",
                "currency": "EUR",
                "rulebook": {"currency": "EUR", "layers": [limited(capital), FUND]},
                "resources": {
                    "members": {
                        "X": {"default_fund": "0"},
                        "A": {"default_fund": "60"},
                        "B": {"default_fund": "40"},
                    }
                },
                "defaults": [{"member": "X", "at": "2024-05-02T09:00:00Z", "loss_beyond_own_resources": "0"}],
            }
        )

    points = amounts(scenario("10.00"), scenario("25.00"), [4000, 20000])
    assert amount_rows(points, unit) == [
        ("40.00", "ccp", "10.00", "25.00", "+15.00"),
        ("", "members", "30.00", "15.00", "-15.00"),
        ("200.00", "ccp", "10.00", "25.00", "+15.00"),
        ("", "members", "100.00", "100.00", ""),
        ("", "uncovered", "90.00", "75.00", "-15.00"),
    ]


def _one(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The facets that differ when one part of a small book is put in another's place."""
    base: dict[str, Any] = {"layers": [limited("5.00"), FUND, CALL]}
    one, other = base | old, base | new
    found = said(book(*one.pop("layers"), **one), book(*other.pop("layers"), **other))
    return [facet or head for head, facet, _, _ in found]


@pytest.mark.parametrize(
    ("old", "new", "facets"),
    [
        ({}, {"layers": [limited("5.00"), FUND, {**CALL, "call": {"unpaid": "uncovered"}}]}, ["call"]),
        (
            {"cover": {"standard": "cover_2", "buffer": "0.1"}},
            {"cover": {"standard": "cover_2", "buffer": "0.2"}},
            ["Cover"],
        ),
        (
            {"rounding": {"share": "floor_residual", "residual_to": "ccp"}},
            {"rounding": {"share": "floor_residual", "residual_to": "parent"}},
            ["Odd units"],
        ),
    ],
)
def test_what_is_easily_overlooked_is_told(
    old: dict[str, Any], new: dict[str, Any], facets: list[str]
) -> None:
    assert _one(old, new) == facets
    assert _one(old, old) == []


def test_a_group_divided_otherwise_is_told() -> None:
    def divided(split: list[str]) -> Rulebook:
        return book(
            {
                "group": "beside",
                "split": dict(zip(("own", "fund"), split, strict=True)),
                "layers": [limited("5.00"), FUND],
            }
        )

    assert said(divided(["1", "1"]), divided(["1", "1"])) == []
    found = said(divided(["1", "1"]), divided(["2", "1"]))
    assert {facet for _, facet, _, _ in found} == {"divided by"}
    assert found[0][2:] == ("1 (Own capital) to 1 (Fund)", "2 (Own capital) to 1 (Fund)")
