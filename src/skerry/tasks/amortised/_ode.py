"""Ordinary differential equations, many at once, each with a step size of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray

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
SMALLEST = 1e-12  # a step shorter than this has met a singularity
MOST_STEPS = 20_000
SPARE = 8  # let go of those that are over when they are every eighth
TOGETHER = 8192  # solutions under way: what they need stays near the processor


def solve(
    rates: Rates,
    start: FloatArray,
    theta: FloatArray,
    times: FloatArray,
    tolerance: float = 1e-7,
) -> FloatArray:
    """The states at given times of dy/dt = rates(y, theta), from y(times[0]) = start.

    A few thousand solutions are under way at a time; those that end make room for others, so that
    slow ones hold nobody up.

    Args:
        rates: states (k, n) and parameters (d, n) to derivatives (k, n), column by column.
        start: the state at the first time (k,).
        theta: parameters (n, d).
        times: where to stop, rising (t,).
        tolerance: of the error of a step in each component, absolute.

    Returns:
        States (n, t, k); nan from where a solution isn't finite, or takes over 20,000 steps.
    """
    n, first = len(theta), np.asarray(start, dtype=np.float64)
    states = np.full((n, len(times), len(first)), np.nan)
    states[:, 0] = first
    begun, on = 0, _begin(rates, first, theta[:0], times, 0)
    while len(times) > 1:
        if begun < n and 2 * len(on.rows) <= TOGETHER:
            room = min(TOGETHER - len(on.rows), n - begun)
            on = on.beside(_begin(rates, first, theta[begun : begun + room], times, begun))
            begun += room
        if not len(on.rows):
            break
        with np.errstate(all="ignore"):
            arrived = _advance(rates, on, times, tolerance)
        there = on.rows[arrived]
        states[there, on.goal[arrived] - 1] = on.y[:, arrived].T
        over = (on.goal == len(times)) | (on.h <= SMALLEST) | (on.n_steps == MOST_STEPS)
        on.goal[over] = len(times)
        if len(over) <= SPARE * np.count_nonzero(over):
            on = on.only(~over)
    return states


@dataclass
class _Under:
    """Solutions under way, one a column.

    Attributes:
        rows: which of all.
        y: states (k, m).
        slope: their derivatives (k, m).
        theta: parameters (d, m).
        t: times (m,).
        h: the steps they want to take next.
        goal: the numbers of the times they go to.
        n_steps: steps tried.
    """

    rows: IntArray
    y: FloatArray
    slope: FloatArray
    theta: FloatArray
    t: FloatArray
    h: FloatArray
    goal: IntArray
    n_steps: IntArray

    def only(self, kept: BoolArray) -> _Under:
        return _Under(*(part[..., kept] for part in vars(self).values()))

    def beside(self, others: _Under) -> _Under:
        pairs = zip(vars(self).values(), vars(others).values(), strict=True)
        return _Under(*(np.concatenate(pair, axis=-1) for pair in pairs))


def _begin(
    rates: Rates, start: FloatArray, theta: FloatArray, times: FloatArray, first: int
) -> _Under:
    m, columns = len(theta), np.ascontiguousarray(theta.T)
    y = np.repeat(start[:, None], m, axis=1)
    with np.errstate(all="ignore"):
        slope = np.asarray(rates(y, columns), dtype=np.float64)
    t, h, goal = np.full(m, float(times[0])), np.full(m, 0.01), np.ones(m, dtype=np.int64)
    return _Under(first + np.arange(m), y, slope, columns, t, h, goal, np.zeros(m, dtype=np.int64))


def _advance(rates: Rates, on: _Under, times: FloatArray, tolerance: float) -> BoolArray:
    """A step of each, in place; which of them arrived at a time asked for."""
    goal = times[np.minimum(on.goal, len(times) - 1)]
    left = goal - on.t
    step = np.minimum(on.h, left)
    new, slope, error = _step(rates, on.y, on.slope, on.theta, step)
    size = np.abs(error).max(axis=0) / tolerance
    factor = np.clip(SAFETY * size**-0.2, SHRINK, GROW)
    finite = np.isfinite(new).all(axis=0) & np.isfinite(size)
    good = finite & (size <= 1.0)
    arrived = good & (step == left) & (on.goal < len(times))
    wanted = step * np.where(finite, factor, SHRINK)
    on.h = np.where(arrived, np.maximum(on.h, wanted), wanted)
    on.y, on.slope = np.where(good, new, on.y), np.where(good, slope, on.slope)
    on.t = np.where(arrived, goal, np.where(good, on.t + step, on.t))
    on.goal = on.goal + arrived
    on.n_steps = on.n_steps + 1
    return arrived


def _step(
    rates: Rates, y: FloatArray, slope: FloatArray, theta: FloatArray, h: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One step of order 5: the state, its derivative, and the estimated error."""
    slopes = [slope]
    new = y
    for stage in STAGES:
        new = y + h * _sum(stage, slopes)
        slopes.append(np.asarray(rates(new, theta)))
    return new, slopes[-1], h * _sum(ERROR, slopes)


def _sum(weights: tuple[float, ...], slopes: list[FloatArray]) -> FloatArray:
    total = weights[0] * slopes[0]
    part = np.empty_like(total)
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        if weight:
            total += np.multiply(slope, weight, out=part)
    return total
