"""Islands of a Gaussian mixture, by the walls between its components' peaks."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.posterior import log_normal

CLIMB = 8  # steps from each mean towards a peak
STONES = 15  # points between two peaks at which a wall is looked for
EDGE = 2e-3  # of a turn: how near to the seam a circle is looked at


class Gaussians:
    """K weighted Gaussians on u.

    Args:
        log_masses: ``(K,)``.
        means: ``(K, d)``.
        whiteners: inverse Cholesky factors, lower, ``(K, d, d)``.
    """

    def __init__(self, log_masses: FloatArray, means: FloatArray, whiteners: FloatArray) -> None:
        self.log_masses, self.means, self.whiteners = log_masses, means, whiteners
        d = means.shape[1]
        diagonals = np.diagonal(whiteners, axis1=1, axis2=2)
        self._constants = log_masses + np.log(diagonals).sum(axis=1) - 0.5 * d * np.log(2 * np.pi)

    def terms(self, u: FloatArray) -> FloatArray:
        """Each component's share of the log density at points ``(n, d)``: ``(K, n)``."""
        shifts = np.einsum("kij,kj->ki", self.whiteners, self.means)
        z = np.matmul(u[None], self.whiteners.transpose(0, 2, 1)) - shifts[:, None]
        return np.asarray(self._constants[:, None] - 0.5 * np.einsum("knd,knd->kn", z, z))

    def towards_peaks(self) -> FloatArray:
        """A few steps of the fixed-point climb from each mean, ``(K, d)`` (Carreira-Perpinan)."""
        precisions = self.whiteners.transpose(0, 2, 1) @ self.whiteners
        pulls = np.einsum("kij,kj->ki", precisions, self.means)
        u = self.means
        for _ in range(CLIMB):
            terms = self.terms(u)
            shares = np.exp(terms - logsumexp(terms, axis=0))
            matrix = np.einsum("kn,kij->nij", shares, precisions)
            u = np.linalg.solve(matrix, (shares.T @ pulls)[..., None])[..., 0]
        return u


def islands(
    gaussians: Gaussians, periodic: BoolArray, *, threshold: float = 3.0, min_mass: float = 1e-4
) -> IntArray:
    """The island of each component, ``(K,)``; the heaviest is 0.

    Components are one island unless a wall parts them: a peak stays apart if it stands more than
    the threshold, in nats, above the highest pass to a higher one; passes are looked for on
    straight lines between peaks, and over other components. As for points (ToMATo), circles are
    crossed the short way.

    Args:
        gaussians: the mixture.
        periodic: which coordinates lie on circles ``(d,)``.
        threshold: the wall that makes an island.
        min_mass: lighter islands join the one with the highest pass.
    """
    peaks = gaussians.towards_peaks()
    heights, passes = _heights_and_passes(gaussians, peaks, periodic)
    K = len(heights)
    i, j = np.triu_indices(K, 1)
    order = np.argsort(-passes, kind="stable")
    edges = list(zip(i[order].tolist(), j[order].tolist(), passes[order].tolist(), strict=True))
    root = list(range(K))

    def find(k: int) -> int:
        while root[k] != k:
            k = root[k]
        return k

    for a, b, level in edges:
        low, high = sorted((find(a), find(b)), key=lambda k: heights[k])
        if low != high and heights[low] - level < threshold:
            root[low] = high
    masses = np.exp(gaussians.log_masses)
    while True:
        tops = np.array([find(k) for k in range(K)])
        total = np.bincount(tops, masses, K)
        light = [t for t in np.unique(tops).tolist() if total[t] < min_mass]
        across = [
            (find(a), find(b))
            for a, b, _ in edges
            if find(a) != find(b) and (find(a) in light or find(b) in light)
        ]
        if not across:
            break
        low, high = sorted(across[0], key=lambda t: total[t])
        root[low] = high
    ranked = sorted(np.unique(tops).tolist(), key=lambda t: -total[t])
    return np.array([ranked.index(t) for t in tops.tolist()])


def _heights_and_passes(
    gaussians: Gaussians, peaks: FloatArray, periodic: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """The log density at each peak, and the lowest on the line between each two of them."""
    i, j = np.triu_indices(len(peaks), 1)
    steps = np.linspace(0, 1, STONES + 2)[1:-1, None, None]
    places = peaks.copy()
    places[:, periodic] = np.clip(ndtr(peaks[:, periodic]), EDGE, 1 - EDGE)
    gaps = places[j] - places[i]
    gaps[:, periodic] = (gaps[:, periodic] + 0.5) % 1.0 - 0.5
    lines = places[i] + steps * gaps
    stones = np.concatenate([places, lines.reshape(-1, peaks.shape[1])])
    stones[:, periodic] = ndtri(np.clip(stones[:, periodic] % 1.0, EDGE, 1 - EDGE))
    values = logsumexp(gaussians.terms(stones), axis=0) - log_normal(stones[:, periodic])
    heights = values[: len(peaks)]
    lowest = values[len(peaks) :].reshape(STONES, len(i)).min(axis=0)
    return heights, np.minimum(lowest, np.minimum(heights[i], heights[j]))
