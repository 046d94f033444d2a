"""Scales and covariances, checked once."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.errors import ProblemError


def as_sigma(sigma: Any, *, largest_ndim: int, name: str = "sigma") -> FloatArray:
    """Positive scales, or a covariance, read-only float64."""
    try:
        array = np.array(sigma, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProblemError(
            f"Expected {name} to hold numbers; got {type(sigma).__name__}; pass for example 0.1."
        ) from error
    array.setflags(write=False)
    kinds = ("a number", "one number a measurement (m,)", "a covariance (m, m)")
    square = array.ndim < 2 or array.shape[0] == array.shape[1]
    if array.ndim > largest_ndim or array.size == 0 or not square:
        raise ProblemError(
            f"Expected {name} to be {' or '.join(kinds[: largest_ndim + 1])}; got shape "
            f"{array.shape}; reshape it."
        )
    if not np.isfinite(array).all() or (array.ndim < 2 and (array <= 0).any()):
        raise ProblemError(
            f"Expected {name} > 0, finite; got {array.tolist()}; pass positive numbers."
        )
    return array


def cholesky(covariance: FloatArray) -> FloatArray:
    """The lower Cholesky factor of a covariance."""
    try:
        slack = 1e-10 * float(np.abs(covariance).max())
        if not np.allclose(covariance, covariance.T, rtol=1e-8, atol=slack):
            raise np.linalg.LinAlgError("not symmetric")
        return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise ProblemError(
            f"Expected a symmetric, positive definite covariance; got one that isn't ({error}); "
            "check its eigenvalues, or pass standard deviations (m,)."
        ) from error


def check_width(sigma: FloatArray, prediction: FloatArray, name: str = "sigma") -> int:
    """m, the number of measurements."""
    m = prediction.shape[1]
    if sigma.ndim and len(sigma) != m:
        raise ProblemError(
            f"Expected {name} for {m} measurements, as the predictions have; got {len(sigma)}; "
            f"check {name} and the forward model."
        )
    return m
