"""Priors given as a transform from the unit cube, for parameters that depend on each other."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri

from skerry._types import BoolArray, FloatArray
from skerry.errors import PriorError, UnsupportedError
from skerry.priors._columns import U_MAX

LARGEST_BELOW_ONE = 1.0 - 2.0**-53
Rows: TypeAlias = Callable[[FloatArray], Any]


@dataclass(frozen=True, eq=False)
class Cube:
    """theta = transform(Phi(u)); bounds are known for the periodic parameters alone."""

    transform: Rows
    inverse: Rows | None
    density: Rows | None
    bounds: FloatArray
    periodic: BoolArray

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """The density the user gave."""
        if self.density is None:
            raise UnsupportedError(
                "Expected a prior with a density; got a transform alone; pass "
                "log_prob=function of theta (n, d) -> (n,) to Prior.from_transform."
            )
        return _checked(self.density(theta), "log_prob", (len(theta),))

    def to_u(self, theta: FloatArray) -> FloatArray:
        """Phi^-1(inverse(theta)), cut to [-37, 37]."""
        if self.inverse is None:
            raise UnsupportedError(
                "Expected a prior whose transform can be inverted; got a transform alone; pass "
                "inverse=function of theta (n, d) -> cube (n, d) to Prior.from_transform."
            )
        return np.clip(ndtri(_checked(self.inverse(theta), "inverse", theta.shape)), -U_MAX, U_MAX)

    def from_u(self, u: FloatArray) -> FloatArray:
        """transform(Phi(u)), from inside the open cube."""
        cube = np.clip(ndtr(np.clip(u, -U_MAX, U_MAX)), 0.0, LARGEST_BELOW_ONE)
        return _checked(self.transform(cube), "transform", u.shape)


def as_cube(
    names: tuple[str, ...],
    transform: Rows,
    inverse: Rows | None,
    density: Rows | None,
    periodic: Collection[str],
) -> Cube:
    """A checked :class:`Cube`.

    Raises:
        PriorError: if a function isn't vectorised, isn't finite, or doesn't invert the transform.
    """
    d = len(names)
    for label, function in (("transform", transform), ("inverse", inverse), ("log_prob", density)):
        if not callable(function) and (function is not None or label == "transform"):
            raise PriorError(
                f"Expected {label} to be a function; got {type(function).__name__}; pass one "
                "that takes an array (n, d)."
            )
    cube = _trial_points(3 if d != 3 else 4, d)
    theta = _try(transform, cube, "transform", cube.shape)
    if inverse is not None:
        back = _try(inverse, theta, "inverse", cube.shape)
        if not np.allclose(back, cube, rtol=1e-6, atol=1e-9):
            raise PriorError(
                f"Expected inverse(transform(cube)) to be cube; got {back[0]} for {cube[0]}; "
                "mend the inverse, or leave it out."
            )
    if density is not None:
        _try(density, theta, "log_prob", cube.shape[:1])
    bounds, circles = _circles(names, transform, periodic)
    return Cube(transform, inverse, density, bounds, circles)


def _trial_points(n: int, d: int) -> FloatArray:
    """A few scattered points well inside the cube."""
    steps = np.arange(1, n + 1)[:, None] * np.sqrt(np.arange(2, d + 2))
    return 0.1 + 0.8 * np.mod(steps * 0.7548776662466927, 1.0)


def _try(function: Rows, points: FloatArray, label: str, shape: tuple[int, ...]) -> FloatArray:
    """The values at a few points, the same for each point alone: a function over rows."""
    advice = f"write {label} over the rows of an array (n, d), as in array[:, 0]."
    try:
        values = _checked(function(points.copy()), label, shape)
        alone = [_checked(function(p[None].copy()), label, (1, *shape[1:])) for p in points]
    except PriorError:
        raise
    except Exception as error:
        raise PriorError(
            f"Expected a vectorised {label}; got {type(error).__name__} ({error}) for points of "
            f"shape {points.shape}; {advice}"
        ) from error
    if not np.all(np.isfinite(values)):
        raise PriorError(
            f"Expected finite values of {label} inside the support; got {values.tolist()} for "
            f"{points.tolist()}; mend the function there."
        )
    if not np.allclose(np.concatenate(alone), values, rtol=1e-6, atol=1e-9):
        raise PriorError(
            f"Expected a vectorised {label}; got other values for a point alone than in an array "
            f"of {len(points)}; {advice}"
        )
    return values


def _checked(values: Any, label: str, shape: tuple[int, ...]) -> FloatArray:
    try:
        array = None if values is None else np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = None
    if array is None or array.shape != shape:
        got = type(values).__name__ if array is None else f"shape {array.shape}"
        raise PriorError(
            f"Expected a vectorised {label} that returns shape {shape}; got {got}; if yours takes "
            "one point (d,) only, write it over the rows of an array (n, d), as in array[:, 0]."
        )
    return array


def _circles(
    names: tuple[str, ...], transform: Rows, periodic: Collection[str]
) -> tuple[FloatArray, BoolArray]:
    """Bounds ``(d, 2)`` and which are circles ``(d,)``: a circle's ends are read off the cube's."""
    if isinstance(periodic, str) or not set(periodic) <= set(names):
        raise PriorError(
            f"Expected periodic to hold some of the names {list(names)}; got {periodic!r}; "
            "pass a list of names."
        )
    d = len(names)
    bounds = np.tile([-np.inf, np.inf], (d, 1))
    for j in (names.index(name) for name in periodic):
        corners = np.repeat([[0.25], [0.75], [0.25], [0.75]], d, axis=1)
        corners[:, j] = [0.0, 0.0, 1.0, 1.0]
        ends = _checked(transform(corners), "transform", (4, d))[:, j]
        fixed = np.allclose(ends[::2], ends[1::2]) and ends[0] < ends[2]
        if not (fixed and np.all(np.isfinite(ends))):
            raise PriorError(
                f"Expected the periodic parameter {names[j]!r} to run from a fixed low to a fixed "
                f"high along its side of the cube; got ends {ends[:2]} and {ends[2:]}; make it so, "
                "or leave it out of periodic."
            )
        bounds[j] = ends[0], ends[2]
    return bounds, np.array([name in periodic for name in names])
