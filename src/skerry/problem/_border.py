"""What users' functions return: checked, with the mistake and its cure in the error's text."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.errors import ProblemError


def as_values(returned: Any, n: int, *, one_point: bool) -> FloatArray:
    """The log-likelihoods of n points as float64 ``(n,)``.

    Raises:
        ProblemError: for anything but n real numbers in one dimension.
    """
    array = _as_array(returned, "log_likelihood")
    if array.shape == (n,):
        return array.astype(np.float64)
    if one_point and array.shape[:1] == (n,):
        raise ProblemError(
            "Expected log_likelihood(theta) to return one number for a point; got shape "
            f"{array.shape[1:]}; sum over it, or if your function takes all points (n, d) at once, "
            "say so with vectorized=True."
        )
    raise ProblemError(
        f"Expected log_likelihood(theta) to return shape ({n},), one number a point; got shape "
        f"{array.shape}; {_advice(array.shape, n)}."
    )


def as_predictions(returned: Any, n: int, *, one_point: bool) -> FloatArray:
    """The predictions for n points as float64 ``(n, m)``.

    Raises:
        ProblemError: for anything but n rows of real numbers.
    """
    array = _as_array(returned, "forward")
    if array.ndim == 2 and len(array) == n:
        return array.astype(np.float64)
    if one_point and array.shape[:1] == (n,):
        raise ProblemError(
            "Expected forward(theta) to return one prediction (m,) for a point; got shape "
            f"{array.shape[1:]}; return a 1-D array, even for a single measurement, or if your "
            "function takes all points (n, d) at once, say so with vectorized=True."
        )
    cure = (
        "for a single measurement return it as prediction[:, None]"
        if array.shape == (n,)
        else "if your function takes one point at a time, pass vectorized=False"
    )
    raise ProblemError(
        f"Expected forward(theta) to return shape ({n}, m), one row a point; got shape "
        f"{array.shape}; {cure}."
    )


def _as_array(returned: Any, label: str) -> Any:
    try:
        array = np.asarray(returned)
    except ValueError as error:
        raise ProblemError(
            f"Expected {label}(theta) to return an array; got values of unequal shapes ({error}); "
            "return the same shape for every point."
        ) from error
    if array.dtype.kind not in "fiu":
        kinds = {"c": "complex numbers", "b": "booleans", "U": "text", "O": "objects"}
        got = kinds.get(array.dtype.kind, str(array.dtype))
        if returned is None or (array.dtype.kind == "O" and None in array.ravel().tolist()):
            got = "None"
        cure = {
            "None": "does it end with a return?",
            "complex numbers": "take the real part, or find what makes it complex",
        }.get(got, "return floats (float64), -inf for an impossible point")
        raise ProblemError(f"Expected {label}(theta) to return real numbers; got {got}; {cure}.")
    return array


def _advice(shape: tuple[int, ...], n: int) -> str:
    if shape == (n, 1):
        return "return values[:, 0]"
    if len(shape) == 2 and shape[0] == n:
        return "sum over the last axis"
    return "if your function takes one point at a time, pass vectorized=False"
