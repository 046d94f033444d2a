"""The metrics' border: arrays checked once, weights self-normalised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skerry._types import FloatArray
from skerry.errors import InputError


def as_values(values: npt.ArrayLike, name: str, size: int | None = None) -> FloatArray:
    """A vector (n,) of float64 without NaN, n >= 1."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or size not in (None, array.size):
        wanted = "(n,)" if size is None else f"({size},)"
        raise InputError(
            f"Expected {name} of shape {wanted}; got {array.shape}; pass one value a point."
        )
    if np.isnan(array).any():
        raise InputError(
            f"Expected {name} without NaN; got {int(np.isnan(array).sum())} of {array.size}; "
            "find the points they come from (-inf is allowed, NaN is not)."
        )
    return array


def as_points(points: npt.ArrayLike, name: str) -> FloatArray:
    """Points (n, d) of finite float64, n >= 2; a vector counts as n points in one dimension."""
    array = np.asarray(points, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or len(array) < 2 or array.shape[1] == 0:
        raise InputError(f"Expected {name} of shape (n, d), n >= 2; got {np.shape(points)}.")
    if not np.isfinite(array).all():
        raise InputError(f"Expected finite points in {name}; got NaN or inf; drop those points.")
    return array


def as_two_samples(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Two sets of points in the same space."""
    first, second = as_points(a, "a"), as_points(b, "b")
    if first.shape[1] != second.shape[1]:
        raise InputError(
            "Expected a and b in the same number of dimensions; "
            f"got {first.shape[1]} and {second.shape[1]}."
        )
    return first, second


def normalised(log_weights: npt.ArrayLike | None, size: int, name: str) -> FloatArray:
    """Weights (n,) that sum to 1, from log weights with any constant; equal ones for None."""
    if log_weights is None:
        return np.full(size, 1.0 / size)
    logs = as_values(log_weights, name, size)
    top = logs.max()
    if not np.isfinite(top):
        raise InputError(f"Expected some finite {name}; got a maximum of {top}; check the weights.")
    weights = np.exp(logs - top)
    return weights / weights.sum()
