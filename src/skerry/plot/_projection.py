"""Any number of dimensions, seen in two."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from skerry._types import FloatArray
from skerry.errors import InputError


class Projection(NamedTuple):
    """A log density on a grid: rows go up the second axis, columns along the first.

    ``extent`` is (left, right, bottom, top); cells that no draw fell in are -inf.
    """

    log_density: FloatArray
    extent: tuple[float, float, float, float]


def projection(
    samples: npt.ArrayLike,
    axes: tuple[int, int] = (0, 1),
    *,
    bins: int = 120,
    range: tuple[tuple[float, float], tuple[float, float]] | None = None,
    log_weights: npt.ArrayLike | None = None,
) -> Projection:
    """The marginal density of draws ``(n, d)`` over two of their columns.

    Args:
        samples: draws, ``(n, d)``.
        axes: the two columns, across and up.
        bins: cells a side.
        range: ((left, right), (bottom, top)); by default that of the draws.
        log_weights: ``(n,)``, on any scale; None: equal.

    Raises:
        InputError: for draws or columns that can't be used.
    """
    points = np.asarray(samples, np.float64)
    if points.ndim != 2 or len(points) == 0 or not all(0 <= j < points.shape[1] for j in axes):
        raise InputError(
            f"Expected samples (n, d) and two of their d columns; got shape {points.shape} and "
            f"axes {axes}."
        )
    shares = np.full(len(points), 1.0 / len(points))
    if log_weights is not None:
        logs = np.asarray(log_weights, np.float64)
        shares = np.exp(logs - logs.max())
        shares /= shares.sum()
    across, up = points[:, axes[0]], points[:, axes[1]]
    counts, x, y = np.histogram2d(across, up, bins=bins, range=range, weights=shares)
    area = (x[1] - x[0]) * (y[1] - y[0])
    with np.errstate(divide="ignore"):
        log_density = np.log(counts.T / area)
    return Projection(log_density, (float(x[0]), float(x[-1]), float(y[0]), float(y[-1])))
