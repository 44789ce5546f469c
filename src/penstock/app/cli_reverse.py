"""``penstock reverse``: which defaults would exhaust the fund, and the calls after it."""

import json as codec
import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from penstock.app.console import out, say, table
from penstock.core.money import Currency, parse
from penstock.core.problems import Problem, Refused


def reverse(
    members: Annotated[
        Path,
        typer.Argument(
            metavar="MEMBERS",
            help="A table: member, stressed_loss, initial_margin, default_fund, and probability if known.",
        ),
    ],
    currency: Annotated[str, typer.Option(metavar="CODE", help="The currency of all amounts.")] = "EUR",
    own: Annotated[
        str, typer.Option(metavar="AMOUNT", help="Own capital of the CCP before the survivors' money.")
    ] = "0",
    calls: Annotated[
        str, typer.Option(metavar="TIMES", help="Cash calls of so many times the contribution.")
    ] = "0",
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Reverse stress: the fewest and the likeliest defaults that exhaust the fund, and how severe it takes.

    Members default with all of their stressed loss beyond margin; a defaulter's contribution meets its own
    loss and is gone. With --calls the calls on the survivors have to be exhausted too.

    Example: [bold]penstock reverse members.csv --own 20000000 --calls 1[/bold]
    """
    from penstock.app.reverse import reversed_stress
    from penstock.core.money import currency as unit_of

    unit = unit_of(currency, ("--currency",))
    found = reversed_stress(members, unit, _own(own, unit), _times(calls))
    if json:
        sys.stdout.write(codec.dumps(found, indent=2, ensure_ascii=False) + "\n")
        return
    fewest, likeliest = found["fewest"], found["likeliest"]
    what = "the fund and the calls" if calls != "0" else "the fund"
    if fewest is None:
        out.print(f"No defaults in this scenario exhaust {what}.")
    else:
        say(f"Fewest defaults that exhaust {what}: {len(fewest)}, {', '.join(fewest)}")
    if likeliest:
        text = f"Likeliest set: {', '.join(likeliest['members'])}"
        say(f"{text}, with a probability of {likeliest['probability']}")
    if found["frontier"]:
        out.print("\nLosses would have to be so many times as large for so few defaults:\n", style="quiet")
        rows = [(str(one["defaults"]), one["multiplier"]) for one in found["frontier"]]
        table(("defaults", "times"), rows, right=(0, 1))


def _times(text: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(-1)
    if not 0 <= value <= 100:
        raise Refused(Problem("USAGE", ("--calls",), f"{text!r} is no multiple", "1, for one"))
    return value


def _own(text: str, unit: Currency) -> int:
    amount = parse(text, unit, ("--own",))
    if amount < 0:
        raise Refused(Problem("USAGE", ("--own",), "own capital is not negative", "0, or an amount"))
    return amount
