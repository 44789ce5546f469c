"""Reverse stress, against every set of defaulters."""

from fractions import Fraction
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.problems import Refused
from penstock.sim.reverse import (
    OWN_ALONE,
    Scores,
    affine,
    bounded,
    fewest,
    frontier,
    likeliest,
    minimal_sets,
    probabilities_of,
)

LOSSES = [90, 70, 60, 30, 10, 5, 0]
FUND = [30, 25, 20, 15, 10, 10, 40]
CHANCES = [Fraction(p, 1000) for p in (2, 3, 20, 30, 50, 50, 1)]


def exhausts(losses: list[int], fund: list[int], own: int, calls: Fraction, chosen: tuple[int, ...]) -> bool:
    """By the definition: what the defaulters lose beyond their own exceeds what the others can give."""
    beyond = sum(max(0, losses[i] - fund[i]) for i in chosen)
    left = sum(given for i, given in enumerate(fund) if i not in chosen)
    return beyond > own + (1 + calls) * left


def every_set(size: int) -> list[tuple[int, ...]]:
    return list(chain.from_iterable(combinations(range(size), count) for count in range(size + 1)))


def chance(chosen: tuple[int, ...], chances: list[Fraction]) -> Fraction:
    found = Fraction(1)
    for i, p in enumerate(chances):
        found *= p if i in chosen else 1 - p
    return found


def test_the_fund_of_150_is_exhausted_by_three() -> None:
    """T4.6 without calls: scores 90, 70, 60, 30, 10, 10, 40 against 20 + 150; 160 is not enough, 220 is."""
    scores = affine(LOSSES, FUND, 20)
    assert [int(score) for score in scores.scores] == [90, 70, 60, 30, 10, 10, 40]
    assert scores.threshold == 170
    assert fewest(scores) == (0, 1, 2)
    assert not scores.exhausted_by((0, 1))


def test_with_calls_of_once_the_contribution_it_takes_four() -> None:
    """T4.6: 120, 95, 80, 45, 20, 20, 80 against 320; the seventh has no loss and takes its 80 away."""
    scores = affine(LOSSES, FUND, 20, Fraction(1))
    assert [int(score) for score in scores.scores] == [120, 95, 80, 45, 20, 20, 80]
    assert scores.threshold == 320
    assert fewest(scores) == (0, 1, 2, 6)


@pytest.mark.parametrize("calls", [Fraction(0), Fraction(1)])
def test_the_sets_of_t4_6(calls: Fraction) -> None:
    scores = affine(LOSSES, FUND, 20, calls)
    good = [one for one in every_set(7) if exhausts(LOSSES, FUND, 20, calls, one)]
    minimal = [one for one in good if not any(set(other) < set(one) for other in good)]
    assert minimal_sets(scores) == sorted(minimal, key=lambda one: (len(one), one))
    best = max(good, key=lambda one: chance(one, CHANCES))
    assert likeliest(scores, CHANCES) == (best, chance(best, CHANCES))


MEMBERS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(1, 19)), min_size=1, max_size=7
)


@given(MEMBERS, st.integers(0, 40), st.sampled_from([OWN_ALONE, Fraction(0), Fraction(1), Fraction(1, 2)]))
def test_fewest_minimal_and_likeliest_are_those_of_all_sets(
    members: list[tuple[int, int, int]], own: int, calls: Fraction
) -> None:
    losses, fund, twentieths = (list(column) for column in zip(*members, strict=True))
    chances = [Fraction(p, 20) for p in twentieths]
    scores = affine(losses, fund, own, calls)
    good = [one for one in every_set(len(members)) if exhausts(losses, fund, own, calls, one)]
    assert good == [one for one in every_set(len(members)) if scores.exhausted_by(one)]
    few, likely = fewest(scores), likeliest(scores, chances)
    if not good:
        assert few is None
        assert likely is None
        assert minimal_sets(scores) == []
        return
    assert few in good
    assert len(few or ()) == min(len(one) for one in good)
    minimal = [one for one in good if not any(set(other) < set(one) for other in good)]
    assert minimal_sets(scores) == sorted(minimal, key=lambda one: (len(one), one))
    assert likely is not None
    assert likely[0] in good
    assert likely[1] == chance(likely[0], chances) == max(chance(one, chances) for one in good)
    assert list(probabilities_of(good, chances)) == [chance(one, chances) for one in good]


def test_too_many_sets_are_refused_by_number() -> None:
    scores = affine([10] * 12, [1] * 12, 0)
    with pytest.raises(Refused) as refused:
        minimal_sets(scores, most=5)
    assert refused.value.code == "REVERSE_TOO_MANY"


def test_a_default_that_is_certain_or_impossible_has_no_odds() -> None:
    for p in (Fraction(0), Fraction(1)):
        with pytest.raises(Refused) as refused:
            likeliest(affine([5], [1], 0), [p])
        assert refused.value.code == "REVERSE_PROBABILITY"


def test_the_more_default_the_less_severe_it_has_to_be() -> None:
    """Losses 100 and 60 over margins of 50 and 30, funds of 10 each, own 5.

    One default: 100 m - 50 has to exceed 5 + 20, so m is a little over 0.75. Both: the sum of
    max(10, 100 m - 50) and max(10, 60 m - 30) has to exceed 25; at 0.65 it is 15 and 10.
    """
    found = frontier([10_000, 6_000], [5_000, 3_000], [1_000, 1_000], 500, Fraction(0))
    assert found == [(1, Fraction(7501, 10_000)), (2, Fraction(6501, 10_000))]


@given(MEMBERS, st.integers(0, 40), st.sampled_from([OWN_ALONE, Fraction(0), Fraction(1, 2)]))
def test_no_smaller_multiplier_is_enough(
    members: list[tuple[int, int, int]], own: int, calls: Fraction
) -> None:
    stressed, margins, fund = (list(column) for column in zip(*members, strict=True))
    for count, multiplier in frontier(stressed, margins, fund, own, calls):
        for steps, enough in ((multiplier, True), (multiplier - Fraction(1, 10_000), False)):
            losses = [max(0, int(s * steps) - m) for s, m in zip(stressed, margins, strict=True)]
            found = any(
                exhausts(losses, fund, own, calls, one) for one in combinations(range(len(fund)), count)
            )
            assert found == enough or (not enough and steps < 0)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9), st.integers(0, 20)), min_size=1, max_size=7),
    st.integers(0, 60),
    st.integers(-3, 3),
)
def test_where_positions_crowd_or_net_the_fewest_lie_between_the_bounds(
    members: list[tuple[int, int, int]], own: int, cost: int
) -> None:
    """What it costs to liquidate grows with the square of all positions together: no sum over members.

    Below a cost of zero positions net. A member's part of the square is between its own square alone and
    that with twice its position times all others'.
    """
    losses, positions, fund = (list(column) for column in zip(*members, strict=True))
    together = sum(positions)

    def exhausts_(chosen: tuple[int, ...]) -> bool:
        loss = sum(losses[i] for i in chosen) + cost * sum(positions[i] for i in chosen) ** 2
        left = sum(given for i, given in enumerate(fund) if i not in chosen)
        return bool(loss > own + left)

    alone = [cost * q * q for q in positions]
    beside = [cost * (q * q + 2 * q * (together - q)) for q in positions]
    low, high = (
        Scores(
            tuple(
                Fraction(loss + pick(a, b) + given)
                for loss, a, b, given in zip(losses, alone, beside, fund, strict=True)
            ),
            Fraction(own + sum(fund)),
        )
        for pick in (min, max)
    )
    found = bounded(low, high)
    sizes = [len(chosen) for chosen in every_set(len(members)) if exhausts_(chosen)]
    if found.enough is not None:
        assert exhausts_(found.enough)
        assert min(sizes) <= len(found.enough)
    if sizes:
        assert found.fewer is not None
        assert found.fewer <= min(sizes)
    if cost == 0:
        assert (found.fewer is None) == (not sizes)
        assert found.enough is None or len(found.enough) == min(sizes) == found.fewer
