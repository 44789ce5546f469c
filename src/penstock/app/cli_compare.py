"""``penstock compare``: two waterfalls on the same simulated scenarios."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.app.console import existing
from penstock.app.options import (
    AsJson,
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
from penstock.core.problems import Problem, Refused

if TYPE_CHECKING:
    from penstock.app.simulating import Ready

Other = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="Another with the same members and model; or --under."),
]
Under = Annotated[
    str, typer.Option("--under", metavar="RULEBOOK", help="The same under this rulebook: id, id@date, file.")
]
Picture = Annotated[
    Path | None, typer.Option("--picture", metavar="FILE", help="Draw what each payer pays: .svg or .png.")
]


def compare(
    first: Annotated[Path, typer.Argument(metavar="FILE", help="A simulation file.")],
    second: Other = None,
    under: Under = "",
    scenarios: Scenarios = "1e6",
    seed: Seed = "1",
    level: Level = 0.95,
    workers: Workers = 0,
    processes: Processes = False,
    cluster: Cluster = None,
    folder: Out = None,
    resume: Resume = False,
    json: AsJson = False,
    picture: Picture = None,
    rulebooks: Rulebooks = None,
) -> None:
    """Compare two waterfalls: the same defaults and losses, so the difference is of the rules alone.

    The difference has an interval of its own, far narrower than those of the two. Ctrl-C keeps what
    is done; with --out a comparison can be resumed.

    Example: [bold]penstock compare model.yaml --under illustrative/eu_second_skin[/bold]
    """
    want = asked(scenarios, seed, level, workers, processes, cluster, folder, resume, picture)
    if (second is None) == (not under):
        says = "compare with what?" if second is None else "another file and --under are two comparisons"
        raise Refused(Problem("USAGE", (), says, "another simulation file, or --under RULEBOOK"))
    from penstock.app import keeping, show_comparison
    from penstock.sim.comparison import pair

    sides = _sides(first, second or first, under, rulebooks)
    both = pair(*(one.engine for one in sides))
    run = keeping.Run(both, want.seed, want.scenarios, keeping.block_of(want.scenarios), folder)
    manifest = keeping.opened(want, run, keeping.manifest_of("comparison", sides, run))
    keeping.executed(want, manifest, [run])
    manifest["interrupted"] = not run.whole
    show_comparison.found(sides, run, level, about=manifest, json=json, picture=picture)
    keeping.stopped(want, [run])


def _sides(first: Path, second: Path, under: str, rulebooks: list[Path] | None) -> tuple["Ready", "Ready"]:
    """The two simulations; Refused COMPARE_MODELS where their currencies differ."""
    from penstock.app.simulating import ready
    from penstock.store.model_files import load_model

    folders = existing(rulebooks)
    one, other = ready(load_model(first, folders)), ready(load_model(second, folders, under))
    units = [each.file.scenario.currency for each in (one, other)]
    if units[0] != units[1]:
        says = f"{units[0]} and {units[1]} cannot be compared"
        raise Refused(Problem("COMPARE_MODELS", (), says, "simulations in one currency"))
    return one, other
