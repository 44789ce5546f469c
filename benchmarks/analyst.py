"""The model of benchmarks/service.py as a good analyst writes it: plain vectorised NumPy.

A scenario is a row, a member a column. Every member is drawn in every scenario, so arrays are scenario x
member; they come in chunks, so that memory does not grow with the number of scenarios. Amounts are floats.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from benchmarks.service import CALLS, CORRELATION, LOADING, MARKET, Service
from scipy.stats import norm, t

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LAYERS = ("margin", "own_fund", "own_capital", "fund", "calls", "haircut", "uncovered")


@dataclass(frozen=True, slots=True)
class Found:
    """By layer the probability that it pays, its mean and the mean of its square; minor units.

    ``paid``: 3 x M, the mean of what each member pays as a survivor: from the fund, by calls, by the haircut.
    """

    probability: Floats
    mean: Floats
    square: Floats
    paid: Floats


def simulate(service: Service, scenarios: int, chunk: int, seed: int) -> Found:
    """The figures over so many scenarios, ``chunk`` of them at a time."""
    rng = np.random.default_rng(seed)
    hits, sums, squares = np.zeros((3, len(LAYERS)))
    paid = np.zeros((3, len(service.fund)))
    for first in range(0, scenarios, chunk):
        default, loss, up = _drawn(service, rng, min(chunk, scenarios - first))
        used, charged = _poured(service, default, loss, up)
        hits += (used > 0).sum(axis=1)
        sums += used.sum(axis=1)
        squares += (used**2).sum(axis=1)
        paid += charged
    return Found(hits / scenarios, sums / scenarios, squares / scenarios, paid / scenarios)


def _drawn(service: Service, rng: np.random.Generator, count: int) -> tuple[Bools, Floats, Bools]:
    """Who defaults, with which loss, and whether the market factor is positive."""
    model = service.model
    members = len(model.members)
    credit = rng.standard_normal(count)
    market = CORRELATION * credit + sqrt(1 - CORRELATION**2) * rng.standard_normal(count)
    latent = LOADING * credit[:, None] + sqrt(1 - LOADING**2) * rng.standard_normal((count, members))
    own = rng.standard_normal((count, members))
    shock = model.market * market[:, None] + sqrt(1 - MARKET**2) * own
    if np.isinf(model.degrees):
        threshold = norm.ppf(model.probability)
    else:
        mixing = np.sqrt(rng.chisquare(model.degrees, count) / model.degrees)[:, None]
        threshold = t.ppf(model.probability, model.degrees)
        latent /= mixing
        shock /= mixing
    default = latent < threshold
    loss = np.where(default, np.maximum(model.scale * shock, 0.0), 0.0)
    return default, loss, market > 0


def _poured(service: Service, default: Bools, loss: Floats, up: Bools) -> tuple[Floats, Floats]:
    """What each layer pays, LAYERS x scenario, and what each member pays by kind, over all scenarios."""
    margin = np.minimum(loss, service.margin)
    left = loss - margin
    own_fund = np.minimum(left, service.fund)
    open_ = (left - own_fund).sum(axis=1)
    used = [margin.sum(axis=1), own_fund.sum(axis=1)]
    own_capital = np.minimum(open_, service.own_capital)
    used.append(own_capital)
    open_ = open_ - own_capital
    fund = np.where(default, 0.0, service.fund)
    gains = np.where(default, 0.0, service.gains[up.astype(int)])
    charged = []
    for room in (fund, CALLS * fund, gains):
        total = room.sum(axis=1)
        amount = np.minimum(open_, total)
        rate = np.divide(amount, total, out=np.zeros_like(amount), where=total > 0)
        charged.append((rate[:, None] * room).sum(axis=0))
        used.append(amount)
        open_ = open_ - amount
    used.append(open_)
    return np.array(used), np.array(charged)
