"""Every pair of defaulters in every scenario: how many exhaust the fund, how many the calls as well.

Whether a pair exhausts a layer is told by the scores of its two (``penstock.sim.reverse``), so the worst pair
of a scenario is its two largest scores, and the others are counted by walking the largest from both ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from penstock.core.problems import Problem, Refused
from penstock.sim.jit import kernel
from penstock.sim.stress import MOST, Amounts, Stress


@dataclass(frozen=True, slots=True)
class WorstPair:
    """Two groups in one scenario, and how far they are beyond the resources in minor units.

    Below zero it is what is left. A fraction where calls are a fraction of the contributions.
    """

    scenario: str
    groups: tuple[str, str]
    beyond: Fraction


@dataclass(frozen=True, slots=True)
class Pairs:
    """For each scenario how many of its pairs exhaust the fund, and how many the fund and the calls.

    ``pairs`` is how many there are in a scenario. The worst are over all scenarios, None where there is
    no pair: by what is missing once the fund, and once the fund and the calls are used.
    """

    pairs: int
    fund: Amounts
    calls: Amounts
    worst_fund: WorstPair | None
    worst_calls: WorstPair | None


def all_pairs(
    stress: Stress, contributions: Sequence[int], own: int = 0, calls: Fraction = Fraction(0)
) -> Pairs:
    """Every pair of groups against ``own`` capital, the fund, and calls of ``calls`` times the contribution.

    A pair exhausts them if what both lose beyond margin and their own contribution exceeds ``own`` and
    1 + ``calls`` times the others' contributions. ``contributions`` by group, minor units, not negative. Of
    equal pairs the first scenario counts, and in it the pair whose groups stand first. Refused STRESS_RANGE
    where scores could leave the range of whole numbers.
    """
    assert len(contributions) == len(stress.groups)
    assert own >= 0
    assert calls >= 0
    assert all(given >= 0 for given in contributions)
    fund, worst_fund = _counted(stress, contributions, own, Fraction(0))
    both, worst_both = _counted(stress, contributions, own, calls) if calls else (fund, worst_fund)
    width = len(stress.groups)
    return Pairs(width * (width - 1) // 2, fund, both, worst_fund, worst_both)


def _counted(
    stress: Stress, contributions: Sequence[int], own: int, calls: Fraction
) -> tuple[Amounts, WorstPair | None]:
    """The counts by scenario and the worst pair against one layer; scores times the denominator of calls."""
    times = calls.denominator
    factor = int((1 + calls) * times)
    threshold = own * times + factor * sum(contributions)
    largest = int(stress.losses.max(initial=0)) * times + factor * max(contributions, default=0)
    if max(2 * largest, threshold) >= MOST:
        says = "two defaults, or the resources against them, are beyond 2^62 minor units"
        raise Refused(Problem("STRESS_RANGE", (), says, "amounts in a larger unit, or simpler calls"))
    held = np.array(contributions, dtype=np.int64)
    counts = np.zeros(len(stress.scenarios), dtype=np.int64)
    if len(contributions) < 2:
        return counts, None
    amount, at = _walk(np.ascontiguousarray(stress.losses), held, times, factor, threshold, counts)
    if at < 0:
        return counts, None
    scores = times * np.maximum(stress.losses[at] - held, 0) + factor * held
    one, other = sorted(np.argsort(-scores, kind="stable")[:2].tolist())
    groups = stress.groups[one], stress.groups[other]
    return counts, WorstPair(stress.scenarios[at], groups, Fraction(int(amount) - threshold, times))


@kernel
def _walk(
    losses: Amounts, held: Amounts, times: int, factor: int, threshold: int, counts: Amounts
) -> tuple[np.int64, int]:
    """Fill ``counts``; the largest sum of two scores, and the first row where it is."""
    width = losses.shape[1]
    scores = np.empty(width, dtype=np.int64)
    taken = factor * held
    amount, at = np.int64(-1), -1
    for i in range(losses.shape[0]):
        first = np.int64(0)
        for j in range(width):
            score = times * max(losses[i, j] - held[j], np.int64(0)) + taken[j]
            scores[j] = score
            first = max(first, score)
        second, equal = np.int64(0), np.int64(0)
        for j in range(width):
            second = max(second, scores[j] if scores[j] < first else np.int64(0))
            equal += scores[j] == first
        if equal > 1:
            second = first
        if first + second > amount:
            amount, at = first + second, i
        if first + second > threshold:
            # Whoever exceeds it with nobody, not even with the largest, is in no pair that counts.
            counts[i] = _above(np.sort(scores[scores > threshold - first]), threshold)
    return amount, at


@kernel
def _above(scores: Amounts, threshold: int) -> int:
    """How many pairs of the scores, in ascending order, add up to more than the threshold."""
    found, low, high = 0, 0, len(scores) - 1
    while low < high:
        if scores[low] + scores[high] > threshold:
            found += high - low  # and so does every score between, with the higher one
            high -= 1
        else:
            low += 1
    return found
