"""The simulated waterfall against the exact engine, and the compiled kernel against the readable one."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

import strategies
from penstock.core.pouring import pour
from penstock.core.problems import Refused
from penstock.core.results import EventResult
from penstock.sim import kernel, reference
from penstock.sim.base import Base
from penstock.sim.compile import compiled
from penstock.sim.exact import replayed
from penstock.sim.layout import MEMBER_KINDS, Waterfall
from penstock.sim.model import Model, arrays
from penstock.sim.pour import paid_by_weight
from penstock.sim.tally import GROSS, POSITIVE, REACHED, SUM, Tally, canonical, empty, merged, total
from penstock.store.scenarios import scenario_from

Map = dict[str, Any]


def model(members: Sequence[str], **more: Any) -> Model:
    """A lively model: everybody defaults now and then."""
    count = len(members)
    rng = np.random.default_rng(count)
    words: Map = {
        "probability": rng.uniform(0.05, 0.6, count),
        "loading": rng.uniform(-0.3, 0.8, count),
        "block": np.zeros(count, dtype=np.int64),
        "correlation": np.array([[1.0, -0.4], [-0.4, 1.0]]),
        "scale": rng.uniform(100, 40_000, count),
        "start": np.full(count, -50.0),
        "market": rng.uniform(-0.9, 0.9, count),
        "wrong_way": np.zeros(count),
        "jump": np.zeros(count),
        "unable": np.zeros(count),
    }
    return Model(tuple(members), **(words | more))


def same(first: Tally, second: Tally) -> bool:
    """Whether two tallies are equal to the bit."""
    return all(np.array_equal(a, b) for a, b in zip(canonical(first), canonical(second), strict=True))


def simulated(waterfall: Waterfall, one: Model, first: int, count: int, seed: int = 7) -> Tally:
    """The kernel's tally of a range."""
    tally = empty(len(waterfall.members), len(waterfall.layers))
    kernel.simulate(arrays(one), waterfall.arrays, tally, waterfall.regimes, np.uint64(seed), first, count)
    return tally


def expressed(scenario: Map) -> Waterfall:
    """The arrays of a random scenario's rulebook; whatever cannot be said is not spoken of here."""
    try:
        read = scenario_from(scenario)
        return compiled(Base(read), sorted(read.members))
    except Refused:
        reject()


def by_kind(waterfall: Waterfall, event: EventResult, member: str, kind: str) -> int:
    """What the exact engine has the member pay by money of this kind."""
    kinds = {layer.id: layer.kind for layer in waterfall.layers}
    return sum(row.paid.get(member, 0) for row in event.layers if kinds[row.layer.id] == kind)


def agree(waterfall: Waterfall, found: reference.Poured, event: EventResult) -> None:
    """Layers and uncovered to the unit, members within one unit a step."""
    assert found.used == [row.used for row in event.layers]
    assert found.uncovered == event.uncovered
    steps = [waterfall.layers[part[0]].kind for part in waterfall.arrays.parts]
    for kind in MEMBER_KINDS:
        for i, member in enumerate(waterfall.members):
            pays = found.paid.get(kind, {}).get(i, 0)
            assert abs(pays - by_kind(waterfall, event, member, kind)) <= steps.count(kind)


# --- the exact engine ---------------------------------------------------------------------------------


@given(strategies.scenarios(), st.randoms(use_true_random=False))
def test_layers_are_those_of_the_exact_engine_to_the_unit(scenario: Map, dice: random.Random) -> None:
    """Random rulebooks, random defaulters, losses from nothing to far beyond the waterfall."""
    waterfall = expressed(scenario)
    one = arrays(model(waterfall.members))
    for _ in range(4):
        who = [i for i in range(len(waterfall.members)) if dice.random() < 0.5]
        losses = {i: dice.choice([0, 1, 5, 100, dice.randrange(10 ** dice.randrange(2, 9))]) for i in who}
        if not losses:
            continue
        found = reference.poured(waterfall, one, 1, reference.Scenario(0, losses, False, 0.0, 1.0))
        step = waterfall.base.step({waterfall.members[i]: loss for i, loss in losses.items()})
        agree(waterfall, found, pour(step)[0])


MEMBERS: dict[str, Map] = {
    "A": {"initial_margin": "10.00", "default_fund": "30.00", "gains": "25.00", "bid": "good"},
    "B": {"initial_margin": "90.00", "default_fund": "50.00", "gains": "0.00", "bid": "poor"},
    "C": {"initial_margin": "0.00", "default_fund": "20.00", "gains": "44.44", "bid": "none"},
    "D": {"initial_margin": "33.33", "default_fund": "40.01", "gains": "10.00", "bid": "good"},
    "E": {"initial_margin": "70.00", "default_fund": "0.00", "gains": "5.00", "bid": "winner"},
}
LAYERS: list[Map] = [
    {"id": "margin", "payer": "defaulter", "source": "initial_margin"},
    {"id": "own_fund", "payer": "defaulter", "source": "default_fund"},
    {"id": "own_capital", "payer": "ccp", "source": "own_capital", "limit": {"amount": "15.00"}},
    {
        "group": "fund_and_second",
        "split": "size",
        "layers": [
            {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"},
            {"id": "second", "payer": "ccp", "source": "second", "limit": {"amount": "7.77"}},
        ],
    },
    {
        "group": "calls_and_match",
        "split": "size",
        "layers": [
            {
                "id": "calls",
                "payer": "members",
                "source": "assessment",
                "share": "equal",
                "limit": {"multiple": "1", "of": "default_fund"},
                "together": {"amount": "70.00"},
            },
            {
                "id": "match",
                "payer": "ccp",
                "source": "commitment",
                "limit": {"matching": "calls", "most": "20.00"},
            },
        ],
    },
    {"id": "haircut", "payer": "members", "source": "gains", "share": "gains"},
]
AUCTION: Map = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund",
                "order": {"bid": ["none", "poor", ["good", "winner"]]}}  # fmt: skip


def scenario_of(members: dict[str, Map] | None = None, layers: list[Map] | None = None) -> Map:
    """A small service with every kind of layer."""
    members = members or MEMBERS
    book = {"rulebook": "a/b", "title": "t", "currency": "EUR", "layers": layers or LAYERS}
    first = {"member": min(members), "at": "2024-01-02T10:00:00+00:00", "loss": "1.00"}
    return {
        "scenario": "s",
        "currency": "EUR",
        "rulebook": book,
        "resources": {"members": members},
        "defaults": [first],
    }


UP_AND_DOWN = (
    {"A": 2500, "B": 0, "C": 100, "D": 3000, "E": 0},
    {"A": 0, "B": 4000, "C": 0, "D": 0, "E": 999},
)
FIVE = sorted(MEMBERS)
BLOCKS: Map = {
    "block": np.array([0, 0, 1, 1, 1]),
    "correlation": np.array([[1.0, 0.5, -0.3], [0.5, 1.0, 0.2], [-0.3, 0.2, 1.0]]),
}
BIDS = np.array([[0.2, 0.3, 0.4, 0.1]] * 5)
MODELS: dict[str, Map] = {
    "gaussian": {},
    "t4": {"degrees": 4.0, "tail": "student_t"},
    "t of 2.5 degrees": {"degrees": 2.5, "tail": "student_t", "tail_degrees": 3.3},
    "t of half a degree": {"degrees": 0.5},
    "two blocks": BLOCKS,
    "wrong-way risk": {"wrong_way": np.full(5, 0.6)},
    "wrong-way risk in two blocks under t": BLOCKS | {"degrees": 6.0, "wrong_way": np.full(5, -0.3)},
    "jumps": {"jump": np.array([3.0, 0.0, -2.0, 0.0, 1.0])},
    "pareto": {"tail": "pareto", "tail_index": 0.4},
    "exponential": {"tail": "pareto"},
    "survivors who do not pay": {"unable": np.array([0.0, 0.5, 0.3, 0.0, 1.0])},
    "random bids": {"bids": BIDS},
    "random bids and survivors who do not pay": {"bids": BIDS, "unable": np.full(5, 0.4)},
}


def service(name: str) -> tuple[Waterfall, Model]:
    """The small service with one of the models."""
    words = MODELS[name]
    layers = [*LAYERS[:3], AUCTION, *LAYERS[4:]] if "bids" in words else LAYERS
    base = Base(scenario_from(scenario_of(layers=layers)), UP_AND_DOWN)
    return compiled(base, FIVE, bids="bids" in words, unable="unable" in words), model(FIVE, **words)


@pytest.mark.parametrize("name", MODELS)
def test_a_scenario_replayed_in_the_exact_engine_is_the_same(name: str) -> None:
    """With gains that depend on the market, drawn bids, and calls that are not paid."""
    waterfall, one = service(name)
    m = arrays(one)
    uncovered = 0
    for number in range(150):
        drawn = reference.scenario(m, 3, number)
        if drawn.losses:
            found = reference.poured(waterfall, m, 3, drawn)
            agree(waterfall, found, replayed(waterfall, m, 3, number)[1])
            uncovered += found.uncovered > 0
    assert uncovered > 5, "losses reach the end of the waterfall now and then"


def test_a_room_that_is_one_unit_wrong_would_be_noticed() -> None:
    """The control of the comparison above."""
    waterfall, one = service("gaussian")
    rooms = waterfall.arrays.rooms.copy()
    rooms[:, 1, 0] += 1
    wrong = replace(waterfall, arrays=waterfall.arrays._replace(rooms=rooms, totals=rooms.sum(axis=2)))
    m = arrays(one)

    def compare(numbers: range) -> None:
        for number in numbers:
            drawn = reference.scenario(m, 3, number)
            if drawn.losses:
                agree(wrong, reference.poured(wrong, m, 3, drawn), replayed(wrong, m, 3, number)[1])

    with pytest.raises(AssertionError):
        compare(range(150))


def test_weights_that_are_far_apart() -> None:
    """What the heavy member cannot give, the light ones do: to the unit, and in 64 bits."""
    rooms, weights = np.array([[[3, 18944, 3]]]), np.array([[[1.0, 1e-15, 1e-15]]])
    nobody, paid = np.zeros(3, np.int64), np.zeros(3, np.int64)
    paid_by_weight(rooms, weights, 0, 18860, nobody, np.array([0, 0, 1]), paid)
    assert paid.tolist() == [3, 18857, 0]
    level = reference._Survivors._level(18860.0, {0: 1.0, 1: 1e-15}, {0: 3, 1: 18944})
    assert round(level * 1e-15) == 18857


# --- the same bits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_kernel_and_reference_have_the_same_bits(name: str) -> None:
    """Counts, sums, squares, histograms, members, the worst scenarios."""
    waterfall, one = service(name)
    assert same(
        simulated(waterfall, one, 100, 400),
        reference.tallied(waterfall, arrays(one), 7, 100, 400),
    )


@given(strategies.scenarios())
def test_kernel_and_reference_have_the_same_bits_on_random_rulebooks(scenario: Map) -> None:
    """With losses of the size of the purses."""
    waterfall = expressed(scenario)
    one = model(waterfall.members, degrees=5.0)
    assert same(simulated(waterfall, one, 2**40, 40), reference.tallied(waterfall, arrays(one), 7, 2**40, 40))


def test_another_seed_another_scenario_number_other_bits() -> None:
    """The control of the comparisons above."""
    waterfall, one = service("gaussian")
    first = simulated(waterfall, one, 0, 100)
    assert not same(first, simulated(waterfall, one, 0, 100, seed=8))
    assert not same(first, simulated(waterfall, one, 1, 100))


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_any_blocks_in_any_order_add_up_to_the_same(sizes: list[int], dice: random.Random) -> None:
    """Ranges of scenarios, merged as they come."""
    waterfall, one = service("t4")
    starts = list(itertools.accumulate(sizes, initial=0))
    parts = [simulated(waterfall, one, start, size) for start, size in zip(starts, sizes, strict=False)]
    dice.shuffle(parts)
    added = empty(5, len(waterfall.layers))
    for part in parts:
        added = merged(added, part)
    assert same(added, simulated(waterfall, one, 0, starts[-1]))


# --- edges --------------------------------------------------------------------------------------------


def test_where_every_member_defaults_nobody_is_left_to_pay() -> None:
    """The survivors' layers give nothing; what is beyond the others is uncovered.

    More defaults than the kernel draws losses for in one go.
    """
    waterfall, _ = service("gaussian")
    one = model(FIVE, probability=np.ones(5), degrees=4.0)
    found = simulated(waterfall, one, 0, 2500)
    assert found.defaults.tolist() == [0, 0, 0, 0, 0, 2500]
    assert found.charges.sum() == 0
    layers = {layer.id: i for i, layer in enumerate(waterfall.layers)}
    assert found.measures[layers["fund"], POSITIVE] == 0
    assert found.measures[layers["fund"], REACHED] > 0
    assert same(found, reference.tallied(waterfall, arrays(one), 7, 0, 2500))


def test_where_nobody_defaults_nothing_happens() -> None:
    """No defaulter, no loss."""
    waterfall, _ = service("gaussian")
    found = simulated(waterfall, model(FIVE, probability=np.zeros(5)), 0, 300)
    assert found.defaults.tolist() == [300, 0, 0, 0, 0, 0]
    assert found.measures.sum() == 0


def test_a_fund_of_zero_gives_nothing() -> None:
    """Its layers are reached, and passed."""
    members = {name: {**fields, "default_fund": "0.00"} for name, fields in MEMBERS.items()}
    waterfall = compiled(Base(scenario_from(scenario_of(members, [*LAYERS[:3], AUCTION, LAYERS[-1]]))), FIVE)
    found = simulated(waterfall, model(FIVE), 0, 300)
    fund = found.measures[3]
    assert fund[POSITIVE] == 0 < fund[REACHED]


def test_a_service_of_one_member() -> None:
    """It defaults, and its own resources and the clearing house are all there is."""
    members = {"A": MEMBERS["A"]}
    waterfall = compiled(Base(scenario_from(scenario_of(members))), ["A"])
    one = model(["A"])
    found = simulated(waterfall, one, 0, 300)
    assert found.defaults[1] > 0
    assert same(found, reference.tallied(waterfall, arrays(one), 7, 0, 300))


def test_every_unit_once() -> None:
    """I58: what all layers give and what is uncovered add up to all losses, in every scenario."""
    waterfall, one = service("pareto")
    m = arrays(one)
    for number in range(300):
        drawn = reference.scenario(m, 3, number)
        found = reference.poured(waterfall, m, 3, drawn)
        assert sum(found.used) + found.uncovered == sum(drawn.losses.values())
    whole = simulated(waterfall, one, 0, 5000)
    layers = len(waterfall.layers)
    sums = [total(row[SUM : SUM + 2]) for row in whole.measures]
    assert sum(sums[: layers + 1]) == sums[layers + GROSS] > 0


# --- what cannot be said ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "word"),
    [
        ({"where": {"defaulter_affiliate": "false"}}, "defaulter_affiliate"),
        ({"limit": {"of": "margin"}}, "of: margin"),
        ({"payer": "customer", "source": "collateral"}, "payer: customer"),
    ],
)
def test_a_word_that_arrays_cannot_say_is_refused_by_name(layer: Map, word: str) -> None:
    """Never approximated."""
    fund: Map = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"}
    changed = {k: v for k, v in (fund | layer).items() if k != "share" or layer.get("payer") is None}
    with pytest.raises(Refused) as refused:
        compiled(Base(scenario_from(scenario_of(layers=[*LAYERS[:3], changed, LAYERS[-1]]))), FIVE)
    assert [one.code for one in refused.value.problems] == ["NOT_SIMULATED"]
    assert word in str(refused.value)


def test_a_limit_of_all_together_over_money_that_a_later_layer_names_is_refused() -> None:
    """What is left in the purses would depend on how the loss was shared."""
    first: Map = {"id": "first", "payer": "members", "source": "default_fund", "share": "equal"}
    later = {**first, "id": "later"}
    for more, refused in (({"together": {"amount": "1.00"}}, True), ({}, False)):
        base = Base(scenario_from(scenario_of(layers=[*LAYERS[:3], first | more, later, LAYERS[-1]])))
        if refused:
            with pytest.raises(Refused, match="together"):
                compiled(base, FIVE)
        else:
            assert compiled(base, FIVE).layers[-2].id == "later"


def test_calls_whose_gaps_stay_open_are_refused_where_survivors_may_not_pay() -> None:
    """Unpaid shares would have to be known to the unit."""
    call: Map = {"id": "calls", "payer": "members", "source": "assessment", "share": "equal",
                 "limit": {"amount": "5.00"}, "call": {"unpaid": "uncovered"}}  # fmt: skip
    base = Base(scenario_from(scenario_of(layers=[*LAYERS[:3], call, LAYERS[-1]])))
    assert compiled(base, FIVE).layers[-2].kind == "call"
    with pytest.raises(Refused, match="unpaid: uncovered"):
        compiled(base, FIVE, unable=True)
