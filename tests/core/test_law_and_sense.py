"""Law and sense: each contradiction is found, and its lawful twin is not."""

from typing import Any

import pytest

from penstock.core.law_checks import check_law, judge
from penstock.core.problems import Refused
from penstock.core.rulebook import Rulebook
from penstock.core.sense_checks import check_sense
from penstock.store.documents import Document, from_value
from penstock.store.rulebooks import read_rulebook

MARGIN = {"id": "margin", "payer": "defaulter", "source": "initial_margin"}
OWN = {"id": "own", "payer": "ccp", "source": "own_capital", "limit": {"amount": "20.00"}}
SECOND = {**OWN, "id": "second", "source": "second_capital"}
FUND = {"id": "fund", "payer": "members", "source": "default_fund", "share": "default_fund"}
CALL = {**FUND, "id": "call", "source": "assessment", "limit": {"multiple": "1", "of": "default_fund"}}
HAIRCUT = {**FUND, "id": "haircut", "source": "initial_margin"}
GAINS = {**FUND, "id": "gains_haircut", "source": "gains", "share": "gains"}
CLIENTS = {"id": "clients", "payer": "defaulter", "source": "client_margin"}
CLOSURE = {"id": "closure", "action": "close_service", "when": {"decided": "closure"}}


def book(layers: list[dict[str, Any]], jurisdiction: str = "EU", **more: Any) -> Rulebook:
    value = {"currency": "EUR", "jurisdiction": jurisdiction, "layers": layers, **more}
    return read_rulebook(Document(from_value(value)), inline=True)


def law(rulebook: Rulebook) -> dict[str, str]:
    """Verdicts by the beginning of the rule."""
    return {finding.rule.partition(":")[0]: finding.verdict for finding in judge(rulebook)}


REFUSED: dict[str, tuple[list[dict[str, Any]], str, list[dict[str, Any]], str]] = {
    "survivors' margin in the EU": ([MARGIN, OWN, HAIRCUT], "EU", [MARGIN, OWN, GAINS], "EMIR Art. 45(4)"),
    "survivors' margin in Great Britain": ([OWN, HAIRCUT], "GB", [OWN, FUND], "EMIR Art. 45(4)"),
    "survivors' margin in Switzerland": ([HAIRCUT], "CH", [FUND], "FinMIA Art. 53"),
    "members before the CCP": ([FUND, OWN], "EU", [OWN, FUND], "RTS 153/2013 Art. 35"),
    "members beside the CCP only": (
        [{"group": "both", "split": "size", "layers": [FUND, OWN]}],
        "EU",
        [OWN, {"group": "both", "split": "size", "layers": [FUND, SECOND]}],
        "RTS 153/2013 Art. 35",
    ),
    "clients' money for the house": (
        [CLIENTS, OWN, FUND],
        "US",
        [{**CLIENTS, "account": "client"}, OWN, FUND],
        "Client money",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_law_leaves_no_room_for_is_refused(what: str) -> None:
    layers, jurisdiction, lawful, rule = REFUSED[what]
    with pytest.raises(Refused) as refused:
        book(layers, jurisdiction)
    assert refused.value.code == "RULE_LAW"
    assert rule in str(refused.value)
    assert not [problem for problem in check_law(book(lawful, jurisdiction)) if not problem.warning]


def test_the_same_haircut_is_possible_where_no_law_bars_it() -> None:
    assert book([OWN, HAIRCUT], "US")


def test_a_law_binds_from_its_first_day() -> None:
    """Before EMIR applied, members could come first; a rulebook that still says so afterwards could not."""
    early = {**FUND, "id": "early", "until": "2012-12-31"}
    assert book([early, OWN, FUND], "EU", **{"from": "2010-01-01"})
    with pytest.raises(Refused, match="2013-03-15"):
        book([{**early, "until": "2013-12-31"}, OWN, FUND], "EU", **{"from": "2010-01-01"})


def test_a_second_own_tranche_stands_before_recovery_tools_since_2023() -> None:
    rule = "Regulation (EU) 2021/23, Art. 9(14)"
    assert law(book([MARGIN, OWN, FUND, CALL]))[rule] == "contradicted"
    assert law(book([MARGIN, OWN, FUND, SECOND, CALL]))[rule] == "not contradicted"
    beside = {"group": "both", "split": "size", "layers": [FUND, SECOND]}
    assert law(book([MARGIN, OWN, beside, CALL]))[rule] == "not contradicted"
    assert law(book([MARGIN, OWN, FUND]))[rule] == "not contradicted"
    assert rule not in law(book([MARGIN, OWN, FUND, CALL], "GB"))


def test_what_cannot_be_seen_is_said() -> None:
    omnibus = {**MARGIN, "account": "omnibus"}
    rule = "17 CFR 1.20 to 1.30, 22.15 and Part 190"
    assert law(book([omnibus, OWN], "US"))[rule] == "cannot be known"
    assert law(book([{**MARGIN, "account": "client"}, OWN], "US"))[rule] == "not contradicted"
    cover = "PFMI Principle 4, key consideration 4"
    assert law(book([OWN]))[cover] == "cannot be known"
    assert law(book([OWN], cover={"standard": "cover_1"}))[cover] == "not contradicted"
    emir = "EMIR Art. 42(3) and 43(2)"
    assert law(book([OWN], cover={"standard": "cover_1"}))[emir] == "contradicted"
    assert law(book([OWN], cover={"standard": "cover_2"}))[emir] == "not contradicted"
    calls = "EMIR Art. 43(3)"
    assert law(book([OWN, FUND, SECOND, CALL]))[calls] == "cannot be known"
    window = {"length": "30 days", "multiple": "2"}
    assert law(book([OWN, FUND, SECOND, {**CALL, "window": window}]))[calls] == "not contradicted"
    order = "EMIR Art. 45(1) and (2)"
    assert law(book([OWN, MARGIN]))[order] == "contradicted"
    assert law(book([MARGIN, OWN]))[order] == "not contradicted"
    restored = "Delegated Regulation (EU) 153/2013, Art. 35 and 36"
    late = [{"layer": "own", "payer": "ccp", "due": "2 months"}]
    assert law(book([OWN], replenishment=late))[restored] == "contradicted"
    assert law(book([OWN], replenishment=[{**late[0], "due": "1 month"}]))[restored] == "cannot be known"
    beyond = "PFMI Principle 4, key consideration 7"
    assert law(book([OWN, FUND, CALL], "US"))[beyond] == "cannot be known"
    restores = [{"layer": "fund", "payer": "members"}]
    assert law(book([OWN, FUND, CALL], "US", replenishment=restores))[beyond] == "not contradicted"
    assert law(book([OWN, FUND], "US"))["17 CFR 39.35"] == "cannot be known"
    assert law(book([OWN, FUND, CALL], "US"))["17 CFR 39.35"] == "not contradicted"


SENSE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a layer after closure": (
        {"layers": [OWN, CLOSURE, FUND]},
        {"layers": [OWN, FUND, CLOSURE]},
        "fund stands after closure",
    ),
    "a purse taken whole before": (
        {"layers": [FUND, {**FUND, "id": "again"}]},
        {"layers": [{**FUND, "limit": {"amount": "1.00"}}, {**FUND, "id": "again"}]},
        "again draws on default_fund, which fund has taken whole",
    ),
    "a purse taken whole in one segment": (
        {
            "segments": ["one", "two"],
            "layers": [{**FUND, "segment": "one"}, {**FUND, "id": "again", "segment": "one"}],
        },
        {
            "segments": ["one", "two"],
            "layers": [{**FUND, "segment": "one"}, {**FUND, "id": "again", "segment": "two"}],
        },
        "again draws on default_fund",
    ),
    "a cap that never binds": (
        {
            "layers": [CALL, {**CALL, "id": "more"}],
            "caps": [{"id": "cap", "on": ["call", "more"], "limit": {"multiple": "2", "of": "default_fund"}}],
        },
        {
            "layers": [CALL, {**CALL, "id": "more"}],
            "caps": [
                {"id": "cap", "on": ["call", "more"], "limit": {"multiple": "1.5", "of": "default_fund"}}
            ],
        },
        "cap cap never binds",
    ),
    "constants that never bind": (
        {"layers": [OWN], "caps": [{"id": "cap", "on": "own", "limit": {"amount": "20.00"}}]},
        {"layers": [OWN], "caps": [{"id": "cap", "on": "own", "limit": {"amount": "19.99"}}]},
        "cap cap never binds",
    ),
}


@pytest.mark.parametrize("what", SENSE)
def test_what_makes_little_sense_is_warned_of(what: str) -> None:
    odd, sound, says = SENSE[what]
    found = list(check_sense(book(jurisdiction="SG", **odd)))
    assert [problem.says for problem in found if says in problem.says]
    assert all(problem.warning for problem in found)
    assert not list(check_sense(book(jurisdiction="SG", **sound)))


def test_values_nobody_read_are_named_unless_the_file_says_so() -> None:
    unread = {"rules": {"title": "Rules", "status": "reported"}, "none": {"title": "None"}}
    value = {
        "rulebook": "a/b",
        "title": "A",
        "from": "2020-01-01",
        "currency": "EUR",
        "jurisdiction": "SG",
        "citations": unread,
        "layers": [{**OWN, "cite": "rules"}, {**SECOND, "cite": "none"}],
    }
    found = list(check_sense(read_rulebook(Document(from_value(value)))))
    assert [problem.says for problem in found] == ["unverified: second"]
    assert not list(check_sense(read_rulebook(Document(from_value({**value, "status": "unverified"})))))
    read = {**value, "layers": [{**OWN, "cite": "rules"}]}
    assert not list(check_sense(read_rulebook(Document(from_value(read)))))


# --- what cannot be meant -----------------------------------------------------------------------------

CAP = {"id": "cap", "on": "fund"}
CALLED = {**CAP, "limit": "called"}
REFILL = {"layer": "fund", "payer": "members"}
REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "rounds for the defaulter": (
        {"layers": [{**MARGIN, "rounds": "2"}]},
        {"layers": [{**CALL, "rounds": "2"}]},
        "rounds are for those who are called again",
    ),
    "layers side by side in different segments": (
        {
            "segments": ["one", "two"],
            "layers": [
                {"group": "both", "split": "size", "layers": [{**FUND, "segment": "each"}, {**OWN}]},
            ],
        },
        {
            "segments": ["one", "two"],
            "layers": [
                {"group": "both", "split": "size", "segment": "each", "layers": [FUND, OWN]},
            ],
        },
        "different segments",
    ),
    "days beside a split": (
        {"layers": [{"group": "both", "split": "size", "layers": [{**GAINS, "base": "daily"}, OWN]}]},
        {"layers": [{"group": "both", "split": "size", "layers": [{**GAINS, "base": "cumulative"}, OWN]}]},
        "base does not go beside a split",
    ),
    "a cap that matches": (
        {"layers": [CALL, FUND], "caps": [{**CAP, "limit": {"matching": "call"}}]},
        {"layers": [CALL, FUND], "caps": [{**CAP, "limit": "default_fund"}]},
        "cap cap matches",
    ),
    "a cap that matches by way of a figure": (
        {
            "figures": {"called": {"matching": "call"}},
            "layers": [CALL, FUND],
            "caps": [{**CAP, "limit": "called"}],
        },
        {
            "figures": {"called": {"of": "default_fund"}},
            "layers": [FUND],
            "caps": [{**CAP, "limit": "called"}],
        },
        "cap cap matches",
    ),
    "a share that matches": (
        {"layers": [CALL, {**FUND, "share": {"matching": "call"}}]},
        {"layers": [CALL, {**FUND, "limit": {"matching": "call"}}]},
        "a share cannot match",
    ),
    "the start of no window": (
        {"layers": [{**CALL, "limit": {"of": "default_fund", "measured": "at_window_start"}}]},
        {
            "layers": [
                {
                    **CALL,
                    "limit": {"of": "default_fund", "measured": "at_window_start"},
                    "window": {"length": "30 days", "times": "2"},
                }
            ]
        },
        "there is no window",
    ),
    "gains counted over different days": (
        {"layers": [GAINS, {**GAINS, "id": "more", "base": "daily"}]},
        {"layers": [GAINS, {**GAINS, "id": "more", "base": "cumulative"}]},
        "count gains over different days",
    ),
    "recoveries to nobody": (
        {"layers": [FUND], "recoveries": {"except": ["somebody"]}},
        {"layers": [FUND], "recoveries": {"except": ["fund", "ccp"]}},
        "stands nowhere",
    ),
    "recoveries by an unknown key": (
        {"layers": [FUND], "recoveries": {"share": "nothing"}},
        {"layers": [FUND], "recoveries": {"share": "default_fund"}},
        "'nothing' is unknown",
    ),
    "replenishment of an unknown amount": (
        {"layers": [FUND], "replenishment": [{"layer": "fund", "payer": "members", "restores": "nothing"}]},
        {
            "layers": [FUND],
            "replenishment": [{"layer": "fund", "payer": "members", "restores": "default_fund"}],
        },
        "'nothing' is unknown",
    ),
    "a replenishment whose window says nothing": (
        {
            "layers": [FUND],
            "replenishment": [{"layer": "fund", "payer": "members", "window": {"length": "9 days"}}],
        },
        {
            "layers": [FUND],
            "replenishment": [
                {"layer": "fund", "payer": "members", "window": {"length": "9 days", "times": "1"}}
            ],
        },
        "a window that limits nothing",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_cannot_be_meant_is_refused(what: str) -> None:
    wrong, right, says = REFUSALS[what]
    with pytest.raises(Refused, match=says) as refused:
        book(jurisdiction="SG", **wrong)
    assert len(refused.value.problems) == 1
    assert book(jurisdiction="SG", **right)


def test_amounts_that_cannot_be_compared_are_not_warned_of() -> None:
    """A cap over a window, of other names, less something, or on an unlimited layer may bind."""
    twice = {"multiple": "2", "of": "default_fund"}
    for cap in (
        {"on": "call", "limit": twice, "window": {"length": "9 days"}},
        {"on": "call", "limit": twice, "where": {"active": "true"}},
        {"on": "call", "limit": {**twice, "less": {"amount": "1.00"}}},
        {"on": "call", "limit": {"greatest": ["default_fund", {"amount": "1.00"}]}},
        {"on": "call", "limit": {"amount": "999.00"}},
        {"on": "fund", "limit": twice},
        {"on": "call", "limit": {"2020-01-01": twice, "2022-01-01": "default_fund"}},
    ):
        one = book([CALL, FUND], "SG", caps=[{"id": "cap", **cap}], **{"from": "2020-01-01"})
        assert [problem for problem in check_sense(one) if "never binds" in problem.says] == []


def test_a_layer_that_begins_when_the_action_has_ended_is_not_after_it() -> None:
    early = {**CLOSURE, "until": "2020-12-31"}
    assert not list(check_sense(book([early, {**FUND, "from": "2021-01-01"}], "SG")))
    assert list(check_sense(book([early, {**FUND, "from": "2020-01-01"}], "SG")))
