"""Runs that ask for many points at a time: climbs in step, walls looked at all at once."""

from __future__ import annotations

import numpy as np
import pytest

import skerry
from skerry.modes import Islands, modes_of_islands
from skerry.modes.hunting import starts
from skerry.modes.leaping import LeapingHunter
from skerry.modes.lockstep import in_step

FLAT = np.zeros(2, bool)


def test_searches_in_step_share_batches_and_end_each_in_its_time():
    batches = []

    def evaluate(points):
        batches.append(len(points))
        return points[:, 0] ** 2

    def search(start, n):
        total = 0.0
        for i in range(n):
            values = yield np.full((start, 1), float(start + i))
            total += values.sum()
        return total

    assert in_step([search(1, 3), search(2, 1), search(3, 0)], evaluate) == [1 + 4 + 9, 8, 0.0]
    assert batches == [3, 1, 1]
    assert in_step([], evaluate) == []


def gaussians(means, covariance, digits=None):
    precision = np.linalg.inv(covariance)

    def log_likelihood(u):
        away = u[:, None] - means
        logs = -0.5 * np.einsum("nki,ij,nkj->nk", away, precision, away)
        values = np.logaddexp.reduce(logs, axis=1)
        if digits is not None:
            values = np.array([float(f"{v:.{digits}g}") for v in values])
        return values + 0.5 * np.sum(u**2, axis=1)  # on a flat prior, so that peaks are the means

    return log_likelihood


@pytest.mark.parametrize("digits", [None, 7])
@pytest.mark.parametrize("width", [0.2, 0.01])
def test_leaps_find_peaks_and_their_covariances_in_few_batches(width, digits):
    means = np.array([[-1.0, 0.5], [1.0, 1.0], [0.0, -1.2]])
    covariance = width**2 * np.array([[1.0, 0.9], [0.9, 1.0]])
    function, sizes = gaussians(means, covariance, digits), []

    def log_likelihood(u):
        sizes.append(len(u))
        return function(u)

    hunter = LeapingHunter(log_likelihood, FLAT, 100_000)
    u = np.random.default_rng(0).standard_normal((500, 2))
    hunter.climb(starts(u, function(u), 40, np.random.default_rng(1)))
    found = hunter.result()
    assert len(sizes) <= 17
    assert sum(sizes) == hunter.n_calls == found.n_calls
    assert len(hunter.visits) == 3
    peaks = found.peaks.frames
    for mean in means:
        k = int(np.argmin(np.sum((peaks.means - mean) ** 2, axis=1)))
        y = np.linalg.solve(np.linalg.cholesky(covariance), peaks.means[k] - mean)
        assert np.linalg.norm(y) < 0.5
        own = peaks.cholesky[k] @ peaks.cholesky[k].T
        np.testing.assert_allclose(own, covariance, rtol=0.2)


def test_a_climb_leaves_a_saddle():
    function = gaussians(np.array([[-1.0, 0.0], [1.0, 0.0]]), 0.16 * np.eye(2))
    hunter = LeapingHunter(function, FLAT, 10_000)
    hunter.climb(np.zeros((1, 2)))
    found = hunter.result()
    assert found.peaks.n_islands == 1
    assert abs(abs(found.peaks.frames.means[0, 0]) - 1.0) < 0.1


def test_climbs_bear_cliffs_and_points_that_fail():
    function = gaussians(np.zeros((1, 2)), 0.01 * np.eye(2))

    def log_likelihood(u):
        values = np.where(u[:, 0] < 0.0, -np.inf, function(u))
        return np.where(u[:, 1] > 2.0, np.nan, values)

    hunter = LeapingHunter(log_likelihood, FLAT, 10_000)
    hunter.climb(np.array([[0.3, 0.3], [1.0, -1.0], [-1.0, 0.0], [0.5, 2.5]]))
    found = hunter.result()
    assert hunter.n_starts == 4
    assert np.isfinite(found.peaks.frames.cholesky).all()
    means = found.peaks.frames.means
    assert np.min(np.abs(means).max(axis=1)) < 0.1


def test_a_hunt_keeps_to_its_calls():
    function = gaussians(np.zeros((1, 2)), 0.01 * np.eye(2))
    hunter = LeapingHunter(function, FLAT, 10)
    hunter.climb(np.ones((5, 2)))
    assert hunter.n_calls == 0
    assert hunter.result().peaks is None


def test_walls_looked_at_all_at_once_are_the_walls_looked_at_in_turn():
    task = skerry.tasks.get("eggbox")
    prior = task.problem.prior
    post = skerry.infer(task.problem, n_effective=500, seed=0)
    u = prior.to_u(post.samples)
    sizes = []

    def evaluate(points):
        sizes.append(len(points))
        values = task.problem.log_likelihood(prior.from_u(points))
        return values - 0.5 * np.sum(points**2, axis=1)

    values = evaluate(u)
    assert isinstance(post.islands, Islands)
    found, batches = [], []
    for few in (False, True):
        sizes.clear()
        found.append(modes_of_islands(post.islands, u, values, evaluate, few_batches=few))
        batches.append(len(sizes))
    assert batches[1] <= 5
    assert batches[0] > 20
    np.testing.assert_array_equal(found[0].peaks, found[1].peaks)
    np.testing.assert_array_equal(found[0].deaths, found[1].deaths)


@pytest.mark.parametrize(
    "name",
    ["corners", *(pytest.param(n, marks=pytest.mark.slow) for n in ("himmelblau", "higgs_4d"))],
)
def test_whole_runs_take_few_batches_and_lose_no_mode(name):
    task = skerry.tasks.get(name)
    prior, batches = task.problem.prior, []

    def log_likelihood(theta):
        batches.append(len(theta))
        return task.problem.log_likelihood(theta)

    problem = skerry.Problem(prior, log_likelihood, jax=False)
    scheme = skerry.Adaptive(few_batches=True)
    found = skerry.infer(problem, n_effective=5_000, seed=5, scheme=scheme)
    assert len(batches) < 55  # docs/file-mode.md
    assert len(found.modes) == len(task.modes)
    assert found.converged
    away = found.log_evidence - task.log_evidence
    assert abs(away) < 5 * max(found.log_evidence_error, 0.005)
