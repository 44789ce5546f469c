"""``penstock simulate``: how likely each layer is hit and exhausted, and what it costs whom."""

import json as codec
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.app.console import INTERRUPTED, err, existing, out, say, table
from penstock.core.problems import Problem, Refused

if TYPE_CHECKING:
    from penstock.app.simulating import Ready, Run
    from penstock.sim.summary import Summary

MOST = 10**13
SHOWN = 15

Seed = Annotated[str, typer.Option("--seed", metavar="NUMBER", help="The same seed, the same bits.")]
Scenarios = Annotated[str, typer.Option("--scenarios", metavar="N", help="How many: 1000000, or 1e6.")]
Level = Annotated[float, typer.Option("--level", metavar="PART", help="Of all intervals.")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="At a time; 0: a processor each.")]
Under = Annotated[
    str, typer.Option("--under", metavar="RULEBOOK", help="This rulebook instead: id, id@date, file.")
]


def simulate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A simulation file.")],
    scenarios: Scenarios = "1e6",
    seed: Seed = "1",
    level: Level = 0.95,
    workers: Workers = 0,
    processes: Annotated[bool, typer.Option("--processes", help="Processes instead of threads.")] = False,
    cluster: Annotated[
        str, typer.Option("--cluster", metavar="ADDRESS", help="Run on this Dask cluster.")
    ] = "",
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Keep results here: tables, pictures, what to resume."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    open_: Annotated[
        int, typer.Option("--open", metavar="N", min=0, max=100, help="Replay the N worst to the cent.")
    ] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the exceedance curves: .svg or .png.")
    ] = None,
    under: Under = "",
    rulebooks: Annotated[
        list[Path] | None, typer.Option("--rulebooks", metavar="DIR", help="Look rulebook ids up here first.")
    ] = None,
) -> None:
    """Simulate defaults down the waterfall: what each layer bears, how likely, with error bars.

    The same rulebook as in a live case: layers are equal to the exact engine's to the cent. Ctrl-C keeps
    what is done; with --out a run can be resumed.

    Example: [bold]penstock simulate model.yaml --scenarios 1e7 --out results[/bold]
    """
    count, number = scenarios_of(scenarios), seed_of(seed)
    check_level(level)
    if resume and not folder:
        raise Refused(Problem("USAGE", ("--resume",), "there is no folder to resume", "--out FOLDER"))
    from penstock.app import simulating
    from penstock.report.figures import form_of
    from penstock.store.model_files import load_model

    if picture:
        form_of(picture)
    one = simulating.ready(load_model(file, existing(rulebooks), under))
    run = simulating.Run(one.engine, number, count, simulating.block_of(count), folder)
    if folder:
        (simulating.resumed if resume else simulating.begun)(one, run)
    whole = _run(run, workers, processes, cluster)
    if not run.count:
        err.print("Interrupted before anything was done.")
        raise typer.Exit(INTERRUPTED)
    _found(one, run, level, json=json, picture=picture, worst=open_)
    if not whole:
        err.print(f"Interrupted after {run.count:,} of {count:,} scenarios; they are kept", end="")
        err.print(f": --out {folder} --resume goes on." if folder else " above.")
        raise typer.Exit(INTERRUPTED)


def _run(run: "Run", workers: int, processes: bool, cluster: str) -> bool:
    from penstock.app import jobs

    with jobs.pool_of(run.engine, workers, processes, cluster) as pool, counting(run.scenarios) as told:
        return run.go(pool, told)


@contextmanager
def counting(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on the error output, with the rate and the time left, where somebody watches."""
    if not err.is_terminal:
        yield lambda count: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("Simulating"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=total, rate="")

        def told(count: int) -> None:
            bar.update(task, completed=count)
            speed = bar.tasks[0].speed
            if speed:
                bar.update(task, rate=f"{speed / 1e6:.1f}m scenarios/s")

        yield told


def _found(one: "Ready", run: "Run", level: float, *, json: bool, picture: Path | None, worst: int) -> None:
    """Print what was found, write the folder and the picture, replay the worst scenarios."""
    from penstock.app import simulating
    from penstock.report import simulated, simulated_pictures
    from penstock.sim.summary import summary

    unit = one.file.scenario.currency
    found = summary(one.engine, run.tally, level)
    about = simulating.manifest_of(one, run)
    if run.folder:
        texts = simulated.tables(found, unit)
        texts["summary.json"] = codec.dumps(simulated.simulated_json(found, unit, about), indent=2) + "\n"
        simulating.kept(run.folder, texts)
        for name, draw in (
            ("exceedance.svg", simulated_pictures.draw_exceedance),
            ("liability.svg", simulated_pictures.draw_liability),
        ):
            try:
                draw(found, unit, run.folder / name)
            except Refused as refused:
                if refused.problems[0].code != "NOTHING_TO_DRAW":
                    raise
    if json:
        text = codec.dumps(simulated.simulated_json(found, unit, about), indent=2, ensure_ascii=False)
        sys.stdout.write(text + "\n")
    else:
        _tell(one, found)
    if picture:
        simulated_pictures.draw_exceedance(found, unit, picture)
        err.print(f"{picture} written", style="quiet")
    if worst:
        _open(one, run, worst)


def _tell(one: "Ready", found: "Summary") -> None:
    """Print layers and members."""
    from penstock.report import simulated

    unit = one.file.scenario.currency
    out.print(f"[title]{one.file.title}[/title]" if "[" not in one.file.title else one.file.title)
    some = sum(found.defaults[1:]) / found.scenarios
    text = f"{found.scenarios:,} scenarios, {len(found.members)} members, {unit}; "
    out.print(text + f"somebody defaults in {simulated.likely(some)}\n", style="quiet")
    part = f"{found.level:.0%}"
    level = simulated.tail_level(found.beyond)
    tail = f"ES {100 * level:g} %" if level else "ES"
    heads = ("layer", "hit", part, "exhausted", part, "mean", tail)
    table(heads, simulated.layer_rows(found, unit), right=(1, 3, 5, 6), whole=(0, 2, 4))
    out.print()
    member_heads = ("member", "defaults", "pays", "fund", "calls", "haircut", "mean", tail)
    rows = simulated.member_rows(found, unit, SHOWN)
    table(member_heads, rows, right=(1, 2, 3, 4, 5, 6, 7))
    if len(found.members) > SHOWN:
        out.print(f"and {len(found.members) - SHOWN} more; --json and --out have all", style="quiet")


def _open(one: "Ready", run: "Run", number: int) -> None:
    """Replay the worst scenarios in the exact engine, and say whether every layer is the same."""
    from penstock.core.money import written
    from penstock.sim import reference
    from penstock.sim.exact import replayed

    unit = one.file.scenario.currency
    from penstock.app.simulating import worst_of

    for scenario in worst_of(run, number):
        drawn = reference.scenario(one.engine.model, run.seed, scenario)
        poured = reference.poured(one.waterfall, one.engine.model, run.seed, drawn)
        _, event = replayed(one.waterfall, one.engine.model, run.seed, scenario)
        same = [row.used for row in event.layers] == poured.used and event.uncovered == poured.uncovered
        out.print(f"\n[title]Scenario {scenario}[/title], replayed in the exact engine")
        say(f"default of {', '.join(event.members)}", "quiet")
        rows = [(row.layer.id, written(row.used, unit, grouped=True)) for row in event.layers]
        rows.append(("uncovered", written(event.uncovered, unit, grouped=True)))
        table(("layer", "used"), rows, right=(1,))
        if not same:
            says = f"scenario {scenario} is not the same in the exact engine"
            raise AssertionError(says)
        out.print("the same to the cent as simulated", style="quiet")


# --- what is asked for --------------------------------------------------------------------------------


def scenarios_of(text: str) -> int:
    """How many scenarios; Refused USAGE for anything else than a whole number up to 10^13."""
    import re

    match = re.fullmatch(r"([1-9][0-9]{0,18})(?:[eE]\+?([0-9]{1,2}))?", text.replace("_", ""))
    count = int(match[1]) * 10 ** int(match[2] or 0) if match else 0
    if not match:
        says = f"{text!r} is no number of scenarios"
        raise Refused(Problem("USAGE", ("--scenarios",), says, "1000000, or 1e6"))
    if count > MOST:
        says = f"{text} scenarios would take years"
        raise Refused(Problem("USAGE", ("--scenarios",), says, "at most 1e13"))
    return count


def seed_of(text: str) -> int:
    """The seed; Refused USAGE for anything else than a whole number of 64 bits."""
    if not (text.isascii() and text.isdigit()) or int(text[:40]) >= 2**64:
        says = f"{text[:40]!r} is no seed"
        raise Refused(Problem("USAGE", ("--seed",), says, "a whole number from 0 to 2^64 - 1"))
    return int(text)


def check_level(level: float) -> None:
    """Refused USAGE where the level of intervals is none."""
    if not 0.5 <= level < 1:
        raise Refused(Problem("USAGE", ("--level",), f"{level:g} is no level", "0.95, or from 0.5 to 0.9999"))
