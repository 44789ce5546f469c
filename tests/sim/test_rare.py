"""Importance sampling against exact probabilities; the mean weight is one; the same bits in any pieces."""

import random
from typing import Any

import numpy as np
import pytest

import exact_models as exact
from penstock.core.problems import Refused
from penstock.sim.base import Base
from penstock.sim.compile import compiled
from penstock.sim.engine import Engine, engine
from penstock.sim.model import Model
from penstock.sim.rare import Rare, fitted, rare_found, untilted
from penstock.sim.tally import PASSED, POSITIVE
from penstock.store.scenarios import scenario_from

Map = dict[str, Any]
COUNT = 400_000
LOSSES = [90, 80, 70, 60, 50, 40, 30, 20]
FUNDS = [40, 35, 30, 25, 20, 15, 10, 5]
CHANCES = [0.002, 0.003, 0.004, 0.005, 0.005, 0.01, 0.01, 0.02]
OWN, CALLS = 30, 1


def service(degrees: float | None = None, **more: Any) -> tuple[Model, Engine]:
    """Eight members with losses of fixed amounts beyond their own resources."""
    names = [f"M{i}" for i in range(8)]
    layers: list[Map] = [
        {"id": "margin", "payer": "defaulter", "source": "initial_margin"},
        {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"amount": f"{OWN}.00"}},
        {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"},
        {"id": "calls", "payer": "members", "source": "assessment", "share": "default_fund",
         "limit": {"multiple": str(CALLS), "of": "default_fund"}},
    ]  # fmt: skip
    book = {"rulebook": "a/b", "title": "t", "currency": "EUR", "layers": layers}
    members = {
        name: {"initial_margin": "0.00", "default_fund": f"{fund}.00"}
        for name, fund in zip(names, FUNDS, strict=True)
    }
    scenario = {
        "scenario": "s",
        "currency": "EUR",
        "rulebook": book,
        "resources": {"members": members},
        "defaults": [{"member": "M0", "at": "2024-01-02T10:00:00+00:00", "loss": "0.00"}],
    }
    zero = np.zeros(8)
    words: Map = {
        "probability": np.array(CHANCES),
        "loading": np.full(8, np.sqrt(0.3)),
        "block": np.zeros(8, dtype=np.int64),
        "correlation": np.eye(2),
        "scale": zero,
        "start": np.array(LOSSES) * 100.0,
        "market": zero,
        "wrong_way": zero,
        "jump": zero,
        "unable": zero,
    }
    if degrees:
        words["degrees"] = degrees
    model = Model(tuple(names), **(words | more))
    return model, engine(model, compiled(Base(scenario_from(scenario)), names))


def beyond(degrees: float | None) -> dict[str, float]:
    """The exact probability of a loss beyond each layer."""
    layers: list[exact.Own | exact.Survivors] = [
        exact.Own(OWN),
        exact.Survivors(1),
        exact.Survivors(CALLS),
    ]
    found = exact.expected_payments(CHANCES, [np.sqrt(0.3)] * 8, LOSSES, FUNDS, layers, degrees)
    return dict(zip(("own exhausted", "fund exhausted", "calls exhausted"), found.beyond, strict=True))


def within(rare: Rare, expected: dict[str, float], seed: int, errors: float = 4.0) -> dict[str, float]:
    """Every estimate lies within so many standard errors of the exact value; the variance ratios."""
    found = rare_found(rare.run(seed, 0, COUNT), rare.engine.layers)
    events = {event.name: event for event in found.events}
    for name, value in expected.items():
        one = events[name]
        assert abs(one.probability.value - value) <= errors * one.error, name
    assert abs(found.weight - 1) <= errors * found.weight_error
    return {name: events[name].ratio for name in expected}


@pytest.mark.parametrize("degrees", [None, 4.0])
@pytest.mark.parametrize("target", ["fund", "calls"])
def test_estimates_are_the_exact_probabilities(degrees: float | None, target: str) -> None:
    """Gaussian and t: probabilities down to one in a million, by 400,000 scenarios."""
    model, one = service(degrees)
    expected = beyond(degrees)
    gains = within(fitted(model, one, target, seed=1), expected, seed=2)
    assert expected[f"{target} exhausted"] < 5e-3
    assert gains[f"{target} exhausted"] > 10, "the variance is a small part of a plain run's"


def test_without_their_weights_the_same_scenarios_say_something_else() -> None:
    """The control: the tilted scenarios by themselves are far from the model's."""
    model, one = service()
    rare = fitted(model, one, "fund", seed=1)
    found = rare.run(2, 0, COUNT)
    row = found.events[2 + 2 * 2 + 1]
    assert row[POSITIVE] / COUNT > 100 * beyond(None)["fund exhausted"]


def test_a_model_that_is_not_tilted_weighs_one() -> None:
    """And gains nothing."""
    model, one = service()
    rare = Rare("plain", one, untilted(model), "fund")
    gains = within(rare, {"own exhausted": beyond(None)["own exhausted"]}, seed=3)
    assert gains["own exhausted"] == pytest.approx(1.0, rel=1e-6)


def test_two_blocks_wrong_way_risk_and_random_losses() -> None:
    """Beside a plain run: both estimates lie within four of their errors of each other."""
    more: Map = {
        "block": np.array([0, 0, 0, 0, 1, 1, 1, 1]),
        "correlation": np.array([[1.0, 0.4, -0.3], [0.4, 1.0, 0.0], [-0.3, 0.0, 1.0]]),
        "scale": np.array(LOSSES) * 40.0,
        "market": np.full(8, 0.5),
        "wrong_way": np.full(8, 0.2),
        "jump": np.full(8, 0.3),
        "tail": "student_t",
        "tail_degrees": 5.0,
    }
    model, one = service(6.0, **more)
    plain = one.run(7, 0, 4_000_000)
    found = rare_found(fitted(model, one, "fund", seed=1).run(2, 0, COUNT), one.layers)
    events = {event.name: event for event in found.events}
    for i, layer in enumerate(one.layers[1:], 1):
        p = plain.measures[i, 1] / 4_000_000
        estimate = events[f"{layer.id} exhausted"]
        error = np.hypot(estimate.error, np.sqrt(p * (1 - p) / 4_000_000))
        assert abs(estimate.probability.value - p) <= 4 * error


def test_pieces_in_any_order_add_up_to_the_same_bits() -> None:
    """Weights are added up as whole numbers."""
    model, one = service(4.0)
    rare = fitted(model, one, "fund", seed=1)
    parts = [rare.run(2, first, 999) for first in range(0, 9990, 999)]
    random.Random(5).shuffle(parts)
    together = rare.nothing()
    for part in parts:
        together = rare.added(together, part)
    whole = rare.run(2, 0, 9990)
    assert all((a == b).all() for a, b in zip(whole, together, strict=True))
    assert not (rare.run(3, 0, 9990).events == whole.events).all()


def test_any_count_is_carried_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """In steps no sum leaves its range, and the bits are those of one step."""
    model, one = service(4.0)
    rare = fitted(model, one, "fund", seed=1)
    whole = rare.run(2, 0, 5000)
    monkeypatch.setattr("penstock.sim.engine.MOST", 999)
    assert all((a == b).all() for a, b in zip(rare.run(2, 0, 5000), whole, strict=True))


MARKET: Map = {"start": np.zeros(8), "scale": np.array(LOSSES) * 60.0, "market": np.array([0.9, -0.9] * 4)}


def test_both_sides_of_the_market_have_a_tilt_of_their_own() -> None:
    """The less likely side is not left to a few scenarios of large weights: no weight beyond is near ten."""
    model, one = service(**MARKET)
    rare = fitted(model, one, "fund", seed=1)
    up, down = sorted(rare.ways.shift[-2:, -1], reverse=True)
    assert up > 0.5
    assert down < -0.5
    assert np.diff(rare.ways.chance)[-2:].min() > 0.06  # at least a tenth of seven tenths
    count = 4_000_000
    plain = one.run(7, 0, count)
    found = rare_found(rare.run(2, 0, COUNT), one.layers)
    event = next(event for event in found.events if event.name == "fund exhausted")
    p = plain.measures[2, PASSED] / count
    assert abs(event.probability.value - p) <= 4 * np.hypot(event.error, np.sqrt(p / count))
    assert event.ratio > 100


def test_where_the_market_does_not_matter_there_is_one_end() -> None:
    """The model itself, the steps on the way, and one tilt."""
    model, one = service()
    ways = fitted(model, one, "calls", seed=1).ways
    chances = np.diff(ways.chance, prepend=0.0)
    assert chances[0] == pytest.approx(0.1)
    assert chances[1:-1].sum() == pytest.approx(0.2)
    assert chances[-1] == pytest.approx(0.7)


def test_the_same_seed_fits_the_same_tilt() -> None:
    """And another seed another one."""
    model, one = service(4.0)
    assert fitted(model, one, "fund", seed=1).digest == fitted(model, one, "fund", seed=1).digest
    assert fitted(model, one, "fund", seed=1).digest != fitted(model, one, "fund", seed=2).digest


def test_a_target_that_is_none_is_refused() -> None:
    """An unknown layer, a defaulter's own, and one that nothing gets beyond."""
    model, one = service()
    for target in ("found", "margin"):
        with pytest.raises(Refused, match="no layer after the defaulters' own"):
            fitted(model, one, target, seed=1)
    model, one = service(start=np.zeros(8))
    with pytest.raises(Refused, match="no pilot found a way"):
        fitted(model, one, "fund", seed=1)


def test_an_event_that_never_happened_has_an_upper_bound_and_no_gain() -> None:
    """Weights are ten at most: as many plain scenarios as a tenth would have shown it."""
    model, one = service(start=np.zeros(8))
    found = rare_found(Rare("plain", one, untilted(model), "fund").run(1, 0, 1000), one.layers)
    event = next(event for event in found.events if event.name == "calls exhausted")
    assert (event.probability.value, event.probability.low, event.ratio) == (0.0, 0.0, 0.0)
    assert event.probability.high == pytest.approx(10 * 3.688879 / 1000, rel=1e-6)
