"""Rulebook files with mistakes in them: each is refused, all at once, where it stands, with what to write.

Every test changes one small valid rulebook, which loads unchanged, and sees to it that loading writes
nothing.
"""

import contextlib
import copy
import string
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.amounts import Amount, Dated, Window
from penstock.core.business_days import Duration
from penstock.core.problems import Problem, Refused, written_path
from penstock.core.rulebook import Rulebook
from penstock.store.documents import MOST_BYTES, MOST_VALUES, parse, to_value
from penstock.store.rulebooks import load_rulebook, rulebook_from

BASE = """\
rulebook: example/service
title: Example Clearing, derivatives
from: "2024-01-01"
currency: EUR
jurisdiction: EU
cover: {standard: cover_2, cite: rules 9}
rounding: {share: floor_residual, residual_to: ccp}
calendar: {weekend: [saturday, sunday], holidays: ["2024-12-25"], first: "2024-01-01", last: "2030-12-31"}
several_defaults: {one_event: 10 business_days, cite: rules 9}
citations:
  rules: {title: Clearing Rules, href: "https://example.org/rules.pdf", status: verified}
  notice: {title: Notice 7, status: reported}
segments: [energy, metals]
figures:
  capital: {given: ccp, cite: rules 4}
  factor: {given: ccp, kind: number}
  resigned: {given: member, kind: date}
  floor: {amount: "1000000.00", cite: rules 4}
  loss_cap: {greatest: [capital, floor], cite: rules 4}
layers:
  - {id: defaulter_margin, payer: defaulter, source: initial_margin, account: house, cite: rules 1}
  - {id: defaulter_fund, payer: defaulter, source: default_fund, cite: rules 2}
  - id: skin_in_the_game
    payer: ccp
    source: own_capital
    segment: each
    limit:
      "2024-01-01": {multiple: "0.25", of: capital, apportioned: default_fund}
      "2025-07-01": {multiple: factor, of: capital, apportioned: default_fund, cite: notice 2}
    cite: rules 3
  - group: survivors
    split: {member_fund: "1", insurance_cover: "0.5"}
    cite: rules 4
    layers:
      - {id: member_fund, payer: members, source: default_fund, share: default_fund}
      - {id: insurance_cover, payer: insurer, source: insurance, limit: {of: loss_cap}}
  - id: assessment
    payer: members
    source: assessment
    share: default_fund
    limit: {multiple: "1", of: default_fund}
    together: {amount: "200000000.00"}
    window: {length: 30 days, rolling: "true", longest: 3 months, multiple: "3"}
    call: {due: 1 business_day}
    cite: rules 5
  - id: second_fund
    payer: members
    source: reserve_fund
    share: equal
    where: {active: "true"}
    order: {bid: [none, poor, [good, winner]]}
    cite: rules 6
  - id: promise
    payer: ccp
    source: commitment
    limit: {matching: assessment, most: "300000000.00", less: [{amount: "1.00"}, loss_cap]}
    cite: rules 7
  - id: haircut
    payer: members
    source: gains
    share: gains
    base: daily
    window: {length: 5 business_days}
    cite: rules 8
  - {id: closure, action: close_service, when: {decided: closure}, cite: rules 9}
caps:
  - id: thirty_days
    on: [assessment, second_fund]
    limit: {multiple: "2", of: default_fund, measured: at_window_start}
    window: {length: 30 days, look_back: "true"}
    where: {active: "true"}
    cite: rules 10
replenishment:
  - {layer: member_fund, payer: members, into: reserve_fund, due: 2 business_days, counts_to: thirty_days}
recoveries: {order: [member_fund, skin_in_the_game], cite: rules 12}
"""

Load = Callable[[str | bytes], Rulebook]
Row = tuple[str, str, str, str, str, str]
"""What is changed into what; the code; the path; the text at the place; words of what to write instead."""


@pytest.fixture(scope="module", autouse=True)
def _control(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without the mistake the file loads."""
    book = tmp_path_factory.mktemp("control") / "book.yaml"
    book.write_text(BASE, encoding="utf-8")
    assert load_rulebook(book).rulebook == "example/service"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a text as a file in a folder where nothing else may appear."""
    monkeypatch.chdir(tmp_path)
    book = Path("book.yaml")

    def loaded(text: str | bytes) -> Rulebook:
        data = text.encode() if isinstance(text, str) else text
        book.write_bytes(data)
        try:
            return load_rulebook(book)
        finally:
            assert list(tmp_path.rglob("*")) == [tmp_path / "book.yaml"]
            assert book.read_bytes() == data

    return loaded


def changed(old: str, new: str, base: str = BASE) -> str:
    assert base.count(old) == 1, f"{base.count(old)} times in the base: {old}"
    return base.replace(old, new)


def problems(load: Load, text: str | bytes) -> tuple[Problem, ...]:
    """Why ``text`` is refused; the base, which differs by one mistake, loads."""
    with pytest.raises(Refused) as caught:
        load(text)
    for problem in caught.value.problems:
        assert problem.says
        assert problem.instead, problem
        assert str(problem).isprintable()
        assert len(str(problem)) < 600
        assert problem.place.startswith("book.yaml:"), problem
    return caught.value.problems


def check(load: Load, row: Row) -> None:
    """Exactly the problems of the row: the first by code, path and place, the rest by their codes."""
    old, new, code, path, at, instead = row
    text = changed(old, new)
    found = problems(load, text)
    assert [problem.code for problem in found] == code.split()
    assert written_path(found[0].path) == path
    assert found[0].place == f"book.yaml:{place_of(text, at)}"
    assert instead in found[0].instead


def place_of(text: str, at: str) -> str:
    """``line:column`` of the one place where ``at`` stands in the text."""
    assert text.count(at) == 1, f"{text.count(at)} times in the text: {at}"
    before = text[: text.index(at)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def _id(row: Row) -> str:
    return f"{row[2].split()[0]}-{row[1].strip() or 'without ' + row[0].strip()}"[:70]


def rows(table: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", table, ids=_id)


# --- file -----------------------------------------------------------------------------------------------

FILE: list[Row] = [
    # unknown keys, with the nearest known
    ("title: Ex", "titel: Ex", "RULE_MISSING RULE_UNKNOWN_KEY", "", "rulebook: example", "title"),
    ("    source: own", "    wherefrom: x\n    source: own",
     "RULE_UNKNOWN_KEY", "layers[2].wherefrom", "wherefrom", "one of account, action,"),
    ("    source: own", "    skin_in_the_gmae: x\n    source: own",
     "RULE_UNKNOWN_KEY", "layers[2].skin_in_the_gmae", "skin_in_the_gmae", "one of account, action,"),
    ("    source: own", "    segmnt: each\n    source: own",
     "RULE_UNKNOWN_KEY", "layers[2].segmnt", "segmnt", "segment"),
    ("    split:", "    splt: x\n    split:", "RULE_UNKNOWN_KEY", "layers[3].splt", "splt", "split"),
    ("    together: {amount:", "    together: {most: \"1.00\", amonut: x, amount:",
     "RULE_UNKNOWN_KEY", "layers[4].together.amonut", "amonut", "amount"),
    ("{length: 5 b", "{lenght: 1 day, length: 5 b",
     "RULE_UNKNOWN_KEY", "layers[7].window.lenght", "lenght", "length"),
    ("    call: {due", "    call: {de: 1 day, due", "RULE_UNKNOWN_KEY", "layers[4].call.de", "de: 1", "due"),
    ("status: reported}", "status: reported, stauts: x}",
     "RULE_UNKNOWN_KEY", "citations.notice.stauts", "stauts", "status"),
    ("kind: number}", "kind: number, knd: x}", "RULE_UNKNOWN_KEY", "figures.factor.knd", "knd", "kind"),
    ("residual_to: ccp}", "residual_to: ccp, residualto: ccp}",
     "RULE_UNKNOWN_KEY", "rounding.residualto", "residualto", "residual_to"),
    ("[member_fund, skin_in_the_game], ", "[member_fund, skin_in_the_game], excpt: x, ",
     "RULE_UNKNOWN_KEY", "recoveries.excpt", "excpt", "except"),
    # not a map where one belongs, and the other way round
    ("citations:\n", "citations: none\nnote: |\n", "RULE_TYPE", "citations", "none\nnote", "name: value"),
    ("cover: {standard: cover_2, cite: rules 9}", "cover: cover_2",
     "RULE_TYPE", "cover", "cover_2", "{standard: ..."),
    ("limit: {of: loss_cap}", "limit: [loss_cap]",
     "RULE_TYPE", "layers[3].layers[1].limit", "[loss_cap]", '{amount: "1.00"}'),
    ("limit: {of: loss_cap}", "limit: 5",
     "RULE_TYPE", "layers[3].layers[1].limit", "5}\n  - id: ass", '{amount: "5"}'),
    ("limit: {of: loss_cap}", "limit: -5.00",
     "RULE_TYPE", "layers[3].layers[1].limit", "-5.00", '{amount: "5.00"}'),
    ("limit: {of: loss_cap}", "limit: 9**9**9",
     "RULE_TYPE", "layers[3].layers[1].limit", "9**9**9", "a name such as"),
    ("title: Ex", "title: [a]\nnote: Ex", "RULE_TYPE", "title", "[a]", "a word"),
    ("title: Ex", "title: {a: b}\nnote: Ex", "RULE_TYPE", "title", "{a: b}", "a word"),
    ("title: Ex", "title:\nnote: Ex", "RULE_TYPE", "title", "\nnote: Ex", "a value"),
    ("title: Ex", "title: ~\nnote: Ex", "RULE_TYPE", "title", "~", "a value"),
    ("title: Ex", "title: null\nnote: Ex", "RULE_TYPE", "title", "null", "a value"),
    ("title: Ex", 'title: "  "\nnote: Ex', "TEXT_BLANK", "title", '"  "', "a value"),
    ("title: Ex", f"title: {'x' * 1_000_000} Ex", "TEXT_LENGTH", "title", "xxx" * 9 + "x" * 999_973, "4000"),
    ("    split: {member_fund: \"1\", insurance_cover: \"0.5\"}", "    split: [member_fund]",
     "RULE_TYPE", "layers[3].split", "[member_fund]", "name: value"),
    # numbers: no exponent, sign or too many decimals
    ('"200000000.00"', "2e8", "MONEY_FORMAT", "layers[4].together.amount", "2e8", '"1234.50"'),
    ('"200000000.00"', '"-5.00"', "RULE_RANGE", "layers[4].together.amount", '"-5.00"', "zero or more"),
    ('"200000000.00"', '"+5.00"', "MONEY_FORMAT", "layers[4].together.amount", '"+5.00"', '"1234.50"'),
    ('"200000000.00"', '"5.001"', "MONEY_SCALE", "layers[4].together.amount", '"5.001"', '"1234.50"'),
    ('"200000000.00"', '"200,000,000.00"',
     "MONEY_FORMAT", "layers[4].together.amount", '"200,', '"1234.50"'),
    ('"200000000.00"', "99999999999999999999",
     "MONEY_RANGE", "layers[4].together.amount", "99999999999999999999", "2^63"),
    ('"200000000.00"', "[1]", "RULE_TYPE", "layers[4].together.amount", "[1]", "a word"),
    ('{multiple: "1", of', "{multiple: 1e3, of",
     "RULE_TYPE", "layers[4].limit.multiple", "1e3", '"0.25"'),
    ('{multiple: "1", of', "{multiple: -1, of",
     "RULE_RANGE", "layers[4].limit.multiple", "-1, of", '"0.25"'),
    ('{multiple: "1", of', "{multiple: +1, of",
     "RULE_TYPE", "layers[4].limit.multiple", "+1, of", '"0.25"'),
    ('{multiple: "1", of', "{multiple: 0.1234567890123456789, of",
     "RULE_RANGE", "layers[4].limit.multiple", "0.1234567890123456789", '"0.25"'),
    ('{multiple: "1", of', "{multiple: 150%, of",
     "RULE_TYPE", "layers[4].limit.multiple", "150%", '"0.25"'),
    ('{multiple: "1", of', '{multiple: "1,5", of',
     "RULE_TYPE", "layers[4].limit.multiple", '"1,5"', '"0.25"'),
    ('{multiple: "1", of', f'{{multiple: "{"9" * 5000}", of',
     "TEXT_LENGTH", "layers[4].limit.multiple", '"' + "9" * 5000, "4000"),
    ('{multiple: "1", of', f'{{multiple: "{"9" * 3000}", of',
     "RULE_RANGE", "layers[4].limit.multiple", '"' + "9" * 3000, '"0.25"'),
    ("    share: equal", "    share: equal\n    rounds: 0", "RULE_RANGE", "layers[5].rounds", "0\n    wh",
     '"4"'),
    ("    share: equal", "    share: equal\n    rounds: -1", "RULE_RANGE", "layers[5].rounds", "-1\n    wh",
     '"4"'),
    ("    share: equal", "    share: equal\n    rounds: 99999999",
     "RULE_RANGE", "layers[5].rounds", "99999999", '"4"'),
    ("    share: equal", "    share: equal\n    rounds: four", "RULE_TYPE", "layers[5].rounds", "four",
     '"4"'),
    ('insurance_cover: "0.5"', 'insurance_cover: "-1"',
     "RULE_RANGE", "layers[3].split.insurance_cover", '"-1"', '"0.25"'),
    # what YAML 1.1 would have turned into something else stays a string, and is then no number
    ('"200000000.00"', "NO", "MONEY_FORMAT", "layers[4].together.amount", "NO", '"1234.50"'),
    ('"200000000.00"', "1:30", "MONEY_FORMAT", "layers[4].together.amount", "1:30", '"1234.50"'),
    ('"200000000.00"', "012", "MONEY_FORMAT", "layers[4].together.amount", "012", '"1234.50"'),
    ('"200000000.00"', "1_000", "MONEY_FORMAT", "layers[4].together.amount", "1_000", '"1234.50"'),
    ('"200000000.00"', ".inf", "MONEY_FORMAT", "layers[4].together.amount", ".inf", '"1234.50"'),
    ('"200000000.00"', "0.1", "MONEY_SCALE", "layers[4].together.amount", "0.1", '"1234.50"'),
    ('"200000000.00"', "2026-11-22", "MONEY_FORMAT", "layers[4].together.amount", "2026-11-22", '"1234.50"'),
    ('{multiple: "1", of', "{multiple: NO, of", "RULE_TYPE", "layers[4].limit.multiple", "NO", '"0.25"'),
    ('{multiple: "1", of', "{multiple: 1:30, of", "RULE_TYPE", "layers[4].limit.multiple", "1:30", '"0.25"'),
    ('{multiple: "1", of', "{multiple: 012, of", "RULE_TYPE", "layers[4].limit.multiple", "012", '"0.25"'),
    ('{multiple: "1", of', "{multiple: 1_000, of", "RULE_TYPE", "layers[4].limit.multiple", "1_000",
     '"0.25"'),
    ('{multiple: "1", of', "{multiple: .inf, of", "RULE_TYPE", "layers[4].limit.multiple", ".inf", '"0.25"'),
    ('{multiple: "1", of', "{multiple: 0x10, of", "RULE_TYPE", "layers[4].limit.multiple", "0x10", '"0.25"'),
    ("    share: equal", "    share: equal\n    rounds: 012", "RULE_TYPE", "layers[5].rounds", "012", '"4"'),
    ("    share: equal", "    share: equal\n    rounds: 1e3", "RULE_TYPE", "layers[5].rounds", "1e3", '"4"'),
    ('30 days, rolling: "true"', "30 days, rolling: yes",
     "RULE_TYPE", "layers[4].window.rolling", "yes", "true, false"),
    ('30 days, rolling: "true"', "30 days, rolling: True",
     "RULE_TYPE", "layers[4].window.rolling", "True", "true"),
    ('30 days, rolling: "true"', "30 days, rolling: 1",
     "RULE_TYPE", "layers[4].window.rolling", "1, longest", "true, false"),
    # missing words
    ("currency: EUR\n", "", "RULE_MISSING", "", "rulebook: example", "currency: ..."),
    ("rulebook: example/service\n", "", "RULE_MISSING", "", "title: Example", "rulebook: ..."),
    ('from: "2024-01-01"\ncurrency', "currency", "RULE_MISSING", "from", "rulebook: example", 'from: "2024'),
    ("jurisdiction: EU\n", "", "RULE_MISSING", "jurisdiction", "rulebook: example", "jurisdiction: EU"),
    ("id: haircut", "title: haircut", "RULE_MISSING", "layers[7]", "title: haircut", "id: ..."),
    ("    on: [assessment, second_fund]\n", "", "RULE_MISSING", "caps[0]", "id: thirty_days", "on: ..."),
    # currencies and jurisdictions
    ("currency: EUR", "currency: eur", "CURRENCY_UNKNOWN", "currency", "eur", "EUR"),
    ("currency: EUR", "currency: XXX", "CURRENCY_UNKNOWN", "currency", "XXX", "{code: XYZ"),
    ("currency: EUR", "currency: null", "RULE_TYPE", "currency", "null", "a value"),
    ("currency: EUR", "currency: [EUR]", "RULE_TYPE", "currency", "[EUR]", "a word"),
    ("currency: EUR", "currency: {code: BTC}", "RULE_MISSING", "currency", "{code: BTC}", "decimals"),
    ("currency: EUR", "currency: {code: BTC, decimals: 30}",
     "RULE_RANGE", "currency.decimals", "30}\njur", '"8"'),
    ("currency: EUR", "currency: {code: eur, decimals: 2}",
     "CURRENCY_UNKNOWN", "currency.code", "eur", "EUR"),
    ("currency: EUR", "currency: {code: CLF, decimals: 2}",
     "CURRENCY_UNKNOWN", "currency", "{code: CLF", "currency: CLF"),
    ("jurisdiction: EU", "jurisdiction: eu", "RULE_TYPE", "jurisdiction", "eu\n", "EU"),
]  # fmt: skip


@rows(FILE)
def test_file(load: Load, row: Row) -> None:
    check(load, row)


@pytest.mark.parametrize("layers", ["layers: []", "layers: {}", "layers:", "layers: none"])
def test_no_layers(load: Load, layers: str) -> None:
    text = BASE[: BASE.index("layers:")] + layers + "\n"
    found = problems(load, text)
    assert len(found) == 1
    assert found[0].path[:1] == ("layers",)
    assert found[0].code in ("RULE_MISSING", "RULE_TYPE")


@pytest.mark.parametrize("text", ["", "\n\n", "# a remark\n", "---\n", "{}", "[]", "rulebook"])
def test_an_empty_file_or_one_word(load: Load, text: str) -> None:
    assert {problem.code for problem in problems(load, text)} <= {"YAML_EMPTY", "RULE_TYPE", "RULE_MISSING"}


def test_numbers_keep_every_decimal(load: Load) -> None:
    book = load(changed('{multiple: "1", of', "{multiple: 1.10, of"))
    limit = next(layer.limit for layer, _ in book.all_layers() if layer.id == "assessment")
    assert limit is not None
    value = limit.versions[0][1].multiple
    assert (value.numerator, value.denominator) == (11, 10) if not isinstance(value, str | None) else False


def test_a_country_called_no_is_norway(load: Load) -> None:
    assert load(changed("jurisdiction: EU", "jurisdiction: NO")).jurisdiction == "NO"


def test_dates_need_no_quotes(load: Load) -> None:
    assert load(changed('from: "2024-01-01"\ncurr', "from: 2024-01-01\ncurr")) == load(BASE)


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-1+1", "@SUM(A1)", "<script>alert(1)</script>", "{{7*7}}"])
def test_text_is_kept_as_it_is(load: Load, name: str) -> None:
    assert load(changed("title: Example Clearing, derivatives", f"title: '{name}'")).title == name


# --- YAML -----------------------------------------------------------------------------------------------


def _bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


YAML: list[tuple[str, str, str]] = [
    ("!!python/object/apply:os.system ['touch made']\n", "YAML_TAG", "1:1"),
    ("title: !!python/name:os.system\n", "YAML_TAG", "1:8"),
    ("from: !!timestamp 2024-01-01\n", "YAML_TAG", "1:7"),
    ("title: ! x\n", "YAML_TAG", "1:8"),
    ("title: !!str x\n", "YAML_TAG", "1:8"),
    (_bomb(9), "YAML_ALIAS_FORBIDDEN", "1:5"),
    ("layers: &a [*a]\n", "YAML_ALIAS_FORBIDDEN", "1:9"),
    ("rules: {x: y}\nlayers:\n  - <<: *rules\n", "YAML_ALIAS_FORBIDDEN", "3:9"),
    ("&a title: x\n", "YAML_ALIAS_FORBIDDEN", "1:1"),
    ("a: " + "[" * 2000 + "]" * 2000, "YAML_TOO_DEEP", "1:36"),
    ("{a: " * 2000 + "b" + "}" * 2000, "YAML_TOO_DEEP", "1:130"),
    ("".join(" " * i + "a:\n" for i in range(900)), "YAML_TOO_DEEP", "33:33"),
    ("- " * 100_000, "YAML_TOO_DEEP", "1:67"),
    ("title: a\nlayers: []\ntitle: b\n", "YAML_DUPLICATE_KEY", "3:1"),
    ("a: {cap: 100, x: y, cap: 900}\n", "YAML_DUPLICATE_KEY", "1:21"),
    ("a:\n  cap: 100\n  'cap': 900\n", "YAML_DUPLICATE_KEY", "3:3"),
    ("a:\n  caf\u00e9: 100\n  cafe\u0301: 900\n", "YAML_DUPLICATE_KEY", "3:3"),
    ("a:\n\tb: c\n", "YAML_SYNTAX", "2:1"),
    ("a: b\n\tc: d\n", "YAML_SYNTAX", "2:1"),
    ("a: [b\n", "YAML_SYNTAX", "2:1"),
    ("a: 'b\n", "YAML_SYNTAX", "2:1"),
    ("a: b: c\n", "YAML_SYNTAX", "1:5"),
    ("a: b\n c: d\n", "YAML_SYNTAX", "2:3"),
    ("a: @b\n", "YAML_SYNTAX", "1:4"),
    ("? [a]\n: b\n", "YAML_SYNTAX", "1:3"),
    ("? {a: b}\n: c\n", "YAML_SYNTAX", "1:3"),
    ("a: b\n---\na: c\n", "YAML_SYNTAX", "2:1"),
    ('a: "\\ud800"\n', "YAML_SYNTAX", "1:7"),
    ("a: b\nc: d\0e\n", "TEXT_CONTROL_CHAR", "2:5"),
    ("a: b\nc: d\x1b[0m\n", "TEXT_CONTROL_CHAR", "2:5"),
    ("a: b\u2028c\n", "TEXT_CONTROL_CHAR", "1:5"),
    ('a: b\nc: "d\\0e"\n', "TEXT_CONTROL_CHAR", "2:4"),
    ('a: b\nc: "d\\x07e"\n', "TEXT_CONTROL_CHAR", "2:4"),
    ('"a\\nb": c\n', "TEXT_CONTROL_CHAR", "1:1"),
    ("a: b\nc: d\u202ee\n", "TEXT_FORMAT_CHAR", "2:5"),
    ("a: b\nc: \u2066d\n", "TEXT_FORMAT_CHAR", "2:4"),
    ('a: b\nc: "\\u202ee"\n', "TEXT_FORMAT_CHAR", "2:4"),
    ("a: b\nc\u200dd: e\n", "TEXT_FORMAT_CHAR", "2:1"),
    ("a: b\nc\u00add: e\n", "TEXT_FORMAT_CHAR", "2:1"),
    ("a: [" + "x," * MOST_VALUES + "x]\n", "FILE_TOO_LARGE", "1:"),
]


@pytest.mark.parametrize(("text", "code", "place"), YAML, ids=lambda value: ascii(value)[:30])
def test_yaml(load: Load, text: str, code: str, place: str) -> None:
    before = time.process_time()
    (found,) = problems(load, text)
    assert found.code == code
    assert found.place.startswith(f"book.yaml:{place}")
    assert time.process_time() - before < 5


def test_yaml_a_duplicate_names_the_first(load: Load) -> None:
    (found,) = problems(load, changed("title: Ex", "title: A\ntitle: Ex"))
    assert str(found) == (
        "book.yaml:3:1: 'title' stands twice (first in line 2); write it once [YAML_DUPLICATE_KEY]"
    )


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (BASE.encode("utf-8-sig"), "YAML_SYNTAX", ":1:1"),
        (BASE.encode("utf-16"), "YAML_SYNTAX", ":1:1"),
        (BASE.encode("utf-16-le"), "TEXT_CONTROL_CHAR", ":1:2"),
        (BASE.replace("Clearing, d", "Cléaring, d").encode("latin-1"), "YAML_SYNTAX", ":2:18"),
        (BASE.encode() + b"\xff", "YAML_SYNTAX", f":{BASE.count(chr(10)) + 1}:1"),
        (BASE.encode() + b"\xed\xa0\x80", "YAML_SYNTAX", f":{BASE.count(chr(10)) + 1}:1"),
        (b"#" * 10_000_000, "FILE_TOO_LARGE", ""),
        (b"#" * (MOST_BYTES + 1), "FILE_TOO_LARGE", ""),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "YAML_SYNTAX", ":1:1"),
    ],
    ids=[
        "mark",
        "utf-16",
        "utf-16 without mark",
        "latin-1",
        "half",
        "surrogate",
        "10 MB",
        "limit",
        "picture",
    ],
)
def test_bytes(tmp_path: Path, data: bytes, code: str, place: str) -> None:
    book = tmp_path / "book.yaml"
    book.write_bytes(BASE.encode())
    load_rulebook(book)
    book.write_bytes(data)
    with pytest.raises(Refused) as caught:
        load_rulebook(book)
    (found,) = caught.value.problems
    assert (found.code, found.place) == (code, f"{book}{place}")
    assert found.instead


def test_windows_line_endings_are_fine(load: Load) -> None:
    assert load(BASE.replace("\n", "\r\n")) == load(BASE)


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    book = tmp_path / "book.yaml"
    with book.open("wb") as file:
        file.truncate(2**43)
    with pytest.raises(Refused) as caught:
        load_rulebook(book)
    assert caught.value.code == "FILE_TOO_LARGE"


@pytest.mark.parametrize(
    "name", ["missing.yaml", "a" * 300 + ".yaml", "folder.yaml", "book.yaml/inside.yaml"]
)
def test_a_file_that_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "book.yaml").write_text(BASE)
    with pytest.raises(Refused) as caught:
        load_rulebook(tmp_path / name)
    assert caught.value.code in ("FILE_NOT_FOUND", "FILE_UNREADABLE")


# --- names ----------------------------------------------------------------------------------------------

NAMES: list[Row] = [
    # twice, or equal to another kind of name
    ("id: haircut", "id: second_fund", "RULE_DUPLICATE", "layers[7].id",
     "id: second_fund\n    payer: members\n    source: gains", "another name"),
    ("id: promise", "id: survivors", "RULE_DUPLICATE", "layers[6].id", "id: survivors", "another name"),
    ("id: promise", "id: thirty_days", "RULE_DUPLICATE", "caps[0].id", "id: thirty_days\n    on",
     "another name"),
    ("id: promise", "id: energy", "RULE_DUPLICATE", "layers[6].id", "id: energy", "another name"),
    ("id: promise", "id: capital", "RULE_DUPLICATE", "layers[6].id", "id: capital", "another name"),
    ("id: promise", "id: default_fund", "RULE_DUPLICATE", "layers[6].id", "id: default_fund", "another name"),
    ("id: promise", "id: reserve_fund", "RULE_DUPLICATE", "layers[6].id", "id: reserve_fund", "another name"),
    ("id: promise", "id: resigned", "RULE_DUPLICATE", "layers[6].id", "id: resigned", "another name"),
    ("id: promise", "id: bid", "RULE_DUPLICATE", "layers[6].id", "id: bid", "another name"),
    ("group: survivors", "group: assessment", "RULE_DUPLICATE", "layers[4].id", "id: assessment",
     "another name"),
    ("group: survivors", "group: capital", "RULE_DUPLICATE", "layers[3].group", "group: capital",
     "another name"),
    ("group: survivors", "group: energy", "RULE_DUPLICATE", "layers[3].group", "group: energy",
     "another name"),
    ("[energy, metals]", "[energy, energy]", "RULE_DUPLICATE", "segments[1]", "energy]", "another name"),
    ("[energy, metals]", "[energy, capital]", "RULE_DUPLICATE", "segments[1]", "capital]\n", "another name"),
    ("[energy, metals]", "[energy, bid]", "RULE_DUPLICATE", "segments[1]", "bid]\n", "another name"),
    ("[energy, metals]", "[energy, each]", "RULE_DUPLICATE", "segments[1]", "each]\n", "another name"),
    ("  factor:", "  default_fund: {given: ccp}\n  factor:",
     "RULE_DUPLICATE", "figures.default_fund", "default_fund: {given", "another name"),
    ("  factor:", "  own_capital: {given: ccp}\n  factor:",
     "RULE_DUPLICATE", "figures.own_capital", "own_capital: {given", "another name"),
    ("  factor:", "  decided: {given: member}\n  factor:",
     "RULE_DUPLICATE", "figures.decided", "decided: {given", "another name"),
    # not written as a name
    ("id: promise", "id: Promise", "RULE_TYPE", "layers[6].id", "Promise", "a name such as"),
    ("id: promise", "id: pro mise", "RULE_TYPE", "layers[6].id", "pro mise", "a name such as"),
    ("id: promise", "id: 2nd", "RULE_TYPE", "layers[6].id", "2nd", "a name such as"),
    ("id: promise", "id: zus\u00e4tzlich", "RULE_TYPE", "layers[6].id", "zus\u00e4tzlich", "a name such as"),
    ("id: promise", "id: \u0440romise", "RULE_TYPE", "layers[6].id", "\u0440romise", "a name such as"),
    ("id: promise", f"id: {'x' * 65}", "RULE_TYPE", "layers[6].id", "x" * 65, "a name such as"),
    # unknown, with the nearest known
    ("limit: {of: loss_cap}", "limit: {of: los_cap}",
     "RULE_REFERENCE", "layers[3].layers[1].limit", "limit: {of: los_cap}", "loss_cap"),
    ("limit: {of: loss_cap}", "limit: {of: [loss_cap, nothing_known]}",
     "RULE_REFERENCE", "layers[3].layers[1].limit", "limit: {of: [loss_cap, n",
     "a source, a figure or a layer"),
    ("limit: {of: loss_cap}", "limit: {of: __import__('os')}",
     "RULE_TYPE", "layers[3].layers[1].limit.of[0]", "__import__", "a name such as"),
    ("share: default_fund}", "share: default_found}",
     "RULE_REFERENCE", "layers[3].layers[0].share", "share: default_found", "default_fund"),
    ("share: equal", "share: equl", "RULE_REFERENCE", "layers[5].share", "share: equl", "equal"),
    ("less: [{amount: \"1.00\"}, loss_cap]", "less: [{amount: \"1.00\"}, los_cap]",
     "RULE_REFERENCE", "layers[6].limit", "limit: {matching", "loss_cap"),
    ("{multiple: factor,", "{multiple: factr,",
     "RULE_REFERENCE", "layers[2].limit", 'limit:\n      "2024', "factor"),
    ("{multiple: factor,", "{multiple: capital,",
     "RULE_REFERENCE", "layers[2].limit", 'limit:\n      "2024', "kind: number"),
    ("limit: {of: loss_cap}", "limit: {of: factor}",
     "RULE_TYPE", "layers[3].layers[1].limit", "limit: {of: factor}", "a figure of money"),
    ("limit: {of: loss_cap}", "limit: {of: resigned}",
     "RULE_TYPE", "layers[3].layers[1].limit", "limit: {of: resigned}", "a figure of money"),
    ("of: capital, apportioned: default_fund, cite", "of: capital, apportioned: default_found, cite",
     "RULE_REFERENCE", "layers[2].limit", 'limit:\n      "2024', "default_fund"),
    ("matching: assessment", "matching: asessment",
     "RULE_REFERENCE", "layers[6].limit", "limit: {matching", "assessment"),
    ("matching: assessment", "matching: capital",
     "RULE_REFERENCE", "layers[6].limit", "limit: {matching", "the id of a layer"),
    ("on: [assessment,", "on: [assesment,", "RULE_REFERENCE", "caps[0].on", "on: [assesment", "assessment"),
    ("measured: at_window_start", "measured: at_windowstart",
     "RULE_REFERENCE", "caps[0].limit", 'limit: {multiple: "2"', "at_window_start"),
    ("measured: at_window_start", "measured: at_capital",
     "RULE_REFERENCE", "caps[0].limit", 'limit: {multiple: "2"', "at_declaration"),
    ("longest: 3 months,", "longest: 3 months, starts: at_noticed,",
     "RULE_REFERENCE", "layers[4].window.starts", "starts: at_noticed", "at_notice"),
    ('{active: "true"}\n    order', '{actve: "true"}\n    order',
     "RULE_REFERENCE", "layers[5].where.actve", "actve", "active"),
    ("order: {bid: [none", "order: {bd: [none", "RULE_REFERENCE", "layers[5].order.bd", "bd: [none", "bid"),
    ('{active: "true"}\n    cite: rules 10', '{seniority: "true"}\n    cite: rules 10',
     "RULE_REFERENCE", "caps[0].where.seniority", "seniority", "figures"),
    ("[none, poor, [good, winner]]", "[none, poor, [good, winer]]",
     "RULE_REFERENCE", "layers[5].order", "order: {bid: [none, poor, [good, winer]]}", "winner"),
    ("payer: insurer", "payer: insurrer",
     "RULE_REFERENCE", "layers[3].layers[1].payer", "payer: insurrer", "insurer"),
    ("residual_to: ccp", "residual_to: cpp", "RULE_REFERENCE", "rounding.residual_to", "residual_to: cpp",
     "ccp"),
    ("{layer: member_fund, payer: members", "{layer: member_fond, payer: members",
     "RULE_REFERENCE", "replenishment[0].layer", "layer: member_fond", "member_fund"),
    ("{layer: member_fund, payer: members", "{layer: member_fund, payer: member",
     "RULE_REFERENCE", "replenishment[0].payer", "payer: member, into", "members"),
    ("into: reserve_fund", "into: reserve_fond",
     "RULE_REFERENCE", "replenishment[0].into", "into: reserve_fond", "reserve_fund"),
    ("counts_to: thirty_days", "counts_to: thirty_dais",
     "RULE_REFERENCE", "replenishment[0].counts_to", "counts_to: thirty_dais", "thirty_days"),
    ("order: [member_fund, skin", "order: [member_fond, skin",
     "RULE_REFERENCE", "recoveries.order", "order: [member_fond", "member_fund"),
    # in a circle
    ("greatest: [capital, floor]", "greatest: [capital, loss_cap]",
     "RULE_CYCLE", "figures.loss_cap", "loss_cap: {greatest", "other names"),
    ('floor: {amount: "1000000.00"', "floor: {of: insurance_cover",
     "RULE_CYCLE", "figures.floor", "floor: {of", "other names"),
    ('limit: {multiple: "1", of: default_fund}', "limit: {of: assessment}",
     "RULE_CYCLE", "layers[4].limit", "limit: {of: assessment}", ""),
    ('limit: {multiple: "1", of: default_fund}', "limit: {of: promise}",
     "RULE_CYCLE", "layers[4].limit", "limit: {of: promise}", ""),
    ("matching: assessment", "matching: promise",
     "RULE_CYCLE", "layers[6].limit", "limit: {matching", "an earlier layer"),
    ("matching: assessment", "matching: haircut",
     "RULE_CYCLE", "layers[6].limit", "limit: {matching", "an earlier layer"),
    ('together: {amount: "200000000.00"}', "together: {matching: promise}",
     "RULE_CYCLE", "layers[4].together", "together: {matching", "an earlier layer"),
    ("share: equal", "share: {matching: promise}",
     "RULE_AMOUNT", "layers[5].share", "share: {matching", "known beforehand"),
]  # fmt: skip


@rows(NAMES)
def test_names(load: Load, row: Row) -> None:
    check(load, row)


def test_two_figures_defined_by_each_other(load: Load) -> None:
    found = problems(load, changed('floor: {amount: "1000000.00"', "floor: {of: loss_cap"))
    assert {problem.code for problem in found} == {"RULE_CYCLE"}
    assert written_path(found[0].path) == "figures.floor"


def test_two_layers_that_match_each_other(load: Load) -> None:
    text = changed('    limit: {multiple: "1", of: default_fund}', "    limit: {matching: promise}")
    text = changed(', longest: 3 months, multiple: "3"}', ', longest: 3 months, amount: "5.00"}', text)
    (found,) = problems(load, text)
    assert (found.code, written_path(found.path)) == ("RULE_CYCLE", "layers[4].limit")


def test_a_layer_that_matches_itself_by_way_of_a_figure(load: Load) -> None:
    found = problems(load, changed('floor: {amount: "1000000.00"', "floor: {matching: promise"))
    assert {problem.code for problem in found} == {"RULE_CYCLE"}


def test_a_layer_that_matches_a_later_one_by_way_of_a_figure(load: Load) -> None:
    found = problems(load, changed('floor: {amount: "1000000.00"', "floor: {matching: haircut"))
    assert {problem.code for problem in found} == {"RULE_CYCLE"}


def test_a_large_circle_is_told_briefly_and_soon(load: Load) -> None:
    circle = "".join(f"  f{i}: f{(i + 1) % 300}\n" for i in range(300))
    before = time.process_time()
    found = problems(load, changed("  factor:", circle + "  factor:"))
    assert time.process_time() - before < 5
    assert {problem.code for problem in found} == {"RULE_CYCLE"}


def test_a_long_chain_of_figures_is_no_trouble(load: Load) -> None:
    chain = "".join(f"  f{i}: f{i + 1}\n" for i in range(1500)) + "  f1500: capital\n"
    before = time.process_time()
    with contextlib.suppress(Refused):
        load(changed("  factor:", chain + "  factor:"))
    assert time.process_time() - before < 5


# --- layers ---------------------------------------------------------------------------------------------

LAYER: list[Row] = [
    ("    source: own_capital\n", "", "RULE_MISSING", "layers[2]", "id: skin",
     "own_capital if it is held, commitment"),
    ("    payer: ccp\n    source: own_capital", "    source: own_capital",
     "RULE_MISSING", "layers[2]", "id: skin", "payer: ccp"),
    ("source: default_fund, share: default_fund}", "source: default_fund}",
     "RULE_MISSING", "layers[3].layers[0]", "{id: member_fund", "share: default_fund"),
    ("share: equal", 'share: {amount: "0.00"}',
     "RULE_RANGE", "layers[5].share", 'share: {amount: "0.00"}', "equal, size or an amount"),
    ("share: equal", 'share: {multiple: "0", of: default_fund}',
     "RULE_RANGE", "layers[5].share", 'share: {multiple: "0"', "equal, size or an amount"),
    ('    limit: {matching: assessment, most: "300000000.00", less: [{amount: "1.00"}, loss_cap]}\n', "",
     "RULE_MISSING", "layers[6]", "id: promise", "limit:"),
    ("source: insurance, limit", "source: insurance, account: house, limit",
     "RULE_LAYER", "layers[3].layers[1].account", "account: house, limit", "payer: defaulter, or no account"),
    ("account: house", "account: pooled", "RULE_TYPE", "layers[0].account", "pooled", "house, client"),
    ("[none, poor, [good, winner]]", "[none, poor, [good, poor]]",
     "RULE_LAYER", "layers[5].order", "order: {bid", "it once"),
    ("[none, poor, [good, winner]]", "[none, poor, none]",
     "RULE_LAYER", "layers[5].order", "order: {bid", "it once"),
    ("[none, poor, [good, winner]]", "[]", "RULE_LAYER", "layers[5].order", "order: {bid: []}", ""),
    ("{bid: [none, poor, [good, winner]]}", "{bid: [none], active: [\"true\"]}",
     "RULE_TYPE", "layers[5].order", "{bid: [none], active", "{bid: [none, poor]}"),
    ("share: default_fund}\n      -", "share: default_fund, order: {bid: [none]}}\n      -",
     "RULE_LAYER", "layers[3].layers[0].order", "order: {bid: [none]}}", "one after another"),
    ("share: default_fund}\n      -", 'share: default_fund, rounds: "2"}\n      -',
     "RULE_LAYER", "layers[3].layers[0].rounds", 'rounds: "2"', "one after another"),
    ('split: {member_fund: "1", insurance_cover: "0.5"}', 'split: {member_fund: "1"}',
     "RULE_LAYER", "layers[3].split", "split: {", "a weight for each"),
    ('insurance_cover: "0.5"}', 'insurance_cover: "0.5", promise: "1"}',
     "RULE_LAYER", "layers[3].split", "split: {", "a weight for each"),
    ('insurance_cover: "0.5"}', 'insurance_cover: "0"}',
     "RULE_RANGE", "layers[3].split.insurance_cover", 'insurance_cover: "0"', '"1" or more'),
    ('split: {member_fund: "1", insurance_cover: "0.5"}', "split: equal",
     "RULE_TYPE", "layers[3].split", "equal\n    cite", "size"),
    ("segment: each", "segment: enrgy", "RULE_REFERENCE RULE_AMOUNT", "layers[2].segment", "segment: enrgy",
     "energy"),
    ("    layers:\n", "    segment: enrgy\n    layers:\n",
     "RULE_REFERENCE", "layers[3].segment", "segment: enrgy", "energy"),
    ("    share: equal\n", "    share: equal\n    base: daily\n",
     "RULE_LAYER", "layers[5].base", "base: daily\n    where", "source: gains, or no base"),
    ("base: daily", "base: dayly", "RULE_TYPE", "layers[7].base", "dayly", "daily"),
    ("action: close_service", "action: close_servce", "RULE_TYPE", "layers[8].action", "close_servce",
     "close_service"),
    (", when: {decided: closure}", "", "RULE_MISSING", "layers[8]", "{id: closure", "when:"),
    ("action: close_service,", "action: close_service, segment: enrgy,",
     "RULE_REFERENCE", "layers[8].segment", "segment: enrgy", "energy"),
    ("      - {id: member_fund, payer", "      - {group: inner, layers: [], id: member_fund, payer",
     "RULE_TYPE", "layers[3].layers[0]", "{group: inner", "group: name, at the first level"),
]  # fmt: skip


@rows(LAYER)
def test_layer(load: Load, row: Row) -> None:
    check(load, row)


@pytest.mark.parametrize(
    "words",
    ["payer: ccp", "source: gains", "share: equal", "limit: capital", "together: capital", "account: house",
     "window: {length: 1 day}", 'rounds: "2"', "base: daily", "order: {bid: [none]}", "where: {bid: none}",
     "call: {due: 1 day}"],
)  # fmt: skip
def test_an_action_is_not_paid_in_money(load: Load, words: str) -> None:
    name = words.partition(":")[0]
    new = f"action: close_service, {words},"
    check(load, ("action: close_service,", new, "RULE_LAYER", f"layers[8].{name}", f"{words}, when", name))


@pytest.mark.parametrize("word", ["matching", "of"])
@pytest.mark.parametrize("bound", ['from: "2024-06-30"', 'until: "2024-06-30"'])
def test_a_layer_that_is_not_in_force_on_some_date(load: Load, word: str, bound: str) -> None:
    text = changed("matching: assessment", f"{word}: assessment")
    found = problems(load, changed("    together:", f"    {bound}\n    together:", text))
    assert [(p.code, written_path(p.path)) for p in found] == [("RULE_DATE", "layers[6].limit")]
    assert bound.partition(":")[0] in found[0].instead


# --- amounts --------------------------------------------------------------------------------------------

ONE = "layers[3].layers[1].limit"
AMOUNT: list[Row] = [
    ("limit: {of: loss_cap}", f"limit: {new}", code, ONE + path, at, instead)
    for new, code, path, at, instead in [
        ("{}", "RULE_AMOUNT", "", "{}", "one of them"),
        ('{most: "5.00"}', "RULE_AMOUNT", "", '{most: "5.00"}', "one of them"),
        ("{greatest: []}", "RULE_AMOUNT", "", "{greatest: []}", ""),
        ("{least: []}", "RULE_AMOUNT", "", "{least: []}", ""),
        ("{of: []}", "RULE_AMOUNT", "", "{of: []}", ""),
        ('{amount: "5.00", of: capital}', "RULE_AMOUNT", "", '{amount: "5.00", of', "one of them"),
        ("{matching: member_fund, greatest: [capital]}", "RULE_AMOUNT", "", "{matching: member_fund",
         "one of"),
        ("{of: capital, least: [floor]}", "RULE_AMOUNT", "", "{of: capital, least", "one of them"),
        ('{multiple: "2"}', "RULE_AMOUNT", "", '{multiple: "2"}', "one of them"),
        ('{multiple: "2", amount: "5.00"}', "RULE_AMOUNT", "", '{multiple: "2", amount', "of: beside it"),
        ('{multiple: "2", greatest: [capital]}', "RULE_AMOUNT", "", '{multiple: "2", greatest',
         "of: beside it"),
        ('{amount: "-5.00"}', "RULE_RANGE", ".amount", '"-5.00"', "zero or more"),
        ('{of: capital, most: "-5.00"}', "RULE_RANGE", ".most", '"-5.00"', "zero or more"),
        ('{of: capital, less: {amount: "-5.00"}}', "RULE_RANGE", ".less[0].amount", '"-5.00"',
         "zero or more"),
        ('{greatest: [{of: capital, amount: "5.00"}]}', "RULE_AMOUNT", ".greatest[0]", "{of: capital, am",
         "one of"),
        ("{greatest: [capital, 5]}", "RULE_TYPE", ".greatest[1]", "5]}", '{amount: "5"}'),
        ("{of: capital, apportioned: default_fund}", "RULE_AMOUNT", "", "limit: {of: capital, app",
         "segment: each"),
    ]
] + [
    ("greatest: [capital, floor], cite", "cite", "RULE_AMOUNT", "figures.loss_cap", "{cite: rules 4}",
     "given: ccp"),
    ("greatest: [capital, floor]", 'given: ccp, amount: "5.00"',
     "RULE_AMOUNT", "figures.loss_cap", "{given: ccp, amount", "or an amount"),
    ("greatest: [capital, floor]", "given: nobody", "RULE_TYPE", "figures.loss_cap.given", "nobody",
     "ccp, member"),
    ("kind: number", "kind: numbr", "RULE_TYPE", "figures.factor.kind", "numbr", "number"),
    ('limit: {multiple: "2", of: default_fund, measured: at_window_start}',
     "limit: {of: capital, apportioned: default_fund}",
     "RULE_AMOUNT", "caps[0].limit", "limit: {of: capital", "segment: each"),
]  # fmt: skip


@rows(AMOUNT)
def test_amount(load: Load, row: Row) -> None:
    check(load, row)


def test_a_group_in_each_segment_may_apportion(load: Load) -> None:
    text = changed("    layers:\n", "    segment: each\n    layers:\n")
    book = load(changed("limit: {of: loss_cap}", "limit: {of: loss_cap, apportioned: default_fund}", text))
    limits = {layer.id: layer.limit for layer, group in book.all_layers() if group and group.segment}
    apportioned = Amount(of=("loss_cap",), apportioned="default_fund")
    assert limits == {"member_fund": None, "insurance_cover": Dated(((None, apportioned),))}


# --- windows, dates -------------------------------------------------------------------------------------

WINDOW = '{length: 30 days, rolling: "true", longest: 3 months, multiple: "3"}'
WINDOWS: list[Row] = [
    (WINDOW, '{length: 30 days, rolling: "true", look_back: "true", multiple: "3"}',
     "RULE_WINDOW", "layers[4].window", "window: {length: 30 days, r", "one of them"),
    (WINDOW, '{length: 30 days, longest: 3 months, multiple: "3"}',
     "RULE_WINDOW", "layers[4].window", "window: {length: 30 days, long", "rolling"),
    (WINDOW, '{length: 30 days, rolling: "true", longest: 10 days, multiple: "3"}',
     "RULE_WINDOW", "layers[4].window", "window: {length: 30 days, r", "at least the length"),
    (WINDOW, '{length: 2 months, rolling: "true", longest: 30 days, multiple: "3"}',
     "RULE_WINDOW", "layers[4].window", "window: {length: 2 m", "at least the length"),
    (WINDOW, '{rolling: "true", multiple: "3"}', "RULE_WINDOW", "layers[4].window", "window: {rolling",
     "length"),
    (WINDOW, '{look_back: "true", multiple: "3"}', "RULE_WINDOW", "layers[4].window", "window: {look",
     "length"),
    (WINDOW, "{length: 30 dais}", "RULE_TYPE", "layers[4].window.length", "30 dais", "20 business_days"),
    (WINDOW, "{length: 0 days}", "RULE_TYPE", "layers[4].window.length", "0 days}\n    call",
     "20 business_days"),
    (WINDOW, "{length: -3 days}", "RULE_TYPE", "layers[4].window.length", "-3 days", "20 business_days"),
    (WINDOW, "{length: 1.5 days}", "RULE_TYPE", "layers[4].window.length", "1.5 days", "20 business_days"),
    (WINDOW, "{length: 30}", "RULE_TYPE", "layers[4].window.length", "30}\n    call", "20 business_days"),
    (WINDOW, '{times: "0"}', "RULE_RANGE", "layers[4].window.times", '"0"', '"4"'),
    (WINDOW, "{length: 30 days, ends_early: unused}",
     "RULE_TYPE", "layers[4].window.ends_early", "unused", "if_unused"),
    (WINDOW, '{length: 30 days, of: default_fund, amount: "5.00"}',
     "RULE_AMOUNT", "layers[4].window", "{length: 30 days, of", "one of them"),
    (WINDOW, "{length: 30 days, multiple: \"2\", of: default_found}",
     "RULE_REFERENCE", "layers[4].window", "window: {length: 30 days, m", "default_fund"),
    ("{length: 5 business_days}", "{}", "RULE_WINDOW", "layers[7].window", "window: {}", "a length"),
    ("    order: {bid", "    window: {length: 30 days}\n    order: {bid",
     "RULE_WINDOW", "layers[5].window", "window: {length: 30 days}\n", "an amount"),
    ("    order: {bid", '    window: {length: 30 days, multiple: "2"}\n    order: {bid',
     "RULE_WINDOW", "layers[5].window", 'window: {length: 30 days, multiple: "2"}', "of: beside it"),
    ("    order: {bid",
     '    limit: {amount: "5.00"}\n    window: {length: 30 days, multiple: "2"}\n    order: {bid',
     "RULE_WINDOW", "layers[5].window", 'window: {length: 30 days, multiple: "2"}', "of: beside it"),
]  # fmt: skip


@rows(WINDOWS)
def test_window(load: Load, row: Row) -> None:
    check(load, row)


def test_windows_that_can_be_meant(load: Load) -> None:
    def window(layer: str, old: str, new: str) -> Window:
        found = {x.id: x.window for x, _ in load(changed(old, new)).all_layers()}[layer]
        assert found is not None
        [(_, value)] = found.versions
        return value

    month, order = Duration(30, "days"), "    order: {bid"
    once = window("second_fund", order, '    window: {length: 30 days, times: "1"}\n' + order)
    assert once == Window(length=month, times=1)
    nothing = window("second_fund", order, '    window: {length: 30 days, amount: "0.00"}\n' + order)
    assert nothing == Window(length=month, amount=Amount(amount=0))
    assert window("assessment", WINDOW, '{starts: at_resigned, multiple: "2"}') == Window(
        starts="at_resigned", amount=Amount(of=("default_fund",), multiple=Fraction(2))
    )
    rolling = '{length: 1 month, rolling: "true", longest: 30 days, multiple: "3"}'
    assert window("assessment", WINDOW, rolling) == Window(
        length=Duration(1, "months"),
        rolling=True,
        longest=month,
        amount=Amount(of=("default_fund",), multiple=Fraction(3)),
    )


@pytest.mark.parametrize(
    ("words", "path", "at"),
    [
        ("{length: 5 business_days}", "layers[7].window", "window: {length: 5"),
        ("call: {due: 1 business_day}", "layers[4].call", "call: {due"),
        ("due: 2 business_days", "replenishment[0].due", "due: 2"),
        ("one_event: 10 business_days", "several_defaults", "several_defaults: {one"),
    ],
)
def test_business_days_without_a_calendar(load: Load, words: str, path: str, at: str) -> None:
    calendar = BASE[BASE.index("calendar:") : BASE.index("several_defaults:")]
    text = changed(calendar, "").replace("business_day", "day")
    load(text)
    text = changed(words.replace("business_day", "day"), words, text)
    (found,) = problems(load, text)
    assert found.code == "RULE_WINDOW"
    assert written_path(found.path).startswith(path)
    assert found.place.split(":")[1] == place_of(text, at).split(":")[0]
    assert "calendar:" in found.instead


DATES: list[Row] = [
    ("    cite: rules 6", '    from: "2025-01-01"\n    until: "2024-06-30"\n    cite: rules 6',
     "RULE_DATE", "layers[5].until", "until:", "a later day"),
    ("    layers:\n", '    from: "2025-01-01"\n    until: "2024-06-30"\n    layers:\n',
     "RULE_DATE", "layers[3].until", "until:", "a later day"),
    ("    cite: rules 10", '    from: "2025-01-01"\n    until: "2024-06-30"\n    cite: rules 10',
     "RULE_DATE", "caps[0].until", "until:", "a later day"),
    ('      "2024-01-01": {multiple', '      "2024-03-01": {multiple',
     "RULE_DATE", "layers[2].limit", 'limit:\n      "2024', 'an entry from "2024-01-01"'),
    ("share: equal", 'share: {"2025-01-01": equal}',
     "RULE_DATE", "layers[5].share", 'share: {"2025', 'an entry from "2024-01-01"'),
    ('where: {active: "true"}\n    order', 'where: {"2025-01-01": {active: "true"}}\n    order',
     "RULE_DATE", "layers[5].where", 'where: {"2025', 'an entry from "2024-01-01"'),
    ("order: {bid: [none, poor, [good, winner]]}", 'order: {"2025-01-01": {bid: [none]}}',
     "RULE_DATE", "layers[5].order", 'order: {"2025', 'an entry from "2024-01-01"'),
    (WINDOW, '{"2025-01-01": {length: 30 days, multiple: "3"}}',
     "RULE_DATE", "layers[4].window", 'window: {"2025', 'an entry from "2024-01-01"'),
    ('together: {amount: "200000000.00"}', 'together: {amount: {"2025-01-01": "5.00"}}',
     "RULE_DATE", "layers[4].together", "together: {amount", 'an entry from "2024-01-01"'),
    ('limit: {multiple: "2", of: default_fund, measured: at_window_start}',
     'limit: {"2025-01-01": {multiple: "2", of: default_fund}}',
     "RULE_DATE", "caps[0].limit", 'limit: {"2025', 'an entry from "2024-01-01"'),
    ('limit: {of: loss_cap}', "limit: {of: late}",
     "RULE_REFERENCE", ONE, "limit: {of: late}", "a source, a figure or a layer"),
    ('      "2025-07-01": {multiple', '      "2025-02-29": {multiple',
     "RULE_DATE", "layers[2].limit.2025-02-29", '"2025-02-29"', "a day of the calendar"),
    ('      "2025-07-01": {multiple', '      "2025-7-1": {multiple',
     "RULE_TYPE", "layers[2].limit.2025-7-1", '"2025-7-1"', '"2024-01-31"'),
    ('      "2025-07-01": {multiple', "      later: {multiple",
     "RULE_TYPE", "layers[2].limit.later", "later: {", "dates"),
    ('from: "2024-01-01"\ncurr', 'from: "2023-02-29"\ncurr', "RULE_DATE", "from", '"2023-02-29"', "a day of"),
    ('from: "2024-01-01"\ncurr', "from: 0000-01-01\ncurr", "RULE_DATE", "from", "0000-01-01", "a day of"),
    ('from: "2024-01-01"\ncurr', "from: 2024\ncurr", "RULE_DATE", "from", "2024\n", '"2024-01-31"'),
    ('from: "2024-01-01"\ncurr', "from: 01.02.2024\ncurr", "RULE_DATE", "from", "01.02.2024", '"2024-01-31"'),
    ('from: "2024-01-01"\ncurr', "from: 20240101\ncurr", "RULE_DATE", "from", "20240101", '"2024-01-31"'),
    ('from: "2024-01-01"\ncurr', "from: [2024-01-01]\ncurr", "RULE_TYPE", "from", "[2024", "a word"),
    ('last: "2030-12-31"', 'last: "2020-12-31"', "RULE_DATE", "calendar.last", "last:", "a later day"),
]  # fmt: skip


@rows(DATES)
def test_dates(load: Load, row: Row) -> None:
    check(load, row)


def test_a_figure_with_nothing_in_force_while_a_layer_reads_it(load: Load) -> None:
    text = changed('floor: {amount: "1000000.00", cite: rules 4}', 'floor: {"2025-01-01": {amount: "5.00"}}')
    found = problems(load, text)
    assert {problem.code for problem in found} == {"RULE_DATE"}
    assert ONE in [written_path(problem.path) for problem in found]
    assert all('"2024-01-01"' in problem.instead for problem in found)


def test_a_layer_for_ever(load: Load) -> None:
    book = load(changed("    cite: rules 6", "    until: 9999-12-31\n    cite: rules 6"))
    assert book.in_force(book.from_ or book.changes()[0]) == book.from_


# --- citations ------------------------------------------------------------------------------------------

UNREAD = "cite: {title: A page, status: verified}"
CITE: list[Row] = [
    ("    cite: rules 6\n", "", "RULE_CITE", "layers[5]", "id: second_fund", "cite: name clause"),
    ("    cite: rules 10\n", "", "RULE_CITE", "caps[0]", "id: thirty_days\n    on", "cite: name clause"),
    ("    cite: rules 4\n", "", "RULE_CITE RULE_CITE",
     "layers[3].layers[0]", "{id: member_fund, payer", "cite: name clause"),
    ("cite: rules 6", "cite: rulez 6", "RULE_REFERENCE", "layers[5].cite", "rulez 6", "rules"),
    ("cite: rules 6", "cite: manual 6", "RULE_REFERENCE", "layers[5].cite", "manual 6", "under citations"),
    ("cite: rules 10", "cite: rulez 10", "RULE_REFERENCE", "caps[0].cite", "rulez 10", "rules"),
    ("cite: notice 2}", "cite: notic 2}", "RULE_REFERENCE", "layers[2].limit.cite", "notic 2", "notice"),
    (', href: "https://example.org/rules.pdf"', "", "RULE_CITE", "citations.rules", "rules: {title", "href:"),
    ("cite: rules 6", UNREAD, "RULE_CITE", "layers[5].cite", UNREAD, "href:"),
    ("    cite: rules 4\n", f"    {UNREAD}\n", "RULE_CITE", "layers[3].cite", UNREAD, "href:"),
    ("cite: rules 10", UNREAD, "RULE_CITE", "caps[0].cite", UNREAD, "href:"),
    ("cite: notice 2}", UNREAD + "}", "RULE_CITE", "layers[2].limit", 'limit:\n      "2024', "href:"),
    ("capital: {given: ccp, cite: rules 4}", f"capital: {{given: ccp, {UNREAD}}}",
     "RULE_CITE", "figures.capital", "capital: {given", "href:"),
    ("cite: rules 6", 'cite: {href: "https://example.org"}',
     "RULE_MISSING", "layers[5].cite", '{href: "https://example.org"}', "title: ..."),
    ("status: reported", "status: reportd", "RULE_TYPE", "citations.notice.status", "reportd", "reported"),
]  # fmt: skip


@rows(CITE)
def test_cite(load: Load, row: Row) -> None:
    check(load, row)


# --- all at once ----------------------------------------------------------------------------------------


def test_five_mistakes_are_five_problems(load: Load) -> None:
    text = changed("    source: own", "    segmnt: each\n    source: own")
    text = changed('"200000000.00"', "2e8", text)
    text = changed("    cite: rules 6\n", "", text)
    text = changed("payer: insurer", "payer: insurrer", text)
    text = changed(
        "    cite: rules 7", '    from: "2025-01-01"\n    until: "2024-06-30"\n    cite: rules 7', text
    )
    found = problems(load, text)
    assert [(problem.code, written_path(problem.path)) for problem in found] == [
        ("RULE_UNKNOWN_KEY", "layers[2].segmnt"),
        ("RULE_REFERENCE", "layers[3].layers[1].payer"),
        ("MONEY_FORMAT", "layers[4].together.amount"),
        ("RULE_CITE", "layers[5]"),
        ("RULE_DATE", "layers[6].until"),
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("segmnt: each, cite: rules 1", "RULE_UNKNOWN_KEY"),
        ("cite: rulez 1", "RULE_REFERENCE"),
        ("limit: {of: nowhere}, cite: rules 1", "RULE_REFERENCE"),
        ("limit: 5, cite: rules 1", "RULE_TYPE"),
    ],
)
def test_the_work_grows_no_faster_than_the_mistakes(load: Load, words: str, code: str) -> None:
    """Counted in calls, which no load of the machine changes."""

    def calls(count: int) -> int:
        layer = "  - {{id: own_{}, payer: ccp, source: own_capital, {}}}\n"
        layers = "".join(layer.format(i, words) for i in range(count))
        text = changed("  - id: promise", layers + "  - id: promise")
        made = 0

        def counted(_frame: object, event: str, _value: object) -> None:
            nonlocal made
            made += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(counted)
        try:
            found = problems(load, text)
        finally:
            sys.setprofile(before)
        assert {problem.code for problem in found} == {code}
        return made

    few, many = calls(100), calls(200)
    assert few < many < 2.5 * few, f"{many / few:.2f}"


def test_problems_come_in_the_order_of_the_text_and_once(load: Load) -> None:
    text = changed("residual_to: ccp", "residual_to: cpp").replace("cite: rules", "cite: rulez")
    text = changed("jurisdiction: EU\n", "", text)
    found = problems(load, text)
    lines = [tuple(int(part) for part in problem.place.split(":")[1:]) for problem in found]
    assert lines == sorted(lines)
    assert len(set(found)) == len(found)


def test_a_message_reads_well(load: Load) -> None:
    (found,) = problems(load, changed("payer: insurer", "payer: insurrer"))
    assert str(found) == (
        f"book.yaml:{place_of(changed('payer: insurer', 'payer: insurrer'), 'payer: insurrer')}: "
        "layers[3].layers[1].payer: 'insurrer' is nobody who can pay; write insurer [RULE_REFERENCE]"
    )


# --- plain values ---------------------------------------------------------------------------------------


def plain() -> dict[object, object]:
    """A rulebook as plain Python values."""
    citation = {"title": "Rules", "href": "https://example.org", "status": "verified"}
    layer = {"id": "own", "payer": "ccp", "source": "own_capital", "cite": "rules 1"}
    return {
        "rulebook": "example/plain", "title": "Plain", "from": "2024-01-01", "currency": "EUR",
        "jurisdiction": "EU", "citations": {"rules": citation}, "layers": [layer],
    }  # fmt: skip


PLAIN: list[tuple[dict[object, object], list[str]]] = [
    ({"title": 10.5}, ["MONEY_MUST_BE_STRING"]),
    ({"title": 10**5000}, ["MONEY_MUST_BE_STRING"]),
    ({"title": float("inf"), "note": float("nan")}, ["MONEY_MUST_BE_STRING"] * 2),
    ({"title": "a\0b"}, ["TEXT_CONTROL_CHAR"]),
    ({"title": "\ud800"}, ["TEXT_INVALID_UNICODE"]),
    ({"title": "\u202ebook"}, ["TEXT_FORMAT_CHAR"]),
    ({"no\u200bte": "x"}, ["TEXT_FORMAT_CHAR"]),
    ({"title": b"Plain"}, ["TYPE"]),
    ({"title": {"a"}}, ["TYPE"]),
    ({1: "x"}, ["TYPE"]),
    ({"caf\u00e9": "x", "cafe\u0301": "y"}, ["YAML_DUPLICATE_KEY"]),
    ({"title": None}, ["RULE_TYPE"]),
    ({"title": True}, []),
    ({"role": "admin"}, ["RULE_UNKNOWN_KEY"]),
    ({"layers": []}, ["RULE_MISSING"]),
    ({"layers": "own"}, ["RULE_TYPE"]),
]


@pytest.mark.parametrize(
    ("change", "codes"),
    PLAIN,
    ids=lambda value: ascii(value)[:30] if value != {"title": 10**5000} else "huge",
)
def test_plain_values(change: dict[object, object], codes: list[str]) -> None:
    rulebook_from(plain())
    try:
        rulebook_from({**plain(), **change})
        found: list[str] = []
    except Refused as refused:
        found = [problem.code for problem in refused.problems]
    assert found == codes


def test_plain_values_that_contain_themselves() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(Refused) as caught:
        rulebook_from({**plain(), "layers": endless})
    assert caught.value.code == "YAML_TOO_DEEP"


@pytest.mark.parametrize("value", [None, [], "text", {}, [plain()], 5])
def test_plain_values_that_are_no_map(value: object) -> None:
    with pytest.raises(Refused):
        rulebook_from(value)


# --- anything at all ------------------------------------------------------------------------------------

LETTERS = string.printable + "\0\u00e9\u202e\u200d\ud7ff\U0001f600"
SCALARS = [
    "", "~", "null", "-1", "0", "1e9", "NaN", "'", '"', "{}", "[]", "2024-13-01", "0001-01-01", "9999-12-31",
    "true", "each", "size", "&a", "*a", "!x", "|", "? ", "- ", "members", "default_fund", "99999 years",
]  # fmt: skip
PIECES = sorted({piece for line in BASE.splitlines() for piece in line.replace(",", " ").split()})


@st.composite
def mutated(draw: st.DrawFn, base: str) -> str:
    """The base with a few small changes: characters, lines, keys, scalars."""
    text = base
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        kind = draw(st.sampled_from("dcrwlks"))
        if kind == "d":
            text = text[:at] + text[at + draw(st.integers(1, 8)) :]
        elif kind == "c":
            text = text[:at] + text[at : at + draw(st.integers(1, 60))] + text[at:]
        elif kind == "r":
            text = text[:at] + draw(st.sampled_from(LETTERS)) + text[at + 1 :]
        elif kind == "w":
            old = draw(st.sampled_from(PIECES))
            text = text.replace(old, draw(st.sampled_from(PIECES + SCALARS)), draw(st.integers(1, 3)))
        else:
            lines = text.split("\n")
            i = draw(st.integers(0, len(lines) - 1))
            key, colon, _ = lines[i].partition(":")
            if kind == "l":
                lines[i : i + draw(st.integers(0, 2))] = draw(
                    st.sampled_from([[], [lines[i]], [lines[i], lines[0]]])
                )
            elif kind == "k":
                lines[i] = lines[i].replace(key.strip(), draw(st.sampled_from(PIECES)).strip(":{}[]"), 1)
            else:
                lines[i] = f"{key}{colon} {draw(st.sampled_from(SCALARS))}"
            text = "\n".join(lines)
    return text


@given(text=mutated(BASE))
def test_a_changed_file_loads_or_is_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    book = tmp_path_factory.getbasetemp() / "changed.yaml"
    book.write_text(text, encoding="utf-8", newline="")
    told: tuple[Problem, ...] = ()
    try:
        found = load_rulebook(book)
    except Refused as refused:
        told = refused.problems
    else:
        assert found.layers
    assert all(str(problem) for problem in told)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    book = tmp_path_factory.getbasetemp() / "any.yaml"
    book.write_bytes(data)
    with pytest.raises(Refused):
        load_rulebook(book)


Tree = dict[str, Any]
Step = str | int


def tree_of(text: str) -> Tree:
    """The text as plain maps, lists and strings."""
    tree = to_value(parse(text.encode(), "").root)
    assert isinstance(tree, dict)
    return tree


def _paths(tree: Any, path: tuple[Step, ...] = ()) -> list[tuple[Step, ...]]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for key, item in pairs for found in _paths(item, (*path, key)))]


def _at(tree: Any, path: tuple[Step, ...]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


@st.composite
def grafted(draw: st.DrawFn, text: str) -> Tree:
    """The tree of the text with a few branches taken away or replaced: by others of the same word, of a
    neighbour, or of any kind; scalars mostly by scalars."""
    tree = tree_of(text)
    for _ in range(draw(st.integers(1, 3))):
        paths = _paths(tree)[1:]
        path = draw(st.sampled_from(paths))
        inner, key = _at(tree, path[:-1]), path[-1]
        kind = draw(st.sampled_from(["same word", "neighbour", "scalar", "away", "anything"]))
        if kind == "away":
            del inner[key]
            continue
        if kind == "same word":
            new = _at(tree, draw(st.sampled_from([other for other in paths if other[-1] == key])))
        elif kind == "neighbour":
            beside = [
                p for p in paths if len(p) == len(path) and p[:-2] == path[:-2] and isinstance(p[-1], str)
            ]
            word = draw(st.sampled_from(beside or paths))
            new, key = _at(tree, word), word[-1] if isinstance(inner, dict) else key
        elif kind == "scalar":
            texts = [value for value in (_at(tree, p) for p in paths) if isinstance(value, str)]
            new = draw(st.sampled_from(texts + SCALARS))
        else:
            new = draw(
                st.sampled_from([[], {}, None, "", [inner[key]], _at(tree, draw(st.sampled_from(paths)))])
            )
        inner[key] = copy.deepcopy(new)
    return tree


@given(tree=grafted(BASE))
def test_a_rulebook_with_grafted_branches_is_read_or_refused(tree: Tree) -> None:
    told: tuple[Problem, ...] = ()
    try:
        found = rulebook_from(tree)
    except Refused as refused:
        told = refused.problems
    else:
        assert found.layers
    assert all(problem.says and problem.instead for problem in told)
