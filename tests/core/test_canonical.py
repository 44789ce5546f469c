"""One canonical form: what says the same has the same bytes, what cannot be exact is refused."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import pytest

from penstock.core.canonical import digest, encode


@dataclass(frozen=True)
class Thing:
    name: str
    from_: date | None = None
    parts: tuple[int, ...] = ()


def test_fields_at_their_default_are_left_out() -> None:
    assert encode(Thing("a")) == b'{"name":"a"}'
    assert (
        encode(Thing("a", date(2024, 1, 2), (1, 2))) == b'{"from":"2024-01-02","name":"a","parts":["1","2"]}'
    )


def test_keys_are_sorted_and_text_is_utf8() -> None:
    assert encode({"b": True, "a": None, "é": Fraction(1, 3)}) == '{"a":null,"b":true,"é":"1/3"}'.encode()


def test_the_hash_is_sha256_of_the_bytes() -> None:
    assert digest("abc") == "6cc43f858fbb763301637b5af970e2a46b46f461f27e5a0f41e009c59b827b25"
    assert digest(["abc"]) != digest("abc")


@pytest.mark.parametrize("value", [1.5, {1, 2}, Thing])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)
