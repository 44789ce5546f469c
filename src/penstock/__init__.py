"""Penstock: default waterfalls of central counterparties, to the cent, with every cent's rule.

    import penstock

    scenario = penstock.load_scenario("scenario.yaml")
    result = penstock.run(scenario)
    for event in result.events:
        for row in event.layers:
            print(row.layer.id, row.used, row.paid)

Amounts are whole minor units of the scenario's currency (``penstock.written`` writes them out);
``penstock.result_json`` gives the JSON of ``penstock run --json``. What is wrong with a file or a run
is raised as ``penstock.Refused``, whose ``problems`` say what, where, and what to write instead.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.core.exposure import Curve, Most, curve, most
    from penstock.core.money import Currency, parse, written
    from penstock.core.problems import Problem, Refused
    from penstock.core.replay import Result
    from penstock.core.replay import replay as run
    from penstock.core.results import EventResult, Happening, LayerResult
    from penstock.core.rulebook import Rulebook
    from penstock.core.scenario import Scenario
    from penstock.core.unfunded import Payout, paid_out, torn_up
    from penstock.report.bill import bill
    from penstock.report.wire import result_json
    from penstock.store.rulebooks import open_rulebook as load_rulebook
    from penstock.store.rulebooks import rulebook_from as rulebook
    from penstock.store.scenarios import open_scenario as load_scenario
    from penstock.store.scenarios import scenario_from as scenario

__version__ = "0.1.0"

_HOME = {
    "Curve": "core.exposure",
    "Most": "core.exposure",
    "curve": "core.exposure",
    "most": "core.exposure",
    "Currency": "core.money",
    "parse": "core.money",
    "written": "core.money",
    "Problem": "core.problems",
    "Refused": "core.problems",
    "EventResult": "core.results",
    "Happening": "core.results",
    "LayerResult": "core.results",
    "Result": "core.replay",
    "run": "core.replay:replay",
    "Rulebook": "core.rulebook",
    "Scenario": "core.scenario",
    "Payout": "core.unfunded",
    "paid_out": "core.unfunded",
    "torn_up": "core.unfunded",
    "bill": "report.bill",
    "result_json": "report.wire",
    "load_rulebook": "store.rulebooks:open_rulebook",
    "rulebook": "store.rulebooks:rulebook_from",
    "load_scenario": "store.scenarios:open_scenario",
    "scenario": "store.scenarios:scenario_from",
}

__all__ = [
    "Currency",
    "Curve",
    "EventResult",
    "Happening",
    "LayerResult",
    "Most",
    "Payout",
    "Problem",
    "Refused",
    "Result",
    "Rulebook",
    "Scenario",
    "bill",
    "curve",
    "load_rulebook",
    "load_scenario",
    "most",
    "paid_out",
    "parse",
    "result_json",
    "rulebook",
    "run",
    "scenario",
    "torn_up",
    "written",
]


def __getattr__(name: str) -> object:
    """Import a name of the API when it is first used: start-up stays quick."""
    if name not in _HOME:
        raise AttributeError(f"module 'penstock' has no attribute {name!r}")
    module, _, attribute = _HOME[name].partition(":")
    value: object = getattr(import_module(f"penstock.{module}"), attribute or name)
    globals()[name] = value
    return value
