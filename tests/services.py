"""Small services that are simulated, and how near an estimate has to be to an exact value."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from penstock.sim.base import Base
from penstock.sim.compile import compiled
from penstock.sim.engine import Engine, engine
from penstock.sim.model import Model
from penstock.sim.tally import (
    SQUARES,
    SUM,
    Ints,
    Tally,
    total,
    total_square,
)
from penstock.store.scenarios import scenario_from
from sim.test_kernel import scenario_of

Map = dict[str, Any]
COUNT = 1_000_000
UNIT = 10**6
"""Minor units in an amount of one: what is rounded to whole ones is far below a standard error."""
ERRORS = 4.0

MARGIN: Map = {"id": "margin", "payer": "defaulter", "source": "initial_margin"}
OWN_FUND: Map = {"id": "own_fund", "payer": "defaulter", "source": "default_fund"}
FUND: Map = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"}
CALLS: Map = {
    "id": "calls",
    "payer": "members",
    "source": "assessment",
    "share": "default_fund",
    "limit": {"multiple": "2", "of": "default_fund"},
}
HAIRCUT: Map = {"id": "haircut", "payer": "members", "source": "gains", "share": "gains"}


def written(amount: float) -> str:
    """An amount of a scenario, in minor units of one hundredth."""
    minor = round(amount * UNIT)
    return f"{minor // 100}.{minor % 100:02}"


def ccp(name: str, amount: float) -> Map:
    """A layer of the clearing house."""
    return {"id": name, "payer": "ccp", "source": name, "limit": {"amount": written(amount)}}


ANY = [ccp("own", 1)]
"""Layers of a service where only defaults or losses are looked at."""


def people(count: int, **purses: Sequence[float] | float) -> dict[str, Map]:
    """So many members, and what they have."""
    found: dict[str, Map] = {f"M{i:03}": {} for i in range(count)}
    for purse, amounts in purses.items():
        each = amounts if isinstance(amounts, Sequence) else [amounts] * count
        for fields, amount in zip(found.values(), each, strict=True):
            fields[purse] = written(amount)
    return found


def ready(
    members: dict[str, Map], layers: list[Map], gains: tuple[Map, Map] | None = None, **words: Any
) -> Engine:
    """A service; ``words`` of the model, in amounts of one; whatever is left out is plain."""
    number = len(members)
    zero = np.zeros(number)
    plain: Map = {
        "probability": np.ones(number),
        "loading": zero,
        "block": zero.astype(np.int64),
        "scale": zero,
        "start": zero,
        "market": zero,
        "wrong_way": zero,
        "jump": zero,
        "unable": zero,
    }
    each: Map = {name: np.broadcast_to(words.pop(name, plain[name]), number).copy() for name in plain}
    blocks = int(each["block"].max()) + 1
    for name in ("scale", "start"):
        each[name] = np.rint(each[name] * UNIT)
    rest: Map = {"correlation": np.eye(blocks + 1)} | words
    one = Model(tuple(members), **(each | rest))
    base = Base(scenario_from(scenario_of(members, layers)), gains)
    unable = bool(one.unable.any())
    waterfall = compiled(base, sorted(members), bids=one.bids is not None, unable=unable)
    return engine(one, waterfall)


def simulated(
    members: dict[str, Map], layers: list[Map], *, seed: int = 1, count: int = COUNT, **words: Any
) -> Tally:
    """The tally of such a service."""
    return ready(members, layers, **words).run(seed, 0, count)


def near(estimate: float, value: float, error: float) -> None:
    """Within four standard errors."""
    assert abs(estimate - value) <= ERRORS * error, f"{estimate} is not {value}, by {error} each"


def likely(hits: float, probability: float, count: int = COUNT) -> None:
    """A number of hits against an exact probability."""
    near(hits / count, probability, sqrt(probability * (1 - probability) / count))


def mean_of(row: Ints, value: float, count: int = COUNT) -> None:
    """The mean of a row of measures, in amounts of one, against an exact value; the error is the sample's."""
    found = total(row[SUM : SUM + 2]) / count / UNIT
    second = total_square(row[SQUARES : SQUARES + 6]) / count / UNIT**2
    near(found, value, sqrt((second - found * found) / count) + 0.5 / UNIT)


def payments_of(tally: Tally, member: int) -> tuple[float, float]:
    """What a member pays in all: its mean, and the sample's deviation by the middles of the bins."""
    count = int(tally.defaults.sum())
    mean = sum(total(tally.charges[member, kind : kind + 2]) for kind in (0, 2, 4)) / count / UNIT
    often = tally.member_histogram[member].sum(axis=0)
    middles = np.array([2.0 ** (i // 16) * (1 + (i % 16 + 0.5) / 16) for i in range(len(often))]) / UNIT
    return mean, sqrt(max(0.0, float(often @ middles**2) / count - mean * mean))


def pays_on_average(tally: Tally, member: int, value: float) -> None:
    """The mean of all that a member pays, against an exact value."""
    mean, deviation = payments_of(tally, member)
    near(mean, value, deviation / sqrt(COUNT) + 0.5 / UNIT)


def pays_as_often(tally: Tally, member: int, probability: float) -> None:
    """In how many scenarios a member pays anything, against an exact probability."""
    likely(int(tally.member_histogram[member].sum()), probability)


def row_of(tally: Tally, measure: int) -> Ints:
    """A measure that stands after the layers."""
    found: Ints = tally.measures[len(tally.measures) - 3 + measure]
    return found
