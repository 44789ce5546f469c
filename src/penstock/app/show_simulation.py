"""What a simulation found, printed, drawn and kept in its folder."""

import json as codec
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from penstock.app.console import err, out, table

if TYPE_CHECKING:
    from rich.console import Console

    from penstock.app.keeping import Run
    from penstock.app.simulating import Ready
    from penstock.app.weighing import RareRun
    from penstock.sim.summary import Summary

SHOWN = 15
"""Members in a table."""


def found(
    one: "Ready",
    run: "Run",
    level: float,
    rare: "RareRun | None",
    *,
    about: Mapping[str, Any],
    json: bool,
    picture: Path | None,
) -> None:
    """Print what a run found, write its folder and the picture; ``about``: what was run."""
    from penstock.app import keeping
    from penstock.report import simulated, simulated_pictures, weighted
    from penstock.sim.summary import summary

    unit = one.file.scenario.currency
    told = summary(one.engine, run.tally, level)
    said = dict(about)
    if rare:
        part = {"interrupted": rare.found.scenarios < rare.asked}
        said["importance_sampling"] = weighted.rare_json(rare) | part
    whole = simulated.simulated_json(told, unit, said)
    if run.folder:
        texts = simulated.tables(told, unit)
        if rare:
            texts["rare.csv"] = weighted.rare_csv(rare.found, told)
        texts["summary.json"] = codec.dumps(whole, indent=2) + "\n"
        pictures = {
            "exceedance.svg": partial(simulated_pictures.draw_exceedance, told, unit),
            "liability.svg": partial(simulated_pictures.draw_liability, told, unit),
        }
        keeping.kept(run.folder, texts, pictures)
    if json:
        sys.stdout.write(codec.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    else:
        _tell(one, told)
        if rare:
            _tell_rare(rare, told)
    if picture:
        simulated_pictures.draw_exceedance(told, unit, picture)
        err.print(f"{picture} written", style="quiet")


def _tell_rare(rare: "RareRun", found: "Summary") -> None:
    """Print the events beside those of the plain run, and what the importance sampling gained."""
    from penstock.report import weighted

    aim = "what is uncovered" if rare.target == "uncovered" else f"a loss beyond {rare.target}"
    out.print(f"\n[title]By importance sampling[/title], aimed at {aim}")
    few = f" of {rare.asked:,}, interrupted" if rare.found.scenarios < rare.asked else ""
    text = f"{rare.found.scenarios:,} scenarios{few}; mean weight {rare.found.weight:.4f}, "
    out.print(text + f"within {2 * rare.found.weight_error:.4f} of 1 by chance\n", style="quiet")
    part = f"{100 * found.level:g}%"
    heads = ("event", "plain", part, "weighted", part, "effective", "gain")
    table(heads, weighted.rare_rows(rare, found), right=(1, 3, 5, 6), whole=(0, 2, 4))


def _tell(one: "Ready", found: "Summary") -> None:
    """Print layers and members."""
    from penstock.report import simulated

    unit = one.file.scenario.currency
    out.print(f"[title]{one.file.title}[/title]" if "[" not in one.file.title else one.file.title)
    some = sum(found.defaults[1:]) / found.scenarios
    text = f"{found.scenarios:,} scenarios, {len(found.members)} members, {unit}; "
    out.print(text + f"somebody defaults in {simulated.likely(some)}\n", style="quiet")
    part = f"{100 * found.level:g}%"
    level = simulated.tail_level(found.beyond)
    tail = f"ES {100 * level:g} %" if level else "ES"
    table(("layer", "hit", part, "exhausted", part), simulated.layer_rows(found), (1, 3), (0, 2, 4))
    out.print()
    table(("layer", "mean", part, tail, part), simulated.amount_rows(found, unit), (1, 3), (0, 2, 4))
    kinds = ("fund", "calls", "haircut")
    out.print("\nExpected payments of members, by kind\n", style="quiet")
    rows = simulated.member_rows(found, unit, SHOWN)
    table(("member", "defaults", "pays", *kinds, "mean", part), rows, range(1, 7), (0, 7))
    if level:
        out.print(f"\nand the mean of the worst {100 * (1 - level):g} %, of each by itself\n", style="quiet")
        rows = simulated.tail_rows(found, unit, level, SHOWN)
        table(("member", *kinds, "all", part), rows, range(1, 5), (0, 5))
    if len(found.members) > SHOWN:
        out.print(f"and {len(found.members) - SHOWN} more; --json and --out have all", style="quiet")
    if found.largest:
        err.print(
            f"In {found.largest:,} scenarios losses reach 2^50 minor units, the most that counts of one"
        )


def worst(one: "Ready", run: "Run", number: int, to: "Console") -> None:
    """Replay the worst scenarios in the exact engine, and say whether every layer is the same."""
    from penstock.core.money import written
    from penstock.sim import reference
    from penstock.sim.exact import replayed

    unit = one.file.scenario.currency

    rows_ = (tuple(int(one_) for one_ in row) for row in run.tally.worst[:number] if row[2] >= 0)
    for uncovered, beyond, scenario in rows_:
        drawn = reference.scenario(one.engine.model, run.seed, scenario)
        poured = reference.poured(one.waterfall, one.engine.model, run.seed, drawn)
        if (poured.uncovered, poured.beyond) != (uncovered, beyond):
            raise AssertionError(f"scenario {scenario} is not the same as it was added up")
        _, event = replayed(one.waterfall, one.engine.model, run.seed, scenario)
        same = [row.used for row in event.layers] == poured.used and event.uncovered == poured.uncovered
        to.print(f"\n[title]Scenario {scenario}[/title], replayed in the exact engine")
        to.print(Text(f"default of {', '.join(event.members)}", style="quiet"), soft_wrap=False)
        rows = [(row.layer.id, written(row.used, unit, grouped=True)) for row in event.layers]
        rows.append(("uncovered", written(event.uncovered, unit, grouped=True)))
        table(("layer", "used"), rows, right=(1,), to=to)
        if not same:
            says = f"scenario {scenario} is not the same in the exact engine"
            raise AssertionError(says)
        to.print("the same to the cent as simulated", style="quiet")
