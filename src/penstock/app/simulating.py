"""A simulation from files: the model and the waterfall made ready."""

from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import Any

import numpy as np

from penstock.core.problems import Problem, Refused
from penstock.sim.base import Base
from penstock.sim.compile import compiled
from penstock.sim.engine import Engine, engine
from penstock.sim.layout import Waterfall
from penstock.sim.model import Model, checked_correlation
from penstock.store.model_files import MARKET, ModelFile, RiskRow

MOST_MEMBERS = 4000
"""So many losses of the largest size can be added up."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A simulation ready to run."""

    file: ModelFile
    model: Model
    waterfall: Waterfall
    engine: Engine


def ready(file: ModelFile) -> Ready:
    """The model and the waterfall of the file; Refused MODEL_CORRELATION, NOT_SIMULATED and others."""
    try:
        model = model_of(file)
    except Refused as refused:
        told = [one if one.place else replace(one, place=file.place) for one in refused.problems]
        raise Refused(told) from None
    if len(model.members) > MOST_MEMBERS:
        says = f"{len(model.members)} members, whose losses together could be beyond 2^62 minor units"
        raise Refused(Problem("MODEL_MEMBERS", ("members",), says, f"at most {MOST_MEMBERS}"))
    waterfall = waterfall_of(file, model)
    return Ready(file, model, waterfall, engine(model, waterfall))


def waterfall_of(file: ModelFile, model: Model) -> Waterfall:
    """The rulebook of the file's scenario, in its circumstances, with the members of the model."""
    gains = None
    if any("gains_up" in row.amounts for row in file.rows):
        sides = ("gains_down", "gains_up")
        down, up = ({row.member: row.amounts.get(side, 0) for row in file.rows} for side in sides)
        gains = down, up
    unable = bool((model.unable > 0).any())
    return compiled(Base(file.scenario, gains), model.members, bids=model.bids is not None, unable=unable)


def model_of(file: ModelFile) -> Model:
    """The model that the file says: members block by block."""
    blocks = file.blocks()
    names = (*blocks, MARKET)
    place = {name: i for i, name in enumerate(names)}
    correlation = np.eye(len(names))
    for (first, second), value in file.correlations.items():
        i, j = place[first], place[second]
        correlation[i, j] = correlation[j, i] = float(value)
    shown = [name or "the only block" for name in names]
    rows = sorted(file.rows, key=lambda row: (row.block, row.member))

    def column(name: str) -> Any:
        return np.array([float(row.number(name)) for row in rows])

    bids = [row.bids for row in rows]
    some = any(one is not None for one in bids)
    if some and not all(bids):
        who = next(row for row in rows if row.bids is None)
        says = f"{who.member} has no chances of bids, others have"
        raise Refused(Problem("MODEL_ROW", (), says, "chances in every row, or in none", place=who.place))
    return Model(
        members=tuple(row.member for row in rows),
        probability=column("probability"),
        loading=np.sqrt(column("correlation")),
        block=np.array([place[row.block] for row in rows], dtype=np.int64),
        correlation=checked_correlation(correlation, shown),
        scale=np.array([_scale(row, file) for row in rows]),
        start=np.array([float(row.amounts.get("loss_start", 0)) for row in rows]),
        market=column("market"),
        wrong_way=column("wrong_way"),
        jump=column("jump"),
        unable=column("unable"),
        bids=np.array([[float(chance) for chance in one] for one in bids if one]) if some else None,
        degrees=inf if file.degrees is None else float(file.degrees),
        tail=file.tail,
        tail_degrees=0.0 if file.shared or file.tail_degrees is None else float(file.tail_degrees),
        tail_index=float(file.tail_index),
    )


def _scale(row: RiskRow, file: ModelFile) -> float:
    """The scale of the member's loss, in minor units; from its volatility where that is what is said."""
    if "loss_scale" in row.amounts:
        return float(row.amounts["loss_scale"])
    volatility = float(row.amounts["loss_volatility"])
    if file.tail == "student_t":
        assert file.tail_degrees is not None
        degrees = float(file.tail_degrees)
        return volatility * sqrt((degrees - 2) / degrees)
    if file.tail == "pareto":
        index = float(file.tail_index)
        return volatility * (1 - index) * sqrt(1 - 2 * index)
    return volatility
