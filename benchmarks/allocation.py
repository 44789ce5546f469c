"""What the exact waterfall costs: against ``decimal.Decimal``, and as a whole ``penstock run``.

    python benchmarks/allocation.py

1. ``allocate`` over four layers (the clearing house, the members' fund, the clearing house again, the
   members' assessments under caps) and the same waterfall in Decimal, for 200, 2,000 and 100,000
   members. The loss uses up the fund and reaches the assessments; there no cap binds, or about half
   of them do. Both rounding words. Payments, odd units, capacities, uncovered losses and every balance
   left must be equal to the unit before anything is timed.
2. The division of the assessments alone: ``share`` and its counterpart, the same amounts.
3. ``penstock run FILE --json`` for 200 members as a process of its own, and where its time goes.

1 and 2 are CPU time (``process_time``) of one process without the cycle collector, the two sides turn
and turn about; median and minimum of several repeats, and the ratio Decimal / Penstock of both. 3 is
wall time (``perf_counter``), median and minimum of several fresh processes; the stages are timed inside
such a process in their first, cold call, imports by ``-X importtime``, whose own cost is in the figure.
What the whole process takes beyond all these is the last line.
"""

import gc
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import decimal_allocation

from penstock.core.money import Rounding, share
from penstock.core.waterfall import Balance, Label, Outcome, Part, Tranche, allocate

SIZES = (200, 2_000, 100_000)
WORDS: tuple[Rounding, ...] = ("largest_remainder", "floor_residual")
LABEL: Label = ("D", "house", "")
PROCESSES, MOST_PACKAGES = 9, 6


@dataclass(frozen=True, slots=True)
class Case:
    """One waterfall, in minor units and in Decimal, and what reaches its last layer."""

    members: int
    caps: str
    losses: dict[Label, int]
    tranches: tuple[Tranche, ...]
    balances: dict[Balance, int]
    reached: int
    loss: Decimal
    layers: tuple[decimal_allocation.Layer, ...]
    decimals: dict[Balance, Decimal]


def in_decimal(minor: int) -> Decimal:
    """Minor units as an amount with two decimals."""
    return Decimal(minor).scaleb(-2)


def case(members: int, caps: str) -> Case:
    """The waterfall for so many members; ``caps`` is ``none bind`` or ``half bind``."""
    chance = random.Random(members)
    names = tuple(f"M{i:06d}" for i in range(members))
    funds = tuple(chance.randrange(1_000_000_00, 1_000_000_000_00) for _ in names)
    fund_keys = tuple(("purse", name, "default_fund", "house") for name in names)
    cap_keys = tuple(("limit", "assessment", name) for name in names)
    limits = [2 * fund for fund in funds]
    reached = sum(funds) * 4 // 3 + 1
    if caps == "half bind":
        # A level of just above two contributions, and limits between none and four of them.
        limits = [fund * chance.randrange(1, 400) // 100 for fund in funds]
        level = sum(map(min, limits, [2 * fund for fund in funds]))
        reached = level + sum(funds) // 777
    own: Balance = ("purse", "ccp", "own_capital", "")
    balances: dict[Balance, int] = {own: 35_000_000_00}
    balances |= dict.fromkeys((("limit", "first", "ccp"), ("limit", "second", "ccp")), 20_000_000_00)
    balances |= zip(fund_keys, funds, strict=True)
    balances |= zip(cap_keys, limits, strict=True)
    parts = (
        Part("first", ("ccp",), (1,), ((own,), (("limit", "first", "ccp"),))),
        Part("fund", names, funds, (fund_keys,)),
        Part("second", ("ccp",), (1,), ((own,), (("limit", "second", "ccp"),))),
        Part("assessment", names, funds, (cap_keys,)),
    )
    loss = 35_000_000_00 + sum(funds) + reached
    return Case(
        members=members,
        caps=caps,
        losses={LABEL: loss},
        tranches=tuple(Tranche((LABEL,), (part,)) for part in parts),
        balances=balances,
        reached=reached,
        loss=in_decimal(loss),
        layers=tuple(
            decimal_allocation.Layer(
                part.layer,
                part.payers,
                tuple(map(in_decimal, part.weights or ())),
                part.draws,
            )
            for part in parts
        ),
        decimals={key: in_decimal(amount) for key, amount in balances.items()},
    )


def require_equal(ours: Outcome, theirs: decimal_allocation.Poured) -> None:
    """Raise unless the two results are the same to the unit."""
    if (
        [{payer: in_decimal(paid) for payer, paid in pour.paid.items()} for pour in ours.pours] != theirs.paid
        or [in_decimal(pour.odd) for pour in ours.pours] != theirs.odd
        or {layer: in_decimal(most or 0) for layer, most in ours.capacities.items()} != theirs.capacities
        or in_decimal(ours.uncovered[LABEL]) != theirs.uncovered
        or {key: in_decimal(amount) for key, amount in ours.left.items()} != theirs.left
    ):
        raise SystemExit("Penstock and Decimal do not agree: there is nothing to time")


def race(
    members: int, ours: Callable[[], object], theirs: Callable[[], object]
) -> tuple[list[float], list[float]]:
    """CPU seconds of a call, turn and turn about; small cases are called several times a turn."""
    calls, repeats = max(1, 20_000 // members), 9 if members > 20_000 else 21
    times: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    gc.disable()
    for _ in range(repeats):
        for side, call in zip(times, (ours, theirs), strict=True):
            start = process_time()
            for _ in range(calls):
                call()
            side.append((process_time() - start) / calls)
    gc.enable()
    return times


def compared(
    cases: Sequence[Case], race_of: Callable[[Case, Rounding], tuple[list[float], list[float]]]
) -> None:
    """Run the races and print their table."""
    print(f"  {'':48}{'Penstock, ms':>20}{'Decimal, ms':>20}{'ratio':>14}")
    heads = ("median", "min") * 3
    print(f"  {'members':>7}  {'caps':10} {'odd units':17} {'in full':>8}", end="  ")
    print("".join(f"{head:>{10 if i < 4 else 7}}" for i, head in enumerate(heads)))
    for one in cases:
        for rounding in WORDS:
            ours, theirs = race_of(one, rounding)
            middle, least = (median(ours), median(theirs)), (min(ours), min(theirs))
            print(f"  {one.members:>7,}  {one.caps:10} {rounding:17} {in_full(one):>8.0%}", end="  ")
            print(
                "".join(f"{1000 * f(side):>10.3f}" for side in (ours, theirs) for f in (median, min)), end=""
            )
            print(f"{middle[1] / middle[0]:>7.2f}{least[1] / least[0]:>7.2f}", flush=True)


def in_full(one: Case) -> float:
    """The part of the members who pay their assessment's cap in full."""
    outcome = allocate(one.losses, one.tranches, one.balances)
    return sum(outcome.left[key] == 0 for key in one.tranches[3].parts[0].draws[0]) / one.members


def waterfall_race(one: Case, rounding: Rounding) -> tuple[list[float], list[float]]:
    """The whole waterfall; equal first."""

    def ours() -> Outcome:
        return allocate(one.losses, one.tranches, one.balances, rounding, "ccp")

    def theirs() -> decimal_allocation.Poured:
        return decimal_allocation.pour(one.loss, one.layers, one.decimals, rounding)

    require_equal(ours(), theirs())
    return race(one.members, ours, theirs)


def sharing_race(one: Case, rounding: Rounding) -> tuple[list[float], list[float]]:
    """The division of what reaches the assessments; equal first."""
    part, layer, reached = one.tranches[3].parts[0], one.layers[3], in_decimal(one.reached)
    weights = part.weights or ()
    caps = [one.balances[key] for key in part.draws[0]]
    decimal_caps = [one.decimals[key] for key in part.draws[0]]
    with localcontext(decimal_allocation.EXACT):
        shares, odd = share(one.reached, weights, caps, rounding)
        expected = ([in_decimal(paid) for paid in shares], in_decimal(odd))
        if expected != decimal_allocation.share(reached, layer.weights, decimal_caps, rounding):
            raise SystemExit("Penstock and Decimal do not agree: there is nothing to time")
        return race(
            one.members,
            lambda: share(one.reached, weights, caps, rounding),
            lambda: decimal_allocation.share(reached, layer.weights, decimal_caps, rounding),
        )


# --- penstock run as a whole ------------------------------------------------------------------------


def scenario_text(members: int) -> str:
    """A scenario under a shipped rulebook; its loss takes half of the assessments."""
    chance = random.Random(members)
    funds = {f"M{i:03d}": chance.randrange(5_000_000_00, 150_000_000_00) for i in range(members)}
    loss = 800_000_000_00 + 1_000_000_000_00 + sum(funds.values()) * 3 // 2
    lines = [
        f"scenario: {members} members, for timing",
        "currency: USD",
        "rulebook: illustrative/major_ccp",
        "resources:",
        "  members:",
        '    D: {initial_margin: "300000000.00", default_fund: "500000000.00"}',
        *(f'    {name}: {{default_fund: "{in_decimal(fund)}"}}' for name, fund in funds.items()),
        f'defaults: [{{member: D, at: "2025-03-03T10:00:00Z", loss: "{in_decimal(loss)}"}}]',
    ]
    return "\n".join(lines) + "\n"


def stages(file: Path) -> dict[str, float]:
    """Seconds of each stage of a run, each called for the first time in this process."""
    from penstock.core.replay import Result, pour, replay
    from penstock.core.tranches import bind
    from penstock.report.wire import result_json
    from penstock.store.documents import parse
    from penstock.store.scenarios import load_scenario

    spent = dict.fromkeys(("read", "YAML", "replay", "binding", "pouring", "writing"), 0.0)

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            start = perf_counter()
            try:
                return function(*args, **named)
            finally:
                spent[name] += perf_counter() - start

        return call

    def write(result: Result) -> str:
        return json.dumps(result_json(result), indent=2, ensure_ascii=False)

    with (
        patch("penstock.store.scenarios.parse", timed("YAML", parse)),
        patch("penstock.store.rulebooks.parse", timed("YAML", parse)),
        patch("penstock.core.steps.bind", timed("binding", bind)),
        patch("penstock.core.replay.pour", timed("pouring", pour)),
    ):
        scenario = timed("read", load_scenario)(file)
        result = timed("replay", replay)(scenario)
        timed("writing", write)(result)
    return {
        "reading YAML": spent["YAML"],
        "values, checks": spent["read"] - spent["YAML"],
        "binding": spent["binding"],
        "pouring": spent["pouring"],
        "rest of the replay": spent["replay"] - spent["binding"] - spent["pouring"],
        "writing JSON": spent["writing"],
    }


def process(*arguments: str) -> tuple[float, str, str]:
    """Wall seconds of one Python process, its output and its error output; it must succeed."""
    start = perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    seconds = perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return seconds, done.stdout, done.stderr


def imported(error_output: str) -> dict[str, float]:
    """Seconds by module, from what ``-X importtime`` wrote."""
    lines = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \| +(\S+)$", error_output, re.MULTILINE)
    return {name: int(microseconds) / 1e6 for microseconds, name in lines}


def by_package(modules: dict[str, float]) -> dict[str, float]:
    """Seconds by top package; the standard library together."""
    packages: dict[str, float] = {}
    for name, seconds in modules.items():
        top = name.partition(".")[0]
        top = "standard library" if top in sys.stdlib_module_names else top
        packages[top] = packages.get(top, 0.0) + seconds
    return packages


def over_all(found: Sequence[dict[str, float]], figure: Callable[[list[float]], float]) -> dict[str, float]:
    """Median or minimum of each key over several measurements."""
    keys = dict.fromkeys(key for one in found for key in one)
    return {key: figure([one.get(key, 0.0) for one in found]) for key in keys}


def whole_run(members: int) -> None:
    """Time ``penstock run FILE --json`` and its parts, and print them."""
    whole, parts, packages = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.yaml"
        file.write_text(scenario_text(members), encoding="utf-8")
        command = ("-m", "penstock", "run", str(file), "--json")
        for _ in range(PROCESSES):
            seconds, output, _ = process(*command)
            whole.append({"": seconds})
            json.loads(output)
            start = {"interpreter start": process("-c", "pass")[0]}
            always = imported(process("-X", "importtime", "-c", "pass")[2])
            modules = imported(process("-X", "importtime", *command)[2])
            packages.append(by_package({name: took for name, took in modules.items() if name not in always}))
            imports = {"imports": sum(packages[-1].values())}
            parts.append(start | imports | json.loads(process(str(Path(__file__)), "--stages", str(file))[1]))
    middle = over_all(packages, median)
    slowest = sorted(middle, key=lambda package: -middle[package])
    columns: list[dict[str, float]] = []
    for figure in (median, min):
        rows = {"penstock run, whole process": over_all(whole, figure)[""]}
        for name, seconds in over_all(parts, figure).items():
            rows[f"  {name}"] = seconds
            if name == "imports":
                took = over_all(packages, figure)
                rows |= {f"    {package}": took[package] for package in slowest[:MOST_PACKAGES]}
                rows["    others"] = sum(took[package] for package in slowest[MOST_PACKAGES:])
        inside = sum(seconds for name, seconds in rows.items() if re.match(r" {2}\w", name))
        rows["  command line, exit, the rest"] = rows["penstock run, whole process"] - inside
        columns.append(rows)
    print(f"  {'':34}{'median':>10}{'min':>10}, ms")
    for name, seconds in columns[0].items():
        print(f"  {name:34}{1000 * seconds:>10.1f}{1000 * columns[1][name]:>10.1f}")


def main() -> None:
    """Everything, in the order of the docstring."""
    if sys.argv[1:2] == ["--stages"]:
        print(json.dumps(stages(Path(sys.argv[2]))))
        return
    cases = [case(members, caps) for members in SIZES for caps in ("none bind", "half bind")]
    print("1. The waterfall of four layers, CPU time of a call")
    compared(cases, waterfall_race)
    print("\n2. The division of the last layer alone, CPU time of a call")
    compared(cases, sharing_race)
    print("\n3. penstock run FILE --json, 200 members, wall time")
    whole_run(200)


if __name__ == "__main__":
    main()
