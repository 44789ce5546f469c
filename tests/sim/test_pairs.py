"""All pairs of defaulters and the largest of a scenario, against every pair one by one."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.problems import Refused
from penstock.sim import sizing
from penstock.sim import stress as matrices
from penstock.sim.pairs import all_pairs
from penstock.sim.sizing import self_consistent
from penstock.sim.stress import Stress, cover

CALLS = st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2), Fraction(11, 4)])
# Few values, so that there are many ties; and wide rows.
ROWS = st.integers(0, 7).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 9) | st.integers(0, 90), min_size=width, max_size=width), max_size=6
    )
)


def stress(rows: list[list[int]], width: int) -> Stress:
    names = tuple(f"s{i}" for i in range(len(rows)))
    losses = np.array(rows, dtype=np.int64).reshape(len(rows), width)
    return Stress(names, tuple(f"g{i}" for i in range(width)), losses)


def beyond(row: list[int], fund: list[int], own: int, calls: Fraction, pair: tuple[int, int]) -> Fraction:
    """By the definition: the pair's losses beyond its own, less own capital and what the others give."""
    left = sum(given for i, given in enumerate(fund) if i not in pair)
    return sum(max(0, row[i] - fund[i]) for i in pair) - own - (1 + calls) * left


@given(ROWS, st.lists(st.integers(0, 12), min_size=7, max_size=7), st.integers(0, 60), CALLS)
def test_counts_and_worst_pair_are_those_of_every_pair(
    rows: list[list[int]], fund: list[int], own: int, calls: Fraction
) -> None:
    width = len(rows[0]) if rows else 3
    fund = fund[:width]
    found = all_pairs(stress(rows, width), fund, own, calls)
    every = list(combinations(range(width), 2))
    assert found.pairs == len(every)
    for multiple, counts, worst in (
        (Fraction(0), found.fund, found.worst_fund),
        (calls, found.calls, found.worst_calls),
    ):
        amounts = [[beyond(row, fund, own, multiple, pair) for pair in every] for row in rows]
        assert counts.tolist() == [sum(amount > 0 for amount in line) for line in amounts]
        if not rows or not every:
            assert worst is None
            continue
        most = max(map(max, amounts))
        at = next(i for i, line in enumerate(amounts) if most in line)
        one, other = every[amounts[at].index(most)]
        assert worst is not None
        assert worst.beyond == most
        assert (worst.scenario, worst.groups) == (f"s{at}", (f"g{one}", f"g{other}"))


def test_a_pair_by_hand() -> None:
    """Losses 40, 25 and 0 over funds of 10, 10 and 30, own 5.

    a and b: 30 + 15 against 5 + 30: 10 beyond the fund, and 20 within calls of once the contribution.
    a and c: 30 against 5 + 10: 15 beyond the fund, although c loses nothing; 5 beyond the calls of 10 on b.
    b and c: 15 against 5 + 10: 0, which is not beyond.
    """
    found = all_pairs(stress([[40, 25, 0]], 3), [10, 10, 30], 5, Fraction(1))
    assert found.fund.tolist() == [2]
    assert found.calls.tolist() == [1]
    assert found.worst_fund is not None
    assert (found.worst_fund.groups, int(found.worst_fund.beyond)) == (("g0", "g2"), 15)
    assert found.worst_calls is not None
    assert (found.worst_calls.groups, int(found.worst_calls.beyond)) == (("g0", "g2"), 5)


@pytest.mark.parametrize("calls", [Fraction(0), Fraction(1, 10**18)])
def test_scores_that_would_wrap_are_refused(calls: Fraction) -> None:
    large = 2**61 - 1 if not calls else 2**40
    with pytest.raises(Refused) as refused:
        all_pairs(stress([[large, 1, 0]], 3), [2**60, 1, 1], 0, calls)
    assert refused.value.code == "STRESS_RANGE"


def test_just_within_the_range_nothing_wraps() -> None:
    fund = [2**59, 2**59, 2**59]
    found = all_pairs(stress([[2**60, 2**60, 0]], 3), fund, 0)
    assert found.fund.tolist() == [1]  # with the third, exactly the threshold
    assert found.worst_fund is not None
    assert found.worst_fund.beyond == 2 * 2**60 - 3 * 2**59


def test_a_matrix_beyond_the_range_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        stress([[2**61, 2**61]], 2)
    assert refused.value.code == "STRESS_RANGE"
    assert cover(stress([[2**61, 2**60]], 2), 2).amount == 2**61 + 2**60


# --- the largest of one scenario --------------------------------------------------------------------------


@pytest.fixture(params=["by NumPy", "by the kernels"], scope="module")
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Matrices of any size are read by NumPy, or all of them by the compiled kernels."""
    few = 10**9 if request.param == "by NumPy" else -1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrices, "FEW", few)
        patch.setattr(sizing, "FEW", few)
        yield


@pytest.mark.usefixtures("way")
@given(ROWS, st.integers(1, 4))
def test_of_equal_scenarios_and_groups_the_first_is_covered(rows: list[list[int]], n: int) -> None:
    width = len(rows[0]) if rows else 3
    found = cover(stress(rows, width), n)
    sums = [sum(sorted(row, reverse=True)[:n]) for row in rows]
    assert found.amount == max(sums, default=0)
    if not rows:
        assert (found.scenario, found.groups) == ("", ())
        return
    at = sums.index(max(sums))
    order = sorted(range(width), key=lambda i: (-rows[at][i], i))[:n]
    assert found.scenario == f"s{at}"
    assert found.groups == tuple(f"g{i}" for i in order if rows[at][i])


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("reverse", [False, True])
def test_wide_rows_in_any_order_of_size(n: int, reverse: bool) -> None:
    random = np.random.default_rng(7)
    rows = random.integers(0, 10**9, (300, 67))
    rows[np.arange(0, 300, 3), 5] = rows[np.arange(0, 300, 3), 60] = 2 * 10**9  # twice the same largest
    rows = rows[np.argsort(np.sort(rows, axis=1)[:, -2:].sum(axis=1), kind="stable")]
    lines = rows[::-1].tolist() if reverse else rows.tolist()
    sums = [sum(sorted(row, reverse=True)[:n]) for row in lines]
    for losses in (np.array(lines), np.array(lines, order="F")):
        names = tuple(map(str, range(300)))
        found = cover(Stress(names, tuple(f"g{i:02}" for i in range(67)), losses), n)
        assert (found.amount, found.scenario) == (max(sums), str(sums.index(max(sums))))


@pytest.mark.usefixtures("way")
@given(ROWS.filter(lambda rows: bool(rows) and len(rows[0]) >= 5), st.integers(1, 4), st.integers(0, 30))
def test_no_fund_is_smaller_for_more_defaults_too(rows: list[list[int]], n: int, own: int) -> None:
    """Against every set of ``n`` and every fund from nothing upwards, each giving the same part.

    Parts rounded up need n units more at most, of which the fund has (width - n) / width left of each.
    """
    width = len(rows[0])

    def suffices(fund: int, part: Fraction | int) -> bool:
        return all(
            sum(max(row[i], part) for i in chosen) <= fund + own
            for row in rows
            for chosen in combinations(range(width), n)
        )

    found = self_consistent(stress(rows, width), [1] * width, n, own).fund
    assert suffices(found, -(-found // width))
    assert found == 0 or not suffices(found - 1, -(-(found - 1) // width))
    least = next(fund for fund in range(found + 1) if suffices(fund, Fraction(fund, width)))
    assert (found - least - 1) * (width - n) <= n * width
