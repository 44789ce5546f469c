"""Liquidity under default, against every set of defaulters, and a case worked by hand."""

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.problems import Refused
from penstock.sim.liquidity import Needs, Resource, Rung, ladders

DAYS = ("1", "2", "3")


def needs(amounts: list[list[list[int]]], currencies: tuple[str, ...]) -> Needs:
    """By group, currency and day."""
    names = tuple(f"M{i}" for i in range(1, len(amounts) + 1))
    days = DAYS[: len(amounts[0][0])]
    return Needs(names, currencies, days, np.array(amounts, dtype=np.int64))


T5_1 = [[[60, 20, -10], [10, 0, 0]], [[30, 10, 0], [30, 5, -20]], [[0, 5, 0], [25, 15, 0]]]


def test_the_worst_pair_differs_by_currency() -> None:
    """T5.1: EUR 100 and USD 50.

    EUR up to each day: M1 60, 80, 70; M2 30, 40, 40; M3 0, 5, 5. M1 and M2 take 90, 120, 110.
    USD: M1 10, 10, 10; M2 30, 35, 15; M3 25, 40, 40. M2 and M3 take 55, 75, 55. Added up over currencies
    M1 and M2 would be the worst pair, 15 short on the second day, and nobody would see M2 and M3.
    """
    euro, dollar = ladders(needs(T5_1, ("EUR", "USD")), [Resource("EUR", 100), Resource("USD", 50)])
    assert [rung.balance for rung in euro.days] == [10, -20, -10]
    assert euro.worst == Rung("2", -20, ("M1", "M2"))
    assert [rung.balance for rung in dollar.days] == [-5, -25, -5]
    assert dollar.worst == Rung("2", -25, ("M2", "M3"))
    assert (euro.resources, dollar.resources) == (100, 50)


def test_what_a_defaulter_provides_is_gone_with_it() -> None:
    """M3 provides 80 of EUR 100: with M1 it takes 80 + 60, 80 + 85, 80 + 75."""
    resources = [Resource("EUR", 20), Resource("EUR", 80, "M3"), Resource("USD", 1_000, "M1")]
    euro, dollar = ladders(needs(T5_1, ("EUR", "USD")), resources)
    assert [rung.balance for rung in euro.days] == [-40, -65, -55]
    assert euro.worst.defaulters == ("M1", "M3")
    assert dollar.worst == Rung("2", 1_000 - 1_010 - 40, ("M1", "M3"))


def test_who_brings_money_does_not_help_the_others() -> None:
    """M2 brings 50: its default beside that of M1 would hide what M1 alone takes."""
    (one,) = ladders(needs([[[60]], [[-50]]], ("EUR",)), [Resource("EUR", 40)])
    assert one.worst == Rung("1", -20, ("M1",))


AMOUNTS = st.integers(1, 5).flatmap(
    lambda groups: st.lists(
        st.lists(st.lists(st.integers(-20, 40), min_size=3, max_size=3), min_size=2, max_size=2),
        min_size=groups,
        max_size=groups,
    )
)
RESOURCES = st.lists(st.tuples(st.sampled_from(["EUR", "USD"]), st.integers(0, 60), st.integers(0, 5)))


@given(AMOUNTS, RESOURCES, st.integers(1, 4))
def test_balances_are_the_lowest_of_every_set(
    amounts: list[list[list[int]]], held: list[tuple[str, int, int]], n: int
) -> None:
    names = ("", *(f"M{i}" for i in range(1, len(amounts) + 1)))
    resources = [Resource(currency, amount, names[who % len(names)]) for currency, amount, who in held]
    found = ladders(needs(amounts, ("EUR", "USD")), resources, n)
    every = list(chain.from_iterable(combinations(range(len(amounts)), k) for k in range(n + 1)))

    def balance(column: int, day: int, chosen: tuple[int, ...]) -> int:
        left = sum(
            one.amount
            for one in resources
            if one.currency == ("EUR", "USD")[column] and one.provider not in [names[i + 1] for i in chosen]
        )
        return left - sum(sum(amounts[i][column][: day + 1]) for i in chosen)

    for column, ladder in enumerate(found):
        for day, rung in enumerate(ladder.days):
            assert rung.balance == min(balance(column, day, chosen) for chosen in every)
            chosen = tuple(names.index(name) - 1 for name in rung.defaulters)
            assert balance(column, day, chosen) == rung.balance
        lowest = [rung.balance for rung in ladder.days]
        assert ladder.worst is ladder.days[lowest.index(min(lowest))]


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        (Resource("CHF", 1), "LIQUIDITY_UNKNOWN"),
        (Resource("EUR", 1, "M9"), "LIQUIDITY_UNKNOWN"),
        (Resource("EUR", 2**62), "STRESS_RANGE"),
    ],
)
def test_what_is_not_among_the_needs_or_too_large_is_refused(resource: Resource, code: str) -> None:
    with pytest.raises(Refused) as refused:
        ladders(needs(T5_1, ("EUR", "USD")), [resource])
    assert refused.value.code == code
