"""prior_transform(cube): the prior of nested samplers, a point at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.errors import PriorError
from skerry.priors import Prior

LOWEST, HIGHEST = 1e-15, 1.0 - 2.0**-53
HALVINGS = 60
STEP = 1e-4  # of the distance to the nearer end: the derivative's error is its square


def prior_from_transform(
    names: Sequence[str],
    transform: Callable[[FloatArray], Any],
    *,
    vectorized: bool = False,
    periodic: Collection[str] = (),
) -> Prior:
    r"""A prior from the ``prior_transform`` of dynesty, UltraNest and their like.

    Where each parameter depends on its own side of the cube alone, rising, which is tried out, the
    transform is inverted by bisection and its density worked out from its slope,
    :math:`\log \pi(\theta) = -\sum_j \log dT_j/dc_j`, to about seven digits, as far as 1e-15 from
    the cube's ends: points can be recycled, at some 120 calls of the transform each. Where
    parameters depend on each other, :func:`skerry.infer` can use the prior, and nothing can be
    recycled. Prefer ``skerry.Prior({...})`` where the distributions are known: it is exact and
    faster.

    Args:
        names: the d parameters.
        transform: a point of the unit cube ``(d,)`` to one of theta ``(d,)``; the cube's point may
            be changed in place.
        vectorized: True if it takes many, ``(n, d)`` to ``(n, d)``.
        periodic: names of the parameters that live on circles.

    Raises:
        PriorError: for a function that doesn't do so.
    """
    checked = (names,) if isinstance(names, str) else tuple(names)
    if not callable(transform):
        raise PriorError(
            f"Expected transform to be a function; got {type(transform).__name__}; pass one of a "
            "point in the unit cube (d,)."
        )
    rows = _Rows(transform, vectorized)
    if not _separate(rows, len(checked)):
        return Prior.from_transform(checked, rows, periodic=periodic)
    return Prior.from_transform(
        checked, rows, inverse=_Inverse(rows), log_prob=_Density(rows), periodic=periodic
    )


@dataclass(frozen=True)
class _Rows:
    """The transform, many points at a time."""

    transform: Callable[[FloatArray], Any]
    vectorized: bool

    def __call__(self, cube: FloatArray) -> FloatArray:
        if self.vectorized:
            return np.asarray(self.transform(cube.copy()), dtype=np.float64)
        found = [np.asarray(self.transform(point.copy()), dtype=np.float64) for point in cube]
        return np.array(found).reshape(len(cube), -1)


@dataclass(frozen=True)
class _Inverse:
    """The cube's points of theta, each side by bisection."""

    rows: _Rows

    def __call__(self, theta: FloatArray) -> FloatArray:
        low, high = np.zeros_like(theta), np.ones_like(theta)
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            below = self.rows(np.clip(middle, LOWEST, HIGHEST)) < theta
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.clip(0.5 * (low + high), LOWEST, HIGHEST)


@dataclass(frozen=True)
class _Density:
    """-sum_j log dT_j/dc_j by central differences; -inf outside."""

    rows: _Rows

    def __call__(self, theta: FloatArray) -> FloatArray:
        cube = _Inverse(self.rows)(theta)
        step = STEP * np.minimum(cube, 1 - cube)
        rise = self.rows(cube + step) - self.rows(cube - step)
        ends = self.rows(np.array([[LOWEST], [HIGHEST]]).repeat(theta.shape[1], axis=1))
        inside = ((theta >= ends[0]) & (theta <= ends[1])).all(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.sum(np.log(2 * step) - np.log(rise), axis=1)
        return np.where(inside, values, -np.inf)


def _separate(rows: _Rows, d: int) -> bool:
    """Whether each parameter depends on its own side of the cube alone, and rises with it."""
    places = np.random.default_rng(0).uniform(0.01, 0.99, (8, d))
    start = _tried(rows, places)
    for j in range(d):
        moved = places.copy()
        moved[:, j] = np.linspace(0.02, 0.98, 8)
        found = _tried(rows, moved)
        others = np.arange(d) != j
        if not (found[:, others] == start[:, others]).all() or not (np.diff(found[:, j]) > 0).all():
            return False
    return True


def _tried(rows: _Rows, cube: FloatArray) -> FloatArray:
    try:
        found = rows(cube)
    except (TypeError, ValueError, IndexError) as error:
        raise PriorError(
            f"Expected a transform of a point of the unit cube ({cube.shape[1]},), or of many with "
            f"vectorized=True; got {type(error).__name__}: {error}."
        ) from error
    if found.shape != cube.shape:
        raise PriorError(
            f"Expected a transform that returns {cube.shape[1]} parameters a point; got shape "
            f"{found.shape} for {cube.shape}; see vectorized."
        )
    return found
