"""What a comparison found, printed, drawn and kept in its folder."""

import json as codec
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.app.console import err, out, table
from penstock.app.show_simulation import SHOWN
from penstock.core.money import Currency

if TYPE_CHECKING:
    from penstock.app.keeping import Run
    from penstock.app.simulating import Ready
    from penstock.sim.comparison import Comparison


def found(
    sides: Sequence["Ready"],
    run: "Run",
    level: float,
    *,
    about: Mapping[str, Any],
    json: bool,
    picture: Path | None,
) -> None:
    """Print what a comparison found, write its folder and the picture; ``about``: what was run."""
    from penstock.app import keeping
    from penstock.report import compared, compared_pictures
    from penstock.sim.comparison import comparison

    unit, titles = sides[0].file.scenario.currency, [_title(one) for one in sides]
    told = comparison(run.engine, run.tally, level)
    whole = compared.compared_json(told, unit, {**about, "compared": titles})
    draw = partial(compared_pictures.draw_comparison, told, titles, unit)
    if run.folder:
        texts = {**compared.tables(told, unit), "summary.json": codec.dumps(whole, indent=2) + "\n"}
        keeping.kept(run.folder, texts, {"comparison.svg": draw})
    if json:
        sys.stdout.write(codec.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    else:
        _tell(told, titles, unit)
    if picture:
        draw(picture)
        err.print(f"{picture} written", style="quiet")


def _tell(found: "Comparison", titles: Sequence[str], unit: Currency) -> None:
    """Print payers and members under both, and the differences."""
    from penstock.report import compared

    out.print(f"A: {titles[0]}\nB: {titles[1]}", markup=False)
    out.print(f"{found.scenarios:,} scenarios, the same for both, {unit}\n", style="quiet")
    if not any(any(each.means) for each in found.payers):
        out.print("Nobody pays anything under either: no loss in these scenarios.")
        return
    heads = ("", "A pays", "B pays", "A mean", "B mean", "A - B", f"A - B, {100 * found.level:g}%")
    right = (1, 2, 3, 4, 5, 6)
    table(heads, compared.rows(found.payers, unit), right=right)
    members = sorted(found.members, key=lambda each: -abs(each.difference.value))[:SHOWN]
    out.print()
    table(("member", *heads[1:]), compared.rows(tuple(members), unit), right=right)


def _title(one: "Ready") -> str:
    scenario = one.file.scenario
    reference = scenario.reference or scenario.rulebook.rulebook
    if reference.endswith((".yaml", ".yml")):
        reference = Path(reference).name
    return f"{one.file.title}, {reference}"
