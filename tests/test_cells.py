"""Integrals over cells are right, and draws from cells are exact: the envelope lies above."""

import numpy as np
import pytest
import scipy.stats as st

from skerry import tasks
from skerry.tasks._cells import cut
from skerry.tasks._higgs import VARIANTS

Z = 5.0


def gaussian(d):
    covariance = 0.01 * (np.eye(d) + 0.8 * (np.ones((d, d)) - np.eye(d)))
    return st.multivariate_normal(np.full(d, 0.3), covariance)


@pytest.mark.parametrize(("d", "grid"), [(1, 20), (2, 20), (3, 14)])
def test_the_integral_of_a_gaussian_is_one(d, grid):
    cells = cut(lambda x: gaussian(d).logpdf(x).reshape(len(x)), [-1] * d, [1.5] * d, [grid] * d)
    assert cells.log_integral(6) == pytest.approx(0.0, abs=1e-6)


def test_draws_of_a_gaussian_have_its_moments_and_tails():
    n, truth = 200_000, gaussian(2)
    cells = cut(truth.logpdf, [-1, -1], [1.5, 1.5], [20, 20])
    x = cells.sample(n, np.random.default_rng(0))
    assert x.shape == (n, 2)
    z = np.linalg.solve(np.linalg.cholesky(truth.cov), (x - truth.mean).T)
    assert np.abs(z.mean(axis=1)).max() < Z / np.sqrt(n)
    assert np.abs(z @ z.T / n - np.eye(2)).max() < Z * np.sqrt(2 / n)
    assert st.kstest(np.sum(z**2, axis=0), st.chi2(2).cdf).pvalue > 1e-6


def test_a_density_without_a_value_at_a_point_can_be_cut():
    def log_density(x):
        r = np.hypot(*x.T)
        return np.where(r > 0, -0.5 * ((r - 1) / 0.1) ** 2, -np.inf)

    cells = cut(log_density, [-2, -2], [2, 2], [20, 20])
    truth = np.log(2 * np.pi * 0.1 * np.sqrt(2 * np.pi))
    assert cells.log_integral(8) == pytest.approx(truth, abs=1e-6)


def plane(name, half, grid):
    box = [-half] * 2, [half] * 2
    return lambda: cut(tasks.get(name).problem.log_likelihood, *box, [grid] * 2)


@pytest.mark.statistical
@pytest.mark.parametrize(
    "build",
    [plane("himmelblau", 6, 96), plane("two_moons", 4, 96), *(v.cells for v in VARIANTS.values())],
    ids=["himmelblau", "two_moons", *VARIANTS],
)
def test_the_envelope_lies_above_the_density(build):
    log_ratio = build().propose(400_000, np.random.default_rng(1))[1]
    assert log_ratio.max() <= 0.0
    assert np.exp(log_ratio).mean() > 0.15


@pytest.mark.statistical
@pytest.mark.parametrize("name", VARIANTS)
def test_stored_higgs_truths_are_what_cells_give(name):
    variant, task = VARIANTS[name], tasks.get(name)
    cells = variant.cells()
    masses = cells.integrals(3, variant.label, len(task.modes))
    log_z = np.log(masses.sum()) + cells.log_bound.max()
    log_z -= np.sum(np.log(np.subtract(variant.high, variant.low)))
    if variant.mirrored:
        masses = 0.5 * (masses + masses[np.arange(len(masses)) ^ 1])
        log_z += np.log(2)
    assert log_z == pytest.approx(task.log_evidence, abs=2e-4)
    truth = [mode.mass for mode in task.modes]
    np.testing.assert_allclose(masses / masses.sum(), truth, rtol=2e-3)
