"""The precedents: every input says where it is from, and what comes out is what was published."""

from collections.abc import Iterator

import pytest

from penstock.app import precedents
from penstock.core.money import parse
from penstock.core.replay import replay
from penstock.core.scenario import Scenario, Stated
from penstock.report.precedents import burden

NAMES = precedents.names()


def _inputs(scenario: Scenario) -> Iterator[Stated]:
    for fields in (*scenario.parties.values(), *(member.fields for member in scenario.members.values())):
        for field in fields.values():
            yield from field.values.values()
    for default in scenario.defaults:
        yield from default.losses.values()


def _published(scenario: Scenario, what: str) -> int | str:
    assert scenario.precedent is not None
    published = scenario.precedent.published
    found = [one for one in published if one.what == what] or [one for one in published if what in one.what]
    assert len(found) == 1, (what, [one.what for one in found])
    one = found[0]
    return one.amount if one.amount is not None else str(one.date_ or one.value)


def test_they_are_there() -> None:
    assert NAMES == [
        "comex-1985",
        "irgit-2020",
        "krx-2013",
        "lch-2022",
        "lehman-cme-2008",
        "mf-global-2011",
        "nasdaq-2018",
        "swapclear-2008",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_input_says_where_it_is_from(name: str) -> None:
    scenario = precedents.load(name)
    for stated in _inputs(scenario):
        assert stated.value is None or stated.basis in ("published", "derived", "assumed")
        assert stated.value is not None or stated.why
        assert stated.basis != "published" or stated.cite is not None
    story = scenario.precedent
    assert story is not None
    assert story.cause
    assert story.confidence
    assert story.lesson
    assert story.published
    assert story.disagreements
    assert all(one.cite for one in story.published)


def test_nasdaq_comes_out_as_published() -> None:
    scenario = precedents.load("nasdaq-2018")
    found = burden(replay(scenario).events[0])
    assert found.before_members == _published(scenario, "junior capital used")
    assert found.survivors == _published(scenario, "other members' default fund used")
    assert found.fund == _published(scenario, "commodities default fund before")
    # replenished within two business days: notice on a Thursday, last day the Monday after
    assert _published(scenario, "notice to the members to replenish") == "2018-09-13"
    assert _published(scenario, "last day to replenish") == "2018-09-17"


def test_krx_comes_out_as_published_and_its_own_capital_bears_nothing() -> None:
    scenario = precedents.load("krx-2013")
    found = burden(replay(scenario).events[0])
    assert (found.ccp, found.survivors) == (0, 41_500_000_000)
    assert found.survivors == _published(scenario, "borne by the other members")
    due, paid = (_published(scenario, what) for what in ("due at the deadline", "paid at the deadline"))
    gap = _published(scenario, "gap paid from liquidity")
    assert isinstance(due, int)
    assert isinstance(paid, int)
    assert due - paid == gap == 57_060_000_000
    # the defaulter's side is the difference, derived
    assert found.defaulter == 57_060_000_000 - 41_500_000_000
    firms = [member for member in scenario.members if member not in ("HANMAG", "OTHERS")]
    assert len(firms) == 17


def test_lehman_at_swapclear_is_recorded_and_not_computed() -> None:
    scenario = precedents.load("swapclear-2008")
    event = replay(scenario).events[0]
    assert event.unpublished
    assert event.layers == ()
    for what, figure in (
        ("notional of the book", "USD 9 trillion"),
        ("trades", "66 390"),
        ("currencies", "5"),
        ("first auction", "2008-09-24"),
        ("last auction", "2008-10-03"),
    ):
        assert _published(scenario, what) == figure
    assert _published(scenario, "default fund used") == 0


def test_irgit_stands_in_hundredths_of_its_fund() -> None:
    scenario = precedents.load("irgit-2020")
    found = burden(replay(scenario).events[0])
    assert (found.survivors, found.fund) == (
        parse("2.07", scenario.currency),
        parse("100.00", scenario.currency),
    )


def test_vtb_at_lch_is_not_computed() -> None:
    assert replay(precedents.load("lch-2022")).events[0].unpublished
