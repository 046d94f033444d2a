"""Weighted maximum likelihood: what is learnt, what must not matter, what must not be touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import replace

import jax
import numpy as np
import pytest
import scipy.stats as st
from scipy.special import logsumexp

from compiling import compilations
from skerry import _compilation, flows, training, weights
from skerry._descent import descend, fresh, orthogonal, pace
from skerry._seeds import as_seed
from skerry.errors import InputError
from skerry.flows import CouplingSettings
from skerry.training import Training

Z = 5.0
SEED = as_seed(0)
SMALL = CouplingSettings(kind="affine", layers=2, width=8, depth=1)
FAST = Training(max_epochs=3, steps=10, batch=128)
MEAN = np.array([0.5, -1.0])
COVARIANCE = np.array([[0.5, 0.3], [0.3, 0.4]])
WIDTH = 1.3
TARGET = st.multivariate_normal(MEAN, COVARIANCE)


def start(x_dim=0, form="flow_mixture", settings=SMALL, K=1):
    """Round normals side by side: none of them where the target is."""
    means = np.zeros((K, 2)) + 8.0 * np.arange(K)[:, None]
    frames = flows.frames(means, np.repeat(WIDTH**2 * np.eye(2)[None], K, axis=0))
    build = getattr(flows, form)
    return build(frames, np.zeros(K), SEED, settings=settings, x_dim=x_dim)


def weighted(n, seed=0, spread=1.5):
    """Points of a wide normal, weighted towards the target."""
    u = spread * np.random.default_rng(seed).standard_normal((n, 2))
    return u, TARGET.logpdf(u) - st.norm(0, spread).logpdf(u).sum(axis=1)


def fit(density, u, log_w, settings=FAST, seed=SEED, **options):
    return training.fit(density, u, log_w, seed=seed, settings=settings, **options)


# What is learnt


@pytest.mark.parametrize("form", ["flow_mixture", "mixture_base", "gaussian_base"])
def test_a_gaussian_is_learnt_from_weighted_points(form):
    """KL under 0.03; moments within Z errors of the effective points and of the draws."""
    u, log_w = weighted(8000)
    fitted = fit(start(form=form), u, log_w, Training(20, 40, 256, learning_rate=1e-2))
    exact = np.random.default_rng(1).multivariate_normal(MEAN, COVARIANCE, 4000)
    kl = np.mean(TARGET.logpdf(exact) - fitted.density.log_prob(exact))
    assert -0.01 < kl < 0.03
    drawn = fitted.density.sample(20_000, 2)
    n = 1 / (1 / weights.effective_sample_size(log_w) + 1 / 20_000)
    sd = np.sqrt(np.diag(COVARIANCE))
    assert np.all(np.abs(drawn.mean(axis=0) - MEAN) < Z * sd / np.sqrt(n) + 0.03 * sd)
    assert np.all(np.abs(np.cov(drawn.T) - COVARIANCE) < 0.1 * np.outer(sd, sd))


def test_unweighted_training_on_the_same_points_learns_another_density():
    """The test above could fail: the weights matter."""
    u, log_w = weighted(8000)
    exact = np.random.default_rng(1).multivariate_normal(MEAN, COVARIANCE, 1000)
    settings = Training(6, 40, 256, learning_rate=1e-2)
    by_weight = fit(start(), u, log_w, settings).density.log_prob(exact).mean()
    alike = fit(start(), u, np.zeros(len(u)), settings).density.log_prob(exact).mean()
    assert alike < by_weight - 0.3


def test_contexts_are_used():
    """u ~ N(x, 0.3^2): with the right x the density is far better than with another's."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (4000, 1))
    u = x + 0.3 * rng.standard_normal((4000, 2))
    fitted = fit(start(x_dim=1), u, np.zeros(4000), Training(12, 40, 256, 1e-2), x=x)
    score = fitted.density.log_prob(u, x).mean()
    best = -2 * np.log(0.3) - np.log(2 * np.pi) - 1
    assert best - 0.15 < score < best + 0.1
    assert fitted.density.log_prob(u, rng.permutation(x)).mean() < score - 1


def test_the_target_has_the_lowest_loss():
    """The held-out score is a cross entropy: never below the target's entropy."""
    u, log_w = weighted(4000)
    fitted = fit(start(), u, log_w, Training(10, 40, 256, 1e-2))
    error = np.sqrt(1 / fitted.ess_held_out)  # log q of a planar Gaussian has a variance of 1
    assert fitted.held_out > TARGET.entropy() - Z * error
    assert fitted.held_out < fitted.epochs[0].held_out


# What must not matter


def test_the_loss_does_not_depend_on_the_scale_of_the_weights():
    """Weights on a dyadic grid, so that adding 2^20 to their logarithms is exact."""
    u, log_w = weighted(1000)
    log_w = np.round(log_w * 1024) / 1024
    one, two = fit(start(), u, log_w), fit(start(), u, log_w + 2.0**20)
    assert one.epochs[1:] == two.epochs[1:]
    assert one.epochs[0].held_out == two.epochs[0].held_out
    np.testing.assert_array_equal(one.density.log_prob(u), two.density.log_prob(u))


@pytest.mark.parametrize("constant", [-1e6, 1e6])
def test_a_large_constant_in_the_log_weights_hardly_matters(constant):
    """Adding 1e6 rounds logarithms by 1e-10: scores agree to float32."""
    u, log_w = weighted(1000)
    one, two = fit(start(), u, log_w), fit(start(), u, log_w + constant)
    for a, b in zip(one.epochs, two.epochs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("n", [500, 5000, 50_000])
def test_the_loss_does_not_depend_on_the_number_of_points(n):
    """The start's score is the cross entropy, whatever n: within Z standard errors."""
    u, log_w = weighted(n)
    fitted = fit(start(), u, log_w, Training(1, 10, 512))
    cross = 0.5 * (np.trace(COVARIANCE) + MEAN @ MEAN) / WIDTH**2 + np.log(2 * np.pi * WIDTH**2)
    spread = 0.5 * np.std(np.sum(TARGET.rvs(10_000, random_state=0) ** 2, axis=1))
    assert abs(fitted.epochs[0].held_out - cross) < Z * spread / np.sqrt(fitted.ess_held_out)
    error = np.sqrt(1 / fitted.ess_train + 1 / 5120)
    assert abs(fitted.epochs[1].loss - cross) < Z * spread * error + 0.2  # it falls meanwhile


def test_copies_of_all_points_change_nothing_but_the_order():
    u, log_w = weighted(3000)
    settings = Training(8, 40, 256, 1e-2)
    one = fit(start(), u, log_w, settings)
    two = fit(start(), np.repeat(u, 3, axis=0), np.repeat(log_w, 3), settings)
    exact = TARGET.rvs(3000, random_state=0)
    gap = one.density.log_prob(exact) - two.density.log_prob(exact)
    assert np.abs(gap).mean() < 0.1
    assert abs(gap.mean()) < 0.02


def test_points_of_no_weight_do_not_matter():
    u, log_w = weighted(600)
    junk = np.concatenate([u, np.full((50, 2), np.nan)])
    one = fit(start(), u, log_w)
    two = fit(start(), junk, np.append(log_w, np.full(50, -np.inf)))
    assert one.epochs[1:] == two.epochs[1:]


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    u, log_w = weighted(800)
    one, two, other = (fit(start(), u, log_w, seed=as_seed(s)) for s in (5, 5, 6))
    assert one.epochs[1:] == two.epochs[1:]
    np.testing.assert_array_equal(one.density.log_prob(u), two.density.log_prob(u))
    assert one.epochs[1:] != other.epochs[1:]


def test_the_start_is_left_as_it_was():
    density, (u, log_w) = start(), weighted(800)
    before = density.log_prob(u)
    fitted = fit(density, u, log_w)
    np.testing.assert_array_equal(density.log_prob(u), before)
    assert fitted.density.frames is density.frames


# What is kept


@pytest.mark.parametrize("rate", [1e-3, 1e-2, 0.3])
def test_the_best_epoch_is_kept(rate):
    u, log_w = weighted(2000)
    fitted = fit(start(), u, log_w, Training(6, 10, 128, learning_rate=rate, patience=6))
    scores = [epoch.held_out for epoch in fitted.epochs]
    assert len(scores) == 7
    assert fitted.best == int(np.argmin(scores))
    assert fitted.held_out == min(scores)


def test_what_is_kept_has_the_score_it_claims():
    """All points alike, so that any part of them estimates the same score."""
    u = TARGET.rvs(8000, random_state=1)
    fitted = fit(start(), u, np.zeros(8000), Training(6, 40, 256, 1e-2))
    score = training.held_out_score(fitted.density, u, np.zeros(8000))
    spread = np.std(fitted.density.log_prob(u))
    assert abs(score - fitted.held_out) < Z * spread / np.sqrt(fitted.ess_held_out)
    assert fitted.ess_held_out == pytest.approx(0.15 * 8000, rel=0.01)
    assert fitted.ess_train == pytest.approx(0.85 * 8000, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_with_few_effective_points_it_never_ends_worse_than_it_began(seed):
    """12 points and a rate that overfits or blows up."""
    u, log_w = weighted(12, seed)
    fitted = fit(start(), u, log_w, Training(5, 10, 64, learning_rate=1.0), seed=as_seed(seed))
    assert fitted.held_out <= fitted.epochs[0].held_out
    assert np.isfinite(fitted.density.log_prob(u)).all()


def test_a_perfect_start_is_hardly_moved():
    u = WIDTH * np.random.default_rng(0).standard_normal((500, 2))
    fitted = fit(start(), u, np.zeros(500), Training(5, 20, 64, learning_rate=0.3))
    exact = WIDTH * np.random.default_rng(1).standard_normal((4000, 2))
    kl = np.mean(st.norm(0, WIDTH).logpdf(exact).sum(axis=1) - fitted.density.log_prob(exact))
    assert kl < 0.05


def test_patience_ends_the_training():
    u = WIDTH * np.random.default_rng(0).standard_normal((300, 2))
    fitted = fit(start(), u, np.zeros(300), Training(40, 10, 64, learning_rate=1.0, patience=3))
    assert len(fitted.epochs) - 1 == fitted.best + 3


def test_progress_is_told_after_each_epoch():
    seen = []
    u, log_w = weighted(300)
    fitted = fit(start(), u, log_w, progress=lambda *line: seen.append(line))
    assert seen == [(i, 3, fitted.epochs[i]) for i in (1, 2, 3)]


# What must not be compiled again, or touched


def test_nothing_is_compiled_again_for_other_points_or_weights():
    unlike = replace(FAST, batch=96)  # a shape no other test has compiled
    assert compilations(lambda: fit(start(), *weighted(700), unlike)) > 0
    for n, seed in ((700, 1), (1500, 2), (12_000, 3), (50, 4)):
        assert compilations(lambda n=n, seed=seed: fit(start(), *weighted(n, seed), unlike)) == 0


def in_a_fresh_process(script, **environment):
    """What a script prints as JSON, in a process of its own with warnings as errors."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


STATE = """
    import json, logging, sys, warnings
    filters = list(warnings.filters)
    handlers, level = list(logging.root.handlers), logging.root.level
"""


def test_importing_loads_and_touches_nothing():
    found = in_a_fresh_process(
        STATE
        + """
    import skerry
    heavy = ["jax", "scipy", "numpy", "equinox", "flowjax", "matplotlib", "optax", "sklearn"]
    print(json.dumps({
        "heavy": [name for name in heavy if name in sys.modules],
        "warnings": filters == list(warnings.filters),
        "logging": handlers == logging.root.handlers and level == logging.root.level,
    }))
    """
    )
    assert found == {"heavy": [], "warnings": True, "logging": True}


def test_fitting_leaves_the_process_as_it_was(tmp_path):
    """JAX's precision and caches, logging, warnings, matplotlib: in a fresh process."""
    found = in_a_fresh_process(
        STATE
        + """
    import jax, matplotlib, numpy as np, scipy.stats as st
    before, params = dict(jax.config.values), dict(matplotlib.rcParams)
    filters = list(warnings.filters)
    import skerry
    prior = skerry.Prior({"a": st.norm(0, 1)})
    light = skerry.Training(1, 2, 32)
    problem = skerry.Problem(prior, lambda t: -t[:, 0] ** 2)
    posterior = skerry.infer(problem, scheme=skerry.Static(200, training=light))
    try:
        skerry.infer(skerry.Problem(prior, lambda t: 1 / 0), scheme=skerry.Static(200))
    except skerry.errors.EvaluationError:
        pass
    after = dict(jax.config.values)
    print(json.dumps({
        "config": [k for k in after if after[k] != before.get(k, after[k])],
        "x64": jax.numpy.ones(1).dtype.name,
        "matplotlib": params == dict(matplotlib.rcParams),
        "warnings": filters == list(warnings.filters),
        "logging": handlers == logging.root.handlers and level == logging.root.level,
    }))
    """,
        SKERRY_CACHE_DIR=str(tmp_path),
    )
    assert found == {
        "config": [],
        "x64": "float32",
        "matplotlib": True,
        "warnings": True,
        "logging": True,
    }
    assert any((tmp_path / "jax").iterdir()), "compiled programs are kept for the next process"


@pytest.mark.parametrize("case", ["off", "the user's own", "no folder", "ours"])
def test_the_cache_of_compiled_programs_is_the_users_choice(case, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    chosen = {"off": "off", "no folder": str(tmp_path / "file")}.get(case, str(tmp_path))
    own = str(tmp_path / "own") if case == "the user's own" else None
    monkeypatch.setenv("SKERRY_CACHE_DIR", chosen)
    _compilation._folder.cache_clear()
    before = jax.config.values["jax_compilation_cache_dir"]
    try:
        jax.config.update("jax_compilation_cache_dir", own)
        with _compilation.persistent_cache():
            inside = jax.config.values["jax_compilation_cache_dir"]
        assert inside == (str(tmp_path / "jax") if case == "ours" else own)
        assert jax.config.values["jax_compilation_cache_dir"] == own
        with pytest.raises(ZeroDivisionError), _compilation.persistent_cache():
            raise ZeroDivisionError
        assert jax.config.values["jax_compilation_cache_dir"] == own
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
        _compilation._folder.cache_clear()


# Mistakes


@pytest.mark.parametrize(
    ("u", "log_w", "text"),
    [
        (np.zeros((9, 2)), np.zeros(9), "at least 10 points of non-zero weight.*9 points, 9"),
        (np.zeros((20, 2)), np.zeros(19), "20 points, 19 weights"),
        (
            np.zeros((20, 2)),
            np.where(np.arange(20) < 5, 0.0, -np.inf),
            "20 points, 20 weights, 5 of them not zero",
        ),
        (np.zeros((20, 2)), np.full(20, np.nan), "finite or -inf; got 20 NaN"),
        (np.zeros((20, 2)), np.full((20, 1), 0.0), r"shape \(n,\), n >= 1; got shape \(20, 1\)"),
        (np.zeros((20, 2)), np.where(np.arange(20), 0.0, np.inf), "1 NaN or .inf of 20"),
    ],
)
def test_points_that_cannot_be_trained_on_are_told(u, log_w, text):
    with pytest.raises(InputError, match=text):
        fit(start(), u, log_w)


@pytest.mark.parametrize("shape", [(16, 16), (2, 40, 10), (3, 10, 40)])
def test_an_orthogonal_step_goes_equally_far_in_every_direction(shape):
    """Singular values that span a hundredfold come out within a factor of two."""
    rng = np.random.default_rng(0)
    u, _, vt = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    values = np.geomspace(1.0, 100.0, u.shape[-1])
    made = np.asarray(orthogonal(((u * values) @ vt).astype(np.float32)))
    along = np.einsum("...mi,...mn,...in->...i", u, made, vt)
    scale = 0.2 * np.sqrt(max(shape[-2:]))
    assert 0.6 * scale < along.min() < along.max() < 1.3 * scale
    np.testing.assert_allclose(made, (u * along[..., None, :]) @ vt, atol=1e-3)


def test_only_the_matrices_named_take_orthogonal_steps():
    params = {"hidden": np.eye(3, dtype=np.float32), "other": np.ones((3, 3), np.float32)}
    target = np.diag([1.0, 2.0, 4.0]).astype(np.float32)

    def loss(params, _):
        return sum(((target * p).sum(axis=1) ** 2).sum() for p in params.values())

    def moved(hidden):
        batches, rhythm = np.zeros(1), pace(1e-3, 1e9, 10)
        state, _ = descend(loss, fresh(params), batches, rhythm, 1, hidden)
        return {name: np.asarray(state.params[name]) - params[name] for name in params}

    plain, chosen = moved(None), moved(lambda p: [p["hidden"]])
    np.testing.assert_array_equal(plain["other"], chosen["other"])
    step = np.linalg.svd(chosen["hidden"])[1] / (1e-3 * 0.2 * np.sqrt(3))
    assert (step > 0.5).all()
    assert (step < 1.3).all()


@pytest.mark.parametrize(
    "options",
    [
        {"max_epochs": 0},
        {"steps": 0},
        {"batch": 0},
        {"patience": 0},
        {"held_out": 0.0},
        {"held_out": 1.0},
        {"learning_rate": 0.0},
        {"clip": -1.0},
        {"learning_rate": np.nan},
    ],
    ids=str,
)
def test_settings_that_cannot_be_used_are_told(options):
    name, value = next(iter(options.items()))
    with pytest.raises(InputError, match=rf"Expected .*{name}.*; got .*{name}={value}"):
        Training(**options)


def test_the_score_of_no_better_than_impossible_points_is_infinite():
    """Weight where the density is far: finite scores, no NaN."""
    density = start()
    far = np.full((20, 2), 1e5)
    assert np.isfinite(training.held_out_score(density, far, np.zeros(20)))
    fitted = fit(density, far, np.zeros(20))
    assert fitted.held_out <= fitted.epochs[0].held_out
    assert logsumexp(weights.normalize(np.zeros(20))) == pytest.approx(0)
