"""Liquidity when members default: table, JSON, and the balances over days."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.core.money import Currency, written
from penstock.report.figures import ALARM, PAYER_KINDS, write_figure
from penstock.sim.liquidity import Ladder, Rung

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Ladders = Sequence[tuple[Ladder, Currency]]


def worst_rows(ladders: Ladders) -> list[tuple[str, str, str, str, str]]:
    """Currency, resources, lowest balance, its day, whose default it is: one row a currency."""
    return [
        (
            unit.code,
            written(one.resources, unit, grouped=True),
            written(one.worst.balance, unit, grouped=True),
            one.worst.day,
            ", ".join(one.worst.defaulters),
        )
        for one, unit in ladders
    ]


def ladders_json(ladders: Ladders, defaults: int) -> dict[str, Any]:
    """The ladders as JSON; amounts as strings with exactly the decimals of their currency."""

    def told(rung: Rung, unit: Currency) -> dict[str, Any]:
        return {
            "day": rung.day,
            "balance": written(rung.balance, unit),
            "met": rung.balance >= 0,
            "groups": list(rung.defaulters),
        }

    return {
        "defaults": defaults,
        "met": all(one.worst.balance >= 0 for one, _ in ladders),
        "currencies": {
            unit.code: {
                "resources": written(one.resources, unit),
                "worst": told(one.worst, unit),
                "days": [told(rung, unit) for rung in one.days],
            }
            for one, unit in ladders
        },
    }


def draw_ladders(ladders: Ladders, path: Path) -> None:
    """The lowest balance of each day, a panel a currency, to a file ending in .svg or .png."""

    def draw(figure: "Figure") -> float:
        figure.set_size_inches(7.2, 0.6 + 2.2 * len(ladders))
        panels = figure.subplots(len(ladders), squeeze=False)[:, 0]
        for (one, unit), axes in zip(ladders, panels, strict=True):
            places = range(len(one.days))
            balances = [rung.balance / 10**unit.decimals for rung in one.days]
            colours = [ALARM if balance < 0 else PAYER_KINDS["ccp"][1][0] for balance in balances]
            axes.bar(places, balances, color=colours, width=0.7)
            axes.axhline(0, color="#000000", linewidth=0.8)
            axes.axhline(one.resources / 10**unit.decimals, color="#68707c", linestyle="--", linewidth=0.8)
            axes.set_ylabel(f"balance, {unit}")
            step = max(1, len(one.days) // 8)
            axes.set_xticks(list(places)[::step], [rung.day for rung in one.days][::step])
            axes.yaxis.set_major_formatter("{x:,.0f}")
            axes.spines[["top", "right"]].set_visible(False)
        title = "The lowest balance of each day; dashed, all resources"
        panels[0].set_title(title, loc="left", fontsize=12)
        figure.tight_layout()
        return 120.0

    write_figure(path, "Liquidity under default", draw)
