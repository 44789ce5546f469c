"""The frontier of a reverse stress test: how severe, against how many defaults, for each layer."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.core.problems import Problem, Refused
from penstock.report.figures import ALARM, PAYER_KINDS, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Frontier = Sequence[tuple[int, float]]
"""Numbers of defaults, and how many times the stressed losses they need."""

_CCP, _MEMBERS = PAYER_KINDS["ccp"][1][0], PAYER_KINDS["members"][1][0]
_QUIET = PAYER_KINDS["defaulter"][1][0]


def draw_frontier(layers: Sequence[tuple[str, Frontier]], path: Path) -> None:
    """Defaults across, and how many times the stressed losses they need; to a file in .svg or .png.

    A line a layer, in the order in which they are used; what is above a line is shaded and named. Layers
    that no severity exhausts are left out; refused REVERSE_NONE where that is all of them.
    """
    drawn = [(name, frontier) for name, frontier in layers if frontier]
    if not drawn:
        says = "no defaults exhaust it at any severity: there is nothing to draw"
        raise Refused(Problem("REVERSE_NONE", (), says, "no --picture"))

    def draw(figure: "Figure") -> float:
        figure.set_size_inches(7.2, 4.6)
        axes = figure.subplots()
        counts = sorted({count for _, frontier in drawn for count, _ in frontier})
        most = 1.1 * max(1.0, *(times for _, frontier in drawn for _, times in frontier))
        for i, (name, frontier) in enumerate(drawn):
            colour = ALARM if i + 1 == len(drawn) else _CCP if name == "own capital" else _MEMBERS
            _layer(axes, name, frontier, colour, most)
        axes.axhline(1, color=_QUIET, linestyle="--", linewidth=0.8, label="the stressed losses as they are")
        axes.set_title("What exhausts it: above a line", loc="left", fontsize=12)
        axes.set_xlabel("defaults at the same time")
        axes.set_ylabel("times the stressed losses")
        axes.set_ylim(0, most)
        axes.set_xlim(counts[0] - 0.5, counts[-1] + 0.5)
        axes.set_xticks(counts[:: 1 + len(counts) // 15])
        axes.spines[["top", "right"]].set_visible(False)
        _legend(axes)
        figure.tight_layout()
        return 120.0

    write_figure(path, "Severity and defaults", draw)


def _legend(axes: "Axes") -> None:
    """What each shade and line says, and that what is below all of them, white, exhausts nothing."""
    from matplotlib.patches import Patch

    handles, _ = axes.get_legend_handles_labels()
    below = Patch(facecolor="#ffffff", edgecolor=_QUIET, linewidth=0.6, label="exhausts nothing")
    where = (0.5, -0.14)
    axes.legend(
        handles=[below, *handles],
        loc="upper center",
        bbox_to_anchor=where,
        ncols=3,
        fontsize=8,
        frameon=False,
    )


def _layer(axes: "Axes", name: str, frontier: Frontier, colour: str, most: float) -> None:
    """The line of one layer, half a default wide to both sides of each number, and what is above it."""
    at = [edge for count, _ in frontier for edge in (count - 0.5, count + 0.5)]
    heights = [times for _, times in frontier for _ in range(2)]
    # What is below is white: a shade over another would be a third colour that nothing names.
    axes.fill_between(at, heights, most, color="#ffffff", linewidth=0)
    axes.fill_between(at, heights, most, color=colour, alpha=0.14, linewidth=0, label=f"exhausts {name}")
    axes.plot(at, heights, color=colour, linewidth=1.6)
    counts, times = zip(*frontier, strict=True)
    axes.plot(counts, times, color=colour, marker="o", linestyle="", markersize=4)
