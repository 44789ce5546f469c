"""A picture of a comparison: what each payer pays under A and B, and the difference with its interval."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused
from penstock.report.compared import SAID
from penstock.report.figures import ALARM, PAYER_KINDS, write_figure
from penstock.report.simulated import shown
from penstock.sim.comparison import Compared, Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KIND = {"own": "defaulter", "other": "ccp", "fund": "members", "call": "members", "haircut": "members",
         "members": "members", "ends": "other"}  # fmt: skip


def draw_comparison(found: Comparison, titles: Sequence[str], unit: Currency, path: Path) -> None:
    """Bars of what each payer is expected to pay under A and B; beside them A less B with its interval.

    ``titles``: of A and of B. To a file ending in .svg or .png. Refused NOTHING_TO_DRAW where nobody pays
    anything under either.
    """
    payers = [one for one in found.payers if any(one.means)]
    if not payers:
        says = "nobody pays anything under either: there is nothing to draw"
        raise Refused(Problem("NOTHING_TO_DRAW", (), says, "more scenarios, or likelier defaults"))
    # What both take alike from the defaulters dwarfs the rest, and says nothing of the rules.
    alike = [one for one in payers if one.name == "own" and _alike(one)]
    payers = [one for one in payers if one not in alike] or payers

    def draw(figure: "Figure") -> float:
        high = 2.3 + 0.55 * len(payers)
        figure.set_size_inches(9.6, high)
        bars, differences = figure.subplots(1, 2, sharey=True, width_ratios=(5, 4))
        _bars(bars, payers, unit)
        _differences(differences, payers, found.level, unit)
        bars.invert_yaxis()
        for axes in (bars, differences):
            axes.spines[["top", "right"]].set_visible(False)
            axes.locator_params(axis="x", nbins=4)
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.margins(x=0.28)
        bars.set_xlim(left=0)
        lines = [f"{name}: {shorten(title, 110)}" for name, title in zip("AB", titles, strict=True)]
        figure.text(0.012, 1 - 0.12 / high, "\n".join(lines), va="top", fontsize=10, parse_math=False)
        note = f"{found.scenarios:,} scenarios, the same for both; intervals at {100 * found.level:g} %."
        note += " The defaulters pay the same under both, and are left out." if alike else ""
        figure.text(0.012, 0.1 / high, note, fontsize=8, color="#4a4f57")
        figure.tight_layout(rect=(0, 0.3 / high, 1, 1 - 0.5 / high))
        return 120.0

    write_figure(path, "Two waterfalls compared", draw)


def _alike(one: Compared) -> bool:
    """Whether both waterfalls take the same from the payer in every scenario."""
    return one.difference.low == one.difference.high == 0


def _colours(one: Compared) -> tuple[str, str, str]:
    """Full for A; for B pale, and its hatch in the full colour."""
    if one.name == "uncovered":
        return ALARM, "#f6dcda", "///"
    _, used, left = PAYER_KINDS[_KIND[one.name]]
    return used[0], left[0], "///"


def _bars(axes: "Axes", payers: Sequence[Compared], unit: Currency) -> None:
    """Two bars a payer, each with its amount."""
    for place, one in enumerate(payers):
        full, pale, hatch = _colours(one)
        for side, mean in enumerate(one.means):
            at, wide = place + (0.2 if side else -0.2), mean / 10**unit.decimals
            axes.barh(
                at, wide, 0.36, color=pale if side else full, hatch=hatch if side else "", edgecolor=full
            )
            text = f"{'AB'[side]}  {shown(mean, unit)}"
            axes.annotate(text, (wide, at), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(payers)), [SAID.get(one.name, one.name) for one in payers])
    axes.set_title("Expected in the period", loc="left", fontsize=11)
    axes.set_xlabel(f"{unit}")


def _differences(axes: "Axes", payers: Sequence[Compared], level: float, unit: Currency) -> None:
    """A less B, with its interval; nothing but a line where they are alike."""
    scale = 10**unit.decimals
    axes.axvline(0, color="#9aa0a8", lw=1)
    for place, one in enumerate(payers):
        value, low, high = (each / scale for each in (one.difference.value, *_ends(one)))
        colour = _colours(one)[0]
        axes.plot([low, high], [place, place], color=colour, lw=2, solid_capstyle="butt")
        axes.plot([low, high], [place, place], "|", color=colour, ms=9)
        axes.plot([value], [place], "o", color=colour, ms=5)
        axes.annotate(
            _said(one, unit),
            (value, place),
            (0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 0.5},
        )
    axes.set_title(f"A less B, with its {100 * level:g} % interval", loc="left", fontsize=11)
    axes.set_xlabel(f"{unit}")
    axes.tick_params(axis="y", length=0)


def _said(one: Compared, unit: Currency) -> str:
    if _alike(one):
        return "the same"
    sign = "+" if one.difference.value > 0 else ""
    return f"{sign}{shown(one.difference.value, unit)}"


def _ends(one: Compared) -> tuple[float, float]:
    return one.difference.low, one.difference.high
