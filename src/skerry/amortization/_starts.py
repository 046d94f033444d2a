"""Particles for observations that nobody simulated: from the prior, or from adaptive rounds."""

from __future__ import annotations

import numpy as np

from skerry._seeds import Seed
from skerry._types import BoolArray, FloatArray
from skerry.amortization._blocks import prior_draws
from skerry.amortization._keeping import Keeping
from skerry.amortization._likelihoods import Likelihoods
from skerry.amortization._pools import choose
from skerry.inference import infer
from skerry.posterior import Status
from skerry.store import Store
from skerry.weights import systematic_resample

DRAWS = 2000
BLOCK = 200
ENOUGH = 30.0  # effective prior draws that make a particle
SOME = 300.0


def start_particles(
    likelihoods: Likelihoods, x: FloatArray, seed: Seed, keeping: Keeping
) -> FloatArray:
    """A posterior particle on u for each observation, ``(k, d)``; kept, if there is a store.

    One chosen among weighted prior draws where enough of these carry weight, else a draw of
    :func:`skerry.infer`. Both are posterior draws up to importance sampling's own error, which the
    kernel's later steps forget.
    """
    found = keeping.once("particles", likelihoods, lambda: _found(likelihoods, x, seed, keeping))
    if keeping.archive is not None:
        keeping.archive.drop("starts")
    return found


def _found(likelihoods: Likelihoods, x: FloatArray, seed: Seed, keeping: Keeping) -> FloatArray:
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
            own = infer(
                problem,
                x[row],
                n_effective=SOME,
                seed=seed.child("adaptive", row),
                executor=keeping.executor,
                store=_store(keeping, row),
            )
            if own.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            keeping.check_time()
            likelihoods.n_evaluations += own.n_calls
            pick = systematic_resample(own.log_weights, 1, rng)
            found[row] = problem.prior.to_u(own.samples[pick])[0]
    return found.astype(np.float32).astype(np.float64)


def _store(keeping: Keeping, row: int) -> Store | None:
    archive = keeping.archive
    if archive is None:
        return None
    place = archive.folder / "starts" / f"{row:08d}"
    return Store(place, unsaved_seconds=archive.unsaved_seconds)
