"""Every shipped rulebook: simulated with the layers of the exact engine, or refused by the word it says."""

import copy
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from penstock.core.problems import Refused
from penstock.sim import reference
from penstock.sim.base import Base
from penstock.sim.compile import compiled
from penstock.sim.exact import replayed
from penstock.sim.layout import PARTY, Waterfall
from penstock.sim.model import arrays
from penstock.store.rulebooks import listed
from penstock.store.scenarios import scenario_from
from sim.test_kernel import agree, model, same, simulated

CASES = Path(__file__).parents[1] / "cases"
BOOKS = [name for name, _ in listed()]
REFUSED = {
    "asx/clear_futures": "segments",
    "b3/clearing": "payer: customer",
    "bme/clearing": "segments",
    "jscc/listed": "segments",
    "lch/swapclear_rates": "segments",
}
NOT_GIVEN = re.compile(r"(?:figure )?(\w+)(?: of (\S+))? is not given")


@cache
def cases() -> dict[str, list[dict[str, Any]]]:
    """The scenarios of the worked cases, by rulebook."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader):
            book = case.get("scenario", {}).get("rulebook", "")
            if isinstance(book, str) and book and "refused" not in case:
                found.setdefault(book.partition("@")[0], []).append(case["scenario"])
    return found


def expressed(told: dict[str, Any]) -> Waterfall:
    """The scenario's rulebook as arrays; what is not given is given, since survivors may default too."""
    told = copy.deepcopy(told)
    for _ in range(99):
        read = scenario_from({"scenario": "what if", **told})
        try:
            return compiled(Base(read), sorted(read.members))
        except Refused as refused:
            missing = NOT_GIVEN.search(str(refused))
            if not missing:
                raise
            purse, of = missing.groups()
            resources, amount = told["resources"], "3000" if told["currency"] in ("JPY", "KRW") else "3000.00"
            if of in resources["members"]:
                resources["members"][of][purse] = amount
            else:
                (resources.setdefault(of, {}) if of else told.setdefault("figures", {}))[purse] = amount
    raise AssertionError("whatever is given, something is not")


def test_all_of_them_are_here() -> None:
    """A worked case for each that is shipped."""
    assert len(BOOKS) >= 21
    assert set(BOOKS) <= set(cases())
    assert set(REFUSED) < set(BOOKS)


@pytest.mark.parametrize("book", [book for book in BOOKS if book not in REFUSED])
def test_a_shipped_rulebook_has_the_layers_of_the_exact_engine(book: str) -> None:
    """Each of its cases, with losses of the size of its layers; kernel and reference with the same bits."""
    for told in cases()[book]:
        waterfall = expressed(told)
        parts = waterfall.arrays
        count = len(waterfall.members)
        parties = np.maximum(parts.parts[:, PARTY], 0).sum()
        size = float(parts.totals.sum() + parts.own.sum() + parties) / count
        chances, scale = np.full(count, 0.35), np.full(count, size)
        one = model(waterfall.members, probability=chances, scale=scale, degrees=5.0)
        m = arrays(one)
        beyond = 0
        for number in range(100):
            drawn = reference.scenario(m, 3, number)
            if drawn.losses and beyond < 4:
                found = reference.poured(waterfall, m, 3, drawn)
                agree(waterfall, found, replayed(waterfall, m, 3, number)[1])
                beyond += found.beyond > 0
        assert beyond >= 4, "losses go beyond the defaulters' own resources"
        assert same(simulated(waterfall, one, 0, 100), reference.tallied(waterfall, m, 7, 0, 100))


@pytest.mark.parametrize("book", REFUSED)
def test_a_shipped_rulebook_that_arrays_cannot_say_is_refused_by_name(book: str) -> None:
    """Never approximated: the word, where it stands, and what to do."""
    for told in cases()[book]:
        with pytest.raises(Refused) as refused:
            expressed(told)
        assert refused.value.code == "NOT_SIMULATED"
        assert f"cannot express {REFUSED[book]!r}" in str(refused.value)
        assert "penstock run" in str(refused.value)
