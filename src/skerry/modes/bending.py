r"""Bending: which quadratic terms straighten an island, found by weighted regression.

Every coordinate, the longest axis first, is regressed on the ones before it: on all of them
linearly, and on those of their products that the Bayesian information criterion picks, with the
effective number of points for n and a price for having had many to pick from. All of it is algebra
on one matrix of weighted products. A banana becomes one component where Gaussians take a chain.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.flows.bends import Bend

RIDGE = 1.0  # points' worth of pull towards the old coefficients


def find_bend(
    y: FloatArray, shares: FloatArray, n_effective: float, cholesky: FloatArray
) -> Bend | None:
    """The bend that the points ask for, or None.

    Args:
        y: points in whitened coordinates, ``(n, d)``, of weighted mean 0 and covariance I.
        shares: their weights, ``(n,)``, which add up to 1.
        n_effective: how many points they are worth.
        cholesky: the factor that whitens, ``(d, d)``: long axes come from it.
    """
    best, most = None, 0.0
    for rotation in _rotations(cholesky):
        bend, gain = _regress(y, shares, n_effective, rotation)
        if bend is not None and gain > most:
            best, most = bend, gain
    return best


def refit_bend(bend: Bend, y: FloatArray, shares: FloatArray, n_effective: float) -> Bend:
    """The same terms with new coefficients, a little drawn to the old."""
    x = y @ bend.rotation
    n, d = x.shape
    products = x[:, bend.terms[:, 1]] * x[:, bend.terms[:, 2]]
    features = np.concatenate([np.ones((n, 1)), x, products], axis=1)
    gram = features.T @ (features * shares[:, None])
    constant, linear = np.empty(d), np.zeros((d, d))
    heights, log_scales = np.empty(len(bend.heights)), np.empty(d)
    for j in range(d):
        own = np.flatnonzero(bend.terms[:, 0] == j)
        used = np.concatenate([np.arange(j + 1), 1 + d + own])
        old = np.concatenate([[bend.constant[j]], bend.linear[j, :j], bend.heights[own]])
        pull = RIDGE / n_effective * np.eye(len(used))
        found = np.linalg.solve(gram[np.ix_(used, used)] + pull, gram[used, 1 + j] + pull @ old)
        constant[j], linear[j, :j], heights[own] = found[0], found[1 : j + 1], found[j + 1 :]
        square = gram[1 + j, 1 + j] - 2 * found @ gram[used, 1 + j]
        square = max(square + found @ gram[np.ix_(used, used)] @ found, 1e-12)
        before = np.exp(2 * bend.log_scales[j])
        square = (n_effective * square + (d + 1) * before) / (n_effective + d + 1)
        log_scales[j] = 0.5 * np.log(square)
    return replace(bend, constant=constant, linear=linear, heights=heights, log_scales=log_scales)


def _rotations(cholesky: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Whitened coordinates along the principal axes, and along the parameters, longest first."""
    covariance = cholesky @ cholesky.T
    values, vectors = np.linalg.eigh(covariance)
    longest = np.argsort(-values, kind="stable")
    scales = np.sqrt(np.maximum(values[longest], 1e-300))
    principal = (vectors[:, longest] / scales).T @ cholesky
    order = np.argsort(-np.diag(covariance), kind="stable")
    own = np.linalg.cholesky(covariance[np.ix_(order, order)])
    along = np.linalg.solve(own, cholesky[order])
    return principal.T, along.T


def _regress(
    y: FloatArray, shares: FloatArray, n: float, rotation: FloatArray
) -> tuple[Bend | None, float]:
    """The bend in rotated coordinates, and its gain by the criterion, in nats."""
    x = y @ rotation
    d = x.shape[1]
    first, second = np.triu_indices(d)
    features = np.concatenate([np.ones((len(x), 1)), x, x[:, first] * x[:, second]], axis=1)
    gram = features.T @ (features * shares[:, None])
    constant, linear, log_scales = np.zeros(d), np.zeros((d, d)), np.zeros(d)
    terms, heights, gain = [], [], 0.0
    for j in range(d):
        pairs = 1 + d + np.flatnonzero(second < j)
        used, coefficients, square = _select(gram, j, pairs, n)
        picked = used[j + 1 :]
        if len(picked):
            gain += 0.5 * n * np.log(gram[1 + j, 1 + j] / square)
            gain -= 0.5 * len(picked) * np.log(n)
        constant[j], linear[j, :j] = coefficients[0], coefficients[1 : j + 1]
        terms += [(j, first[c - 1 - d], second[c - 1 - d]) for c in picked]
        heights += coefficients[j + 1 :].tolist()
        free = n / max(n - len(used), 0.25 * n)
        log_scales[j] = 0.5 * np.log(max(square * free, 1e-12))
    if not terms:
        return None, 0.0
    found = np.array(terms, np.int64), np.array(heights)
    return Bend(rotation, constant, linear, log_scales, *found), gain


def _select(
    gram: FloatArray, j: int, pairs: IntArray, n: float
) -> tuple[IntArray, FloatArray, float]:
    """Forward selection for coordinate j: features used, coefficients, mean squared residual."""
    used, target = np.arange(j + 1), 1 + j
    n_pairs = len(gram)  # to pick from, in all coordinates
    left = pairs
    while True:
        block = gram[np.ix_(used, used)] + 1e-9 * np.eye(len(used))
        coefficients = np.linalg.solve(block, gram[used, target])
        square = max(float(gram[target, target] - coefficients @ gram[used, target]), 1e-12)
        if len(left) == 0 or len(used) > 0.25 * n:
            return used, coefficients, square
        across = np.linalg.solve(block, gram[np.ix_(used, left)])
        slope = gram[left, target] - coefficients @ gram[np.ix_(used, left)]
        room = gram[left, left] - np.sum(gram[np.ix_(used, left)] * across, axis=0)
        drop = np.where(room > 1e-9, slope**2 / np.maximum(room, 1e-9), 0.0)
        top = int(np.argmax(drop))
        after = max(square - float(drop[top]), 1e-12)
        if n * np.log(square / after) < np.log(n) + 2 * np.log(n_pairs):
            return used, coefficients, square
        used, left = np.append(used, left[top]), np.delete(left, top)
