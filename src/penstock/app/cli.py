"""The command line: a skin over the library. Commands import what they need when they run."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from penstock import __version__
from penstock.app import (
    cli_compare,
    cli_liquidity,
    cli_precedents,
    cli_reverse,
    cli_rulebook,
    cli_simulate,
    cli_size,
)
from penstock.app.console import USAGE, existing, out, refuse, unexpected
from penstock.core.problems import Problem, Refused

app = typer.Typer(
    name="penstock",
    help="Default waterfalls of central counterparties: who pays, how much, under which rule.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cli_rulebook.app, name="rulebook")
app.add_typer(cli_precedents.app, name="precedents")
app.command()(cli_size.size)
app.command()(cli_reverse.reverse)
app.command()(cli_liquidity.liquidity)
app.command()(cli_simulate.simulate)
app.command()(cli_compare.compare)

Folders = Annotated[
    list[Path] | None,
    typer.Option(
        "--rulebooks",
        metavar="DIR",
        help="Look rulebook ids up here first (also PENSTOCK_RULEBOOKS), then among the shipped ones.",
    ),
]


_FIRST_STEPS = ("run", "scenario.yaml"), ("simulate", "model.yaml")


class Kind(StrEnum):
    """The two file formats."""

    rulebook = "rulebook"
    scenario = "scenario"


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"penstock {__version__}")
        raise typer.Exit


@app.callback()
def penstock(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Default waterfalls of central counterparties: who pays, how much, under which rule."""


@app.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A scenario file.")],
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    explain: Annotated[
        str | None,
        typer.Option(metavar="MEMBER", help="Tell one member how each cent of its bill came about."),
    ] = None,
    most: Annotated[
        str | None,
        typer.Option(metavar="MEMBER", help="The most the member can lose in the last default."),
    ] = None,
    curve: Annotated[
        str | None,
        typer.Option(
            metavar="table|FILE",
            help="Shares of layers and payers as a function of the last default's loss: "
            "a table, or a file ending in .csv, .svg or .png.",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the waterfall into a file ending in .svg or .png."),
    ] = None,
    under: Annotated[
        str,
        typer.Option(
            "--under", metavar="RULEBOOK", help="Run under this rulebook instead: id, id@date, file."
        ),
    ] = "",
    rulebooks: Folders = None,
) -> None:
    """Run a scenario: the loss goes down the waterfall, to the cent.

    Example: [bold]penstock run scenario.yaml --explain M02[/bold]
    """
    from penstock.app import show_run
    from penstock.store.scenarios import load_scenario

    asked = {"--json": json, "--explain": explain, "--most": most, "--curve": curve}
    given = [name for name, value in asked.items() if value]
    if len(given) > 1:
        says = f"{' and '.join(given)} each print something else"
        raise Refused(Problem("USAGE", (), says, "one of them"))

    scenario = load_scenario(file, existing(rulebooks), under)
    if most:
        show_run.most(scenario, most)
    elif curve:
        show_run.curve(scenario, curve)
    else:
        show_run.result(scenario, as_json=json, explain=explain, picture=picture)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to put the files.")] = Path(),
) -> None:
    """Write a commented rulebook, a scenario and a simulation, with their tables, to start from."""
    from importlib.resources import files

    from penstock.app.files import write_text

    templates = files("penstock.app") / "templates"
    names = ("rulebook.yaml", "scenario.yaml", "members.csv", "model.yaml", "risk.csv")
    there = [str(folder / name) for name in names if (folder / name).exists()]
    if there:
        says = f"{', '.join(there)} stands there already; nothing was written"
        raise Refused(Problem("FILE_EXISTS", (), says, "penstock init FOLDER, with another folder"))
    for name in names:
        write_text(folder / name, (templates / name).read_text(encoding="utf-8"))
        out.print(f"{folder / name} written")
    run_, simulate_ = (f"penstock {word} {folder / name}" for word, name in _FIRST_STEPS)
    out.print(f"\nNow: {run_}, and {simulate_}")


@app.command()
def schema(
    kind: Annotated[Kind, typer.Argument(help="Which file format.")],
) -> None:
    """Print the JSON Schema of rulebook or scenario files, for editors and other tools."""
    import json as codec

    from penstock.store.schema import rulebook_schema, scenario_schema

    found = rulebook_schema() if kind is Kind.rulebook else scenario_schema()
    sys.stdout.write(codec.dumps(found, indent=2) + "\n")


def main(words: Sequence[str] | None = None) -> None:
    """Entry point: no traceback reaches a user. ``words`` are the arguments, those given if None."""
    sys.excepthook = unexpected
    if not __debug__:
        refuse(Refused(Problem("CONFIG_UNSAFE", (), "python -O takes the checks out", "python without -O")))
        sys.exit(USAGE)
    try:
        # Not app(): Typer would put its own excepthook in the place of ours.
        typer.main.get_command(app)(args=words if words is None else list(words), prog_name="penstock")
    except Refused as refused:
        refuse(refused)
        sys.exit(USAGE)
