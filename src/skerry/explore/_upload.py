"""Observations from files that somebody chose in a browser."""

from __future__ import annotations

import io
import json
import warnings
from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.amortization import Estimator
from skerry.errors import InputError
from skerry.explore._numbers import one_observation

LARGEST = 8_000_000  # bytes
KINDS = (".csv", ".txt", ".npy", ".json")


def read_upload(estimator: Estimator, name: str, data: bytes) -> tuple[FloatArray, int]:
    """An observation from a file's bytes, and how many the file held; of several the first.

    A CSV or text file holds numbers with commas or spaces between; an npy file an array; a JSON
    file a list, or an object with one under ``x``. Nothing in a file is executed.

    Args:
        estimator: whose observation.
        name: of the file: its end tells the kind.
        data: its bytes.

    Raises:
        InputError: for another kind, a damaged file, or an observation of another size.
    """
    if len(data) > LARGEST:
        raise InputError(f"Expected a file up to {LARGEST // 1_000_000} MB; got a larger one.")
    kind = "." + name.rpartition(".")[2].lower()
    try:
        array = _parsed(kind, data)
    except InputError:
        raise
    except Exception as error:  # there is no end to the ways in which a file can be damaged
        raise InputError(
            f"Expected numbers in the file; it can't be read ({type(error).__name__}); see to it."
        ) from error
    size = int(np.prod(estimator.x_shape))
    if array.size != size and array.ndim > 1 and array[0].size == size:
        return one_observation(estimator, array[0]), len(array)
    return one_observation(estimator, array), 1


def _parsed(kind: str, data: bytes) -> FloatArray:
    if kind == ".npy":
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False), np.float64)
    if kind == ".json":
        return _listed(json.loads(data.decode("utf-8-sig")))
    if kind in (".csv", ".txt"):
        text = data.decode("utf-8-sig")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an empty file: told below
            return np.loadtxt(io.StringIO(text), delimiter="," if "," in text else None, ndmin=1)
    raise InputError(f"Expected a file that ends in {', '.join(KINDS)}; got another.")


def _listed(found: Any) -> FloatArray:
    return np.asarray(found["x"] if isinstance(found, dict) else found, np.float64)
