"""The invariants of allocation, each a property over random scenarios or random shares.

The number in a docstring is the invariant's. Checks that can be fed a broken result stand in
``checks``, and each of the controls at the end feeds them one: a check that catches nothing proves
nothing.
"""

import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

import checks
import strategies
from penstock.core.money import Rounding, currency, share, written
from penstock.core.problems import Refused
from penstock.core.replay import Result, pour, replay
from penstock.core.results import EventResult, LayerResult
from penstock.core.waterfall import Balance, Outcome, Part, Tranche, allocate
from penstock.store.scenarios import scenario_from

ROUNDINGS: tuple[Rounding, ...] = ("largest_remainder", "floor_residual")
anything = strategies.scenarios(without={"unknown"})
plain = strategies.scenarios(without={"unknown", *strategies.WIDE})
"""Without limits over several defaults, segments and money that comes back: those stand in
``test_whole_waterfall``."""
one_label = strategies.scenarios(without={"unknown", "several", "accounts", "profit", *strategies.WIDE})
both_roundings = pytest.mark.parametrize("rounding", ROUNDINGS)


def ran(scenario: dict[str, Any]) -> Result:
    """The result; scenarios whose loss reaches what nobody can pay are not spoken of here."""
    try:
        return replay(scenario_from(scenario))
    except Refused:
        reject()


def rounded(scenario: dict[str, Any], rounding: Rounding) -> dict[str, Any]:
    """The scenario under this rounding word."""
    return {**scenario, "rulebook": {**scenario["rulebook"], "rounding": {"share": rounding}}}


def with_loss(scenario: dict[str, Any], minor: int) -> dict[str, Any]:
    """The scenario with another loss of its only default."""
    [default] = scenario["defaults"]
    kind = "loss" if "loss" in default else "loss_beyond_own_resources"
    loss = written(minor, currency(scenario["currency"]))
    return {**scenario, "defaults": [{**default, kind: loss}]}


def payments(event: EventResult) -> Counter[tuple[str, str]]:
    """What each payer paid in each layer, odd units included."""
    return Counter(
        {(row.layer.id, payer): units for row in event.layers for payer, units in row.paid.items()}
    )


# --- over random scenarios ----------------------------------------------------------------------------


@given(anything)
def test_every_unit_of_a_loss_is_paid_by_somebody_or_uncovered(scenario: dict[str, Any]) -> None:
    """I1."""
    checks.check_conservation(ran(scenario))


@both_roundings
@given(scenario=plain)
def test_a_layer_is_the_sum_of_its_payers_and_few_odd_units(
    scenario: dict[str, Any], rounding: Rounding
) -> None:
    """I2: under largest_remainder without any odd unit, under floor_residual with fewer than payers."""
    checks.check_layers_are_sums(ran(rounded(scenario, rounding)))


@given(plain)
def test_no_purse_is_overdrawn_by_layers_or_events_that_share_it(scenario: dict[str, Any]) -> None:
    """I5."""
    checks.check_purses(ran(scenario))


@given(anything)
def test_every_amount_is_whole_and_reads_back_as_written(scenario: dict[str, Any]) -> None:
    """I7."""
    checks.check_amounts(ran(scenario))


@given(
    strategies.scenarios(without={"unknown", "several", "accounts", "beyond", *strategies.WIDE}),
    st.integers(0, 50),
)
def test_nobody_pays_for_a_default_without_a_loss(scenario: dict[str, Any], profit: int) -> None:
    """I9: a profit stays with the defaulter, whole, beside the margin that nobody touched."""
    flat, gain = (replay(scenario_from(with_loss(scenario, -units))) for units in (0, profit))
    assert not payments(flat.events[0])
    assert not payments(gain.events[0])
    assert {k: v + profit for k, v in flat.events[0].surplus.items()} == gain.events[0].surplus


@given(plain)
def test_a_layer_pays_only_when_those_before_it_are_exhausted(scenario: dict[str, Any]) -> None:
    """I10, layers side by side being one rank; and nothing is uncovered before all are."""
    checks.check_order(ran(scenario))


@given(plain)
def test_no_layer_and_no_payer_bears_more_than_its_cap(scenario: dict[str, Any]) -> None:
    """I11."""
    checks.check_caps(ran(scenario))


@given(anything)
def test_who_is_in_default_never_pays_as_a_member(scenario: dict[str, Any]) -> None:
    """I13."""
    checks.check_defaulters_do_not_mutualise(ran(scenario))


@given(one_label)
def test_affiliates_of_the_defaulter_pay_where_the_rule_leaves_them_in(scenario: dict[str, Any]) -> None:
    """I13: and not where it says ``defaulter_affiliate: "false"``."""
    [default] = scenario["defaults"]
    people = {
        name: {**fields, "group": "one" if number % 2 else "two"}
        for number, (name, fields) in enumerate(scenario["resources"]["members"].items())
    }
    fund = {"id": "fund", "payer": "members", "source": "default_fund", "share": "equal"}
    book = {**scenario["rulebook"], "layers": [{**fund, "where": {"defaulter_affiliate": "false"}}]}
    own = people[default["member"]]["group"]
    alike = {name for name, fields in people.items() if fields["group"] == own}
    narrow = {**scenario, "rulebook": book, "resources": {"members": people}}
    for row in ran(narrow).events[0].layers:
        assert not alike & set(row.paid)


@given(anything, st.permutations(range(8)))
def test_the_order_in_which_things_are_written_changes_nothing(
    scenario: dict[str, Any], places: list[int]
) -> None:
    """I15: members, parties, their fields and simultaneous defaults in any order, to the last tie."""

    def shuffled(mapping: dict[str, Any]) -> dict[str, Any]:
        keys = list(mapping)
        return {keys[i]: mapping[keys[i]] for i in places if i < len(keys)} | mapping

    other = deepcopy(scenario)
    resources = other["resources"]
    resources["members"] = shuffled({name: shuffled(x) for name, x in resources["members"].items()})
    other["resources"] = shuffled(resources)
    other["defaults"] = [other["defaults"][i] for i in places if i < len(other["defaults"])]
    first, second = ran(scenario), ran(other)
    assert first.events == second.events
    assert [told(event) for event in first.events] == [told(event) for event in second.events]


def told(event: EventResult) -> list[Any]:
    """The event with the order in which its payers stand."""
    rows = [[row.layer.id, row.capacity, *row.paid.items(), *row.unpaid.items()] for row in event.layers]
    return [*event.members, *rows, event.uncovered, *event.surplus.items()]


@both_roundings
@given(scenario=one_label, more=st.integers(0, 60))
def test_a_greater_loss_lowers_no_layer_and_no_payment(
    scenario: dict[str, Any], more: int, rounding: Rounding
) -> None:
    """I18: exactly under floor_residual; under largest_remainder a payment may fall by one unit.

    Side by side, the odd units of floor_residual move between the layers, so there only its payers
    count, and under largest_remainder a layer may fall by one unit too.
    """
    smaller = ran(rounded(scenario, rounding)).events[0]
    greater = ran(with_loss(rounded(scenario, rounding), smaller.loss + more)).events[0]
    assert smaller.uncovered <= greater.uncovered
    for before, after in zip(smaller.layers, greater.layers, strict=True):
        paid, then = checks.members_paid(before), checks.members_paid(after)
        slack = rounding == "largest_remainder"
        assert all(units <= then.get(payer, 0) + slack for payer, units in paid.items())
        if before.beside:
            assert sum(paid.values()) <= sum(then.values()) + slack
        else:
            assert before.used <= after.used


@both_roundings
@given(scenario=one_label, parts=st.lists(st.integers(0, 40), min_size=1, max_size=4))
def test_a_loss_posted_in_parts_comes_to_the_same_as_in_one(
    scenario: dict[str, Any], parts: list[int], rounding: Rounding
) -> None:
    """I19: each part posts the difference to the cumulative loss; any division ends the same."""
    scenario = rounded(scenario, rounding)
    whole = ran(with_loss(scenario, sum(parts)))
    step = ran(with_loss(scenario, 0)).steps[0]
    assert step is not None
    [label] = step.losses
    posted: Counter[tuple[str, str]] = Counter()
    for end in range(1, len(parts) + 1):
        event, _ = pour(step, {label: sum(parts[:end])})
        now = payments(event)
        differences = {key: now[key] - posted[key] for key in now | posted}
        for (layer, payer), units in differences.items():
            assert payer.startswith("rounding:") or units >= -(rounding == "largest_remainder")
            posted[layer, payer] += units
    assert +posted == payments(whole.events[0])


@given(plain)
def test_the_clearing_houses_own_capital_is_used_where_it_stands(scenario: dict[str, Any]) -> None:
    """I23: each of its layers, the first and any second, bears all that reaches it up to its capacity."""
    checks.check_own_capital(ran(scenario))


@given(
    st.lists(st.tuples(st.sampled_from(strategies.BIDS), st.integers(0, 30)), min_size=1, max_size=8),
    st.permutations(strategies.BIDS),
    st.integers(1, 4),
    st.integers(0, 200),
)
def test_a_senior_class_pays_only_when_every_junior_has_paid_all(
    members: list[tuple[str, int]], bids: Sequence[str], cut: int, loss: int
) -> None:
    """I22: by what the members gave and their bids, which is all that the rule speaks of."""
    classes = [list(bids[:cut]), *bids[cut:]]
    fund = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"}
    people = {f"M{i}": {"bid": bid, "default_fund": str(units)} for i, (bid, units) in enumerate(members)}
    scenario = strategies.simple(
        [{**fund, "order": {"bid": classes}}], {"D": {"default_fund": "0", "bid": "none"}, **people}
    )
    [row] = ran(with_loss(scenario, loss)).events[0].layers
    ranked = {
        bid: place for place, one in enumerate(classes) for bid in ([one] if isinstance(one, str) else one)
    }
    deepest = max((ranked[people[payer]["bid"]] for payer in row.paid), default=0)
    for name, fields in people.items():
        if ranked[fields["bid"]] < deepest:
            assert row.paid.get(name, 0) == int(fields["default_fund"])


# --- over random shares and tranches --------------------------------------------------------------------


@both_roundings
@given(sharing=strategies.sharings())
def test_every_share_is_within_a_unit_of_the_exact_one(
    sharing: tuple[int, list[int], list[int]], rounding: Rounding
) -> None:
    """I14: of the rational share under water-filling; whoever is capped pays the cap exactly."""
    amount, weights, caps = sharing
    parts, odd = share(amount, weights, caps, rounding)
    checks.check_shares(amount, weights, caps, parts, odd)
    assert odd == 0 or rounding == "floor_residual"


@both_roundings
@given(sharing=strategies.sharings())
def test_more_weight_and_a_higher_cap_never_pay_less(
    sharing: tuple[int, list[int], list[int]], rounding: Rounding
) -> None:
    """I16: exactly under floor_residual, else by one unit at most; equals differ by one at most."""
    amount, weights, caps = sharing
    parts, _ = share(amount, weights, caps, rounding)
    payers = list(zip(weights, caps, parts, strict=True))
    for weight, cap, part in payers:
        for other_weight, other_cap, other in payers:
            if weight >= other_weight and cap >= other_cap:
                assert part >= other - (rounding == "largest_remainder")
            if (weight, cap) == (other_weight, other_cap):
                assert abs(part - other) <= 1


@both_roundings
@given(chain=strategies.chains())
def test_who_has_no_weight_pays_nothing(
    chain: tuple[int, list[list[strategies.Pot]]], rounding: Rounding
) -> None:
    """I17."""
    loss, layers = chain
    for pots, pour_ in zip(layers, poured(loss, layers, rounding).pours, strict=True):
        assert not {payer for payer, (weight, _) in zip("abcde", pots, strict=False) if not weight} & set(
            pour_.paid
        )


@pytest.mark.parametrize("share_", ["weight", {"of": "weight"}, {"multiple": "2", "of": "weight"}])
def test_a_layer_in_which_nobody_has_weight_is_refused(share_: Any) -> None:
    """I17: no division by zero, and no equal split that the rule does not say."""
    fund = {"id": "fund", "payer": "members", "source": "default_fund", "share": share_}
    people = {name: {"default_fund": "5", "weight": "0"} for name in ("D", "M1", "M2")}
    scenario = strategies.simple([fund], people, "1")
    scenario["rulebook"]["figures"] = {"weight": {"given": "member", "kind": "number"}}
    with pytest.raises(Refused) as refused:
        replay(scenario_from(scenario))
    assert refused.value.code == "NO_PAYERS"
    assert replay(scenario_from(with_loss(scenario, 0))).events[0].uncovered == 0


@both_roundings
@given(sharing=strategies.sharings())
def test_a_greater_amount_lowers_no_share(
    sharing: tuple[int, list[int], list[int]], rounding: Rounding
) -> None:
    """I18 within one layer: exactly under floor_residual, within a unit under largest_remainder."""
    amount, weights, caps = sharing
    if amount == sum(caps):
        reject()
    smaller, _ = share(amount, weights, caps, rounding)
    greater, _ = share(amount + 1, weights, caps, rounding)
    slack = rounding == "largest_remainder"
    assert all(before <= after + slack for before, after in zip(smaller, greater, strict=True))


def test_largest_remainder_really_is_not_monotone() -> None:
    """A control for I18, the Alabama paradox: with one unit more to share, the third pays one less."""
    caps = [100, 100, 100]
    assert share(10, [6, 6, 2], caps, "largest_remainder") == ([4, 4, 2], 0)
    assert share(11, [6, 6, 2], caps, "largest_remainder") == ([5, 5, 1], 0)
    assert share(10, [6, 6, 2], caps, "floor_residual") == ([4, 4, 1], 1)
    assert share(11, [6, 6, 2], caps, "floor_residual") == ([4, 4, 1], 2)


def test_parts_shared_one_by_one_do_not_add_up_to_the_whole() -> None:
    """A control for I19: this is why the difference to the cumulative loss is posted instead."""
    whole, _ = share(2, [1, 1], [9, 9], "largest_remainder")
    part, _ = share(1, [1, 1], [9, 9], "largest_remainder")
    assert whole == [1, 1]
    assert [2 * each for each in part] == [2, 0]


@both_roundings
@given(chain=strategies.chains(), place=st.integers(0, 24), more=st.integers(1, 20))
def test_more_money_in_a_layer_raises_no_later_one(
    chain: tuple[int, list[list[strategies.Pot]]], place: int, more: int, rounding: Rounding
) -> None:
    """I20: nor what is uncovered; for layers one after another whose limits do not look at others."""
    loss, layers = chain
    at = place % len(layers)
    richer = deepcopy(layers)
    weight, cap = richer[at][place % len(richer[at])]
    richer[at][place % len(richer[at])] = (weight, cap + more)
    before, after = (poured(loss, each, rounding) for each in (layers, richer))
    assert sum(after.uncovered.values()) <= sum(before.uncovered.values())
    for was, now in list(zip(before.pours, after.pours, strict=True))[at + 1 :]:
        assert sum(now.paid.values()) + now.odd <= sum(was.paid.values()) + was.odd


@both_roundings
@given(chain=strategies.chains(), scale=st.sampled_from((2, 3, 7, 100, 10**6)))
def test_a_scaled_waterfall_gives_scaled_shares(
    chain: tuple[int, list[list[strategies.Pot]]], scale: int, rounding: Rounding
) -> None:
    """I21: each share within a unit of the scale times the exact one, and layers exactly."""
    loss, layers = chain
    scaled = [[(weight * scale, cap * scale) for weight, cap in pots] for pots in layers]
    before, after = poured(loss, layers, rounding), poured(loss * scale, scaled, rounding)
    for pots, was, now in zip(layers, before.pours, after.pours, strict=True):
        weights, caps = [weight for weight, _ in pots], [cap if weight else 0 for weight, cap in pots]
        parts = [now.paid.get(payer, 0) for payer in "abcde"[: len(pots)]]
        checks.check_shares(sum(was.paid.values()) + was.odd, weights, caps, parts, now.odd, scale)


@both_roundings
@given(chain=strategies.chains())
def test_a_loss_at_a_boundary_fills_the_layers_before_it_and_no_other(
    chain: tuple[int, list[list[strategies.Pot]]], rounding: Rounding
) -> None:
    """I10 in the engine alone, a unit below, at and above the end of every layer."""
    _, layers = chain
    ends = [0]
    for pots in layers:
        ends.append(ends[-1] + sum(cap for weight, cap in pots if weight))
    for end in ends:
        for loss in range(max(0, end - 1), end + 2):
            outcome = poured(loss, layers, rounding)
            used = [sum(each.paid.values()) + each.odd for each in outcome.pours]
            wanted = [min(max(0, loss - start), stop - start) for start, stop in itertools.pairwise(ends)]
            assert used == wanted
            assert sum(outcome.uncovered.values()) == max(0, loss - ends[-1])
            assert list(outcome.capacities.values()) == [b - a for a, b in itertools.pairwise(ends)]


def poured(loss: int, layers: list[list[strategies.Pot]], rounding: Rounding) -> Outcome:
    """The loss over layers one after another, each payer with its own balance."""
    label = ("D", "house", "")
    balances: dict[Balance, int] = {}
    tranches = []
    for number, pots in enumerate(layers):
        payers = tuple("abcde"[: len(pots)])
        draws = tuple((number, payer) for payer in payers)
        balances |= {key: cap for key, (_, cap) in zip(draws, pots, strict=True)}
        part = Part(str(number), payers, tuple(weight for weight, _ in pots), (draws,))
        tranches.append(Tranche((label,), (part,)))
    return allocate({label: loss}, tranches, balances, rounding, "ccp")


# --- sizes and edges ------------------------------------------------------------------------------------


@both_roundings
def test_two_thousand_members_share_to_the_unit(rounding: Rounding) -> None:
    """I2, I14 where a few caps bind and remainders abound."""
    weights = [1 + i * i % 997 for i in range(2000)]
    caps = [1000 * weight if i % 7 else weight * 300 for i, weight in enumerate(weights)]
    amount = sum(caps) * 3 // 5
    parts, odd = share(amount, weights, caps, rounding)
    checks.check_shares(amount, weights, caps, parts, odd)
    assert 0 < sum(part == cap for part, cap in zip(parts, caps, strict=True)) < 2000


@both_roundings
@pytest.mark.parametrize("amount", [1, 2, 10**15 - 1, 10**15, 10**15 + 1, 2 * 10**15])
def test_a_weight_of_one_beside_ten_to_the_fifteenth_is_shared_exactly(
    amount: int, rounding: Rounding
) -> None:
    """I14 where a float would have lost the small one."""
    weights, caps = [1, 10**15, 1, 10**15], [1, 10**15, 10**15, 3]
    amount = min(amount, sum(caps))
    parts, odd = share(amount, weights, caps, rounding)
    checks.check_shares(amount, weights, caps, parts, odd)


@both_roundings
@pytest.mark.parametrize(("loss", "paid"), [(0, 0), (6, 6), (7, 7), (8, 7)])
def test_one_member_alone_bears_everything_up_to_its_cap(loss: int, paid: int, rounding: Rounding) -> None:
    """I11, I14 with nobody to share with."""
    outcome = poured(loss, [[(3, 7)]], rounding)
    assert outcome.pours[0].paid == ({"a": paid} if paid else {})
    assert (outcome.pours[0].odd, sum(outcome.uncovered.values())) == (0, loss - paid)


@both_roundings
def test_where_all_caps_are_zero_everything_is_uncovered(rounding: Rounding) -> None:
    """I1, I11: nobody pays, nothing is divided by zero."""
    outcome = poured(5, [[(1, 0), (2, 0)], [(0, 0)]], rounding)
    assert [each.paid for each in outcome.pours] == [{}, {}]
    assert sum(outcome.uncovered.values()) == 5
    assert share(0, [1, 0], [0, 0], rounding) == ([0, 0], 0)


def test_the_hash_seed_changes_nothing() -> None:
    """I15: two interpreters with other hash seeds say the same, bytes for bytes."""
    decided = {"by": "board", "at": strategies.TIMES[0], "reason": "needed", "members": ["M1", "M2"]}
    fund = {"id": "fund", "payer": "members", "source": "default_fund", "share": "equal"}
    layers = [
        {**fund, "id": "first", "where": {"decided": ["drill", "auction"]}, "limit": {"amount": "2"}},
        {**fund, "order": {"bid": [["none", "poor"], "good"]}},
    ]
    people = {name: {"default_fund": "5", "bid": "good"} for name in ("D", "M1", "M2", "ö", "Z")}
    people["Z"]["bid"] = "poor"
    scenario = strategies.simple(layers, people, "13")
    scenario["defaults"][0]["decisions"] = [{**decided, "decided": what} for what in ("auction", "drill")]
    program = (
        "import json, sys\n"
        "from penstock.core.replay import replay\n"
        "from penstock.store.scenarios import scenario_from\n"
        "print(ascii(replay(scenario_from(json.load(sys.stdin))).events))\n"
    )
    told_ = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(scenario),
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(told_) == 1
    assert "'M1': 2" in told_.pop()


# --- controls: the same checks, given something broken --------------------------------------------------


def sound() -> Result:
    """Ten units: the house's own three exhausted, then seven of the members' fund, three of it M1's."""
    layers = [
        {"id": "own", "payer": "ccp", "source": "own_capital"},
        {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"},
        {"id": "second", "payer": "ccp", "source": "second_capital"},
    ]
    people = {"D": {"default_fund": "5"}, "M1": {"default_fund": "3"}, "M2": {"default_fund": "4"}}
    scenario = strategies.simple(layers, people, "12")
    scenario["resources"]["ccp"] = {"own_capital": "3", "second_capital": "9"}
    return replay(scenario_from(scenario))


def changed(result: Result, paid: dict[str, dict[str, int]], uncovered: int = 0) -> Result:
    """The result with other payments in some layers."""

    def row_of(row: LayerResult) -> LayerResult:
        now = paid.get(row.layer.id, row.paid)
        return replace(row, paid=now, used=sum(now.values()))

    [event] = result.events
    broken = replace(event, layers=tuple(row_of(row) for row in event.layers), uncovered=uncovered)
    return replace(result, events=(broken,))


BREAKS: dict[str, tuple[Callable[[Result], None], dict[str, dict[str, int]], int]] = {
    "a unit is lost": (checks.check_conservation, {"own": {"ccp": 2}}, 0),
    "a unit appears": (checks.check_conservation, {}, 1),
    "a negative purse": (checks.check_purses, {"fund": {"M1": 4, "M2": 3}}, 0),
    "a later layer first": (checks.check_order, {"own": {"ccp": 2}, "second": {"ccp": 3}}, 0),
    "uncovered before the end": (checks.check_order, {"second": {"ccp": 1}}, 1),
    "a layer over its cap": (checks.check_caps, {"own": {"ccp": 4}, "second": {"ccp": 1}}, 0),
    "a defaulter that pays": (
        checks.check_defaulters_do_not_mutualise,
        {"fund": {"D": 1, "M1": 2, "M2": 4}},
        0,
    ),
    "own capital skipped": (checks.check_own_capital, {"own": {}, "second": {"ccp": 5}}, 0),
    "an odd unit under largest_remainder": (
        checks.check_layers_are_sums,
        {"fund": {"M1": 3, "M2": 3, "rounding:ccp": 1}},
        0,
    ),
    "an amount that is no int": (checks.check_amounts, {"own": {"ccp": 3.0}}, 0),  # type: ignore[dict-item]
}


def test_every_check_passes_a_sound_result() -> None:
    """The other half of the controls: unbroken, nothing is caught."""
    result = sound()
    assert [row.used for row in result.events[0].layers] == [3, 7, 2]
    for check, _, _ in BREAKS.values():
        check(result)
        check(changed(result, {}))


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_result_is_caught(what: str) -> None:
    """Each check catches the one fault it is there for."""
    check, paid, uncovered = BREAKS[what]
    with pytest.raises(AssertionError):
        check(changed(sound(), paid, uncovered))


@pytest.mark.parametrize(
    ("parts", "odd"),
    [([4, 2, 1], 0), ([3, 3, 1], 1), ([5, 1, 1], 0), ([2, 3, 1], 1), ([3, 3, 0], 0)],
    ids=["uneven", "too much", "a unit too far", "the capped one pays less", "too little"],
)
def test_shares_that_are_not_pro_rata_are_caught(parts: list[int], odd: int) -> None:
    """I14: the check that passes 3, 3, 1 of seven lets none of these through."""
    weights, caps = [3, 3, 9], [7, 7, 1]
    assert checks.exact_shares(7, weights, caps) == [Fraction(3), Fraction(3), Fraction(1)]
    checks.check_shares(7, weights, caps, [3, 3, 1], 0)
    with pytest.raises(AssertionError):
        checks.check_shares(7, weights, caps, parts, odd)
