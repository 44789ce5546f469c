"""What-if runs: a scenario under another rulebook, or with one layer changed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from penstock.core.money import parse
from penstock.core.problems import Problem, Refused
from penstock.core.rule_checks import check_rulebook
from penstock.core.scenario import Scenario
from penstock.core.scenario_checks import check_scenario
from penstock.core.variants import with_capital_before, with_limit
from penstock.store.scenarios import load_scenario


def changed(path: Path, what: str, folders: Sequence[Path]) -> Scenario:
    """The scenario in the file with one thing changed; Refused if the change makes no sense."""
    kind, equals, rest = what.partition("=")
    if not equals:
        return load_scenario(path, folders, under=what)
    scenario = load_scenario(path, folders)
    unit = scenario.currency
    if kind == "without":
        book = with_limit(scenario.rulebook, rest, 0)
    elif kind == "limit" and ":" in rest:
        layer, _, amount = rest.partition(":")
        book = with_limit(scenario.rulebook, layer, parse(amount, unit))
    elif kind == "ccp" and "@" in rest:
        amount, _, layer = rest.partition("@")
        book = with_capital_before(scenario.rulebook, layer, parse(amount, unit))
    else:
        instead = "a rulebook, without=LAYER, limit=LAYER:AMOUNT or ccp=AMOUNT@LAYER"
        raise Refused(Problem("WHAT_IF", (), f"{what!r} is not understood", instead))
    again = replace(scenario, rulebook=book)
    problems = [p for p in (*check_rulebook(book), *check_scenario(again)) if not p.warning]
    if problems:
        raise Refused(problems)
    return again
