"""``penstock simulate``: how likely each layer is hit and exhausted, and what it costs whom."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.app.console import INTERRUPTED, err, existing, out
from penstock.core.problems import Problem, Refused

if TYPE_CHECKING:
    from penstock.app.simulating import RareRun, Ready, Run

MOST = 10**13
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
    rare: Annotated[
        str,
        typer.Option(
            "--rare",
            metavar="LAYER",
            help="Also by importance sampling: a loss beyond this layer, or: uncovered.",
        ),
    ] = "",
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
    from penstock.app import show_simulation, simulating
    from penstock.report.figures import form_of
    from penstock.sim.rare import target_of
    from penstock.store.model_files import load_model

    if picture:
        form_of(picture)
    one = simulating.ready(load_model(file, existing(rulebooks), under))
    run = simulating.Run(one.engine, number, count, simulating.block_of(count), folder)
    if rare:
        target_of(one.engine, rare)
    whole = _run(one, run, resume, workers, processes, cluster)
    if not run.count:
        err.print("Interrupted before anything was done.")
        raise typer.Exit(INTERRUPTED)
    weighted = _rare(one, run, rare, level, workers) if whole else None
    show_simulation.found(one, run, level, weighted, json=json, picture=picture)
    if open_:
        show_simulation.worst(one, run, open_, err if json else out)
    if not whole:
        err.print(f"Interrupted after {run.count:,} of {count:,} scenarios; they are kept", end="")
        err.print(f": --out {folder} --resume goes on." if folder else " above.")
        raise typer.Exit(INTERRUPTED)


def _run(one: "Ready", run: "Run", resume: bool, workers: int, processes: bool, cluster: str) -> bool:
    """Begin or take up the folder once there are workers, so that nothing is left where there are none."""
    from penstock.app import jobs, simulating

    with jobs.pool_of(run.engine, workers, processes, cluster) as pool, counting(run.scenarios) as told:
        if run.folder:
            (simulating.resumed if resume else simulating.begun)(one, run)
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


def _rare(one: "Ready", run: "Run", target: str, level: float, workers: int) -> "RareRun | None":
    """The same events by importance sampling, with a tenth of the scenarios."""
    if not target:
        return None
    from penstock.app import simulating

    with counting(run.scenarios // 10) as told:
        return simulating.rare_run(one, run, target, level, workers, told)


# --- what is asked for --------------------------------------------------------------------------------


def scenarios_of(text: str) -> int:
    """How many scenarios; Refused USAGE for anything else than a whole number up to 10^13."""
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
    if not re.fullmatch("[0-9]{1,20}", text) or int(text) >= 2**64:
        says = f"{text[:40]!r} is no seed"
        raise Refused(Problem("USAGE", ("--seed",), says, "a whole number from 0 to 2^64 - 1"))
    return int(text)


def check_level(level: float) -> None:
    """Refused USAGE where the level of intervals is none."""
    if not 0.5 <= level < 1:
        raise Refused(Problem("USAGE", ("--level",), f"{level:g} is no level", "0.95, or from 0.5 to 0.9999"))
