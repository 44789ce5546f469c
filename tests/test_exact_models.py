"""The exact values are the published ones to the last digit printed, and those that need no quadrature."""

import math
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from scipy import special

from exact_models import (
    Distribution,
    Own,
    Survivors,
    at_least,
    bernoulli_tail,
    clopper_pearson,
    count_distribution,
    default_sets,
    exceedance,
    exceedance_given_default,
    excess_given_default,
    expected_payments,
    exponential,
    generalised_pareto,
    joint_default,
    large_portfolio_quantile,
    loss_exceedance,
    mean_given_default,
    mean_in_layer,
    normal,
    paths_needed,
    set_probabilities,
    student_t,
    tail_dependence,
    wilson,
)

VAR99 = float(special.ndtri(0.99))


def rounds_to(value: float, printed: str) -> bool:
    """Whether the value is within half a unit of the last digit printed."""
    digits = Decimal(printed)
    return abs(Decimal(value) - digits) <= Decimal((0, (5,), int(digits.as_tuple().exponent) - 1))


def alike(members: int, probability: float, correlation: float, degrees: float | None = None) -> list[float]:
    """The distribution of the number of defaults among members all alike."""
    loadings = [math.sqrt(correlation)] * members
    return [float(p) for p in count_distribution([probability] * members, loadings, degrees)]


@pytest.mark.parametrize(
    ("value", "printed", "agrees"),
    [(0.1249, "0.12", True), (0.1251, "0.12", False), (1.44e-4, "1.4e-4", True), (1.46e-4, "1.4e-4", False)],
)
def test_a_value_agrees_with_digits_that_it_rounds_to(value: float, printed: str, agrees: bool) -> None:
    assert rounds_to(value, printed) is agrees


# --- one loss through a stack of layers ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("attachment", "capacity", "mean", "attached"),
    [
        (0, 80, "34.586589", "1.000000"),
        (80, 30, "2.856297", ".135335"),
        (110, 25, "1.188390", ".063928"),
        (135, 200, "1.359502", ".034218"),
    ],
)
def test_an_exponential_loss_of_mean_40_uses_each_layer_as_printed(
    attachment: float, capacity: float, mean: str, attached: str
) -> None:
    """T1.2."""
    loss = exponential(40)
    assert rounds_to(mean_in_layer(loss, attachment, capacity), mean)
    assert rounds_to(exceedance(loss, attachment), attached)


def test_an_exponential_loss_of_mean_40_exhausts_the_last_layer_as_printed() -> None:
    """T1.2."""
    assert rounds_to(exceedance(exponential(40), 335), ".000231")


def _beyond_normal(k: float, mean: float, deviation: float) -> float:
    d = (k - mean) / deviation
    return float(deviation * (math.exp(-d * d / 2) / math.sqrt(2 * math.pi) - d * special.ndtr(-d)))


def _beyond_t(k: float, degrees: float) -> float:
    height = math.exp(special.gammaln((degrees + 1) / 2) - special.gammaln(degrees / 2))
    density = height / math.sqrt(degrees * math.pi) * (1 + k * k / degrees) ** (-(degrees + 1) / 2)
    return float((degrees + k * k) / (degrees - 1) * density - k * special.stdtr(degrees, -k))


def _beyond_pareto(k: float, shape: float, scale: float) -> float:
    return float(scale / (1 - shape) * max(0.0, 1 + shape * k / scale) ** (1 - 1 / shape))


@pytest.mark.parametrize(
    ("loss", "attachment", "capacity", "mean"),
    [
        pytest.param(exponential(40), 0, math.inf, 40, id="exponential, no limit"),
        pytest.param(exponential(40), 0, 1e-6, 1e-6, id="exponential, thin"),
        pytest.param(exponential(40), 4000, 1e9, 40 * math.exp(-100), id="exponential, remote and deep"),
        pytest.param(generalised_pareto(0, 40), 80, math.inf, 40 * math.exp(-2), id="pareto of shape 0"),
        pytest.param(
            generalised_pareto(0.25, 10), 5, 30, _beyond_pareto(5, 0.25, 10) - _beyond_pareto(35, 0.25, 10),
            id="pareto, heavy",
        ),
        pytest.param(generalised_pareto(0.25, 10), 5, math.inf, _beyond_pareto(5, 0.25, 10), id="pareto"),
        pytest.param(generalised_pareto(0.99, 1), 7, math.inf, _beyond_pareto(7, 0.99, 1), id="pareto, wild"),
        pytest.param(generalised_pareto(-0.5, 10), 5, 100, _beyond_pareto(5, -0.5, 10), id="pareto, bounded"),
        pytest.param(generalised_pareto(-2, 10), 1, 100, _beyond_pareto(1, -2, 10), id="pareto, cliff"),
        pytest.param(generalised_pareto(0.5, 10, 3), 1, math.inf, 2 + 20, id="pareto above a threshold"),
        pytest.param(normal(-3, 2), 0, math.inf, _beyond_normal(0, -3, 2), id="normal, positive part"),
        pytest.param(normal(1, 2), 3, 4, _beyond_normal(3, 1, 2) - _beyond_normal(7, 1, 2), id="normal"),
        pytest.param(student_t(4, 3), 6, math.inf, 3 * _beyond_t(2, 4), id="t of 4, scaled"),
        pytest.param(student_t(3, 2, 1), 5, 6, 2 * (_beyond_t(2, 3) - _beyond_t(5, 3)), id="t of 3, moved"),
        pytest.param(student_t(1, 1), 0, math.inf, math.inf, id="t of 1 has no mean"),
        pytest.param(
            student_t(1, 1), 0, 5, 2.5 - (5 * math.atan(5) - math.log(26) / 2) / math.pi, id="t of 1, limited"
        ),
        pytest.param(normal(0, 1), 1, 0, 0, id="a layer of nothing"),
    ],
)  # fmt: skip
def test_the_mean_in_a_layer_is_that_of_the_closed_form(
    loss: Distribution, attachment: float, capacity: float, mean: float
) -> None:
    assert mean_in_layer(loss, attachment, capacity) == pytest.approx(mean, rel=1e-10)


def test_a_layer_below_zero_is_refused_and_the_positive_part_exceeds_any_negative_level() -> None:
    assert exceedance(normal(-3, 2), -1) == 1
    with pytest.raises(ValueError, match="0 or above"):
        mean_in_layer(normal(0, 1), -1, 2)


# --- how many default ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("correlation", "members", "printed"),
    [
        (correlation, members, printed)
        for correlation, row in {
            0.0: ("1.4611e-5", "1.3370e-4", "1.0754e-3", "7.7118e-3", "4.6990e-2"),
            0.25: ("6.6919e-4", "3.4994e-3", "1.3391e-2", "3.9395e-2", "9.2555e-2"),
            0.5: ("3.0060e-3", "9.0237e-3", "2.1166e-2", "4.1786e-2", "7.2556e-2"),
        }.items()
        for members, printed in zip((10, 20, 40, 80, 160), row, strict=True)
    ],
)
def test_cover_2_of_alike_members_of_half_a_percent_fails_as_often_as_printed(
    correlation: float, members: int, printed: str
) -> None:
    """Section 2.5: it fails if 3 or more default."""
    assert rounds_to(at_least(np.array(alike(members, 0.005, correlation)), 3), printed)


FADING = {
    0.0: "1.0036e-3", 0.05: "5.0103e-4", 0.1: "1.2342e-4", 0.2: "3.0208e-5", 0.3: "1.9732e-5",
    0.5: "1.6597e-5", 1.0: "1.6549e-5",
}  # fmt: skip


def _cover_2_fails(fading: float) -> float:
    losses = [math.exp(-fading * k) for k in range(20)]
    return loss_exceedance([0.01] * 20, [0.0] * 20, losses, losses[0] + losses[1])


@pytest.mark.parametrize(("fading", "printed"), FADING.items())
def test_cover_2_of_fading_losses_fails_as_often_as_printed(fading: float, printed: str) -> None:
    """Section 2.5: 20 independent members of 1%, losses e^(-lambda k), more than the two largest."""
    assert rounds_to(_cover_2_fails(fading), printed)


def test_cover_2_fails_60_times_less_often_where_losses_are_concentrated() -> None:
    """Section 2.5."""
    assert round(_cover_2_fails(0.0) / _cover_2_fails(1.0), -1) == 60


@pytest.mark.parametrize(
    ("k", "printed"),
    [(1, ".1380115"), (2, ".03790951"), (3, ".01365012"), (4, ".005633973"), (5, ".002514760")],
)
def test_20_gaussian_members_of_1_percent_correlated_30_percent_default_together_as_printed(
    k: int, printed: str
) -> None:
    """T4.1."""
    assert rounds_to(at_least(np.array(alike(20, 0.01, 0.3)), k), printed)


def test_two_gaussian_members_default_together_as_printed() -> None:
    """T4.1."""
    assert rounds_to(joint_default(0.01, 0.01, 0.3), "5.563285e-4")
    assert rounds_to(alike(2, 0.01, 0.3)[2], "5.563285e-4")


def test_the_quantile_of_a_large_portfolio_is_as_printed() -> None:
    """T4.1: 99.9%, members of 1%, correlated 12%."""
    assert rounds_to(large_portfolio_quantile(0.01, 0.12, 0.999), ".090325831")


@pytest.mark.parametrize(("degrees", "printed"), [(4, ".024384"), (None, ".013650")])
def test_3_of_20_default_more_often_in_the_t_copula_as_printed(degrees: float | None, printed: str) -> None:
    """T4.1."""
    assert rounds_to(at_least(np.array(alike(20, 0.01, 0.3, degrees)), 3), printed)


def test_the_t_copula_of_4_degrees_depends_in_the_tail_as_printed() -> None:
    """T4.1."""
    assert rounds_to(tail_dependence(4, 0.3), ".161757")


def test_tail_dependence_is_where_joint_default_tends_in_the_t_copula_and_not_in_the_gaussian() -> None:
    assert joint_default(1e-14, 1e-14, 0.3, 4) / 1e-14 == pytest.approx(tail_dependence(4, 0.3), rel=1e-5)
    assert joint_default(1e-14, 1e-14, 0.3) / 1e-14 < 1e-7


def test_5_of_20_independent_members_default_as_often_as_printed() -> None:
    """T4.3."""
    assert rounds_to(bernoulli_tail(20, 0.01, 5), "1.367799e-6")
    assert rounds_to(at_least(np.array(alike(20, 0.01, 0.0)), 5), "1.367799e-6")


def test_5_of_20_correlated_members_default_as_often_as_printed() -> None:
    """T4.4: exact, and the standard error of 200 000 plain paths."""
    exact = at_least(np.array(alike(20, 0.01, 0.3)), 5)
    assert rounds_to(exact, ".00251476")
    assert rounds_to(math.sqrt(exact * (1 - exact) / 2e5), "1.12e-4")


# --- what needs no quadrature ----------------------------------------------------------------------------

CHANCES = (0.001, 0.02, 0.3, 0.02, 0.6)
LOADINGS = (0.9, 0.3, -0.4, 0.999, 0.0)


@pytest.mark.parametrize("degrees", [None, 0.5, 4, 1e6])
def test_with_odds_of_one_half_and_correlation_one_half_every_number_of_defaults_is_as_likely(
    degrees: float | None,
) -> None:
    assert alike(12, 0.5, 0.5, degrees) == pytest.approx([1 / 13] * 13, rel=1e-12)


@pytest.mark.parametrize("degrees", [None, 0.5, 4])
def test_three_members_of_one_half_default_together_as_sheppard_says(degrees: float | None) -> None:
    """Sheppard (1899): 1/8 + (sum of the arc sines of the three correlations) / 4 pi."""
    a, b, c = loadings = (0.9, -0.5, 0.2)
    orthant = 1 / 8 + (math.asin(a * b) + math.asin(a * c) + math.asin(b * c)) / (4 * math.pi)
    assert count_distribution([0.5] * 3, loadings, degrees)[3] == pytest.approx(orthant, rel=1e-11)


@pytest.mark.parametrize("degrees", [None, 0.1, 0.5, 1, 2.5, 4, 1e6])
@pytest.mark.parametrize(
    ("p1", "p2", "a", "b"),
    [
        (0.01, 0.03, 0.6, 0.5),
        (1e-4, 0.2, 0.9999, 0.9999),
        (0.01, 0.02, 0.7, -0.7),
        (0.02, 0.7, 0.0, 0.0),
        (0.8, 0.7, 0.5, -0.4),
        (0.02, 0.03, 1.0, 1.0),
    ],
)
def test_two_members_default_together_the_same_over_the_factor_as_over_the_correlation(
    p1: float, p2: float, a: float, b: float, degrees: float | None
) -> None:
    over_factor = count_distribution([p1, p2], [a, b], degrees)[2]
    over_correlation = joint_default(p1, p2, a * b, degrees)
    assert over_factor == pytest.approx(over_correlation, rel=1e-9, abs=1e-16)


@pytest.mark.parametrize("degrees", [None, 0.5, 3])
def test_members_that_are_the_factor_default_in_the_order_of_their_probabilities(
    degrees: float | None,
) -> None:
    counts = count_distribution([0.1, 0.04, 0.2], [1.0] * 3, degrees)
    assert counts == pytest.approx([0.8, 0.1, 0.06, 0.04], rel=1e-10)
    assert count_distribution([0.7, 0.4], [1.0, -1.0], degrees)[2] == pytest.approx(0.1, rel=1e-10)


@pytest.mark.parametrize("degrees", [None, 0.5, 4])
def test_the_sets_make_up_the_count_and_each_member_its_own_probability(degrees: float | None) -> None:
    sets, chances = default_sets(5), set_probabilities(CHANCES, LOADINGS, degrees)
    by_count = [chances[sets.sum(axis=1) == k].sum() for k in range(6)]
    assert by_count == pytest.approx(count_distribution(CHANCES, LOADINGS, degrees).tolist(), rel=1e-8)
    assert (chances @ sets).tolist() == pytest.approx(list(CHANCES), rel=1e-9)
    assert chances.sum() == pytest.approx(1, rel=1e-10)


def test_every_number_of_gaussian_defaults_is_that_of_a_fine_trapezium_however_rare() -> None:
    z, k = np.arange(-38, 38, 0.01)[:, None], np.arange(21)
    distance = (special.ndtri(0.005) - 0.5 * z) / math.sqrt(0.75)
    given = special.xlogy(k, special.ndtr(distance)) + special.xlogy(20 - k, special.ndtr(-distance))
    terms = special.comb(20, k) * np.exp(given - z * z / 2) / math.sqrt(2 * math.pi)
    counts = count_distribution([0.005] * 20, [0.5] * 20)
    assert counts.tolist() == pytest.approx((0.01 * terms.sum(axis=0)).tolist(), rel=1e-10, abs=0)
    assert counts[20] < 1e-9


def test_a_t_copula_without_loadings_still_makes_defaults_come_together() -> None:
    assert alike(2, 0.01, 0.0)[2] == pytest.approx(1e-4, rel=1e-12)
    assert alike(2, 0.01, 0.0, 4)[2] > 5e-4


@pytest.mark.parametrize(
    ("chances", "loadings", "degrees"),
    [
        ([0.1], [0.1, 0.2], None),
        ([0.0], [0.1], None),
        ([0.1], [1.1], None),
        ([0.1], [0.1], -1),
        ([0.1], [0.1], 0),
    ],
)
def test_what_is_no_copula_is_refused(
    chances: Sequence[float], loadings: Sequence[float], degrees: float | None
) -> None:
    with pytest.raises(ValueError, match=r"probabilit|degrees"):
        count_distribution(chances, loadings, degrees)


# --- who pays ------------------------------------------------------------------------------------------


def test_two_members_that_default_on_the_toss_of_a_coin_use_layers_as_worked_by_hand() -> None:
    """A costs 10, B 20; the fund is 6 of A and 4 of B, behind 5 of the house.

    A alone: 5, 4 of B, 1 uncovered. B alone: 5, 6 of A, 9 uncovered. Both: 5, nobody, 25 uncovered.
    """
    paid = expected_payments([0.5, 0.5], [0, 0], [10, 20], [6, 4], [Own(5), Survivors()])
    assert paid.use.tolist() == pytest.approx([15 / 4, 10 / 4])
    assert paid.hit.tolist() == pytest.approx([3 / 4, 2 / 4])
    assert paid.full.tolist() == pytest.approx([3 / 4, 2 / 4])
    assert paid.beyond.tolist() == pytest.approx([3 / 4, 3 / 4])
    assert paid.payments.tolist() == [[0, 0], pytest.approx([6 / 4, 4 / 4])]
    assert (paid.uncovered, paid.loss) == pytest.approx((35 / 4, 60 / 4))


@pytest.mark.parametrize(
    ("loss", "called", "uncovered", "full", "beyond"),
    [
        (30, 0, 0, [1, 1, 0], [1, 0, 0]),
        (60, 30, 0, [1, 1, 0], [1, 1, 0]),
        (70, 40, 0, [1, 1, 1], [1, 1, 0]),
        (71, 40, 1, [1, 1, 1], [1, 1, 1]),
    ],
)
def test_survivors_pay_pro_rata_and_calls_come_after_the_fund(
    loss: float, called: float, uncovered: float, full: list[float], beyond: list[float]
) -> None:
    """Only A, of 10%, can cost anything: 10 of the house, 20 of B and C's fund and twice that in calls."""
    layers = (Own(10), Survivors(), Survivors(2))
    paid = expected_payments([0.1, 1e-15, 1e-15], [0, 0, 0], [loss, 0, 0], [5, 15, 5], layers)
    assert (10 * paid.use).tolist() == pytest.approx([10, 20, called], abs=1e-10)
    assert (10 * paid.full).tolist() == pytest.approx(full, abs=1e-10)
    assert (10 * paid.beyond).tolist() == pytest.approx(beyond, abs=1e-10)
    by_member = [[0, 0, 0], [0, 15, 5], [0, 0.75 * called, 0.25 * called]]
    assert (10 * paid.payments).tolist() == [pytest.approx(row, abs=1e-10) for row in by_member]
    assert 10 * paid.uncovered == pytest.approx(uncovered, abs=1e-10)


@pytest.mark.parametrize("degrees", [None, 3])
def test_of_a_correlated_model_every_expected_unit_is_paid_by_someone_or_uncovered(
    degrees: float | None,
) -> None:
    losses, contributions = (30, 12, 7, 25, 3), (10, 6, 4, 8, 2)
    layers = (Own(5), Survivors(), Own(9), Survivors(1.5))
    paid = expected_payments(CHANCES, LOADINGS, losses, contributions, layers, degrees)
    assert paid.loss == pytest.approx(
        sum(p * loss for p, loss in zip(CHANCES, losses, strict=True)), rel=1e-9
    )
    assert paid.use.sum() + paid.uncovered == pytest.approx(paid.loss, rel=1e-12)
    assert paid.payments.sum(axis=1).tolist() == pytest.approx([0, paid.use[1], 0, paid.use[3]], rel=1e-12)
    assert (paid.full <= paid.hit).all()
    assert (paid.hit[1:] <= paid.beyond[:-1]).all()
    assert paid.beyond[0] == pytest.approx(loss_exceedance(CHANCES, LOADINGS, losses, 5, degrees), rel=1e-12)


def test_twelve_correlated_members_are_not_too_many() -> None:
    chances, loadings = [0.01 * (1 + i) for i in range(12)], [0.05 * i for i in range(12)]
    paid = expected_payments(chances, loadings, [100] * 12, [10] * 12, [Own(50), Survivors(), Survivors(2)])
    counts = count_distribution(chances, loadings)
    assert paid.hit[0] == pytest.approx(at_least(counts, 1), rel=1e-10)
    assert paid.loss == pytest.approx(100 * sum(chances), rel=1e-10)


# --- wrong-way risk ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rho", "mean", "exceeded", "excess"),
    [
        (0.0, "0.000000", ".010000", ".003389"),
        (0.25, ".666304", ".043752", ".017401"),
        (0.5, "1.332607", ".129392", ".057261"),
        (0.75, "1.998911", ".317065", ".146834"),
    ],
)
def test_what_a_defaulter_of_1_percent_loses_grows_with_wrong_way_correlation_as_printed(
    rho: float, mean: str, exceeded: str, excess: str
) -> None:
    """T4.2, beyond the 99% quantile."""
    assert rounds_to(mean_given_default(0.01, rho), mean)
    assert rounds_to(exceedance_given_default(0.01, rho, VAR99), exceeded)
    assert rounds_to(excess_given_default(0.01, rho, VAR99), excess)


@pytest.mark.parametrize("rho", [-0.6, 0.3, 0.99])
def test_exceeding_a_level_at_default_is_a_joint_default(rho: float) -> None:
    """-X is a second latent variable, correlated rho with the first."""
    for k in (-1.0, 0.5, 4.0):
        both = joint_default(0.02, float(special.ndtr(-k)), rho) / 0.02
        assert exceedance_given_default(0.02, rho, k) == pytest.approx(both, rel=1e-8)


def test_the_excess_over_a_level_never_reached_from_below_is_the_mean_less_the_level() -> None:
    assert excess_given_default(0.02, 0.4, -30) == pytest.approx(
        mean_given_default(0.02, 0.4) + 30, rel=1e-11
    )


def test_a_loss_that_is_the_latent_variable_exceeds_surely_at_default_up_to_the_threshold() -> None:
    assert exceedance_given_default(0.01, 1, VAR99) == pytest.approx(1, rel=1e-10)
    assert exceedance_given_default(0.01, 1, 3) == pytest.approx(float(special.ndtr(-3)) / 0.01, rel=1e-10)


# --- how sure a count of paths is ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "confidence", "low", "high"),
    [(0, 0.95, None, "3.688199e-4"), (0, 0.9, None, "2.995284e-4"), (7, 0.95, "2.814811e-4", "1.441732e-3")],
)
def test_the_clopper_pearson_interval_of_10_000_paths_is_as_printed(
    successes: int, confidence: float, low: str | None, high: str
) -> None:
    """T4.5; the one-sided bound of 95% is the upper end of the interval of 90%."""
    lower, upper = clopper_pearson(successes, 10_000, confidence)
    assert rounds_to(upper, high)
    assert lower == 0 if low is None else rounds_to(lower, low)


@pytest.mark.parametrize(
    ("successes", "low", "high"), [(0, None, "3.839984e-4"), (7, "3.391263e-4", "1.444334e-3")]
)
def test_the_wilson_interval_of_10_000_paths_is_as_printed(
    successes: int, low: str | None, high: str
) -> None:
    """T4.5; for 7 it prints an upper end of 1.444335e-3, but 40 digits give 1.44433444127e-3."""
    lower, upper = wilson(successes, 10_000)
    assert rounds_to(upper, high)
    assert lower == 0 if low is None else rounds_to(lower, low)


def test_plain_paths_for_10_percent_at_one_in_10_000_are_as_many_as_printed() -> None:
    """T4.5."""
    assert rounds_to(paths_needed(1e-4, 0.1), "3.84e6")


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 5), (1, 30), (15, 30), (29, 30), (30, 30), (180, 200_000)]
)
def test_the_clopper_pearson_interval_is_made_of_beta_quantiles(successes: int, trials: int) -> None:
    """Ends from quantiles of beta distributions, where the oracle looks for roots of binomial tails."""
    low = special.betaincinv(successes, trials - successes + 1, 0.025) if successes else 0
    high = special.betaincinv(successes + 1, trials - successes, 0.975) if successes < trials else 1
    assert clopper_pearson(successes, trials) == pytest.approx((low, high), rel=1e-9)


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (1, 30), (30, 30), (180, 200_000)])
def test_the_ends_of_the_wilson_interval_are_as_far_from_the_share_as_their_own_error_says(
    successes: int, trials: int
) -> None:
    z, share = float(special.ndtri(0.975)), successes / trials
    for end in wilson(successes, trials):
        assert (share - end) ** 2 == pytest.approx(z * z * end * (1 - end) / trials, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("p", [0.0, 1e-300, 0.003, 0.5, 0.9, 1.0])
def test_a_bernoulli_tail_is_the_sum_of_its_terms(p: float) -> None:
    for k in range(-1, 9):
        terms = [math.comb(7, j) * p**j * (1 - p) ** (7 - j) for j in range(max(k, 0), 8)]
        assert bernoulli_tail(7, p, k) == pytest.approx(math.fsum(terms), rel=1e-12, abs=0)
