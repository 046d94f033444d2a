"""Contours of a cloud of weighted points in the plane, by kernels on a grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from skerry._types import FloatArray

CELLS = 72
MASSES = (0.95, 0.68)
NARROW = 0.9  # of Silverman's width, which is meant for a single bell


class Contours(NamedTuple):
    """A density on a grid, and the levels that hold 95 and 68 % of it."""

    x: FloatArray
    y: FloatArray
    density: FloatArray
    levels: list[float]


def contours(points: FloatArray, shares: FloatArray, distinct: FloatArray) -> Contours | None:
    """Of points ``(n, 2)`` with shares ``(n,)``; None for too few distinct ones to have a shape."""
    if len(distinct) < 5:
        return None
    width = NARROW * spread(points, shares) * (1 / np.sum(shares**2)) ** (-1 / 6)
    if not np.all(width > 0):
        return None
    low, high = points.min(axis=0) - 3 * width, points.max(axis=0) + 3 * width
    counts, x, y = np.histogram2d(
        points[:, 0], points[:, 1], CELLS, np.stack([low, high], axis=1).tolist(), weights=shares
    )
    cell = (high - low) / CELLS
    density = gaussian_filter(counts.T, (width / cell)[::-1], mode="constant")
    ranked = np.sort(density.ravel())[::-1]
    held = np.cumsum(ranked) / ranked.sum()
    levels = [float(ranked[np.searchsorted(held, mass)]) for mass in MASSES]
    if not 0 < levels[0] < levels[1] < ranked[0]:
        return None
    return Contours(0.5 * (x[1:] + x[:-1]), 0.5 * (y[1:] + y[:-1]), density, levels)


def spread(points: FloatArray, shares: FloatArray) -> FloatArray:
    """A width of each column that far-off points don't stretch: the quartiles', or the sd."""
    mean = shares @ points
    deviation = np.sqrt(shares @ (points - mean) ** 2)
    for j in range(points.shape[1]):
        order = np.argsort(points[:, j])
        low, high = np.interp([0.25, 0.75], np.cumsum(shares[order]), points[order, j])
        quartiles = (high - low) / 1.34
        deviation[j] = min(deviation[j], quartiles) if quartiles > 0 else deviation[j]
    return np.asarray(deviation)
