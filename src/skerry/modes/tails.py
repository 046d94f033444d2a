r"""Peaks in the thin tail of a higher one: specks of points that no wall was seen around.

Where points are few, a speck of them in an island's tail has no higher point among its nearest
neighbours, and looks like an island of its own (dead points of a nested-sampling run do it). What
tells them apart: a Gaussian through the higher island's points already expects such a height
there, and nothing was evaluated in between that lies lower.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from skerry._types import BoolArray, FloatArray, IntArray


def in_tails(
    peaks: IntArray,
    labels: IntArray,
    u: FloatArray,
    values: FloatArray,
    shares: FloatArray,
    periodic: BoolArray,
    *,
    threshold: float,
) -> BoolArray:
    r"""Which peaks are specks in the tail of a higher one, ``(K,)``.

    With :math:`h`, :math:`m`, :math:`C` the height, weighted mean and covariance of a higher
    island's points, a peak at :math:`u` is expected if its height is below
    :math:`h - (u-m)^T C^{-1} (u-m)/2` plus the threshold. It is a speck if no point in the ball
    whose diameter joins it to the nearest higher point of that island (by :math:`C`) is lower than
    the peak by more than the threshold: a witness of a wall.

    Args:
        peaks: the places of the peaks among the points, highest first, ``(K,)``.
        labels: each point's peak, ``(n,)``.
        u: points, ``(n, d)``.
        values: log density, ``(n,)``.
        shares: of the weight, ``(n,)``.
        periodic: which coordinates lie on a circle, ``(d,)``.
        threshold: nats.
    """
    d = u.shape[1]
    specks = np.zeros(len(peaks), bool)
    for k, peak in enumerate(peaks):
        for higher in np.flatnonzero(~specks[:k]):
            mine = np.flatnonzero(labels == higher)
            if len(mine) <= d or shares[mine].sum() <= 0:
                continue
            y = _whitened(u, u[peaks[higher]], mine, shares[mine], periodic)
            expected = values[peaks[higher]] - 0.5 * float(y[peak] @ y[peak])
            if values[peak] > expected + threshold:
                continue
            above = mine[values[mine] > values[peak]]
            nearest = above[np.argmin(np.sum((y[above] - y[peak]) ** 2, axis=1))]
            middle = 0.5 * (y[peak] + y[nearest])
            between = np.sum((y - middle) ** 2, axis=1) < np.sum((y[peak] - middle) ** 2)
            if not (values[between] < values[peak] - threshold).any():
                specks[k] = True
                break
    return specks


def _whitened(
    u: FloatArray, peak: FloatArray, mine: IntArray, shares: FloatArray, periodic: BoolArray
) -> FloatArray:
    """Points in the coordinates in which an island's own are of zero mean and unit covariance.

    Along circles, places are measured in turns from its peak, the short way round.
    """
    away = u - peak
    turns = ndtr(u[:, periodic]) - ndtr(peak[periodic])
    away[:, periodic] = turns - np.round(turns)
    share = shares / shares.sum()
    away = away - share @ away[mine]
    covariance = (away[mine] * share[:, None]).T @ away[mine]
    scale = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    return np.asarray((away / scale) @ vectors / np.sqrt(np.maximum(values, 1e-9)))
