"""What ``penstock run`` prints: the waterfall, JSON, one member's bill, its worst case, a curve."""

import json as codec
import sys
from pathlib import Path

from penstock.app.console import err, out, show, table
from penstock.core.problems import Problem, Refused, nearest
from penstock.core.scenario import Scenario


def result(scenario: Scenario, *, as_json: bool, explain: str | None, picture: Path | None) -> None:
    """Run the scenario and print the waterfall, or JSON, or the bill of the member ``explain``."""
    from penstock.core.replay import replay

    if explain:
        _somebody(scenario, explain)
    if picture:
        from penstock.report.figures import form_of

        form_of(picture)
    found = replay(scenario)
    if as_json:
        from penstock.report.wire import result_json

        sys.stdout.write(codec.dumps(result_json(found), indent=2, ensure_ascii=False) + "\n")
    elif explain:
        from penstock.report.bill import bill

        lines = [(str(i), *line) for i, line in enumerate(bill(found, explain), 1)]
        table(("", scenario.title, scenario.currency.code), lines, right=(2,))
    else:
        from penstock.report.terminal import waterfall_lines

        show(waterfall_lines(found))
    if picture:
        from penstock.report.panels import panels
        from penstock.report.picture import draw

        draw(panels(found), picture)
        err.print(f"{picture} written", style="quiet")


def most(scenario: Scenario, payer: str) -> None:
    """Print the most the payer can lose in the last default."""
    from penstock.core.exposure import most as most_of
    from penstock.report.bill import loss_of, most_lines

    _somebody(scenario, payer)
    unit = scenario.currency
    found = most_of(scenario, payer)
    table(("The most it can lose", unit.code), most_lines(found, unit), right=(1,))
    out.print(f"In a {loss_of(found.of)}", style="quiet")


def curve(scenario: Scenario, target: str) -> None:
    """Print the curve as tables, or write it to a file ending in .csv, .svg or .png."""
    from penstock.core.exposure import curve as curve_of
    from penstock.report import curves
    from penstock.report.bill import loss_of

    unit = scenario.currency
    found = curve_of(scenario)
    if target == "table":
        heads = ("layer", f"attaches at, {unit}", "exhausted at", "capacity")
        table(heads, curves.span_rows(found, unit), right=(1, 2, 3))
        out.print()
        slopes = ("who", "pays from a loss of", "to", "and has paid then", "slope")
        table(slopes, curves.slope_table(found, unit), right=(1, 2, 3, 4))
        out.print(f"Of a {loss_of(found.of)}", style="quiet")
        if found.ends:
            out.print(f"The curve ends at {found.ends}", style="quiet")
        return
    path = Path(target)
    if path.suffix not in (".csv", ".svg", ".png"):
        says = f"{target} is neither a table nor a file ending in .csv, .svg or .png"
        raise Refused(Problem("FILE_TYPE", (), says, "table, curve.csv or curve.svg"))
    if path.suffix == ".csv":
        from penstock.app.files import write_text

        write_text(path, curves.curve_csv(found, unit))
    else:
        curves.draw_curve(scenario, found, path)
    err.print(f"{path} written", style="quiet")


def _somebody(scenario: Scenario, payer: str) -> None:
    parties = {str(x.payer) for x, _ in scenario.rulebook.all_layers()} - {"members", "defaulter"}
    known = [*sorted(scenario.members), *sorted(parties)]
    if payer not in known:
        instead = nearest(payer, known) or "one of " + ", ".join(known[:12])
        raise Refused(Problem("SCENARIO_REFERENCE", (), f"{payer!r} is nobody in this scenario", instead))
