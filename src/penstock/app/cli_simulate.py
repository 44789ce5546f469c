"""``penstock simulate``: how likely each layer is hit and exhausted, and what it costs whom."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.app.console import err, existing, out
from penstock.app.options import (
    AsJson,
    Asked,
    Cluster,
    Level,
    Out,
    Processes,
    Resume,
    Rulebooks,
    Scenarios,
    Seed,
    Workers,
    asked,
)

if TYPE_CHECKING:
    from penstock.app.keeping import Run
    from penstock.app.simulating import Ready
    from penstock.app.weighing import Weighing

Worst = Annotated[
    int, typer.Option("--open", metavar="N", min=0, max=100, help="Replay the N worst to the cent.")
]
Rare = Annotated[
    str,
    typer.Option(
        "--rare",
        metavar="LAYER",
        help="Also by importance sampling: a loss beyond this layer, or: uncovered.",
    ),
]
Picture = Annotated[
    Path | None, typer.Option("--picture", metavar="FILE", help="Draw the exceedance curves: .svg or .png.")
]
Under = Annotated[
    str, typer.Option("--under", metavar="RULEBOOK", help="This rulebook instead: id, id@date, file.")
]


def simulate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A simulation file.")],
    scenarios: Scenarios = "1e6",
    seed: Seed = "1",
    level: Level = 0.95,
    workers: Workers = 0,
    processes: Processes = False,
    cluster: Cluster = None,
    folder: Out = None,
    resume: Resume = False,
    open_: Worst = 0,
    rare: Rare = "",
    json: AsJson = False,
    picture: Picture = None,
    under: Under = "",
    rulebooks: Rulebooks = None,
) -> None:
    """Simulate defaults down the waterfall: what each layer bears, how likely, with error bars.

    The same rulebook as in a live case: layers are equal to the exact engine's to the cent. Ctrl-C keeps
    what is done; with --out a run can be resumed.

    Example: [bold]penstock simulate model.yaml --scenarios 1e7 --out results[/bold]
    """
    want = asked(scenarios, seed, level, workers, processes, cluster, folder, resume, picture)
    from penstock.app import keeping, show_simulation, simulating
    from penstock.sim.rare import target_of
    from penstock.store.model_files import load_model

    one = simulating.ready(load_model(file, existing(rulebooks), under))
    if rare:
        target_of(one.engine, rare)
    run = keeping.Run(one.engine, want.seed, want.scenarios, keeping.block_of(want.scenarios), folder)
    manifest = keeping.opened(want, run, keeping.manifest_of("simulation", [one], run, rare))
    weighted = _weighted(want, one, run, manifest.get("rare", ""))
    runs = [run, weighted.run] if weighted else [run]
    keeping.executed(want, manifest, runs)
    manifest["interrupted"] = not run.whole
    found = weighted.found(one, level) if weighted else None
    show_simulation.found(one, run, level, found, about=manifest, json=json, picture=picture)
    if open_:
        show_simulation.worst(one, run, open_, err if json else out)
    keeping.stopped(want, runs)


def _weighted(want: Asked, one: "Ready", run: "Run", target: str) -> "Weighing | None":
    """The same events by importance sampling: fitted before anything is run, so that none is run in vain."""
    if not target:
        return None
    from penstock.app import keeping
    from penstock.app.weighing import weighing

    try:
        return weighing(one, run, target, want.resume)
    except KeyboardInterrupt:
        keeping.stopped(want, [run], "while the pilots of --rare were fitted, ")
        raise
