"""The invariants of what carries over: windows, segments, calls, haircuts, money that comes back.

As in ``test_invariants``, the number in a docstring is the invariant's, and each check is also given
something broken, at the end, and must catch it.
"""

import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, reject
from hypothesis import strategies as st

import checks
import strategies
from penstock.core.canonical import digest
from penstock.core.money import parse, written
from penstock.core.problems import Refused
from penstock.core.replay import Result, replay
from penstock.core.results import EventResult, Happening, LayerResult
from penstock.report.differences import differences
from penstock.report.terminal import plain as told_plainly
from penstock.report.terminal import waterfall_lines
from penstock.report.wire import result_json
from penstock.report.words import rulebook_sentences
from penstock.store.scenarios import load_scenario, scenario_from

Map = dict[str, Any]
FUND: Map = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"}
GAINS: Map = {"id": "gains_haircut", "payer": "members", "source": "gains", "share": "gains"}
CALL: Map = {"id": "call", "payer": "members", "source": "assessment", "share": "equal"}
OWN: Map = {"id": "own", "payer": "ccp", "source": "own_capital"}
MARGIN: Map = {"id": "margin", "payer": "defaulter", "source": "initial_margin"}


def ran(scenario: Map) -> Result:
    """The result; scenarios whose loss reaches what nobody can pay are not spoken of here."""
    try:
        return replay(scenario_from(scenario))
    except Refused:
        reject()


def used(event: EventResult) -> dict[str, int]:
    """What each layer paid."""
    return {row.layer.id: row.used for row in event.layers}


def payments(event: EventResult) -> Counter[tuple[str, str]]:
    """What each payer paid in each layer."""
    return Counter(
        {(row.layer.id, payer): units for row in event.layers for payer, units in row.paid.items()}
    )


# --- random rulebooks of the whole language -----------------------------------------------------------


@given(strategies.scenarios())
def test_a_random_rulebook_is_told_in_sentences_and_its_result_in_amounts_that_read_back(
    scenario: Map,
) -> None:
    """Every layer and cap has its sentence; the JSON adds up; a rulebook does not differ from itself."""
    read = scenario_from(scenario)
    sentences = rulebook_sentences(read.rulebook)
    layers = list(read.rulebook.all_layers())
    assert len(sentences) >= len(layers)
    assert all(head and sentence.endswith(".") for head, sentence, _ in sentences)
    assert differences(read.rulebook, read.rulebook, None, None) == []
    try:
        result = replay(read)
    except Refused:
        return
    unit = read.currency
    wire = json.loads(json.dumps(result_json(result)))
    for event, told in zip(result.events, wire["defaults"], strict=True):
        amounts = [*(row["used"] for row in told["layers"]), told["uncovered"]]
        assert sum(parse(one, unit, in_file=False) for one in amounts) == event.loss
    assert told_plainly(waterfall_lines(result)).strip()


@given(strategies.scenarios())
def test_a_scenario_written_as_text_reads_back_as_the_same(scenario: Map) -> None:
    """As YAML in a file it is the scenario that was built in memory, its rulebook to the last byte."""
    read = scenario_from(scenario)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(yaml.safe_dump(scenario, allow_unicode=True, sort_keys=False), encoding="utf-8")
        again = load_scenario(path)
    assert digest(again.rulebook) == digest(read.rulebook)
    assert (again.members, again.parties, again.defaults, again.events) == (
        read.members,
        read.parties,
        read.defaults,
        read.events,
    )


@given(strategies.scenarios(without={"unknown"}))
def test_no_layer_pays_more_than_it_could_give(scenario: Map) -> None:
    """I11, and I1, I13 of the whole language."""
    assume(not any("uncovered" in str(layer.get("call")) for layer in flat(scenario)))
    result = ran(scenario)
    checks.check_capacities(result)
    checks.check_conservation(result)
    checks.check_defaulters_do_not_mutualise(result)


def flat(scenario: Map) -> list[Map]:
    """The layers of the rulebook, those in groups too."""
    items = scenario["rulebook"]["layers"]
    return [layer for item in items for layer in item.get("layers", [item])]


@given(strategies.scenarios(without={"unknown", "one_event"}, always={"several"}))
def test_nothing_that_comes_later_changes_what_came_before(scenario: Map) -> None:
    """I30: a later default, or money paid in later, is not there yet."""
    whole = ran(scenario)
    last = max(event.at for event in whole.events)
    defaults = [one for one in scenario["defaults"] if strategies.instant(one["at"]) < last]
    events = [one for one in scenario.get("events", ()) if strategies.instant(one["at"]) < last]
    assume(defaults)
    first = {**scenario, "defaults": defaults}
    first.pop("events", None)
    if events:
        first["events"] = events
    checks.check_nothing_looks_ahead(whole, ran(first))


# --- money that comes back ----------------------------------------------------------------------------


@given(strategies.scenarios({"unknown", "late", "paid_in"}, {"recovered"}))
def test_what_is_recovered_goes_to_those_who_paid_and_never_more_than_they_paid(scenario: Map) -> None:
    """I8."""
    result = ran(scenario)
    checks.check_recoveries(result, received(result, scenario))


def received(result: Result, scenario: Map) -> list[tuple[int, int]]:
    """What came back according to the scenario, with its interest, in order of time."""
    unit = result.scenario.currency
    told = [one for one in scenario.get("events", ()) if "recovered" in one]
    found = []
    for one in sorted(told, key=lambda one: strategies.instant(one["at"])):
        map_ = one["recovered"] if isinstance(one["recovered"], dict) else {"amount": one["recovered"]}
        parts = [parse(map_.get(name, "0"), unit, in_file=True) for name in ("amount", "interest")]
        found.append((parts[0], parts[1]))
    return found


@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.lists(st.integers(0, 30), min_size=2, max_size=4),
    st.booleans(),
)
def test_what_is_paid_in_stands_from_then_on_and_no_sooner(
    loss: int, second: int, held: list[int], before: bool
) -> None:
    """I30: what was used, what remains and what was paid in add up to what stands."""
    people: Map = {"D": {"default_fund": "0"}, "E": {"default_fund": "0"}}
    people |= {f"M{i}": {"default_fund": str(units)} for i, units in enumerate(held)}
    scenario = later(strategies.simple([FUND], people, str(loss)), member="E", loss=str(second))
    money = {f"M{i}": {"default_fund": str(1 + units)} for i, units in enumerate(held)}
    at = strategies.TIMES[0] if before else "2024-09-02T12:30:00Z"
    first, then = ran({**scenario, "events": [{"at": at, "paid_in": money}]}).events
    paid_in = sum(held) + len(held) if before else 0
    assert first.layers[0].capacity == sum(held)
    assert first.layers[0].used == min(loss, sum(held))
    assert then.layers[0].capacity == sum(held) - first.layers[0].used + paid_in


def later(scenario: Map, **default: Any) -> Map:
    """The scenario with a second default, in June."""
    return {**scenario, "defaults": [*scenario["defaults"], {"at": strategies.TIMES[1], **default}]}


# --- caps over several defaults -----------------------------------------------------------------------

WINDOWS: dict[str, Map] = {"look_back": {"look_back": "true"}, "fixed": {}, "rolling": {"rolling": "true"}}


@given(
    st.sampled_from(sorted(WINDOWS)),
    st.integers(1, 12),
    st.integers(0, 40),
    st.lists(st.tuples(st.integers(0, 13), st.integers(0, 60)), min_size=2, max_size=6),
)
def test_nobody_pays_more_than_its_cap_in_any_window(
    window: str, length: int, most: int, defaults: list[tuple[int, int]]
) -> None:
    """I12, I29: over every window by its definition, fund and call together; and no less than it could."""
    days = list(itertools.accumulate(gap for gap, _ in defaults))
    result = ran(capped(window, length, most, days, [loss for _, loss in defaults]))
    events = [event.at.toordinal() for event in result.events]
    for member in ("A", "B"):
        paid = [sum(row.paid.get(member, 0) for row in event.layers) for event in result.events]
        checks.check_windows(events, paid, most, window, length)
    for event in result.events:
        assert event.uncovered == 0 or all(row.used == row.capacity for row in event.layers)


def capped(window: str, length: int, most: int, days: Sequence[int], losses: Sequence[int]) -> Map:
    """Defaults on these days of a year, for which A and B pay by fund and call under one cap."""
    people: Map = {f"D{i}": {"default_fund": "0"} for i in range(len(days))}
    people |= {"A": {"default_fund": "1000"}, "B": {"default_fund": "500"}}
    call = {**CALL, "share": "default_fund", "limit": {"multiple": "1", "of": "default_fund"}}
    scenario = strategies.simple([{**FUND, "limit": {"amount": "20"}}, call], people)
    limit = {"amount": str(most)}
    span = {"length": f"{length} days", **WINDOWS[window]}
    scenario["rulebook"]["caps"] = [{"id": "c", "on": ["fund", "call"], "limit": limit, "window": span}]
    scenario["defaults"] = [
        {"member": f"D{i}", "at": f"{strategies.day_of_2024(day)}T0{i}:00:00Z", "loss": str(loss)}
        for i, (day, loss) in enumerate(zip(days, losses, strict=True))
    ]
    return scenario


# --- gains --------------------------------------------------------------------------------------------

_GAIN = st.integers(-30, 60)


@given(
    st.lists(st.tuples(_GAIN, st.integers(0, 50)), min_size=1, max_size=6), st.integers(0, 150), st.booleans()
)
def test_a_haircut_takes_what_is_needed_and_of_nobody_more_than_its_gain_and_its_limit(
    people: list[tuple[int, int]], need: int, floored: bool
) -> None:
    """I24."""
    gains, caps = [gain for gain, _ in people], [cap for _, cap in people]
    members: Map = {f"M{i}": {"gains": str(gain), "cap": str(cap)} for i, (gain, cap) in enumerate(people)}
    scenario = strategies.simple([{**GAINS, "limit": "cap"}], {"D": {"gains": "0"}, **members}, str(need))
    scenario["resources"]["members"]["D"]["cap"] = "0"
    scenario["rulebook"]["figures"] = {"cap": {"given": "member"}}
    scenario["rulebook"]["rounding"] = {"share": "floor_residual" if floored else "largest_remainder"}
    [row] = ran(scenario).events[0].layers
    cuts = [row.paid.get(f"M{i}", 0) for i in range(len(people))]
    checks.check_haircuts(need, gains, caps, cuts, row.used - sum(cuts))


@st.composite
def markets(draw: st.DrawFn) -> tuple[list[int], int]:
    """The survivors' variation margin from one move of prices, and what the defaulter owes of it.

    Positions of all, the defaulter's included, sum to zero in every contract.
    """
    moves = draw(st.lists(st.integers(-9, 9), min_size=1, max_size=3))
    people = draw(st.integers(1, 6))
    positions = [[draw(st.integers(-9, 9)) for _ in moves] for _ in range(people)]
    of_defaulter = [-sum(each[i] for each in positions) for i in range(len(moves))]
    gains = [sum(a * b for a, b in zip(each, moves, strict=True)) for each in positions]
    owed = sum(a * b for a, b in zip(of_defaulter, moves, strict=True))
    return gains, max(0, -owed)


def after_a_move(gains: list[int], loss: int, own: int = 0) -> EventResult:
    """The survivors' gains behind the house's own money."""
    members: Map = {f"M{i}": {"gains": str(gain)} for i, gain in enumerate(gains)}
    people = {"D": {"gains": "0"}, **members}
    return ran(strategies.simple([OWN, GAINS], people, str(loss), ccp={"own_capital": str(own)})).events[0]


@given(markets())
def test_a_haircut_of_gains_never_fails_on_variation_margin_alone(market: tuple[list[int], int]) -> None:
    """I24: what the defaulter owes is at most what the survivors gained by the same moves."""
    gains, owed = market
    event = after_a_move(gains, owed)
    assert event.uncovered == 0
    assert used(event)["gains_haircut"] == owed


@given(markets())
def test_with_the_cost_of_liquidation_it_can_fail(market: tuple[list[int], int]) -> None:
    """A control: a cost of one unit more than the survivors lost on balance is not covered."""
    gains, owed = market
    cost = sum(gain for gain in gains if gain > 0) - owed + 1
    assert after_a_move(gains, owed + cost).uncovered == 1


@given(markets(), st.integers(0, 50))
def test_variation_margin_is_paid_in_full_until_the_haircut_is_reached(
    market: tuple[list[int], int], more: int
) -> None:
    """I24: while money before it suffices, nobody's gain is touched."""
    gains, owed = market
    event = after_a_move(gains, owed, own=owed + more)
    assert used(event) == {"own": owed, "gains_haircut": 0}
    short = after_a_move(gains, owed, own=max(0, owed - 1))
    assert used(short)["gains_haircut"] == min(1, owed)


# --- segregation --------------------------------------------------------------------------------------

_BY_SEGMENT = st.fixed_dictionaries({name: st.integers(0, 40) for name in ("rates", "credit")})


@given(st.lists(_BY_SEGMENT, min_size=3, max_size=5), _BY_SEGMENT, _BY_SEGMENT, st.booleans())
def test_a_loss_in_one_hermetic_segment_never_touches_anothers_money(
    held: list[dict[str, int]], capital: dict[str, int], loss: dict[str, int], floored: bool
) -> None:
    """I25: what all pay for both losses is what they pay for each alone, together."""
    both = segregated(held, capital, loss, floored)
    alone = [segregated(held, capital, {**loss, other: 0}, floored) for other in ("credit", "rates")]
    assert payments(both) == payments(alone[0]) + payments(alone[1])
    assert both.uncovered == alone[0].uncovered + alone[1].uncovered


def segregated(
    held: list[dict[str, int]],
    capital: dict[str, int],
    loss: dict[str, int],
    floored: bool = False,
    segment: str = "each",
) -> EventResult:
    """The first member's default in two segments, all layers hermetic unless said otherwise."""
    limit = {"amount": "7"}
    layers = [MARGIN, OWN, {**FUND, "segment": segment} if segment else FUND, {**CALL, "limit": limit}]
    layers = [layer if layer["id"] == "fund" else {**layer, "segment": "each"} for layer in layers]
    people: Map = {
        f"M{i}": {"default_fund": texts(each), "initial_margin": texts(each)} for i, each in enumerate(held)
    }
    scenario = strategies.simple(layers, people, texts(loss), ccp={"own_capital": texts(capital)})
    scenario["rulebook"]["segments"] = ["rates", "credit"]
    scenario["rulebook"]["rounding"] = {"share": "floor_residual" if floored else "largest_remainder"}
    return ran(scenario).events[0]


def texts(amounts: dict[str, int]) -> dict[str, str]:
    """The amounts as a file has them."""
    return {name: str(units) for name, units in amounts.items()}


def test_a_layer_over_all_segments_is_not_hermetic() -> None:
    """A control: with a fund of 3 that any segment may use, the losses of two are in each other's way."""
    held, capital = [{"rates": 0, "credit": 0}, {"rates": 3, "credit": 0}], {"rates": 0, "credit": 0}
    loss = {"rates": 3, "credit": 3}
    both = segregated(held, capital, loss, segment="")
    alone = [segregated(held, capital, {**loss, other: 0}, segment="") for other in ("credit", "rates")]
    assert payments(both) != payments(alone[0]) + payments(alone[1])


@given(st.sampled_from(["client", "omnibus"]), st.integers(0, 40), st.integers(0, 40), st.integers(0, 90))
def test_clients_margin_never_pays_for_the_house(account: str, first: int, second: int, loss: int) -> None:
    """I25: nor does any client's but the one's whose loss it is, unless the account is omnibus."""
    for house in (loss, 0):
        with_clients = of_accounts(account, first, second, {"house": house, "c1": loss - house})
        without = of_accounts(account, first if house == 0 else 0, 0, {"house": house, "c1": loss - house})
        if house or account == "client":
            assert used(with_clients)["margin"] == (0 if house else min(first, loss))
            assert used(with_clients)["own"] == used(without)["own"]
        else:
            assert used(with_clients)["margin"] == min(first + second, loss)


def of_accounts(account: str, first: int, second: int, loss: dict[str, int]) -> EventResult:
    """A defaulter's two clients, and the house's own capital behind them."""
    clients = {"c1": {"initial_margin": str(first)}, "c2": {"initial_margin": str(second)}}
    people: Map = {"D": {"initial_margin": "0", "accounts": clients}}
    layers = [{**MARGIN, "account": account}, OWN]
    return ran(strategies.simple(layers, people, texts(loss), ccp={"own_capital": "1000"})).events[0]


# --- calls --------------------------------------------------------------------------------------------


@given(strategies.scenarios({"unknown", "several", "late", "recovered", "paid_in", "found_out"}, {"able"}))
def test_what_is_called_is_paid_or_unpaid_and_nothing_unpaid_is_counted_as_paid(scenario: Map) -> None:
    """I26 to I28."""
    people = scenario["resources"]["members"]
    [default] = scenario["defaults"]
    found = default.get("members", {})
    able = {name: {**fields, **found.get(name, {})}.get("able_to_pay") for name, fields in people.items()}
    assume(not any("matching" in str(layer) for layer in flat(scenario)))

    def freed(members: Map) -> Map:
        kept = {
            name: {k: v for k, v in fields.items() if k != "able_to_pay"} for name, fields in members.items()
        }
        return {name: fields for name, fields in kept.items() if fields or members is people}

    unlimited = {**scenario, "resources": {**scenario["resources"], "members": freed(people)}}
    unlimited["defaults"] = [{**default, "members": freed(found)}]
    if not unlimited["defaults"][0]["members"]:
        del unlimited["defaults"][0]["members"]
    paid, called = ran(scenario), ran(unlimited)
    unit = paid.scenario.currency
    told = {name: one.get("amount") if isinstance(one, dict) else one for name, one in able.items() if one}
    units = {name: parse(one, unit, in_file=True) for name, one in told.items()}
    checks.check_calls(called.events[0], paid.events[0], units)


# --- controls: the same checks, given something broken ------------------------------------------------


def with_row(event: EventResult, layer: str, **words: Any) -> EventResult:
    """The event with something else in a layer's row."""
    rows = [replace(row, **words) if row.layer.id == layer else row for row in event.layers]
    return replace(event, layers=tuple(rows))


def recovering() -> Result:
    """A loss of 12: own 3, fund 3 and 4, uncovered 2; then 4 and later 9 come back, with interest of 2."""
    people = {"D": {"default_fund": "0"}, "M1": {"default_fund": "3"}, "M2": {"default_fund": "4"}}
    scenario = strategies.simple([OWN, FUND], people, "12", ccp={"own_capital": "3"})
    scenario["events"] = [
        {"at": strategies.TIMES[1], "recovered": "4"},
        {"at": strategies.TIMES[4], "recovered": {"amount": "9", "interest": "2"}},
    ]
    return replay(scenario_from(scenario))


def with_refund(result: Result, **words: Any) -> Result:
    """The result with another first refund."""
    first, second = result.happenings
    return replace(result, happenings=(replace(first, **words), second))


REFUNDS: dict[str, Map] = {
    "less is paid on than came": {"layers": {"fund": {"M2": 1}}},
    "somebody gets more than it paid": {"layers": {"fund": {"M1": 4}}, "uncovered": 0},
    "an earlier layer first": {"layers": {"own": {"ccp": 2}}},
    "before what nobody covered": {"layers": {"fund": {"M1": 2, "M2": 2}}, "uncovered": 0},
    "the defaulter first": {"layers": {}, "surplus": {"house": 2}},
    "interest from nowhere": {"interest": {"M1": 1}},
}


def test_refunds_that_are_sound_pass() -> None:
    """The other half of the controls, worked out by hand."""
    result = recovering()
    assert [(one.uncovered, one.layers, one.surplus) for one in result.happenings] == [
        (2, {"fund": {"M1": 1, "M2": 1}}, {}),
        (0, {"fund": {"M1": 2, "M2": 3}, "own": {"ccp": 3}}, {"house": 1}),
    ]
    checks.check_recoveries(result, [(4, 0), (9, 2)])


@pytest.mark.parametrize("what", REFUNDS)
def test_a_wrong_refund_is_caught(what: str) -> None:
    """I8."""
    with pytest.raises(AssertionError):
        checks.check_recoveries(with_refund(recovering(), **REFUNDS[what]), [(4, 0), (9, 2)])


@pytest.mark.parametrize(
    ("window", "days"), [("look_back", [1, 10]), ("fixed", [1, 11]), ("rolling", [1, 11, 21])]
)
def test_a_unit_too_much_in_a_window_is_caught(window: str, days: list[int]) -> None:
    """I12: on the last day of the window, and not on the day after it."""
    paid = [5] * len(days)
    checks.check_windows(days, paid, sum(paid), window, 10)
    with pytest.raises(AssertionError):
        checks.check_windows(days, [*paid[:-1], 6], sum(paid), window, 10)
    checks.check_windows([*days[:-1], days[-1] + 1], paid, sum(paid) - 5, window, 10)


@pytest.mark.parametrize(
    ("cuts", "odd"),
    [([5, 3], 0), ([4, 3], 0), ([3, 4], 0), ([-1, 5], 0)],
    ids=["over", "much", "cap", "less"],
)
def test_a_wrong_haircut_is_caught(cuts: list[int], odd: int) -> None:
    """I24: of gains of 4 and 9, the second limited to 3, six units are cut."""
    checks.check_haircuts(6, [4, 9], [9, 3], [3, 3], 0)
    with pytest.raises(AssertionError):
        checks.check_haircuts(6, [4, 9], [9, 3], cuts, odd)


CALLS: dict[str, Callable[[EventResult], EventResult]] = {
    "a unit of a call is forgotten": lambda event: with_row(event, "call", unpaid={"A": 1}),
    "what is unpaid is counted": lambda event: with_row(event, "call", used=8),
    "more than it is able to": lambda event: with_row(
        event, "call", paid={"A": 2, "B": 2, "C": 2}, unpaid={"A": 1}
    ),
    "a held layer that is owed": lambda event: with_row(event, "fund", unpaid={"A": 1}),
}


def called(able: bool) -> EventResult:
    """A loss of nine, each called for three; A is able to pay one, the others bear one more each."""
    people: Map = {name: {"default_fund": "0"} for name in "DABC"}
    if able:
        people["A"]["able_to_pay"] = "1"
    return ran(strategies.simple([FUND, {**CALL, "limit": {"amount": "4"}}], people, "9")).events[0]


def test_calls_that_are_sound_pass() -> None:
    """The other half of the controls: 1, 4, 4 and 2 unpaid."""
    [_, row] = called(able=True).layers
    assert (row.paid, row.unpaid) == ({"A": 1, "B": 4, "C": 4}, {"A": 2})
    checks.check_calls(called(able=False), called(able=True), {"A": 1})


@pytest.mark.parametrize("what", CALLS)
def test_a_wrong_call_is_caught(what: str) -> None:
    """I26 to I28."""
    with pytest.raises(AssertionError):
        checks.check_calls(called(able=False), CALLS[what](called(able=True)), {"A": 1})


def test_a_layer_over_its_capacity_and_an_action_that_is_paid_are_caught() -> None:
    """I11."""
    result = recovering()
    checks.check_capacities(result)
    [event] = result.events
    broken: list[LayerResult] = [replace(row, capacity=row.used - 1) for row in event.layers]
    with pytest.raises(AssertionError):
        checks.check_capacities(replace(result, events=(replace(event, layers=tuple(broken)),)))


def test_a_look_ahead_is_caught() -> None:
    """I30: another payment, or another refund, in what came first."""
    result = recovering()
    [event] = result.events
    checks.check_nothing_looks_ahead(result, result)
    other = with_row(event, "own", used=2)
    with pytest.raises(AssertionError):
        checks.check_nothing_looks_ahead(result, replace(result, events=(other,)))
    happening: Happening = replace(result.happenings[0], uncovered=1)
    with pytest.raises(AssertionError):
        checks.check_nothing_looks_ahead(result, replace(result, happenings=(happening,)))


def test_written_amounts_are_those_of_the_currency() -> None:
    """A control: the amounts summed from the JSON are in whole minor units."""
    result = recovering()
    told = result_json(result)["defaults"][0]
    assert told["uncovered"] == written(2, result.scenario.currency)
