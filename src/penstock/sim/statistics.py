"""What counts and histograms say, with honest error bars.

Probabilities have Clopper-Pearson intervals (Clopper and Pearson, Biometrika 26, 1934), never Wald's; means
the central limit's; quantiles those of order statistics; expected shortfalls the asymptotic one (Chen,
Journal of Financial Econometrics 6, 2008).
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, inf, isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

from penstock.sim.tally import Bins

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and the interval that it lies in, at the level of the run; NaN where nothing says how far off
    the value is."""

    value: float
    low: float
    high: float

    @property
    def bounded(self) -> bool:
        """Whether it has an interval."""
        return not isnan(self.low)

    def alone(self) -> "Estimate":
        """The same without its interval."""
        return Estimate(self.value, nan, nan)


def clopper_pearson(hits: int, count: int, level: float = 0.95) -> Estimate:
    """The probability of an event seen ``hits`` times in ``count``: its exact interval."""
    assert 0 <= hits <= count > 0
    alpha = (1 - level) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, count - hits + 1, alpha))
    high = 1.0 if hits == count else float(betaincinv(hits + 1, count - hits, 1 - alpha))
    return Estimate(hits / count, low, high)


def wilson(hits: int, count: int, level: float = 0.95) -> Estimate:
    """The same by Wilson's score interval (Journal of the American Statistical Association 22, 1927)."""
    assert 0 <= hits <= count > 0
    z = normal_quantile((1 + level) / 2)
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))


def normal_quantile(q: float) -> float:
    """Of the standard normal distribution."""
    return float(ndtri(q))


def mean(total: int, squares: int, count: int, level: float = 0.95) -> Estimate:
    """The mean of ``count`` amounts from their sum and the sum of their squares, all whole numbers."""
    assert count > 0
    variance = Fraction(squares, count) - Fraction(total, count) ** 2
    error = normal_quantile((1 + level) / 2) * sqrt(variance / count)
    value = total / count
    return Estimate(value, value - error, value + error)


@dataclass(frozen=True, slots=True)
class Distribution:
    """Amounts in whole units, most of them perhaps zero: ``count`` in all, ``histogram`` of those above."""

    count: int
    histogram: Ints
    bins: Bins
    most: float = inf
    """No amount is larger; bins are cut there."""

    def mean(self, total: int, level: float = 0.95) -> Estimate:
        """The mean of all amounts, whose sum is ``total``.

        Its error is that of the bins: off by half of their width at most.
        """
        value = total / self.count
        _, first, _, second = self._above(self.count)
        variance = second * (total / first) ** 2 / self.count - value * value if first else 0.0
        error = normal_quantile((1 + level) / 2) * sqrt(max(0.0, variance) / self.count)
        return Estimate(value, max(0.0, value - error), min(self.most, value + error))

    def quantile(self, q: float, level: float = 0.95) -> Estimate:
        """The amount that a part ``q`` of all stays at or below: to within a bin, by order statistics."""
        spread = normal_quantile((1 + level) / 2) * sqrt(self.count * q * (1 - q))
        middle = self.count * q
        low, high = (min(max(rank, 1), self.count) for rank in (middle - spread, middle + spread))
        return Estimate(
            self._middle(self._place(ceil(middle))),
            self._least(self._place(floor(low))),
            self._most(self._place(ceil(high))),
        )

    def shortfall(self, q: float, level: float = 0.95) -> Estimate:
        """The mean of the largest part ``1 - q`` of all amounts, to within a bin, as its interval is."""
        tail = self.count * (1 - q)
        least, first, most, second = self._above(tail)
        value = first / tail
        at_quantile = self.quantile(q).value
        variance = max(0.0, second / tail - value * value) + q * (value - at_quantile) ** 2
        error = normal_quantile((1 + level) / 2) * sqrt(variance / tail)
        return Estimate(value, max(0.0, least / tail - error), min(self.most, most / tail + error))

    def exceedance(self, per_octave: int = 8) -> list[tuple[float, int]]:
        """Amounts, and how many are at least as large: from the least to the greatest, so many an octave."""
        step = self.bins.per_octave // per_octave
        coarse = self.histogram.reshape(-1, step).sum(axis=1)
        above = np.cumsum(coarse[::-1])[::-1]
        places = np.flatnonzero(coarse)
        if not len(places):
            return []
        first, last = int(places[0]), int(places[-1])
        found = {ceil(self.bins.low(i * step)): int(above[i]) for i in range(last, first - 1, -1)}
        return [(float(at), count) for at, count in sorted(found.items())]

    def _above(self, tail: float) -> tuple[float, float, float, float]:
        """The sum of the so many largest amounts by the ends and the middles of their bins.

        The least that it can be, its estimate, the most, and the estimate of the sum of squares.
        """
        left, least, first, most, second = tail, 0.0, 0.0, 0.0, 0.0
        for place in map(int, np.flatnonzero(self.histogram)[::-1]):
            weight, amount = min(left, float(self.histogram[place])), self._middle(place)
            least += weight * self._least(place)
            first += weight * amount
            most += weight * self._most(place)
            second += weight * amount * amount
            left -= weight
            if left <= 0:
                break
        return least, first, most, second

    def _place(self, rank: int) -> int:
        """The bin of the amount of this rank, from 1 on; -1 for an amount of zero."""
        zeros = self.count - int(self.histogram.sum())
        if rank <= zeros:
            return -1
        return int(np.searchsorted(np.cumsum(self.histogram), rank - zeros))

    def _least(self, place: int) -> float:
        return 0.0 if place < 0 else float(ceil(self.bins.low(place)))

    def _most(self, place: int) -> float:
        if place < 0:
            return 0.0
        most = min(self.most, float(ceil(self.bins.low(place + 1)) - 1))
        return max(self._least(place), most)

    def _middle(self, place: int) -> float:
        return (self._least(place) + self._most(place)) / 2
