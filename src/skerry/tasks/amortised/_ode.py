"""Ordinary differential equations, many at once, each with a step size of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from skerry._types import FloatArray

Rates: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]

# Dormand & Prince 1980, RK5(4)7M: stages, weights of order 5, and their difference to order 4.
STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
SAFETY, SHRINK, GROW = 0.9, 0.2, 5.0
MOST_STEPS = 20_000


def solve(
    rates: Rates,
    start: FloatArray,
    theta: FloatArray,
    times: FloatArray,
    tolerance: float = 1e-7,
) -> FloatArray:
    """The states at given times of dy/dt = rates(y, theta), from y(times[0]) = start.

    Args:
        rates: states (n, k) and parameters (n, d) to derivatives (n, k), row by row.
        start: the state at the first time (k,).
        theta: parameters (n, d).
        times: where to stop, rising (t,).
        tolerance: of the error of a step in each component, absolute.

    Returns:
        States (n, t, k); nan from where a solution isn't finite, or takes over 20,000 steps.
    """
    n = len(theta)
    states = np.full((n, len(times), len(start)), np.nan)
    states[:, 0] = start
    y, h = np.tile(np.asarray(start, dtype=np.float64), (n, 1)), np.full(n, 0.01)
    t, goal = np.full(n, times[0]), np.ones(n, dtype=np.int64)
    rows = np.arange(n) if len(times) > 1 else np.arange(0)
    for _ in range(MOST_STEPS):
        if not len(rows):
            break
        left = times[goal[rows]] - t[rows]
        step = np.minimum(h[rows], left)
        with np.errstate(all="ignore"):
            new, error = _step(rates, y[rows], theta[rows], step)
            size = np.abs(error).max(axis=1) / tolerance
            factor = np.clip(SAFETY * size**-0.2, SHRINK, GROW)
        finite = np.isfinite(new).all(axis=1) & np.isfinite(size)
        good = finite & (size <= 1.0)
        arrived = good & (step == left)
        wanted = step * np.where(finite, factor, SHRINK)
        h[rows] = np.where(arrived, np.maximum(h[rows], wanted), wanted)
        done = rows[good]
        y[done], t[done] = new[good], t[done] + step[good]
        there = rows[arrived]
        t[there] = times[goal[there]]
        states[there, goal[there]] = y[there]
        goal[there] += 1
        rows = rows[(goal[rows] < len(times)) & (h[rows] > 1e-12)]
    return states


def _step(
    rates: Rates, y: FloatArray, theta: FloatArray, h: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """One step of order 5, and its estimated error."""
    slopes = [rates(y, theta)]
    new = y
    for stage in STAGES:
        new = y + h[:, None] * sum(c * s for c, s in zip(stage, slopes, strict=True))
        slopes.append(rates(new, theta))
    error = h[:, None] * sum(c * s for c, s in zip(ERROR, slopes, strict=True))
    return new, error
