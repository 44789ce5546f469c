"""Amounts and currency codes as people and programs write them: what is taken, what is refused and how."""

import time

import moneyed
import pytest

from penstock.core.money import ISO_4217, MOST, Currency, currency, parse, written
from penstock.core.problems import Problem, Refused

USD, JPY, KWD = currency("USD"), currency("JPY"), currency("KWD")
BTC = Currency("BTC", 8)

BOTH = (True, False)

REFUSED: list[tuple[object, Currency, str]] = [
    # numbers are not strings
    (10.10, USD, "MONEY_MUST_BE_STRING"),
    (10, USD, "MONEY_MUST_BE_STRING"),
    (123456789012345678.91, USD, "MONEY_MUST_BE_STRING"),
    (10**5000, USD, "MONEY_MUST_BE_STRING"),
    (float("nan"), USD, "MONEY_MUST_BE_STRING"),
    (True, USD, "MONEY_MUST_BE_STRING"),
    (None, USD, "MONEY_MUST_BE_STRING"),
    (b"10.00", USD, "MONEY_MUST_BE_STRING"),
    (["10.00"], USD, "MONEY_MUST_BE_STRING"),
    # not finite
    ("NaN", USD, "MONEY_NOT_FINITE"),
    ("nan", JPY, "MONEY_NOT_FINITE"),
    ("sNaN", USD, "MONEY_NOT_FINITE"),
    ("-nan", USD, "MONEY_NOT_FINITE"),
    ("Infinity", USD, "MONEY_NOT_FINITE"),
    ("-Inf", USD, "MONEY_NOT_FINITE"),
    ("+inf", USD, "MONEY_NOT_FINITE"),
    # exponents
    ("1E+1000000", USD, "MONEY_FORMAT"),
    ("1e5", USD, "MONEY_FORMAT"),
    ("1E-400", USD, "MONEY_FORMAT"),
    ("1.23E+05", USD, "MONEY_FORMAT"),
    # decimals: as many as the currency has, never rounded
    ("0.0000001", USD, "MONEY_SCALE"),
    ("10.005", USD, "MONEY_SCALE"),
    ("10.5", USD, "MONEY_SCALE"),
    ("10.000", USD, "MONEY_SCALE"),
    ("10.5", JPY, "MONEY_SCALE"),
    ("10.0", JPY, "MONEY_SCALE"),
    ("1.0001", KWD, "MONEY_SCALE"),
    ("1.00", KWD, "MONEY_SCALE"),
    ("1.123456789", BTC, "MONEY_SCALE"),
    # how others group, separate and name it
    ("1,000.00", USD, "MONEY_FORMAT"),
    ("1.000,00", USD, "MONEY_FORMAT"),
    ("10,00", USD, "MONEY_FORMAT"),
    ("1_000", USD, "MONEY_FORMAT"),
    ("1'000.00", USD, "MONEY_FORMAT"),
    ("$10", USD, "MONEY_FORMAT"),
    ("10 USD", USD, "MONEY_FORMAT"),
    ("USD 10.00", USD, "MONEY_FORMAT"),
    ("10.00%", USD, "MONEY_FORMAT"),
    ("(10.00)", USD, "MONEY_FORMAT"),
    ("10.00-", USD, "MONEY_FORMAT"),
    ("0x10", USD, "MONEY_FORMAT"),
    ("ten", USD, "MONEY_FORMAT"),
    # spaces that do not stand between whole groups of three
    ("1 00.00", USD, "MONEY_FORMAT"),
    ("1  000.00", USD, "MONEY_FORMAT"),
    ("1 0000.00", USD, "MONEY_FORMAT"),
    ("1000 000.00", USD, "MONEY_FORMAT"),
    ("0 100.00", USD, "MONEY_FORMAT"),
    ("1 000 .00", USD, "MONEY_FORMAT"),
    ("1 000.00 ", USD, "MONEY_FORMAT"),
    ("10.0 0", USD, "MONEY_FORMAT"),
    ("1\u00a0000.00", USD, "MONEY_FORMAT"),
    ("1\u202f000.00", USD, "MONEY_FORMAT"),
    # digits of other scripts, and other minus signs
    ("\uff11\uff12", USD, "MONEY_FORMAT"),
    ("\u0661\u0662", USD, "MONEY_FORMAT"),
    ("1\u00b2", USD, "MONEY_FORMAT"),
    ("\u22125.00", USD, "MONEY_FORMAT"),
    # whitespace, signs, zeros, points
    (" 12 ", USD, "MONEY_FORMAT"),
    ("12.00\n", USD, "MONEY_FORMAT"),
    ("\t12.00", USD, "MONEY_FORMAT"),
    ("+5", USD, "MONEY_FORMAT"),
    ("--5", USD, "MONEY_FORMAT"),
    ("-0", USD, "MONEY_FORMAT"),
    ("-0", JPY, "MONEY_FORMAT"),
    ("-0.00", USD, "MONEY_FORMAT"),
    ("007", USD, "MONEY_FORMAT"),
    ("00.50", USD, "MONEY_FORMAT"),
    ("-007.00", USD, "MONEY_FORMAT"),
    ("", USD, "MONEY_FORMAT"),
    (".", USD, "MONEY_FORMAT"),
    ("-", USD, "MONEY_FORMAT"),
    ("5.", USD, "MONEY_FORMAT"),
    (".5", USD, "MONEY_FORMAT"),
    ("1.2.3", USD, "MONEY_FORMAT"),
    ("12\0.00", USD, "MONEY_FORMAT"),
    # too large for an integer column
    ("9223372036854775808", USD, "MONEY_RANGE"),
    ("9223372036854775808", JPY, "MONEY_RANGE"),
    ("-9223372036854775808", JPY, "MONEY_RANGE"),
    ("92233720368547758.08", USD, "MONEY_RANGE"),
    ("9" * 60, USD, "MONEY_RANGE"),
    ("9" * 60, JPY, "MONEY_RANGE"),
    ("-" + "9" * 60 + ".00", USD, "MONEY_RANGE"),
    ("1" + "0" * 60 + ".00", BTC, "MONEY_RANGE"),
]


def _name(value: object) -> str:
    return value.code if isinstance(value, Currency) else ascii(value)[:24] if value != 10**5000 else "huge"


def problem(text: object, unit: Currency, *, in_file: bool) -> Problem:
    with pytest.raises(Refused) as caught:
        parse(text, unit, ("layers", 2, "limit", "amount"), in_file=in_file)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize("in_file", BOTH)
@pytest.mark.parametrize(("text", "unit", "code"), REFUSED, ids=_name)
def test_is_refused(text: object, unit: Currency, code: str, in_file: bool) -> None:
    found = problem(text, unit, in_file=in_file)
    assert found.code == code
    assert found.path == ("layers", 2, "limit", "amount")
    assert found.instead
    assert len(str(found)) < 300
    assert str(found).isprintable()


@pytest.mark.parametrize(
    ("text", "unit", "minor"),
    [
        ("0.00", USD, 0),
        ("0.01", USD, 1),
        ("1234.50", USD, 123450),
        ("-1234.50", USD, -123450),
        ("-0.01", USD, -1),
        ("1234", JPY, 1234),
        ("0", JPY, 0),
        ("1.234", KWD, 1234),
        ("0.00000001", BTC, 1),
        ("92233720368547758.07", USD, MOST),
        ("9223372036854775807", JPY, MOST),
        ("-9223372036854775807", JPY, -MOST),
    ],
)
@pytest.mark.parametrize("in_file", BOTH)
def test_is_read_in_files_and_on_the_wire(text: str, unit: Currency, minor: int, in_file: bool) -> None:
    assert parse(text, unit, in_file=in_file) == minor
    assert written(minor, unit) == text


@pytest.mark.parametrize(
    ("text", "unit", "minor", "code"),
    [
        ("12", USD, 1200, "MONEY_SCALE"),
        ("-12", USD, -1200, "MONEY_SCALE"),
        ("0", USD, 0, "MONEY_SCALE"),
        ("12", KWD, 12000, "MONEY_SCALE"),
        ("1 000", USD, 100000, "MONEY_FORMAT"),
        ("143 000 000.00", USD, 14300000000, "MONEY_FORMAT"),
        ("-1 000", JPY, -1000, "MONEY_FORMAT"),
    ],
)
def test_whole_amounts_and_groups_of_three_are_for_files(
    text: str, unit: Currency, minor: int, code: str
) -> None:
    assert parse(text, unit) == minor
    assert problem(text, unit, in_file=False).code == code


@pytest.mark.parametrize(
    "text",
    ["1E+1000000", "9" * 60, "0." + "9" * 60, "9" * 1_000_000, "1" + " 000" * 200_000, "-" * 1_000_000],
    ids=["exponent", "digits", "decimals", "megabyte", "groups", "signs"],
)
@pytest.mark.parametrize("in_file", BOTH)
def test_refusing_costs_no_noticeable_time(text: str, in_file: bool) -> None:
    before = time.process_time()
    problem(text, USD, in_file=in_file)
    assert time.process_time() - before < 0.05


def test_the_message_says_what_to_write() -> None:
    assert str(problem("10.005", USD, in_file=True)) == (
        "layers[2].limit.amount: '10.005' has 3 decimals, USD has 2; "
        'write an amount such as "1234.50" [MONEY_SCALE]'
    )
    assert 'such as "1234"' in problem("10.5", JPY, in_file=True).instead
    assert 'such as "1234.500"' in problem("10.5", KWD, in_file=False).instead


@pytest.mark.parametrize(
    ("code", "instead"),
    [
        ("usd", "USD"),
        ("Usd", "USD"),
        (" USD", "USD"),
        ("USD ", "USD"),
        ("XXX", "{code: XYZ"),
        ("XAU", "{code: XYZ"),
        ("US$", "{code: XYZ"),
        ("$", "{code: XYZ"),
        ("EURO", "{code: XYZ"),
        ("BTC", "{code: XYZ"),
        ("840", "{code: XYZ"),
        ("", "{code: XYZ"),
        ("null", "{code: XYZ"),
        ("ＵＳＤ", "{code: XYZ"),
        ("X" * 1_000_000, "{code: XYZ"),
        (None, "{code: XYZ"),
        (840, "{code: XYZ"),
        (["USD"], "{code: XYZ"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_unknown_currency(code: object, instead: str) -> None:
    with pytest.raises(Refused) as caught:
        currency(code)
    (found,) = caught.value.problems
    assert found.code == "CURRENCY_UNKNOWN"
    assert found.path == ("currency",)
    assert instead in found.instead
    assert len(str(found)) < 200


@pytest.mark.parametrize(
    ("code", "decimals"),
    [("IQD", 3), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("EUR", 2), ("USD", 2), ("HUF", 2), ("UYW", 4)],
)
def test_decimals(code: str, decimals: int) -> None:
    unit = currency(code)
    assert unit == Currency(code, decimals)
    assert parse(written(1, unit), unit, in_file=False) == 1


def test_a_unit_outside_iso_4217_has_the_decimals_it_says() -> None:
    assert parse("21.00000001", BTC) == 2_100_000_001
    assert written(2_100_000_001, BTC) == "21.00000001"


def test_the_table_agrees_with_py_moneyed() -> None:
    theirs = {code: known.sub_unit for code, known in moneyed.CURRENCIES.items() if code in ISO_4217}
    assert len(theirs) > 160
    assert {code: 10 ** ISO_4217[code] for code in theirs} == theirs
