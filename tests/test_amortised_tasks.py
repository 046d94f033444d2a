"""Tasks with many observations: the density is that of the simulator, the truth is true.

Densities are checked by E_a[p(x | b) / p(x | a)] = 1 over draws from a, and against independent
formulas; posteriors by weighted prior draws, which give the evidence and every mean.
"""

import numpy as np
import pytest
import scipy.stats as st
from scipy.integrate import solve_ivp
from scipy.special import expit

from skerry import tasks
from skerry.calibration import calibrate
from skerry.errors import InputError, UnsupportedError
from skerry.tasks import amortised
from skerry.tasks.amortised import _dynamics, _slcp, _spikes
from skerry.tasks.amortised._ode import solve

Z = 5.0
NAMES = amortised.names()
SBIBM = NAMES[:10]
SIZES = {
    "two_moons": (2, 2),
    "gaussian_mixture": (2, 2),
    "gaussian_linear": (10, 10),
    "gaussian_linear_uniform": (10, 10),
    "slcp": (5, 8),
    "slcp_distractors": (5, 100),
    "bernoulli_glm": (10, 10),
    "bernoulli_glm_raw": (10, 100),
    "sir": (2, 10),
    "lotka_volterra": (4, 20),
    "higgs_2d": (2, 20),
    "higgs_3d": (3, 20),
    "higgs_4d": (4, 20),
}
every_task = pytest.mark.parametrize("name", NAMES)


def points(task, n=6, seed=0):
    """Prior draws, not the tails, and an observation of each."""
    u = 0.7 * np.random.default_rng(seed).standard_normal((n, task.problem.prior.ndim))
    theta = task.problem.prior.from_u(u)
    return theta, task.simulate(theta, seed)


def test_there_are_these_tasks():
    assert set(NAMES) == set(SIZES)
    for name, (d, m) in SIZES.items():
        task = amortised.get(name)
        assert (task.name, task.problem.prior.ndim) == (name, d)
        assert task.observations.shape == (10 if name in SBIBM else 1, m)
        assert task.parameters is None or task.parameters.shape == (10, d)
        assert amortised.get(name) is task


@every_task
def test_simulations_repeat_and_differ(name):
    task = amortised.get(name)
    theta, x = points(task)
    assert x.shape == (6, task.observations.shape[1])
    np.testing.assert_array_equal(x, task.simulate(theta, 0))
    assert not np.array_equal(x, task.simulate(theta, 1))
    values = task.problem.log_likelihood(theta, x)
    assert np.isfinite(values).all()


@every_task
def test_pairs_are_evaluated_row_by_row(name):
    task = amortised.get(name)
    theta, x = points(task)
    pairs = task.problem.log_likelihood(theta, x)
    alone = [task.problem.log_likelihood(theta[i : i + 1], x[i])[0] for i in range(6)]
    np.testing.assert_allclose(pairs, alone, rtol=1e-7, atol=1e-7)
    shared = task.problem.log_likelihood(theta, x[2])
    assert shared[2] == pytest.approx(pairs[2], rel=1e-7, abs=1e-7)


@every_task
def test_the_density_is_that_of_the_simulator(name):
    """E_a[p_b / p_a] = 1 with b between a and the prior's middle (so two moons' edges nest)."""
    task = amortised.get(name)
    n = 20_000 if name == "two_moons" else 3_000
    u = np.random.default_rng(1).normal(size=task.problem.prior.ndim)
    a = task.problem.prior.from_u(np.tile(u, (n, 1)))
    x = task.simulate(a, 2)
    log_a, step = task.problem.log_likelihood(a, x), 0.5
    for _ in range(20):
        b = task.problem.prior.from_u(np.tile((1 - step) * u, (n, 1)))
        log_ratio = task.problem.log_likelihood(b, x) - log_a
        seen = np.isfinite(log_ratio)
        if seen.mean() > 0.9 and log_ratio[seen].std() < 0.5:
            break
        step /= 2
    ratio = np.exp(log_ratio)
    assert ratio.std() > 0.1
    assert abs(ratio.mean() - 1) < Z * ratio.std() / np.sqrt(n)


@pytest.mark.parametrize("name", SBIBM)
def test_observations_look_like_simulations(name):
    """The place of its likelihood among simulations at its parameters is uniform."""
    task, places = amortised.get(name), []
    for k, (theta, x) in enumerate(zip(task.parameters, task.observations, strict=True)):
        rows = np.tile(theta, (400, 1))
        values = task.problem.log_likelihood(rows, task.simulate(rows, k))
        own = task.problem.log_likelihood(theta[None], x)[0]
        places.append(0.5 * ((values < own).mean() + (values <= own).mean()))
    assert st.kstest(places, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("name", ["two_moons", "gaussian_mixture", "higgs_2d"])
def test_exact_draws_and_evidence_agree_with_weighted_prior_draws(name):
    task = amortised.get(name)
    theta = task.problem.prior.sample(200_000, 4)
    for x in task.observations[:10:5]:
        w = np.exp(task.problem.log_likelihood(theta, x))
        error = w.std() / np.sqrt(len(w))
        assert abs(w.mean() - np.exp(task.log_evidence(x))) < Z * error
        draws = task.sample(x, 20_000, 5)
        for feature in (lambda t: t, lambda t: t**2, lambda t: np.abs(t[:, :1] + t[:, 1:])):
            f, g = feature(theta), feature(draws)
            mean = w @ f / w.sum()
            spread = np.sqrt(w**2 @ (f - mean) ** 2 / w.sum() ** 2 + g.var(axis=0) / len(g))
            assert (abs(mean - g.mean(axis=0)) < Z * spread).all()


@pytest.mark.parametrize("name", ["gaussian_linear", "gaussian_linear_uniform"])
def test_linear_tasks_obey_bayes_rule(name):
    """Prior x likelihood / evidence is the density of the law that the sampler draws from."""
    task = amortised.get(name)
    for x in task.observations[:3]:
        law = st.norm(x / 2, np.sqrt(0.05))
        if name == "gaussian_linear_uniform":
            s = np.sqrt(0.1)
            law = st.truncnorm((-1 - x) / s, (1 - x) / s, loc=x, scale=s)
        draws = task.sample(x, 4_000, 6)
        log_p = task.problem.prior.log_prob(draws) + task.problem.log_likelihood(draws, x)
        log_p -= task.log_evidence(x)
        np.testing.assert_allclose(log_p, law.logpdf(draws).sum(axis=1), rtol=1e-9, atol=1e-9)
        for j in range(10):
            assert st.kstest(law.cdf(draws)[:, j], "uniform").pvalue > 1e-5


@pytest.mark.parametrize(
    "name", ["two_moons", "gaussian_mixture", "gaussian_linear", "gaussian_linear_uniform"]
)
def test_exact_posteriors_are_calibrated(name):
    task = amortised.get(name)
    theta, n = task.problem.prior.sample(300, 7), 60
    x = task.simulate(theta, 8)
    draws = np.stack([task.sample(row, n, i) for i, row in enumerate(x)])
    log_q = np.stack([task.problem.log_likelihood(d, row) for d, row in zip(draws, x, strict=True)])
    log_q += task.problem.prior.log_prob(draws.reshape(-1, theta.shape[1])).reshape(300, n)
    at_truth = task.problem.log_likelihood(theta, x) + task.problem.prior.log_prob(theta)
    found = calibrate(draws, theta, log_q_draws=log_q, log_q_truths=at_truth, level=0.001)
    assert found.passed, found.summary()


def test_the_epidemics_truth_agrees_with_a_weighted_proposal():
    """A wide t about the sampler's own draws: evidence and means, and for a quiet epidemic too."""
    task = amortised.get("sir")
    prior = task.problem.prior
    for x in (task.observations[4], np.zeros(10)):
        u = prior.to_u(task.sample(x, 5_000, 17))
        law = st.multivariate_t(u.mean(axis=0), 1.5 * np.cov(u.T), df=5, seed=18)
        v = law.rvs(15_000)
        log_l = task.problem.log_likelihood(prior.from_u(v), x)
        w = np.exp(log_l - 0.5 * np.sum(v**2, axis=1) - np.log(2 * np.pi) - law.logpdf(v))
        ratio = w / np.exp(task.log_evidence(x))
        assert abs(ratio.mean() - 1) < Z * ratio.std() / np.sqrt(len(v))
        mean = w @ v / w.sum()
        spread = np.sqrt(w**2 @ (v - mean) ** 2 / w.sum() ** 2 + u.var(axis=0) / len(u))
        assert (abs(mean - u.mean(axis=0)) < Z * spread).all()


def test_two_moons_beyond_the_fold():
    """Where x1 exceeds the ring's reach on part of it, those parts have no preimage."""
    task = amortised.get("two_moons")
    x = np.array([0.32, 0.1])
    draws = task.sample(x, 5_000, 11)
    assert np.isfinite(task.problem.log_likelihood(draws, x)).all()
    theta = task.problem.prior.sample(400_000, 12)
    w = np.exp(task.problem.log_likelihood(theta, x))
    assert abs(w.mean() - np.exp(task.log_evidence(x))) < Z * w.std() / np.sqrt(len(w))
    assert np.exp(task.log_evidence(x)) < 0.4


def test_slcp_agrees_with_scipy():
    task = amortised.get("slcp")
    theta, x = points(task)
    for t, row in zip(theta, x, strict=True):
        s1, s2, rho = t[2] ** 2, t[3] ** 2, np.tanh(t[4])
        cov = np.array([[s1**2, rho * s1 * s2], [rho * s1 * s2, s2**2]]) + 1e-6 * np.eye(2)
        expected = st.multivariate_normal(t[:2], cov).logpdf(row.reshape(4, 2)).sum()
        assert task.problem.log_likelihood(t[None], row)[0] == pytest.approx(expected, rel=1e-9)
    spike = np.array([[0.0, 0.0, 1e-3, -1e-3, 3.0]])
    assert np.isfinite(task.problem.log_likelihood(spike, x[0])).all()


def test_distractors_hide_slcp():
    plain, hidden = amortised.get("slcp"), amortised.get("slcp_distractors")
    places = _slcp.distractors().places
    np.testing.assert_array_equal(hidden.observations[:, places], plain.observations)
    theta, x = points(hidden)
    np.testing.assert_array_equal(
        hidden.problem.log_likelihood(theta, x), plain.problem.log_likelihood(theta, x[:, places])
    )
    np.testing.assert_array_equal(hidden.parameters, plain.parameters)


def test_distractors_of_the_observations_belong_to_the_mixture():
    """Three of 92 numbers (the whole factor is singular in single precision): F(3, 2) distances."""
    law = _slcp.distractors()
    chances = []
    for x in amortised.get("slcp_distractors").observations:
        noise = x[np.argsort(law.order)][8:11]
        parts = zip(law.locations[:, :3], law.factors[:, :3, :3], strict=True)
        square = [np.sum(np.linalg.solve(f, noise - m) ** 2) for m, f in parts]
        chances.append(st.f.sf(min(square) / 3, 3, 2))
    assert min(chances) > 0.01


def test_spikes_and_their_sufficient_statistic_say_the_same():
    raw, short = amortised.get("bernoulli_glm_raw"), amortised.get("bernoulli_glm")
    X = _spikes.design()
    np.testing.assert_allclose(raw.observations @ X, short.observations, atol=1e-4)
    theta, y = points(raw)
    values = raw.problem.log_likelihood(theta, y)
    expected = st.bernoulli.logpmf(y, expit(theta @ X.T)).sum(axis=1)
    np.testing.assert_allclose(values, expected, rtol=1e-8)
    np.testing.assert_allclose(values, short.problem.log_likelihood(theta, y @ X), rtol=1e-8)


def test_the_prior_of_spikes_is_the_normal_of_its_precision():
    prior = amortised.get("bernoulli_glm").problem.prior
    theta = prior.sample(5, 13)
    law = st.multivariate_normal(np.zeros(10), np.linalg.inv(_spikes.precision()))
    np.testing.assert_allclose(prior.log_prob(theta), law.logpdf(theta), rtol=1e-9)
    np.testing.assert_allclose(prior.from_u(prior.to_u(theta)), theta, atol=1e-9)
    draws = prior.sample(20_000, 14)
    white = draws @ np.linalg.cholesky(_spikes.precision())
    assert (abs(white.T @ white / 20_000 - np.eye(10)) < Z * np.sqrt(2 / 20_000)).all()


@pytest.mark.parametrize("name", ["sir", "lotka_volterra"])
def test_forward_models_agree_with_scipy(name):
    task = amortised.get(name)
    theta = np.concatenate([task.parameters[:3], task.problem.prior.sample(5, 15)])
    found = task.problem.predict(theta)

    def sir(_, y, b, g):
        return [-b * y[0] * y[1], b * y[0] * y[1] - g * y[1]]

    def prey(_, y, a, b, g, d):
        return [a * y[0] - b * y[0] * y[1], -g * y[1] + d * y[0] * y[1]]

    start = {"sir": [1 - 1e-6, 1e-6], "lotka_volterra": [30.0, 1.0]}[name]
    times = {"sir": _dynamics.DAYS, "lotka_volterra": _dynamics.YEARS}[name]
    for t, row in zip(theta, found, strict=True):
        exact = solve_ivp(
            sir if name == "sir" else prey,
            (0, times[-1]),
            start,
            "DOP853",
            times,
            args=tuple(t),
            rtol=1e-11,
            atol=1e-14,
        ).y
        wanted = exact[1] if name == "sir" else np.maximum(exact.ravel(), 1e-10)
        np.testing.assert_allclose(row, wanted, rtol=3e-5, atol=1e-11)


def test_the_solver_keeps_its_tolerance():
    """Damped oscillations of many frequencies, in one call and alone; blow-ups are nan."""
    theta = np.geomspace(0.1, 20, 8)[:, None]
    times = np.array([0.0, 0.3, 2.0, 7.0])

    def rates(y, theta):
        return np.stack([theta[0] * y[1], -theta[0] * y[0]])

    found = solve(rates, np.array([1.0, 0.0]), theta, times)
    angle = theta * times
    np.testing.assert_allclose(found[:, :, 0], np.cos(angle), atol=1e-4)
    np.testing.assert_allclose(found[:, :, 1], -np.sin(angle), atol=1e-4)
    alone = [solve(rates, np.array([1.0, 0.0]), t[None], times)[0] for t in theta]
    np.testing.assert_allclose(found, alone, rtol=1e-10, atol=1e-10)
    coarse = solve(rates, np.array([1.0, 0.0]), theta, times, tolerance=1e-3)
    errors = [abs(f[:, :, 0] - np.cos(angle)).max() for f in (found, coarse)]
    assert errors[0] < 0.01 * errors[1]
    with np.errstate(all="ignore"):
        burst = solve(lambda y, _: y**2, np.array([1.0]), np.zeros((2, 1)), np.array([0, 0.5, 3.0]))
    assert burst[:, 1, 0] == pytest.approx(2.0, rel=1e-5)
    assert np.isnan(burst[:, 2]).all()


@pytest.mark.parametrize("name", ["higgs_2d", "higgs_3d", "higgs_4d"])
def test_the_measured_strengths_give_the_higgs_tasks(name):
    single, many = tasks.get(name), amortised.get(name)
    theta = single.problem.prior.sample(50, 16)
    x = many.observations[0]
    gap = many.problem.log_likelihood(theta, x) - single.problem.log_likelihood(theta)
    np.testing.assert_allclose(gap, gap[0], rtol=1e-9)
    if name != "higgs_4d":
        assert many.log_evidence(x) - gap[0] == pytest.approx(single.log_evidence, abs=1e-4)


def test_mistakes_are_told():
    with pytest.raises(InputError, match=r"name of an amortised task; got 'two_moon'; did you"):
        amortised.get("two_moon")
    slcp = amortised.get("slcp")
    with pytest.raises(UnsupportedError, match="exact sampler; got slcp"):
        slcp.sample(slcp.observations[0], 3, 0)
    with pytest.raises(UnsupportedError, match="evidence is known; got slcp"):
        slcp.log_evidence(slcp.observations[0])
    moons = amortised.get("two_moons")
    with pytest.raises(InputError, match=r"one observation of shape \(2,\); got \(10, 2\)"):
        moons.sample(moons.observations, 3, 0)
    with pytest.raises(InputError, match="Expected n >= 1 draws; got 0"):
        moons.sample(moons.observations[0], 0, 0)
    with pytest.raises(InputError, match=r"one for each of 5 points \(5, m\); got shape \(3, 2\)"):
        moons.problem.log_likelihood(np.zeros((5, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="read-only"):
        moons.observations[0, 0] = 1.0
