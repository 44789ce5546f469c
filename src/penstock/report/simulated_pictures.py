"""Pictures of a simulation: exceedance curves of the layers, liability by member."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.core.money import Currency
from penstock.core.problems import Problem, Refused
from penstock.report.figures import ALARM, PAYER_KINDS, write_figure
from penstock.report.simulated import paying, tail_level
from penstock.sim.layout import CALL, FUND, HAIRCUT
from penstock.sim.statistics import Estimate, clopper_pearson
from penstock.sim.summary import LayerFound, MemberFound, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KIND = {"own": "defaulter", "fund": "members", "call": "members", "haircut": "members", "other": "ccp"}
_LINES = ("-", "--", ":", "-.")
MOST_MEMBERS = 25
SHOWN_DOWN_TO = 1e-5
"""Of the largest amount: below it curves hardly fall."""


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
        drawn = [one.used for one in layers] + [found.uncovered]
        for one in layers:
            colour = PAYER_KINDS[_KIND.get(one.layer.kind, "other")][1][0]
            style = _LINES[counts.get(colour, 0) % len(_LINES)]
            counts[colour] = counts.get(colour, 0) + 1
            _curve(axes, one, found, unit, colour, style)
        _uncovered(axes, found, unit)
        most = (
            max(points[-1][0] for one in drawn if (points := one.distribution.exceedance()))
            / 10**unit.decimals
        )
        axes.set_xlim(left=most * SHOWN_DOWN_TO)
        axes.fill_between([], [], color="#888888", alpha=0.25, label=f"{100 * found.level:g} % interval")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.1 / found.scenarios)
        axes.set_title("How likely each layer gives at least so much", loc="left", fontsize=12, pad=20)
        _under_title(axes, f"{found.scenarios:,} scenarios, {len(found.members)} members")
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


def _under_title(axes: "Axes", text: str) -> None:
    axes.text(0, 1.02, text, transform=axes.transAxes, fontsize=8, color="#666666")


_KINDS = (
    (FUND, "default fund", "#1565a9", "", "o"),
    (CALL, "cash calls", "#7fb3dc", "///", "^"),
    (HAIRCUT, "gains haircut", "#b9cfe2", "...", "s"),
)
_INK = "#222222"


def draw_liability(found: Summary, unit: Currency, path: Path) -> None:
    """What each member is expected to pay, and pays in the tail, by kind, the largest first.

    To a file in .svg or .png. Refused NOTHING_TO_DRAW where no member paid anything.
    """
    members = [one for one in paying(found)[:MOST_MEMBERS] if one.paid.mean.value > 0]
    if not members:
        says = "no member paid anything: there is nothing to draw"
        raise Refused(Problem("NOTHING_TO_DRAW", (), says, "more scenarios, or likelier defaults"))
    level = tail_level(members[0].paid)

    def draw(figure: "Figure") -> float:
        from matplotlib.legend_handler import HandlerTuple

        figure.set_size_inches(10.0 if level else 7.2, 1.7 + 0.28 * len(members))
        every = figure.subplots(1, 2 if level else 1, sharey=True, squeeze=False)[0]
        _expected(every[0], members, found, unit)
        if level:
            _in_tail(every[1], members, level, unit)
        for axes in every:
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.locator_params(axis="x", nbins=5)
            axes.tick_params(axis="x", labelsize=8)
            axes.margins(y=0.5 / len(members))
            axes.spines[["top", "right"]].set_visible(False)
        every[0].invert_yaxis()
        named: dict[str, list[Any]] = {}
        for axes in every:
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                named.setdefault(label, []).append(handle)
        figure.legend(
            handles=[tuple(handles) for handles in named.values()],
            labels=list(named),
            handler_map={tuple: HandlerTuple(ndivide=None, pad=0.6)},
            handlelength=4.0,
            fontsize=8,
            frameon=False,
            loc="lower center",
            ncols=len(named),
        )
        figure.tight_layout(rect=(0, 0.3 / figure.get_figheight(), 1, 1))
        return 120.0

    write_figure(path, "Liability by member", draw)


def _expected(axes: "Axes", members: Sequence[MemberFound], found: Summary, unit: Currency) -> None:
    """Stacked bars of the expected payments, with the interval of their sum."""
    names = [one.member for one in members]
    at = [0.0] * len(members)
    for kind, label, colour, hatch, _ in _KINDS:
        wide = [one.by_kind[kind].mean.value / 10**unit.decimals for one in members]
        if any(wide):
            axes.barh(names, wide, left=at, color=colour, hatch=hatch, edgecolor="#ffffff", label=label)
            at = [a + b for a, b in zip(at, wide, strict=True)]
    _intervals(
        axes, [one.paid.mean for one in members], unit, f"all, with its {100 * found.level:g} % interval"
    )
    axes.set_title("Expected payments of members", loc="left", fontsize=12, pad=20)
    left_out = len(found.members) - len(members)
    more = f"; {left_out} more pay less, or nothing" if left_out else ""
    _under_title(axes, f"{found.scenarios:,} scenarios{more}")
    axes.set_xlabel(f"in the period, {unit}")


def _in_tail(axes: "Axes", members: Sequence[MemberFound], level: float, unit: Currency) -> None:
    """Points of the expected shortfalls, which do not add up over kinds."""
    places = range(len(members))
    for kind, label, colour, _, marker in _KINDS:
        tails = [one.by_kind[kind].shortfalls[level].value / 10**unit.decimals for one in members]
        if any(tails):
            axes.plot(
                tails,
                places,
                marker,
                color=colour,
                markeredgecolor="#555555",
                markersize=6,
                clip_on=False,
                zorder=3,
                label=label,
            )
    _intervals(axes, [one.paid.shortfalls[level] for one in members], unit, "")
    axes.set_title(f"Mean of each member's worst {100 * (1 - level):g} %", loc="left", fontsize=12, pad=20)
    _under_title(axes, "each kind by itself: their tails do not add up")
    axes.set_xlim(left=0)
    axes.set_xlabel(f"in the period, {unit}")


def _intervals(axes: "Axes", amounts: Sequence[Estimate], unit: Currency, label: str) -> None:
    one = 10**unit.decimals
    middle = [amount.value / one for amount in amounts]
    beside = [
        [(amount.value - amount.low) / one if amount.bounded else 0.0 for amount in amounts],
        [(amount.high - amount.value) / one if amount.bounded else 0.0 for amount in amounts],
    ]
    axes.errorbar(
        middle,
        range(len(amounts)),
        xerr=beside,
        label=label or None,
        fmt="|",
        color=_INK,
        capsize=3,
        elinewidth=1,
        markersize=9,
    )
