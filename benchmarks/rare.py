"""Importance sampling over many seeds against one long plain run: its errors, and the gain for the work.

python benchmarks/rare.py [plain scenarios] [seeds]
"""

import sys
from concurrent.futures import ThreadPoolExecutor
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
NEAR = 2e-4
"""The event of each copula is the layer whose exhaustion is nearest to this probability."""
GOALS = {"Gaussian": 30, "t4": 5}


def long_run(one: Engine, count: int) -> Tally:
    """A plain run on two threads."""
    block = 10**6
    found = one.nothing()
    with ThreadPoolExecutor(2) as pool:
        for tally in pool.map(lambda first: one.run(99, first, block), range(0, count, block)):
            found = one.added(found, tally)
    return found


def target_of(one: Engine, plain: Tally) -> tuple[str, float]:
    """The layer after the defaulters' own that is exhausted about as often as asked, and how often."""
    count = int(plain.defaults.sum())
    chances = {
        layer.id: int(plain.measures[i, PASSED]) / count
        for i, layer in enumerate(one.layers)
        if layer.kind != "own"
    }
    name = min(chances, key=lambda name: abs(chances[name] / NEAR - 1) + (chances[name] < 2e-5) * 100)
    return name, chances[name]


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
        one = engine(ready.model, ready.waterfall)
        one.run(0, 0, 1)
        fitted(ready.model, one, "uncovered", 0)
        plain = long_run(one, count)
        name, chance = target_of(one, plain)
        error = sqrt(chance * (1 - chance) / count)
        far, gains, ratios = [], [], []
        for seed in range(seeds):
            began = process_time()
            rare = fitted(ready.model, one, name, seed)
            pilots = process_time() - began
            rare.run(seed, 0, 1)
            began = process_time()
            one.run(seed, 0, 10 * WEIGHTED)
            half = process_time()
            found = rare.run(seed, 0, WEIGHTED)
            slower = 10 * (process_time() - half + pilots) / (half - began)
            estimate, its, ratio = probability(rare_found(found, one.layers), name)
            far.append((estimate - chance) / sqrt(its * its + error * error))
            gains.append(ratio / slower)
            ratios.append(ratio)
        worst = max(map(abs, far))
        spread = sqrt(sum(one * one for one in far) / len(far))
        says = "met" if median(gains) >= GOALS[copula] else "NOT met"
        print(
            f"{copula}, {MEMBERS} members, loss beyond {name}: plain {chance:.3e} of {count:.0e}; "
            f"{seeds} seeds of {WEIGHTED:,}: worst {worst:.1f} standard errors (at most 4), "
            f"root mean square {spread:.2f}; variance {median(ratios):.0f} times smaller, "
            f"{median(gains):.1f} times for the work (goal {GOALS[copula]}: {says})"
        )
        if worst > 4:
            raise SystemExit("an estimate is further than four standard errors from the plain run")


if __name__ == "__main__":
    main()
