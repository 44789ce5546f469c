"""The frontier of a reverse stress test: how severe, against how many defaults."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.core.problems import Problem, Refused
from penstock.report.figures import ALARM, PAYER_KINDS, write_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_frontier(frontier: Sequence[tuple[int, float]], path: Path) -> None:
    """Defaults across, and how many times the stressed losses they need; to a file in .svg or .png.

    Refused REVERSE_NONE where no severity is enough for any number of defaults.
    """
    if not frontier:
        says = "no defaults exhaust it at any severity: there is nothing to draw"
        raise Refused(Problem("REVERSE_NONE", (), says, "no --picture"))

    def draw(figure: "Figure") -> float:
        figure.set_size_inches(7.2, 4.2)
        axes = figure.subplots()
        counts, times = zip(*frontier, strict=True)
        colour = PAYER_KINDS["members"][1][0]
        axes.step(counts, times, where="post", color=colour)
        axes.plot(counts, times, color=colour, marker="o", linestyle="", markersize=4)
        axes.fill_between(counts, times, max(times) * 1.1, step="post", color=ALARM, alpha=0.12, linewidth=0)
        axes.axhline(1, color="#68707c", linestyle="--", linewidth=0.8)
        axes.set_title("What exhausts it: above the line", loc="left", fontsize=12)
        axes.set_xlabel("defaults at the same time")
        axes.set_ylabel("times the stressed losses")
        axes.set_ylim(0, max(times) * 1.1)
        axes.set_xticks(counts[:: 1 + len(counts) // 15])
        axes.spines[["top", "right"]].set_visible(False)
        figure.tight_layout()
        return 120.0

    write_figure(path, "Severity and defaults", draw)
