"""Curves over the loss: as rows, as CSV and as a picture."""

import csv
import io
from collections import Counter
from fractions import Fraction
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from penstock.core.exposure import Curve
from penstock.core.money import Currency, parse, written
from penstock.core.scenario import Scenario
from penstock.report.figures import ALARM, PAYER_KINDS, write_figure
from penstock.report.words import kind, number, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINES = 10
COLUMNS = ("kind", "name", "from_loss", "to_loss", "paid_at_from", "paid_at_to", "slope")


def slope_rows(curve: Curve, unit: Currency) -> list[tuple[str, ...]]:
    """A row a layer or payer and stretch of the loss on which it pays: where, how much, which slope.

    The slope is how much of one more unit of loss it bears, exact between the two losses.
    """
    rows = []
    rest = {"uncovered": curve.uncovered}
    for what, amounts_by_name in (("layer", curve.layers), ("payer", curve.payers), ("uncovered", rest)):
        for name, amounts in amounts_by_name.items():
            for i in range(1, len(curve.losses)):
                gone = amounts[i] - amounts[i - 1]
                if not gone:
                    continue
                first, last = curve.losses[i - 1], curve.losses[i]
                slope = Fraction(gone, last - first)
                ends = (first, last, amounts[i - 1], amounts[i])
                rows.append((what, name, *(written(end, unit) for end in ends), slope_text(slope)))
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


def draw_curve(scenario: Scenario, curve: Curve, path: Path) -> None:
    """Payments over the loss, layer on layer, as SVG or PNG by the suffix; payers as lines below."""
    write_figure(path, scenario.title, partial(_draw_curve, scenario, curve))


def _draw_curve(scenario: Scenario, curve: Curve, figure: "Figure") -> float:
    unit = scenario.currency
    scale = 10**unit.decimals
    figure.set_size_inches(10, 7.5)
    figure.set_layout_engine("constrained")
    top, below = figure.subplots(2, 1, sharex=True)
    losses = [loss / scale for loss in curve.losses]
    looks = _Looks()
    layers = {layer.id: layer for layer, _ in scenario.rulebook.all_layers()}
    areas = {name: amounts for name, amounts in curve.layers.items() if any(amounts)}
    bottom = [0.0] * len(losses)
    for name, amounts in areas.items():
        colour, hatch, _ = looks.next(kind(layers[name].payer))
        above = [low + amount / scale for low, amount in zip(bottom, amounts, strict=True)]
        look = {"facecolor": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.6}
        top.fill_between(losses, bottom, above, label=titled(layers[name]), **look)
        bottom = above
    if any(curve.uncovered):
        look = {"facecolor": "white", "edgecolor": ALARM, "linewidth": 0.0, "hatch": "xx"}
        top.fill_between(losses, bottom, losses, label="Uncovered", **look)
    top.set_title(scenario.title, loc="left", fontsize=12)
    top.set_ylabel(f"paid by layer, {unit}")
    at = max(default.at for default in scenario.defaults)
    defaulters = {default.member for default in scenario.defaults if default.at == at}
    members = {member: "defaulter" if member in defaulters else "members" for member in scenario.members}
    shown = sorted(curve.payers, key=lambda name: -max(curve.payers[name]))[:_LINES]
    looks = _Looks()
    for name in shown:
        colour, _, style = looks.next(members.get(name) or kind(name))
        paid = [amount / scale for amount in curve.payers[name]]
        below.plot(losses, paid, color=colour, linestyle=style, label=name, linewidth=1.6)
    if any(curve.uncovered):
        paid = [amount / scale for amount in curve.uncovered]
        below.plot(losses, paid, color=ALARM, label="Uncovered", linewidth=1.6)
    hidden = len(curve.payers) - len(shown)
    notes = [f"{hidden} smaller payers are not drawn."] if hidden else []
    if curve.ends:
        notes.append(f"The curve ends at {curve.ends}.")
    below.set_ylabel(f"paid by payer, {unit}")
    below.set_xlabel("\n".join([f"loss, {unit}", *fill(" ".join(notes), 120).splitlines()]))
    below.locator_params(axis="x", nbins=6)
    for axes in (top, below):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper left", fontsize=8, frameon=False, handlelength=4)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(0, losses[-1] or 1)
        axes.set_ylim(bottom=0)
        if len(losses) == 1:
            axes.set(xticks=[], yticks=[])
    return 120.0


class _Looks:
    """A look for one more layer or payer of a kind: its colour, ever lighter, a hatch, a line style."""

    def __init__(self) -> None:
        self._seen = Counter[str]()

    def next(self, payer: str) -> tuple[str, str, str]:
        i = self._seen[payer]
        self._seen[payer] += 1
        _, (colour, hatch), _ = PAYER_KINDS[payer]
        light = (0.0, 0.3, 0.5)[i % 3]
        parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        mixed = "#" + "".join(f"{round(part + (255 - part) * light):02x}" for part in parts)
        return mixed, hatch[: 3 - i % 3], ("-", "--", ":", "-.")[i % 4]
