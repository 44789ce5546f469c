"""Rare events by importance sampling: a tilt fitted by pilots, estimates with a plain run beside them.

The tilt is found by the cross-entropy method (Rubinstein, European Journal of Operational Research 99, 1997):
pilots raise the level step by step until the event is no longer rare, and the tilt takes the means of the
scenarios above the level. Where losses depend on the market there is one tilt for each of its sides, each
with a level of its own: a single tilt goes to the likelier side and leaves the other to few scenarios of
large weights, which a run may not even see. The tilts of lower levels stay in the mixture, for those ways to
the event that the last one has lost sight of.
"""

from dataclasses import dataclass
from hashlib import sha256
from math import isfinite, log, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import gammaincinv

from penstock.core.problems import Problem, Refused
from penstock.sim import tilting
from penstock.sim.engine import Engine, in_steps
from penstock.sim.layout import LAYER, OWN, LayerInfo
from penstock.sim.model import Model
from penstock.sim.statistics import Estimate
from penstock.sim.tally import SQUARES, SUM, total, total_square
from penstock.sim.tilted import Floats, Ints, Ways
from penstock.sim.tilting import SCORE, UP, WEIGHT, Weighted

PILOT, ROUNDS, SELECTED = 20_000, 8, 0.05
"""Scenarios of a pilot, how often at most, the part that each level leaves."""
SHARE, STEPS, LEAST = 0.1, 0.2, 0.1
"""Of scenarios drawn from the model itself, and by the tilts of steps; of the others the least for a tilt."""
MOST_SHIFT, MOST_LOSS, MOST_ODDS, LEAST_SCALE = 5.0, 6.0, 200.0, 0.02
"""No tilt goes further: a pilot of few effective scenarios would send it anywhere."""
_PILOT_SEED = 0x9E3779B97F4A7C15


class Tilt(NamedTuple):
    """A tilted model of M members in K blocks: a row each of ``Ways``."""

    shift: Floats
    scale: float
    odds: Floats
    loss: Floats


@dataclass(frozen=True, slots=True)
class Rare:
    """An engine that draws by a mixture of tilts: what a worker needs."""

    digest: str
    engine: Engine
    ways: Ways
    target: str

    def nothing(self) -> Weighted:
        """What no scenario gives."""
        return tilting.nothing(len(self.engine.layers))

    def added(self, first: Weighted, second: Weighted) -> Weighted:
        """What two ranges give together."""
        return tilting.added(first, second)

    def run(self, seed: int, first: int, count: int) -> Weighted:
        """The weighted sums of ``count`` scenarios from number ``first``."""
        one = self.engine
        words = one.model, one.waterfall, self.ways
        about = one.regimes, len(one.layers), _key(seed)

        def step(start: int, some: int) -> Weighted:
            found = self.nothing()
            tilting.sample(*words, found, *about, start, some)
            return found

        return in_steps(self.nothing(), self.added, step, first, count)


def _key(seed: int) -> np.uint64:
    """Other numbers than those of the plain run, so that the two check each other."""
    return np.uint64((seed + _PILOT_SEED) % 2**64)


def untilted(model: Model) -> Ways:
    """The model itself, as the only way."""
    return _mixed(model, [], [], [])


def _itself(model: Model) -> Tilt:
    members, blocks = len(model.members), len(model.correlation)
    return Tilt(np.zeros(blocks), 1.0, np.ones(members), np.zeros(members))


def _mixed(model: Model, steps: list[Tilt], ends: list[Tilt], likely: list[float]) -> Ways:
    """The model itself, the tilts of steps on the way, and those at ends, the likelier of them more often."""
    parts = np.array([SHARE, *(STEPS / len(steps) for _ in steps)])
    at_end = np.maximum(likely, LEAST * sum(likely))
    chance = np.cumsum([*parts, *((1 - parts.sum()) * at_end / sum(at_end))])
    chance[-1] = 1.0
    return Ways(chance, *(np.array(rows) for rows in zip(_itself(model), *steps, *ends, strict=True)))


def fitted(model: Model, engine: Engine, target: str, seed: int) -> Rare:
    """The tilts under which a loss beyond the layer ``target``, or ``uncovered``, is no longer rare.

    Refused RARE_TARGET where there is no such layer, and RARE_NEVER where no pilot comes near.
    """
    last = target_of(engine, target)
    sides = (0.0, 1.0) if model.market.any() or engine.regimes == 2 else (None,)
    steps: list[Tilt] = []
    ends: dict[float | None, Tilt] = {}
    likely: dict[float | None, float] = {}
    found = np.zeros((3, PILOT))
    for turn in range(ROUNDS):
        key = np.uint64((seed + (turn + 2) * _PILOT_SEED) % 2**64)
        ways = _mixed(model, steps, list(ends.values()), [1.0] * len(ends))
        tilting.pilot(engine.model, engine.waterfall, ways, last, engine.regimes, key, found)
        level, tilt = _above(model, engine, ways, key, found, np.arange(PILOT))
        if level < 0.0:
            steps.append(tilt)
        for side in sides:
            mine = np.flatnonzero((found[UP] == side) | (side is None))
            if len(mine):
                level, ends[side] = _above(model, engine, ways, key, found, mine)
                if level >= 0.0:
                    likely[side] = float(found[WEIGHT, mine[found[SCORE, mine] > 0.0]].sum())
        if turn > 0 and len(likely) == len(ends):
            break
    reached = [side for side in ends if likely.get(side)]
    if not reached:
        says = f"no pilot found a way beyond {target}"
        raise Refused(Problem("RARE_NEVER", (), says, "another layer, or a plain run"))
    ways = _mixed(model, steps, [ends[side] for side in reached], [likely[side] for side in reached])
    digest = sha256(engine.digest.encode() + b"".join(one.tobytes() for one in ways)).hexdigest()
    return Rare(digest, engine, ways, target)


def _above(
    model: Model, engine: Engine, ways: Ways, key: np.uint64, found: Floats, among: Ints
) -> tuple[float, Tilt]:
    """The next level of the scenarios ``among`` those of a pilot, and the tilt to those above it."""
    level = min(0.0, _level(found[SCORE, among]))
    sums = np.zeros((len(model.members) + len(model.correlation) + 2, 3))
    tilting.gather(engine.model, ways, key, among[found[SCORE, among] >= level], sums)
    return level, _next(model, sums)


def _level(scores: Floats) -> float:
    """What a small part of the scores reaches; where very many have the same score, what few go beyond."""
    level = float(np.quantile(scores, 1 - SELECTED))
    above = scores[scores > level]
    return float(above.min()) if len(above) and (scores >= level).mean() > 4 * SELECTED else level


def target_of(engine: Engine, target: str) -> int:
    """The last part of the target layer; of all where what is uncovered is meant."""
    parts = engine.waterfall.parts
    if target == "uncovered":
        return len(parts) - 1
    names = [layer.id for layer in engine.layers]
    if target not in names or engine.layers[names.index(target)].kind == OWN:
        possible = [layer.id for layer in engine.layers if layer.kind != OWN]
        says = f"{target!r} is no layer after the defaulters' own"
        raise Refused(Problem("RARE_TARGET", ("--rare",), says, ", ".join(["uncovered", *possible])))
    return max(p for p in range(len(parts)) if parts[p, LAYER] == names.index(target))


def _next(model: Model, sums: Floats) -> Tilt:
    """The tilt to the means of the scenarios above the level, each nearer to none by its standard error."""
    members, factors = len(model.members), len(model.correlation)
    weight, square = sums[-1, :2]
    if not weight > 0:
        return _itself(model)
    each = weight**2 / square
    shift = _held(sums[members : members + factors, 0] / weight, 1 / sqrt(each))
    scale = 1.0
    if isfinite(model.degrees):
        mean = max(float(sums[-2, 0]) / weight, 1e-9)
        scale = float(np.exp(_held(np.array(log(mean)), sqrt(2 / model.degrees / each))))
    often, expected = sums[:members, 0] / weight, np.clip(sums[:members, 2] / weight, 1e-12, 1 - 1e-12)
    often = np.clip((often + 1e-3 * expected) / (1 + 1e-3), 0, 1 - 1e-3)
    odds = np.log(often / (1 - often) * (1 - expected) / expected)
    odds = np.exp(_held(odds, 1 / np.sqrt(each * expected * (1 - expected))))
    loss = sums[:members, 1] / np.maximum(sums[:members, 0], 1e-300)
    loss = _held(loss, 1 / np.sqrt(np.maximum(each * sums[:members, 0] / weight, 1e-9)))
    return Tilt(
        np.clip(shift, -MOST_SHIFT, MOST_SHIFT),
        float(np.clip(scale, LEAST_SCALE, 1.0)),
        np.clip(odds, 0.5, MOST_ODDS),
        np.clip(loss, -1, MOST_LOSS),
    )


def _held(found: Floats, error: Floats | float) -> Floats:
    """Nearer to zero by the standard error, and zero where that is larger: no tilt by chance."""
    return np.asarray(np.sign(found) * np.maximum(np.abs(found) - error, 0.0))


# --- what was found -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """An event: its probability with the interval, how many scenarios would tell as much, the gain.

    ``error``: the standard error. ``effective``: Kish's sample size of its weighted scenarios. ``ratio``: how
    many times smaller the variance is than that of a plain run of as many scenarios, zero where there was no
    such scenario.
    """

    name: str
    probability: Estimate
    error: float
    effective: float
    ratio: float


@dataclass(frozen=True, slots=True)
class RareFound:
    """All events, the mean weight (one, but for chance), and its standard error."""

    scenarios: int
    events: tuple[Event, ...]
    weight: float
    weight_error: float


def rare_found(found: Weighted, layers: tuple[LayerInfo, ...], level: float = 0.95) -> RareFound:
    """What the weighted sums say, with intervals of the level."""
    count = int(found.scenarios[0])
    names = ["", "uncovered"]
    for layer in layers:
        names += [f"{layer.id} hit", f"{layer.id} exhausted"]
    events = tuple(
        _event(name, row, count, level) for name, row in zip(names, found.events, strict=True) if name
    )
    mean, error = _mean(found.events[0], count)
    return RareFound(count, events, mean, error)


def _mean(row: tilting.Ints, count: int) -> tuple[float, float]:
    mean = total(row[SUM : SUM + 2]) / tilting.ONE / count
    second = total_square(row[SQUARES : SQUARES + 6]) / tilting.ONE**2 / count
    return mean, sqrt(max(0.0, second - mean * mean) / count)


def _event(name: str, row: tilting.Ints, count: int, level: float) -> Event:
    """The event's estimate, with the interval of as many equal weights as its own tell as much as.

    That is Garwood's of a Poisson count (Biometrika 28, 1936), with the effective number of hits; where there
    was none, of the largest weight that there can be.
    """
    mean, error = _mean(row, count)
    weights, squares = total(row[SUM : SUM + 2]), total_square(row[SQUARES : SQUARES + 6])
    hits = weights**2 / squares if squares else 0.0
    each = mean / hits if hits else 1 / SHARE / count
    alpha = (1 - level) / 2
    low = each * float(gammaincinv(hits, alpha)) if hits else 0.0
    high = each * float(gammaincinv(hits + 1, 1 - alpha))
    return Event(
        name=name,
        probability=Estimate(mean, low, min(1.0, high)),
        error=error,
        effective=hits,
        ratio=mean * (1 - mean) / count / error**2 if error else 0.0,
    )
