"""Whether an estimator is as sure as it should be, on observations simulated afresh."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.amortization._blocks import Simulator, prior_draws
from skerry.amortization._mixtures import Mixtures
from skerry.amortization._sources import as_observations
from skerry.calibration import Calibration, calibrate
from skerry.errors import InputError, UnsupportedError
from skerry.posterior import log_normal
from skerry.priors import Prior
from skerry.problem import Problem


def simulator_of(problem: Problem | None, simulator: Simulator | None) -> Simulator:
    """How observations are made: as given, or by the problem's forward model and noise.

    Raises:
        UnsupportedError: if neither is at hand.
    """
    if simulator is not None:
        return simulator
    if problem is None or problem.noise is None:
        raise UnsupportedError(
            "Expected a way to simulate observations; got neither a simulator nor a forward model "
            "with noise; pass calibrate(..., simulator=f), or give pairs of your own to "
            "skerry.calibration.calibrate."
        )
    return problem.simulate


def fresh_pairs(
    prior: Prior, simulate: Simulator, n: int, seed: Seed
) -> tuple[FloatArray, FloatArray]:
    """Truths on u, ``(n, d)``, drawn from the prior, and an observation of each, ``(n, ...)``."""
    rng = seed.child("pairs").numpy()
    u = prior_draws(n, prior.ndim, rng)
    return u, as_observations(simulate(prior.from_u(u), rng), n)


def calibrated(
    prior: Prior, found: Mixtures, truths: FloatArray, n_draws: int, level: float, seed: Seed
) -> Calibration:
    """Ranks of truths on u among the mixtures' draws, parameters and densities in theta."""
    u = found.sample(n_draws, seed.child("draws").numpy())
    u = np.concatenate([u, truths[:, None]], axis=1)
    theta = prior.from_u(u.reshape(-1, prior.ndim)).reshape(u.shape)
    log_q = found.log_prob(u) + _log_jacobian(prior, theta, u)
    return calibrate(
        theta[:, :-1],
        theta[:, -1],
        log_q_draws=log_q[:, :-1],
        log_q_truths=log_q[:, -1],
        names=prior.names,
        level=level,
        seed=seed.child("ranks"),
    )


def check_counts(**counts: Any) -> None:
    """Refuse numbers of observations or draws below 2."""
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 2:
            raise InputError(f"Expected {name} to be an int >= 2; got {value!r}; pass hundreds.")


def _log_jacobian(prior: Prior, theta: FloatArray, u: FloatArray) -> FloatArray:
    """``log|du/dtheta|``; 0, that is density on u, for a prior whose density is not known."""
    flat = u.reshape(-1, u.shape[2])
    try:
        log_prior = np.asarray(prior.log_prob(theta.reshape(flat.shape)))
    except UnsupportedError:
        return np.zeros(u.shape[:2])
    return np.asarray((log_prior - log_normal(flat)).reshape(u.shape[:2]))
