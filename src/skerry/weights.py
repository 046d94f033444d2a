r"""Log-weight algebra: all of importance sampling's arithmetic, in log space and float64.

Points :math:`\theta_i \sim g` carry :math:`\log w_i = \log\pi(\theta_i) + \log L(\theta_i) -
\log g(\theta_i)`. A weight of zero is ``-inf`` and stays in the count: the evidence is the mean
of *all* weights. NaN and ``+inf`` never enter: :func:`check` refuses them.

>>> import numpy as np
>>> round(effective_sample_size(np.log([0.5, 0.25, 0.25])), 3)
2.667
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.errors import InputError


class Evidence(NamedTuple):
    """A log evidence and the standard error of that logarithm."""

    log_evidence: float
    error: float


def check(log_weights: FloatArray, what: str = "log_weights") -> FloatArray:
    """The log weights as a float64 vector.

    Raises:
        InputError: if they are not one-dimensional, empty, NaN or ``+inf``.
    """
    log_w = np.asarray(log_weights, dtype=np.float64)
    if log_w.ndim != 1 or log_w.size == 0:
        raise InputError(f"Expected {what} of shape (n,), n >= 1; got shape {log_w.shape}.")
    bad = np.isnan(log_w) | (log_w == np.inf)
    if bad.any():
        raise InputError(
            f"Expected {what} that are finite or -inf; got {int(bad.sum())} NaN or +inf of "
            f"{log_w.size}, the first at index {int(np.argmax(bad))}; drop those points or make "
            "them -inf (weight zero)."
        )
    return log_w


def log_sum_exp(values: FloatArray, axis: int | None = None) -> Any:
    """``log(sum(exp(values)))``, over all or an axis; -inf where all are."""
    values = np.asarray(values)
    highest = np.max(values, axis=axis, keepdims=True, initial=-np.inf)
    highest = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        found = np.log(np.sum(np.exp(values - highest), axis=axis, keepdims=True)) + highest
    return found.item() if axis is None else np.squeeze(found, axis=axis)


def normalize(log_weights: FloatArray) -> FloatArray:
    """The same weights with ``logsumexp`` 0 (all ``-inf`` if every weight is zero)."""
    total = log_sum_exp(log_weights)
    return np.asarray(log_weights - total if np.isfinite(total) else log_weights)


def effective_sample_size(log_weights: FloatArray) -> float:
    r"""Kish's effective sample size, :math:`(\sum w)^2 / \sum w^2`; 0 if all weights are zero.

    Equation :eq:`effective-size` of the method.
    """
    total = log_sum_exp(log_weights)
    if not np.isfinite(total):
        return 0.0
    return float(np.exp(2 * total - log_sum_exp(2 * np.asarray(log_weights))))


def max_share(log_weights: FloatArray) -> float:
    """The largest weight's share of the sum (1: a single point carries everything)."""
    total = log_sum_exp(log_weights)
    return float(np.exp(np.max(log_weights) - total)) if np.isfinite(total) else 1.0


def evidence(log_weights: FloatArray) -> Evidence:
    r"""The log of the mean weight, :math:`\log Z = \log \frac1n \sum_i w_i`, and its error.

    The error is the delta method's: the standard error of the mean weight over that mean
    (equations :eq:`evidence` and :eq:`evidence-error` of the method). It can't see a region that
    no point has visited.
    """
    n = len(log_weights)
    total = float(log_sum_exp(log_weights))
    if not np.isfinite(total):
        return Evidence(-np.inf, np.inf)
    relative = np.exp(np.asarray(log_weights) - total) * n  # weights with mean 1
    error = float(np.sqrt(np.mean((relative - 1.0) ** 2) / max(n - 1, 1))) if n > 1 else np.inf
    return Evidence(total - float(np.log(n)), error)


def tempering_beta(
    log_offset: FloatArray, log_likelihood: FloatArray, target: float, low: float = 0.0
) -> float:
    r"""The largest :math:`\beta \in [low, 1]` whose weights keep an effective size of ``target``.

    The weights are :math:`\log w = \log(\pi/g) + \beta \log L` (equation :eq:`tempering` of the
    method). Bisection on :func:`effective_sample_size`; ``low`` if even that is too steep.
    """
    finite = np.isfinite(log_likelihood)
    values = np.where(finite, log_likelihood, 0.0)

    def enough(beta: float) -> bool:
        tempered = np.where(finite, log_offset + beta * values, -np.inf)
        return effective_sample_size(tempered) >= target * (1 - 1e-9)

    if enough(1.0):
        return 1.0
    high = 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if enough(middle) else (low, middle)
        if high - low <= 1e-6 * high:
            break
    return low


def deterministic_mixture(
    log_target: FloatArray, log_proposals: FloatArray, counts: IntArray
) -> FloatArray:
    r"""Weights of points drawn in rounds, each round's call reused by all.

    .. math:: \log w_i = \log p(\theta_i) - \log \tfrac1N \sum_t N_t g_t(\theta_i)

    (the balance heuristic of Veach & Guibas 1995; Cornuet et al. 2012; equation
    :eq:`mixture-weights` of the method).

    Args:
        log_target: unnormalised log density at every point, ``(n,)``.
        log_proposals: log density of every round's proposal at every point, ``(rounds, n)``.
        counts: points drawn in each round, ``(rounds,)``, adding up to ``n``.
    """
    counts = np.asarray(counts)
    if counts.sum() != len(log_target) or log_proposals.shape != (len(counts), len(log_target)):
        raise InputError(
            f"Expected log_proposals of shape (rounds, n) with counts adding up to n; got shape "
            f"{log_proposals.shape}, counts adding up to {int(counts.sum())}, "
            f"n = {len(log_target)}."
        )
    share = np.log(counts / counts.sum())
    return np.asarray(log_target - log_sum_exp(log_proposals + share[:, None], axis=0))


def systematic_resample(
    log_weights: FloatArray, n: int, generator: np.random.Generator
) -> IntArray:
    """``n`` indices, each point as often as its weight says up to rounding, in random order.

    Systematic resampling (Kitagawa 1996): unbiased, with counts that differ from ``n w_i`` by
    less than one.
    """
    shares = np.exp(normalize(log_weights))
    edges = np.cumsum(shares)
    positions = (generator.uniform() + np.arange(n)) / n * edges[-1]
    return generator.permutation(
        np.searchsorted(edges, positions, side="right").clip(max=len(shares) - 1)
    )


def pareto_khat(log_weights: FloatArray) -> float:
    r"""The Pareto shape of the largest weights (Vehtari et al. 2024); above 0.7 is unreliable.

    The smaller of two fits, to the usual :math:`3\sqrt{n}` largest weights and to a quarter of
    them: a truly heavy tail shows in both, while islands of different height (a tail with a step
    in it) fool the first alone. Constant weights have 0; fewer than 25 non-zero ones give ``inf``.
    It judges the weights at hand and can't see a mode that nobody visited.
    """
    from arviz_stats.base import array_stats

    log_w = np.asarray(log_weights)
    log_w = log_w[np.isfinite(log_w)]
    if len(log_w) < 25:
        return float("inf")
    if np.ptp(log_w) < 1e-12:
        return 0.0
    floor = log_w.max() - 600.0  # exp() of less is 0 in float64 and would tie in the tail
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clipped, alive = -np.maximum(log_w, floor), np.sum(log_w > floor)
        tails = {r: min(0.2 * len(log_w), 3 * np.sqrt(len(log_w) / r)) for r in (1, 16)}
        fits = [
            _khat(partial(array_stats.psislw, clipped, r_eff=r))
            for r, tail in tails.items()
            if alive > tail
        ]
    return min(fits, default=float("inf"))


def _khat(fit: Callable[[], tuple[FloatArray, float]]) -> float:
    try:
        khat = float(fit()[1])
    except ValueError:  # fewer than 5 points in the tail, or all of them equal
        return float("inf")
    return khat if np.isfinite(khat) else float("inf")


class Masses(NamedTuple):
    """Shares of groups of points and their standard errors, each ``(groups,)``."""

    mass: FloatArray
    error: FloatArray


def group_masses(
    log_weights: FloatArray, labels: IntArray, n_groups: int, rounds: IntArray | None = None
) -> Masses:
    r"""Each group's share :math:`m_k` of the weight and its error.

    A share is the sum of :math:`f_i = \bar w_i (1[l_i = k] - m_k)` away from the truth, to first
    order. Independent points give it the variance :math:`\sum_i f_i^2` (equation :eq:`mass` of the
    method). Points drawn in rounds, in the order of the components they came from, each component
    as often as its mass says, vary within components alone; successive differences show that part
    (equation :eq:`mass-ordered`; Wolter 2007, Introduction to Variance Estimation, chapter 8).

    Args:
        log_weights: of the points, ``(n,)``.
        labels: the group of each, ``(n,)``; below 0: none.
        n_groups: how many groups there are.
        rounds: how many points each round drew, in order, adding up to n; None for independent
            points.
    """
    shares = np.exp(normalize(log_weights))
    inside = labels >= 0
    mass = np.bincount(labels[inside], shares[inside], n_groups).astype(np.float64)
    if rounds is not None:
        return Masses(mass, np.sqrt(_in_order(shares, labels, mass, np.asarray(rounds))))
    squares = np.bincount(labels[inside], shares[inside] ** 2, n_groups)
    variance = squares * (1 - 2 * mass) + mass**2 * np.sum(shares**2)
    return Masses(mass, np.sqrt(np.maximum(variance, 0.0)))


def drifted(masses: Masses, shift: FloatArray) -> Masses:
    r"""Masses whose groups may each be off by a factor of about :math:`e^{\pm b_k}`, apart.

    Weights by proposals that were fitted to the same points are off a little, by how much differs
    from group to group. Independent relative errors add
    :math:`m_k^2 [(1 - m_k)^2 b_k^2 + \sum_{j \ne k} m_j^2 b_j^2]` to the variance of :math:`m_k`
    (equation :eq:`mass-drift` of the method).

    Args:
        masses: and their errors, ``(groups,)``.
        shift: b, ``(groups,)``.
    """
    m, each = masses.mass, (masses.mass * shift) ** 2
    added = (1 - m) ** 2 * each + m**2 * (np.sum(each) - each)
    return Masses(m, np.sqrt(masses.error**2 + added))


def _in_order(
    shares: FloatArray, labels: IntArray, mass: FloatArray, rounds: IntArray
) -> FloatArray:
    """The variance of each group's share by successive differences within rounds."""
    size = np.repeat(rounds, rounds)
    number = np.repeat(np.arange(len(rounds)), rounds)
    first = np.flatnonzero(number[1:] == number[:-1])
    scale = 0.5 * size[first] / (size[first] - 1)
    single = size == 1
    variance = np.empty(len(mass))
    for k in range(len(mass)):
        away = shares * ((labels == k) - mass[k])
        variance[k] = scale @ (away[first + 1] - away[first]) ** 2 + np.sum(away[single] ** 2)
    return variance
