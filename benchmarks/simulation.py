"""What the simulation and the stress kernels cost, each beside something else in the same run.

    python benchmarks/simulation.py

1. The simulation of benchmarks/service.py for 50 and 150 members, Gaussian and Student-t: the compiled
   kernel against a good analyst's NumPy (benchmarks/analyst.py) and the same algorithm in C
   (benchmarks/simulation.c, by gcc). CPU time of one core, turn and turn about, medians. The analyst once in
   chunks that fit into the cache, with means alone, and once in one piece with the quantiles and expected
   shortfalls that the kernel's tally gives as well: that one holds gigabytes, and how long a machine takes
   to hand out so much memory differs from turn to turn, so it is told without the system's time as well.
2. Two threads against one, wall time, the best of several turns; and what memory grows by from 10^6 to 10^8
   scenarios, each in a process of its own.
3. Cover 2 of 10,000 x 150 against reading the matrix once; all 11,175 pairs in each of 10,000 scenarios; the
   sizing of 8 funds, 150 members, 1,500 scenarios.

Before anything is timed the results must agree: C with the kernel bit for bit, the analyst within five
standard errors, the pairs of a part of the scenarios with every pair one by one. Times are reported beside
their goals and never asserted.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial, reduce
from itertools import combinations
from math import sqrt
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from shutil import which
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import analyst, in_c
from benchmarks.service import COPULAS, Service, service

from penstock.sim.engine import Engine, engine
from penstock.sim.pairs import all_pairs
from penstock.sim.sizing import contributions, self_consistent
from penstock.sim.stress import Accounts, Stress, by_group, cover, emir_default_fund, largest, over_margin
from penstock.sim.tally import (
    MEMBER_PER_OCTAVE,
    POSITIVE,
    SQUARES,
    SUM,
    Bins,
    Ints,
    Tally,
    merged,
    total,
    total_square,
)

SEED, REPEATS = 7, 7
SCENARIOS, DENSE = 2**21, 100_000
"""Of a timed turn: of the kernel and C, as many as a task has, and of the analyst."""
BLOCK = 1_000_000
GOALS = {50: (40.0, 8e6), 150: (80.0, 3.5e6)}
"""By members: times as fast as the analyst, scenarios a second."""


def line(what: str, measured: str, goal: str = "", met: bool | None = None) -> None:
    """A row of the table."""
    print(
        f"  {what:62}{measured:>16}{goal:>12}  {'' if met is None else 'met' if met else 'NOT met'}",
        flush=True,
    )


def user_time() -> float:
    """Seconds of this process outside the system."""
    return getrusage(RUSAGE_SELF).ru_utime


def race(
    calls: Sequence[Callable[[], object]], clock: Callable[[], float], repeats: int = REPEATS
) -> list[list[float]]:
    """Seconds of each call, turn and turn about."""
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(repeats):
        for side, call in zip(times, calls, strict=True):
            start = clock()
            call()
            side.append(clock() - start)
    return times


# --- the simulation -------------------------------------------------------------------------------------


def measures_of(tally: Tally, layers: int) -> tuple[NDArray[np.float64], ...]:
    """Of the layers and what is uncovered: probability, mean and deviation, by measure."""
    count = int(tally.defaults.sum())
    rows = tally.measures[: layers + 1]
    return rows[:, POSITIVE] / count, *moments(rows, count)


def moments(rows: Ints, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation by row of measures."""
    means = np.array([total(row[SUM : SUM + 2]) / count for row in rows])
    squares = np.array([total_square(row[SQUARES : SQUARES + 6]) / count for row in rows])
    return means, np.sqrt(squares - means**2)


def deviations(tally: Tally, count: int) -> NDArray[np.float64]:
    """Of what each member pays in all, by the middles of its bins."""
    bins = Bins(MEMBER_PER_OCTAVE)
    middles = np.array([(bins.low(i) + bins.low(i + 1)) / 2 for i in range(tally.member_histogram.shape[2])])
    often = tally.member_histogram.sum(axis=1) / count
    variance: NDArray[np.float64] = often @ middles**2 - (often @ middles) ** 2
    return np.sqrt(np.maximum(variance, 0.0))


def require_agreement(one: Service, made: Engine) -> None:
    """Raise unless the analyst's figures are the kernel's within five standard errors."""
    ours, many, few = made.run(SEED, 0, 20 * DENSE), 20 * DENSE, 4 * DENSE
    theirs = analyst.simulate(one, few, analyst.CHUNK_CELLS // len(one.fund), SEED)
    error = 5 * sqrt(1 / many + 1 / few)
    probability, mean, deviation = measures_of(ours, len(made.layers))
    off = np.abs(theirs.probability - probability) > error * np.sqrt(probability) + 5 / few
    off |= np.abs(theirs.mean - mean) > error * deviation
    sums = np.array([[total(row[kind : kind + 2]) / many for kind in (0, 2, 4)] for row in ours.charges])
    paid, spread = sums.sum(axis=1), deviations(ours, many)
    wrong = np.abs(theirs.paid.sum(axis=0) - paid) > error * spread
    within = error * deviation[3:6]
    if off.any() or wrong.any() or (np.abs(theirs.paid.sum(axis=1) - sums.sum(axis=0)) > within).any():
        raise SystemExit("the kernel and the analyst do not agree: there is nothing to time")


def require_same(first: Tally, second: Tally) -> None:
    """Raise unless both tallies are equal to the bit."""
    if not all(np.array_equal(a, b) for a, b in zip(first, second, strict=True)):
        raise SystemExit("the kernel and C do not agree: there is nothing to time")


def simulations(members: int, copula: str, library: Any) -> None:
    """The kernel, C and the analyst."""
    one = service(members, copula)
    made = engine(one.model, one.waterfall)
    require_agreement(one, made)
    calls: list[Callable[[], object]] = [
        partial(made.run, SEED, 0, SCENARIOS),
        partial(analyst.simulate, one, DENSE, analyst.CHUNK_CELLS // members, SEED),
        partial(analyst.with_tails, one, DENSE, DENSE, SEED),
    ]
    if library:
        in_c.check_expressed(made)
        require_same(made.run(SEED, 0, 20 * DENSE), in_c.run(library, made, SEED, 0, 20 * DENSE))
        calls.append(partial(in_c.run, library, made, SEED, 0, SCENARIOS))
    times = [median(side) for side in race(calls, process_time)]
    kernel, chunks, piece = times[0] / SCENARIOS, times[1] / DENSE, times[2] / DENSE
    name, (goal, rate) = f"{members} members, {copula}", GOALS[members]
    line(f"{name}: scenarios a second", f"{1 / kernel:,.0f}", f"{rate:,.0f}", 1 / kernel >= rate)
    line("  nanoseconds a scenario", f"{1e9 * kernel:.0f}")
    what = f"  against the analyst, in one piece, with tails ({1e6 * piece:.1f} us)"
    line(what, f"{piece / kernel:.1f} x", f"{goal:.0f} x", piece >= goal * kernel)
    ours, theirs = (median(side) for side in race([calls[0], calls[2]], user_time))
    ratio = theirs / DENSE * SCENARIOS / ours
    line("  the same without the system's time, to hand out memory", f"{ratio:.1f} x")
    what = f"  against the analyst, in chunks, means alone ({1e6 * chunks:.1f} us)"
    line(what, f"{chunks / kernel:.1f} x", f"{goal:.0f} x", chunks >= goal * kernel)
    if library:
        ratio = times[0] / times[3]
        what = f"  against C, same bits ({1e9 * times[3] / SCENARIOS:.0f} ns)"
        line(what, f"{ratio:.2f} x", "1.25 x", ratio <= 1.25)


def in_pieces(made: Engine, width: int, scenarios: int) -> Tally:
    """All scenarios in blocks, by so many threads."""
    blocks = range(0, scenarios, BLOCK)
    with ThreadPoolExecutor(width) as pool:
        return reduce(merged, pool.map(lambda first: made.run(SEED, first, BLOCK), blocks))


def threads() -> None:
    """Two threads against one: wall time, the best of each, since others may be at work on the machine."""
    one = service(150, "t4")
    made = engine(one.model, one.waterfall)
    calls = [partial(in_pieces, made, width, 8 * BLOCK) for width in (1, 2)]
    require_same(calls[0](), calls[1]())
    first, second = (min(side) for side in race(calls, perf_counter, 25))
    line("2 threads against 1, wall time", f"{first / second:.2f} x", "1.80 x", first >= 1.8 * second)


def peak(scenarios: int) -> int:
    """The most memory this process has had, in kB, after so many scenarios."""
    one = service(50, "Gaussian")
    made = engine(one.model, one.waterfall)
    found = made.run(SEED, 0, BLOCK)
    for first in range(BLOCK, scenarios, BLOCK):
        found = merged(found, made.run(SEED, first, BLOCK))
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def memory() -> None:
    """What memory grows by with the number of scenarios."""
    few, many = (
        int(
            subprocess.run(
                [sys.executable, __file__, "--peak", str(count)], capture_output=True, check=True
            ).stdout
        )
        for count in (10**6, 10**8)
    )
    what = f"memory from 10^6 to 10^8 scenarios, beside {few / 1000:.0f} MB"
    line(what, f"{(many - few) / 1000:+.1f} MB", "5.0 MB", many - few < 5000)


# --- stress ---------------------------------------------------------------------------------------------


def stress_of(scenarios: int, members: int) -> Stress:
    """Losses over margin of a few members in each scenario, some of them very large: minor units."""
    rng = np.random.default_rng(scenarios)
    size = np.exp(rng.normal(0.0, 1.0, members)) * 1e9
    losses = size * np.maximum(rng.standard_t(3, (scenarios, members)) - 0.5, 0.0)
    names = tuple(f"G{i:03d}" for i in range(members))
    return Stress(tuple(map(str, range(scenarios))), names, losses.astype(np.int64))


def cover_2(stress: Stress) -> None:
    """Cover 2 against reading every amount once."""
    if cover(stress, 2).amount != int(largest(stress.losses, 2).max()):
        raise SystemExit("Cover 2 is not the largest sum of two")
    calls: list[Callable[[], object]] = [partial(cover, stress, 2), stress.losses.max]
    ours, reading = (median(side) for side in race(calls, process_time, 31))
    what = f"Cover 2, 10,000 x 150 ({1e3 * ours:.2f} ms) against one reading"
    line(what, f"{ours / reading:.1f} x", "5.0 x", ours <= 5 * reading)


def require_pairs(stress: Stress, held: Sequence[int], own: int, calls: Fraction) -> None:
    """Raise unless the pairs of the first scenarios are those found one by one."""
    part = Stress(stress.scenarios[:100], stress.groups, stress.losses[:100])
    found = all_pairs(part, held, own, calls)
    fund = np.array(held)
    short = np.maximum(part.losses - fund, 0)
    one, other = np.array(list(combinations(range(len(held)), 2))).T
    for multiple, counts, worst in (
        (0, found.fund, found.worst_fund),
        (int(calls), found.calls, found.worst_calls),
    ):
        beyond = (
            short[:, one] + short[:, other] - own - (1 + multiple) * (fund.sum() - fund[one] - fund[other])
        )
        if ((beyond > 0).sum(axis=1) != counts).any() or worst is None or worst.beyond != beyond.max():
            raise SystemExit("the pairs are not those found one by one")


def pairs(stress: Stress) -> None:
    """All pairs of all scenarios against the fund and against the calls."""
    held = [max(1, int(mean) // 4) for mean in stress.losses.mean(axis=0)]
    own, calls = sum(held) // 4, Fraction(2)
    require_pairs(stress, held, own, calls)
    found = all_pairs(stress, held, own, calls)
    (ours,) = (median(side) for side in race([partial(all_pairs, stress, held, own, calls)], process_time))
    every = found.pairs * len(stress.scenarios)
    what = (
        f"all pairs, {every / 1e6:.0f} million: {found.fund.sum() / every:.2%} exhaust the fund,"
        f" {found.calls.sum() / every:.2%} the calls"
    )
    line(what, f"{1e3 * ours:.0f} ms", "50 ms", ours <= 0.05)


def sized(losses: Ints, margins: Ints, floors: Sequence[int], accounts: Accounts) -> int:
    """One fund: Cover 2, its size with minimum contributions, who contributes how much."""
    names = tuple(map(str, range(len(losses))))
    stress = by_group(over_margin(losses, margins, accounts), accounts, names)
    keys = margins.tolist()

    def given(fund: int) -> list[int]:
        return contributions(max(fund, sum(floors)), keys, floors)

    size = self_consistent(stress, keys, 2, 0, given)
    assert size.fund >= cover(stress, 2).amount
    emir_default_fund(stress)
    return sum(given(size.fund))


def sizing() -> None:
    """Eight funds."""
    rng = np.random.default_rng(8)
    names = tuple(f"M{i:03d}" for i in range(150))
    margins = (np.exp(rng.normal(0.0, 1.0, 150)) * 5e9).astype(np.int64)
    accounts = Accounts(names, np.arange(150), np.ones(150, dtype=bool), names)
    floors = [100_000_000] * 150
    funds = [(rng.standard_t(3, (1500, 150)) * margins * 0.5).astype(np.int64) for _ in range(8)]
    (ours,) = (
        median(side)
        for side in race([lambda: [sized(one, margins, floors, accounts) for one in funds]], process_time, 5)
    )
    line("sizing of 8 funds, 150 members, 1,500 scenarios", f"{ours:.2f} s", "1.00 s", ours < 1.0)


def main() -> None:
    """Everything, in the order of the docstring."""
    if sys.argv[1:2] == ["--peak"]:
        print(peak(int(sys.argv[2])))
        return
    print(f"  {'':62}{'measured':>16}{'goal':>12}")
    with tempfile.TemporaryDirectory() as folder:
        library = in_c.built(Path(folder)) if which("gcc") else None
        for members in GOALS:
            for copula in COPULAS:
                simulations(members, copula, library)
        if not library:
            print("  There is no gcc: nothing was compared with C.")
    threads()
    memory()
    stress = stress_of(10_000, 150)
    cover_2(stress)
    pairs(stress)
    sizing()


if __name__ == "__main__":
    main()
