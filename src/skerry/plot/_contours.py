"""Contours of a cloud of weighted points in the plane, by kernels on a grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from skerry._types import FloatArray

CELLS = 72
MASSES = (0.95, 0.68)
WIDTHS = 0.9 * np.array([1.0, 0.7, 0.5, 0.35, 0.25, 0.18])  # of Silverman's, made for a bell
JUDGES = 250


class Contours(NamedTuple):
    """A density on a grid, and the levels that hold 95 and 68 % of it."""

    x: FloatArray
    y: FloatArray
    density: FloatArray
    levels: list[float]


def contours(
    points: FloatArray,
    shares: FloatArray,
    distinct: FloatArray,
    turns: tuple[float | None, float | None] = (None, None),
) -> Contours | None:
    """Of a cloud in the plane; None for too few distinct points to have a shape.

    Args:
        points: ``(n, 2)``.
        shares: of the mass, ``(n,)``.
        distinct: some draws of the cloud, ``(m, 2)``.
        turns: the period of an axis that the cloud goes all round, else None.
    """
    if len(distinct) < 5:
        return None
    scale = spread(points, shares)
    if not np.all(scale > 0):
        return None
    width = scale * _narrowing(distinct / scale) * (1 / np.sum(shares**2)) ** (-1 / 6)
    low, high = points.min(axis=0) - 3 * width, points.max(axis=0) + 3 * width
    for axis, turn in enumerate(turns):
        if turn is not None:
            middle = 0.5 * (low[axis] + high[axis])
            low[axis], high[axis] = middle - 0.5 * turn, middle + 0.5 * turn
    counts, x, y = np.histogram2d(
        points[:, 0], points[:, 1], CELLS, np.stack([low, high], axis=1).tolist(), weights=shares
    )
    cell = (high - low) / CELLS
    modes = ["constant" if turn is None else "wrap" for turn in turns]
    density = gaussian_filter(counts.T, (width / cell)[::-1], mode=modes[::-1])
    ranked = np.sort(density.ravel())[::-1]
    held = np.cumsum(ranked) / ranked.sum()
    levels = [float(ranked[np.searchsorted(held, mass)]) for mass in MASSES]
    if not 0 < levels[0] < levels[1] < ranked[0]:
        return None
    x, y = 0.5 * (x[1:] + x[:-1]), 0.5 * (y[1:] + y[:-1])
    if turns[0] is not None:  # one cell more, so that copies a turn apart meet
        x, density = np.append(x, x[0] + turns[0]), np.hstack([density, density[:, :1]])
    if turns[1] is not None:
        y, density = np.append(y, y[0] + turns[1]), np.vstack([density, density[:1]])
    return Contours(x, y, density, levels)


def _narrowing(draws: FloatArray) -> float:
    """The width among ``WIDTHS`` under which draws expect each other most: bent islands are thin.

    The leave-one-out likelihood of Gaussian kernels, each width that of so many draws.
    """
    some = draws[:: max(1, -(-len(draws) // JUDGES))]
    square = np.sum((some[:, None] - some) ** 2, axis=2)
    np.fill_diagonal(square, np.inf)
    scores = []
    for width in WIDTHS * len(some) ** (-1 / 6):
        density = np.exp(-0.5 * square / width**2).sum(axis=1) / width**2
        scores.append(np.sum(np.log(density + 1e-6)))  # a lonely draw must not decide
    return float(WIDTHS[int(np.argmax(scores))])


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
