"""Scenario files with mistakes in them: each is refused, all at once, where it stands, with what to write.

Every test changes one small valid scenario or its rulebook, which load unchanged, and sees to it that
loading writes nothing.
"""

import contextlib
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.problems import Problem, Refused, written_path
from penstock.core.replay import Result, replay
from penstock.core.scenario import Scenario
from penstock.store.scenarios import load_scenario, scenario_from
from store.test_rulebook_inputs import PIECES as BOOK_PIECES
from store.test_rulebook_inputs import Tree, grafted, mutated, place_of
from store.test_rulebook_inputs import changed as changed_in

BOOK = """\
rulebook: example/small
title: A small service
from: "2024-01-01"
currency: EUR
jurisdiction: EU
citations:
  rules: {title: Rules, status: reported}
figures:
  capital: {given: ccp}
  factor: {given: ccp, kind: number}
  resigned: {given: member, kind: date}
  rank: {given: member, kind: word}
layers:
  - {id: margin, payer: defaulter, source: initial_margin, cite: rules 1}
  - {id: own_fund, payer: defaulter, source: default_fund, cite: rules 2}
  - {id: skin, payer: ccp, source: own_capital, limit: {multiple: factor, of: capital}, cite: rules 3}
  - id: fund
    payer: members
    source: default_fund
    share: default_fund
    order: {bid: [none, good]}
    cite: rules 4
  - {id: call, payer: members, source: assessment, share: default_fund, limit: default_fund, cite: rules 5}
"""
SEGMENTS = BOOK.replace("layers:\n", "segments: [energy, metals]\nlayers:\n")
ACCOUNTS = BOOK.replace("source: initial_margin, ", "source: initial_margin, account: client, ")

BASE = """\
scenario: Two members default
currency: EUR
rulebook: book.yaml
resources:
  ccp: {own_capital: "20000000.00"}
  members:
    M01: {initial_margin: "10000000.00", default_fund: "5000000.00", bid: good, group: alpha}
    M02: {initial_margin: "4000000.00", default_fund: "3000000.00", bid: good, resigned: "2024-02-01"}
    M03: {default_fund: {amount: "8000000.00", basis: assumed, why: a guess}, bid: none, active: "true"}
    M04: {default_fund: {"2024-01-01": "1000000.00", "2024-09-01": "2000000.00"}, bid: good}
figures: {capital: "10000000.00", factor: "2"}
defaults:
  - member: M01
    at: "2024-09-10T10:00:00+02:00"
    loss: "16000000.00"
    members: {M03: {bid: good}}
    decisions:
      - {decided: auction, by: committee, at: "2024-09-10T12:00:00+02:00", reason: none, members: [M02]}
    facts: {cause: fraud}
  - member: M02
    at: "2024-10-01T09:30:00Z"
    notice: "2024-09-30T09:30:00Z"
    loss_beyond_own_resources: {amount: "1000000.00", basis: derived, cite: rules 9}
"""
EVENT = """\
events:
  - {at: "2024-09-20T10:00:00+02:00", paid_in: {M03: {default_fund: "500000.00"}}}
"""


def changed(old: str, new: str, base: str = BASE) -> str:
    return changed_in(old, new, base)


Load = Callable[..., Scenario]
Row = tuple[str, str, str, str, str, str]
"""What is changed into what; the code; the path; the text at the place; words of what to write instead."""


@pytest.fixture(scope="module", autouse=True)
def _control(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without the mistake the files load."""
    folder = tmp_path_factory.mktemp("control")
    (folder / "book.yaml").write_text(BOOK, encoding="utf-8")
    (folder / "scenario.yaml").write_text(BASE, encoding="utf-8")
    assert load_scenario(folder / "scenario.yaml").title == "Two members default"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a text as a file, with its rulebook beside it, in a folder where nothing else may appear."""
    monkeypatch.chdir(tmp_path)

    def loaded(text: str, book: str = BOOK) -> Scenario:
        Path("book.yaml").write_text(book, encoding="utf-8")
        Path("scenario.yaml").write_text(text, encoding="utf-8")
        try:
            return load_scenario(Path("scenario.yaml"))
        finally:
            assert sorted(path.name for path in tmp_path.rglob("*")) == ["book.yaml", "scenario.yaml"]
            assert Path("book.yaml").read_text(encoding="utf-8") == book
            assert Path("scenario.yaml").read_text(encoding="utf-8") == text

    return loaded


def problems(load: Load, text: str, book: str = BOOK) -> tuple[Problem, ...]:
    """Why ``text`` is refused; the base, which differs by one mistake, loads."""
    with pytest.raises(Refused) as caught:
        load(text, book)
    for problem in caught.value.problems:
        assert problem.says
        assert problem.instead.strip() not in ("", "one of"), problem
        assert str(problem).isprintable()
        assert len(str(problem)) < 600
        assert problem.place.startswith(("scenario.yaml:", "book.yaml:")), problem
    return caught.value.problems


def check(load: Load, row: Row, book: str = BOOK, base: str = BASE) -> None:
    """Exactly the problems of the row: the first by code, path and place, the rest by their codes."""
    old, new, code, path, at, instead = row
    text = changed(old, new, base)
    found = problems(load, text, book)
    assert [problem.code for problem in found] == code.split()
    assert written_path(found[0].path) == path
    assert found[0].place == f"scenario.yaml:{place_of(text, at)}"
    assert instead in found[0].instead


def _id(row: Row) -> str:
    return f"{row[2].split()[0]}-{row[1].strip() or 'without ' + row[0].strip()}"[:70]


def rows(table: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", table, ids=_id)


# --- the head -------------------------------------------------------------------------------------------

HEAD: list[Row] = [
    ("scenario: Two members default\n", "",
     "SCENARIO_MISSING", "scenario", "currency: EUR", "scenario: ..."),
    ("currency: EUR\n", "", "SCENARIO_MISSING", "currency", "scenario: Two", "currency: ..."),
    ("rulebook: book.yaml\n", "", "SCENARIO_MISSING", "rulebook", "scenario: Two", "rulebook: ..."),
    ("scenario: Two", "scenaro: x\nscenario: Two", "SCENARIO_UNKNOWN_KEY", "scenaro", "scenaro", "scenario"),
    ("scenario: Two", "status: approved\nscenario: Two",
     "SCENARIO_UNKNOWN_KEY", "status", "status", "one of currency,"),
    ("figures: {", "figurs: {", "SCENARIO_UNKNOWN_KEY", "figurs", "figurs", "figures"),
    ("scenario: Two members default", 'scenario: "  "', "TEXT_BLANK", "scenario", '"  "', "a value"),
    # currency
    ("currency: EUR", "currency: USD", "CURRENCY_MISMATCH", "currency", "currency: USD", "currency: EUR"),
    ("currency: EUR", "currency: eur", "CURRENCY_UNKNOWN", "currency", "eur", "EUR"),
    ("currency: EUR", "currency: XXX", "CURRENCY_UNKNOWN", "currency", "XXX", "EUR, for one"),
    ("currency: EUR", "currency: BTC", "CURRENCY_UNKNOWN", "currency", "BTC", '{code: XYZ, decimals: "8"}'),
    ("currency: EUR", "currency: {code: EUR, decimals: 3}",
     "CURRENCY_UNKNOWN", "currency", "{code: EUR", "currency: EUR"),
    # rulebook
    ("rulebook: book.yaml", "rulebook: bok.yaml", "FILE_NOT_FOUND", "rulebook", "bok.yaml", "a file"),
    ("rulebook: book.yaml", "rulebook: illustrative/major_cpp",
     "RULE_NOT_FOUND", "rulebook", "illustrative/major_cpp", "illustrative/major_ccp"),
    ("rulebook: book.yaml", "rulebook: nowhere", "RULE_NOT_FOUND", "rulebook", "nowhere", "one of "),
    ("rulebook: book.yaml", "rulebook: book.yaml@2024-02-30",
     "SCENARIO_DATE", "rulebook", "book.yaml@", "a day of the calendar"),
    ("rulebook: book.yaml", "rulebook: book.yaml@September",
     "SCENARIO_DATE", "rulebook", "book.yaml@", '"2024-01-31"'),
    ("rulebook: book.yaml", "rulebook: book.yaml@2023-12-31",
     "SCENARIO_DATE", "rulebook", "rulebook: book.yaml@", "2024-01-01"),
    ("rulebook: book.yaml", "rulebook: [book.yaml]", "SCENARIO_TYPE", "rulebook", "[book.yaml]", "a word"),
    # figures
    ("{capital: ", '{captal: "1.00", capital: ', "SCENARIO_UNKNOWN_KEY", "figures.captal", "captal",
     "capital"),
    ("{capital: ", '{resigned: "2024-01-01", capital: ',
     "SCENARIO_UNKNOWN_KEY", "figures.resigned", 'resigned: "2024-01-01"', "one of capital, factor"),
    ('factor: "2"', 'factor: "-2"', "SCENARIO_RANGE", "figures.factor", '"-2"', '"0.25"'),
    ('factor: "2"', "factor: 1e3", "SCENARIO_TYPE", "figures.factor", "1e3", '"0.25"'),
    ('figures: {capital: "10000000.00", factor: "2"}', "figures: 5",
     "SCENARIO_TYPE", "figures", "5\ndefaults", "{capital: ..."),
]  # fmt: skip


@rows(HEAD)
def test_head(load: Load, row: Row) -> None:
    check(load, row)


@pytest.mark.parametrize("text", ["", "{}", "[]", "scenario", "---\n", "scenario: x\n"])
def test_an_empty_file_or_one_word(load: Load, text: str) -> None:
    codes = {problem.code for problem in problems(load, text)}
    assert codes <= {"YAML_EMPTY", "SCENARIO_TYPE", "SCENARIO_MISSING"}


def test_the_mistakes_of_the_rulebook_file_are_told_at_their_place(load: Load) -> None:
    book = changed("payer: ccp", "payer: cpp", BOOK)
    (found,) = problems(load, BASE, book)
    assert found.code == "RULE_REFERENCE"
    assert found.place == f"book.yaml:{place_of(book, 'payer: cpp')}"


def test_the_mistakes_of_an_inline_rulebook_are_told_at_their_place(load: Load) -> None:
    inline = "".join(f"  {line}\n" for line in BOOK.splitlines())
    text = changed("rulebook: book.yaml", f"rulebook:\n{inline}")
    assert load(text).inline
    text = changed("payer: ccp", "payer: cpp", text)
    (found,) = problems(load, text)
    assert (found.code, written_path(found.path)) == ("RULE_REFERENCE", "rulebook.layers[2].payer")
    assert found.place == f"scenario.yaml:{place_of(text, 'payer: cpp')}"
    assert found.instead == "ccp"


def test_an_inline_rulebook_may_leave_out_from_jurisdiction_and_cite(load: Load) -> None:
    inline = "".join(f"  {line}\n" for line in BOOK.splitlines())
    for line in ('  from: "2024-01-01"\n', "  jurisdiction: EU\n"):
        inline = changed(line, "", inline)
    inline = inline.replace("cite: rules 3", "title: own capital")
    book = load(changed("rulebook: book.yaml", f"rulebook:\n{inline}")).rulebook
    assert book.status == "unverified"


# --- resources ------------------------------------------------------------------------------------------

M03 = '{amount: "8000000.00", basis: assumed, why: a guess}'
AT = "resources.members"
RESOURCES: list[Row] = [
    ("  ccp: {own", "  cpp: {own", "SCENARIO_UNKNOWN_KEY", "resources.cpp", "cpp: {own", "ccp"),
    ("  ccp: {own", "  defaulter: {own",
     "SCENARIO_UNKNOWN_KEY", "resources.defaulter", "defaulter: {own", "one of ccp,"),
    ("{own_capital: ", '{own_captal: "1.00", own_capital: ',
     "SCENARIO_UNKNOWN_KEY", "resources.ccp.own_captal", "own_captal", "own_capital"),
    ("{own_capital: ", '{assessment: "1.00", own_capital: ',
     "SCENARIO_UNKNOWN_KEY", "resources.ccp.assessment", "assessment: ", "one of own_capital, skin"),
    ("  ccp: {own", '  insurer: {cover: "1.00"}\n  ccp: {own',
     "SCENARIO_UNKNOWN_KEY", "resources.insurer.cover", "cover: ", "insurer"),
    ('{own_capital: "20000000.00"}', "none", "SCENARIO_TYPE", "resources.ccp", "none\n  members",
     "{skin: ..."),
    # members and their fields
    ("M01: {initial", 'M01: {inital_margin: "1.00", initial',
     "SCENARIO_UNKNOWN_KEY", f"{AT}.M01.inital_margin", "inital_margin", "initial_margin"),
    ("M01: {initial", 'M01: {status: approved, initial',
     "SCENARIO_UNKNOWN_KEY", f"{AT}.M01.status", "status", "one of able_to_pay,"),
    ("M01: {initial", 'M01: {capital: "1.00", initial',
     "SCENARIO_UNKNOWN_KEY", f"{AT}.M01.capital", 'capital: "1.00"', "one of able_to_pay,"),
    ("    M02: {", "    M01: {", "YAML_DUPLICATE_KEY", "", 'M01: {initial_margin: "4', "it once"),
    ("    M04: {", "    m01: {", "DUPLICATE_NAME", f"{AT}.m01", "m01: {", "another id"),
    ("    M04: {", "    ccp: {", "SCENARIO_TYPE", f"{AT}.ccp", "ccp: {default", "a short name"),
    ("    M04: {", '    "M:4": {', "SCENARIO_TYPE", f"{AT}.M:4", '"M:4"', "a short name"),
    ("    M04: {", '    "M/4": {', "SCENARIO_TYPE", f"{AT}.M/4", '"M/4"', "a short name"),
    ("    M04: {", '    " M04": {', "SCENARIO_TYPE", f"{AT}. M04", '" M04"', "a short name"),
    ("    M04: {", '    "": {', "SCENARIO_TYPE", f"{AT}.", '"": {', "a short name"),
    ("    M04: {", f"    {'M' * 65}: {{", "SCENARIO_TYPE", f"{AT}.{'M' * 65}", "M" * 65, "a short name"),
    ("    M04: {", '    "M04\\u200d": {', "TEXT_FORMAT_CHAR", "", '"M04\\u200d"', "without it"),
    ("    M04: {", '    "M04\\u202e": {', "TEXT_FORMAT_CHAR", "", '"M04\\u202e"', "without it"),
    ("    M04: {", '    "M\\n04": {', "TEXT_CONTROL_CHAR", "", '"M\\n04"', "without it"),
    ("    M04: {", '    "M\\004": {', "TEXT_CONTROL_CHAR", "", '"M\\004"', "without it"),
    ("    M04: {", "    M05: none\n    M04: {", "SCENARIO_TYPE", f"{AT}.M05", "none\n    M04",
     "{default_fund"),
    ("bid: good, group", "bid: excellent, group", "SCENARIO_TYPE", f"{AT}.M01.bid", "excellent", "winner"),
    ('active: "true"', "active: yes", "SCENARIO_TYPE", f"{AT}.M03.active", "yes", "true, false"),
    ('resigned: "2024-02-01"', "resigned: 2024-02-30",
     "SCENARIO_DATE", f"{AT}.M02.resigned", "2024-02-30", "a day of the calendar"),
    ('resigned: "2024-02-01"', "resigned: 01/02/2024",
     "DATE_AMBIGUOUS", f"{AT}.M02.resigned", "01/02/2024", '"2024-01-31"'),
    ('resigned: "2024-02-01"', "resigned: soon", "SCENARIO_DATE", f"{AT}.M02.resigned", "soon",
     '"2024-01-31"'),
    # amounts
    ('"5000000.00"', '"-5000000.00"', "MONEY_SIGN", f"{AT}.M01.default_fund", '"-5000000.00"',
     "zero or more"),
    ('"5000000.00"', "5e6", "MONEY_FORMAT", f"{AT}.M01.default_fund", "5e6", '"1234.50"'),
    ('"5000000.00"', '"5,000,000.00"', "MONEY_FORMAT", f"{AT}.M01.default_fund", '"5,000', '"1234.50"'),
    ('"5000000.00"', "5000000.005", "MONEY_SCALE", f"{AT}.M01.default_fund", "5000000.005", '"1234.50"'),
    ('"5000000.00"', "99999999999999999999",
     "MONEY_RANGE", f"{AT}.M01.default_fund", "99999999999999999999", "2^63"),
    ('"5000000.00"', "~", "SCENARIO_TYPE", f"{AT}.M01.default_fund", "~", "a value"),
    ('"5000000.00"', "{}", "SCENARIO_MISSING", f"{AT}.M01.default_fund", "{}", "amount: ..."),
    ('"5000000.00"', '["1.00"]', "SCENARIO_TYPE", f"{AT}.M01.default_fund", '["1.00"]', "a word"),
    ('"5000000.00"', '{energy: "1.00"}', "SCENARIO_DATE", f"{AT}.M01.default_fund.energy", "energy",
     '"2024-01-31"'),
    ('"2024-09-01": ', '"2024-09-31": ',
     "SCENARIO_DATE", f"{AT}.M04.default_fund.2024-09-31", '"2024-09-31"', "a day of the calendar"),
    ('"2024-09-01": ', "later: ", "SCENARIO_DATE", f"{AT}.M04.default_fund.later", "later", '"2024-01-31"'),
    # stated and unknown values
    (M03, "{basis: assumed}", "SCENARIO_MISSING", f"{AT}.M03.default_fund", "{basis", "amount: ..."),
    (M03, '{amount: "1.00", basis: guessed}',
     "SCENARIO_TYPE", f"{AT}.M03.default_fund.basis", "guessed", "published, derived, assumed"),
    (M03, '{amount: "1.00", cite: rulez 3}',
     "SCENARIO_REFERENCE", f"{AT}.M03.default_fund.cite", "rulez 3", "rules"),
    (M03, '{amount: "1.00", unknown: "true", why: x}',
     "SCENARIO_MISSING", f"{AT}.M03.default_fund", '{amount: "1.00", unk', "amount: ..."),
    (M03, '{value: "1.00"}', "SCENARIO_MISSING", f"{AT}.M03.default_fund", '{value: "1.00"}', "amount: ..."),
    (M03, '{unknown: "true"}',
     "SCENARIO_MISSING", f"{AT}.M03.default_fund", '{unknown: "true"}', "why: ..."),
    (M03, '{unknown: "true", why: "  "}',
     "TEXT_BLANK", f"{AT}.M03.default_fund.why", '"  "', "a value"),
    (M03, '{unknown: "false", why: x}',
     "SCENARIO_MISSING", f"{AT}.M03.default_fund", '{unknown: "false"', 'unknown: "true"'),
    (M03, '{unknown: yes, why: x}', "SCENARIO_TYPE", f"{AT}.M03.default_fund.unknown", "yes", "true, false"),
    (M03, '{amount: "1.00", unkown: x}',
     "SCENARIO_UNKNOWN_KEY", f"{AT}.M03.default_fund.unkown", "unkown", "unknown"),
    (M03, '{collateral: [{lot: a, haircut_value: "-1.00"}]}',
     "MONEY_SIGN", f"{AT}.M03.default_fund.collateral[0].haircut_value", '"-1.00"', "zero or more"),
    (M03, '{collateral: [{lot: a, haircut_value: "1.00", prceeds: "1.00"}]}',
     "SCENARIO_UNKNOWN_KEY", f"{AT}.M03.default_fund.collateral[0].prceeds", "prceeds", "proceeds"),
    (M03, "{collateral: [{lot: a}]}",
     "SCENARIO_MISSING", f"{AT}.M03.default_fund.collateral[0]", "{lot: a}", "haircut_value: ..."),
]  # fmt: skip


@rows(RESOURCES)
def test_resources(load: Load, row: Row) -> None:
    check(load, row)


@pytest.mark.parametrize(
    "id_", ["=1+1", "+cmd", "-1+1", "@SUM", "O'Neil & Co.", "<b>", "Ваnk", "\u65e5\u672c", "M 04"]
)
def test_a_member_is_called_what_it_is_called(load: Load, id_: str) -> None:
    assert id_ in load(changed("    M04: {", f'    "{id_}": {{')).members


def test_a_name_is_the_same_in_both_unicode_forms(load: Load) -> None:
    composed, apart = "Caf\u00e9", unicodedata.normalize("NFD", "Caf\u00e9")
    text = BASE.replace("M02", composed)
    text = changed(f"  - member: {composed}", f"  - member: {apart}", text)
    scenario = load(text)
    assert scenario.defaults[1].member == composed
    text = changed("    M04: {", f"    {apart}: {{", text)
    (found,) = problems(load, text)
    assert found.code == "YAML_DUPLICATE_KEY"


@pytest.mark.parametrize(
    ("one", "other"), [("Stra\u00dfe", "STRASSE"), ("Caf\u00e9", "CAF\u00c9"), ("m", "M")]
)
def test_two_members_that_differ_by_case_only(load: Load, one: str, other: str) -> None:
    text = changed("    M04: {", f"    {one}: {{}}\n    {other}: {{}}\n    M04: {{")
    (found,) = problems(load, text)
    assert (found.code, found.path) == ("DUPLICATE_NAME", ("resources", "members", other))
    assert found.place == f"scenario.yaml:{place_of(text, other + ': {}')}"


# --- defaults -------------------------------------------------------------------------------------------

LOSS = '    loss: "16000000.00"'
DEFAULTS: list[Row] = [
    ("  - member: M01", "  - member: M09", "SCENARIO_REFERENCE", "defaults[0].member", "member: M09", "M01"),
    ("  - member: M01", "  - member: ccp",
     "SCENARIO_REFERENCE", "defaults[0].member", "member: ccp", "stands under resources"),
    ("  - member: M01", "  - member: m01", "SCENARIO_REFERENCE", "defaults[0].member", "member: m01", "M01"),
    ("  - member: M01", "  - membr: M01\n    member: M01",
     "SCENARIO_UNKNOWN_KEY", "defaults[0].membr", "membr", "member"),
    ("  - member: M01", "  - received_at: x\n    member: M01",
     "SCENARIO_UNKNOWN_KEY", "defaults[0].received_at", "received_at", "one of at,"),
    ("  - member: M01\n    at", "  - at", "SCENARIO_MISSING", "defaults[0]", 'at: "2024-09-10T10',
     "member: ..."),
    ("  - member: M02", "  - member: M01", "ALREADY_DEFAULTED", "defaults[1].member",
     'member: M01\n    at: "2024-10', "each member once"),
    # both kinds of loss, or none
    (LOSS + "\n", "", "SCENARIO_LOSS", "defaults[0]", "member: M01", "one of them"),
    (LOSS, LOSS + '\n    loss_beyond_own_resources: "1.00"',
     "SCENARIO_LOSS", "defaults[0]", "member: M01", "one of them"),
    # losses
    (LOSS, "    loss: 1.6e7", "MONEY_FORMAT", "defaults[0].loss", "1.6e7", '"1234.50"'),
    (LOSS, "    loss: 16 million", "MONEY_FORMAT", "defaults[0].loss", "16 million", '"1234.50"'),
    (LOSS, '    loss: ["1.00"]', "SCENARIO_TYPE", "defaults[0].loss", '["1.00"]', "a word"),
    (LOSS, "    loss: {}", "SCENARIO_LOSS", "defaults[0].loss", "{}", ""),
    (LOSS, "    loss:", "SCENARIO_TYPE", "defaults[0].loss", "\n    members: {M03", "a value"),
    (LOSS, '    loss: {unknown: "true"}',
     "SCENARIO_MISSING", "defaults[0].loss", '{unknown: "true"}', "why: ..."),
    (LOSS, '    loss: {amount: "1.00", basis: hearsay}',
     "SCENARIO_TYPE", "defaults[0].loss.basis", "hearsay", "published"),
    ('{amount: "1000000.00", basis: derived, cite: rules 9}', '"-5.00"',
     "MONEY_SIGN", "defaults[1].loss_beyond_own_resources", '"-5.00"', "zero or more"),
    # segments and client accounts that the rulebook does not know
    (LOSS, '    loss: {energy: "1.00"}', "SCENARIO_LOSS", "defaults[0].loss", "loss: {energy", ""),
    (LOSS, '    loss: {house: "1.00", client: "1.00"}',
     "SCENARIO_LOSS", "defaults[0].loss", "loss: {house", "account"),
    ("M01: {initial", 'M01: {accounts: {client: {initial_margin: "1.00"}}, initial',
     "SCENARIO_LOSS", f"{AT}.M01.accounts", "accounts: {client", "account"),
    # times
    ('"2024-09-10T10:00:00+02:00"\n    loss', "2023-12-31T23:59:59Z\n    loss",
     "SCENARIO_DATE", "defaults[0].at", "at: 2023", "2024-01-01"),
    *(
        ('"2024-09-10T10:00:00+02:00"\n    loss', f"{time}\n    loss",
         "SCENARIO_TIME", "defaults[0].at", f"{time}\n    loss", '"2024-01-31T09:00:00+01:00"')
        for time in (
            "2024-09-10T10:00:00", "2024-09-10T10:00", "2024-09-10", "10/09/2024 10:00", "1725955200",
            "2024-09-31T10:00:00Z", "2024-09-10T24:01:00Z", "2024-09-10T10:00:60Z", "2024-09-10 10:00:00Z",
            "2024-09-10T10:00:00.1234567Z", "2024-09-10T10:00:00+25:00", "2024-09-10T10:00:00 CET",
            "2024-09-10t10:00:00z", "now", "\u0662024-09-10T10:00:00Z", "0000-01-01T00:00:00Z",
        )
    ),
    # what was found out, decided, told
    ("members: {M03: {bid: good}}", "members: {M09: {bid: good}}",
     "SCENARIO_REFERENCE", "defaults[0].members.M09", "M09", "M01"),
    ("members: {M03: {bid: good}}", "members: {M03: {bd: good}}",
     "SCENARIO_UNKNOWN_KEY", "defaults[0].members.M03.bd", "bd: good", "bid"),
    ("members: {M03: {bid: good}}", "members: {M03: {bid: goood}}",
     "SCENARIO_TYPE", "defaults[0].members.M03.bid", "goood", "good"),
    ("members: {M03: {bid: good}}", "members: [M03]",
     "SCENARIO_TYPE", "defaults[0].members", "[M03]", "{M01: {bid: none}}"),
    (", members: [M02]}", ", members: [M09]}",
     "SCENARIO_REFERENCE", "defaults[0].decisions[0].members[0]", "M09", "M01"),
    (", reason: none", "", "SCENARIO_MISSING", "defaults[0].decisions[0]", "{decided", "reason: ..."),
    (", by: committee", "", "SCENARIO_MISSING", "defaults[0].decisions[0]", "{decided", "by: ..."),
    (', at: "2024-09-10T12:00:00+02:00"', "",
     "SCENARIO_MISSING", "defaults[0].decisions[0]", "{decided", "at: ..."),
    ("decided: auction", "decided: To auction",
     "SCENARIO_TYPE", "defaults[0].decisions[0].decided", "To auction", "a name such as"),
    ("facts: {cause: fraud}", "facts: {cause: [fraud]}",
     "SCENARIO_TYPE", "defaults[0].facts.cause", "[fraud]", "a word"),
    ("facts: {cause: fraud}", "facts: fraud", "SCENARIO_TYPE", "defaults[0].facts", "fraud", "name: value"),
    ("facts: {cause: fraud}", 'chain: {custmer: {collateral: "1.00"}}',
     "SCENARIO_UNKNOWN_KEY", "defaults[0].chain.custmer", "custmer", "customer"),
    ("facts: {cause: fraud}", 'chain: {customer: {collateral: "1.00"}}',
     "SCENARIO_UNKNOWN_KEY", "defaults[0].chain.customer.collateral", "collateral", "customer"),
]  # fmt: skip


@rows(DEFAULTS)
def test_defaults(load: Load, row: Row) -> None:
    check(load, row)


@pytest.mark.parametrize("defaults", ["defaults: []", "defaults:", "", "defaults: M01", "defaults: {}"])
def test_nobody_defaults(load: Load, defaults: str) -> None:
    found = problems(load, BASE[: BASE.index("defaults:")] + defaults + "\n")
    assert {problem.code for problem in found} <= {"SCENARIO_MISSING", "SCENARIO_TYPE"}


def test_a_loss_by_segment_where_there_are_segments(load: Load) -> None:
    text = changed('{amount: "1000000.00", basis: derived, cite: rules 9}', '{energy: "1.00"}')
    load(changed(LOSS, '    loss: {energy: "5.00", metals: "1.00"}', text), SEGMENTS)
    check(load, (LOSS, LOSS, "SCENARIO_LOSS", "defaults[0].loss", "loss: ", "energy:"), SEGMENTS, text)
    wrong = '    loss: {enrgy: "5.00"}'
    check(load, (LOSS, wrong, "SCENARIO_LOSS", "defaults[0].loss", "loss: {enrgy", "energy"), SEGMENTS, text)
    wrong = '    loss: {energy: "5.00", metls: "5.00"}'
    row = (LOSS, wrong, "SCENARIO_UNKNOWN_KEY", "defaults[0].loss.metls", "metls", "metals")
    check(load, row, SEGMENTS, text)


def test_client_accounts_where_there_are_some(load: Load) -> None:
    accounts = 'M01: {accounts: {client: {initial_margin: "1.00"}}, initial'
    text = changed("M01: {initial", accounts)
    load(changed(LOSS, '    loss: {house: "5.00", client: "1.00"}', text), ACCOUNTS)
    wrong = '    loss: {house: "5.00", cliemt: "1.00"}'
    row = (LOSS, wrong, "SCENARIO_REFERENCE", "defaults[0].loss.cliemt", "cliemt", "client")
    check(load, row, ACCOUNTS, text)
    for old, new, path, at, instead in (
        ("client: {initial_margin", "client: {inital_margin", "client.inital_margin", "inital",
         "initial_margin"),
        ("client: {initial_margin", "client: {default_fund", "client.default_fund", 'default_fund: "1',
         "initial_margin"),
        ("client: {initial_margin", "client: {bid: good, initial_margin", "client.bid", "bid: good, ini",
         "initial_margin"),
    ):  # fmt: skip
        row = (old, new, "SCENARIO_UNKNOWN_KEY", f"{AT}.M01.accounts.{path}", at, instead)
        check(load, row, ACCOUNTS, text)
    row = (
        '{client: {initial_margin: "1.00"}}',
        "none",
        "SCENARIO_TYPE",
        f"{AT}.M01.accounts",
        "none, ini",
        "{house",
    )
    check(load, row, ACCOUNTS, text)


# --- events ---------------------------------------------------------------------------------------------

PAID = 'paid_in: {M03: {default_fund: "500000.00"}}'
EVENTS: list[Row] = [
    (PAID, 'paid_in: {M09: {default_fund: "1.00"}}', "SCENARIO_REFERENCE", "events[0].paid_in.M09", "M09",
     "M01"),
    (PAID, 'paid_in: {M03: {default_fond: "1.00"}}',
     "SCENARIO_REFERENCE", "events[0].paid_in.M03.default_fond", "default_fond", "default_fund"),
    (PAID, 'paid_in: {M03: {able_to_pay: "1.00"}}',
     "SCENARIO_REFERENCE", "events[0].paid_in.M03.able_to_pay", "able_to_pay", "default_fund"),
    (PAID, 'paid_in: {ccp: {call: "1.00"}}',
     "SCENARIO_REFERENCE", "events[0].paid_in.ccp.call", "call: ", "skin"),
    (PAID, 'recovered: {amount: "1.00", of: M01, account: hous}',
     "SCENARIO_REFERENCE", "events[0].recovered.account", "account: hous", "house"),
    (PAID, 'paid_in: {M03: {default_fund: "-1.00"}}',
     "MONEY_SIGN", "events[0].paid_in.M03.default_fund", '"-1.00"', "zero or more"),
    (PAID, "paid_in: {M03: none}", "SCENARIO_TYPE", "events[0].paid_in.M03", "none}", "name: value"),
    (PAID, "paid_in: M03", "SCENARIO_TYPE", "events[0].paid_in", "M03}", "{M01: {default_fund"),
    (PAID, 'paid_late: {M03: {cal: "1.00"}}',
     "SCENARIO_REFERENCE", "events[0].paid_late.M03.cal", "cal: ", "call"),
    (PAID, "members: {M09: {bid: good}}", "SCENARIO_REFERENCE", "events[0].members.M09", "M09", "M01"),
    (PAID, "members: {M03: {bd: good}}", "SCENARIO_UNKNOWN_KEY", "events[0].members.M03.bd", "bd", "bid"),
    (PAID, 'recovered: "-1.00"', "MONEY_SIGN", "events[0].recovered", '"-1.00"', "zero or more"),
    (PAID, 'recovered: "1.00", ' + PAID, "SCENARIO_MISSING", "events[0]", '{at: "2024-09-20',
     "one of paid_in"),
    ('at: "2024-09-20T10:00:00+02:00", ', "", "SCENARIO_MISSING", "events[0]", "{paid_in", "at: "),
    (PAID, PAID + ", amount: x", "SCENARIO_UNKNOWN_KEY", "events[0].amount", "amount: x", "one of at,"),
]  # fmt: skip


@rows(EVENTS)
def test_events(load: Load, row: Row) -> None:
    load(BASE + EVENT)
    check(load, row, base=BASE + EVENT)


# --- the run --------------------------------------------------------------------------------------------


def stopped(scenario: Scenario) -> Problem:
    with pytest.raises(Refused) as caught:
        replay(scenario)
    (found,) = caught.value.problems
    assert found.instead
    return found


def last_paid(result: Result) -> dict[str, int]:
    return {row.layer.id: row.used for row in result.events[-1].layers}


def test_a_figure_that_is_given_nowhere_stops_the_run_where_it_is_reached(load: Load) -> None:
    text = changed('{capital: "10000000.00", factor: "2"}', '{capital: "10000000.00"}')
    found = stopped(load(text))
    assert found.code == "UNKNOWN_REACHED"
    assert "skin" in found.says
    assert "factor" in found.says
    below = changed(LOSS, '    loss: "15000000.00"', text)
    below = changed('amount: "1000000.00"', 'amount: "0.00"', below)
    assert last_paid(replay(load(below)))["skin"] == 0


def test_a_payer_with_money_in_no_class_of_the_order(load: Load) -> None:
    found = stopped(load(changed('"2000000.00"}, bid: good}', '"2000000.00"}, bid: poor}')))
    assert found.code == "SCENARIO_ORDER"
    assert "M04" in found.says
    assert "poor" in found.says
    assert "none, good" in found.instead
    without = changed(
        '{"2024-01-01": "1000000.00", "2024-09-01": "2000000.00"}, bid: good}', '"0.00", bid: poor}'
    )
    replay(load(without))


def test_all_weights_zero(load: Load) -> None:
    book = changed("    share: default_fund\n", "    share: default_count\n", BOOK)
    book = changed("  rank:", "  default_count: {given: member, kind: number}\n  rank:", book)
    text = BASE.replace("bid: good, group", 'bid: good, default_count: "0", group')
    text = text.replace("bid: none, active", 'bid: none, default_count: "0", active')
    text = text.replace("bid: good, resigned", 'bid: good, default_count: "0", resigned')
    text = text.replace('"2000000.00"}, bid: good}', '"2000000.00"}, bid: good, default_count: "0"}')
    found = stopped(load(changed(LOSS, '    loss: "50000000.00"', text), book))
    assert found.code == "NO_PAYERS"
    assert "fund" in found.says


def test_nobody_survives(load: Load) -> None:
    more = '  - {member: %s, at: "2024-11-01T10:00:00Z", loss_beyond_own_resources: "%s"}\n'
    below = replay(load(BASE + more % ("M03", "1.00") + more % ("M04", "1.00")))
    assert last_paid(below)["skin"] == 200
    found = stopped(load(BASE + more % ("M03", "1.00") + more % ("M04", "90000000.00")))
    assert found.code == "NO_PAYERS"
    assert "fund" in found.says
    assert "every member is in default" in found.says


def test_all_limits_zero_and_losses_beyond_everything_are_no_error(load: Load) -> None:
    text = changed('capital: "10000000.00"', 'capital: "0.00"')
    text = changed(LOSS, '    loss: "900000000.00"', text)
    result = replay(load(text))
    first = result.events[0]
    assert first.uncovered > 0
    assert sum(row.used for row in first.layers) + first.uncovered == first.loss == 900_000_000_00


def test_a_profit_is_no_error(load: Load) -> None:
    result = replay(load(changed(LOSS, '    loss: "-16000000.00"')))
    assert sum(row.used for row in result.events[0].layers) == 0


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999+14:00"])
def test_the_end_of_time_is_a_time(load: Load, time: str) -> None:
    result = replay(load(changed('"2024-10-01T09:30:00Z"', time)))
    assert result.events[1].at.year == 9999


# --- all at once ----------------------------------------------------------------------------------------


def test_five_mistakes_are_five_problems(load: Load) -> None:
    text = changed('{own_capital: "2', '{own_captal: "1.00", own_capital: "2')
    text = changed('"5000000.00"', "5e6", text)
    text = changed("  - member: M01", "  - member: M09", text)
    text = changed(", reason: none", "", text)
    text = changed('"2024-10-01T09:30:00Z"', "2023-10-01T09:30:00Z", text)
    assert [(problem.code, written_path(problem.path)) for problem in problems(load, text)] == [
        ("SCENARIO_UNKNOWN_KEY", "resources.ccp.own_captal"),
        ("MONEY_FORMAT", "resources.members.M01.default_fund"),
        ("SCENARIO_REFERENCE", "defaults[0].member"),
        ("SCENARIO_MISSING", "defaults[0].decisions[0]"),
        ("SCENARIO_DATE", "defaults[1].at"),
    ]


def test_five_mistakes_of_meaning_are_five_problems(load: Load) -> None:
    text = changed("currency: EUR", "currency: USD")
    text = changed("  - member: M01", "  - member: M09", text)
    text = changed("members: {M03: {bid: good}}", "members: {M08: {bid: good}}", text)
    text = changed(", members: [M02]}", ", members: [M07]}", text)
    text = changed('"2024-10-01T09:30:00Z"', "2023-10-01T09:30:00Z", text)
    codes = [problem.code for problem in problems(load, text)]
    assert codes == ["CURRENCY_MISMATCH", *["SCENARIO_REFERENCE"] * 3, "SCENARIO_DATE"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ("{}", ""),
        ("{defalt_fund: 1}", "SCENARIO_UNKNOWN_KEY"),
        ("{default_fund: 1e3}", "MONEY_FORMAT"),
        ("none", "SCENARIO_TYPE"),
    ],
)
def test_very_many_members_and_mistakes_do_not_take_long(load: Load, fields: str, code: str) -> None:
    members = "".join(f"    N{i}: {fields}\n" for i in range(5000))
    text = changed("    M01: {initial", members + "    M01: {initial")
    before = time.process_time()
    if code:
        assert {problem.code for problem in problems(load, text)} == {code}
    else:
        assert len(load(text).members) == 5004
    assert time.process_time() - before < 5


# --- plain values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, [], "text", {}, 5, {"scenario": 5, "currency": None}])
def test_plain_values_that_are_no_scenario(value: object) -> None:
    with pytest.raises(Refused):
        scenario_from(value)


@pytest.mark.parametrize("loss", [10.1, 10, True, None, [], {}, "1e9", b"1.00"], ids=repr)
def test_a_loss_that_is_no_amount(loss: object) -> None:
    rulebook = {"currency": "EUR", "layers": [{"id": "own", "payer": "ccp", "source": "own_capital"}]}
    default = {"member": "M01", "at": "2024-01-01T00:00:00Z", "loss": "1.00"}
    members: dict[str, object] = {"members": {"M01": {}}}
    whole = {
        "scenario": "s",
        "currency": "EUR",
        "rulebook": rulebook,
        "resources": members,
        "defaults": [default],
    }
    assert scenario_from(whole).title == "s"
    with pytest.raises(Refused):
        scenario_from({**whole, "defaults": [{**default, "loss": loss}]})


# --- anything at all ------------------------------------------------------------------------------------


@given(text=mutated(BASE + EVENT))
def test_a_changed_file_loads_or_is_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "book.yaml").write_text(BOOK, encoding="utf-8")
    (folder / "scenario.yaml").write_text(text, encoding="utf-8", newline="")
    told: tuple[Problem, ...] = ()
    try:
        found = load_scenario(folder / "scenario.yaml")
    except Refused as refused:
        told = refused.problems
    else:
        assert found.defaults
    assert all(str(problem) for problem in told)


@given(text=mutated(BOOK), piece=st.sampled_from(BOOK_PIECES))
def test_a_changed_rulebook_loads_and_runs_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, piece: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "book.yaml").write_text(text.replace(piece, "", 1), encoding="utf-8", newline="")
    (folder / "scenario.yaml").write_text(BASE, encoding="utf-8")
    told: tuple[Problem, ...] = ()
    try:
        result = replay(load_scenario(folder / "scenario.yaml"))
    except Refused as refused:
        told = refused.problems
    else:
        assert result.events
    assert all(str(problem) for problem in told)


INLINE = changed(
    "rulebook: book.yaml\n", "rulebook:\n" + "".join(f"  {line}\n" for line in BOOK.splitlines())
)


@given(tree=grafted(INLINE))
def test_a_scenario_with_grafted_branches_runs_or_is_refused(tree: Tree) -> None:
    told: tuple[Problem, ...] = ()
    try:
        result = replay(scenario_from(tree))
    except Refused as refused:
        told = refused.problems
    else:
        assert result.events
    assert all(problem.says and problem.instead for problem in told)


@pytest.mark.parametrize("what", ["figures", "layers"])
def test_a_long_chain_of_names_runs_or_is_refused(load: Load, what: str) -> None:
    names = range(400)
    if what == "figures":
        chain = "".join(f"  f{i}: f{i + 1}\n" for i in names) + f"  f{len(names)}: capital\n"
        book = changed("of: capital}", "of: f0}", changed("  rank:", chain + "  rank:", BOOK))
    else:
        line = "  - {{id: l{}, payer: ccp, source: commitment, limit: {}, cite: rules 1}}\n"
        chain = "".join(line.format(i, f"l{i + 1}") for i in names)
        book = BOOK + chain + line.format(len(names), '{amount: "5.00"}')
    before = time.process_time()
    with contextlib.suppress(Refused):
        replay(load(changed(LOSS, '    loss: "900000000.00"'), book))
    assert time.process_time() - before < 5
