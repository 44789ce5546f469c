"""Exact values for simulated defaults, by quadrature and enumeration: nothing here is drawn at random.

    probabilities, loadings -> distribution of the number of defaults, of the set, of what each layer pays

The latent variable of member i is X_i = a_i Z + sqrt(1 - a_i^2) e_i with Z, e_i independent and standard
normal; a_i is the *loading*, so two members are correlated a_i a_j, and a common correlation rho is a
loading of sqrt(rho). Gaussian copula: default if X_i < Phi^-1(p_i). Student-t copula: default if
X_i / sqrt(W / nu) < t_nu^-1(p_i), W chi-squared with nu degrees of freedom and the same for all members.

Integrals are adaptive Gauss-Legendre, and every integrand is positive, so that an error relative to each
value of its own is kept: 1e-10 for the Gaussian copula down to 1e-200, 1e-8 for the t copula above 1e-9.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Kernel = Callable[[Array, Array], Array]

_REACH = 38.0  # standard deviations: beyond, the normal density is below 1e-313
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


# --- quadrature ---------------------------------------------------------------------------------------


def _on_panels(f: Callable[[Array], Array], left: Array, right: Array) -> Array:
    """The integrals of each row of f over each panel: f takes points (m,), gives (rows, m)."""
    half = (right - left) / 2
    points = ((left + right) / 2)[:, None] + half[:, None] * _NODES
    values = f(points.ravel()).reshape(-1, *points.shape)
    return np.asarray((values @ _WEIGHTS) * half, dtype=np.float64)


def integral(
    f: Callable[[Array], Array], edges: Array, tolerance: float = 1e-12, floor: float = 1e-200
) -> Array:
    """The integral of each row of f, positive: a panel is halved until no row of it moves any more.

    Halving moves a settled panel by at most tolerance times the row's integral, or by the floor.
    """
    left, right = edges[:-1], edges[1:]
    whole = _on_panels(f, left, right)
    settled: Array = np.zeros(whole.shape[0])
    for _ in range(60):
        middle = (left + right) / 2
        lower, upper = _on_panels(f, left, middle), _on_panels(f, middle, right)
        halved = lower + upper
        allowed = tolerance * np.abs(settled + halved.sum(axis=1)) + floor
        moving = (np.abs(halved - whole) > allowed[:, None]).any(axis=0)
        settled = settled + halved[:, ~moving].sum(axis=1)
        if not moving.any():
            return settled
        if moving.sum() > 1000:
            break
        left, right = (
            np.concatenate((left[moving], middle[moving])),
            np.concatenate((middle[moving], right[moving])),
        )
        whole = np.concatenate((lower[:, moving], upper[:, moving]), axis=1)
    raise ArithmeticError("the integral does not settle")


def _density(x: Array) -> Array:
    """The standard normal density."""
    return np.asarray(np.exp(-x * x / 2) / math.sqrt(2 * math.pi), dtype=np.float64)


def _given_factor(z: Array, thresholds: Array, loadings: Array) -> tuple[Array, Array]:
    """Probabilities of default and of survival given the factor, one row a member; loading 1 is a step."""
    rest = np.sqrt((1 - loadings) * (1 + loadings))
    with np.errstate(divide="ignore"):
        distance = (thresholds[:, None] - loadings[:, None] * z) / rest[:, None]
    return special.ndtr(distance), special.ndtr(-distance)


def _edges(thresholds: Array, loadings: Array, reach: float) -> Array:
    """Panels over the factor, with edges where a member's conditional probability turns."""
    marks = np.linspace(-reach, reach, int(reach) + 1)
    for threshold, loading in sorted(set(zip(thresholds.tolist(), loadings.tolist(), strict=True))):
        rest = math.sqrt((1 - loading) * (1 + loading))
        if rest < abs(loading) / 4:
            around = threshold / loading + rest / abs(loading) * np.array([-8.0, -3.0, 0.0, 3.0, 8.0])
            marks = np.append(marks, around)
    return np.unique(np.clip(marks, -reach, reach))


def _gaussian(kernel: Kernel, thresholds: Array, loadings: Array) -> Array:
    """The kernel integrated over the factor; with no loading there is nothing to integrate."""
    if not loadings.any():
        return kernel(*_given_factor(np.zeros(1), thresholds, loadings))[:, 0]

    def inside(z: Array) -> Array:
        return kernel(*_given_factor(z, thresholds, loadings)) * _density(z)

    return integral(inside, _edges(thresholds, loadings, _REACH))


def _student(kernel: Kernel, quantiles: Array, loadings: Array, degrees: float) -> Array:
    """The kernel integrated over the factor and over v = log(W / nu), where thresholds are q e^(v/2).

    The density of v goes as exp(nu/2 (v - e^v)) and is divided by its own integral. Below the lowest v the
    thresholds are 0 for all that can be told; the chi-squared distribution gives how often that is.
    """
    half = degrees / 2

    def given_scale(scale: float) -> Array:
        thresholds = quantiles * scale
        if not loadings.any():
            return _gaussian(kernel, thresholds, loadings)
        edges = _edges(thresholds, loadings, 12.0)

        def inside(z: Array) -> Array:
            return kernel(*_given_factor(z, thresholds, loadings)) * _density(z)

        return integral(inside, edges, tolerance=1e-11, floor=1e-18)

    at_zero = given_scale(0.0)
    furthest = float(np.abs(quantiles).max())
    if furthest <= 1e-12:
        return at_zero

    def over_scales(v: Array) -> Array:
        rows = np.array([np.append(given_scale(math.exp(x / 2)), 1.0) for x in v]).T
        return np.asarray(rows * np.exp(half * (v - np.expm1(v))), dtype=np.float64)

    negligible = 2 * math.log(1e-12 / furthest)
    least = special.gammaincinv(half, 1e-25) / half
    lowest = max(negligible, math.log(least)) if least > 0 else negligible
    highest = math.log(special.gammainccinv(half, 1e-30) / half)
    panels = np.linspace(lowest, highest, 9)
    *values, mass = integral(over_scales, panels, tolerance=1e-10, floor=1e-17 / min(half, math.sqrt(half)))
    below = float(special.gammainc(half, half * math.exp(lowest)))
    mixed: Array = np.asarray(values) / mass * (1 - below) + at_zero * below
    return mixed


def _mixed(
    kernel: Kernel, probabilities: Sequence[float], loadings: Sequence[float], degrees: float | None
) -> Array:
    """The kernel's rows, made of probabilities given the factor, integrated over all that is common."""
    chances, common = np.asarray(probabilities, dtype=np.float64), np.asarray(loadings, dtype=np.float64)
    if chances.ndim != 1 or chances.shape != common.shape:
        raise ValueError("one probability and one loading for each member")
    if not ((chances > 0) & (chances < 1)).all() or not (np.abs(common) <= 1).all():
        raise ValueError("probabilities lie between 0 and 1, loadings between -1 and 1")
    if degrees is None:
        return _gaussian(kernel, special.ndtri(chances), common)
    quantiles = special.stdtrit(degrees, chances)
    if not degrees > 0 or not np.isfinite(quantiles).all():
        raise ValueError("degrees of freedom are above 0 and leave finite quantiles")
    return _student(kernel, quantiles, common, degrees)


# --- how many default, and who ------------------------------------------------------------------------


def _poisson_binomial(defaults: Array, survivals: Array) -> Array:
    """P(D = k) for independent members, one column a point: one member more at a time."""
    members, points = defaults.shape
    counts = np.zeros((members + 1, points))
    counts[0] = 1.0
    for i in range(members):
        one_more = counts[: i + 1] * defaults[i]
        counts[: i + 1] *= survivals[i]
        counts[1 : i + 2] += one_more
    return counts


def count_distribution(
    probabilities: Sequence[float], loadings: Sequence[float], degrees: float | None = None
) -> Array:
    """P(D = k), k = 0..n, in the one-factor Gaussian copula or, with degrees of freedom, the t copula.

    Vasicek, "Probability of loss on loan portfolio" (1987); the recursion over members is that of Andersen,
    Sidenius and Basu, "All your hedges in one basket" (Risk, 2003); the t copula is that of Demarta and
    McNeil, "The t copula and related copulas" (2005).
    """
    return _mixed(_poisson_binomial, probabilities, loadings, degrees)


def at_least(counts: Array, k: int) -> float:
    """P(D >= k) of a distribution of the number of defaults; smallest terms first."""
    return math.fsum(counts[k:].tolist())


def _products(defaults: Array, survivals: Array) -> Array:
    """The probability of each set of independent defaulters; bit i of the row's number is member i."""
    rows = np.ones((1, defaults.shape[1]))
    for default, survival in zip(defaults, survivals, strict=True):
        rows = np.concatenate((rows * survival, rows * default))
    return rows


def default_sets(members: int) -> Flags:
    """All 2^n sets of defaulters, one row a set; bit i of the row's number is member i."""
    numbers = np.arange(2**members)
    return np.asarray((numbers[:, None] >> np.arange(members)) & 1, dtype=np.bool_)


def set_probabilities(
    probabilities: Sequence[float], loadings: Sequence[float], degrees: float | None = None
) -> Array:
    """The probability of each set of defaulters, in the order of default_sets; same copulas as the count."""
    return _mixed(_products, probabilities, loadings, degrees)


def joint_default(p1: float, p2: float, correlation: float, degrees: float | None = None) -> float:
    """P(both default), by an integral over the correlation rather than over the factor.

    Plackett, "A reduction formula for normal multivariate integrals" (Biometrika, 1954): the derivative of
    the bivariate distribution by its correlation is an elementary function; for t, Genz, "Numerical
    computation of rectangular bivariate and trivariate normal and t probabilities" (2004). It starts at
    correlation -1, where both default with probability max(0, p1 + p2 - 1), and r = sin(angle).
    """
    chances = np.array([p1, p2])
    a, b = special.ndtri(chances) if degrees is None else special.stdtrit(degrees, chances)

    def inside(angle: Array) -> Array:
        sine, cosine = np.sin(angle), np.cos(angle)
        form = ((a - b * sine) / cosine) ** 2 + b * b
        if degrees is None:
            return np.asarray(np.exp(-form / 2) / (2 * math.pi), dtype=np.float64)[None]
        return np.asarray((1 + form / degrees) ** (-degrees / 2) / (2 * math.pi), dtype=np.float64)[None]

    edges = np.linspace(-math.pi / 2, math.asin(correlation), 17)
    return max(0.0, p1 + p2 - 1) + float(integral(inside, edges)[0])


def large_portfolio_quantile(probability: float, correlation: float, level: float) -> float:
    """The quantile of the share in default among infinitely many alike members, Gaussian copula.

    Vasicek, "Loan portfolio value" (Risk, 2002).
    """
    there = special.ndtri(probability) + math.sqrt(correlation) * special.ndtri(level)
    return float(special.ndtr(there / math.sqrt(1 - correlation)))


def tail_dependence(degrees: float, correlation: float) -> float:
    """The limit of P(both default) / p as p falls to 0, t copula; Demarta and McNeil (2005), section 3."""
    odds = (degrees + 1) * (1 - correlation) / (1 + correlation)
    return float(2 * special.stdtr(degrees + 1, -math.sqrt(odds)))


def loss_exceedance(
    probabilities: Sequence[float],
    loadings: Sequence[float],
    losses: Sequence[float],
    level: float,
    degrees: float | None = None,
) -> float:
    """P(sum of the defaulters' losses > level), over all 2^n sets; n <= 20 without loadings, 12 with them.

    Sums that differ from the level by rounding alone do not exceed it.
    """
    sums = np.zeros(1)
    for loss in losses:
        sums = np.concatenate((sums, sums + loss))
    chances = set_probabilities(probabilities, loadings, degrees)
    return math.fsum(chances[sums > level + 1e-12 * abs(level)].tolist())


# --- who pays ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Own:
    """A layer of fixed size that no member pays: capital of the central counterparty."""

    amount: float


@dataclass(frozen=True)
class Survivors:
    """A layer of a multiple of the survivors' contributions, paid pro rata to them: 1 is the fund itself."""

    multiple: float = 1.0


@dataclass(frozen=True)
class Payments:
    """What is expected of each layer: arrays over layers, and over layers and members for payments.

    hit: it pays something. full: it pays something and all it has. beyond: the loss is larger than this
    layer and all before it (also where it is empty because nobody survived). uncovered: beyond all layers.
    """

    use: Array
    hit: Array
    full: Array
    beyond: Array
    payments: Array
    uncovered: float
    loss: float


def expected_payments(
    probabilities: Sequence[float],
    loadings: Sequence[float],
    losses: Sequence[float],
    contributions: Sequence[float],
    layers: Sequence[Own | Survivors],
    degrees: float | None = None,
) -> Payments:
    """Expected use of layers in order, over all 2^n sets of simultaneous defaulters (n <= 12).

    losses[i]: what member i's default costs beyond its own resources, a fixed amount; contributions[i]: what
    it has in the fund and pays with as a survivor. Comparisons are exact while amounts are whole numbers.
    With 12 members the t copula takes some 10 seconds, the Gaussian a tenth of one.
    """
    sets = default_sets(len(probabilities))
    chances = set_probabilities(probabilities, loadings, degrees)
    paying = ~sets * np.asarray(contributions, dtype=np.float64)
    fund = paying.sum(axis=1)
    shares = np.divide(paying, fund[:, None], out=np.zeros_like(paying), where=fund[:, None] > 0)
    loss = sets @ np.asarray(losses, dtype=np.float64)
    rest, use, hit, full, beyond, payments = loss, [], [], [], [], []
    for layer in layers:
        size = np.full_like(rest, layer.amount) if isinstance(layer, Own) else layer.multiple * fund
        used = np.minimum(rest, size)
        use.append(chances @ used)
        hit.append(chances @ (used > 0))
        full.append(chances @ ((used > 0) & (used == size)))
        beyond.append(chances @ (rest > size))
        payments.append((chances * used) @ shares * isinstance(layer, Survivors))
        rest = rest - used
    return Payments(
        use=np.array(use),
        hit=np.array(hit),
        full=np.array(full),
        beyond=np.array(beyond),
        payments=np.array(payments),
        uncovered=float(chances @ rest),
        loss=float(chances @ loss),
    )


# --- wrong-way risk ------------------------------------------------------------------------------------


def mean_given_default(probability: float, rho: float) -> float:
    """E[X | default], X standard normal, correlated -rho with the latent variable: rho phi(c) / p."""
    threshold = special.ndtri(np.array([probability]))
    return rho * float(_density(threshold)[0]) / probability


def _beyond_given_default(probability: float, rho: float, k: float) -> tuple[float, float]:
    """P(X > k | D) and E[(X - k)+ | D]: the density times P(D | x), and that times x - k, from k on."""
    threshold, loading = np.array([special.ndtri(probability)]), np.array([-rho])

    def inside(x: Array) -> Array:
        density = _given_factor(x, threshold, loading)[0] * _density(x)
        return np.concatenate((density, density * (x - k)))

    marks = _edges(threshold, loading, _REACH)
    edges = np.concatenate(([k], marks[marks > k], [max(k, _REACH) + 2]))
    chance, excess = integral(inside, edges) / probability
    return float(chance), float(excess)


def exceedance_given_default(probability: float, rho: float, k: float) -> float:
    """P(X > k | default), with X and default as in mean_given_default."""
    return _beyond_given_default(probability, rho, k)[0]


def excess_given_default(probability: float, rho: float, k: float) -> float:
    """E[(X - k)+ | default], with X and default as in mean_given_default."""
    return _beyond_given_default(probability, rho, k)[1]


# --- one loss through a stack of layers ----------------------------------------------------------------


@dataclass(frozen=True)
class Distribution:
    """The positive part of a loss: P(L > u) for u >= 0, its scale; alpha if P(L > u) falls as u^-alpha."""

    survival: Callable[[Array], Array]
    scale: float
    alpha: float = math.inf


def exponential(mean: float) -> Distribution:
    """P(L > u) = exp(-u / mean)."""
    return Distribution(lambda u: np.asarray(np.exp(-u / mean), dtype=np.float64), mean)


def generalised_pareto(shape: float, scale: float, threshold: float = 0.0) -> Distribution:
    """P(L > u) = (1 + shape (u - threshold) / scale)^(-1 / shape) above the threshold, 1 below it."""
    if shape == 0:
        return Distribution(lambda u: np.exp(-np.maximum(u - threshold, 0) / scale), scale)

    def survival(u: Array) -> Array:
        grown = np.maximum(shape * np.maximum(u - threshold, 0) / scale, -1)
        with np.errstate(divide="ignore"):
            return np.asarray(np.exp(-np.log1p(grown) / shape), dtype=np.float64)

    return Distribution(survival, scale, 1 / shape if shape > 0 else math.inf)


def normal(mean: float, deviation: float) -> Distribution:
    """The positive part of a normal loss."""
    return Distribution(lambda u: special.ndtr((mean - u) / deviation), deviation)


def student_t(degrees: float, scale: float, location: float = 0.0) -> Distribution:
    """The positive part of location + scale T, T of Student's t with any degrees of freedom above 0."""
    return Distribution(lambda u: special.stdtr(degrees, (location - u) / scale), scale, degrees)


def exceedance(distribution: Distribution, level: float) -> float:
    """P(L > level) of the positive part of the loss: 1 below 0."""
    return 1.0 if level < 0 else float(distribution.survival(np.array([level]))[0])


def mean_in_layer(distribution: Distribution, attachment: float, capacity: float) -> float:
    """E[min((L - attachment)+, capacity)]: the integral of P(L > u) over the layer (tranche formula).

    Integrated over log(u - attachment), so that a layer may be far wider or narrower than the loss. A layer
    without limit is cut where the tail is a power and the rest of it is known, or where nothing is left.
    """
    if attachment < 0:
        raise ValueError("a layer attaches at 0 or above")
    if capacity == 0 or (math.isinf(capacity) and distribution.alpha <= 1):
        return capacity
    endless = math.isinf(capacity)
    top = math.log(distribution.scale + attachment) + 230 if endless else math.log(capacity)
    bottom = min(top, math.log(distribution.scale)) - 45

    def inside(y: Array) -> Array:
        return np.asarray(distribution.survival(attachment + np.exp(y)) * np.exp(y), dtype=np.float64)[None]

    mean = float(integral(inside, np.linspace(bottom, top, max(2, int(top - bottom))))[0])
    mean += exceedance(distribution, attachment) * math.exp(bottom)
    if endless and math.isfinite(distribution.alpha):
        end = attachment + math.exp(top)
        mean += exceedance(distribution, end) * end / (distribution.alpha - 1)
    return mean


# --- how sure a count of paths is ------------------------------------------------------------------------


def bernoulli_tail(n: int, p: float, k: int) -> float:
    """P(at least k of n independent events of probability p), from the terms themselves."""
    if k <= 0 or k > n:
        return 1.0 if k <= 0 else 0.0
    if p in {0.0, 1.0}:
        return p
    if k <= n * p:
        return 1.0 - bernoulli_tail(n, 1 - p, n - k + 1)
    term = math.exp(math.log(math.comb(n, k)) + k * math.log(p) + (n - k) * math.log1p(-p))
    terms = []
    for j in range(k, n + 1):
        terms.append(term)
        if term < 1e-18 * terms[0]:
            break
        term *= (n - j) / (j + 1) * p / (1 - p)
    return math.fsum(terms)


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The p at which as many successes or more, and as few or fewer, are as rare as half of 1 - confidence.

    Clopper and Pearson, "The use of confidence or fiducial limits" (Biometrika, 1934); by root finding.
    """
    rare = (1 - confidence) / 2

    def root(surplus: Callable[[float], float]) -> float:
        log_p = optimize.brentq(lambda x: surplus(math.exp(x)), -700, 0, xtol=1e-14, rtol=1e-14)
        return math.exp(log_p)

    def too_many(p: float) -> float:
        return bernoulli_tail(trials, p, successes) - rare

    def too_few(p: float) -> float:
        return 1 - bernoulli_tail(trials, p, successes + 1) - rare

    return (0.0 if successes == 0 else root(too_many), 1.0 if successes == trials else root(too_few))


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The p with (share - p)^2 = z^2 p (1 - p) / trials: the two roots of that quadratic.

    Wilson, "Probable inference, the law of succession, and statistical inference" (JASA, 1927).
    """
    z = float(special.ndtri((1 + confidence) / 2))
    a, b, c = trials + z * z, 2 * successes + z * z, successes * successes / trials
    root = math.sqrt(b * b - 4 * a * c)
    larger = (b + root) / (2 * a)
    return c / (a * larger), larger


def paths_needed(probability: float, relative_error: float, confidence: float = 0.95) -> float:
    """Plain paths after which the normal interval's half width is a share of the probability."""
    z = float(special.ndtri((1 + confidence) / 2))
    return z * z * (1 - probability) / (probability * relative_error**2)
