"""Rare events by importance sampling: a tilt fitted by pilots, estimates with a plain run beside them.

The tilt is found by the cross-entropy method (Rubinstein, European Journal of Operational Research 99, 1997):
pilots raise the level step by step until the event is no longer rare, and the tilt takes the means of the
scenarios above the level.
"""

from dataclasses import dataclass
from hashlib import sha256
from math import sqrt

import numpy as np
from scipy.special import gammaincinv

from penstock.core.problems import Problem, Refused
from penstock.sim import tilting
from penstock.sim.engine import MOST, Engine
from penstock.sim.layout import LAYER, OWN, LayerInfo
from penstock.sim.model import Model
from penstock.sim.statistics import Estimate
from penstock.sim.tally import SQUARES, SUM, total, total_square
from penstock.sim.tilted import Floats, Tilt
from penstock.sim.tilting import Weighted

PILOT, ROUNDS, SELECTED = 20_000, 8, 0.05
"""Scenarios of a pilot, how often at most, the part that each level leaves."""
SHARE = 0.1
"""Of scenarios drawn from the model itself."""
_PILOT_SEED = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class Rare:
    """An engine that draws by a tilt: what a worker needs."""

    digest: str
    engine: Engine
    tilt: Tilt
    target: str

    def nothing(self) -> Weighted:
        """What no scenario gives."""
        return tilting.nothing(len(self.engine.layers))

    def added(self, first: Weighted, second: Weighted) -> Weighted:
        """What two ranges give together."""
        return tilting.added(first, second)

    def run(self, seed: int, first: int, count: int) -> Weighted:
        """The weighted sums of ``count`` scenarios from number ``first``."""
        whole, one = self.nothing(), self.engine
        for start in range(first, first + count, MOST):
            found, some = self.nothing(), min(MOST, first + count - start)
            words = one.model, one.waterfall, self.tilt, found, one.regimes, len(one.layers), _key(seed)
            tilting.sample(*words, start, some)
            whole = tilting.added(whole, found)
        return whole


def _key(seed: int) -> np.uint64:
    """Other numbers than those of the plain run, so that the two check each other."""
    return np.uint64((seed + _PILOT_SEED) % 2**64)


def untilted(model: Model) -> Tilt:
    """The model itself, as a tilt."""
    members, blocks = len(model.members), len(model.correlation)
    return Tilt(np.zeros(blocks), np.ones(members), np.zeros(members), np.array([1.0, SHARE]))


def fitted(model: Model, engine: Engine, target: str, seed: int) -> Rare:
    """The tilt under which a loss beyond the layer ``target``, or ``uncovered``, is no longer rare.

    Refused RARE_TARGET where there is no such layer, and RARE_NEVER where no pilot comes near.
    """
    last = target_of(engine, target)
    tilt = untilted(model)
    scores = np.zeros(PILOT)
    found = np.zeros((len(engine.members) + len(model.correlation) + 2, 3))
    for turn in range(ROUNDS):
        key = np.uint64((seed + (turn + 2) * _PILOT_SEED) % 2**64)
        tilting.pilot(engine.model, engine.waterfall, tilt, last, engine.regimes, key, scores)
        level = min(0.0, _level(scores))
        found[:] = 0.0
        tilting.gather(engine.model, tilt, key, np.flatnonzero(scores >= level), found)
        tilt = _next(model, engine, tilt, found)
        if level >= 0.0 and turn > 0:
            break
    else:
        says = f"no pilot found a way beyond {target}"
        raise Refused(Problem("RARE_NEVER", (), says, "another layer, or a plain run"))
    digest = sha256(engine.digest.encode() + b"".join(np.asarray(one).tobytes() for one in tilt)).hexdigest()
    return Rare(digest, engine, tilt, target)


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


def _next(model: Model, engine: Engine, tilt: Tilt, found: Floats) -> Tilt:
    """The tilt to the means of the scenarios above the level, each held back where little is known."""
    members = len(engine.members)
    weight = found[-1, 0]
    if not weight > 0:
        return tilt
    shift = np.clip(found[members : members + len(model.correlation), 0] / weight, -5, 5)
    scale = 1.0
    if np.isfinite(model.degrees):
        scale = float(np.clip(found[-2, 0] / weight, 0.02, 1.0))
    often, expected = found[:members, 0] / weight, found[:members, 2] / weight
    little = 1e-3
    often = (often + little * expected) / (1 + little)
    odds = np.clip(
        often / np.maximum(1 - often, 1e-3) * (1 - expected) / np.maximum(expected, 1e-12), 0.5, 200
    )
    known = often > little
    loss = np.where(known, found[:members, 1] / np.maximum(found[:members, 0] + little * weight, 1e-300), 0.0)
    return Tilt(shift, np.where(known, odds, 1.0), np.clip(loss, -1, 6), np.array([scale, SHARE]))


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
