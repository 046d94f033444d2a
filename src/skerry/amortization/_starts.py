"""Particles for observations that nobody simulated: from the prior, or from adaptive rounds."""

from __future__ import annotations

import numpy as np

from skerry._seeds import Seed
from skerry._types import BoolArray, FloatArray
from skerry.amortization._pools import choose
from skerry.amortization._sources import Likelihoods, prior_draws
from skerry.inference import infer
from skerry.weights import systematic_resample

DRAWS = 2000
BLOCK = 200
ENOUGH = 30.0  # effective prior draws that make a particle
SOME = 300.0


def start_particles(likelihoods: Likelihoods, x: FloatArray, seed: Seed) -> FloatArray:
    """A posterior particle on u for each observation, ``(k, d)``.

    One chosen among weighted prior draws where enough of these carry weight, else a draw of
    :func:`skerry.infer`. Both are posterior draws up to importance sampling's own error, which the
    kernel's later steps forget.
    """
    problem, d = likelihoods.problem, likelihoods.problem.prior.ndim
    rng = seed.child("starts").numpy()
    found = np.empty((len(x), d))
    for first in range(0, len(x), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(x)))
        u = prior_draws(len(rows) * DRAWS, d, rng).reshape(len(rows), DRAWS, d)
        log_l = likelihoods(u, x[rows])
        hit: BoolArray = np.asarray(np.isfinite(log_l).any(axis=1))
        chosen, share = choose(np.where(hit[:, None], log_l, 0.0), 1, rng)
        found[rows] = u[np.arange(len(rows)), chosen[:, 0]]
        for i in np.flatnonzero(~hit | (share * DRAWS < ENOUGH)):
            row = int(rows[i])
            own = infer(problem, x[row], n_effective=SOME, seed=seed.child("adaptive", row))
            likelihoods.n_evaluations += own.n_calls
            pick = systematic_resample(own.log_weights, 1, rng)
            found[row] = problem.prior.to_u(own.samples[pick])[0]
    return found.astype(np.float32).astype(np.float64)
