"""Distances between samples from the mean of a function over pairs of points.

Both are differences of pair means, unbiased (a point is never paired with itself), so that an
estimate may be slightly negative when the samples agree. Memory stays small: pairs are taken in
blocks. Sources: Gretton et al. 2012 (MMD), Szekely & Rizzo 2013 (energy distance).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.metrics._arrays import as_two_samples, normalised

BLOCK_PAIRS = 4_000_000


def mmd(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    bandwidth: float | None = None,
    *,
    log_weights_a: npt.ArrayLike | None = None,
    log_weights_b: npt.ArrayLike | None = None,
) -> float:
    """Squared maximum mean discrepancy ``E k(a,a') + E k(b,b') - 2 E k(a,b)``, unbiased.

    Gaussian kernel ``k(x, y) = exp(-|x - y|^2 / (2 h^2))``; h is by default the median distance
    between pooled points (of at most 1,000 evenly picked from each sample).
    """
    a, b = as_two_samples(a, b)
    h = _median_distance(a, b) if bandwidth is None else float(bandwidth)
    if not h > 0.0:
        raise InputError(f"Expected a bandwidth > 0; got {h:g}; pass bandwidth=.")
    return _contrast(a, b, log_weights_a, log_weights_b, lambda r: np.exp(-0.5 * (r / h) ** 2))


def energy_distance(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    *,
    log_weights_a: npt.ArrayLike | None = None,
    log_weights_b: npt.ArrayLike | None = None,
) -> float:
    """Energy distance ``2 E|a - b| - E|a - a'| - E|b - b'|``, unbiased (not its square root)."""
    a, b = as_two_samples(a, b)
    return _contrast(a, b, log_weights_a, log_weights_b, np.negative)


def _contrast(
    a: FloatArray,
    b: FloatArray,
    log_weights_a: npt.ArrayLike | None,
    log_weights_b: npt.ArrayLike | None,
    kernel: Callable[[FloatArray], FloatArray],
) -> float:
    """E k(a,a') + E k(b,b') - 2 E k(a,b) for a kernel of the distance."""
    wa = normalised(log_weights_a, len(a), "log_weights_a")
    wb = normalised(log_weights_b, len(b), "log_weights_b")
    within = _mean_within(a, wa, kernel) + _mean_within(b, wb, kernel)
    return within - 2.0 * _pair_sum(a, b, wa, wb, kernel)


def _mean_within(a: FloatArray, w: FloatArray, kernel: Callable[[FloatArray], FloatArray]) -> float:
    """Mean over pairs i != j, by taking the diagonal out of the full sum."""
    diagonal = float(np.sum(w**2))
    if diagonal >= 1.0:
        raise InputError("Expected at least two points of positive weight; got one.")
    own = float(kernel(np.zeros(1))[0])
    return (_pair_sum(a, a, w, w, kernel) - own * diagonal) / (1.0 - diagonal)


def _pair_sum(
    a: FloatArray,
    b: FloatArray,
    wa: FloatArray,
    wb: FloatArray,
    kernel: Callable[[FloatArray], FloatArray],
) -> float:
    from scipy.spatial.distance import cdist

    rows = max(1, BLOCK_PAIRS // len(b))
    starts = range(0, len(a), rows)
    return float(sum(wa[i : i + rows] @ (kernel(cdist(a[i : i + rows], b)) @ wb) for i in starts))


def _median_distance(a: FloatArray, b: FloatArray) -> float:
    from scipy.spatial.distance import pdist

    picked = [x[np.linspace(0, len(x) - 1, min(len(x), 1000)).astype(int)] for x in (a, b)]
    return float(np.median(pdist(np.concatenate(picked))))
