"""``penstock liquidity``: whether the cash in each currency lasts when members default."""

import json as codec
import sys
from pathlib import Path
from typing import Annotated

import typer

from penstock.app.console import err, out, say, table


def liquidity(
    needs: Annotated[
        Path,
        typer.Argument(
            metavar="NEEDS", help="Cash needs, CSV or Excel: member, currency, day, amount, and group."
        ),
    ],
    resources: Annotated[
        Path,
        typer.Argument(metavar="RESOURCES", help="Cash held: currency, amount, and provider and kind."),
    ],
    defaults: Annotated[int, typer.Option(min=1, help="So many groups default at once, or fewer.")] = 2,
    json: Annotated[bool, typer.Option("--json", help="Print the balances as JSON.")] = False,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the lowest balances over days: .svg or .png."),
    ] = None,
) -> None:
    """Test liquidity: the lowest balance of each currency and day over all sets of defaulters.

    Resources that a defaulter or its group provides are gone with it. Currencies are never added up, and
    nothing is converted.

    Example: [bold]penstock liquidity needs.csv resources.csv --defaults 2[/bold]
    """
    from penstock.app.liquidity import liquidity as found_in
    from penstock.report import liquidity as report

    if picture:
        from penstock.report.figures import form_of

        form_of(picture)
    found = found_in(needs, resources, defaults)
    if json:
        told = report.ladders_json(found.ladders, defaults)
        sys.stdout.write(codec.dumps(told, indent=2, ensure_ascii=False) + "\n")
    else:
        text = f"{found.members} members in {found.groups} groups, at most {defaults} of them in default"
        say(text + "\n", "quiet")
        heads = ("currency", "resources", "lowest balance", "day", "defaulters")
        table(heads, report.worst_rows(found.ladders), right=(1, 2, 3))
        short = [ladder.currency for ladder, _ in found.ladders if ladder.worst.balance < 0]
        out.print()
        say(f"Not enough in {', '.join(short)}." if short else "Enough in every currency.")
    if picture:
        report.draw_ladders(found.ladders, picture)
        err.print(f"{picture} written", style="quiet")
