"""A neuron's spikes: a generalised linear model, seen whole or through its sufficient statistic."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import expit, ndtr, ndtri

from skerry._types import FloatArray
from skerry.noise import Binomial
from skerry.priors import Prior
from skerry.tasks.amortised._task import AmortisedTask, forward_task, likelihood_task

FILTER, STEPS = 9, 100
NAMES = ("offset", *(f"filter{j + 1}" for j in range(FILTER)))
NOTE = "Ten dimensions, one smooth mode, a prior that ties neighbours together."


def bernoulli_glm_raw() -> AmortisedTask:
    """A hundred yes or no: y_t is 1 with probability expit(X theta)_t."""

    def forward(theta: FloatArray) -> FloatArray:
        return expit(theta @ design().T)

    return forward_task("bernoulli_glm_raw", _prior(), forward, Binomial(1), NOTE)


def bernoulli_glm() -> AmortisedTask:
    """The sufficient statistic s = X^T y: log p(s | theta) = s . theta - sum log(1 + exp(X theta)).

    The number of spike trains y with the same s, the same for all theta, is left out (it is 1: the
    stimulus is made of continuous random numbers).
    """

    def log_likelihood(theta: FloatArray, x: FloatArray) -> FloatArray:
        psi = theta @ design().T
        return np.sum(x * theta, axis=1) - np.sum(np.logaddexp(0.0, psi), axis=1)

    def simulator(theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        p = expit(theta @ design().T)
        return (rng.random(p.shape) < p).astype(np.float64) @ design()

    return likelihood_task("bernoulli_glm", _prior(), log_likelihood, simulator, NOTE)


@cache
def design() -> FloatArray:
    """X (100, 10): ones, then sbibm's stimulus (its seed) shifted by 0 to 8 steps."""
    stimulus = np.random.RandomState(42).randn(STEPS).astype(np.float32)
    columns = np.zeros((STEPS, FILTER + 1))
    columns[:, 0] = 1.0
    for j in range(FILTER):
        columns[j:, j + 1] = stimulus[: STEPS - j]
    return columns


def precision() -> FloatArray:
    """The prior's: 1/2 for the offset; F^T F for the filter, F = D D + diag sqrt(j / 9).

    D takes first differences: second differences of the filter are held small.
    """
    first = np.eye(FILTER) - np.eye(FILTER, k=-1)
    smooth = first @ first + np.diag(np.sqrt(np.arange(FILTER) / FILTER))
    matrix = np.zeros((FILTER + 1, FILTER + 1))
    matrix[0, 0] = 0.5
    matrix[1:, 1:] = smooth.T @ smooth
    return matrix


def _prior() -> Prior:
    """N(0, precision^-1): theta = L^-T z, precision = L L^T."""
    lower = np.linalg.cholesky(precision())
    log_norm = np.sum(np.log(np.diag(lower))) - 0.5 * len(lower) * np.log(2.0 * np.pi)
    return Prior.from_transform(
        NAMES,
        lambda cube: solve_triangular(lower, ndtri(cube).T, lower=True, trans="T").T,
        inverse=lambda theta: ndtr(theta @ lower),
        log_prob=lambda theta: log_norm - 0.5 * np.sum((theta @ lower) ** 2, axis=1),
    )
