"""The precedents: every input says where it is from, and what comes out is what was published."""

from collections.abc import Iterator
from datetime import date

import pytest

from penstock.app import precedents
from penstock.core.money import parse
from penstock.core.plans import plan
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


def test_nasdaq_restored_what_was_used_and_stood_in_for_90_days() -> None:
    scenario = precedents.load("nasdaq-2018")
    result = replay(scenario)
    ours, theirs = result.happenings
    assert ours.layers == {"junior_capital": {"ccp": 7_000_000_00}}
    ((layer, restored),) = theirs.layers.items()
    assert layer == "replenished_member_fund"
    assert sum(restored.values()) == 107_000_000_00
    assert restored == result.events[0].layers[3].paid
    assert result.events[0].layers[3].layer.id == "member_fund"
    temporary = {
        day: "temporary_junior_capital" in [layer.id for layer, _ in plan(scenario.rulebook, day).layers()]
        for day in (date(2018, 9, 13), date(2018, 9, 14), date(2018, 12, 12), date(2018, 12, 13))
    }
    assert list(temporary.values()) == [False, True, True, False]


def test_irgit_gave_all_of_it_back() -> None:
    scenario = precedents.load("irgit-2020")
    result = replay(scenario)
    (back,) = result.happenings
    assert back.layers == {"member_fund": {"OTHERS": 207}}
    assert back.surplus == {}
    assert _published(scenario, "returned to the members, in hundredths of the fund") == 207


def test_lehman_at_cme_stayed_inside_its_margin() -> None:
    scenario = precedents.load("lehman-cme-2008")
    result = replay(scenario)
    rows = {row.layer.id: row for row in result.events[0].layers}
    assert rows["house_margin"].used == _published(scenario, "paid by CME to the buyers")
    assert rows["house_margin"].capacity == _published(
        scenario, "collateral of the house positions sold by CME"
    )
    assert result.events[0].surplus["house"] == _published(scenario, "collateral left over")
    found = burden(result.events[0])
    assert (found.before_members, found.survivors, result.events[0].uncovered) == (0, 0, 0)
    story = scenario.precedent
    assert story is not None
    paid = [one.amount for one in story.published if one.what.startswith("paid for ")]
    assert len(paid) == 5
    assert sum(amount for amount in paid if amount) == 1_539_000_000_00


def test_fellow_customers_bore_part_of_comex_1985() -> None:
    scenario = precedents.load("comex-1985")
    event = replay(scenario).events[0]
    rows = {row.layer.id: row.used for row in event.layers}
    assert rows["customer_margin"] == _published(scenario, "customers' deposits taken by the association")
    assert rows["association_cash"] == _published(scenario, "the association's own cash paid out")
    assert sum(rows.values()) == _published(scenario, "margin call not met")
    assert event.uncovered == 0


def test_mf_global_left_the_waterfall_alone() -> None:
    event = replay(precedents.load("mf-global-2011")).events[0]
    found = burden(event)
    assert (event.loss, found.before_members, found.survivors, event.uncovered) == (0, 0, 0, 0)
    assert [row.used for row in event.layers] == [0] * len(event.layers)
