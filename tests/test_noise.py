import numpy as np
import pytest
import scipy.stats as st
from scipy.integrate import quad

from skerry.errors import InputError, ProblemError, UnsupportedError
from skerry.noise import Binomial, Custom, Gaussian, LogNormal, Poisson, SplitNormal, StudentT

COVARIANCE = np.array([[1.0, 0.6, 0.1], [0.6, 2.0, -0.3], [0.1, -0.3, 0.5]])
CUSTOM = Custom(
    lambda x, prediction: st.norm.logpdf(x, prediction, 2.0).sum(axis=1),
    lambda prediction, generator: generator.normal(prediction, 2.0),
)
PREDICTION = np.random.default_rng(0).uniform(1, 6, (5, 3))
X = np.array([2.0, 3.0, 1.0])
TRIALS = np.array([10, 12, 5])


class SplitReference:
    """Two half normals of scipy's, weighed by their widths."""

    def __init__(self, prediction, lower, upper):
        self.args = prediction, np.asarray(lower), np.asarray(upper)

    def logpdf(self, x):
        prediction, lower, upper = self.args
        sigma = np.where(x < prediction, upper, lower)
        return np.log(2 * sigma / (lower + upper)) + st.norm.logpdf(x, prediction, sigma)


MODELS = {
    "scalar": (Gaussian(0.7), lambda p: st.norm(p, 0.7)),
    "vector": (Gaussian([0.5, 1.0, 2.0]), lambda p: st.norm(p, [0.5, 1.0, 2.0])),
    "poisson": (Poisson(), st.poisson),
    "student": (StudentT([0.5, 1.0, 2.0], 3.5), lambda p: st.t(3.5, p, [0.5, 1.0, 2.0])),
    "binomial": (Binomial(TRIALS), lambda p: st.binom(TRIALS, p)),
    "lognormal": (LogNormal([0.2, 0.5, 1.0]), lambda p: st.lognorm([0.2, 0.5, 1.0], scale=p)),
    "split": (SplitNormal([0.5, 1, 2], 0.7), lambda p: SplitReference(p, [0.5, 1, 2], 0.7)),
    "custom": (CUSTOM, lambda p: st.norm(p, 2.0)),
}
ALL = {**{name: noise for name, (noise, _) in MODELS.items()}, "covariance": Gaussian(COVARIANCE)}
every_law = pytest.mark.parametrize("name", MODELS)


def about(noise):
    """Predictions (5, 3) this noise can scatter about: probabilities for a binomial one."""
    return PREDICTION / 8 if isinstance(noise, Binomial) else PREDICTION


def mean_of(noise):
    """The mean (3,) of observations about the first of those predictions."""
    first = about(noise)[0]
    if isinstance(noise, Binomial):
        return TRIALS * first
    if isinstance(noise, LogNormal):
        return first * np.exp(noise.sigma**2 / 2)
    if isinstance(noise, SplitNormal):
        return first + np.sqrt(2 / np.pi) * (noise.lower - noise.upper)
    return first


every_model = pytest.mark.parametrize("noise", ALL.values(), ids=ALL)


@every_law
def test_independent_noise_agrees_with_scipy(name):
    noise, reference = MODELS[name]
    law = reference(about(noise))
    expected = (law.logpmf if name in ("poisson", "binomial") else law.logpdf)(X).sum(axis=1)
    np.testing.assert_allclose(noise.log_prob(X, about(noise)), expected, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"split"}))
def test_draws_are_those_of_scipy(name):
    """The two-sample Kolmogorov-Smirnov test, one in 1e5 by chance; conservative for counts."""
    noise, reference = MODELS[name]
    draws = noise.sample(np.tile(about(noise)[:1], (20_000, 1)), seed=7)
    law = reference(about(noise)[:1])
    others = law.rvs((20_000, 3), random_state=np.random.default_rng(8))
    for ours, theirs in zip(draws.T, others.T, strict=True):
        assert st.ks_2samp(ours, theirs, method="asymp").pvalue > 1e-5


def test_correlated_noise_agrees_with_scipy():
    expected = [st.multivariate_normal(p, COVARIANCE).logpdf(X) for p in PREDICTION]
    np.testing.assert_allclose(Gaussian(COVARIANCE).log_prob(X, PREDICTION), expected, rtol=1e-12)
    diagonal = Gaussian(np.diag([0.25, 1.0, 4.0])).log_prob(X, PREDICTION)
    np.testing.assert_allclose(diagonal, ALL["vector"].log_prob(X, PREDICTION), rtol=1e-12)


@pytest.mark.parametrize(
    "noise", [Gaussian(0.7), Gaussian([[0.5]]), StudentT(0.4, 2.5), SplitNormal(0.4, 1.1)]
)
def test_densities_integrate_to_one(noise):
    mass = quad(lambda x: np.exp(noise.log_prob([x], [[1.3]])[0]), -np.inf, np.inf)[0]
    assert mass == pytest.approx(1, abs=1e-6)


def test_counts_sum_to_one():
    counts = np.arange(60.0)[:, None]
    values = Poisson().log_prob(counts, np.full((60, 1), 7.3))
    assert np.exp(values).sum() == pytest.approx(1, abs=1e-12)
    counts = np.arange(18.0)[:, None]
    values = Binomial(17).log_prob(counts, np.full((18, 1), 0.3))
    assert np.exp(values).sum() == pytest.approx(1, abs=1e-12)


def test_positive_noise_integrates_to_one():
    noise = LogNormal(0.6)
    mass = quad(lambda x: np.exp(noise.log_prob([x], [[1.3]])[0]), 0, np.inf)[0]
    assert mass == pytest.approx(1, abs=1e-6)


def test_positive_noise_at_and_below_zero():
    values = LogNormal(0.5).log_prob([[1.0], [0.0], [1.0]], [[1.0], [1.0], [0.0]])
    assert np.isfinite(values[0])
    np.testing.assert_array_equal(values[1:], -np.inf)
    with pytest.raises(InputError, match="Expected predictions > 0; got 0"):
        LogNormal(0.5).sample([[0.0]], 0)


def test_asymmetric_errors_hold_on_their_own_side():
    """A measurement 1 -0.1 +0.5: a prediction 0.5 above is as far as one 0.1 below."""
    above, below, here = SplitNormal(0.1, 0.5).log_prob([1.0], [[1.5], [0.9], [1.0]])
    assert above == pytest.approx(here - 0.5)
    assert below == pytest.approx(here - 0.5)


def test_binomial_at_and_beyond_its_edges():
    values = Binomial(3).log_prob([[0.0], [3.0], [1.0], [1.0]], [[0.0], [1.0], [0.0], [1.2]])
    np.testing.assert_array_equal(values, [0, 0, -np.inf, -np.inf])
    assert Binomial(3).score([[0.0], [3.0]], [[0.0], [1.0]]).tolist() == [[-3.0], [3.0]]
    for x in (-1.0, 4.0, 1.5):
        with pytest.raises(InputError, match="Expected whole counts from 0 to the trials"):
            Binomial(3).log_prob([x], [[0.5]])
    with pytest.raises(InputError, match=r"Expected predicted probabilities.*got 1.5 to 1.5"):
        Binomial(3).sample([[1.5]], 0)
    with pytest.raises(ProblemError, match="Expected trials to be whole numbers; got 2"):
        Binomial(2.5)
    with pytest.raises(ProblemError, match="Expected trials > 0, finite; got 0"):
        Binomial(0)
    with pytest.raises(ProblemError, match=r"Expected trials for 3 measurements.*got 2"):
        Binomial([2, 3]).log_prob(X, PREDICTION / 8)


@every_model
def test_observations_may_come_row_by_row(noise):
    x = np.random.default_rng(1).integers(0, 5, (5, 3)).astype(float)
    alone = [noise.log_prob(x[i], about(noise)[i : i + 1])[0] for i in range(5)]
    np.testing.assert_allclose(noise.log_prob(x, about(noise)), alone, rtol=1e-13)


@every_model
def test_predictions_that_are_not_finite_give_nan_there_alone(noise):
    bad = about(noise).copy()
    bad[1, 2], bad[3, 0] = np.nan, np.inf
    values = noise.log_prob(X, bad)
    assert np.isnan(values).tolist() == [False, True, False, True, False]
    np.testing.assert_array_equal(values[[0, 2, 4]], noise.log_prob(X, bad[[0, 2, 4]]))
    assert np.isnan(noise.log_prob(np.tile(X, (5, 1)), bad)).sum() == 2
    assert noise.log_prob(X, about(noise)[:0]).shape == (0,)


@every_model
def test_draws_have_the_score_and_entropy_of_the_density(noise):
    n = 20_000
    x = noise.sample(np.tile(about(noise)[0], (n, 1)), seed=2)
    assert x.shape == (n, 3)
    errors = x.std(axis=0) / np.sqrt(n)
    assert np.all(np.abs(x.mean(axis=0) - mean_of(noise)) < 5 * errors)
    shifted = about(noise)[0] * 1.02
    ratio = noise.log_prob(x, np.tile(shifted, (n, 1))) - noise.log_prob(
        x, np.tile(about(noise)[0], (n, 1))
    )
    weights = np.exp(ratio)  # the mean of p(x | b) / p(x | a) over p(x | a) is 1
    assert abs(weights.mean() - 1) < 5 * weights.std() / np.sqrt(n)


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"custom"}))
def test_scores_are_derivatives(name):
    noise, h = ALL[name], 1e-6
    numeric = np.stack(
        [
            (noise.log_prob(X, about(noise) + s) - noise.log_prob(X, about(noise) - s)) / (2 * h)
            for s in h * np.eye(3)
        ],
        axis=1,
    )
    np.testing.assert_allclose(noise.score(X, about(noise)), numeric, rtol=1e-6, atol=1e-6)


def test_the_same_seed_gives_the_same_noise():
    a, b, c = (Gaussian(1.0).sample(PREDICTION, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_poisson_at_and_below_zero():
    values = Poisson().log_prob([0.0, 0.0], [[0, 0], [1, 0], [-1, 0]])
    np.testing.assert_array_equal(values, [0, -1, -np.inf])
    assert Poisson().log_prob([1.0], [[0.0]])[0] == -np.inf
    assert np.isfinite(Poisson().log_prob([2.5], [[2.5]])[0])
    assert Poisson().score([0.0], [[0.0]])[0, 0] == -1
    with pytest.raises(InputError, match=r"Expected counts >= 0; got -1"):
        Poisson().log_prob([-1.0], [[1.0]])
    with pytest.raises(InputError, match="Expected predicted counts >= 0; got -2"):
        Poisson().sample([[-2.0]], 0)


@pytest.mark.parametrize(
    ("sigma", "text"),
    [
        (0.0, "Expected sigma > 0, finite; got 0.0"),
        (np.nan, "Expected sigma > 0, finite; got nan"),
        ([1.0, -1.0], r"Expected sigma > 0, finite; got \[1.0, -1.0\]"),
        ([], r"got shape \(0,\)"),
        (np.ones((2, 3)), r"a covariance \(m, m\); got shape \(2, 3\)"),
        (np.ones((2, 2, 2)), r"got shape \(2, 2, 2\)"),
        ("a", "Expected sigma to hold numbers; got str"),
        ([[1.0, 2.0], [2.0, 1.0]], "symmetric, positive definite covariance.*not positive"),
        ([[1.0, 0.5], [0.2, 1.0]], "symmetric, positive definite covariance.*not symmetric"),
    ],
)
def test_bad_sigmas_are_told(sigma, text):
    with pytest.raises(ProblemError, match=text):
        Gaussian(sigma)


def test_bad_settings_of_student_t_are_told():
    with pytest.raises(ProblemError, match="Expected df > 0, a number; got 0"):
        StudentT(1.0, 0)
    with pytest.raises(ProblemError, match=r"one number a measurement \(m,\); got shape \(2, 2\)"):
        StudentT(np.eye(2), 3)


WRONG_WIDTHS = [
    Gaussian([1.0, 1.0]),
    Gaussian(np.eye(2)),
    StudentT([1, 1], 3),
    LogNormal([1, 1]),
    SplitNormal(1, [1, 1]),
]


@pytest.mark.parametrize("noise", WRONG_WIDTHS)
def test_a_sigma_of_another_width_is_told(noise):
    for call in (noise.log_prob, noise.score, lambda x, p: noise.sample(p, 0)):
        with pytest.raises(ProblemError, match=r"Expected sigma for 3 measurements.*got 2"):
            call(X, PREDICTION)


@pytest.mark.parametrize(
    ("x", "prediction", "error", "text"),
    [
        (
            X[:2],
            PREDICTION,
            InputError,
            r"observation of shape \(3,\) or \(5, 3\).*got shape \(2,\)",
        ),
        (np.nan * X, PREDICTION, InputError, "Expected a finite observation; got nan or inf"),
        ("abc", PREDICTION, InputError, "Expected an observation of numbers; got str"),
        (X, PREDICTION[:, 0], ProblemError, r"predictions of shape \(n, m\).*got shape \(5,\)"),
    ],
)
def test_mistakes_in_arrays_are_told(x, prediction, error, text):
    with pytest.raises(error, match=text):
        Gaussian(1.0).log_prob(x, prediction)


def test_predictions_that_cannot_scatter_are_told():
    with pytest.raises(InputError, match=r"Expected finite predictions.* in row 1; leave"):
        Gaussian(1.0).sample([[1.0], [np.nan]], 0)


def test_mistakes_in_custom_noise_are_told():
    with pytest.raises(ProblemError, match="Expected log_prob to be a function; got int"):
        Custom(3)
    with pytest.raises(ProblemError, match=r"to return shape \(5,\).*got shape \(5, 3\); sum over"):
        Custom(lambda x, p: x - p).log_prob(X, PREDICTION)
    with pytest.raises(UnsupportedError, match="pass sample=function"):
        Custom(lambda x, p: x - p).sample(PREDICTION, 0)
    with pytest.raises(ProblemError, match=r"to return shape \(5, 3\); got \(5,\)"):
        Custom(lambda x, p: x, lambda p, g: p[:, 0]).sample(PREDICTION, 0)
    with pytest.raises(UnsupportedError, match="known derivative; got a Custom one"):
        CUSTOM.score(X, PREDICTION)
