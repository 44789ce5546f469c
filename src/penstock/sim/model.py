"""Who defaults, and with which loss: the random model as values, and as the arrays that it is drawn by.

A member's latent X = a G + sqrt(1 - a^2) e: G is the factor of its block, e its own, both standard normal.
It defaults where X / sqrt(W / nu) falls below the quantile of its probability: W is chi-square with nu
degrees of freedom (Student-t copula), or the quotient is one (Gaussian copula). The factors of the blocks
and the market factor m are normal with one correlation matrix.

The shock of a defaulter is y = b m + sqrt(1 - b^2) h, h its own; with wrong-way risk w it is
-w X + sqrt(1 - w^2) y, so that corr(shock, latent) = -w where X and y are independent. At a default the
market factor jumps, before any loss is taken. Its loss before its own resources is

    start + scale x shock                                     normal
    start + scale x shock / sqrt(V / k)                       student_t, V chi-square with k degrees, its own
    start + scale x shock / sqrt(W / nu)                      student_t with the mixing of the copula
    start + scale x (u^-xi - 1) / xi, u = P(N(0,1) > shock)   pareto; exponential where xi is zero

and never below zero, nor above 2^50 minor units.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtr, ndtri, stdtrit

from penstock.core.problems import Problem, Refused

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TAILS = ("normal", "student_t", "pareto")
BIDS = ("none", "poor", "good", "winner")
LARGEST = 2**50
"""The largest loss that is drawn, in minor units."""


@dataclass(frozen=True, slots=True)
class Model:
    """The model of M members in K blocks; arrays by member, positions as in ``members``, block by block.

    ``correlation``: (K + 1) x (K + 1), of the blocks' factors and, last, the market factor. ``degrees``: of
    freedom of the copula, infinite for the Gaussian one. ``tail_degrees``: of the loss; zero shares the
    mixing of the copula. ``tail_index``: xi. ``unable``: the chance that a survivor does not pay its calls.
    ``bids``: M x 4, the chances of each word of BIDS; None leaves the bids as the scenario has them.
    """

    members: tuple[str, ...]
    probability: Floats
    loading: Floats
    block: Ints
    correlation: Floats
    scale: Floats
    start: Floats
    market: Floats
    wrong_way: Floats
    jump: Floats
    unable: Floats
    bids: Floats | None = None
    degrees: float = inf
    tail: str = "normal"
    tail_degrees: float = 0.0
    tail_index: float = 0.0

    def __post_init__(self) -> None:
        count = len(self.members)
        assert all(
            len(one) == count
            for one in (self.probability, self.loading, self.block, self.scale, self.start, self.market)
        )
        assert self.tail in TAILS
        assert (np.diff(self.block) >= 0).all(), "members stand block by block"


def checked_correlation(correlation: Floats, names: Sequence[str]) -> Floats:
    """The matrix, if it is one of correlations; Refused MODEL_CORRELATION, with what is wrong."""
    instead = "a symmetric matrix of correlations that can all hold at once"

    def refused(says: str) -> Refused:
        return Refused(Problem("MODEL_CORRELATION", ("correlations",), says, instead))

    if not np.isfinite(correlation).all() or (np.abs(correlation) > 1).any():
        raise refused("a correlation lies between -1 and 1")
    if not np.array_equal(correlation, correlation.T) or not (np.diag(correlation) == 1).all():
        raise refused("it is not symmetric with ones on its diagonal")
    least = float(np.linalg.eigvalsh(correlation).min())
    if least < -1e-10:
        says = (
            f"the correlations of {', '.join(names)} are not positive semidefinite (eigenvalue {least:.3g})"
        )
        raise refused(says)
    return correlation


class ModelArrays(NamedTuple):
    """What the kernels draw by; few arrays, since handing them over costs time.

    ``blocks``: (K + 2) x 2, the first member of each block and where its table begins; then their ends;
    then the exponent of the first octave of W and the number of bins of the mixing. ``hazard``: for each
    block, bin of its factor and bin of the mixing, a row: the chance, rounded down, that nobody of the
    block is even a candidate, and the cumulative hazards of an upper bound of its members' conditional
    probabilities. ``member``: M x 12, in columns THRESHOLD to BLOCK; ``factors``: a root of the
    correlation; ``bids``: M x 4 cumulative chances, or 0 x 4. ``numbers``: in columns DEGREES to
    TAIL_INDEX, no degrees being a Gaussian copula. ``sure``: for each row of ``hazard`` the chance, rounded
    down, that any candidate defaults at least.
    """

    blocks: Ints
    hazard: NDArray[np.float32]
    member: Floats
    factors: Floats
    bids: Floats
    numbers: Floats
    sure: NDArray[np.float32]


(THRESHOLD, LOADING, OWN_LATENT, SCALE, START, MARKET, OWN_SHOCK,
 WRONG_WAY, RIGHT_WAY, JUMP, UNABLE, BLOCK) = range(12)  # fmt: skip
DEGREES, TAIL, TAIL_DEGREES, TAIL_INDEX = range(4)


def has_variance(numbers: Floats) -> bool:
    """Whether a loss has one: a Student-t loss above two degrees of freedom, a Pareto loss below one half."""
    if TAILS[int(numbers[TAIL])] == "student_t":
        degrees = numbers[TAIL_DEGREES] or numbers[DEGREES]
        return bool(degrees > 2 or degrees == 0)
    return bool(TAILS[int(numbers[TAIL])] != "pareto" or numbers[TAIL_INDEX] < 0.5)


PER_UNIT, REACH = 8, 7
"""Bins of a factor: eight a unit from -7 to 7, and one beyond each end."""
FACTOR_BINS = 2 * REACH * PER_UNIT + 2
PER_OCTAVE = 8
"""Bins of the mixing variable."""
MOST_HAZARD = 40.0
"""Nobody's candidacy is surer than 1 - exp(-40)."""


def arrays(model: Model) -> ModelArrays:
    """The model made ready: thresholds, factors, tables of bounds."""
    threshold, bins = _threshold(model), _mixing_bins(model.degrees)
    own = np.sqrt(1 - model.loading**2)
    starts = _starts(model)
    rows = np.cumsum([0, *(FACTOR_BINS * int(bins[1]) * (1 + b - a) for a, b in pairwise(starts))])
    return ModelArrays(
        blocks=np.array([*zip(starts, rows, strict=True), bins], dtype=np.int64),
        hazard=(table := _tables(model)),
        member=np.column_stack(
            [
                threshold,
                model.loading,
                own,
                model.scale,
                model.start,
                model.market,
                np.sqrt(1 - model.market**2),
                model.wrong_way,
                np.sqrt(1 - model.wrong_way**2),
                model.jump,
                model.unable,
                model.block,
            ]
        ),
        factors=_root(model.correlation),
        bids=np.zeros((0, 4)) if model.bids is None else np.cumsum(model.bids, axis=1),
        numbers=np.array(
            [
                0.0 if np.isinf(model.degrees) else model.degrees,
                TAILS.index(model.tail),
                model.tail_degrees,
                model.tail_index,
            ]
        ),
        sure=_sure(model, table),
    )


def _starts(model: Model) -> list[int]:
    """Where each block begins, and the last ends."""
    return [int(one) for one in np.searchsorted(model.block, np.arange(len(model.correlation)))]


def _threshold(model: Model) -> Floats:
    """The quantile of each member's probability, infinite for who never or always defaults."""
    gaussian = np.isinf(model.degrees)
    with np.errstate(divide="ignore"):
        found = ndtri(model.probability) if gaussian else stdtrit(model.degrees, model.probability)
    found = np.where(model.probability <= 0, -inf, np.where(model.probability >= 1, inf, found))
    return np.asarray(found, dtype=np.float64)


def _tables(model: Model) -> NDArray[np.float32]:
    """The tables of all blocks, one after another; see ``ModelArrays.hazard``."""
    threshold, bins = _threshold(model), _mixing_bins(model.degrees)
    own = np.sqrt(1 - model.loading**2)
    inside = [slice(a, b) for a, b in pairwise(_starts(model))]
    return np.concatenate(
        [_bounds(threshold[one], model.loading[one], own[one], bins, model.degrees).ravel() for one in inside]
    )


def _root(correlation: Floats) -> Floats:
    """A lower triangular root of the matrix, also of one that is only semidefinite."""
    values, vectors = np.linalg.eigh(correlation)
    half = vectors * np.sqrt(np.clip(values, 0, None))
    root: Floats = np.transpose(np.linalg.qr(half.T)[1])
    return np.ascontiguousarray(root * np.where(np.diag(root) < 0, -1.0, 1.0))


def _mixing_bins(degrees: float) -> Ints:
    """The exponent of two at which the bins of W begin, and how many there are: one where there is no W."""
    if np.isinf(degrees):
        return np.array([0, 1], dtype=np.int64)
    low, high = (float(np.log2(chdtri(degrees, tail))) for tail in (1 - 1e-3, 1e-4))
    first, last = int(np.floor(low)), int(np.ceil(high))
    return np.array([first, (last - first) * PER_OCTAVE], dtype=np.int64)


def _mixing_edges(bins: Ints, degrees: float) -> list[tuple[float, float]]:
    """The least and the greatest sqrt(W / nu) of each bin."""
    first, count = int(bins[0]), int(bins[1])
    if np.isinf(degrees):
        return [(1.0, 1.0)]
    edges = [
        2.0**first * 2 ** (i // PER_OCTAVE) * (1 + i % PER_OCTAVE / PER_OCTAVE) for i in range(count + 1)
    ]
    edges[0], edges[-1] = 0.0, 1e12
    roots = [float(np.sqrt(edge / degrees)) for edge in edges]
    return list(itertools.pairwise(roots))


def _bounds(
    threshold: Floats, loading: Floats, own: Floats, bins: Ints, degrees: float
) -> NDArray[np.float32]:
    """The chance of no candidate, and cumulative hazards: (factor bin x mixing bin) x (1 + members).

    Each step is no less than -log(1 - p) for the largest conditional probability p in the bin: sums are
    rounded up to 32 bits, and the bound that is used is read back from them.
    """
    _, most = _extremes(threshold, loading, own, bins, degrees)
    with np.errstate(divide="ignore"):
        steps = np.minimum(-np.log1p(-most) * (1 + 1e-12), MOST_HAZARD).reshape(-1, len(threshold))
    sums = np.zeros((len(steps), 1 + len(threshold)), dtype=np.float32)
    before = np.zeros(len(steps), dtype=np.float32)
    for i in range(len(threshold)):
        exact = before.astype(np.float64) + steps[:, i]
        rounded = exact.astype(np.float32)
        up = np.nextafter(rounded, np.float32(np.inf), dtype=np.float32)
        before = np.where(rounded.astype(np.float64) < exact, up, rounded).astype(np.float32)
        sums[:, 1 + i] = before
    survive = np.exp(-before.astype(np.float64)).astype(np.float32)
    sums[:, 0] = np.nextafter(survive, np.float32(0), dtype=np.float32)
    return sums


def _extremes(
    threshold: Floats, loading: Floats, own: Floats, bins: Ints, degrees: float
) -> tuple[Floats, Floats]:
    """The least and the largest conditional probability: factor bin x mixing bin x member.

    It is monotone in the factor and in the mixing, so both are at corners of the bins.
    """
    edges = np.arange(-REACH * PER_UNIT, REACH * PER_UNIT + 1) / PER_UNIT
    sides = np.concatenate([[-40.0], edges, [40.0]])
    most = np.zeros((FACTOR_BINS, int(bins[1]), len(threshold)))
    least = np.ones_like(most)
    finite = np.where(np.isfinite(threshold), threshold, 0.0)
    for i, pair in enumerate(_mixing_edges(bins, degrees)):
        for mixing in pair:
            conditional = ndtr((finite * mixing - loading * sides[:, np.newaxis]) / own)
            for side in (conditional[:-1], conditional[1:]):
                most[:, i, :] = np.maximum(most[:, i, :], side)
                least[:, i, :] = np.minimum(least[:, i, :], side)
    for extreme in (least, most):
        extreme[..., np.isneginf(threshold)] = 0.0
        extreme[..., np.isposinf(threshold)] = 1.0
    return least, most


def _sure(model: Model, hazard: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each row of the tables the least of conditional probability over bound, rounded down."""
    threshold, bins = _threshold(model), _mixing_bins(model.degrees)
    own = np.sqrt(1 - model.loading**2)
    found, at = [], 0
    for first, end in pairwise(_starts(model)):
        one, lines = slice(first, end), FACTOR_BINS * int(bins[1])
        least, _ = _extremes(threshold[one], model.loading[one], own[one], bins, model.degrees)
        table = hazard[at : at + lines * (1 + end - first)].reshape(lines, -1).astype(np.float64)
        at += table.size
        table[:, 0] = 0.0
        bound = -np.expm1(-np.diff(table, axis=1))
        ratio = np.divide(least.reshape(bound.shape), bound, out=np.ones_like(bound), where=bound > 0)
        found.append(np.minimum(ratio.min(axis=1, initial=1.0), 1.0) * (1 - 1e-9))
    return np.nextafter(np.concatenate(found).astype(np.float32), np.float32(0), dtype=np.float32)
