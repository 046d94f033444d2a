"""Posteriors by hand, for pictures and pages: no likelihood, no training."""

from __future__ import annotations

import numpy as np

from skerry.modes import Topology
from skerry.posterior import Mode, Posterior, Status


def made_up(ndim: int, masses: list[float], n: int = 400) -> Posterior:
    """A posterior by hand: Gaussian islands on a line, n points each, weighted by mass."""
    rng = np.random.default_rng(0)
    K = len(masses)
    centres = 10.0 * np.arange(K)[:, None] * np.ones(ndim)
    samples = np.concatenate([c + rng.standard_normal((n, ndim)) for c in centres])
    labels = np.repeat(np.arange(K), n)
    log_weights = np.log(np.repeat(masses, n) / n)
    modes = tuple(
        Mode(m, 0.04 * m, c, np.eye(ndim), np.log(m), 0.04, n)
        for m, c in zip(masses, centres, strict=True)
    )
    heights = np.linspace(0.0, -5.0, K)
    topology = Topology(
        peaks=centres,
        heights=heights,
        births=np.append(heights, [-6.0, -7.0]),
        deaths=np.append(np.full(K, -np.inf), [-6.5, -7.2]),
        threshold=3.0,
    )
    return Posterior(
        names=tuple(f"p{j}" for j in range(ndim)),
        samples=samples,
        log_weights=log_weights,
        log_likelihood=np.zeros(K * n),
        labels=labels,
        log_evidence=0.0,
        log_evidence_error=0.1,
        n_effective=200.0,
        n_calls=10 * K * n,
        n_failed=0,
        khat=0.3,
        modes=modes,
        status=Status.SHORT,
        topology=topology,
    )
