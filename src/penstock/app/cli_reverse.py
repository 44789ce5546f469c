"""``penstock reverse``: which defaults would exhaust the fund, and the calls after it."""

import json as codec
import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.app.console import err, out, say, table
from penstock.core.money import Currency, parse
from penstock.core.problems import Problem, Refused

SHOWN = 20


Members = Annotated[
    Path,
    typer.Argument(
        metavar="MEMBERS",
        help="A table: member, stressed_loss, initial_margin, default_fund, and probability if known.",
    ),
]
Losses = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Stressed losses of many scenarios in place of stressed_loss: scenario, and a column a "
        "member, or member and loss. Then all pairs of all scenarios are counted.",
    ),
]
Own = Annotated[
    str, typer.Option(metavar="AMOUNT", help="Own capital of the CCP before the survivors' money.")
]
Calls = Annotated[str, typer.Option(metavar="TIMES", help="Cash calls of so many times the contribution.")]
Picture = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Draw severity against the number of defaults: .svg or .png."),
]


def reverse(
    members: Members,
    losses: Losses = None,
    currency: Annotated[str, typer.Option(metavar="CODE", help="The currency of all amounts.")] = "EUR",
    own: Own = "0",
    calls: Calls = "0",
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    picture: Picture = None,
) -> None:
    """Reverse stress: the fewest and the likeliest defaults that exhaust the fund, and how severe it takes.

    Members default with all of their stressed loss beyond margin; a defaulter's contribution meets its own
    loss and is gone. With --calls the calls on the survivors have to be exhausted too.

    With --losses all pairs of all scenarios are counted, and the rest is of the worst pair's scenario.

    Example: [bold]penstock reverse members.csv --own 20000000 --calls 1[/bold]
    """
    from penstock.app.progress import reading
    from penstock.app.reverse import reversed_stress
    from penstock.core.money import currency as unit_of

    unit = unit_of(currency, ("--currency",))
    if picture:
        from penstock.report.figures import form_of

        form_of(picture)
    with reading(str(losses), err) as told:
        found = reversed_stress(members, unit, _own(own, unit), _times(calls), losses, told)
    if json:
        sys.stdout.write(codec.dumps(found, indent=2, ensure_ascii=False) + "\n")
    else:
        _tell(found, "the fund and the calls" if _times(calls) else "the fund")
    if picture:
        from penstock.report.frontier import draw_frontier

        draw_frontier([(one["defaults"], float(one["multiplier"])) for one in found["frontier"]], picture)
        err.print(f"{picture} written", style="quiet")


def _tell(found: dict[str, Any], what: str) -> None:
    """Print the pairs of all scenarios if there are any, then what it takes in one scenario."""
    if "pairs" in found:
        _tell_pairs(found, what)
    fewest, likeliest = found["fewest"], found["likeliest"]
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


def _tell_pairs(found: dict[str, Any], what: str) -> None:
    """Print the worst pair, and the scenarios with most pairs that exhaust the fund."""
    pairs, layer = found["pairs"], "calls" if "calls" in what else "fund"
    worst = pairs["worst"][layer]
    say(f"{len(pairs['scenarios']):,} scenarios of {pairs['of_a_scenario']:,} pairs each", "quiet")
    beyond = worst["beyond"]
    text = f"{beyond} beyond" if not beyond.startswith("-") else f"{beyond[1:]} within"
    say(f"Worst pair: {', '.join(worst['members'])} in {worst['scenario']}, {text} {what}\n")
    some = [one for one in pairs["scenarios"] if one["fund"]]
    some.sort(key=lambda one: (-one["calls"], -one["fund"]))
    if some:
        heads = ("scenario", "pairs beyond the fund", "and the calls")[: 3 if layer == "calls" else 2]
        rows = [(one["scenario"], f"{one['fund']:,}", f"{one['calls']:,}")[: len(heads)] for one in some]
        table(heads, rows[:SHOWN], right=(1, 2)[: len(heads) - 1])
        if len(rows) > SHOWN:
            out.print(f"and {len(rows) - SHOWN} more; --json has all", style="quiet")
        out.print()
    say(f"In {found['scenario']}:", "quiet")


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
