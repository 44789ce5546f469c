"""``penstock size``: what a stress matrix asks of a default fund."""

import json as codec
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.app.console import err, out, say, table
from penstock.core.money import Currency, parse
from penstock.core.problems import Problem, Refused

if TYPE_CHECKING:
    from penstock.report.sizes import History, Sized

SHOWN = 20


Losses = Annotated[
    Path,
    typer.Argument(
        metavar="LOSSES",
        help="Stressed losses, CSV or Excel: scenario, and a column an account, or member and loss; "
        "a column day before them for a history.",
    ),
]
Margins = Annotated[
    Path,
    typer.Argument(
        metavar="MARGINS", help="A table: member, initial_margin, and account, fund, group, weight, floor."
    ),
]
Own = Annotated[
    list[str] | None,
    typer.Option(
        metavar="AMOUNT",
        help="Own capital of the CCP before the survivors' money; with several funds split by their size, "
        "or FUND=AMOUNT for each.",
    ),
]
Days = Annotated[
    int | None, typer.Option(min=1, help="Of a history, the largest need of so many calendar days counts.")
]
Picture = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Draw the Cover-n curve, or the fund over days: .svg or .png."),
]


def size(
    losses: Losses,
    margins: Margins,
    currency: Annotated[str, typer.Option(metavar="CODE", help="The currency of all amounts.")] = "EUR",
    cover: Annotated[int, typer.Option(min=1, help="Size the fund for so many defaults at once.")] = 2,
    own: Own = None,
    buffer: Annotated[str, typer.Option(metavar="PERCENT", help="On top of the fund, such as 10.")] = "0",
    days: Days = None,
    up_to: Annotated[int, typer.Option("--up-to", min=1, help="Show Cover 1 to this.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print the sizing as JSON.")] = False,
    picture: Picture = None,
) -> None:
    """Size a default fund: Cover 1 to n in one scenario, the fund, and who contributes what.

    Losses count beyond margin, account by account; affiliates default together. Contributions go by
    weight (by initial margin where no weight is given), nobody below its floor. Each fund of a column fund
    is sized by itself.

    Example: [bold]penstock size losses.csv margins.csv --cover 2 --own 20000000[/bold]
    """
    from penstock.app.progress import reading
    from penstock.app.sizing import Asked, sized
    from penstock.core.money import currency as unit_of
    from penstock.report.sizes import sizes_json

    unit = unit_of(currency, ("--currency",))
    if picture:
        from penstock.report.figures import form_of

        form_of(picture)
    asked = Asked(cover, _own(own or ["0"], unit), 1 + _percent(buffer), days, up_to)
    with reading(str(losses), err) as told:
        found = sized(losses, margins, unit, asked, told)
    if json:
        sys.stdout.write(codec.dumps(sizes_json(found, unit), indent=2, ensure_ascii=False) + "\n")
    else:
        for i, (name, one) in enumerate(found.items()):
            if name:
                say(("\n" if i else "") + f"Fund {name}", "title")
            _tell(one, unit, cover)
    if picture:
        from penstock.report.size_pictures import draw_sizes

        draw_sizes(found, unit, picture)
        err.print(f"{picture} written", style="quiet")


def _tell(found: "Sized", unit: Currency, cover: int) -> None:
    """Print the standards, the fund with what binds it, and the largest contributions."""
    from penstock.core.money import written
    from penstock.report import sizes

    many = "" if found.scenarios == 1 else "s"
    text = f"{found.scenarios:,} scenario{many}, {found.members} members in {found.groups} groups, {unit}"
    if found.history:
        text = f"{len(found.history.days):,} days, on the last of them {text}"
    say(text + "\n", "quiet")
    table(("standard", "amount", "scenario", "defaulters"), sizes.cover_rows(found, unit), right=(1,))
    if found.history:
        _tell_history(found.history, unit, cover)
    amount = written(found.fund, unit, grouped=True)
    out.print(f"\n[bold]Fund for Cover {cover}[/bold]: {unit} {amount}")
    whose = ", ".join(found.defaulters)
    on = f" on {found.bound_on}" if found.bound_on else ""
    say(f"bound{on} by scenario {found.binding}, default of {whose}", "quiet")
    if found.own:
        say(f"and own capital of {written(found.own, unit, grouped=True)} before it", "quiet")
    out.print()
    _first(("member", "contribution"), sizes.contribution_rows(found, unit))


def _tell_history(history: "History", unit: Currency, cover: int) -> None:
    """Print the last days, and the sizes by month."""
    from penstock.report import sizes

    out.print()
    rows = sizes.day_rows(history, unit)
    table(("day", f"Cover {cover}", "needed", "size"), rows[-SHOWN:], right=(1, 2, 3))
    if len(rows) > SHOWN:
        out.print(f"and {len(rows) - SHOWN} days before; --json has all", style="quiet")
    out.print()
    table(("from", "size"), sizes.month_rows(history, unit)[-SHOWN:], right=(1,))


def _first(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table(heads, rows[:SHOWN], right=(1,))
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


def _own(words: Sequence[str], unit: Currency) -> dict[str, int]:
    """Own capital by fund, under "" that of all of them together; one or the other."""
    found: dict[str, int] = {}
    for word in words:
        fund, _, text = word.rpartition("=")
        amount = parse(text, unit, ("--own",))
        if amount < 0:
            raise Refused(Problem("USAGE", ("--own",), "own capital is not negative", "0, or an amount"))
        if fund in found or (found and "" in (fund, *found)):
            says = f"{word!r} beside {', '.join(words[: words.index(word)])}"
            instead = "one amount, or one FUND=AMOUNT a fund"
            raise Refused(Problem("USAGE", ("--own",), says, instead))
        found[fund] = amount
    return found
