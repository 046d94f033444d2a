r"""Peaks in the thin tail of a higher one: specks of points that no wall was seen around.

Where points are few, a speck of them in an island's tail has no higher point among its nearest
neighbours, and looks like an island of its own (dead points of a nested-sampling run do it). What
tells them apart: a Gaussian through the higher island's points already expects such a height
there, and nothing was evaluated in between that lies lower.
"""

from __future__ import annotations

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.modes.islands import fit_islands


def in_tails(
    peaks: IntArray,
    labels: IntArray,
    u: FloatArray,
    values: FloatArray,
    log_weights: FloatArray,
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
        log_weights: ``(n,)``.
        periodic: which coordinates lie on a circle, ``(d,)``.
        threshold: nats.
    """
    K, specks = len(peaks), np.zeros(len(peaks), bool)
    frames = fit_islands(u, log_weights, labels, K, periodic=periodic, steps=0).frames
    for k, height in enumerate(values[peaks]):
        at_peaks = frames.to_frame(u[peaks], k)[0]
        expected = height - 0.5 * np.sum(at_peaks**2, axis=1) + threshold
        asked = [j for j in range(k + 1, K) if not specks[j] and values[peaks[j]] < expected[j]]
        if specks[k] or not asked:
            continue
        y = frames.to_frame(u, k)[0]
        for j in asked:
            peak = peaks[j]
            above = np.flatnonzero((labels == k) & (values >= values[peak]))
            nearest = above[np.argmin(np.sum((y[above] - y[peak]) ** 2, axis=1))]
            middle = 0.5 * (y[peak] + y[nearest])
            between = np.sum((y - middle) ** 2, axis=1) < np.sum((y[peak] - middle) ** 2)
            specks[j] = not (values[between] < values[peak] - threshold).any()
    return specks
