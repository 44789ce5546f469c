"""``penstock size``: what a stress matrix asks of a default fund."""

import json as codec
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.app.console import err, out, say, table
from penstock.core.money import Currency

if TYPE_CHECKING:
    from penstock.report.sizes import History, Sized, Tail

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
        metavar="MARGINS",
        help="A table: member, initial_margin, and account, fund, segment, group, weight, floor.",
    ),
]
Code = Annotated[str, typer.Option(metavar="CODE", help="The currency of all amounts.")]
Cover = Annotated[int, typer.Option(min=1, help="Size the fund for so many defaults at once.")]
Own = Annotated[
    list[str] | None,
    typer.Option(
        metavar="AMOUNT",
        help="Own capital of the CCP before the survivors' money; with several funds split by their size, "
        "or FUND=AMOUNT for each.",
    ),
]
Capital = Annotated[
    str | None,
    typer.Option(
        metavar="AMOUNT",
        help="The CCP's minimum capital: 25 % of it is own capital before the survivors' money "
        "(EU 153/2013 Art. 35).",
    ),
]
Second = Annotated[
    str | None,
    typer.Option(
        metavar="PERCENT",
        help="A second tranche of 10 to 25 % of --capital, used before cash calls (EU 2021/23 Art. 9(14)); "
        "the fund is no smaller for it.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        metavar="KEYS",
        help="Contributions go by margin, weight or tail, or by a mix in per cent such as "
        "margin=70,weight=30; else by weight where there is one, and by margin.",
    ),
]
Level = Annotated[
    str | None,
    typer.Option(
        metavar="LEVEL",
        help="Show the expected shortfall at this level, 0.99 for one, and each group's part.",
    ),
]
Buffer = Annotated[str, typer.Option(metavar="PERCENT", help="On top of the fund, such as 10.")]
Days = Annotated[
    int | None, typer.Option(min=1, help="Of a history, the largest need of so many calendar days counts.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the sizing as JSON.")]
Picture = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Draw the Cover-n curve, or the fund over days: .svg or .png."),
]


def size(
    losses: Losses,
    margins: Margins,
    currency: Code = "EUR",
    cover: Cover = 2,
    own: Own = None,
    capital: Capital = None,
    second: Second = None,
    key: Key = None,
    tail: Level = None,
    buffer: Buffer = "0",
    days: Days = None,
    up_to: Annotated[int, typer.Option("--up-to", min=1, help="Show Cover 1 to this.")] = 5,
    json: Json = False,
    picture: Picture = None,
) -> None:
    """Size a default fund: Cover 1 to n in one scenario, the fund, and who contributes what.

    Losses count beyond margin, account by account; affiliates default together. Nobody contributes less than
    its floor. Each fund of a column fund is sized by itself; what is held in one segment meets no loss of
    another.

    Example: [bold]penstock size losses.csv margins.csv --cover 2 --own 20000000[/bold]
    """
    from penstock.app import size_options as options
    from penstock.app.progress import reading
    from penstock.app.sizing import Asked, sized
    from penstock.core.money import currency as unit_of

    unit = unit_of(currency, ("--currency",))
    if picture:
        from penstock.report.figures import form_of

        form_of(picture)
    level, minimum = options.level_of(tail), options.capital_of(capital, second, bool(own), unit)
    amounts = options.own_of(own or ["0"], unit)
    factor, parts = options.buffer_of(buffer), options.key_of(key, level)
    asked = Asked(cover, amounts, factor, days, up_to, *minimum, parts, level)
    with reading(str(losses), err) as told:
        found = sized(losses, margins, unit, asked, told)
    _show(found, unit, json, picture)


def _show(found: "dict[str, Sized]", unit: Currency, json: bool, picture: Path | None) -> None:
    """Print the sizing of each fund, or all of it as JSON, and draw it."""
    from penstock.report.sizes import sizes_json

    if json:
        sys.stdout.write(codec.dumps(sizes_json(found, unit), indent=2, ensure_ascii=False) + "\n")
    else:
        for i, (name, one) in enumerate(found.items()):
            if name:
                say(("\n" if i else "") + f"Fund {name}", "title")
            _tell(one, unit)
    if picture:
        from penstock.report.size_pictures import draw_sizes

        draw_sizes(found, unit, picture)
        err.print(f"{picture} written", style="quiet")


def _tell(found: "Sized", unit: Currency) -> None:
    """Print the standards, the fund with what binds it, and the largest contributions."""
    from penstock.core.money import written
    from penstock.report import sizes

    many = "" if found.scenarios == 1 else "s"
    text = f"{found.scenarios:,} scenario{many}, {found.members} members in {found.groups} groups, {unit}"
    if found.history:
        text = f"{len(found.history.days):,} days, on the last of them {text}"
    say(text + "\n", "quiet")
    table(("standard", "amount", "scenario", "defaulters"), sizes.cover_rows(found, unit), right=(1,))
    if found.segments:
        out.print("\nEach segment by itself:\n", style="quiet")
        heads = ("segment", "standard", "amount", "scenario", "defaulters")
        table(heads, sizes.segment_rows(found, unit), right=(2,), whole=(0, 1))
    if found.history:
        _tell_history(found.history, unit, found.standard)
    if found.tail:
        _tell_tail(found.tail, unit)
    amount = written(found.fund, unit, grouped=True)
    out.print(f"\n[bold]Fund for Cover {found.standard}[/bold]: {unit} {amount}")
    whose = ", ".join(found.defaulters)
    on = f" on {found.bound_on}" if found.bound_on else ""
    say(f"bound{on} by scenario {found.binding}, default of {whose}", "quiet")
    _tell_own(found, unit)
    out.print()
    if found.key:
        say(f"by {sizes.key_text(found.key)}", "quiet")
    _first(("member", "contribution"), sizes.contribution_rows(found, unit))


def _tell_own(found: "Sized", unit: Currency) -> None:
    """Print own capital, and what it bears."""
    from penstock.core.money import written
    from penstock.report.words import percent

    if found.own.first:
        say(f"and own capital of {written(found.own.first, unit, grouped=True)} before it", "quiet")
    if found.own.second is not None:
        amount = written(found.own.second, unit, grouped=True)
        say(f"and a second tranche of {amount} before cash calls; the fund is no smaller for it", "quiet")
    if found.incentive is not None:
        part = percent(*found.incentive.as_integer_ratio())
        text = f"own capital bears {part} of the expected loss beyond the defaulters"
        say(text if found.incentive else "no scenario has a loss beyond the defaulters", "quiet")


def _tell_tail(tail: "Tail", unit: Currency) -> None:
    """Print the expected shortfall, and the largest parts of it."""
    from penstock.core.money import written
    from penstock.report import sizes
    from penstock.report.words import number

    amount = written(sizes.rounded(tail.mean), unit, grouped=True)
    out.print(f"\nExpected shortfall at {number(tail.level)} of all groups together: {unit} {amount}\n")
    _first(("group", "part", "of the tail"), sizes.tail_rows(tail, unit), right=(1, 2))


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


def _first(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = (1,)) -> None:
    table(heads, rows[:SHOWN], right=right)
    if len(rows) > SHOWN:
        out.print(f"and {len(rows) - SHOWN} more; --json has all", style="quiet")
