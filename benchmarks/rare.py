"""Importance sampling over many seeds against one long plain run: its errors, and the gain for the work.

python benchmarks/rare.py [plain scenarios] [seeds]
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import sqrt
from pathlib import Path
from statistics import median
from time import process_time

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.service import COPULAS, service

from penstock.sim.engine import Engine, engine
from penstock.sim.rare import RareFound, fitted, rare_found
from penstock.sim.tally import PASSED, Tally

PLAIN, SEEDS, WEIGHTED = 10**8, 20, 200_000
MEMBERS = 50
LAYER, NEAR = "calls", (1.5e-4, 2.5e-4)
"""The event: a loss beyond the members' calls, which is about as likely as the goals have it."""
SEVERITY = {"Gaussian": 1.2, "t4": 0.6}
"""By which the losses of the service are multiplied, so that it is."""
GOALS = {"Gaussian": 30, "t4": 5}


def long_run(one: Engine, count: int) -> Tally:
    """A plain run on two threads."""
    block = 10**6
    found = one.nothing()
    with ThreadPoolExecutor(2) as pool:
        for tally in pool.map(lambda first: one.run(99, first, block), range(0, count, block)):
            found = one.added(found, tally)
    return found


def probability(found: RareFound, name: str) -> tuple[float, float, float]:
    """The estimate, its standard error, and the ratio of variances."""
    event = next(event for event in found.events if event.name == f"{name} exhausted")
    return event.probability.value, event.error, event.ratio


def main() -> None:
    """Print a line a copula."""
    count = int(float(sys.argv[1])) if len(sys.argv) > 1 else PLAIN
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else SEEDS
    for copula in COPULAS:
        ready = service(MEMBERS, copula)
        model = replace(ready.model, scale=SEVERITY[copula] * ready.model.scale)
        one = engine(model, ready.waterfall)
        one.run(0, 0, 1)
        fitted(model, one, LAYER, 0).run(0, 0, 1)
        plain = long_run(one, count)
        chance = int(plain.measures[[layer.id for layer in one.layers].index(LAYER), PASSED]) / count
        error = sqrt(chance * (1 - chance) / count)
        far, gains, ratios = [], [], []
        for seed in range(seeds):
            began = process_time()
            rare = fitted(model, one, LAYER, seed)
            pilots = process_time() - began
            began = process_time()
            one.run(seed, 0, 10 * WEIGHTED)
            half = process_time()
            found = rare.run(seed, 0, WEIGHTED)
            slower = 10 * (process_time() - half + pilots) / (half - began)
            estimate, its, ratio = probability(rare_found(found, one.layers), LAYER)
            far.append((estimate - chance) / sqrt(its * its + error * error))
            gains.append(ratio / slower)
            ratios.append(ratio)
        worst = max(map(abs, far))
        spread = sqrt(sum(one * one for one in far) / len(far))
        says = "met" if median(gains) >= GOALS[copula] else "NOT met"
        print(
            f"{copula}, {MEMBERS} members, loss beyond {LAYER}: plain {chance:.3e} of {count:.0e}; "
            f"{seeds} seeds of {WEIGHTED:,}: worst {worst:.1f} standard errors (at most 4), "
            f"root mean square {spread:.2f}; variance {median(ratios):.0f} times smaller, for "
            f"the work {median(gains):.1f} times, {min(gains):.1f} at worst (goal {GOALS[copula]}: {says})"
        )
        if not NEAR[0] <= chance <= NEAR[1]:
            raise SystemExit(f"the event is not as likely as the goals have it: {NEAR}")
        if worst > 4:
            raise SystemExit("an estimate is further than four standard errors from the plain run")


if __name__ == "__main__":
    main()
