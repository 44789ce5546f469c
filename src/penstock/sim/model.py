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

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from penstock.core.problems import Problem, Refused
from penstock.sim.candidates import FACTOR_BINS, mixing_bins, tables

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

    ``blocks``: (K + 2) x 2, the first member and the first line of each block; then their ends; then the
    exponent of the first octave of W and the number of bins of the mixing. A line stands for a block, a bin
    of its factor and a bin of the mixing; ``lines``, ``slots``, ``asked``: as in ``Tables``.
    ``member``: M x 12, in columns THRESHOLD to BLOCK; ``factors``: a root of the correlation; ``bids``: M x 4
    cumulative chances, or 0 x 4. ``numbers``: in columns DEGREES, none being a Gaussian copula, to
    CANDIDATES, the most in a scenario.
    """

    blocks: Ints
    lines: Floats
    slots: Ints
    asked: NDArray[np.int32]
    member: Floats
    factors: Floats
    bids: Floats
    numbers: Floats


(THRESHOLD, LOADING, OWN_LATENT, SCALE, START, MARKET, OWN_SHOCK,
 WRONG_WAY, RIGHT_WAY, JUMP, UNABLE, BLOCK) = range(12)  # fmt: skip
DEGREES, TAIL, TAIL_DEGREES, TAIL_INDEX, CANDIDATES = range(5)


def has_variance(numbers: Floats) -> bool:
    """Whether a loss has one: a Student-t loss above two degrees of freedom, a Pareto loss below one half."""
    if TAILS[int(numbers[TAIL])] == "student_t":
        degrees = numbers[TAIL_DEGREES] or numbers[DEGREES]
        return bool(degrees > 2 or degrees == 0)
    return bool(TAILS[int(numbers[TAIL])] != "pareto" or numbers[TAIL_INDEX] < 0.5)


def arrays(model: Model) -> ModelArrays:
    """The model made ready: thresholds, factors, tables of bounds."""
    threshold, bins = _threshold(model), mixing_bins(model.degrees)
    own = np.sqrt(1 - model.loading**2)
    starts = _starts(model)
    lines = FACTOR_BINS * int(bins[1]) * np.arange(len(starts))
    may = tables(threshold, model.loading, starts, bins, model.degrees)
    return ModelArrays(
        blocks=np.array([*zip(starts, lines, strict=True), bins], dtype=np.int64),
        lines=may.lines,
        slots=may.slots,
        asked=may.asked,
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
                may.most,
            ]
        ),
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


def _root(correlation: Floats) -> Floats:
    """A lower triangular root of the matrix, also of one that is only semidefinite."""
    values, vectors = np.linalg.eigh(correlation)
    half = vectors * np.sqrt(np.clip(values, 0, None))
    root: Floats = np.transpose(np.linalg.qr(half.T)[1])
    return np.ascontiguousarray(root * np.where(np.diag(root) < 0, -1.0, 1.0))
