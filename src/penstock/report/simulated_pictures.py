"""Pictures of a simulation: exceedance curves of the layers, liability by member."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused
from penstock.report.figures import ALARM, PAYER_KINDS, write_figure
from penstock.sim.statistics import clopper_pearson
from penstock.sim.summary import LayerFound, MemberFound, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KIND = {"own": "defaulter", "fund": "members", "call": "members", "haircut": "members", "other": "ccp"}
_LINES = ("-", "--", ":", "-.")
MOST_MEMBERS = 25


def draw_exceedance(found: Summary, unit: Currency, path: Path) -> None:
    """How likely each layer gives at least an amount, with the interval; both axes in powers of ten.

    To a file ending in .svg or .png. Refused NOTHING_TO_DRAW where no layer gave anything.
    """
    layers = [one for one in found.layers if one.used.distribution.histogram.any()]
    if not layers:
        says = "no loss reached a layer: there is nothing to draw"
        raise Refused(Problem("NOTHING_TO_DRAW", (), says, "more scenarios, or likelier defaults"))

    def draw(figure: "Figure") -> float:
        figure.set_size_inches(7.6, 4.8)
        axes = figure.subplots()
        counts: dict[str, int] = {}
        for one in layers:
            colour = PAYER_KINDS[_KIND.get(one.layer.kind, "other")][1][0]
            style = _LINES[counts.get(colour, 0) % len(_LINES)]
            counts[colour] = counts.get(colour, 0) + 1
            _curve(axes, one, found, unit, colour, style)
        _uncovered(axes, found, unit)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title("How likely each layer gives at least so much", loc="left", fontsize=12)
        axes.set_xlabel(f"amount, {unit}")
        axes.set_ylabel("probability in the period")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        figure.tight_layout()
        return 120.0

    write_figure(path, "Exceedance by layer", draw)


def _curve(axes: "Axes", one: LayerFound, found: Summary, unit: Currency, colour: str, style: str) -> None:
    points = one.used.distribution.exceedance()
    _band(axes, points, found, unit, colour)
    heights = [count / found.scenarios for _, count in points]
    places = [at / 10**unit.decimals for at, _ in points]
    label = one.layer.title or one.layer.id
    axes.step(places, heights, where="post", color=colour, ls=style, label=label)


def _uncovered(axes: "Axes", found: Summary, unit: Currency) -> None:
    points = found.uncovered.distribution.exceedance()
    if points:
        _band(axes, points, found, unit, ALARM)
        places = [at / 10**unit.decimals for at, _ in points]
        heights = [count / found.scenarios for _, count in points]
        axes.step(places, heights, where="post", color=ALARM, lw=2, label="uncovered")


def _band(
    axes: "Axes", points: Sequence[tuple[float, int]], found: Summary, unit: Currency, colour: str
) -> None:
    places = [at / 10**unit.decimals for at, _ in points]
    intervals = [clopper_pearson(count, found.scenarios, found.level) for _, count in points]
    low, high = [max(one.low, 1e-300) for one in intervals], [one.high for one in intervals]
    axes.fill_between(places, low, high, step="post", color=colour, alpha=0.15, linewidth=0)


def draw_liability(found: Summary, unit: Currency, path: Path) -> None:
    """What each member is expected to pay, by kind, the largest first; to a file in .svg or .png.

    Refused NOTHING_TO_DRAW where no member paid anything.
    """
    members = sorted(found.members, key=lambda one: -one.paid.mean.value)[:MOST_MEMBERS]
    members = [one for one in members if one.paid.mean.value > 0]
    if not members:
        says = "no member paid anything: there is nothing to draw"
        raise Refused(Problem("NOTHING_TO_DRAW", (), says, "more scenarios, or likelier defaults"))

    def draw(figure: "Figure") -> float:
        figure.set_size_inches(7.2, 1.4 + 0.26 * len(members))
        axes = figure.subplots()
        _bars(axes, members, unit)
        left_out = len(found.members) - len(members)
        more = f"; {left_out} more" if left_out else ""
        axes.set_title(f"Expected payments of members{more}", loc="left", fontsize=12)
        axes.set_xlabel(f"expected in the period, {unit}")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False, loc="lower right")
        figure.tight_layout()
        return 120.0

    write_figure(path, "Liability by member", draw)


def _bars(axes: "Axes", members: Sequence[MemberFound], unit: Currency) -> None:
    names = [one.member for one in members]
    at = [0.0] * len(members)
    for kind, label, colour, hatch in (
        ("fund", "default fund", "#1565a9", ""),
        ("call", "cash calls", "#7fb3dc", "///"),
        ("haircut", "gains haircut", "#b9cfe2", "..."),
    ):
        wide = [one.by_kind[kind] / 10**unit.decimals for one in members]
        if any(wide):
            axes.barh(names, wide, left=at, color=colour, hatch=hatch, edgecolor="#ffffff", label=label)
            at = [a + b for a, b in zip(at, wide, strict=True)]
