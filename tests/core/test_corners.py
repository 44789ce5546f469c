"""Corners of the language that random rulebooks seldom meet."""

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from penstock.core.exposure import curve
from penstock.core.money import Currency, share, water_fill, written
from penstock.core.problems import Refused
from penstock.core.replay import Result, replay
from penstock.core.results import EventResult
from penstock.core.scenario import Scenario
from penstock.core.waterfall import Balance, Part, Stopped, Tranche, allocate
from penstock.store.rulebooks import rulebook_from
from penstock.store.scenarios import scenario_from

DEFAULT = {"member": "X", "at": "2024-05-02T09:00:00Z", "loss_beyond_own_resources": "10.00"}
NO_LOSS = {"loss_beyond_own_resources": "0.00"}
FUND = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"}


def scenario(
    layers: list[dict[str, Any]],
    members: dict[str, Any],
    *,
    default: dict[str, Any] | None = None,
    resources: dict[str, Any] | None = None,
    **book: Any,
) -> Scenario:
    whole: dict[str, Any] = {
        "scenario": "A corner",
        "currency": "EUR",
        "rulebook": {"currency": "EUR", "layers": layers, **book},
        "resources": {"members": {"X": {}, **members}, **(resources or {})},
        "defaults": [{**DEFAULT, **(default or {})}],
    }
    return scenario_from(whole)


def run(*given: Any, **words: Any) -> EventResult:
    return replay(scenario(*given, **words)).events[0]


def used(event: EventResult) -> dict[str, int]:
    return {row.layer.id: row.used for row in event.layers}


def test_many_limits_that_are_reached_one_by_one_are_shared_exactly() -> None:
    """Each round fills one payer only, so that sorting has to settle it: the naive loop must agree."""
    amount, weights = 10**15, [1] * 40
    caps: list[int] = []
    level = 0  # each cap lies just above the level of the round before: no round finds more than one
    for filled in range(30):
        before, level = level, (amount - sum(caps)) // (40 - filled)
        caps.append(before + 1)
    caps += [10**15] * 10
    random.Random(7).shuffle(caps)
    for loss in (amount, 1, amount // 7, sum(caps) - 1):
        exact = _naive(loss, weights, caps)
        parts, rest = water_fill(loss, weights, caps)
        assert parts == [int(value) for value in exact]
        shared = [i for i, r in enumerate(rest) if r]
        assert all(exact[i] - parts[i] == Fraction(rest[i], len(shared)) for i in shared)
        assert all(exact[i].denominator == 1 for i in range(40) if i not in shared)
        whole, odd = share(loss, weights, caps, "largest_remainder")
        assert (sum(whole), odd) == (loss, 0)


def _naive(amount: int, weights: list[int], caps: list[int]) -> list[Fraction]:
    paid = [Fraction(0)] * len(weights)
    open_ = list(range(len(weights)))
    left = Fraction(amount)
    while left and open_:
        level = left / sum(weights[i] for i in open_)
        step = min(level, *((caps[i] - paid[i]) / weights[i] for i in open_))
        for i in open_:
            paid[i] += step * weights[i]
            left -= step * weights[i]
        open_ = [i for i in open_ if paid[i] < caps[i]]
    return paid


def test_ratios_that_differ_in_the_last_digit_keep_their_order() -> None:
    """Caps and weights whose ratios are equal in their first sixteen digits."""
    weights = [10**15 + i for i in range(1, 12)]
    caps = [10**15 + 2 * i for i in range(1, 12)]
    for loss in (sum(caps) - 5, sum(caps) // 2, 7):
        parts, _ = water_fill(loss, weights, caps)
        assert parts == [int(value) for value in _naive(loss, weights, caps)]


def test_amounts_for_people_have_commas_and_a_sign() -> None:
    euro = Currency("EUR", 2)
    assert written(-123456789, euro, grouped=True) == "-1,234,567.89"
    assert written(-123456789, euro) == "-1234567.89"
    assert written(5, Currency("JPY", 0), grouped=True) == "5"


def part(layer: str, payers: str, *limits: int) -> tuple[Part, dict[Balance, int]]:
    keys = tuple(f"{layer}:{payer}" for payer in payers)
    weights = (1,) * len(payers)
    return Part(layer, tuple(payers), weights, (keys,)), dict(zip(keys, limits, strict=True))


def test_odd_units_beside_go_to_the_part_of_the_residual_payer_while_it_has_room() -> None:
    first, of_first = part("first", "A", 5)
    second, of_second = part("second", "C", 5)
    third, of_third = part("third", "B", 5)
    label = ("X", "house", "")
    balances = {**of_first, **of_second, **of_third}
    poured = Tranche((label,), (first, second, third), split=(1, 1, 1))
    outcome = allocate({label: 8}, [poured], balances, "floor_residual", "C")
    assert [(pour.paid, pour.odd) for pour in outcome.pours] == [({"A": 2}, 0), ({"C": 2}, 2), ({"B": 2}, 0)]


def test_odd_units_beside_go_on_where_the_first_part_is_full() -> None:
    parts = [part("first", "C", 2), part("second", "A", 9), part("third", "B", 9)]
    label = ("X", "house", "")
    balances = {key: amount for _, held in parts for key, amount in held.items()}
    poured = Tranche((label,), tuple(one for one, _ in parts), split=(1, 1, 1))
    outcome = allocate({label: 11}, [poured], balances, "floor_residual", "C")
    # C pays its 2 in full; 9 over the other two are 4 and 4, the odd one goes to the first with room
    assert [(pour.paid, pour.odd) for pour in outcome.pours] == [({"C": 2}, 0), ({"A": 4}, 1), ({"B": 4}, 0)]


def test_a_refusal_says_why() -> None:
    barred = Part("fund", (), (), (), stop=("UNKNOWN_REACHED", "nobody knows"))
    label = ("X", "house", "")
    with pytest.raises(Stopped, match="nobody knows"):
        allocate({label: 1}, [Tranche((label,), (barred,))], {})


def test_money_by_the_only_segment_is_the_whole_of_it() -> None:
    event = run(
        [{**FUND, "segment": "rates"}],
        {"A": {"default_fund": {"rates": "30.00"}}},
        default={"loss_beyond_own_resources": {"rates": "10.00"}},
        segments=["rates"],
    )
    assert used(event) == {"fund": 1000}


def test_a_figure_not_yet_in_force_is_not_known() -> None:
    figures = {"later": {"2025-01-01": {"amount": "5.00"}}}
    layers = [{"id": "own", "payer": "ccp", "source": "own_capital", "limit": "later"}]
    with pytest.raises(Refused) as refused:
        run(layers, {}, figures=figures)
    assert (refused.value.code, "figure later on 2024-05-02" in str(refused.value)) == (
        "UNKNOWN_REACHED",
        True,
    )


def test_a_member_does_not_have_the_money_of_a_party() -> None:
    layers = [
        {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"amount": "1.00"}},
        {**FUND, "limit": "own_capital"},
    ]
    with pytest.raises(Refused) as refused:
        run(layers, {"A": {"default_fund": "9.00"}})
    assert (refused.value.code, "own_capital for A" in str(refused.value)) == ("UNKNOWN_REACHED", True)


def test_what_stands_in_a_layer_of_the_defaulter_can_be_a_limit() -> None:
    layers = [
        {"id": "margin", "payer": "defaulter", "source": "initial_margin"},
        {"id": "own", "payer": "ccp", "source": "own_capital", "limit": "margin"},
    ]
    default = {"member": "X", "at": DEFAULT["at"], "loss": "10.00"}
    built = scenario_from(
        {
            "scenario": "A corner",
            "currency": "EUR",
            "rulebook": {"currency": "EUR", "layers": layers},
            "resources": {"members": {"X": {"initial_margin": "4.00"}}},
            "defaults": [default],
        }
    )
    event = replay(built).events[0]
    assert (used(event), event.uncovered) == ({"margin": 400, "own": 400}, 200)


def test_a_number_that_was_not_given_meets_no_condition() -> None:
    figures = {"rank": {"given": "member", "kind": "number"}}
    layers = [{**FUND, "where": {"rank": ["0.50"]}}]
    members = {"A": {"default_fund": "3.00", "rank": "0.5"}, "B": {"default_fund": "9.00"}}
    event = run(layers, members, figures=figures)
    assert event.layers[0].paid == {"A": 300}


def test_a_member_in_no_class_whose_money_is_unknown_is_refused() -> None:
    layers = [{**FUND, "order": {"bid": ["none", "good"]}}]
    members = {"A": {"default_fund": {"unknown": "true", "why": "secret"}, "bid": "poor"}}
    with pytest.raises(Refused) as refused:
        run(layers, members)
    assert refused.value.code == "SCENARIO_ORDER"


ACCOUNTS = [
    {"id": "client", "payer": "defaulter", "source": "initial_margin", "account": "client"},
    {"id": "house", "payer": "defaulter", "source": "initial_margin", "account": "house"},
]


def _with_accounts(accounts: dict[str, Any], loss: dict[str, str], layers: list[dict[str, Any]]) -> Scenario:
    return scenario_from(
        {
            "scenario": "Accounts",
            "currency": "EUR",
            "rulebook": {"currency": "EUR", "layers": layers},
            "resources": {
                "members": {
                    "X": {"accounts": accounts, "default_fund": "7.00"},
                    "A": {"default_fund": "1.00"},
                }
            },
            "defaults": [{"member": "X", "at": DEFAULT["at"], "loss": loss}],
        }
    )


def test_the_surplus_of_an_account_that_nobody_knows_is_left_out() -> None:
    accounts = {
        "house": {"initial_margin": "5.00"},
        "c1": {"initial_margin": {"unknown": "true", "why": "secret"}},
    }
    event = replay(_with_accounts(accounts, {"house": "2.00", "c1": "0.00"}, ACCOUNTS)).events[0]
    assert event.surplus == {"house": 300}


def test_a_profit_in_a_fund_that_is_shared_goes_back_as_far_as_it_is_left() -> None:
    layers = [
        ACCOUNTS[0],
        {"id": "own_fund", "payer": "defaulter", "source": "default_fund", "account": "house"},
        FUND,
    ]
    accounts = {"house": {"initial_margin": "0.00"}, "c1": {"initial_margin": "0.00"}}
    built = _with_accounts(accounts, {"house": "-4.00", "c1": "9.00"}, layers)
    event = replay(built).events[0]
    # the purse holds 7 of the fund and 4 of the profit; 9 go to the client, 2 are left
    assert used(event) == {"client": 0, "own_fund": 900, "fund": 0}
    assert event.surplus == {"c1": 0, "house": 200}


def test_the_curve_of_the_house_leaves_client_margin_out() -> None:
    accounts = {"house": {"initial_margin": "5.00"}, "c1": {"initial_margin": "3.00"}}
    found = curve(_with_accounts(accounts, {"house": "2.00", "c1": "0.00"}, [*ACCOUNTS, FUND]))
    assert [(span.layer, span.attachment, span.exhaustion) for span in found.spans] == [
        ("house", 0, 500),
        ("fund", 500, 600),
    ]


def test_the_curve_of_shares_by_size_and_of_an_empty_part_beside_a_full_one() -> None:
    layers = [
        {
            "group": "beside",
            "split": "size",
            "layers": [
                {"id": "nothing", "payer": "ccp", "source": "own_capital", "limit": {"amount": "0.00"}},
                {**FUND, "share": "size"},
            ],
        }
    ]
    found = curve(scenario(layers, {"A": {"default_fund": "3.00"}, "B": {"default_fund": "1.00"}}))
    assert [(span.layer, span.attachment, span.exhaustion) for span in found.spans] == [
        ("nothing", 0, 0),
        ("fund", 0, 400),
    ]


def test_a_cap_on_layers_that_are_not_in_force_is_no_hindrance() -> None:
    layers = [FUND, {"id": "old", "payer": "ccp", "source": "own_capital", "until": "2020-01-01"}]
    caps = [{"id": "cap", "on": ["old"], "limit": {"amount": "1.00"}}]
    assert used(run(layers, {"A": {"default_fund": "30.00"}}, caps=caps)) == {"fund": 1000}


@pytest.mark.parametrize(
    ("word", "value", "code", "path"),
    [
        ("rounding", {"2025-01-01": {"share": "floor_residual"}}, "RULE_DATE", ("rounding",)),
        ("figures", {"day": {"amount": "5.00", "kind": "date"}}, "RULE_TYPE", ("figures", "day")),
        ("layers", [{"group": "empty", "layers": [], "cite": "r 1"}], "RULE_MISSING", ("layers", 0)),
        ("layers", None, "", ()),
    ],
)
def test_what_a_rulebook_cannot_mean(word: str, value: Any, code: str, path: tuple[str | int, ...]) -> None:
    window = {"length": "30 days", "starts": "at_notice", "times": "1"}
    called = {"id": "call", "payer": "members", "source": "assessment", "share": "equal", "cite": "r 1"}
    book = {
        "rulebook": "my/book",
        "title": "Mine",
        "from": "2024-01-01",
        "currency": "EUR",
        "jurisdiction": "US",
        "citations": {"r": {"title": "Rules"}},
        "layers": [{**called, "limit": {"amount": "1.00"}, "window": window}],
    }
    if value is None:
        assert rulebook_from(book).title == "Mine"
        return
    with pytest.raises(Refused) as refused:
        rulebook_from({**book, word: value})
    assert [(problem.code, problem.path) for problem in refused.value.problems] == [(code, path)]


# --- where words of the whole language meet -----------------------------------------------------------

GAINS = {"id": "gains_cut", "payer": "members", "source": "gains", "share": "gains"}
HALF = {"id": "half", "payer": "members", "source": "default_fund", "share": "default_fund"}


def after(events: list[dict[str, Any]], layers: list[dict[str, Any]], **words: Any) -> Result:
    built = scenario(layers, words.pop("members", {"A": {"default_fund": "50.00"}}), **words)
    more = scenario_from(
        {
            "scenario": "events only",
            "currency": "EUR",
            "rulebook": {"currency": "EUR", "layers": layers},
            "resources": {"members": {"X": {}, "A": {}, "B": {}}},
            "defaults": [DEFAULT],
            "events": events,
        }
    )
    return replay(replace(built, events=more.events))


def test_what_is_learnt_between_defaults_counts_from_then_on() -> None:
    """B can pay nothing more: of the second call A bears all that its limit allows."""
    call = {"id": "call", "payer": "members", "source": "assessment", "share": "equal"}
    result = replay(
        scenario_from(
            {
                "scenario": "learnt",
                "currency": "EUR",
                "rulebook": {"currency": "EUR", "layers": [{**call, "limit": {"amount": "10.00"}}]},
                "resources": {"members": {"X": {}, "Y": {}, "A": {}, "B": {}}},
                "defaults": [
                    {"member": "X", "at": "2024-05-02T09:00:00Z", "loss_beyond_own_resources": "9.00"},
                    {"member": "Y", "at": "2024-06-03T09:00:00Z", "loss_beyond_own_resources": "8.00"},
                ],
                "events": [{"at": "2024-05-20T09:00:00Z", "members": {"B": {"able_to_pay": "3.00"}}}],
            }
        )
    )
    assert [one.what for one in result.happenings] == ["members"]
    assert result.events[0].layers[0].paid == {"A": 3_00, "B": 3_00, "Y": 3_00}
    assert result.events[1].layers[0].paid == {"A": 8_00}


def test_an_amount_of_the_day_of_notice() -> None:
    """Notice was given in April, when the contribution was still 20."""
    call = {
        "id": "call",
        "payer": "members",
        "source": "assessment",
        "share": "equal",
        "limit": {"of": "default_fund", "measured": "at_notice"},
    }
    members = {"A": {"default_fund": {"2024-01-01": "20.00", "2024-05-01": "50.00"}}}
    words = {"notice": "2024-04-29T09:00:00Z", "loss_beyond_own_resources": "100.00"}
    assert used(run([call], members, default=words)) == {"call": 20_00}
    at_call = {**call, "limit": {"of": "default_fund", "measured": "at_call"}}
    assert used(run([at_call], members, default=words)) == {"call": 50_00}


def test_a_date_that_a_member_does_not_have_makes_an_amount_of_that_day_unknown() -> None:
    call = {
        "id": "call",
        "payer": "members",
        "source": "assessment",
        "share": "equal",
        "limit": {"of": "default_fund", "measured": "at_left"},
    }
    with pytest.raises(Refused, match="left of A is not given"):
        run([call], {"A": {"default_fund": "5.00"}}, figures={"left": {"given": "member", "kind": "date"}})


def test_what_stands_in_a_layer_poured_by_segment_is_that_of_all_segments() -> None:
    """The capital is limited to half of what stands in the fund of both segments: 15."""
    fund = {**HALF, "segment": "each"}
    own = {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"multiple": "0.5", "of": "half"}}
    members = {"A": {"default_fund": {"one": "10.00", "two": "20.00"}}, "X": {"default_fund": {"one": "0"}}}
    loss = {"loss_beyond_own_resources": {"one": "50.00", "two": "0.00"}}
    event = run([own, fund], members, default=loss, segments=["one", "two"])
    assert used(event) == {"own": 15_00, "half": 10_00}


def test_money_that_is_not_told_by_segment_is_unknown_to_a_segment() -> None:
    loss = {"loss_beyond_own_resources": {"one": "5.00"}}
    for layer, members in ((HALF, {"A": {"default_fund": "10.00"}}), (GAINS, {"A": {"gains": "3.00"}})):
        with pytest.raises(Refused, match="is not told by segment"):
            run([{**layer, "segment": "one"}], members, default=loss, segments=["one"])


def test_gains_by_day_of_one_and_in_all_of_another_are_each_counted() -> None:
    """A's 4 on the day and B's 6 given as one figure: day by day, B's figure stands on A's only day."""
    members = {"A": {"gains": {"2024-05-02": "4.00"}}, "B": {"gains": "6.00"}}
    event = run([{**GAINS, "base": "daily"}], members, default={"loss_beyond_own_resources": "5.00"})
    assert event.layers[0].paid == {"A": 2_00, "B": 3_00}


def test_a_layer_that_matches_what_is_unknown_is_unknown_too() -> None:
    """Segment two's fund is unknown; its loss never gets there, but the matching layer cannot be sized."""
    fund = {**HALF, "segment": "two"}
    own = {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"matching": "half"}}
    members = {"A": {"default_fund": {"one": "5.00", "two": {"unknown": "true", "why": "unread"}}}}
    loss = {"loss_beyond_own_resources": {"one": "5.00", "two": "0.00"}}
    with pytest.raises(Refused, match="what an earlier layer can give"):
        run([fund, own], members, default=loss, segments=["one", "two"])
    nothing = {"loss_beyond_own_resources": {"one": "0.00", "two": "0.00"}}
    event = run([fund, own], members, default=nothing, segments=["one", "two"])
    assert [row.capacity for row in event.layers] == [None, None]


def test_a_window_beside_a_limit_that_matches_counts_nothing_of_its_own() -> None:
    fund = {**HALF, "limit": {"amount": "3.00"}}
    window = {"length": "30 days"}
    own = {
        "id": "own",
        "payer": "ccp",
        "source": "own_capital",
        "limit": {"matching": "half"},
        "window": window,
    }
    event = run([fund, own], {"A": {"default_fund": "9.00"}}, default={"loss_beyond_own_resources": "9.00"})
    assert used(event) == {"half": 3_00, "own": 3_00}


def test_money_that_comes_back_by_a_key_nobody_knows_is_refused() -> None:
    call = {"id": "call", "payer": "members", "source": "assessment", "share": "equal"}
    layers = [{**call, "limit": {"amount": "9.00"}}]
    events = [{"at": "2024-06-03T09:00:00Z", "recovered": "1.00"}]
    with pytest.raises(Refused, match="by a key that is not known: default_fund of A is not given"):
        after(events, layers, members={"A": {}}, recoveries={"share": "default_fund"})


def test_a_late_payment_gives_money_back_to_the_purse_that_it_came_from() -> None:
    """A cannot pay its 10; the fund of B and C pays them, and stands whole again after A has paid."""
    call = {"id": "call", "payer": "members", "source": "assessment", "share": "equal"}
    layers = [{**call, "limit": {"amount": "10.00"}, "call": {"unpaid": "uncovered"}}, HALF]
    members = {
        "A": {"default_fund": "0.00", "able_to_pay": "0.00"},
        "B": {"default_fund": "12.00"},
        "C": {"default_fund": "12.00"},
        "Y": {"default_fund": "0.00"},
    }
    for events, left in (
        ([], 14_00),
        ([{"at": "2024-05-20T09:00:00Z", "paid_late": {"A": {"call": "10.00"}}}], 24_00),
    ):
        result = replay(
            scenario_from(
                {
                    "scenario": "late",
                    "currency": "EUR",
                    "rulebook": {"currency": "EUR", "layers": layers},
                    "resources": {"members": {"X": {"default_fund": "0.00"}, **members}},
                    "defaults": [
                        {"member": "X", "at": "2024-05-02T09:00:00Z", "loss_beyond_own_resources": "40.00"},
                        {"member": "Y", "at": "2024-06-03T09:00:00Z", "loss_beyond_own_resources": "0.00"},
                    ],
                    "events": events,
                }
            )
        )
        assert result.events[0].layers[1].paid == {"B": 5_00, "C": 5_00}
        assert result.events[1].layers[1].capacity == left


def test_what_an_action_had_ended_stays_with_the_clearing_house_when_it_is_paid_late() -> None:
    call = {"id": "call", "payer": "members", "source": "assessment", "share": "equal"}
    layers = [
        {**call, "limit": {"amount": "10.00"}, "call": {"unpaid": "uncovered"}},
        {"id": "end", "action": "full_tear_up", "when": {"torn": "true"}},
    ]
    result = replay(
        scenario_from(
            {
                "scenario": "ended",
                "currency": "EUR",
                "rulebook": {"currency": "EUR", "layers": layers},
                "resources": {"members": {"X": {}, "A": {"able_to_pay": "4.00"}}},
                "defaults": [
                    {
                        "member": "X",
                        "at": "2024-05-02T09:00:00Z",
                        "loss_beyond_own_resources": "10.00",
                        "facts": {"torn": "true"},
                    }
                ],
                "events": [{"at": "2024-05-20T09:00:00Z", "paid_late": {"A": {"call": "6.00"}}}],
            }
        )
    )
    assert [row.used for row in result.events[0].layers] == [4_00, 6_00]
    assert result.happenings[0].layers == {}
    assert result.happenings[0].retained == 6_00


def test_the_curve_ends_in_the_action() -> None:
    end = {"id": "end", "action": "full_tear_up", "when": {"torn": "true"}}
    built = scenario(
        [HALF, end], {"A": {"default_fund": "5.00"}}, default={"facts": {"torn": "true"}, **NO_LOSS}
    )
    found = curve(built, [9_00])
    assert [(span.layer, span.attachment, span.exhaustion) for span in found.spans] == [
        ("half", 0, 5_00),
        ("end", 5_00, None),
    ]
    at = found.losses.index(9_00)
    assert (found.layers["half"][at], found.layers["end"][at], found.uncovered[at]) == (5_00, 4_00, 0)


def test_all_classes_of_a_layer_share_one_limit_that_matches() -> None:
    """Seven of the insurance are matched once, not once a class: 5 of A, then 2 of B."""
    first = {"id": "first", "payer": "insurer", "source": "insurance", "limit": {"amount": "7.00"}}
    layer = {**HALF, "together": {"matching": "first"}, "order": {"bid": ["none", "good"]}}
    members = {"A": {"default_fund": "5.00", "bid": "none"}, "B": {"default_fund": "5.00", "bid": "good"}}
    event = run([first, layer], members, default={"loss_beyond_own_resources": "30.00"})
    assert event.layers[1].paid == {"A": 5_00, "B": 2_00}
    assert event.layers[1].capacity == 7_00


def test_nothing_is_said_of_what_came_after_a_loss_that_was_never_published() -> None:
    never = {"unknown": "true", "why": "never published"}
    built = scenario([HALF], {"A": {"default_fund": "5.00"}}, default={"loss_beyond_own_resources": never})
    events = after([{"at": "2024-06-03T09:00:00Z", "recovered": "1.00"}], [HALF]).scenario.events
    result = replay(replace(built, events=events))
    assert result.events[0].unpublished == "never published"
    assert result.happenings == ()
