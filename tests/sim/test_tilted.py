"""Tilted scenarios one by one: weights by densities from elsewhere, pouring by the readable waterfall.

And for every kind of model what they say together, beside a plain run.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import chi2, norm

from penstock.sim import reference, tilting
from penstock.sim.engine import engine
from penstock.sim.model import Model, ModelArrays, arrays
from penstock.sim.rare import Rare, rare_found
from penstock.sim.tally import PASSED, POSITIVE, REACHED, SUM, total
from penstock.sim.tilted import TILE, Floats, Tile, Ways, draw, tile_of
from sim.test_kernel import MODELS, service

KEY = 77
COUNT = 300_000


def ways_of(model: Model) -> Ways:
    """Two tilts by no rule at all, beside the model itself."""
    members, factors = len(model.members), len(model.correlation)
    rng = np.random.default_rng(factors)
    odds = np.exp(rng.uniform(-0.5, 1.0, (3, members)))
    odds[:, 1] = 1.0
    shift, loss = rng.uniform(-1.0, 0.5, (3, factors)), rng.uniform(-0.3, 0.8, (3, members))
    odds[0], shift[0], loss[0] = 1.0, 0.0, 0.0
    return Ways(np.array([0.1, 0.4, 1.0]), shift, np.array([1.0, 0.5, 0.8]), odds, loss)


def drawn(m: ModelArrays, ways: Ways, size: int = TILE) -> Tile:
    """A tile of scenarios from 0 on."""
    tile: Tile = tile_of(m, ways)
    tile.numbers[:] = np.arange(TILE)
    draw(m, ways, np.uint64(KEY), size, tile)
    return tile


@dataclass
class One:
    """A scenario of a tile: who defaults, with which shock and loss."""

    ids: list[int]
    shock: list[float]
    losses: list[int]


def ones(tile: Tile, size: int = TILE) -> list[One]:
    """The scenarios of the tile."""
    found, at = [], 0
    for s in range(size):
        part = slice(at, at := at + int(tile.counts[s]))
        assert (tile.of[part] == s).all()
        assert tile.ids[part].tolist() == tile.defaulted[s, : tile.counts[s]].tolist()
        found.append(One(tile.ids[part].tolist(), tile.shock[part].tolist(), tile.losses[part].tolist()))
    return found


# --- weights ------------------------------------------------------------------------------------------


def log_ratio(model: Model, m: ModelArrays, ways: Ways, c: int, tile: Tile, s: int, one: One) -> float:
    """The logarithm of f / g of all that was drawn, by SciPy's densities."""
    z, shift = tile.z[:, s], ways.shift[c]
    found = float((norm.logpdf(z) - norm.logpdf(z, loc=shift)).sum())
    mixing = 1.0
    if np.isfinite(model.degrees):
        w = tile.mixing[s] ** 2 * model.degrees
        found += chi2.logpdf(w, model.degrees) - chi2.logpdf(w, model.degrees, scale=ways.scale[c])
        mixing = tile.mixing[s]
    factor = (m.factors @ z)[model.block]
    own = np.sqrt(1 - model.loading**2)
    p: Floats = ndtr((m.member[:, 0] * mixing - model.loading * factor) / own)
    q = p * ways.odds[c] / (1 - p + p * ways.odds[c])
    gone = np.isin(np.arange(len(p)), one.ids)
    found += float(np.log(p[gone] / q[gone]).sum() + np.log((1 - p[~gone]) / (1 - q[~gone])).sum())
    for i, shock in zip(one.ids, one.shock, strict=True):
        found += norm.logpdf(shock) - norm.logpdf(shock, loc=ways.loss[c, i])
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_weight_is_the_models_density_by_that_of_the_mixture(name: str) -> None:
    """All that is drawn counts, and nothing else."""
    _, model = service(name)
    m, ways = arrays(model), ways_of(model)
    tile = drawn(m, ways)
    chance = np.diff(ways.chance)
    for s, one in enumerate(ones(tile)):
        by_way = [np.exp(-log_ratio(model, m, ways, c, tile, s, one)) for c in (1, 2)]
        assert tile.weight[s] == pytest.approx(1 / (0.1 + chance @ by_way), rel=1e-7)
    assert set(tile.way) == {0, 1, 2}


def test_many_members_whose_odds_are_multiplied_leave_no_number_range() -> None:
    """Products of likelihood ratios are folded into logarithms in time: 300 members, odds of 1000."""
    count = 300
    none = np.zeros(count)
    model = Model(
        members=tuple(f"M{i}" for i in range(count)),
        probability=np.full(count, 1e-6),
        loading=np.zeros(count),
        block=np.zeros(count, dtype=np.int64),
        correlation=np.eye(2),
        scale=none,
        start=none,
        market=none,
        wrong_way=none,
        jump=none,
        unable=none,
    )
    odds = np.array([np.ones(count), np.full(count, 1e3)])
    ways = Ways(np.array([0.1, 1.0]), np.zeros((2, 2)), np.ones(2), odds, np.zeros((2, count)))
    tile = drawn(arrays(model), ways)
    gone = tile.counts
    q = 1e-6 * 1e3 / (1 + 1e-6 * 999)
    log = gone * np.log(1e-6 / q) + (count - gone) * np.log((1 - 1e-6) / (1 - q))
    np.testing.assert_allclose(tile.weight, 1 / (0.1 + 0.9 * np.exp(-log)), rtol=1e-7)
    assert gone.max() > 0


# --- events -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_events_are_those_of_the_readable_waterfall(name: str) -> None:
    """Layers reached and passed, what is uncovered: the same scenarios, each with its weight."""
    waterfall, model = service(name)
    m, ways, size = arrays(model), ways_of(model), 100
    tile = drawn(m, ways, size)
    expected = np.zeros((2 * len(waterfall.layers) + 2, 2), dtype=object)
    for s, one in enumerate(ones(tile, size)):
        losses = dict(zip(one.ids, one.losses, strict=True))
        scenario = reference.Scenario(s, losses, bool(tile.market[s] > 0), 0.0, 1.0)
        found = reference.poured(waterfall, m, KEY, scenario)
        events = [True, found.uncovered > 0]
        for reached, passed in zip(found.reached, found.passed, strict=True):
            events += [reached, passed]
        for row in np.flatnonzero(events):
            expected[row] += [1, round(tile.weight[s] * tilting.ONE)]
    found_by = tilting.nothing(len(waterfall.layers))
    tilting.sample(
        m, waterfall.arrays, ways, found_by, waterfall.regimes, len(waterfall.layers), np.uint64(KEY), 0, size
    )
    assert found_by.scenarios[0] == size
    assert found_by.events[:, POSITIVE].tolist() == expected[:, 0].tolist()
    assert [total(row[SUM : SUM + 2]) for row in found_by.events] == expected[:, 1].tolist()
    assert 0 < expected[1, 0] < size


@pytest.mark.parametrize("name", MODELS)
def test_tilted_scenarios_say_what_plain_ones_say(name: str) -> None:
    """Every event of every kind of model, within four standard errors; the mean weight is one."""
    waterfall, model = service(name)
    one = engine(model, waterfall)
    plain = one.run(5, 0, COUNT)
    found = rare_found(Rare("tilted", one, ways_of(model), "fund").run(5, 0, COUNT), one.layers)
    often = {}
    for i, layer in enumerate(one.layers):
        often[f"{layer.id} hit"] = int(plain.measures[i, REACHED]) / COUNT
        often[f"{layer.id} exhausted"] = int(plain.measures[i, PASSED]) / COUNT
    often["uncovered"] = int(plain.measures[len(one.layers), POSITIVE]) / COUNT
    assert abs(found.weight - 1) <= 4 * found.weight_error
    for event in found.events:
        p = often[event.name]
        error = np.hypot(event.error, np.sqrt(p * (1 - p) / COUNT))
        assert abs(event.probability.value - p) <= 4 * error, event.name
