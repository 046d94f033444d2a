"""Wasserstein distances: the least mean distance by which one sample is moved onto another.

W_p = (min_T sum_ij T_ij |a_i - b_j|^p)^(1/p) over the plans T with the samples' weights as margins.
In one dimension the best plan matches quantiles. Source: Villani 2009; the solver is POT's
network simplex (Bonneel et al. 2011); slices: Bonneel et al. 2015.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skerry._seeds import SeedLike, as_seed
from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.metrics._arrays import as_two_samples, as_values

MAX_PAIRS = 16_000_000


def wasserstein(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    order: int = 2,
    *,
    weights_a: npt.ArrayLike | None = None,
    weights_b: npt.ArrayLike | None = None,
) -> float:
    """Wasserstein distance of order 1 or 2 between samples (n, d) and (m, d), exact.

    Weights are plain (not log), >= 0, with any constant. An empirical distance is biased upwards,
    the more so the smaller the samples and the higher d. The cost grows as n m (n + m).

    Raises:
        InputError: in two or more dimensions, if n m > 16 million.
    """
    _check_order(order)
    a, b = as_two_samples(a, b)
    wa, wb = _masses(weights_a, len(a), "weights_a"), _masses(weights_b, len(b), "weights_b")
    if a.shape[1] == 1:
        return float(_line_cost(a[:, 0], b[:, 0], wa, wb, order) ** (1.0 / order))
    if len(a) * len(b) > MAX_PAIRS:
        raise InputError(
            f"Expected at most {MAX_PAIRS:,} pairs of points; got {len(a):,} x {len(b):,}; "
            "subsample to about 4,000 each, or use sliced_wasserstein."
        )
    import ot
    from scipy.spatial.distance import cdist

    cost = cdist(a, b, "euclidean" if order == 1 else "sqeuclidean")
    return float(max(ot.emd2(wa, wb, cost, numItermax=10_000_000), 0.0) ** (1.0 / order))


def sliced_wasserstein(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    order: int = 2,
    n_projections: int = 128,
    seed: SeedLike = 0,
    *,
    weights_a: npt.ArrayLike | None = None,
    weights_b: npt.ArrayLike | None = None,
) -> float:
    """Sliced distance (E_v W_p(v.a, v.b)^p)^(1/p) over random unit vectors v; any sample size."""
    _check_order(order)
    a, b = as_two_samples(a, b)
    wa, wb = _masses(weights_a, len(a), "weights_a"), _masses(weights_b, len(b), "weights_b")
    directions = as_seed(seed).numpy().standard_normal((n_projections, a.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    costs = [_line_cost(a @ v, b @ v, wa, wb, order) for v in directions]
    return float(np.mean(costs) ** (1.0 / order))


def _line_cost(a: FloatArray, b: FloatArray, wa: FloatArray, wb: FloatArray, order: int) -> float:
    """W_p^p on a line: int_0^1 |F_a^-1(t) - F_b^-1(t)|^p dt, exact for weighted points."""
    ia, ib = np.argsort(a), np.argsort(b)
    ca, cb = np.cumsum(wa[ia]), np.cumsum(wb[ib])
    levels = np.sort(np.concatenate([ca, cb]))
    steps = np.diff(levels, prepend=0.0)
    middles = levels - steps / 2.0
    xa = a[ia][np.minimum(np.searchsorted(ca, middles), a.size - 1)]
    xb = b[ib][np.minimum(np.searchsorted(cb, middles), b.size - 1)]
    return float(steps @ np.abs(xa - xb) ** order)


def _masses(weights: npt.ArrayLike | None, size: int, name: str) -> FloatArray:
    if weights is None:
        return np.full(size, 1.0 / size)
    values = as_values(weights, name, size)
    if values.min() < 0.0 or not 0.0 < values.sum() < np.inf:
        raise InputError(
            f"Expected finite {name} >= 0 with a sum above 0; got from {values.min():g} to "
            f"{values.max():g}; pass weights, not log weights."
        )
    return values / values.sum()


def _check_order(order: int) -> None:
    if order not in (1, 2):
        raise InputError(f"Expected order 1 or 2; got {order!r}.")
