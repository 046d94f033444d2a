"""Inference against analytic truths: evidence, masses, moments, verdicts, reproducibility."""

from __future__ import annotations

import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st
from scipy.special import logsumexp, ndtri

import skerry
from skerry import Status, metrics, noise, tasks
from skerry.errors import EvaluationError, InputError
from skerry.flows import CouplingSettings

Z = 5.0
LIGHT = CouplingSettings(kind="affine", layers=1, width=8, depth=1)
SHORT = skerry.Training(max_epochs=2, steps=10, batch=256)
CHEAP = {"couplings": LIGHT, "training": SHORT}
BARE = {"couplings": CouplingSettings(layers=0), "training": skerry.Training(1, 1, 64)}


def static(n=4000, **options):
    return skerry.Static(n, **{**CHEAP, **options})


def infer(problem, x=None, n=4000, *, seed=0, n_effective=100, **options):
    return skerry.infer(problem, x, scheme=static(n, **options), seed=seed, n_effective=n_effective)


def normal_prior(d, sd=1.0):
    return skerry.Prior({f"x{j}": st.norm(0, sd) for j in range(d)})


def uniform_prior(d, low=-1.0, high=1.0):
    return skerry.Prior({f"x{j}": st.uniform(low, high - low) for j in range(d)})


class Conjugate:
    """Prior N(0, sd^2), data N(theta, s^2): everything in closed form."""

    def __init__(self, d, sd=2.0, s=0.8):
        self.d, self.sd, self.s = d, sd, s
        self.y = np.linspace(-1.0, 1.5, d)
        self.prior = normal_prior(d, sd)
        self.variance = 1 / (1 / sd**2 + 1 / s**2)
        self.mean = self.variance * self.y / s**2
        self.log_evidence = float(st.norm(0, np.hypot(sd, s)).logpdf(self.y).sum())

    def log_likelihood(self, theta):
        return st.norm.logpdf(theta, self.y, self.s).sum(axis=-1)

    def problem(self):
        return skerry.Problem(self.prior, self.log_likelihood)


def moment_errors(posterior, mean, covariance):
    """z-scores of a weighted mean and covariance against the truth."""
    shares = np.exp(posterior.log_weights)
    centred = posterior.samples - mean
    z_mean = (shares @ centred) / np.sqrt(shares**2 @ centred**2)
    products = np.einsum("ni,nj->nij", centred, centred) - covariance
    gap = np.einsum("n,nij->ij", shares, products)
    return z_mean, gap / np.sqrt(np.einsum("n,nij->ij", shares**2, products**2))


def assert_evidence(posterior, truth, z=Z):
    assert abs(posterior.log_evidence - truth) < z * posterior.log_evidence_error


def masses_z(posterior, task):
    """z-scores of the masses, after the modes found were paired with the task's."""
    order = task.label(np.array([mode.location for mode in posterior.modes]))
    assert sorted(order.tolist()) == list(range(len(task.modes)))
    pairs = zip(posterior.modes, order, strict=True)
    return np.array([(m.mass - task.modes[k].mass) / m.mass_error for m, k in pairs])


# Closed forms


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_conjugate_gaussian_is_right(d):
    truth = Conjugate(d)
    posterior = infer(truth.problem())
    assert_evidence(posterior, truth.log_evidence)
    assert posterior.log_evidence_error < 0.2
    covariance = truth.variance * np.eye(d)
    for scores in moment_errors(posterior, truth.mean, covariance):
        assert np.all(np.abs(scores) < Z)
    np.testing.assert_allclose(posterior.mean, np.exp(posterior.log_weights) @ posterior.samples)
    assert len(posterior.modes) == 1
    assert posterior.modes[0].mass == pytest.approx(1)
    assert posterior.modes[0].log_evidence == pytest.approx(posterior.log_evidence)
    np.testing.assert_allclose(posterior.modes[0].covariance, posterior.covariance)
    assert logsumexp(posterior.log_weights) == pytest.approx(0, abs=1e-9)
    # the mode's location is the best of the draws: a few of them lie within half an sd
    assert np.all(np.abs(posterior.modes[0].location - truth.mean) < truth.variance**0.5)


@pytest.mark.parametrize("d", [1, 2])
def test_a_flat_likelihood_has_no_evidence_and_keeps_the_prior(d):
    problem = skerry.Problem(uniform_prior(d), lambda theta: np.zeros(len(theta)))
    posterior = infer(problem, n=2000, n_effective=2000)
    assert posterior.log_evidence == pytest.approx(0, abs=1e-12)
    assert posterior.log_evidence_error == pytest.approx(0, abs=1e-9)
    assert posterior.status is Status.CONVERGED
    assert posterior.n_effective == pytest.approx(2000)
    assert len(posterior.modes) == 1


def test_an_impossible_half_space_counts_in_the_evidence():
    """L = 1 on a half: Z = 1/2 with the binomial error; no draw of the posterior leaves it."""
    problem = skerry.Problem(
        uniform_prior(2), lambda theta: np.where(theta[:, 0] > 0, 0.0, -np.inf)
    )
    posterior = infer(problem)
    assert_evidence(posterior, np.log(0.5))
    assert posterior.log_evidence_error == pytest.approx(1 / np.sqrt(4000), rel=0.1)
    assert np.all(posterior.samples[:, 0] > 0)
    assert posterior.n_calls == 4012


def test_evidence_does_not_care_for_the_scale_of_the_likelihood():
    truth = Conjugate(2)
    shifted = skerry.Problem(truth.prior, lambda t: truth.log_likelihood(t) - 5000.0)
    one, two = infer(truth.problem()), infer(shifted)
    assert two.log_evidence == pytest.approx(one.log_evidence - 5000, abs=1e-8)
    np.testing.assert_allclose(one.log_weights, two.log_weights, atol=1e-8)


@pytest.mark.parametrize(("name", "n"), [("corners", 10_000), ("octants", 40_000)])
def test_every_island_has_its_mass(name, n):
    task = tasks.get(name)
    posterior = infer(task.problem, n=n)
    assert np.all(np.abs(masses_z(posterior, task)) < Z)
    assert_evidence(posterior, task.log_evidence)
    masses = [mode.mass for mode in posterior.modes]
    assert masses == sorted(masses, reverse=True)
    assert sum(masses) == pytest.approx(1)
    parts = [mode.log_evidence for mode in posterior.modes]
    assert logsumexp(parts) == pytest.approx(posterior.log_evidence)
    assert sum(mode.n_samples for mode in posterior.modes) == len(posterior.samples)
    for k, mode in enumerate(posterior.modes):
        mine = posterior.labels == k
        assert np.exp(logsumexp(posterior.log_weights[mine])) == pytest.approx(mode.mass)
        assert np.any(np.all(posterior.samples[mine] == mode.location, axis=1))


def test_one_parameter_with_two_islands():
    """Masses 0.3 and 0.7 at -+3 with sd 0.3, prior uniform on (-5, 5): Z = 1 / 10."""
    mixture = [(0.3, -3.0), (0.7, 3.0)]
    problem = skerry.Problem(
        uniform_prior(1, -5, 5),
        lambda t: logsumexp([np.log(m) + st.norm.logpdf(t[:, 0], c, 0.3) for m, c in mixture], 0),
    )
    posterior = infer(problem)
    assert_evidence(posterior, np.log(0.1))
    heavy, light = posterior.modes
    assert abs(heavy.mass - 0.7) < Z * heavy.mass_error
    assert heavy.location[0] == pytest.approx(3, abs=0.3)
    assert light.covariance[0, 0] == pytest.approx(0.09, rel=Z * np.sqrt(2 / light.n_samples))


# Circles


def circle_problem(width=0.3):
    """von-Mises-like islands at the seam (2/3 of the mass) and opposite (1/3), times a line."""
    prior = skerry.Prior({"phase": skerry.Periodic(0, 2 * np.pi), "y": st.norm(0, 1)})

    def log_likelihood(theta):
        phase, y = theta.T
        seam = np.log(2 / 3) + st.vonmises.logpdf(phase, 1 / width**2, 0)
        opposite = np.log(1 / 3) + st.vonmises.logpdf(phase, 1 / width**2, np.pi)
        return np.logaddexp(seam, opposite) - 0.5 * (y - 0.5) ** 2 / 0.5**2

    return skerry.Problem(prior, log_likelihood)


LOG_Z_CIRCLE = float(
    -np.log(2 * np.pi) + st.norm.logpdf(0.5, 0, np.hypot(1, 0.5)) - st.norm.logpdf(0, 0, 0.5)
)


@pytest.mark.parametrize("density", ["flow_mixture", "mixture_base", "gaussian_base"])
def test_an_island_across_the_seam_is_one_island(density):
    posterior = infer(circle_problem(), n=20_000, density=density)
    assert_evidence(posterior, LOG_Z_CIRCLE)
    assert len(posterior.modes) == 2
    seam, opposite = posterior.modes
    assert abs(seam.mass - 2 / 3) < Z * seam.mass_error
    assert min(seam.location[0], 2 * np.pi - seam.location[0]) < 0.2
    assert opposite.location[0] == pytest.approx(np.pi, abs=0.2)
    # a von Mises with concentration 1 / 0.3^2 has variance 0.0948
    for mode in posterior.modes:
        error = np.sqrt(2 / (posterior.n_effective * mode.mass))
        assert mode.covariance[0, 0] == pytest.approx(0.0948, rel=Z * error)


@pytest.mark.parametrize("start", ["modes", "random"])
@pytest.mark.parametrize("density", ["flow_mixture", "mixture_base"])
def test_densities_on_a_circle_describe_both_islands(density, start):
    """However they start, trained densities are normalised and leave no island out."""
    training = skerry.Training(max_epochs=20, steps=40, batch=256, learning_rate=5e-3)
    posterior = infer(
        circle_problem(), n=10_000, density=density, start=start, n_modes=2, training=training
    )
    drawn = posterior.flow.sample(4000, 1)[:, 0]
    seam = np.mean(np.minimum(drawn, 2 * np.pi - drawn) < np.pi / 2)
    assert seam == pytest.approx(2 / 3, abs=0.05 if start == "modes" else 0.2)
    grid = (np.arange(600) + 0.5) / 600
    cells = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    theta = posterior.flow.prior.from_u(ndtri(cells))
    ratio = np.exp(posterior.log_prob(theta) - posterior.flow.prior.log_prob(theta))
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    samples = posterior.samples
    exact = posterior.log_likelihood - LOG_Z_CIRCLE
    relative = posterior.log_prob(samples) - posterior.flow.prior.log_prob(samples)
    kl = np.exp(posterior.log_weights) @ (exact - relative)
    assert kl < (0.15 if start == "modes" else 0.6)


@pytest.mark.parametrize("n", [3000, 15_000])
def test_many_points_do_not_cut_an_island_at_the_seam(n):
    """On a circle alone, where u runs to infinity at the seam and its normal density to 0."""
    prior = skerry.Prior({"phase": skerry.Periodic(0, 2 * np.pi)})
    problem = skerry.Problem(prior, lambda t: st.vonmises.logpdf(t[:, 0], 4.0, 0))
    posterior = infer(problem, n=n, **BARE)
    assert len(posterior.modes) == 1
    assert_evidence(posterior, -np.log(2 * np.pi))


# The same problem in other words


def test_other_ways_to_write_a_likelihood_give_the_same_posterior():
    truth = Conjugate(2)
    y, s = truth.y, truth.s

    def one_point(theta):
        return float(st.norm.logpdf(theta, y, s).sum())

    def in_jax(theta):
        return jnp.sum(-0.5 * ((theta - y) / s) ** 2 - jnp.log(s) - 0.5 * jnp.log(2 * jnp.pi))

    def with_x(theta, x):
        return st.norm.logpdf(theta, x, s).sum(axis=1)

    problems = {
        "rows": (truth.problem(), None),
        "point": (skerry.Problem(truth.prior, one_point, vectorized=False), None),
        "JAX": (skerry.Problem(truth.prior, in_jax, jax=True), None),
        "x": (skerry.Problem(truth.prior, with_x), y),
        "x as a list": (skerry.Problem(truth.prior, with_x), y.tolist()),
        "forward": (skerry.Problem(truth.prior, forward=lambda t: t, noise=noise.Gaussian(s)), y),
    }
    found = {name: infer(problem, x, n=500) for name, (problem, x) in problems.items()}
    for posterior in found.values():
        assert posterior.log_evidence == pytest.approx(found["rows"].log_evidence, abs=1e-10)
        np.testing.assert_array_equal(posterior.samples, found["rows"].samples)
        np.testing.assert_allclose(posterior.log_weights, found["rows"].log_weights, atol=1e-9)


# Seeds


ARRAYS = ("samples", "log_weights", "log_likelihood", "labels")


def assert_equal_bits(one, two):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.log_evidence == two.log_evidence
    assert one.status is two.status
    theta = one.samples[:50]
    np.testing.assert_array_equal(one.log_prob(theta), two.log_prob(theta))
    np.testing.assert_array_equal(one.flow.sample(20, 3), two.flow.sample(20, 3))
    assert one.training.epochs[1:] == two.training.epochs[1:]


KINDS = {
    "int": lambda s: s,
    "NumPy int": np.int64,
    "Generator": np.random.default_rng,
    "JAX key": jax.random.key,
    "old JAX key": jax.random.PRNGKey,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bits_and_another_does_not(kind):
    make, problem = KINDS[kind], Conjugate(2).problem()
    one, two, other = (infer(problem, n=500, seed=make(s)) for s in (3, 3, 4))
    assert_equal_bits(one, two)
    assert one.log_evidence != other.log_evidence


def test_a_run_is_not_touched_by_global_random_states():
    problem = Conjugate(2).problem()
    one = infer(problem, n=500)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    two = infer(problem, n=500)
    assert_equal_bits(one, two)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_training_settings_change_nothing_but_the_density():
    problem = Conjugate(2).problem()
    one, two = infer(problem, n=500), infer(problem, n=500, **BARE)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


# Verdicts


def narrow(width, d=2):
    return skerry.Problem(uniform_prior(d), lambda t: st.norm.logpdf(t, 0.2, width).sum(axis=1))


def test_enough_effective_samples_converge():
    posterior = infer(narrow(0.3), n_effective=200)
    assert posterior.status is Status.CONVERGED
    assert posterior.converged
    assert posterior.n_effective >= 200
    assert "was reached" in str(posterior.status)


def test_fewer_effective_samples_than_asked_for_are_short():
    posterior = infer(narrow(0.3), n_effective=1e6)
    assert posterior.status is Status.SHORT
    assert not posterior.converged
    assert "For more, spend more likelihood calls" in str(posterior.status)


@pytest.mark.parametrize("width", [1e-2, 1e-4])
def test_collapsed_weights_say_so_and_advise(width):
    posterior = infer(narrow(width), **BARE)
    assert posterior.n_effective < 100
    assert posterior.status is Status.COLLAPSED
    text = posterior.summary()
    assert text.startswith("collapsed: The weights have collapsed onto a few points")
    assert "raise n, narrow the prior, or use points drawn closer to the posterior" in text


def test_heavy_tails_are_told():
    """w = v^-0.85 on the unit interval: a Pareto tail of shape 0.85; the limit is 0.7."""
    prior = skerry.Prior({"v": st.uniform(0, 1)})
    posterior = infer(skerry.Problem(prior, lambda t: -0.85 * np.log(t[:, 0])), n=20_000, **BARE)
    assert posterior.khat > 0.7
    assert posterior.n_effective >= 100
    assert posterior.status is Status.HEAVY_TAILS
    assert "the errors stated are too small" in str(posterior.status)


# Failures and counts


def failing(theta):
    """A third of the space fails by exception, NaN or +inf."""
    values = np.zeros(len(theta))
    values[theta[:, 0] > 0.6] = np.nan
    values[theta[:, 0] < -0.6] = np.inf
    return values


def raising(theta):
    if np.any(theta[:, 0] > 0.2):
        raise FloatingPointError("mine")
    return np.zeros(len(theta))


@pytest.mark.parametrize(("function", "possible"), [(failing, 0.6), (raising, 0.6)])
@pytest.mark.parametrize("vectorized", [True, False])
def test_failures_are_zero_or_left_out_as_asked(function, possible, vectorized):
    """Dropped: conditional on success, Z = 1; zero: Z is the share that succeeds."""
    wrapped = function if vectorized else (lambda t: float(function(t[None])[0]))
    problem = skerry.Problem(uniform_prior(2), wrapped, vectorized=vectorized)
    options = {"scheme": static(600, **BARE), "n_effective": 100}
    with pytest.raises(EvaluationError) as caught:
        skerry.infer(problem, **options)
    assert caught.value.theta is not None
    dropped = skerry.infer(problem, failures="drop", **options)
    zero = skerry.infer(problem, failures="zero", **options)
    assert dropped.log_evidence == pytest.approx(0, abs=1e-12)
    assert_evidence(zero, np.log(possible))
    assert dropped.n_failed == zero.n_failed > 0
    assert dropped.n_calls == zero.n_calls == 612
    np.testing.assert_array_equal(dropped.samples, zero.samples)
    assert f"{zero.n_failed:,} of them failed" in zero.summary()


@pytest.mark.parametrize("failures", ["drop", "zero"])
def test_nothing_but_failures_is_told(failures):
    problem = skerry.Problem(uniform_prior(2), lambda t: np.full(len(t), np.nan))
    with pytest.raises(
        EvaluationError, match=r"at least one point of non-zero likelihood; all 5[08]"
    ):
        skerry.infer(problem, scheme=static(50), failures=failures)


def test_an_impossible_likelihood_is_told():
    problem = skerry.Problem(uniform_prior(2), lambda t: np.full(len(t), -np.inf))
    with pytest.raises(EvaluationError, match=r"all 50 are -inf. Check the likelihood") as caught:
        skerry.infer(problem, scheme=static(50))
    assert len(caught.value.partial.theta) == 50


@pytest.mark.parametrize("possible", [1, 2, 9, 11])
def test_a_few_possible_points_give_a_posterior_that_warns(possible):
    counter = itertools.count()

    def log_likelihood(theta):
        ranks = np.array([next(counter) for _ in theta])
        return np.where(ranks < possible, 0.0, -np.inf)

    problem = skerry.Problem(uniform_prior(2), log_likelihood)
    problem_check = type(problem).check
    try:
        type(problem).check = lambda self, seed, **_: None
        posterior = skerry.infer(problem, scheme=static(500, **BARE), n_effective=10)
    finally:
        type(problem).check = problem_check
    assert posterior.status is Status.COLLAPSED
    assert len(posterior.samples) == possible
    assert (posterior.flow is None) == (possible < 10)
    assert_evidence(posterior, np.log(possible / 500))
    assert "collapsed" in posterior.summary()


def test_calls_are_limited():
    calls = []

    def counted(theta):
        calls.append(len(theta))
        return np.zeros(len(theta))

    problem = skerry.Problem(uniform_prior(2), counted)
    posterior = skerry.infer(problem, scheme=static(5000, **BARE), max_calls=300, n_effective=100)
    assert posterior.n_calls == 312  # the trial of a few points comes on top
    assert len(posterior.samples) == 300
    assert sum(calls) == posterior.n_calls


def test_progress_is_told_stage_by_stage():
    seen = []
    skerry.infer(
        Conjugate(2).problem(),
        scheme=static(500),
        progress=lambda stage, done, total: seen.append((stage, done, total)),
    )
    assert seen == [
        ("likelihood", 500, 500),
        ("modes and islands", 0, 1),
        ("modes and islands", 1, 1),
        ("training", 1, 2),
        ("training", 2, 2),
    ]


# Points evaluated earlier


def wide_proposal(truth, n, seed, scale=2.0):
    """Draws about the posterior, wider than it, and their log density."""
    rng = np.random.default_rng(seed)
    sd = scale * np.sqrt(truth.variance)
    theta = truth.mean + sd * rng.standard_normal((n, truth.d))
    return theta, st.norm.logpdf(theta, truth.mean, sd).sum(axis=1)


def test_a_table_of_prior_draws_gives_what_infer_gives():
    truth = Conjugate(2)
    theta = truth.prior.sample(3000, 1)
    posterior = skerry.fit(theta, truth.log_likelihood(theta), truth.prior, **CHEAP)
    assert_evidence(posterior, truth.log_evidence)
    assert posterior.n_calls == 3000
    assert posterior.settings["scheme"] == "table"


def test_a_table_of_draws_of_another_density_gives_the_same_evidence():
    truth = Conjugate(2)
    theta, log_g = wide_proposal(truth, 3000, 0)
    table = skerry.fit(theta, truth.log_likelihood(theta), truth.prior, log_proposal=log_g, **CHEAP)
    run = infer(truth.problem())
    error = np.hypot(table.log_evidence_error, run.log_evidence_error)
    assert abs(table.log_evidence - run.log_evidence) < Z * error
    assert_evidence(table, truth.log_evidence)
    assert table.log_evidence_error < run.log_evidence_error
    for scores in moment_errors(table, truth.mean, truth.variance * np.eye(2)):
        assert np.all(np.abs(scores) < Z)


def test_a_table_without_its_proposal_gives_a_wrong_evidence():
    """The test above could fail."""
    truth = Conjugate(2)
    theta, _ = wide_proposal(truth, 3000, 0)
    table = skerry.fit(theta, truth.log_likelihood(theta), truth.prior, **CHEAP)
    with pytest.raises(AssertionError):
        assert_evidence(table, truth.log_evidence)


def test_points_of_a_table_outside_the_prior_have_no_weight_but_count():
    """Draws uniform on (-2, 2), prior uniform on (-1, 1), L = 1: Z = 1."""
    prior = uniform_prior(1)
    theta = np.random.default_rng(0).uniform(-2, 2, (4000, 1))
    log_g = np.full(4000, -np.log(4))
    posterior = skerry.fit(theta, np.zeros(4000), prior, log_proposal=log_g, **BARE)
    assert_evidence(posterior, 0.0)
    assert np.all(np.abs(posterior.samples) < 1)
    with pytest.raises(InputError, match=r"lie outside its support; pass their log_proposal"):
        skerry.fit(theta, np.zeros(4000), prior)


def test_angles_of_a_table_may_be_wound_any_number_of_times():
    problem = circle_problem()
    theta = problem.prior.sample(4000, 0)
    wound = theta + np.array([2 * np.pi, 0]) * np.random.default_rng(0).integers(-3, 4, (4000, 1))
    one, two = (
        skerry.fit(t, problem.log_likelihood(theta), problem.prior, **BARE) for t in (theta, wound)
    )
    assert two.log_evidence == pytest.approx(one.log_evidence)
    np.testing.assert_allclose(two.samples, one.samples, atol=1e-12)
    np.testing.assert_array_equal(two.labels, one.labels)


def test_the_callers_table_is_neither_changed_nor_locked():
    truth = Conjugate(2)
    theta = truth.prior.sample(100, 1)
    values = truth.log_likelihood(theta)
    before = theta.copy(), values.copy()
    skerry.fit(theta, values, truth.prior, **BARE)
    np.testing.assert_array_equal(theta, before[0])
    np.testing.assert_array_equal(values, before[1])
    theta[0] = values[0] = 0.0


# Over many seeds


@cache
def many(n_seeds=150):
    """Evidence and mass z-scores of one problem over many seeds."""
    problem = skerry.Problem(
        uniform_prior(1, -5, 5),
        lambda t: np.logaddexp(
            np.log(0.3) + st.norm.logpdf(t[:, 0], -2.5, 0.5),
            np.log(0.7) + st.norm.logpdf(t[:, 0], 2.5, 0.5),
        ),
    )
    evidences, masses = [], []
    for seed in range(n_seeds):
        posterior = infer(problem, n=600, seed=seed, **BARE)
        evidences.append((posterior.log_evidence - np.log(0.1)) / posterior.log_evidence_error)
        upper = next(mode for mode in posterior.modes if mode.location[0] > 0)
        masses.append((upper.mass - 0.7) / upper.mass_error)
    return np.array(evidences), np.array(masses)


@pytest.mark.statistical
@pytest.mark.parametrize("which", ["evidences", "masses"])
def test_errors_stated_are_the_errors_made(which):
    """z-scores have mean 0 and sd 1: within 4 standard errors of each over 150 seeds."""
    scores = many()[0 if which == "evidences" else 1]
    n = len(scores)
    assert abs(scores.mean()) < 4 / np.sqrt(n) + 0.1  # the logarithm's bias: half an error squared
    assert abs(scores.std() - 1) < 4 / np.sqrt(2 * n)
    assert np.max(np.abs(scores)) < Z


@pytest.mark.statistical
def test_moments_have_honest_errors_over_many_seeds():
    truth = Conjugate(1)
    rows = []
    for seed in range(100):
        posterior = infer(truth.problem(), n=600, seed=seed, **BARE)
        mean, variance = moment_errors(posterior, truth.mean, np.array([[truth.variance]]))
        rows.append([mean[0], variance[0, 0]])
    scores = np.array(rows)
    assert np.all(np.abs(scores.mean(axis=0)) < 4 / np.sqrt(100) + 0.1)
    assert np.all(np.abs(scores.std(axis=0) - 1) < 4 / np.sqrt(200) + 0.05)


# A lost mode is seen


def test_a_density_without_one_of_its_modes_fails_recall_and_masses():
    """The whole posterior passes; the same after a likelihood that hides one island does not."""
    task = tasks.get("corners")
    scheme = static(6000, n_modes=None)

    def blind(theta):
        values = task.problem.log_likelihood(theta)
        return np.where(task.label(theta) == 1, -np.inf, values)

    whole = skerry.infer(task.problem, scheme=scheme, n_effective=100)
    partly = skerry.infer(skerry.Problem(task.problem.prior, blind), scheme=scheme, n_effective=100)
    truth = np.array([mode.mass for mode in task.modes])
    assert masses_z(whole, task).shape == (4,)
    for posterior, recall in ((whole, 1.0), (partly, 0.75)):
        drawn = posterior.flow.sample(4000, 0)
        found = metrics.mode_masses(task.label(drawn), 4)
        assert metrics.mode_recall(truth, found) == recall
    with pytest.raises(AssertionError):
        masses_z(partly, task)
