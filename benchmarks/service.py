"""A clearing service with the random model that the simulation is timed on.

Members have default probabilities of 0.2 to 3 %, log-uniform, and log-normal sizes; initial margin, default
fund and gains are in proportion to size. The credit factor is common to all and correlated with a market
factor that half of the members lose with when it rises, the others when it falls. Loss by loss: the
defaulter's margin, its contribution, own capital, the survivors' fund, calls of twice the contribution, a
haircut on the gains of those whom the market favours.
"""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.sim.base import Base
from penstock.sim.compile import compiled
from penstock.sim.layout import Waterfall
from penstock.sim.model import Model
from penstock.store.scenarios import scenario_from

Ints = NDArray[np.int64]

COPULAS = ("Gaussian", "t4")
LOADING, MARKET, CORRELATION = sqrt(0.25), 0.6, -0.3
MEAN_MARGIN = 5_000_000_000
"""Of a member, in minor units."""
FUND, OWN_CAPITAL, CALLS, GAINS = 0.5, 0.3, 2, 0.2
"""The fund by the two largest margins, own capital by the fund, calls by contribution, gains by margin."""
SPREAD = {"Gaussian": 1.0, "t4": 0.3}
"""The scale of a loss by margin: the survivors' fund is hit about once in a hundred scenarios."""


@dataclass(frozen=True, slots=True)
class Service:
    """The service ready to simulate, and its members' figures as plain vectors, in minor units.

    ``gains``: 2 x M, where the market factor is not positive and where it is.
    """

    waterfall: Waterfall
    model: Model
    margin: Ints
    fund: Ints
    own_capital: int
    gains: Ints


def service(members: int, copula: str) -> Service:
    """The service of so many members under one of COPULAS."""
    rng = np.random.default_rng(members)
    names = tuple(f"M{i:03d}" for i in range(members))
    probability = np.exp(rng.uniform(np.log(0.002), np.log(0.03), members))
    size = np.exp(rng.normal(0.0, 1.0, members))
    size *= members / size.sum()
    margin = np.rint(size * MEAN_MARGIN).astype(np.int64)
    fund = np.rint(margin * (FUND * np.sort(margin)[-2:].sum() / margin.sum())).astype(np.int64)
    own = round(OWN_CAPITAL * int(fund.sum()))
    loses_up = rng.permutation(members) % 2 == 0
    owed = np.rint(GAINS * margin).astype(np.int64)
    gains = np.array([np.where(loses_up, owed, 0), np.where(loses_up, 0, owed)])
    down, up = ({name: int(one) for name, one in zip(names, row, strict=True)} for row in gains)
    base = Base(scenario_from(_scenario(names, margin, fund, own)), (down, up))
    none = np.zeros(members)
    model = Model(
        members=names,
        probability=probability,
        loading=np.full(members, LOADING),
        block=np.zeros(members, dtype=np.int64),
        correlation=np.array([[1.0, CORRELATION], [CORRELATION, 1.0]]),
        scale=SPREAD[copula] * margin,
        start=none,
        market=np.where(loses_up, MARKET, -MARKET),
        wrong_way=none,
        jump=none,
        unable=none,
        degrees=4.0 if copula == "t4" else inf,
        tail="student_t" if copula == "t4" else "normal",
    )
    return Service(compiled(base, names), model, margin, fund, own, gains)


def _scenario(names: tuple[str, ...], margin: Ints, fund: Ints, own: int) -> dict[str, Any]:
    """The circumstances, as a scenario file says them."""
    first, fund_of_all = {"payer": "defaulter"}, {"payer": "members", "share": "default_fund"}
    limit, calls = {"amount": _units(own)}, {"multiple": str(CALLS), "of": "default_fund"}
    layers = [
        {"id": "margin", "source": "initial_margin", **first},
        {"id": "own_fund", "source": "default_fund", **first},
        {"id": "own_capital", "payer": "ccp", "source": "own_capital", "limit": limit},
        {"id": "fund", "source": "default_fund", **fund_of_all},
        {"id": "calls", "source": "assessment", "limit": calls, **fund_of_all},
        {"id": "haircut", "payer": "members", "source": "gains", "share": "gains"},
    ]
    members = {
        name: {"initial_margin": _units(im), "default_fund": _units(df), "gains": "0.00"}
        for name, im, df in zip(names, margin.tolist(), fund.tolist(), strict=True)
    }
    return {
        "scenario": "timing",
        "currency": "EUR",
        "rulebook": {"rulebook": "timing/service", "title": "Timing", "currency": "EUR", "layers": layers},
        "resources": {"members": members},
        "defaults": [{"member": names[0], "at": "2024-01-02T10:00:00+00:00", "loss": "0.00"}],
    }


def _units(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
