"""Every estimator of skerry.weights against an analytic truth, Z standard errors wide."""

import numpy as np
import pytest
import scipy.stats as st
from scipy.special import logsumexp

from skerry import weights
from skerry.errors import InputError

Z = 5.0


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def test_check_names_the_bad_index():
    with pytest.raises(InputError, match=r"got 1 NaN or \+inf of 3, the first at index 1"):
        weights.check(np.array([0.0, np.nan, 1.0]))
    with pytest.raises(InputError, match=r"shape \(n,\), n >= 1; got shape \(0,\)"):
        weights.check(np.array([]))
    assert weights.check(np.array([-np.inf, 0.0])).shape == (2,)


def test_normalized_weights_add_up_to_one(rng):
    log_w = weights.normalize(rng.normal(0, 300, 100))
    assert logsumexp(log_w) == pytest.approx(0, abs=1e-12)
    assert np.all(weights.normalize(np.full(3, -np.inf)) == -np.inf)


@pytest.mark.parametrize(
    ("log_w", "expected"),
    [
        (np.zeros(10), 10.0),
        (np.full(10, -1e4), 10.0),
        (np.array([0.0, -np.inf, -np.inf]), 1.0),
        (np.log([0.5, 0.25, 0.25]), 1 / 0.375),
        (np.full(4, -np.inf), 0.0),
    ],
)
def test_effective_sample_size(log_w, expected):
    assert weights.effective_sample_size(log_w) == pytest.approx(expected)


def test_max_share():
    assert weights.max_share(np.log([1.0, 3.0])) == pytest.approx(0.75)
    assert weights.max_share(np.full(2, -np.inf)) == 1.0


def gaussian_log_weights(rng, n, *shape):
    """Draws of N(0,1) weighted by a N(1, .5) likelihood: Z = N(1; 0, 1.25)."""
    theta = rng.normal(size=(*shape, n))
    return theta, st.norm(1, 0.5).logpdf(theta)


def test_evidence_is_unbiased_with_an_honest_error(rng):
    _, log_w = gaussian_log_weights(rng, 2000, 256)
    truth = st.norm(0, np.sqrt(1.25)).logpdf(1)
    estimates = np.array([weights.evidence(row) for row in log_w])
    means = np.exp(estimates[:, 0] - truth)
    assert abs(means.mean() - 1) < Z * means.std() / 16
    z = (estimates[:, 0] - truth) / estimates[:, 1]
    assert abs(z.std() - 1) < Z / np.sqrt(2 * 256)


def test_a_flat_likelihood_has_log_evidence_zero():
    assert weights.evidence(np.zeros(50)) == (0.0, 0.0)


def test_zero_weights_count(rng):
    """A likelihood that is zero on a half-space: Z = 1/2, not 1."""
    log_w = np.where(rng.normal(size=10_000) > 0, 0.0, -np.inf)
    value, error = weights.evidence(log_w)
    assert abs(value - np.log(0.5)) < Z * error
    assert error == pytest.approx(1 / np.sqrt(10_000), rel=0.1)
    assert weights.evidence(np.full(3, -np.inf)) == (-np.inf, np.inf)


def test_tempering_reaches_the_size_asked_for(rng):
    theta = rng.normal(size=20_000)
    log_l = st.norm(3, 0.01).logpdf(theta)
    beta = weights.tempering_beta(np.zeros(20_000), log_l, 1000)
    assert weights.effective_sample_size(beta * log_l) == pytest.approx(1000, rel=1e-3)
    assert weights.tempering_beta(np.zeros(20_000), 1e-3 * theta, 1000) == 1.0
    assert weights.tempering_beta(np.zeros(20_000), 1e9 * log_l, 19_999, low=0.5) == 0.5


def test_tempering_keeps_zero_likelihood_at_zero_weight(rng):
    log_l = np.where(np.arange(1000) < 500, 0.0, -np.inf)
    assert weights.tempering_beta(np.zeros(1000), log_l, 600) < 1e-5
    assert weights.tempering_beta(np.zeros(1000), log_l, 500) == 1.0


def test_deterministic_mixture_is_unbiased_and_beats_its_worst_round(rng):
    """A proposal that misses half the target does no harm beside the prior's draws."""
    target = st.norm(0, 1)
    wide, shifted = st.norm(0, 3), st.norm(2, 0.3)
    means = []
    for _ in range(256):
        theta = np.concatenate(
            [wide.rvs(300, random_state=rng), shifted.rvs(700, random_state=rng)]
        )
        log_g = np.stack([wide.logpdf(theta), shifted.logpdf(theta)])
        log_w = weights.deterministic_mixture(target.logpdf(theta), log_g, np.array([300, 700]))
        means.append(np.exp(weights.evidence(log_w).log_evidence))
        assert np.exp(log_w).max() < 3 / 0.3 + 1e-9
    assert abs(np.mean(means) - 1) < Z * np.std(means) / 16


def test_deterministic_mixture_checks_its_shapes():
    with pytest.raises(InputError, match="counts adding up to 3, n = 2"):
        weights.deterministic_mixture(np.zeros(2), np.zeros((1, 2)), np.array([3]))


def test_systematic_counts_differ_by_less_than_one_and_are_unbiased(rng):
    log_w = weights.normalize(rng.normal(0, 2, 50))
    counts = np.array(
        [
            np.bincount(weights.systematic_resample(log_w, 200, rng), minlength=50)
            for _ in range(256)
        ]
    )
    expected = 200 * np.exp(log_w)
    assert np.all(np.abs(counts - expected) < 1)
    assert np.all(np.abs(counts.mean(0) - expected) < Z * 0.5 / 16 + 1e-12)


def test_systematic_never_takes_a_zero_weight(rng):
    log_w = np.array([-np.inf, 0.0, -np.inf, 0.0, -np.inf])
    assert set(weights.systematic_resample(log_w, 1000, rng)) == {1, 3}


@pytest.mark.parametrize("k", [0.2, 0.5, 0.9])
def test_khat_recovers_the_tail_of_pareto_weights(rng, k):
    found = [
        weights.pareto_khat(np.log(st.genpareto(k).rvs(20_000, random_state=rng)))
        for _ in range(20)
    ]
    bias = 0.02  # the weak prior of the estimator: 10 points at 0.5 beside 424 in the tail
    assert abs(np.mean(found) - k) < Z * np.std(found) / np.sqrt(20) + bias


def test_khat_sees_light_and_hopeless_weights(rng):
    _, log_w = gaussian_log_weights(rng, 10_000)
    assert weights.pareto_khat(log_w) < 0.5
    assert weights.pareto_khat(1e6 * log_w) > 0.7  # 76 of 10,000 weights are not zero
    assert weights.pareto_khat(np.zeros(100)) == 0.0
    assert weights.pareto_khat(np.r_[np.zeros(5), np.full(100, -np.inf)]) == np.inf


def test_group_masses_have_honest_errors(rng):
    theta, log_w = gaussian_log_weights(rng, 1000, 256)
    truth = st.norm(0.8, np.sqrt(0.2)).sf(1.0)
    found = [
        weights.group_masses(row, (t > 1).astype(int), 2)
        for t, row in zip(theta, log_w, strict=True)
    ]
    mass = np.array([f.mass[1] for f in found])
    z = (mass - truth) / np.array([f.error[1] for f in found])
    assert abs(mass.mean() - truth) < Z * mass.std() / 16 + 1e-3
    assert abs(z.std() - 1) < Z / np.sqrt(2 * 256)
    assert all(f.mass.sum() == pytest.approx(1) for f in found)


def drawn_in_order(rng, n):
    """Weights and labels of two islands, 70% and 30%, each drawn from as often as its mass says.

    The wider island's weights vary, and 2% of the points are drawn from either at random.
    """
    near = np.repeat([True, False], [round(0.7 * n), n - round(0.7 * n)])
    near = np.where(rng.uniform(size=n) < 0.02, rng.uniform(size=n) < 0.7, near)
    z = rng.standard_normal(n)
    ratio = st.norm(0, 0.8).logpdf(z) - st.norm.logpdf(z)
    return np.where(near, ratio, 0.0), np.where(near, 0, 1)


def test_masses_of_ordered_draws_have_honest_errors(rng):
    rounds = np.array([400, 1, 800])
    ordered, plain, mass = [], [], []
    for _ in range(400):
        parts = [drawn_in_order(rng, n) for n in rounds]
        log_w, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
        found = weights.group_masses(log_w, labels, 2, rounds)
        mass.append(found.mass[1])
        ordered.append(found.error[1])
        plain.append(weights.group_masses(log_w, labels, 2).error[1])
    spread = np.std(mass)
    assert abs(np.mean(ordered) / spread - 1) < Z / np.sqrt(2 * 400)
    assert np.mean(plain) > 1.5 * spread


def test_drifting_masses_have_the_spread_of_independent_factors(rng):
    mass, shift, n = np.array([0.6, 0.35, 0.05]), np.array([0.02, 0.03, 0.05]), 20_000
    factors = mass * np.exp(shift * rng.standard_normal((n, 3)))
    spread = np.std(factors / factors.sum(axis=1, keepdims=True), axis=0)
    found = weights.drifted(weights.Masses(mass, np.zeros(3)), shift).error
    second_order = 1 + 2 * shift.max()
    assert np.all(np.abs(found / spread - 1) < Z / np.sqrt(2 * n) * second_order + shift**2)
    own = weights.drifted(weights.Masses(mass, 2 * found), shift).error
    np.testing.assert_allclose(own, np.sqrt(5) * found)


def test_islands_of_different_height_are_no_heavy_tail(rng):
    """A wide, low island whose flat top is where the tail begins, and a high narrow one."""
    low = np.log(rng.uniform(0.98, 1.0, 4000))
    high = np.log(25) + rng.uniform(-3, 0, 1000)
    log_w = np.concatenate([low, high, np.full(595_000, -30.0)])
    assert weights.pareto_khat(log_w) < 0.7
