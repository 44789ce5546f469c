"""Curves over the loss: as rows, as CSV and as a picture."""

import csv
import io
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.core.exposure import Curve
from penstock.core.money import Currency, parse, written
from penstock.report.figures import write_figure
from penstock.report.words import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("kind", "name", "from_loss", "to_loss", "paid_at_from", "paid_at_to", "slope")


def slope_rows(curve: Curve, unit: Currency) -> list[tuple[str, ...]]:
    """A row a layer or payer and stretch of the loss on which it pays: where, how much, which slope.

    The slope is how much of one more unit of loss it bears, exact between the two losses.
    """
    rows = []
    for kind, amounts_by_name in (("layer", curve.layers), ("payer", curve.payers)):
        for name, amounts in amounts_by_name.items():
            for i in range(1, len(curve.losses)):
                gone = amounts[i] - amounts[i - 1]
                if not gone:
                    continue
                first, last = curve.losses[i - 1], curve.losses[i]
                slope = Fraction(gone, last - first)
                ends = (first, last, amounts[i - 1], amounts[i])
                rows.append((kind, name, *(written(end, unit) for end in ends), slope_text(slope)))
    return rows


def slope_table(curve: Curve, unit: Currency) -> list[tuple[str, ...]]:
    """The same for people: who, from which loss, to which, what it has paid by then, slope."""
    rows = []
    for _, name, first, last, _, paid, slope in slope_rows(curve, unit):
        amounts = [written(parse(text, unit), unit, grouped=True) for text in (first, last, paid)]
        rows.append((name, *amounts, slope))
    return rows


def slope_text(slope: Fraction) -> str:
    """A slope with six digits, or fewer if it is exact with fewer."""
    if (slope * 10**6).denominator == 1:
        return number(slope)
    rounded = (slope * 10**6 * 2 + 1) // 2
    return f"{rounded // 10**6}.{rounded % 10**6:06d}"


def span_rows(curve: Curve, unit: Currency) -> list[tuple[str, str, str, str]]:
    """Layer, attachment, exhaustion, capacity."""

    def text(amount: int | None) -> str:
        return "not published" if amount is None else written(amount, unit, grouped=True)

    return [(s.layer, text(s.attachment), text(s.exhaustion), text(s.capacity)) for s in curve.spans]


def curve_csv(curve: Curve, unit: Currency) -> str:
    """The stretches of ``slope_rows`` as CSV with a header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(slope_rows(curve, unit))
    return out.getvalue()


def draw_curve(curve: Curve, unit: Currency, title: str, path: Path) -> None:
    """Payments over the loss, layer on layer, as SVG or PNG by the suffix; payers as lines below."""
    write_figure(path, title, partial(_draw_curve, curve, unit, title))


def _draw_curve(curve: Curve, unit: Currency, title: str, figure: "Figure") -> float:
    figure.set_size_inches(10, 7.5)
    top, below = figure.subplots(2, 1, sharex=True)
    scale = 10**unit.decimals
    losses = [loss / scale for loss in curve.losses]
    names = [name for name, amounts in curve.layers.items() if any(amounts)]
    hatches = ["", "///", "...", "\\\\\\", "xx", "--", "++", "oo"]
    if names:
        stacks = top.stackplot(
            losses,
            [[amount / scale for amount in curve.layers[name]] for name in names],
            labels=names,
            edgecolor="white",
            linewidth=0.6,
        )
        for i, stack in enumerate(stacks):
            stack.set_hatch(hatches[i % len(hatches)])
        top.legend(loc="upper left", fontsize=8, frameon=False)
    top.set_title(title, loc="left", fontsize=12)
    top.set_ylabel(f"paid by layer, {unit}")
    shown = sorted(curve.payers, key=lambda name: -max(curve.payers[name]))[:10]
    for i, name in enumerate(shown):
        style = ("-", "--", ":", "-.")[i % 4]
        below.plot(
            losses, [amount / scale for amount in curve.payers[name]], style, label=name, linewidth=1.4
        )
    if shown:
        below.legend(loc="upper left", fontsize=8, frameon=False)
    more = f"; {len(curve.payers) - len(shown)} smaller payers not drawn" if len(curve.payers) > 10 else ""
    below.set_ylabel(f"paid by payer, {unit}")
    ends = f"; not drawn further: {curve.ends}" if curve.ends else ""
    below.set_xlabel(f"loss, {unit}{more}{ends}")
    for axes in (top, below):
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(0, losses[-1] or 1)
        axes.set_ylim(bottom=0)
    return 120.0
