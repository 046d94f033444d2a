"""Amortised inference: the kernel, training, refinement, files, against closed forms."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry import Status, embeddings, noise
from skerry._seeds import as_seed
from skerry.amortization import _likelihoods, _pools, _train
from skerry.amortization._many import draw, log_density, many
from skerry.amortization._mixtures import Mixtures, mixtures
from skerry.amortization._network import conditional
from skerry.amortization._novelty import familiar
from skerry.errors import EvaluationError, InputError, ProblemError, UnsupportedError

Z = 5.0
SD, SIGMA = 1.0, 0.5  # prior N(0, 1) in two dimensions, x = theta + noise
SHRINK = SD**2 / (SD**2 + SIGMA**2)
DEVIATION = SIGMA * SHRINK**0.5
SHORT = skerry.Training(max_epochs=12, steps=25, batch=128, learning_rate=4e-3, patience=12)
PRIOR = skerry.Prior({"a": st.norm(0, SD), "b": st.norm(0, SD)})


def log_likelihood(theta, x):
    return st.norm.logpdf(theta, x, SIGMA).sum(axis=1)


def simulate(theta, rng):
    return theta + SIGMA * rng.standard_normal(theta.shape)


def problem(**options):
    return skerry.Problem(PRIOR, log_likelihood, **{"pairwise": True, **options})


@cache
def estimator():
    return skerry.amortize(
        problem(), simulator=simulate, n_simulations=1000, n_components=3, training=SHORT, seed=1
    )


def test_an_epoch_with_lucky_held_out_particles_does_not_win(monkeypatch):
    """Networks are compared on the same particles: the first epoch's, however low, are not."""
    values = []

    def lucky(*arguments):
        values.append(mean_score(*arguments) - (100.0 if not values else 0.0))
        return values[-1]

    mean_score = _train.mean_score
    monkeypatch.setattr(_train, "mean_score", lucky)
    found = skerry.amortize(
        problem(), simulator=simulate, n_simulations=300, n_components=2,
        training=replace(SHORT, max_epochs=4), seed=1,
    )  # fmt: skip
    assert int(np.argmin([step.held_out for step in found.epochs])) == 0
    assert found.best > 0


@pytest.mark.parametrize(("pools", "again"), [(skerry.Pools(every=3), 1), (None, 0)])
def test_the_best_network_is_scored_again_on_new_particles_alone(monkeypatch, pools, again):
    """Five epochs; the particles are new in the first and the fourth, without pools in none."""
    scores, mean_score = [], _train.mean_score

    def counted(*arguments):
        scores.append(mean_score(*arguments))
        return scores[-1]

    monkeypatch.setattr(_train, "mean_score", counted)
    skerry.amortize(
        problem(), simulator=simulate, n_simulations=300, n_components=2, pools=pools,
        training=replace(SHORT, max_epochs=5), seed=1,
    )  # fmt: skip
    assert len(scores) == 5 + again


def untrained(dim=2, x_shape=(2,), K=3, bent=True):
    """A network whose proposals are far from any posterior."""
    scale = embeddings.standard(np.random.default_rng(0).standard_normal((100, *x_shape)), None)
    flat = embeddings.build(None, x_shape, as_seed(0))
    options = {"n_components": K, "width": 8, "depth": 2, "bent": bent}
    return conditional(scale, flat, x_shape, dim, as_seed(3), **options)


@pytest.mark.parametrize("bent", [False, True])
def test_a_mixture_is_one_density_in_all_its_forms(bent):
    """Normalised; the same in JAX and NumPy, drawn and evaluated, in its own coordinates."""
    network, rng = lively(3, bent), np.random.default_rng(1)
    x = rng.standard_normal((2, 2)).astype(np.float32)
    found = mixtures(network, x)
    assert (found.curves is not None) == bent
    u = found.sample(20_000, rng)
    log_q = found.log_prob(u)
    last = jnp.moveaxis(jnp.asarray(u, jnp.float32), 0, -1)
    np.testing.assert_allclose(log_density(many(network, x), last).T, log_q, atol=1e-3)
    around = st.t(3, loc=u.mean(axis=1, keepdims=True), scale=u.std(axis=1, keepdims=True))
    probes = around.rvs((2, 50_000, 3), random_state=rng)
    ratio = np.exp(found.log_prob(probes) - around.logpdf(probes).sum(axis=2))
    error = ratio.std(axis=1) / np.sqrt(ratio.shape[1])
    assert np.all(np.abs(ratio.mean(axis=1) - 1) < Z * error)
    assert np.all(error < 0.05)
    noise = jnp.asarray(rng.standard_normal((20_000, 3, 2)), jnp.float32)
    drawn = draw(many(network, x), noise, jnp.asarray(rng.random((20_000, 2)), jnp.float32))
    drawn = np.moveaxis(np.asarray(drawn, np.float64), -1, 0)
    for look in (lambda v: v, lambda v: v * v, lambda v: v * v[..., ::-1]):
        a, b = look(u), look(drawn)
        error = np.sqrt((a.var(axis=1) + b.var(axis=1)) / a.shape[1])
        assert np.all(np.abs(a.mean(axis=1) - b.mean(axis=1)) < Z * error)
    which = np.repeat(np.arange(5), 20)
    z = rng.standard_normal((100, 3))
    back = found.latent(0, found.placed(0, z, which))[0]
    np.testing.assert_allclose(back[which, np.arange(100)], z, atol=1e-9)


def test_one_warped_component_takes_a_posterior_beside_a_bound():
    """Theta ~ U(-1, 1), x = theta + N(0, 0.1) seen at 0.9: on u leaning, with heavier tails."""
    u = np.linspace(-7, 7, 5001)
    density = st.norm.pdf(2 * st.norm.cdf(u) - 1, 0.9, 0.1**0.5) * st.norm.pdf(u)
    density /= density.sum() * (u[1] - u[0])

    def divergence(mixture):
        log_q = mixture.log_prob(u[None, :, None])[0]
        gap = np.log(np.where(density > 0, density, 1.0)) - log_q
        return np.sum(density * gap) * (u[1] - u[0])

    def one(mean, log_scale, **warps):
        whitener = np.full((1, 1, 1, 1), np.exp(-log_scale))
        return Mixtures(np.zeros((1, 1)), np.full((1, 1, 1), mean), whitener, **warps)

    mean = np.sum(density * u) * (u[1] - u[0])
    deviation = np.sqrt(np.sum(density * (u - mean) ** 2) * (u[1] - u[0]))
    assert divergence(one(mean, np.log(deviation))) > 0.03
    warps = {"skews": np.full((1, 1, 1), 0.32), "tails": np.full((1, 1, 1), 0.02)}
    assert divergence(one(0.96, -0.62, **warps)) < 0.001


def moments_z(u, x):
    """z-scores of particles' standardised means, squares and products: one particle each."""
    z = (u - SHRINK * x) / DEVIATION
    looks = np.concatenate([z, z**2 - 1, z[:, :1] * z[:, 1:], z * x], axis=1)
    return looks.mean(axis=0) / (looks.std(axis=0) / np.sqrt(len(z)))


@cache
def wide():
    """An estimator trained on simulations from 2.5 times the prior's width."""
    options = {"n_simulations": 1000, "n_components": 3, "training": SHORT, "seed": 1}
    return skerry.amortize(problem(), simulator=simulate, widen=2.5, **options)


def kernel_z(*, retain=True, rounds=3, k=8192, widen=1.0, network=None):
    """Run the kernel on simulated pairs, by default with a poor proposal; z-scores afterwards."""
    rng = np.random.default_rng(7)
    u = (widen * rng.standard_normal((k, 2))).astype(np.float32).astype(float)
    x = simulate(u, rng)
    likelihoods = _likelihoods.Likelihoods(problem(), "raise")
    settings = skerry.Pools(particles=4, candidates=6)
    poor, network = network is None, untrained() if network is None else network
    for _ in range(rounds):
        kept = u if retain else rng.standard_normal(u.shape)
        found = _pools.refresh(network, x, kept, likelihoods, settings, rng)
        u = found.u[:, 0]
    assert found.share.mean() < 0.5 or not poor
    return np.concatenate([moments_z(found.u[:, s], x) for s in range(4)])


def test_the_kernel_leaves_the_exact_posterior_invariant():
    assert np.abs(kernel_z(retain=True)).max() < Z


@pytest.mark.statistical
def test_the_kernel_forgets_that_particles_were_drawn_from_a_wider_prior():
    assert np.abs(kernel_z(widen=2.0, rounds=1)).max() > 2 * Z
    assert np.abs(kernel_z(widen=2.0, rounds=12, network=wide().network)).max() < Z


@pytest.mark.statistical
def test_simulations_wider_than_the_prior_serve_unusual_observations():
    far = np.array([[4.5, -4.5], [-4.0, 4.0], [5.0, 2.0]])
    assert not wide().outside(far).any()
    assert estimator().outside(far).all()
    x = np.concatenate([far, simulate(PRIOR.sample(100, 0), np.random.default_rng(0))])
    log_q = wide().log_prob((SHRINK * x)[:, None], x)[:, 0]
    assert np.abs(2 * st.norm.logpdf(0, 0, DEVIATION) - log_q).max() < 1.0


def test_a_kernel_that_forgets_the_retained_particle_would_be_caught():
    assert np.abs(kernel_z(retain=False)).max() > 2 * Z


def test_each_row_is_resampled_in_proportion():
    log_w = np.log(np.tile([0.5, 0.25, 0.25, 1e-300], (4000, 1)))
    chosen, share = _pools.choose(log_w, 4, np.random.default_rng(0))
    assert np.all(np.sum(chosen == 0, axis=1) == 2)
    assert not np.any(chosen == 3)
    np.testing.assert_allclose(share, 1 / 0.375 / 4)
    assert abs(np.mean(chosen[:, 0] == 0) - 0.5) < Z * 0.5 / np.sqrt(4000)


def test_an_observation_whose_candidates_are_all_impossible_keeps_its_particle():
    rng = np.random.default_rng(0)
    u = rng.standard_normal((5, 2)).astype(np.float32).astype(float)

    def impossible(points, x):
        return np.full(points.shape[:2], -np.inf)

    found = _pools.refresh(untrained(), u, u, impossible, skerry.Pools(), rng)
    np.testing.assert_array_equal(found.u, np.repeat(u[:, None], 4, axis=1))


@pytest.mark.slow
def test_the_density_is_close_to_the_posterior():
    e, rng = estimator(), np.random.default_rng(2)
    theta = PRIOR.sample(2000, 5)
    x = simulate(theta, rng)
    log_q = e.log_prob(theta[:, None], x)[:, 0]
    log_p = st.norm.logpdf(theta, SHRINK * x, DEVIATION).sum(axis=1)
    excess = log_p - log_q  # its mean is the divergence
    assert -Z * excess.std() / np.sqrt(len(excess)) < excess.mean() < 0.1


def test_the_density_is_normalised_and_draws_follow_it():
    e, x = estimator(), np.array([0.7, -0.4])
    grid = np.linspace(-4, 4, 201)
    theta = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    density = np.exp(e.log_prob(theta, x))
    cell = (grid[1] - grid[0]) ** 2
    assert abs(density.sum() * cell - 1) < 1e-3
    draws = e.sample(x, 20_000, seed=1)
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert np.all(np.abs(draws.mean(axis=0) - density @ theta * cell) < Z * error)


def test_a_batch_is_its_observations_one_by_one():
    e = estimator()
    x, theta = np.array([[0.0, 1.0], [2.0, -1.0]]), PRIOR.sample(7, 0)
    together = e.log_prob(theta, x)
    assert together.shape == (2, 7)
    np.testing.assert_allclose(together, [e.log_prob(theta, row) for row in x], atol=1e-4)
    assert e.sample(x, 5, 0).shape == (2, 5, 2)
    assert e.sample(x[0], 5, 0).shape == (5, 2)
    np.testing.assert_array_equal(e.sample(x, 5, 0), e.sample(x, 5, 0))


def test_refinement_gives_the_exact_evidence_and_moments():
    e, scores = estimator(), []
    for i, x in enumerate(np.random.default_rng(3).standard_normal((10, 2))):
        p = e.posterior(x, n_effective=1000, seed=i)
        assert p.status is Status.CONVERGED
        truth = st.norm.logpdf(x, 0, np.hypot(SD, SIGMA)).sum()
        scores.append((p.log_evidence - truth) / p.log_evidence_error)
        assert np.all(np.abs(p.mean - SHRINK * x) < Z * DEVIATION / np.sqrt(1000))
    assert np.abs(scores).max() < Z
    assert len(p.modes) == 1
    assert p.n_effective >= 1000


def test_a_batch_of_refined_posteriors():
    x = np.array([[0.0, 0.5], [-1.0, 1.0], [0.2, 0.2]])
    found = estimator().posteriors(x, n_effective=200, seed=0)
    assert [p.converged for p in found] == [True] * 3
    assert all(np.all(np.abs(p.mean - SHRINK * r) < 0.2) for p, r in zip(found, x, strict=True))


def test_a_raw_posterior_says_that_nothing_was_checked():
    e = estimator()
    p = e.posterior([0.5, 0.5])
    assert p.status is Status.UNCHECKED
    assert p.n_calls == 0
    assert np.isnan(p.log_evidence)
    theta = p.samples[:100]
    np.testing.assert_allclose(p.log_prob(theta), e.log_prob(theta, [0.5, 0.5]), atol=1e-3)
    far = e.posterior([30.0, 30.0])
    assert far.status is Status.OUTSIDE
    assert e.outside([[0.0, 0.0], [9.0, -9.0]]).tolist() == [False, True]


def lively(dim, bent):
    """An untrained network whose components differ much."""
    network, rng = untrained(dim, K=5, bent=bent), np.random.default_rng(0)
    last, straight = network.head.last, network.head.straight
    new = tuple(
        jnp.asarray(0.3 * rng.standard_normal(a.shape), np.float32) for a in (last, straight)
    )
    return eqx.tree_at(lambda n: (n.head.last, n.head.straight), network, new)


@pytest.mark.parametrize("bent", [False, True])
def test_a_mixture_is_a_density_of_its_own_and_survives_a_file(tmp_path, bent):
    prior = skerry.Prior({name: st.norm(0, 1) for name in "abc"})
    trained = replace(estimator(), network=lively(3, bent), prior=prior)
    x = [0.5, -0.5]
    p = trained.posterior(x)
    theta = p.samples[:300]
    np.testing.assert_allclose(p.log_prob(theta), trained.log_prob(theta, x), atol=1e-3)
    drawn, other = p.sample(20_000, seed=0), trained.sample(x, 20_000, seed=1)
    for look in (lambda v: v, lambda v: v * v, lambda v: v * v[:, ::-1]):
        a, b = look(drawn), look(other)
        error = np.sqrt((a.var(axis=0) + b.var(axis=0)) / len(a))
        assert np.all(np.abs(a.mean(axis=0) - b.mean(axis=0)) < Z * error)
    p.save(tmp_path / "p.npz")
    again = skerry.load(tmp_path / "p.npz")
    np.testing.assert_array_equal(again.log_prob(theta), p.log_prob(theta))
    with np.load(tmp_path / "p.npz") as file:
        older = {name: array for name, array in file.items() if name not in ("leaf4", "leaf5")}
    np.savez(tmp_path / "older.npz", **older)
    shape = p.flow.density.shape
    assert shape.tails.min() > 0
    straight = replace(p.flow.density, shape=unwarped(shape))
    u = prior.to_u(theta)
    found = skerry.load(tmp_path / "older.npz").flow.density
    np.testing.assert_array_equal(found.log_prob(u), straight.log_prob(u))


def unwarped(shape):
    none = jnp.zeros_like(shape.skews)
    return eqx.tree_at(lambda s: (s.skews, s.tails), shape, (none, none))


@pytest.mark.statistical
def test_an_observation_far_outside_escalates_to_the_exact_answer():
    x = np.array([7.0, -7.0])
    p = estimator().posterior(x, n_effective=1000, seed=0)
    assert p.settings["scheme"] == "escalated"
    truth = st.norm.logpdf(x, 0, np.hypot(SD, SIGMA)).sum()
    assert abs(p.log_evidence - truth) < Z * p.log_evidence_error
    assert np.all(np.abs(p.mean - SHRINK * x) < Z * DEVIATION / np.sqrt(1000))


def exact_mixtures(width=1.0):
    """The conjugate posterior itself, or one too narrow."""

    def mixtures(self, x):
        whitener = np.eye(2) / (width * DEVIATION)
        return Mixtures(
            np.zeros((len(x), 1)), SHRINK * x[:, None], np.tile(whitener, (len(x), 1, 1, 1))
        )

    return mixtures


@pytest.mark.parametrize("width", [1.0, 0.7])
def test_calibration_passes_the_exact_posterior_and_fails_one_too_sure(monkeypatch, width):
    monkeypatch.setattr(skerry.Estimator, "mixtures", exact_mixtures(width))
    found = estimator().calibrate(300, seed=1, n_draws=99)
    assert (found.n_observations, found.n_draws, len(found.sbc)) == (300, 99, 2)
    assert found.passed == (width == 1.0), found.summary()
    if width != 1.0:
        assert found.hpd.finding.startswith("over-confident")


def test_calibration_of_a_trained_estimator():
    e = estimator()
    found = e.calibrate(300, seed=0, n_draws=99, level=0.001)
    assert found.passed, found.summary()
    assert [t.name for t in found.sbc] == ["a", "b"]
    again = e.calibrate(300, seed=0, n_draws=99, level=0.001)
    np.testing.assert_array_equal(found.hpd.ranks, again.hpd.ranks)


def test_calibration_simulates_by_a_forward_model_or_asks_for_a_simulator():
    e, n = estimator(), 40
    p = skerry.Problem(PRIOR, forward=lambda theta: theta, noise=noise.Gaussian(SIGMA))
    found = replace(e, simulator=None, problem=p).calibrate(n, seed=0, n_draws=19)
    assert found.n_observations == n
    bare = replace(e, simulator=None)
    assert bare.calibrate(n, seed=0, n_draws=19, simulator=simulate).n_observations == n
    with pytest.raises(UnsupportedError, match="simulator=f"):
        bare.calibrate(n, seed=0)
    with pytest.raises(InputError, match="n to be an int >= 2"):
        e.calibrate(1, seed=0)


def test_a_refinement_goes_on_from_its_store_and_escalates_from_it(tmp_path):
    """An observation the density fits, and one outside, where adaptive rounds take over."""
    calls, e = [], estimator()

    def counting(theta, x):
        calls.append(len(theta))
        return log_likelihood(theta, x)

    counted = replace(e, problem=skerry.Problem(PRIOR, counting, pairwise=True))
    for name, x, n in (("refined", [0.3, -0.2], 300), ("escalated", [7.0, -7.0], 200)):
        plain = e.posterior(x, n_effective=n, seed=1)
        store = tmp_path / name
        one = counted.posterior(x, n_effective=n, seed=1, store=store)
        assert one.settings["scheme"] == name
        assert 0 < sum(calls) <= one.n_calls  # a hunt may come by the same place again
        calls.clear()
        two = counted.posterior(x, n_effective=n, seed=1, store=store)
        assert not calls
        for found in (one, two):
            np.testing.assert_array_equal(found.samples, plain.samples)
            np.testing.assert_array_equal(found.log_weights, plain.log_weights)
        kept = skerry.store.read(store)
        assert np.isfinite(kept.log_proposal[kept.round >= 0]).all()
        assert np.mean(kept.round >= 0) > 0.3
        with pytest.raises(InputError, match="n_effective: stored"):
            counted.posterior(x, n_effective=n + 1, seed=1, store=store)


FRESH = """
import sys, numpy as np, skerry
e = skerry.load(sys.argv[1])
np.save(sys.argv[2], e.log_prob(np.load(sys.argv[3]), [0.3, -0.2]))
"""


def test_a_saved_estimator_gives_the_same_bits_in_a_new_process(tmp_path):
    e, theta = estimator(), PRIOR.sample(50, 0)
    path, out, points = (tmp_path / name for name in ("e.npz", "out.npy", "points.npy"))
    e.save(path)
    np.save(points, theta)
    subprocess.run([sys.executable, "-c", FRESH, path, out, points], check=True)
    np.testing.assert_array_equal(np.load(out), e.log_prob(theta, [0.3, -0.2]))
    again = skerry.load(path)
    assert (again.held_out, again.n_simulations, again.names) == (e.held_out, 1000, e.names)
    with pytest.raises(UnsupportedError, match="without its problem"):
        again.posterior([0.3, -0.2], n_effective=100)
    full = skerry.load(path, problem=problem())
    one, two = (m.posterior([0.3, -0.2], n_effective=200, seed=1) for m in (e, full))
    np.testing.assert_array_equal(one.samples, two.samples)


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "e.npz"
    estimator().save(path)
    with np.load(path) as file:
        arrays = dict(file)
    arrays["leaf3"] = arrays["leaf3"][:1]
    np.savez(path, **arrays)
    with pytest.raises(InputError, match="damaged"):
        skerry.load(path)
    other = skerry.Prior({"c": st.norm(0, 1), "d": st.norm(0, 1)})
    estimator().save(path)
    with pytest.raises(InputError, match="prior of the parameters a, b"):
        skerry.load(path, prior=other)


@pytest.mark.parametrize("make", ["plain", "one", "jax", "jax rows", "forward"])
def test_pairs_are_evaluated_alike_in_every_way(make):
    def one(theta, x):
        return jnp.sum(-0.5 * ((theta - x) / SIGMA) ** 2) - 2 * jnp.log(
            SIGMA * jnp.sqrt(2 * jnp.pi)
        )

    def rows(theta, x):
        return jnp.sum(-0.5 * ((theta - x) / SIGMA) ** 2, axis=1) - jnp.log(SIGMA**2 * 2 * jnp.pi)

    made = {
        "plain": lambda: problem(pairwise=False),
        "one": lambda: skerry.Problem(
            PRIOR, lambda t, x: float(st.norm.logpdf(t, x, SIGMA).sum()), vectorized=False
        ),
        "jax": lambda: skerry.Problem(PRIOR, one, jax=True),
        "jax rows": lambda: skerry.Problem(PRIOR, rows, jax=True, vectorized=True),
        "forward": lambda: skerry.Problem(PRIOR, forward=lambda t: t, noise=noise.Gaussian(SIGMA)),
    }[make]()
    rng = np.random.default_rng(0)
    theta, x = rng.standard_normal((3, 5, 2)), rng.standard_normal((3, 2))
    expected = problem().log_likelihoods(theta, x)
    assert expected.shape == (3, 5)
    np.testing.assert_allclose(made.log_likelihoods(theta, x), expected, rtol=1e-9)


TINY = replace(SHORT, max_epochs=2, steps=4, batch=64)


def tiny(problem, x=None, **options):
    return skerry.amortize(problem, x, n_components=2, training=TINY, seed=0, **options)


def test_a_forward_model_runs_once_for_each_simulation():
    runs = []

    def forward(theta):
        runs.append(len(theta))
        return theta

    p = skerry.Problem(PRIOR, forward=forward, noise=noise.Gaussian(SIGMA))
    e = tiny(p, n_simulations=300, pools=None)
    assert sum(runs) <= 300 + e.n_likelihoods
    assert e.n_simulations == 300


def test_fresh_simulations_every_step():
    seen = []

    def counting(theta, rng):
        seen.append(len(theta))
        return simulate(theta, rng)

    e = tiny(problem(), simulator=counting, n_simulations=None)
    assert sum(seen) == 1000 + 2 * 256
    assert e.n_simulations is None


@pytest.mark.parametrize("every", [1, 2])
def test_particles_of_both_kinds_are_renewed_as_often_as_asked(every):
    e = tiny(problem(), simulator=simulate, n_simulations=300, pools=skerry.Pools(every=every))
    trial = scored = round(TINY.held_out * 300)
    trained = TINY.steps * TINY.batch
    assert e.n_likelihoods == trial + 2 // every * 17 * (scored + trained)


def test_pairs_simulated_earlier():
    theta = PRIOR.sample(300, 0)
    e = tiny(problem(), simulate(theta, np.random.default_rng(0)), theta=theta)
    assert e.n_simulations == 300


@pytest.mark.statistical
def test_observations_without_a_simulator_start_from_the_prior_or_from_adaptive_rounds():
    rng = np.random.default_rng(0)
    x = np.concatenate([simulate(PRIOR.sample(60, 0), rng), [[4.5, 4.5]]])
    e = skerry.amortize(problem(), x, n_components=2, training=SHORT, seed=0)
    log_q = e.log_prob((SHRINK * x)[:, None], x)[:, 0]
    peak = 2 * st.norm.logpdf(0, 0, DEVIATION)
    assert np.all(np.abs(log_q - peak) < 1.0)


def test_a_set_embedding_ignores_the_order_of_items():
    def wide(theta, rng):
        return (theta[:, None] + SIGMA * rng.standard_normal((len(theta), 5, 2))).reshape(-1, 10)

    def pairs(theta, x):
        items = np.broadcast_to(np.atleast_2d(x), (len(theta), 10)).reshape(-1, 5, 2)
        return st.norm.logpdf(items, theta[:, None], SIGMA).sum(axis=(1, 2))

    p, small = skerry.Problem(PRIOR, pairs, pairwise=True), embeddings.Set(2, 3, width=8, depth=1)
    e = tiny(p, simulator=wide, n_simulations=200, embedding=small)
    x = wide(PRIOR.sample(1, 0), np.random.default_rng(1))[0]
    turned = x.reshape(5, 2)[[3, 1, 4, 0, 2]].ravel()
    theta = PRIOR.sample(20, 1)
    np.testing.assert_allclose(e.log_prob(theta, x), e.log_prob(theta, turned), atol=1e-4)


def test_a_set_embedding_hands_on_exact_moments_of_items_however_far_out():
    x = np.random.default_rng(0).standard_normal((300, 5, 2)) * [1.0, 20.0]
    x[0, 2], setting = [30.0, -900.0], embeddings.Set(2, features=3, width=4, depth=1)
    scale = embeddings.standard(x, setting)
    module = embeddings.build(setting, (5, 2), as_seed(0))
    found = np.asarray(module(scale(jnp.asarray(x[0], jnp.float32))))
    items = (x[0] - np.asarray(scale.centre)) / np.asarray(scale.spread)
    assert np.abs(items).max() > 30
    assert found.shape == (3 + 5,)
    np.testing.assert_allclose(found[5:7], np.log(items.std(axis=0)), atol=1e-4)
    assert abs(np.tanh(found[7]) / 0.9999 - np.corrcoef(items.T)[0, 1]) < 1e-4
    assert np.abs(found[3:5]).max() < 8.0
    assert np.all(np.sign(found[3:5]) == np.sign(items.mean(axis=0)))


def test_numbers_that_are_positive_and_uneven_are_scaled_by_their_logarithms(tmp_path):
    """And only those: not lengths around 5, not numbers of both signs, not counts from 0."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((500, 4))
    x = np.stack(
        [np.exp(2 * z[:, 0]), 5 + 0.1 * z[:, 1], z[:, 2] ** 3, rng.poisson(1, 500)], axis=1
    )
    scale = embeddings.standard(x, None)
    assert scale.logs == (0,)
    rows = np.asarray(jax.vmap(scale.plain)(jnp.asarray(x, jnp.float32)))
    np.testing.assert_allclose(rows[:, 0].std() / z[:, 0].std(), 1.0, atol=0.2)
    assert np.isfinite(scale(jnp.asarray([-1.0, 5.0, 0.0, 0.0]))).all()
    assert embeddings.standard(x[:, [0, 0, 1, 1]], embeddings.Set(2)).logs == ()
    assert embeddings.standard(x[:, [0, 1, 0, 1]], embeddings.Set(2)).logs == (0, 2)

    def positive(theta, rng):
        return np.exp(3 * simulate(theta, rng))

    def pairs(theta, x):
        return log_likelihood(theta, np.log(x) / 3)

    p = skerry.Problem(PRIOR, pairs, pairwise=True)
    e = tiny(p, simulator=positive, n_simulations=100)
    assert e.network.standard.logs == (0, 1)
    e.save(tmp_path / "e.npz")
    theta, again = PRIOR.sample(5, 0), skerry.load(tmp_path / "e.npz")
    np.testing.assert_array_equal(e.log_prob(theta, [0.1, 9]), again.log_prob(theta, [0.1, 9]))


class Own(eqx.Module):
    weight: jnp.ndarray

    def __call__(self, x):
        return self.weight @ x


def test_an_embedding_of_ones_own_is_trained_and_asked_for_again(tmp_path):
    own = Own(jnp.ones((3, 2)))
    e = tiny(problem(), simulator=simulate, n_simulations=100, embedding=own)
    assert not np.array_equal(e.network.embedding.weight, own.weight)
    e.save(tmp_path / "e.npz")
    with pytest.raises(InputError, match="embedding=module"):
        skerry.load(tmp_path / "e.npz")
    again = skerry.load(tmp_path / "e.npz", embedding=own)
    theta = PRIOR.sample(5, 0)
    np.testing.assert_array_equal(e.log_prob(theta, [0, 1]), again.log_prob(theta, [0, 1]))


def test_the_mlp_embedding_and_its_file(tmp_path):
    e = tiny(problem(), simulator=simulate, n_simulations=100, embedding=embeddings.MLP(4, 8, 1))
    e.save(tmp_path / "e.npz")
    theta = PRIOR.sample(5, 0)
    again = skerry.load(tmp_path / "e.npz")
    np.testing.assert_array_equal(e.log_prob(theta, [0, 1]), again.log_prob(theta, [0, 1]))


def test_the_same_seed_gives_the_same_bits():
    a, b = (tiny(problem(), simulator=simulate, n_simulations=100) for _ in range(2))
    np.testing.assert_array_equal(a.sample([0, 1], 10, 0), b.sample([0, 1], 10, 0))


def test_bounds_are_never_left():
    prior = skerry.Prior({"a": st.uniform(0, 1), "b": st.uniform(-1, 2)})
    p = skerry.Problem(prior, log_likelihood, pairwise=True)
    e = tiny(p, simulator=simulate, n_simulations=100)
    draws = e.sample([3.0, -3.0], 1000, 0)
    assert np.all((draws >= prior.bounds[:, 0]) & (draws <= prior.bounds[:, 1]))
    assert e.log_prob([[2.0, 0.0]], [0.0, 0.0])[0] == -np.inf


def test_the_ellipsoid_of_training_observations():
    rows = np.random.default_rng(0).standard_normal((500, 3)) * [1.0, 10.0, 0.1] + 5.0
    found = familiar(rows)
    assert not found.outside(rows).any()
    assert found.outside(np.array([[5.0, 5.0, 6.0]])).all()


BAD = {
    "no x in the likelihood": (
        lambda: skerry.amortize(skerry.Problem(PRIOR, lambda theta: theta[:, 0])),
        InputError,
        "skerry.infer",
    ),
    "nothing to train on": (lambda: tiny(problem()), InputError, "simulator"),
    "theta alone": (
        lambda: tiny(problem(), theta=np.zeros((3, 2)), simulator=simulate),
        InputError,
        "theta alone",
    ),
    "too few": (
        lambda: tiny(problem(), simulator=simulate, n_simulations=3),
        InputError,
        "n_simulations",
    ),
    "one number a row": (
        lambda: tiny(problem(), simulator=lambda t, rng: t[:, 0], n_simulations=100),
        InputError,
        r"x\[:, None\]",
    ),
    "simulations that are nan": (
        lambda: tiny(problem(), simulator=lambda t, rng: t * np.nan, n_simulations=100),
        InputError,
        "finite observations",
    ),
    "a likelihood that is nan": (
        lambda: tiny(
            skerry.Problem(PRIOR, lambda t, x: np.full(len(t), np.nan), pairwise=True),
            simulator=simulate,
            n_simulations=100,
        ),
        EvaluationError,
        'failures="zero"',
    ),
    "a simulator of another model": (
        lambda: tiny(
            skerry.Problem(PRIOR, lambda t, x: np.full(len(t), -np.inf), pairwise=True),
            simulator=simulate,
            n_simulations=100,
        ),
        ProblemError,
        "simulator and likelihood disagree",
    ),
    "an embedding that is none": (
        lambda: tiny(problem(), simulator=simulate, n_simulations=100, embedding="set"),
        InputError,
        "embeddings.MLP",
    ),
    "items that do not fit": (
        lambda: tiny(
            problem(), simulator=simulate, n_simulations=100, embedding=embeddings.Set(item=3)
        ),
        InputError,
        "items of 3",
    ),
    "an observation of another shape": (
        lambda: estimator().sample([1.0, 2.0, 3.0], 5, 0),
        InputError,
        "observation of shape",
    ),
    "a batch for one posterior": (
        lambda: estimator().posterior(np.zeros((3, 2))),
        InputError,
        "one observation",
    ),
    "pairs of a forward model": (
        lambda: skerry.Problem(
            PRIOR, forward=lambda t: t, noise=noise.Gaussian(1.0), pairwise=True
        ),
        ProblemError,
        "leave pairwise out",
    ),
    "a wider prior without pools": (
        lambda: tiny(problem(), simulator=simulate, n_simulations=100, widen=2.0, pools=None),
        InputError,
        "got no pools",
    ),
    "a narrower prior": (
        lambda: tiny(problem(), simulator=simulate, n_simulations=100, widen=0.5),
        InputError,
        "from 1 to 10",
    ),
    "pools of nothing": (lambda: skerry.Pools(particles=0), InputError, "particles"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_what_to_do(name):
    call, kind, text = BAD[name]
    with pytest.raises(kind, match=text):
        call()
