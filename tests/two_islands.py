"""Two islands in a box, all of it known: what every reader and every export is held to."""

from __future__ import annotations

import importlib.util
import os

import numpy as np
import pytest
import scipy.stats as st
from scipy.special import logsumexp

import skerry

Z = 5.0
MEANS, SDS, MASSES = (
    np.array([[-2.0, -1.0], [2.0, 1.5]]),
    np.array([0.4, 0.3]),
    np.array([0.7, 0.3]),
)
PRIOR = skerry.Prior({"x": st.uniform(-5, 10), "y": st.uniform(-5, 10)})
LOG_EVIDENCE = -np.log(100.0)
LEVELS = np.array([0.05, 0.3, 0.5, 0.68, 0.75, 0.95])


def log_likelihood(theta):
    """A normalised mixture of two normals: Z is one over the box's area."""
    theta = np.atleast_2d(theta)
    squares = ((theta[:, None] - MEANS) ** 2).sum(axis=2) / SDS**2
    return logsumexp(np.log(MASSES) - squares / 2 - np.log(2 * np.pi * SDS**2), axis=1)


def cdf(values, j):
    """Of parameter j."""
    return st.norm.cdf(np.asarray(values)[:, None], MEANS[:, j], SDS) @ MASSES


def draws(n, seed):
    """Exact ones."""
    rng = np.random.default_rng(seed)
    k = (rng.random(n) < MASSES[1]).astype(int)
    return MEANS[k] + SDS[k, None] * rng.standard_normal((n, 2))


def quantiles(values, log_weights, levels=LEVELS):
    order = np.argsort(values)
    shares = np.exp(log_weights[order])
    return np.interp(levels, np.cumsum(shares) - shares / 2, values[order])


def scores(samples, log_weights, n_effective):
    """Z-scores of the quantiles: the exact share below each, its standard error by Kish's size."""
    error = np.sqrt(LEVELS * (1 - LEVELS) / n_effective)
    found = [cdf(quantiles(samples[:, j], log_weights), j) for j in range(2)]
    return (np.array(found) - LEVELS) / error


def assert_the_truth(posterior, evidence=True):
    assert np.abs(scores(posterior.samples, posterior.log_weights, posterior.n_effective)).max() < Z
    assert len(posterior.modes) == 2
    for mode, mass, place in zip(posterior.modes, MASSES, MEANS, strict=True):
        assert abs(mode.mass - mass) < Z * mode.mass_error
        assert np.abs(mode.location - place).max() < 0.3
    if evidence:
        assert abs(posterior.log_evidence - LOG_EVIDENCE) < Z * posterior.log_evidence_error
        assert posterior.log_evidence_error < 0.5
    else:
        assert np.isnan(posterior.log_evidence)
        assert "log evidence  not known" in posterior.summary()


def needs(*packages):
    """Skip where a package is missing, unless SKERRY_INTEROP=1 makes that an error."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing and os.environ.get("SKERRY_INTEROP") == "1":
        return pytest.mark.usefixtures(f"missing_{missing[0]}")  # no such fixture: an error
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")
