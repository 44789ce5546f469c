"""What a stress matrix asks of a default fund: tables, JSON and the Cover-n curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.core.money import Currency, written
from penstock.report.figures import PAYER_KINDS, write_figure
from penstock.sim.stress import Cover

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Sized:
    """A sizing: ``covers`` by number of defaults, ``emir`` Art. 42(3), the fund and who contributes what."""

    scenarios: int
    members: int
    groups: int
    covers: Sequence[Cover]
    emir: Cover
    standard: int
    own: int
    fund: int
    binding: str
    defaulters: tuple[str, ...]
    contributions: dict[str, int]


def cover_rows(sized: Sized, unit: Currency) -> list[tuple[str, str, str, str]]:
    """Standard, amount, scenario, defaulters: one row a number of defaults, then EMIR Art. 42(3)."""
    rows = [(f"Cover {one.n}", *_cover(one, unit)) for one in sized.covers]
    return [*rows, ("EMIR 42(3)", *_cover(sized.emir, unit))]


def _cover(one: Cover, unit: Currency) -> tuple[str, str, str]:
    return written(one.amount, unit, grouped=True), one.scenario, ", ".join(one.groups)


def contribution_rows(sized: Sized, unit: Currency) -> list[tuple[str, str]]:
    """Members by contribution, the largest first."""
    ordered = sorted(sized.contributions.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(member, written(amount, unit, grouped=True)) for member, amount in ordered]


def sized_json(sized: Sized, unit: Currency) -> dict[str, Any]:
    """The sizing as JSON; amounts as strings with exactly the currency's decimals."""

    def told(one: Cover) -> dict[str, Any]:
        return {
            "defaults": one.n,
            "amount": written(one.amount, unit),
            "scenario": one.scenario,
            "groups": list(one.groups),
        }

    return {
        "currency": unit.code,
        "scenarios": sized.scenarios,
        "members": sized.members,
        "groups": sized.groups,
        "cover": [told(one) for one in sized.covers],
        "emir_42_3": told(sized.emir),
        "fund": {
            "cover": sized.standard,
            "own_capital": written(sized.own, unit),
            "size": written(sized.fund, unit),
            "scenario": sized.binding,
            "groups": list(sized.defaulters),
            "contributions": {m: written(a, unit) for m, a in sized.contributions.items()},
        },
    }


def draw_covers(sized: Sized, unit: Currency, path: Path) -> None:
    """The Cover-n curve with the fund across it, to a file ending in .svg or .png."""
    scale = 10**unit.decimals

    def draw(figure: "Figure") -> float:
        figure.set_size_inches(7.2, 4.2)
        axes = figure.subplots()
        colour = PAYER_KINDS["members"][1][0]
        counts = [one.n for one in sized.covers]
        axes.plot(counts, [one.amount / scale for one in sized.covers], color=colour, marker="o")
        held = (sized.fund + sized.own) / scale
        label = "Fund and own capital" if sized.own else "Fund"
        axes.axhline(held, color=PAYER_KINDS["ccp"][1][0], linestyle="--", label=label)
        axes.set_title("The largest defaults of one scenario", loc="left", fontsize=12)
        axes.set_xlabel("defaults at the same time")
        axes.set_ylabel(f"loss beyond margin, {unit}")
        axes.set_xticks(counts)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower right", fontsize=8, frameon=False)
        figure.tight_layout()
        return 120.0

    write_figure(path, "Cover-n curve", draw)
