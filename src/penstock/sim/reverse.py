"""Reverse stress: which defaults exhaust a layer, how few, how likely, how severe.

Where losses add up over members, a set of defaulters exhausts what stands before and in a layer if and only
if its scores add up to more than a threshold: a defaulter brings its loss and takes its own part of the
layer away. So the fewest defaults are the largest scores, which is proven and not searched.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import log, prod

from penstock.core.problems import Problem, Refused

OWN_ALONE = Fraction(-1)
"""In place of calls: nothing of the survivors' money counts, so that own capital is the last layer."""


@dataclass(frozen=True, slots=True)
class Scores:
    """``scores`` of the members by position; a set whose scores exceed ``threshold`` exhausts the layer."""

    scores: tuple[Fraction, ...]
    threshold: Fraction

    def exhausted_by(self, defaulters: Sequence[int]) -> bool:
        """Whether this set of defaulters exhausts the layer."""
        return sum((self.scores[i] for i in defaulters), Fraction(0)) > self.threshold


def affine(
    losses: Sequence[int], contributions: Sequence[int], own: int, calls: Fraction = Fraction(0)
) -> Scores:
    """The scores for the fund, and with ``calls`` times the contribution also for calls on the survivors.

    A set S exhausts the fund (and the calls) if the sum over S of max(0, L - F) exceeds ``own`` + (1 + calls)
    times the sum of F over the survivors: so each d scores max(0, L_d - F_d) + (1 + calls) F_d, against
    ``own`` + (1 + calls) times the sum of all F. With ``OWN_ALONE`` for the calls it is own capital that S
    exhausts. Amounts in minor units, never negative.
    """
    factor = 1 + calls
    scores = tuple(
        max(0, loss - given) + factor * given for loss, given in zip(losses, contributions, strict=True)
    )
    return Scores(tuple(Fraction(score) for score in scores), own + factor * sum(contributions))


def fewest(scores: Scores) -> tuple[int, ...] | None:
    """The fewest defaulters that exhaust the layer, those of the largest scores; None if all do not."""
    order = sorted(range(len(scores.scores)), key=lambda i: (-scores.scores[i], i))
    for count, total in enumerate(accumulate(scores.scores[i] for i in order), 1):
        if total > scores.threshold:
            return tuple(sorted(order[:count]))
    return () if scores.threshold < 0 else None


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where losses do not add up: no ``fewer`` defaults exhaust the layer, and ``enough`` of them do.

    ``fewer`` is the least number that may be enough, None where none is; ``enough`` members, whose default
    exhausts the layer for sure, None where no set does for sure.
    """

    fewer: int | None
    enough: tuple[int, ...] | None


def bounded(least: Scores, most: Scores) -> Bounds:
    """What two additive scores say of losses that lie between them for every set of defaulters.

    Losses do not add up where the defaulters' positions net or crowd each other. What a member costs
    beside any others is at least its score in ``least``, and at most that in ``most``; then the fewest
    defaults lie between the fewest by ``most`` and the fewest by ``least``.
    """
    assert all(low <= high for low, high in zip(least.scores, most.scores, strict=True))
    assert least.threshold >= most.threshold
    maybe, surely = fewest(most), fewest(least)
    return Bounds(None if maybe is None else len(maybe), surely)


def minimal_sets(scores: Scores, most: int = 100_000) -> list[tuple[int, ...]]:
    """Every set that exhausts the layer and of which no part does, smaller sets first.

    Refused REVERSE_TOO_MANY beyond ``most`` sets.
    """
    order = [
        i for i in sorted(range(len(scores.scores)), key=lambda i: (-scores.scores[i], i)) if scores.scores[i]
    ]
    rest = list(accumulate((scores.scores[i] for i in reversed(order)), initial=Fraction(0)))[::-1]
    found: list[tuple[int, ...]] = []
    for chosen in _covers(order, rest, scores):
        found.append(tuple(sorted(chosen)))
        if len(found) > most:
            says = f"more than {most} minimal sets exhaust the layer"
            raise Refused(Problem("REVERSE_TOO_MANY", (), says, "the fewest, or the likeliest"))
    return sorted(found, key=lambda one: (len(one), one))


def _covers(order: Sequence[int], rest: Sequence[Fraction], scores: Scores) -> Iterator[list[int]]:
    """Sets in descending order of score whose last member, the smallest, is needed: so each is minimal."""

    def further(first: int, chosen: list[int], total: Fraction) -> Iterator[list[int]]:
        for at in range(first, len(order)):
            if total + rest[at] <= scores.threshold:
                return  # all that is left would not do
            score = scores.scores[order[at]]
            if total + score > scores.threshold:
                yield [*chosen, order[at]]
            else:
                yield from further(at + 1, [*chosen, order[at]], total + score)

    yield from further(0, [], Fraction(0))


def likeliest(scores: Scores, probabilities: Sequence[Fraction]) -> tuple[tuple[int, ...], Fraction] | None:
    """The single likeliest set of defaulters that exhausts the layer, members defaulting independently.

    Exactly this set and no other member: its probability is the product of p over it and 1 - p over the
    rest. None if no set exhausts the layer. Probabilities strictly between 0 and 1.
    """
    if any(not 0 < p < 1 for p in probabilities):
        says = "a probability of default is not between 0 and 1"
        raise Refused(Problem("REVERSE_PROBABILITY", (), says, "0.01, for one"))
    odds = [p / (1 - p) for p in probabilities]
    # Whoever is likelier to default than not is in the likeliest set whatever its score.
    sure = [i for i, odd in enumerate(odds) if odd > 1]
    start = sum((scores.scores[i] for i in sure), Fraction(0))
    need = scores.threshold - start
    items = [i for i, odd in enumerate(odds) if odd <= 1 and scores.scores[i]]
    costs = {i: -log(odds[i]) for i in items}
    items.sort(key=lambda i: (costs[i] / float(scores.scores[i]), i))
    best = _cheapest(items, costs, scores, need, odds)
    if best is None:
        return None
    found = tuple(sorted([*sure, *best]))
    return found, next(probabilities_of([found], probabilities))


def probabilities_of(sets: Iterable[Sequence[int]], probabilities: Sequence[Fraction]) -> Iterator[Fraction]:
    """How likely exactly each set is to default and no other member, members defaulting independently.

    Probabilities strictly between 0 and 1.
    """
    nobody = prod((1 - p for p in probabilities), start=Fraction(1))
    odds = [p / (1 - p) for p in probabilities]
    for one in sets:
        yield nobody * prod((odds[i] for i in one), start=Fraction(1))


_NEAR = 1e-9
"""Costs as near as this are told apart by the exact odds."""


def _cheapest(
    items: Sequence[int], costs: dict[int, float], scores: Scores, need: Fraction, odds: Sequence[Fraction]
) -> list[int] | None:
    """The items whose scores exceed ``need`` at the least cost: branch and bound on the relaxed cover.

    Floats only decide what is not worth looking at; between sets that are near, the exact odds decide.
    """
    if need < 0:
        return []
    best: tuple[float, Fraction, list[int]] | None = None
    stack: list[tuple[int, list[int], Fraction, float]] = [(0, [], need, 0.0)]
    while stack:
        at, chosen, left, cost = stack.pop()
        if left < 0:
            odd = Fraction(1)
            for i in chosen:
                odd *= odds[i]
            if best is None or odd > best[1]:
                best = (cost, odd, chosen)
            continue
        if at == len(items):
            continue
        bound = _relaxed(items, at, costs, scores, float(left))
        if bound is None or (best and cost + bound > best[0] + _NEAR):
            continue
        i = items[at]
        stack.append((at + 1, chosen, left, cost))
        stack.append((at + 1, [*chosen, i], left - scores.scores[i], cost + costs[i]))
    return best[2] if best else None


def _relaxed(
    items: Sequence[int], at: int, costs: dict[int, float], scores: Scores, left: float
) -> float | None:
    """What covering ``left`` costs at least if items could be taken in part; None if all are too little."""
    cost = 0.0
    for i in items[at:]:
        score = float(scores.scores[i])
        if score >= left:
            return cost + costs[i] * max(left, 0.0) / score
        cost += costs[i]
        left -= score
    return cost if left <= _NEAR else None


def frontier(
    stressed: Sequence[int], margins: Sequence[int], contributions: Sequence[int], own: int, calls: Fraction
) -> list[tuple[int, Fraction]]:
    """For each number of defaults the smallest multiplier of the stressed losses that exhausts the layer.

    Losses are multiplier x stressed loss less margin. Multipliers to a ten-thousandth, rounded up; numbers
    of defaults that no multiplier up to 1,000 makes enough are left out.
    """
    unit = 10_000
    times = calls.denominator
    factor = int((1 + calls) * times)
    threshold = own * times + factor * sum(contributions)
    members = list(zip(stressed, margins, contributions, strict=True))

    def exhausts(steps: int, count: int) -> bool:
        # the scores of affine, in whole numbers
        scores = [
            times * max(0, stress * steps // unit - margin - given) + factor * given
            for stress, margin, given in members
        ]
        return sum(sorted(scores, reverse=True)[:count]) > threshold

    found = []
    most = 1000 * unit
    for count in range(1, len(stressed) + 1):
        low, high = 0, most
        if not exhausts(high, count):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if exhausts(middle, count) else (middle, high)
        found.append((count, Fraction(high, unit)))
        most = high  # enough for one default more as well
    return found
