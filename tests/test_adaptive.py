"""The adaptive scheme: every island, an honest evidence, and a true word when it fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats as st

import skerry
from skerry import Adaptive, Periodic, Prior, Problem, Status
from skerry._seeds import as_seed
from skerry.errors import EvaluationError, InputError
from skerry.flows import Frames
from skerry.inference._adaptive import POOR, VAGUE, _size, _tempered
from skerry.inference._proposal import Proposal
from skerry.inference._state import State, Target
from skerry.metrics import mode_masses
from skerry.modes import Islands
from skerry.modes.hunting import Hunter, starts
from skerry.posterior import Round, Search, log_normal, unseen
from skerry.weights import effective_sample_size

Z = 5.0


def far_from_truth(task, posterior) -> float:
    """The largest error of a mode's mass, in its standard errors (at least .002)."""
    labels = task.label(posterior.samples)
    found = mode_masses(labels, len(task.modes), posterior.log_weights)
    exact = np.array([mode.mass for mode in task.modes])
    errors = np.sqrt(exact * (1 - exact) / posterior.n_effective)
    return float(np.max(np.abs(found - exact) / np.maximum(errors, 0.002)))


@pytest.mark.parametrize("name", ["corners", "ring_blob", "octants", "mixture_5d"])
def test_islands_masses_and_evidence_are_found(name):
    task = skerry.tasks.get(name)
    posterior = skerry.infer(task.problem, n_effective=3_000, seed=5)
    assert posterior.status is Status.CONVERGED
    assert len(posterior.modes) == len(task.modes)
    assert far_from_truth(task, posterior) < Z
    off = posterior.log_evidence - task.log_evidence
    assert abs(off) < Z * posterior.log_evidence_error
    assert posterior.n_effective <= posterior.n_calls < 5 * posterior.n_effective


def narrow_islands(ndim=2):
    """Three islands a thousandth of the prior wide, one of them with 2% of the mass."""
    masses = np.array([0.7, 0.28, 0.02])
    places = np.array([[-3.0, 1.0, 2.0, -1.0], [2.0, -2.0, -3.0, 3.0], [4.0, 4.0, 1.0, 2.0]])

    def log_likelihood(theta):
        away = (theta[:, None, :] - places[:, :ndim]) / 0.01
        parts = np.log(masses) - 0.5 * np.sum(away**2, axis=-1)
        return np.logaddexp.reduce(parts, axis=1)

    prior = Prior({f"x{j}": st.uniform(-5, 10) for j in range(ndim)})
    return Problem(prior, log_likelihood), masses


def test_prior_draws_collapse_where_rounds_succeed():
    problem, masses = narrow_islands(ndim=4)
    static = skerry.infer(problem, scheme=skerry.Static(20_000, "islands"), n_effective=2_000)
    assert static.status is Status.COLLAPSED
    posterior = skerry.infer(problem, n_effective=2_000, max_calls=20_000, seed=2)
    assert posterior.status is Status.CONVERGED
    assert len(posterior.modes) == len(masses)


def test_narrow_islands_of_unequal_mass():
    problem, masses = narrow_islands()
    posterior = skerry.infer(problem, n_effective=3_000, seed=2)
    assert posterior.status is Status.CONVERGED
    assert len(posterior.modes) == 3
    for mode, mass in zip(posterior.modes, masses, strict=True):
        assert abs(mode.mass - mass) < Z * mode.mass_error
    exact = np.log(2 * np.pi * 0.01**2 / 100)
    assert abs(posterior.log_evidence - exact) < Z * posterior.log_evidence_error


def test_a_mode_across_the_seam_is_one_mode():
    def log_likelihood(theta):
        near_seam = 20 * np.cos(theta[:, 0])
        opposite = 20 * np.cos(theta[:, 0] - np.pi) + np.log(0.5)
        return np.logaddexp(near_seam, opposite) - 20 - 0.5 * theta[:, 1] ** 2

    prior = Prior({"phase": Periodic(0, 2 * np.pi), "b": st.norm(0, 3)})
    posterior = skerry.infer(Problem(prior, log_likelihood), n_effective=3_000, seed=1)
    assert [round(m.mass, 1) for m in posterior.modes] == [0.7, 0.3]
    assert abs(posterior.modes[0].mass - 2 / 3) < Z * posterior.modes[0].mass_error
    assert np.cos(posterior.modes[0].location[0]) > 0.9
    both = posterior.samples[posterior.labels == 0, 0]
    assert (both < 1).any()
    assert (both > 5).any()


def test_holes_and_edges():
    """Zero likelihood on a half-space, and the peak on the prior's edge."""

    def log_likelihood(theta):
        inside = theta[:, 1] > 0.2
        return np.where(inside, -theta[:, 0] / 0.05, -np.inf)

    prior = Prior({"a": st.uniform(0, 1), "b": st.uniform(0, 1)})
    posterior = skerry.infer(Problem(prior, log_likelihood), n_effective=2_000, seed=4)
    exact = np.log(0.05 * -np.expm1(-20) * 0.8)
    assert abs(posterior.log_evidence - exact) < Z * posterior.log_evidence_error
    assert posterior.samples[:, 1].min() > 0.2


@pytest.mark.parametrize("ndim", [1, 3])
def test_a_flat_likelihood_costs_little(ndim):
    prior = Prior({f"x{j}": st.norm(0, 1) for j in range(ndim)})
    problem = Problem(prior, lambda theta: np.zeros(len(theta)))
    posterior = skerry.infer(problem, n_effective=2_000, seed=0)
    assert abs(posterior.log_evidence) < Z * max(posterior.log_evidence_error, 1e-9)
    assert len(posterior.modes) == 1


def test_true_gradients_are_used_and_count_double():
    import jax.numpy as jnp

    def log_likelihood(theta):
        return -0.5 * jnp.sum(((theta**2 - 1) / 0.1) ** 2)

    prior = Prior({"a": st.uniform(-2, 4), "b": st.uniform(-2, 4)})
    posterior = skerry.infer(Problem(prior, log_likelihood, jax=True), n_effective=1_000, seed=0)
    assert len(posterior.modes) == 4
    assert all(abs(mode.mass - 0.25) < Z * mode.mass_error for mode in posterior.modes)


def test_the_same_seed_gives_the_same_bits():
    task = skerry.tasks.get("corners")
    a, b = (skerry.infer(task.problem, n_effective=500, seed=9) for _ in range(2))
    np.testing.assert_array_equal(a.samples, b.samples)
    np.testing.assert_array_equal(a.log_weights, b.log_weights)
    assert a.log_evidence == b.log_evidence


def test_calls_are_counted_and_capped():
    task = skerry.tasks.get("corners")
    calls = 0

    def counted(theta):
        nonlocal calls
        calls += len(theta)
        return task.problem.log_likelihood(theta)

    problem = Problem(task.problem.prior, counted)
    posterior = skerry.infer(problem, max_calls=3_000, seed=0)
    walls = posterior.n_calls - posterior.rounds[-1].n_calls
    assert calls == posterior.n_calls  # the first trial among them
    assert posterior.rounds[-1].n_calls <= 3_000
    assert walls < 500
    assert posterior.status is Status.SHORT


def test_hopeless_budgets_say_so():
    problem, _ = narrow_islands()
    posterior = skerry.infer(problem, max_calls=60, seed=0)
    assert posterior.status is Status.COLLAPSED


def test_ctrl_c_and_time_return_what_is_known():
    task = skerry.tasks.get("corners")

    def stop(stage, done, total):
        if stage.startswith("round 2"):
            raise KeyboardInterrupt

    stopped = skerry.infer(task.problem, seed=0, progress=stop)
    assert stopped.status is Status.INTERRUPTED
    assert stopped.n_effective > 100
    timed = skerry.infer(task.problem, seed=0, max_seconds=0)
    assert timed.status is Status.INTERRUPTED


def test_failures_are_dropped_and_counted():
    task = skerry.tasks.get("corners")

    def failing(theta):
        values = task.problem.log_likelihood(theta)
        return np.where(theta[:, 0] * 1e3 % 1 < 0.01, np.nan, values)

    problem = Problem(task.problem.prior, failing)
    posterior = skerry.infer(problem, n_effective=2_000, failures="drop", seed=0)
    assert posterior.n_failed > 0
    assert far_from_truth(task, posterior) < Z
    with pytest.raises(EvaluationError):
        skerry.infer(problem, n_effective=2_000, seed=0)


def test_nothing_possible_is_an_error():
    prior = Prior({"a": st.norm(0, 1)})
    problem = Problem(prior, lambda theta: np.full(len(theta), -np.inf))
    with pytest.raises(EvaluationError, match="all 800 are -inf"):
        skerry.infer(problem, seed=0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"thoroughness": 0}, "thoroughness > 0"),
        ({"threshold": -1.0}, "threshold > 0"),
        ({"max_rounds": 0}, "max_rounds and max_islands >= 1"),
        ({"n_modes": 0}, "n_modes >= 1 or None; got 0"),
    ],
)
def test_bad_settings_are_told(options, text):
    with pytest.raises(InputError, match=text):
        Adaptive(**options)


def test_chao_sees_singletons():
    assert unseen(np.array([5, 4, 9])) == 0
    assert unseen(np.array([1, 1, 1, 2])) == pytest.approx(1.5)


def test_few_climbs_on_many_islands_are_doubtful():
    assert Search(92, (12,) * 6).expected == pytest.approx(0.5)
    assert not Search(92, (12,) * 6).doubtful
    assert Search(16, (4, 3, 3, 4, 2)).doubtful  # five of six islands, none met just once
    assert not Search(16, (4, 3, 3, 4, 2), whole=False).doubtful
    assert Search(92, (20, 20, 1, 1, 1)).doubtful
    assert Search(7, (2, 2, 3)).expected == pytest.approx(6.0)
    assert Search(4, (2, 2)).expected == np.inf


def test_a_run_with_too_few_climbs_says_so():
    task = skerry.tasks.get("eggbox")
    scheme = Adaptive(thoroughness=0.2)
    posterior = skerry.infer(task.problem, scheme=scheme, n_effective=1_000, seed=0)
    assert posterior.search.n_starts < 5 * len(posterior.modes)
    assert posterior.status is Status.MODES_MAY_BE_MISSING


def test_a_hunt_counts_its_calls_and_ends_on_every_peak():
    calls = 0

    def log_likelihood(u):
        nonlocal calls
        calls += len(u)
        return -np.sum(((u**2 - 1) / 0.1) ** 2, axis=1)

    rng = np.random.default_rng(0)
    u = rng.standard_normal((300, 2))
    hunter = Hunter(log_likelihood, None, np.zeros(2, bool), 5_000)
    values = log_likelihood(u)
    calls = 0
    for start in starts(u, values, 30, rng):
        hunter.climb(start)
    found = hunter.result()
    assert found.n_calls == calls
    assert found.peaks.n_islands == 4
    assert found.n_starts == 30
    assert len(found.ends) == 30
    np.testing.assert_allclose(np.abs(found.peaks.frames.means), 1, atol=0.01)


@pytest.mark.slow
def test_refit_keeps_everything_but_the_density():
    task = skerry.tasks.get("corners")
    first = skerry.infer(task.problem, n_effective=1_000, seed=0)
    training = skerry.Training(max_epochs=1, steps=5)
    second = skerry.refit(first, "mixture_base", training=training)
    assert second.log_evidence == first.log_evidence
    assert second.modes == first.modes
    assert second.training is not None
    draws = second.flow.sample(2_000, 0)
    masses = mode_masses(task.label(draws), 4)
    assert abs(masses.max() - 0.5) < 0.08


@pytest.mark.statistical
@pytest.mark.parametrize("name", ["corners", "himmelblau", "mixture_5d"])
def test_evidence_errors_cover_over_many_seeds(name):
    """The z-scores of log Z over 40 seeds: mean 0, standard deviation 1, within z = 4."""
    task = skerry.tasks.get(name)
    runs = [skerry.infer(task.problem, n_effective=1_500, seed=seed) for seed in range(40)]
    z = np.array([(r.log_evidence - task.log_evidence) / r.log_evidence_error for r in runs])
    assert abs(z.mean()) < 4 / np.sqrt(40)
    assert abs(z.std() - 1) < 4 / np.sqrt(80)
    assert sum(len(r.modes) != len(task.modes) for r in runs) == 0


def rounds_state(u, log_likelihood, log_g):
    """A state of one round whose points were drawn from g."""
    n, d = u.shape
    unit = Frames(np.zeros((1, d)), np.eye(d)[None], np.full((1, d), 0.5), np.zeros(d, bool))
    nothing = np.empty((0, d))
    return State(
        u, log_likelihood, log_g[None], (Proposal(None),), (n,), Islands(unit, np.zeros(1)), 0.0,
        "explore", None, n, nothing, np.empty(0), nothing, 0, 0,
    )  # fmt: skip


@pytest.mark.parametrize(("ndim", "width", "path"), [
    (2, 0.1, "prior"),
    (6, 0.02, "rounds"),
])  # fmt: skip
def test_weights_are_tempered_from_the_prior_unless_that_is_vague(ndim, width, path):
    """1,000 prior draws, a Gaussian likelihood: in 6 dimensions the prior's path says nothing."""
    u = np.random.default_rng(0).standard_normal((1_000, ndim))
    state = rounds_state(u, -0.5 * np.sum((u / width) ** 2, axis=1), log_normal(u))
    log_w, beta = _tempered(state)
    need = 100 + 20 * ndim + 10
    assert effective_sample_size(log_w) == pytest.approx(need, rel=1e-3)
    assert (beta < VAGUE ** (-2 / ndim)) == (path == "rounds")


def test_points_that_the_prior_hardly_knows_are_tempered_all_the_same():
    """Draws five times as wide as the prior: no power of the likelihood is flat enough."""
    u = 5 * np.random.default_rng(0).standard_normal((300, 6))
    log_l = -0.5 * np.sum((u - 3.0) ** 2, axis=1)
    log_l[:20] = -np.inf
    log_w, beta = _tempered(rounds_state(u, log_l, log_normal(u / 5) - 6 * np.log(5)))
    assert 0 < beta < 1
    assert np.all(log_w[:20] == -np.inf)
    assert effective_sample_size(log_w) == pytest.approx(0.5 * 300, rel=1e-3)


@pytest.mark.parametrize(
    ("share", "n_effective", "size"),
    [
        (0.9 * POOR, 2_000, 500 + 100 * 10 + 20),  # hard to cover: a whole round all the same
        (1.1 * POOR, 2_000, 800),  # 0.4 of what is asked for
        (0.9 * POOR, 10_000, 4_000),
    ],
)
def test_rounds_are_no_smaller_for_few_effective_samples_where_they_cover_little(
    share, n_effective, size
):
    """The tenth round in ten dimensions, next to no effective samples so far."""
    u = np.random.default_rng(0).standard_normal((100, 10))
    line = Round("explore", 100, 1.0, 100, 50.0, share, 1, 0.0, 0.3)
    state = replace(
        rounds_state(u, np.zeros(100), log_normal(u)), counts=(10,) * 10, history=(line,)
    )
    target = Target(
        lambda u: np.zeros(len(u)), None, np.zeros(10, bool), n_effective, 10**6, Adaptive(),
        as_seed(0),
    )  # fmt: skip
    assert _size(state, target) == size
