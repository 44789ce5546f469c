"""Cover tests and sizing, against values worked out by hand and naive oracles with fractions and loops."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.problems import Refused
from penstock.sim.sizing import (
    Size,
    borne_by,
    contributions,
    incentive,
    mixed,
    monthly,
    rolling_size,
    self_consistent,
    skin_in_the_game,
    tail_mean,
)
from penstock.sim.stress import Accounts, Stress, by_group, cover, emir_default_fund, over_margin

ROWS = [[120, 20, 60, 10, 5], [30, 110, 10, 90, 0], [80, 60, 85, 40, 20], [0, 50, 95, 100, 60]]


def stress(rows: list[list[int]]) -> Stress:
    width = len(rows[0])
    return Stress(
        tuple(f"s{i}" for i in range(len(rows))),
        tuple(f"m{i}" for i in range(width)),
        np.array(rows, dtype=np.int64).reshape(len(rows), width),
    )


MATRICES = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 60), min_size=width, max_size=width), min_size=1, max_size=6
    )
)


# --- T2.1 ---------------------------------------------------------------------------------------------


def test_cover_takes_the_largest_of_one_scenario_and_never_mixes_scenarios() -> None:
    """T2.1: Cover 1 is 120 in s0, Cover 2 200 in s1, Cover 3 255 in s3; mixing would say 230."""
    one, two, three = (cover(stress(ROWS), n) for n in (1, 2, 3))
    assert (one.amount, one.scenario, one.groups) == (120, "s0", ("m0",))
    assert (two.amount, two.scenario, two.groups) == (200, "s1", ("m1", "m3"))
    assert (three.amount, three.scenario, three.groups) == (255, "s3", ("m3", "m2", "m4"))


def test_emir_asks_for_the_largest_or_the_second_and_third() -> None:
    """T2.1: 155 in s3, 95 and 60 beside 100; that is more than 120."""
    found = emir_default_fund(stress(ROWS))
    assert (found.amount, found.scenario, found.groups) == (155, "s3", ("m2", "m4"))
    assert emir_default_fund(stress([[120, 20, 60]])).amount == 120
    assert emir_default_fund(stress([[7]])).amount == 7


@given(MATRICES, st.integers(1, 6))
def test_cover_is_the_most_over_all_sets_of_defaulters(rows: list[list[int]], n: int) -> None:
    most = max(sum(chosen) for row in rows for chosen in combinations(row, min(n, len(row))))
    found = cover(stress(rows), n)
    assert found.amount == most
    scenario = rows[int(found.scenario[1:])]
    assert sum(scenario[int(group[1:])] for group in found.groups) == most
    tops = [sorted(row, reverse=True) for row in rows]
    assert emir_default_fund(stress(rows)).amount == max(max(top[0], sum(top[1:3])) for top in tops)


def test_a_cover_over_more_scenarios_than_fit_in_one_piece() -> None:
    losses = np.zeros((10_000, 3), dtype=np.int64)
    losses[9_999] = (5, 7, 6)
    losses[4_096] = (6, 6, 6)
    found = cover(Stress(tuple(map(str, range(10_000))), ("a", "b", "c"), losses), 2)
    assert (found.amount, found.scenario, found.groups) == (13, "9999", ("b", "c"))


def test_nothing_is_covered_where_there_is_nothing() -> None:
    empty = Stress((), ("a",), np.zeros((0, 1), dtype=np.int64))
    assert cover(empty, 2).amount == 0
    assert emir_default_fund(empty).amount == 0
    assert cover(stress([[0, 0]]), 1).groups == ()


# --- margin by account, groups ------------------------------------------------------------------------


def accounts(owners: list[int], house: list[bool], members: int, groups: tuple[str, ...] = ()) -> Accounts:
    names = tuple(f"m{i}" for i in range(members))
    return Accounts(names, np.array(owners, dtype=np.intp), np.array(house), groups or names)


@pytest.mark.parametrize(
    ("house", "clients", "beyond"),
    [(-20, (15, -30, 10), 5), (10, (-30,), 10), (-40, (15, 10), 0)],
)
def test_the_house_helps_its_clients_and_no_client_helps_anybody(
    house: int, clients: tuple[int, ...], beyond: int
) -> None:
    """T1.10, on losses over margin of each account."""
    losses = np.array([[house, *clients]], dtype=np.int64)
    book = accounts([0] * (1 + len(clients)), [True, *[False] * len(clients)], 1)
    assert over_margin(losses, np.zeros(1 + len(clients), dtype=np.int64), book).tolist() == [[beyond]]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 50)), min_size=1, max_size=8),
    st.lists(st.lists(st.integers(-80, 80), min_size=8, max_size=8), min_size=1, max_size=4),
    st.lists(st.sampled_from("ab"), min_size=3, max_size=3),
)
def test_loss_over_margin_and_groups_as_a_loop_finds_them(
    book: list[tuple[int, bool, int]], rows: list[list[int]], groups: list[str]
) -> None:
    owners, house, margins = (list(column) for column in zip(*book, strict=True))
    whose = accounts(owners, house, 3, tuple(groups))
    losses = np.array([row[: len(book)] for row in rows], dtype=np.int64)
    found = over_margin(losses, np.array(margins, dtype=np.int64), whose)
    expected = []
    for row in rows:
        line = []
        for member in range(3):
            own = clients = 0
            for (owner, is_house, margin), loss in zip(book, row, strict=False):
                if owner == member and is_house:
                    own += loss - margin
                elif owner == member:
                    clients += max(0, loss - margin)
            line.append(max(0, own + clients))
        expected.append(line)
    assert found.tolist() == expected
    together = by_group(found, whose, [f"s{i}" for i in range(len(rows))])
    assert together.groups == tuple(sorted(set(groups)))
    for line, sums in zip(expected, together.losses.tolist(), strict=True):
        assert sums == [
            sum(loss for loss, group in zip(line, groups, strict=True) if group == name)
            for name in together.groups
        ]


def test_amounts_that_would_wrap_are_refused_before_they_are_added() -> None:
    losses = np.full((1, 2), 2**61, dtype=np.int64)
    with pytest.raises(Refused) as refused:
        over_margin(losses, np.zeros(2, dtype=np.int64), accounts([0, 0], [True, False], 1))
    assert refused.value.code == "STRESS_RANGE"


# --- size over time -----------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 99), min_size=1, max_size=40), st.integers(1, 12), st.integers(0, 3))
def test_a_rolling_size_is_the_most_of_its_days_with_a_buffer(
    needs: list[int], days: int, tenths: int
) -> None:
    first = date(2024, 1, 25)
    history = {first + timedelta(days=i): need for i, need in enumerate(needs)}
    found = rolling_size(history, days, Fraction(tenths, 10))
    for i, size in enumerate(found.values()):
        most = max(needs[max(0, i - days + 1) : i + 1])
        assert size - 1 < most * Fraction(10 + tenths, 10) <= size


def test_the_size_of_a_month_is_that_of_the_last_day_before_it() -> None:
    sizes = {date(2024, 1, 30): 5, date(2024, 1, 31): 7, date(2024, 2, 1): 9, date(2024, 12, 31): 4}
    assert monthly(sizes) == {"2024-02": 7, "2024-03": 9, "2025-01": 4}


# --- T2.2: the fund that its own contributions size -------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "fund"),
    [
        # a quarter each: 100 + F/4 = F
        ([1, 1, 1, 1], 13_334),
        # the small loser gives 60 %: 100 + 0.6 F = F
        ([1, 6, 2, 1], 25_000),
        # the large loser gives 70 %: 100 + 20 = F is enough
        ([7, 1, 1, 1], 12_000),
    ],
)
def test_a_defaulters_own_contribution_is_gone_with_it(weights: list[int], fund: int) -> None:
    """T2.2: losses 100, 20, 15, 5 in whole units of 0.01, two defaults, no own capital."""
    found = self_consistent(stress([[10_000, 2_000, 1_500, 500]]), weights, 2)
    assert found.fund == fund
    assert sum(found.contributions.values()) == fund


@given(
    MATRICES.filter(lambda rows: len(rows[0]) >= 3),
    st.lists(st.integers(1, 5), min_size=5, max_size=5),
    st.integers(1, 2),
    st.integers(0, 30),
)
def test_it_is_the_smallest_fund_that_meets_every_set(
    rows: list[list[int]], weights: list[int], n: int, own: int
) -> None:
    """Against all sets of defaulters and every fund from nothing upwards."""
    weights = weights[: len(rows[0])]
    total = sum(weights)

    def suffices(fund: int) -> bool:
        given_ = [-(-fund * weight // total) for weight in weights]
        return all(
            sum(max(row[i], given_[i]) for i in chosen) <= fund + own
            for row in rows
            for chosen in combinations(range(len(row)), n)
        )

    found = self_consistent(stress(rows), weights, n, own)
    assert suffices(found.fund)
    assert found.fund == 0 or not suffices(found.fund - 1)
    assert sum(found.contributions.values()) == found.fund


def attempted(rows: list[list[int]], weights: list[int], n: int, own: int) -> Size | Refused:
    """The fund, or what is said where there is none."""
    try:
        return self_consistent(stress(rows), weights, n, own)
    except Refused as refused:
        return refused


@given(
    MATRICES,
    st.lists(st.integers(0, 3), min_size=5, max_size=5),
    st.integers(1, 6),
    st.integers(0, 30),
)
def test_where_all_contributors_default_each_has_to_bear_its_own(
    rows: list[list[int]], weights: list[int], n: int, own: int
) -> None:
    """Also with members that give nothing, and as many defaults as there are members, in exact fractions.

    Refused only where no fund of any size suffices; less than one unit a weight above the exact smallest.
    """
    weights = weights[: len(rows[0])]
    total = sum(weights)

    def suffices(fund: int) -> bool:
        given_ = [Fraction(fund * weight, max(total, 1)) for weight in weights]
        return all(
            sum(max(Fraction(row[i]), given_[i]) for i in chosen) <= (fund if total else 0) + own
            for row in rows
            for chosen in combinations(range(len(row)), min(n, len(row)))
        )

    found = attempted(rows, weights, n, own)
    if isinstance(found, Refused):
        assert found.code == "SIZING_IMPOSSIBLE"
        assert not suffices(10**9)
        return
    assert suffices(found.fund)
    assert found.fund < max(total, 1) or not suffices(found.fund - max(total, 1))
    assert sum(found.contributions.values()) == (found.fund if total else 0)


def test_no_fund_is_large_enough_where_those_who_give_nothing_lose_more_than_own_capital() -> None:
    """The defaulters hold the whole fund, and another member loses 5; 5 of own capital are enough."""
    for weights in ([1, 0], [0, 0], [2, 3, 0]):
        losses = stress([[0] * (len(weights) - 1) + [5]])
        with pytest.raises(Refused) as refused:
            self_consistent(losses, weights, len(weights), 4)
        assert refused.value.code == "SIZING_IMPOSSIBLE"
        assert self_consistent(losses, weights, len(weights), 5).fund == 0


# --- contributions ------------------------------------------------------------------------------------


def test_contributions_stand_on_their_floors() -> None:
    """T2.3: 100 by 60, 30, 8, 2 with a floor of 5: 58.163265, 29.081633, 7.755102 and 5."""
    assert contributions(100_000_000, [60, 30, 8, 2], [5_000_000] * 4) == [
        58_163_265,
        29_081_633,
        7_755_102,
        5_000_000,
    ]


@given(
    st.integers(0, 300),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), min_size=1, max_size=6),
)
def test_whoever_is_above_its_floor_shares_by_weight(total: int, members: list[tuple[int, int]]) -> None:
    weights, floors = (list(column) for column in zip(*members, strict=True))
    if sum(floors) > total or (not any(weights) and sum(floors) < total):
        with pytest.raises(Refused, match="minimum contributions"):
            contributions(total, weights, floors)
        return
    found = contributions(total, weights, floors)
    assert sum(found) == total
    assert all(amount >= floor for amount, floor in zip(found, floors, strict=True))
    above = [i for i in range(len(found)) if found[i] > floors[i]]
    for i in above:
        for j, weight in enumerate(weights):
            # in proportion among those above, to the unit; and nobody on a floor would be above it
            assert (found[i] - 1) * weight <= (found[j] + 1) * weights[i] or j in above


def test_two_keys_are_mixed_by_their_parts() -> None:
    half = Fraction(1, 2)
    weights = mixed({"margin": [60, 40], "weight": [1, 3]}, {"margin": half, "weight": half})
    assert weights == [Fraction(17, 40), Fraction(23, 40)]
    assert contributions(4_000, weights, [0, 0]) == [1_700, 2_300]
    with pytest.raises(Refused, match="the key by weight is zero for all"):
        mixed({"margin": [1, 1], "weight": [0, 0]}, {"margin": half, "weight": half})
    assert mixed({"margin": [1, 1], "weight": [0, 0]}, {"margin": Fraction(1)}) == [half, half]


@given(
    st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=5),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
)
def test_any_number_of_keys_is_mixed_exactly(members: list[tuple[int, ...]], shares: list[int]) -> None:
    parts = {name: Fraction(part, sum(shares)) for name, part in zip("abc", shares, strict=False)}
    keys = dict(zip("abc", (list(column) for column in zip(*members, strict=True)), strict=True))
    if not all(any(keys[name]) for name in parts):
        with pytest.raises(Refused, match="is zero for all"):
            mixed(keys, parts)
        return
    found = mixed(keys, parts)
    assert sum(found) == 1
    for i, weight in enumerate(found):
        assert weight == sum(part * Fraction(keys[name][i], sum(keys[name])) for name, part in parts.items())


# --- the tail, the clearing house's own -----------------------------------------------------------------


@given(MATRICES, st.integers(0, 9))
def test_parts_of_the_tail_add_up_to_it(rows: list[list[int]], tenths: int) -> None:
    """Against the definition: the mean of the worst scenarios, the one at the quantile counted in part."""
    q = Fraction(tenths, 10)
    whole, parts = tail_mean(np.array(rows, dtype=np.int64), q)
    tail = (1 - q) * len(rows)
    left, expected = tail, Fraction(0)
    for total in sorted((sum(row) for row in rows), reverse=True):
        weight = min(left, Fraction(1))
        expected += weight * total
        left -= weight
    assert whole == expected / tail == sum(parts)


def test_the_part_of_each_is_its_mean_where_the_sum_is_worst() -> None:
    rows = [[10, 0], [4, 4], [0, 9], [1, 1]]
    assert tail_mean(np.array(rows, dtype=np.int64), Fraction(1, 2)) == (
        Fraction(19, 2),
        [Fraction(5), Fraction(9, 2)],
    )
    with pytest.raises(Refused):
        tail_mean(np.array(rows, dtype=np.int64), Fraction(1))


def test_own_capital_is_split_over_funds_by_their_size() -> None:
    """T1.11: 120 gives 30 over funds of 300, 100 and 200: 15, 5 and 10."""
    funds = {"rates": 300_00, "power": 100_00, "equities": 200_00}
    assert skin_in_the_game(120_00, funds) == {"equities": 10_00, "power": 5_00, "rates": 15_00}
    assert sum(skin_in_the_game(120_01, funds).values()) == 30_01
    assert skin_in_the_game(120_00, funds, Fraction(1, 10))["rates"] == 6_00


@given(st.lists(st.integers(0, 99), min_size=1, max_size=20), st.integers(0, 50), st.integers(1, 50))
def test_the_incentive_is_the_own_part_of_the_expected_loss(losses: list[int], own: int, beyond: int) -> None:
    array = np.array(losses, dtype=np.int64)
    mine = sum(min(loss, own) for loss in losses)
    theirs = sum(min(max(loss - own, 0), beyond) for loss in losses)
    assert incentive(array, own, beyond) == (Fraction(mine, mine + theirs) if mine + theirs else 0)
    assert borne_by(array, own, beyond) == Fraction(theirs, len(losses))


def test_sums_beyond_one_word_are_exact() -> None:
    losses = np.full(9, 2**61, dtype=np.int64)
    assert borne_by(losses, 0, 2**61) == 2**61
