"""Finding one's way in what other programs return."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError, UnsupportedError
from skerry.priors import Prior

NESTED = (
    "dead points of nested sampling, each standing for the prior volume that its weight gives it; "
    "log Z and its error are the run's; errors of masses leave out the error of the volumes"
)


def entries(source: Any, names: Sequence[str], what: str) -> list[Any]:
    """The named entries of a mapping, or the attributes of an object.

    Raises:
        InputError: naming those that are missing.
    """
    found, missing = [], []
    for name in names:
        if isinstance(source, Mapping) and name in source:
            found.append(source[name])
        elif not isinstance(source, Mapping) and hasattr(source, name):
            found.append(getattr(source, name))
        else:
            missing.append(name)
    if missing:
        raise InputError(
            f"Expected {what}, with {', '.join(names)}; got {type(source).__name__} without "
            f"{', '.join(missing)}; pass what the run returned."
        )
    return found


def columns(table: Any, found: Sequence[str], prior: Prior, what: str) -> FloatArray:
    """The columns ``(n, d)`` that the prior names, from a table ``(n, m)`` of named columns.

    Raises:
        InputError: if one of the prior's names isn't there.
    """
    names = [str(name) for name in found]
    missing = [name for name in prior.names if name not in names]
    if missing:
        raise InputError(
            f"Expected a column for each of {', '.join(prior.names)} in {what}; "
            f"{', '.join(missing)} missing; got {', '.join(names) or 'no names'}; give the prior's "
            "parameters the names of the run."
        )
    values = np.asarray(table)
    if values.ndim != 2 or values.shape[1] != len(names):
        raise InputError(
            f"Expected {len(names)} columns in {what}; got an array of shape {values.shape}; pass "
            "what the run returned."
        )
    return np.asarray(values[:, [names.index(name) for name in prior.names]])


def needed(module: str, package: str, extra: str = "interop") -> Any:
    """A package that is not of Skerry's core.

    Raises:
        UnsupportedError: if it isn't installed, with the way to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UnsupportedError(
            f"Expected the package {package} to be installed; it isn't ({error}); pip install "
            f"{package}, or skerry[{extra}]."
        ) from error
