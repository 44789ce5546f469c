"""Pictures of sizings: the Cover-n curve, or the fund over days; a panel a fund."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.core.money import Currency, written
from penstock.report.figures import PAYER_KINDS, write_figure
from penstock.report.sizes import History, Sized
from penstock.sim.stress import Cover

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEMBERS, CCP = PAYER_KINDS["members"][1][0], PAYER_KINDS["ccp"][1][0]
QUIET = PAYER_KINDS["defaulter"][1][0]
STYLES = (":", "-.", "--")
WIDE = 90
"""So many letters of the labels at the points stand side by side."""


def draw_sizes(funds: Mapping[str, Sized], unit: Currency, path: Path) -> None:
    """The Cover-n curve of each fund with the fund across it, or its needs and sizes over days.

    To a file ending in .svg or .png; funds below each other, segments as curves of their own.
    """
    history = any(sized.history for sized in funds.values())

    def draw(figure: "Figure") -> float:
        figure.set_size_inches(7.2, 0.2 + 4.4 * len(funds))
        panels = figure.subplots(len(funds), squeeze=False)[:, 0]
        for (name, sized), axes in zip(funds.items(), panels, strict=True):
            if sized.history:
                _days(axes, sized.history, unit)
            else:
                _covers(axes, sized, unit)
            if name:
                axes.set_title(name, loc="right", fontsize=10)
            axes.yaxis.set_major_formatter("{x:,.0f}")
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_ylim(bottom=0)
            below = -0.09 if sized.history else -0.14
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, below), ncols=4, fontsize=8, frameon=False)
        figure.tight_layout()
        return 120.0

    write_figure(path, "Default fund over days" if history else "Cover-n curve", draw)


def _covers(axes: "Axes", sized: Sized, unit: Currency) -> None:
    scale = 10**unit.decimals
    for (name, covers), style in zip(sized.segments.items(), cycle(STYLES)):
        amounts = [one.amount / scale for one in covers]
        axes.plot([one.n for one in covers], amounts, color=QUIET, linestyle=style, label=f"{name} alone")
    counts = [one.n for one in sized.covers]
    label = "All segments" if sized.segments else "Largest defaults"
    axes.plot(counts, [one.amount / scale for one in sized.covers], color=MEMBERS, marker="o", label=label)
    _values(axes, sized.covers, unit)
    held = sized.fund + sized.own.first
    label = f"Fund{' and own capital' if sized.own.first else ''}, {written(held, unit, grouped=True)}"
    axes.axhline(held / scale, color=CCP, linestyle="--", label=label, zorder=1)
    axes.set_title("The largest defaults of one scenario", loc="left", fontsize=12)
    axes.set_xlabel("defaults at the same time")
    axes.set_ylabel(f"loss beyond margin, {unit}")
    axes.set_xticks(counts[:: 1 + len(counts) // 15])
    axes.set_xlim(0.5, counts[-1] + 0.5)
    axes.set_ylim(top=1.15 * max(held, *(one.amount for one in sized.covers), scale) / scale)


def _values(axes: "Axes", covers: Sequence[Cover], unit: Currency) -> None:
    """The amounts at the points, at as many as there is room for, the first among them."""
    texts = [written(one.amount, unit, grouped=True) for one in covers]
    step = ceil(len(texts) * (2 + max(map(len, texts))) / WIDE)
    for one, text in list(zip(covers, texts, strict=True))[::step]:
        axes.annotate(
            text,
            (one.n, one.amount / 10**unit.decimals),
            xytext=(3, -5),  # to the right and below: the curve rises
            textcoords="offset points",
            va="top",
            fontsize=8,
            bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 0.5},
            zorder=1.5,  # over the line of the fund, below the curve
        )


def _days(axes: "Axes", history: History, unit: Currency) -> None:
    scale = 10**unit.decimals
    # As day numbers: how a date axis is laid out differs between versions of the library.
    days = [one.day.toordinal() for one in history.days]
    # A day's amounts hold until the next; the last stand for a day as well, or nobody would see them.
    edges = [*days, days[-1] + max(1, (days[-1] - days[0]) // 50)]
    needs = [one.need / scale for one in (*history.days, history.days[-1])]
    axes.step(edges, needs, where="post", color=MEMBERS, label="Needed on the day")
    sizes = [one.size / scale for one in (*history.days, history.days[-1])]
    axes.step(edges, sizes, where="post", color=CCP, linestyle="--", label="Size")
    many = "" if history.window == 1 else "s"
    axes.set_title(f"The fund, largest need of {history.window} day{many}", loc="left", fontsize=12)
    axes.set_ylabel(f"{unit}")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(top=1.1 * max(*sizes, *needs, 1.0))
    marks = [days[0]]
    for day in days:
        if day - marks[-1] >= max(1, (edges[-1] - days[0]) // 5):
            marks.append(day)
    shown = {one.day.toordinal(): str(one.day) for one in history.days}
    axes.set_xticks(marks, [shown[mark] for mark in marks])
