"""Pictures of sizings: the Cover-n curve, or the fund over days; a panel a fund."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.core.money import Currency
from penstock.report.figures import PAYER_KINDS, write_figure
from penstock.report.sizes import History, Sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEMBERS, CCP = PAYER_KINDS["members"][1][0], PAYER_KINDS["ccp"][1][0]


def draw_sizes(funds: Mapping[str, Sized], unit: Currency, path: Path) -> None:
    """The Cover-n curve of each fund with the fund across it, or its needs and sizes over days.

    To a file ending in .svg or .png; funds below each other.
    """
    history = any(sized.history for sized in funds.values())

    def draw(figure: "Figure") -> float:
        figure.set_size_inches(7.2, 0.2 + 4.0 * len(funds))
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
            axes.legend(loc="lower right", fontsize=8, frameon=False)
        figure.tight_layout()
        return 120.0

    write_figure(path, "Default fund over days" if history else "Cover-n curve", draw)


def _covers(axes: "Axes", sized: Sized, unit: Currency) -> None:
    scale = 10**unit.decimals
    counts = [one.n for one in sized.covers]
    axes.plot(counts, [one.amount / scale for one in sized.covers], color=MEMBERS, marker="o")
    label = "Fund and own capital" if sized.own else "Fund"
    axes.axhline((sized.fund + sized.own) / scale, color=CCP, linestyle="--", label=label)
    axes.set_title("The largest defaults of one scenario", loc="left", fontsize=12)
    axes.set_xlabel("defaults at the same time")
    axes.set_ylabel(f"loss beyond margin, {unit}")
    axes.set_xticks(counts)


def _days(axes: "Axes", history: History, unit: Currency) -> None:
    scale = 10**unit.decimals
    # As day numbers: how a date axis is laid out differs between versions of the library.
    days = [one.day.toordinal() for one in history.days]
    axes.plot(days, [one.need / scale for one in history.days], color=MEMBERS, label="Needed on the day")
    sizes = [one.size / scale for one in history.days]
    axes.step(days, sizes, where="post", color=CCP, linestyle="--", label="Size")
    axes.set_title(f"The fund, largest need of {history.window} days", loc="left", fontsize=12)
    axes.set_ylabel(f"{unit}")
    marks = sorted({days[0], days[len(days) // 2], days[-1]})
    shown = {one.day.toordinal(): str(one.day) for one in history.days}
    axes.set_xticks(marks, [shown[mark] for mark in marks])
