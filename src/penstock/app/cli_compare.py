"""``penstock compare``: two waterfalls on the same simulated scenarios."""

import json as codec
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penstock.app.cli_simulate import (
    Level,
    Scenarios,
    Seed,
    Workers,
    check_level,
    counting,
    scenarios_of,
    seed_of,
)
from penstock.app.console import INTERRUPTED, err, existing, out, table
from penstock.app.show_simulation import SHOWN
from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused

if TYPE_CHECKING:
    from penstock.sim.comparison import Comparison


def compare(
    first: Annotated[Path, typer.Argument(metavar="FILE", help="A simulation file.")],
    second: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Another with the same members and model; or --under."),
    ] = None,
    under: Annotated[
        str,
        typer.Option("--under", metavar="RULEBOOK", help="The same under this rulebook: id, id@date, file."),
    ] = "",
    scenarios: Scenarios = "1e6",
    seed: Seed = "1",
    level: Level = 0.95,
    workers: Workers = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    rulebooks: Annotated[
        list[Path] | None, typer.Option("--rulebooks", metavar="DIR", help="Look rulebook ids up here first.")
    ] = None,
) -> None:
    """Compare two waterfalls: the same defaults and losses, so the difference is of the rules alone.

    The difference has an interval of its own, far narrower than those of the two.

    Example: [bold]penstock compare model.yaml --under illustrative/eu_second_skin[/bold]
    """
    count, number = scenarios_of(scenarios), seed_of(seed)
    check_level(level)
    if (second is None) == (not under):
        says = "compare with what?" if second is None else "another file and --under are two comparisons"
        raise Refused(Problem("USAGE", (), says, "another simulation file, or --under RULEBOOK"))
    from penstock.app import jobs, simulating
    from penstock.report import compared
    from penstock.sim.comparison import comparison, pair
    from penstock.store.model_files import load_model

    folders = existing(rulebooks)
    one = simulating.ready(load_model(first, folders))
    other = simulating.ready(load_model(second or first, folders, under))
    units = [each.file.scenario.currency for each in (one, other)]
    if units[0] != units[1]:
        says = f"{units[0]} and {units[1]} cannot be compared"
        raise Refused(Problem("COMPARE_MODELS", (), says, "simulations in one currency"))
    both = pair(one.engine, other.engine)
    run = simulating.Run(both, number, count, simulating.block_of(count))
    with jobs.pool_of(both, workers) as pool, counting(count) as told:
        whole = run.go(pool, told)
    if not run.count:
        err.print("Interrupted before anything was done.")
        raise typer.Exit(INTERRUPTED)
    found = comparison(both, run.tally, level)
    titles = [_title(each) for each in (one, other)]
    if json:
        about: dict[str, Any] = {"compared": titles, "seed": number, "currency": str(units[0])}
        text = codec.dumps(compared.compared_json(found, units[0], about), indent=2, ensure_ascii=False)
        sys.stdout.write(text + "\n")
    else:
        _tell(found, titles, units[0])
    if not whole:
        err.print(f"Interrupted after {run.count:,} of {count:,} scenarios.")
        raise typer.Exit(INTERRUPTED)


def _tell(found: "Comparison", titles: list[str], unit: Currency) -> None:
    """Print payers and members under both, and the differences."""
    from penstock.report import compared

    out.print(f"A: {titles[0]}\nB: {titles[1]}", markup=False)
    out.print(f"{found.scenarios:,} scenarios, the same for both, {unit}\n", style="quiet")
    if not any(any(each.means) for each in found.payers):
        out.print("Nobody pays anything under either: no loss in these scenarios.")
        return
    heads = ("", "A pays", "B pays", "A mean", "B mean", "A - B", f"A - B, {100 * found.level:g}%")
    right = (1, 2, 3, 4, 5, 6)
    table(heads, compared.rows(found.payers, unit), right=right)
    members = sorted(found.members, key=lambda each: -abs(each.difference.value))[:SHOWN]
    out.print()
    table(("member", *heads[1:]), compared.rows(tuple(members), unit), right=right)


def _title(one: Any) -> str:
    scenario = one.file.scenario
    reference = scenario.reference or scenario.rulebook.rulebook
    if reference.endswith((".yaml", ".yml")):
        reference = Path(reference).name
    return f"{one.file.title}, {reference}"
