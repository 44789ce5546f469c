"""``penstock reverse``: which defaults would exhaust the fund, and the calls after it."""

import json as codec
import sys
from collections.abc import Mapping
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
        help="A table: member, stressed_loss, initial_margin, default_fund, and probability if known; "
        "stressed_least and stressed_most where losses do not add up.",
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
Minimal = Annotated[
    bool, typer.Option("--minimal", help="Also all sets that exhaust a layer and of which no part does.")
]
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
    minimal: Minimal = False,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    picture: Picture = None,
) -> None:
    """Reverse stress: the fewest and the likeliest defaults that exhaust the fund, and how severe it takes.

    Members default with all of their stressed loss beyond margin; a defaulter's contribution meets its own
    loss and is gone. Told of each layer in turn: own capital, the fund, and with --calls the calls on the
    survivors.

    With --losses all pairs of all scenarios are counted, and the rest is of the worst pair's scenario.

    Example: [bold]penstock reverse members.csv --own 20000000 --calls 1[/bold]
    """
    from penstock.app.progress import reading
    from penstock.app.reverse import WHAT, Against, reversed_stress
    from penstock.core.money import currency as unit_of

    unit = unit_of(currency, ("--currency",))
    if picture:
        from penstock.report.figures import form_of

        form_of(picture)
    against = Against(_own(own, unit), _times(calls), minimal)
    with reading(str(losses), err) as told:
        found = reversed_stress(members, unit, against, losses, told)
    if picture:
        from penstock.report.frontier import draw_frontier

        draw_frontier([(WHAT[one["layer"]], _points(one)) for one in found["layers"]], picture)
    if json:
        sys.stdout.write(codec.dumps(found, indent=2, ensure_ascii=False) + "\n")
    else:
        _tell(found, WHAT)
    if picture:
        err.print(f"{picture} written", style="quiet")


def _points(layer: dict[str, Any]) -> list[tuple[int, float]]:
    return [(one["defaults"], float(one["multiplier"])) for one in layer["frontier"]]


def _tell(found: dict[str, Any], what: Mapping[str, str]) -> None:
    """Print the pairs of all scenarios if there are any, then what each layer takes in one scenario."""
    layers = found["layers"]
    if "pairs" in found:
        _tell_pairs(found, what[layers[-1]["layer"]])
    for i, one in enumerate(layers):
        if i:
            out.print()
        _tell_layer(one, what[one["layer"]])
    counts = sorted({point["defaults"] for one in layers for point in one["frontier"]})
    if counts:
        out.print("\nLosses would have to be so many times as large for so few defaults:\n", style="quiet")
        by_layer = [{p["defaults"]: p["multiplier"] for p in one["frontier"]} for one in layers]
        heads = [what[one["layer"]] for one in layers] if len(layers) > 1 else ["times"]
        rows = [(str(count), *(points.get(count, "") for points in by_layer)) for count in counts]
        table(("defaults", *heads), rows, right=range(1 + len(heads)))


def _tell_layer(layer: dict[str, Any], what: str) -> None:
    """Print the fewest and the likeliest defaults that exhaust a layer, the bounds and the minimal sets."""
    fewest, likeliest = layer["fewest"], layer["likeliest"]
    if fewest is None:
        out.print(f"No defaults in this scenario exhaust {what}.")
    else:
        say(f"Fewest defaults that exhaust {what}: {len(fewest)}, {', '.join(fewest)}")
    if likeliest:
        text = f"Likeliest set: {', '.join(likeliest['members'])}"
        say(f"{text}, with a probability of {likeliest['probability']}")
    if "bounds" in layer:
        say(f"Whatever they cost beside each other: {_between(**layer['bounds'])}")
    if layer.get("minimal"):
        sets = layer["minimal"]
        out.print(f"\nMinimal sets that exhaust {what}: {len(sets):,}\n")
        known = "probability" in sets[0]
        rows = [(", ".join(one["members"]), one.get("probability", "")) for one in sets[:SHOWN]]
        heads = ("defaults", "probability")[: 2 if known else 1]
        table(heads, [row[: len(heads)] for row in rows], right=(1,))
        if len(sets) > SHOWN:
            out.print(f"and {len(sets) - SHOWN:,} more; --json has all", style="quiet")


def _between(no_fewer_than: int | None, enough: list[str] | None) -> str:
    """Between which numbers the fewest defaults lie where losses do not add up."""
    if no_fewer_than is None:
        return "no defaults are enough"
    if enough is None:
        return f"no fewer than {no_fewer_than}, and none are enough for sure"
    return f"no fewer than {no_fewer_than}, and {len(enough)} are enough: {', '.join(enough)}"


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
