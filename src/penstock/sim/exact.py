"""A simulated scenario in the exact engine: the same defaults and losses, to the cent, payer by payer."""

from penstock.core.pouring import pour
from penstock.core.results import EventResult
from penstock.core.steps import Step
from penstock.sim import reference
from penstock.sim.layout import Waterfall
from penstock.sim.model import ModelArrays


def replayed(waterfall: Waterfall, m: ModelArrays, seed: int, number: int) -> tuple[Step, EventResult]:
    """Scenario ``number`` as an event of the exact engine.

    Its random circumstances, the bids and the survivors who pay no calls, are those of the simulation.
    """
    one = reference.scenario(m, seed, number)
    found = reference.poured(waterfall, m, seed, one)
    names = waterfall.members
    step = waterfall.base.step(
        {names[i]: loss for i, loss in one.losses.items()},
        one.up and waterfall.regimes == 2,
        [names[i] for i in found.unable],
        {names[i]: bid for i, bid in found.bids.items()},
    )
    return step, pour(step)[0]
