r"""The shape of a heavy tail: a generalised Pareto distribution fitted to weights.

The empirical Bayes estimate of Zhang and Stephens (2009, Technometrics 51, 316), as Pareto smoothed
importance sampling uses it (Vehtari et al. 2024, arXiv:1507.02646, appendix C), with its weak prior
around a shape of one half.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from skerry._types import FloatArray

PRIOR, PRIOR_COUNT = 0.5, 10


def tail_shape(log_weights: FloatArray, size: int) -> float:
    """The shape k of the ``size`` largest weights, above the next; inf where there is none to fit.

    Args:
        log_weights: ``(n,)``, finite; n > size.
        size: how many weights make the tail.
    """
    largest = np.sort(np.partition(log_weights, len(log_weights) - size - 1)[-size - 1 :])
    weights = np.exp(largest - largest[-1])
    excess = weights[1:] - weights[0]
    if size < 5 or weights[1] == weights[-1]:
        return float("inf")
    return fit_shape(excess)


def fit_shape(excess: FloatArray) -> float:
    """The shape k of sorted positive numbers ``(n,)``: negative for a tail that ends."""
    n = len(excess)
    m = 30 + int(np.sqrt(n))
    # theta = -k / sigma: a grid from what the largest allows, wide as the first quarter says
    grid = 1.0 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))
    quarter = excess[int(n / 4 + 0.5) - 1]
    if quarter <= 0.0:  # ties: a plateau with little above it has no tail but the prior's
        return PRIOR * PRIOR_COUNT / (n + PRIOR_COUNT)
    with np.errstate(all="ignore"):
        grid = grid / (3.0 * quarter) + 1.0 / excess[-1]
        k = np.mean(np.log1p(-grid[:, None] * excess), axis=1)
        log_profile = n * (np.log(-grid / k) - k - 1.0)
        shares = np.exp(log_profile - logsumexp(log_profile))
        shape = np.mean(np.log1p(-np.sum(grid * shares) * excess))
    if not np.isfinite(shape):
        return float("inf")
    return float((n * shape + PRIOR_COUNT * PRIOR) / (n + PRIOR_COUNT))
