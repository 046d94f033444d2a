"""Bent islands: exact inverses, determinants, and bananas that become one component."""

from __future__ import annotations

import numpy as np
import pytest

import skerry
from skerry import tasks, weights
from skerry.flows import Frames
from skerry.flows.bends import Bend, from_arrays, to_arrays
from skerry.flows.frames import stack
from skerry.inference._proposal import Proposal
from skerry.modes import bend_islands, fit_islands, grow_islands
from skerry.modes.bending import find_bend
from skerry.posterior import log_normal

Z = 5.0


def a_bend(d, n_terms, rng):
    rows = rng.integers(1, d, n_terms)
    terms = (
        np.array([[j, *np.sort(rng.integers(0, j, 2))] for j in rows]).reshape(-1, 3).astype(int)
    )
    return Bend(
        rotation=np.linalg.qr(rng.standard_normal((d, d)))[0],
        constant=rng.normal(size=d),
        linear=np.tril(rng.normal(size=(d, d)), -1) * 0.3,
        log_scales=rng.normal(size=d) * 0.3,
        terms=np.array(terms, dtype=int).reshape(-1, 3),
        heights=rng.normal(size=n_terms) * 0.3,
    )


def bent_frames(d, rng, n_frames=3):
    periodic = np.zeros(d, bool)
    factors = np.stack([np.linalg.cholesky(np.eye(d) + 0.3) for _ in range(n_frames)])
    bends = (a_bend(d, 4, rng), None, a_bend(d, 0, rng))[:n_frames]
    means = rng.normal(size=(n_frames, d))
    return Frames(means, factors, np.full((n_frames, d), 0.5), periodic, bends)


@pytest.mark.parametrize("d", [2, 3, 7])
def test_a_bend_is_undone_by_its_inverse(d):
    rng = np.random.default_rng(d)
    bend, y = a_bend(d, 5, rng), rng.normal(size=(200, d)) * 3
    np.testing.assert_allclose(bend.bend(bend.straighten(y)), y, atol=1e-9)


@pytest.mark.parametrize("d", [2, 4])
def test_bent_frames_have_the_determinant_of_their_differences(d):
    rng = np.random.default_rng(d)
    frames, h = bent_frames(d, rng), 1e-6
    for u in rng.normal(size=(5, d)):
        _, log_det = frames.to_frames(u[None])
        for k in range(frames.n_frames):
            ends = [frames.to_frame((u + s * h * np.eye(d)), k)[0] for s in (1, -1)]
            jacobian = (ends[0] - ends[1]) / (2 * h)
            assert log_det[0, k] == pytest.approx(np.linalg.slogdet(jacobian)[1], abs=1e-6)


def test_bent_frames_are_taken_stacked_and_inverted():
    rng = np.random.default_rng(1)
    frames = bent_frames(3, rng)
    y, k = rng.normal(size=(60, 3)), np.arange(60) % 3
    u = frames.from_frames(y, k)
    np.testing.assert_allclose(frames.to_frames(u)[0][np.arange(60), k], y, atol=1e-9)
    again = stack([frames.take(np.array([0, 1])), frames.take(np.array([2]))])
    np.testing.assert_allclose(again.to_frames(u)[0], frames.to_frames(u)[0])


def test_bends_survive_a_file_and_damaged_ones_are_refused():
    frames = bent_frames(3, np.random.default_rng(2))
    arrays = to_arrays(frames.bends)
    back = from_arrays(arrays, 3)
    y = np.random.default_rng(3).normal(size=(10, 3))
    assert back[1] is None
    for k in (0, 2):
        np.testing.assert_array_equal(back[k].straighten(y), frames.bends[k].straighten(y))
    arrays["terms"] = arrays["terms"] + 2
    with pytest.raises(ValueError, match="do not fit"):
        from_arrays(arrays, 3)


def test_a_straight_cloud_is_not_bent():
    """Over 40 clouds, hardly one finds a term: each has a chance of about 1 in sqrt(n) n_pairs."""
    found = 0
    for seed in range(40):
        y = np.random.default_rng(seed).standard_normal((500, 4))
        y = np.linalg.solve(np.linalg.cholesky(np.cov(y.T, bias=True)), (y - y.mean(0)).T).T
        found += find_bend(y, np.full(500, 1 / 500), 500.0, np.eye(4)) is not None
    assert found <= 6


@pytest.mark.parametrize(("name", "n", "K", "share"), [
    ("two_moons", 1_000, 4, 0.85),
    ("bananas_5d", 2_000, 7, 0.8),
    ("bananas_10d", 4_000, 7, 0.6),
])  # fmt: skip
def test_curved_islands_take_few_components(name, n, K, share):
    """Fitted to exact draws; judged by the effective share of fresh draws and their evidence."""
    task = tasks.get(name)
    u = task.problem.prior.to_u(task.sample(n, 5))
    labels = task.label(task.problem.prior.from_u(u))
    plain = fit_islands(u, np.zeros(n), labels, len(task.modes))
    islands = grow_islands(plain, u, np.zeros(n))
    assert islands.n_islands <= K
    proposal, rng = Proposal(islands), np.random.default_rng(0)
    draws = proposal.sample(8_000, rng)
    log_l = task.problem.log_likelihood(task.problem.prior.from_u(draws))
    log_w = log_l + log_normal(draws) - proposal.log_prob(draws)
    found = weights.evidence(log_w)
    assert weights.effective_sample_size(log_w) > share * 8_000
    assert abs(found.log_evidence - task.log_evidence) < Z * found.error


def test_bending_is_a_step_of_em_that_keeps_straight_islands_straight():
    rng = np.random.default_rng(0)
    u = np.concatenate([rng.normal(c, 0.1, (400, 2)) for c in (-1, 1)])
    islands = fit_islands(u, np.zeros(800), np.repeat([0, 1], 400), 2)
    assert not any(bend_islands(islands, u, np.zeros(800)).frames.bends)


def test_a_posterior_with_bent_islands_is_saved_and_loaded(tmp_path):
    task = tasks.get("two_moons")
    posterior = skerry.infer(task.problem, n_effective=1_000, seed=1)
    assert any(posterior.islands.frames.bends)
    posterior.save(tmp_path / "p.npz")
    again = skerry.load(tmp_path / "p.npz", prior=task.problem.prior)
    theta = task.sample(50, 0)
    np.testing.assert_array_equal(again.log_prob(theta), posterior.log_prob(theta))
    y = task.problem.prior.to_u(theta)
    np.testing.assert_array_equal(
        again.islands.frames.to_frames(y)[0], posterior.islands.frames.to_frames(y)[0]
    )
