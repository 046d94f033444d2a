"""Each metric against a closed form, within Z standard errors, and a wrong value caught."""

import itertools

import numpy as np
import pytest
import scipy.stats as st
from scipy.integrate import quad

from skerry import metrics
from skerry.errors import InputError

Z = 5.0
P, Q = st.norm(0.0, 1.0), st.norm(1.5, 2.0)


def draws(n=200_000, seed=0):
    rng = np.random.default_rng(seed)
    x, y = P.rvs(n, random_state=rng), Q.rvs(n, random_state=rng)
    return P.logpdf(x), Q.logpdf(x), P.logpdf(y), Q.logpdf(y)


def repeated(estimator, n_repeats, seed=0):
    """Mean and standard error of an estimator over independent repeats."""
    streams = np.random.default_rng(seed).spawn(n_repeats)
    values = np.array([estimator(rng) for rng in streams])
    return values.mean(), values.std(ddof=1) / np.sqrt(n_repeats)


def agrees(value, truth, error):
    return abs(value - truth) < Z * error


def integral(f):
    return quad(f, -30, 30, points=[0, 1.5], limit=200)[0]


KL_TRUTH = np.log(2.0) + (1.0 + 1.5**2) / 8.0 - 0.5
JS_TRUTH = 0.5 * integral(
    lambda x: sum(
        d.pdf(x) * (d.logpdf(x) + np.log(2) - np.logaddexp(P.logpdf(x), Q.logpdf(x)))
        for d in (P, Q)
    )
)
TV_TRUTH = 0.5 * integral(lambda x: abs(P.pdf(x) - Q.pdf(x)))
HELLINGER_TRUTH = np.sqrt(1.0 - np.sqrt(2 * 2.0 / 5.0) * np.exp(-(1.5**2) / 20.0))


def test_kl_matches_the_closed_form_and_its_error_is_right():
    log_p, log_q, *_ = draws()
    value, error = metrics.kl(log_p, log_q), metrics.kl_error(log_p, log_q)
    assert agrees(value, KL_TRUTH, error)
    assert not agrees(value, KL_TRUTH + 0.05, error)
    spread = repeated(lambda rng: metrics.kl(*at_p(rng, 1000)), 200)[1] * np.sqrt(200)
    assert metrics.kl_error(*at_p(np.random.default_rng(5), 1000)) == pytest.approx(spread, rel=0.3)


def at_p(rng, n):
    x = P.rvs(n, random_state=rng)
    return P.logpdf(x), Q.logpdf(x)


def test_kl_takes_weighted_draws():
    x = Q.rvs(400_000, random_state=1)
    log_p, log_q = P.logpdf(x), Q.logpdf(x)
    weights = log_p - log_q + 123.0
    error = metrics.kl_error(log_p, log_q, weights)
    assert error < 0.01
    assert agrees(metrics.kl(log_p, log_q, weights), KL_TRUTH, error)


def test_kl_is_infinite_where_q_vanishes_unless_the_weight_does():
    assert metrics.kl([0.0, 0.0], [-np.inf, 0.0]) == np.inf
    assert metrics.kl_error([0.0, 0.0], [-np.inf, 0.0]) == np.inf
    assert metrics.kl([0.0, 0.0], [-np.inf, 0.0], [-np.inf, 0.0]) == 0.0


@pytest.mark.parametrize(
    ("metric", "truth"),
    [
        (metrics.js, JS_TRUTH),
        (metrics.total_variation, TV_TRUTH),
        (metrics.hellinger, HELLINGER_TRUTH),
    ],
)
def test_bounded_divergences_match_the_closed_form(metric, truth):
    value, error = repeated(lambda rng: metric(*at_both(rng, 20_000)), 20)
    assert agrees(value, truth, error)
    assert not agrees(value, 1.02 * truth, error)


def at_both(rng, n):
    return *at_p(rng, n), *(d.logpdf(y) for y in [Q.rvs(n, random_state=rng)] for d in (P, Q))


def test_total_variation_of_shifted_gaussians():
    value, error = repeated(lambda rng: shifted_variation(rng, 1.0), 20)
    assert agrees(value, 2 * st.norm.cdf(0.5) - 1, error)


def shifted_variation(rng, shift):
    x = rng.standard_normal(20_000)
    pairs = [(st.norm.logpdf(t), st.norm.logpdf(t, shift)) for t in (x, x + shift)]
    return metrics.total_variation(*pairs[0], *pairs[1])


@pytest.mark.parametrize(
    ("metric", "limit"),
    [(metrics.js, np.log(2)), (metrics.total_variation, 1.0), (metrics.hellinger, 1.0)],
)
def test_bounded_divergences_reach_both_ends(metric, limit):
    own, zero = np.zeros(5), np.full(5, -np.inf)
    assert metric(own, own, own, own) == 0.0
    assert metric(own, zero, zero, own) == pytest.approx(limit)
    assert metric(own, own - 1e4, own - 1e4, own) == pytest.approx(limit)


def test_weighted_bounded_divergences_agree_with_plain_ones():
    x, y = Q.rvs(400_000, random_state=2), Q.rvs(400_000, random_state=3)
    args = (P.logpdf(x), Q.logpdf(x), P.logpdf(y), Q.logpdf(y))
    value = metrics.total_variation(*args, log_weights_p=P.logpdf(x) - Q.logpdf(x))
    assert value == pytest.approx(TV_TRUTH, abs=0.01)


def test_wasserstein_on_a_line_matches_the_closed_form():
    def squared(rng):
        n = 50_000
        a, b = P.rvs(n, random_state=rng), Q.rvs(n, random_state=rng)
        return metrics.wasserstein(a, b) ** 2

    value, error = repeated(squared, 20)
    assert agrees(value, 1.5**2 + 1.0, error)
    assert not agrees(value, 1.5**2, error)


def test_wasserstein_of_order_one_on_a_line_is_scipys():
    rng = np.random.default_rng(0)
    a, b, wa, wb = rng.normal(size=40), rng.normal(size=60), rng.random(40), rng.random(60)
    truth = st.wasserstein_distance(a, b, wa, wb)
    assert metrics.wasserstein(a, b, 1, weights_a=wa, weights_b=wb) == pytest.approx(truth)


@pytest.mark.parametrize("order", [1, 2])
def test_wasserstein_is_the_best_matching(order):
    a, b = np.random.default_rng(1).normal(size=(2, 6, 3))
    costs = [
        np.mean(np.linalg.norm(a - b[list(p)], axis=1) ** order)
        for p in itertools.permutations(range(6))
    ]
    assert metrics.wasserstein(a, b, order) == pytest.approx(min(costs) ** (1 / order))


@pytest.mark.parametrize("order", [1, 2])
def test_wasserstein_weights_count_as_repeats(order):
    a, b = np.random.default_rng(2).normal(size=(2, 5, 2))
    counts = np.array([1, 2, 3, 1, 1])
    repeated_value = metrics.wasserstein(np.repeat(a, counts, axis=0), b, order)
    assert metrics.wasserstein(a, b, order, weights_a=counts) == pytest.approx(repeated_value)


def test_wasserstein_between_gaussians_in_the_plane():
    """W2^2 = |shift|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2); here A = 1, B = diag(4, 1/4)."""

    def squared(rng):
        a = rng.standard_normal((800, 2))
        b = rng.standard_normal((800, 2)) * [2.0, 0.5] + [8.0, 0.0]
        return metrics.wasserstein(a, b) ** 2

    value, error = repeated(squared, 10)
    assert agrees(value, 64.0 + 1.0 + 0.25, error)


def test_wasserstein_refuses_what_takes_too_long():
    with pytest.raises(InputError, match="subsample to about 4,000 each, or use sliced"):
        metrics.wasserstein(np.zeros((5000, 2)), np.zeros((5000, 2)))


def test_sliced_wasserstein_of_a_shift():
    """Projections of a shift s: mean (v.s)^2 is |s|^2/d, variance 2|s|^4 (d-1) / (d^2 (d+2))."""
    a, shift, d, n = np.random.default_rng(0).normal(size=(50, 3)), np.array([2.0, 1, 0]), 3, 2000
    value = metrics.sliced_wasserstein(a, a + shift, n_projections=n) ** 2
    error = np.sqrt(2 * 5.0**2 * (d - 1) / (d**2 * (d + 2)) / n)
    assert agrees(value, 5.0 / 3, error)
    assert not agrees(value, 5.0 / 2, error)
    assert metrics.sliced_wasserstein(a, a) == pytest.approx(0.0, abs=1e-7)


def test_mmd_matches_the_closed_form():
    """E k(x, y) = (h^2 / (h^2 + s^2))^(d/2) exp(-|m|^2 / (2 (h^2 + s^2))) for x - y ~ N(m, s^2)."""
    d, h, shift, sd = 3, 1.3, 0.7, 1.5

    def mean_kernel(variance, distance2):
        total = h**2 + variance
        return (h**2 / total) ** (d / 2) * np.exp(-distance2 / (2 * total))

    truth = mean_kernel(2, 0) + mean_kernel(2 * sd**2, 0) - 2 * mean_kernel(1 + sd**2, d * shift**2)

    def estimate(rng):
        a, b = rng.standard_normal((300, d)), shift + sd * rng.standard_normal((400, d))
        return metrics.mmd(a, b, h)

    value, error = repeated(estimate, 100)
    assert agrees(value, truth, error)
    assert not agrees(value, 1.2 * truth, error)
    same, error = repeated(lambda rng: metrics.mmd(*rng.standard_normal((2, 100, 2))), 200)
    assert agrees(same, 0.0, error)


def test_energy_distance_matches_the_closed_form():
    def mean_distance(mean, sd):
        return st.foldnorm(abs(mean) / sd, scale=sd).mean()

    truth = (
        2 * mean_distance(1.5, np.sqrt(5)) - mean_distance(0, np.sqrt(2)) - mean_distance(0, 8**0.5)
    )

    def estimate(rng):
        return metrics.energy_distance(P.rvs(500, random_state=rng), Q.rvs(600, random_state=rng))

    value, error = repeated(estimate, 100)
    assert agrees(value, truth, error)
    assert not agrees(value, 1.1 * truth, error)


@pytest.mark.parametrize(
    "metric",
    [
        lambda a, b, w: metrics.mmd(a, b, 1.0, log_weights_a=w),
        lambda a, b, w: metrics.energy_distance(a, b, log_weights_a=w),
    ],
)
def test_pair_metrics_take_weights(metric):
    """Draws of N(0, 2^2) weighted to N(0, 1) agree in the mean with N(0, 1)."""

    def estimate(rng):
        a, b = 2.0 * rng.standard_normal(2000), rng.standard_normal(500)
        return metric(a, b, st.norm.logpdf(a) - st.norm.logpdf(a, scale=2.0))

    value, error = repeated(estimate, 40)
    assert agrees(value, 0.0, error)


def test_pair_metrics_do_not_depend_on_the_block(monkeypatch):
    a, b = np.random.default_rng(0).normal(size=(2, 100, 2))
    whole = metrics.mmd(a, b), metrics.energy_distance(a, b)
    monkeypatch.setattr("skerry.metrics.pairwise.BLOCK_PAIRS", 700)
    assert (metrics.mmd(a, b), metrics.energy_distance(a, b)) == pytest.approx(whole)


@pytest.mark.statistical
@pytest.mark.parametrize(("shift", "room"), [(0.0, 0.0), (1.0, 0.01), (8.0, 0.001)])
def test_c2st_is_the_best_possible_accuracy(shift, room):
    """Bayes accuracy Phi(shift / 2); a trained network may fall short of it by some room."""
    n = 2000
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, n, 2))
    truth = st.norm.cdf(shift / 2)
    error = np.sqrt(truth * (1 - truth) / (2 * n))
    value = metrics.c2st(a, b + np.array([shift, 0.0]))
    assert -Z * error - room <= value - truth <= Z * error + 1e-9
    assert value == metrics.c2st(a, b + np.array([shift, 0.0]))


def test_mode_masses_and_errors():
    labels = np.repeat([0, 1, 3], [50, 30, 20])
    masses, errors = metrics.mode_masses(labels, 4), metrics.mode_mass_errors(labels, 4)
    np.testing.assert_allclose(masses, [0.5, 0.3, 0.0, 0.2])
    np.testing.assert_allclose(errors, np.sqrt(masses * (1 - masses) / 100))
    doubled = metrics.mode_masses([0, 1], 2, np.log([3.0, 1.0]))
    np.testing.assert_allclose(doubled, [0.75, 0.25])


def test_mode_recall_sees_a_lost_mode():
    true = [0.5, 0.3, 0.2]
    assert metrics.mode_recall(true, true) == 1.0
    assert metrics.mode_recall(true, [0.7, 0.3, 0.0]) == pytest.approx(2 / 3)
    assert metrics.mode_recall(true, [0.6, 0.3, 0.1], tolerance=0.1) == pytest.approx(2 / 3)


def test_bridge_mass_is_what_lies_outside():
    """q puts 5% of its points where p = N(0, 1) has nothing."""
    level = st.norm.logpdf(st.norm.ppf(0.9995))
    inside = np.random.default_rng(0).standard_normal(950_000)
    q = np.concatenate([inside, np.full(50_000, 8.0)])
    error = np.sqrt(0.001 / q.size)
    assert agrees(metrics.bridge_mass(st.norm.logpdf(q), level), 0.95 * 0.001 + 0.05 - 0.001, error)
    assert agrees(metrics.bridge_mass(st.norm.logpdf(inside), level), 0.0, error)


def test_effective_sample_share():
    assert metrics.effective_sample_share(np.full(7, -1e5)) == pytest.approx(1.0)
    assert metrics.effective_sample_share([0.0, -np.inf, -np.inf, -np.inf]) == pytest.approx(0.25)
    assert metrics.effective_sample_share([-np.inf, -np.inf]) == 0.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: metrics.kl([0.0], [0.0, 1.0]), r"Expected log_q of shape \(1,\); got \(2,\)"),
        (lambda: metrics.kl([np.nan], [0.0]), "without NaN; got 1 of 1"),
        (lambda: metrics.kl([-np.inf], [0.0]), "finite log_p at its own draws"),
        (lambda: metrics.kl([0.0], [0.0], [-np.inf]), "some finite log_weights"),
        (lambda: metrics.wasserstein(np.eye(2), np.eye(3)), "same number of dimensions"),
        (lambda: metrics.wasserstein(np.eye(2), np.eye(2), order=3), "Expected order 1 or 2"),
        (lambda: metrics.wasserstein(np.eye(2), np.eye(2), weights_a=[-1, 2]), "not log weights"),
        (lambda: metrics.mmd(np.eye(2), np.eye(2), 0.0), "bandwidth > 0"),
        (lambda: metrics.c2st(np.ones((9, 2)), np.eye(2)), "vary in each dimension"),
        (lambda: metrics.mode_masses([0, 3], 3), "labels from 0 to 2; got from 0 to 3"),
        (lambda: metrics.mode_masses([0.5], 3), "labels .* of integers"),
        (lambda: metrics.energy_distance([1.0, np.inf], [0.0, 1.0]), "finite points in a"),
        (lambda: metrics.mode_recall([1.0], [1.0], 1.0), "tolerance from 0 to below 1"),
    ],
)
def test_wrong_arguments_are_explained(call, text):
    with pytest.raises(InputError, match=text):
        call()
