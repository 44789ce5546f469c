"""``penstock size``: what a stress matrix asks of a default fund."""

import json as codec
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.app.console import err, out, say, table
from penstock.core.money import Currency, parse
from penstock.core.problems import Problem, Refused

if TYPE_CHECKING:
    from penstock.report.sizes import Sized

SHOWN = 20


def size(
    losses: Annotated[
        Path,
        typer.Argument(
            metavar="LOSSES",
            help="Stressed losses, CSV or Excel: scenario, and a column an account, or member and loss.",
        ),
    ],
    margins: Annotated[
        Path,
        typer.Argument(
            metavar="MARGINS", help="A table: member, initial_margin, and account, group, weight, floor."
        ),
    ],
    currency: Annotated[str, typer.Option(metavar="CODE", help="The currency of all amounts.")] = "EUR",
    cover: Annotated[int, typer.Option(min=1, help="Size the fund for so many defaults at once.")] = 2,
    own: Annotated[
        str, typer.Option(metavar="AMOUNT", help="Own capital of the CCP before the survivors' money.")
    ] = "0",
    buffer: Annotated[str, typer.Option(metavar="PERCENT", help="On top of the fund, such as 10.")] = "0",
    up_to: Annotated[int, typer.Option("--up-to", min=1, help="Show Cover 1 to this.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print the sizing as JSON.")] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the Cover-n curve: .svg or .png.")
    ] = None,
) -> None:
    """Size a default fund: Cover 1 to n in one scenario, the fund, and who contributes what.

    Losses count beyond margin, account by account; affiliates default together. Contributions go by
    weight (by initial margin where no weight is given), nobody below its floor.

    Example: [bold]penstock size losses.csv margins.csv --cover 2 --own 20000000[/bold]
    """
    from penstock.app.sizing import sized
    from penstock.core.money import currency as unit_of
    from penstock.report import sizes

    unit = unit_of(currency, ("--currency",))
    if picture:
        from penstock.report.figures import form_of

        form_of(picture)
    found = sized(losses, margins, unit, cover, _own(own, unit), 1 + _percent(buffer), up_to)
    if json:
        sys.stdout.write(codec.dumps(sizes.sized_json(found, unit), indent=2, ensure_ascii=False) + "\n")
    else:
        _tell(found, unit, cover)
    if picture:
        sizes.draw_covers(found, unit, picture)
        err.print(f"{picture} written", style="quiet")


def _tell(found: "Sized", unit: Currency, cover: int) -> None:
    """Print the standards, the fund with what binds it, and the largest contributions."""
    from penstock.core.money import written
    from penstock.report import sizes

    text = f"{found.scenarios:,} scenarios, {found.members} members in {found.groups} groups, {unit}"
    out.print(text + "\n", style="quiet")
    table(("standard", "amount", "scenario", "defaulters"), sizes.cover_rows(found, unit), right=(1,))
    amount = written(found.fund, unit, grouped=True)
    out.print(f"\n[bold]Fund for Cover {cover}[/bold]: {unit} {amount}")
    whose = ", ".join(found.defaulters)
    say(f"bound by scenario {found.binding}, default of {whose}\n", "quiet")
    rows = sizes.contribution_rows(found, unit)
    table(("member", "contribution"), rows[:SHOWN], right=(1,))
    if len(rows) > SHOWN:
        out.print(f"and {len(rows) - SHOWN} more; --json has all", style="quiet")


def _percent(text: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(-1)
    if not 0 <= value <= 1000:
        raise Refused(Problem("USAGE", ("--buffer",), f"{text!r} is no percentage", "10, for one"))
    return value / 100


def _own(text: str, unit: Currency) -> int:
    amount = parse(text, unit, ("--own",))
    if amount < 0:
        raise Refused(Problem("USAGE", ("--own",), "own capital is not negative", "0, or an amount"))
    return amount
