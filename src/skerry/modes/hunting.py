r"""Hunting: local optimisation from many starts, so that no island has to be met by chance.

Starts are the local maxima of the evaluated points on their neighbour graph, highest first, then
random ones. Each climbs the log posterior on u by L-BFGS (true gradients where there are some, else
forward differences where the value has risen). Ends that lie within each other's reach are one
peak. The points met on the way have no proposal density: they guide, and never enter a weight.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.optimize import minimize

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.modes.islands import Islands
from skerry.modes.lines import ThriftyObjective
from skerry.modes.peaks import INSIDE, Chart, Hunt, Peaks, curvature_to_covariance

LogLikelihood: TypeAlias = Callable[[FloatArray], FloatArray]
Gradient: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray]]

STEP = 1e-6  # of forward differences, in u
MAX_ITERATIONS = 60
SCALE = 0.1  # of a climb's first step, in u: no leap into the next island's basin
EDGE = (-8.0 / SCALE, 8.0 / SCALE)


class _OutOfCalls(Exception):  # noqa: N818
    """The budget of a hunt is spent."""


class _Arrived(Exception):  # noqa: N818
    """A climb is well inside a known peak's reach."""


class Ascent(NamedTuple):
    """Where a climb ended, in chart coordinates; ``known``: the peak it came near to, or None."""

    end: FloatArray
    height: float
    scale: FloatArray
    known: int | None = None


class Hunter:
    """Climbs from starts and keeps the peaks found; counts what it spends.

    Args:
        log_likelihood: on u, vectorised.
        gradient: its value and true gradient on u at one point; None for forward differences.
        periodic: which coordinates lie on a circle.
        max_calls: calls at most.
        known: islands that need no new peak.
    """

    def __init__(
        self,
        log_likelihood: LogLikelihood,
        gradient: Gradient | None,
        periodic: BoolArray,
        max_calls: int,
        known: Islands | None = None,
    ) -> None:
        self._log_likelihood = log_likelihood
        self._gradient = gradient
        self._periodic = periodic
        self._max_calls = max_calls
        self._chart = Chart(periodic)
        self._peaks = Peaks(self._chart, known)
        self._lent = 0
        self.n_calls = 0
        self.n_starts = 0

    @property
    def exhausted(self) -> bool:
        """Whether the calls are spent."""
        return self.left < 2 * len(self._periodic) + 2

    @property
    def visits(self) -> IntArray:
        """How many starts ended on each new peak, ``(K,)``."""
        return self._peaks.visits

    @property
    def left(self) -> int:
        """Calls that are left, but for those that scouts may take."""
        return self._max_calls - self.n_calls - self._lent

    def climb(self, start: FloatArray) -> None:
        """Climb from one start."""
        self.settle(self.ascend(start))

    def scout(self, max_calls: int) -> Hunter:
        """One to ascend with, who knows what is known now, and has calls of its own."""
        scout = copy.copy(self)
        scout._peaks = self._peaks.known()
        scout.n_calls, scout._lent = 0, 0
        scout._max_calls = max(0, min(max_calls, self.left))
        self._lent += scout._max_calls
        return scout

    def recall(self, scout: Hunter) -> None:
        """Count the calls of a scout that has ascended."""
        self._lent -= scout._max_calls
        self.n_calls += scout.n_calls

    def ascend(self, start: FloatArray) -> Ascent | None:
        """The way up from one start, of which nothing is kept; None if calls were too few."""
        try:
            return self._ascend(self._chart.of(start))
        except _OutOfCalls:
            return None
        except _Arrived as arrived:
            return Ascent(arrived.args[1], np.nan, np.empty(0), arrived.args[0])

    def settle(self, ascent: Ascent | None) -> None:
        """Keep what an ascent led to; a new peak is looked at more closely."""
        if ascent is None:
            return
        self.n_starts += 1
        end, height, scale, arrived = ascent
        if arrived is not None:
            self._peaks.visit(arrived, end)
            return
        if not np.isfinite(height):
            return
        new = self._peaks.end(end, height, scale)
        if new is not None:
            self._place(new, end, height, scale)

    def result(self) -> Hunt:
        """Everything found so far."""
        return self._peaks.result(self.n_starts, self.n_calls)

    def _evaluate(self, w: FloatArray) -> FloatArray:
        if len(w) > self.left:
            raise _OutOfCalls
        self.n_calls += len(w)
        return self._log_likelihood(self._chart.to_u(w)) + self._chart.log_prior(w)

    def _ascend(self, start: FloatArray) -> Ascent:
        def look(v: FloatArray) -> tuple[float, FloatArray | None]:
            height, slope = self._look(SCALE * v)
            return -height, None if slope is None else -SCALE * slope

        def differences(v: FloatArray, value: float) -> FloatArray:
            return -SCALE * self._differences(SCALE * v, -value)

        objective = ThriftyObjective(look, differences)
        found = minimize(
            objective,
            start / SCALE,
            jac=True,
            method="L-BFGS-B",
            callback=objective.accept,
            bounds=[(None, None) if circle else EDGE for circle in self._periodic],
            options={"maxiter": MAX_ITERATIONS, "ftol": 1e-6, "gtol": 1e-3},
        )
        scale = SCALE * np.sqrt(np.diag(found.hess_inv.todense()))
        return Ascent(SCALE * found.x, -float(found.fun), np.clip(scale, 1e-8, 1.0))

    def _look(self, w: FloatArray) -> tuple[float, FloatArray | None]:
        """The log density at a point that lies in no known peak's reach; its slope, if given."""
        known = self._peaks.near(w, INSIDE)
        if known is not None:
            raise _Arrived(known, w)
        if self._gradient is None:
            return float(self._evaluate(w[None])[0]), None
        if self.left < 2:
            raise _OutOfCalls
        self.n_calls += 2
        u = self._chart.to_u(w)
        value, slope = self._gradient(u)
        slope = np.where(self._periodic, slope * np.exp(0.5 * u**2), slope - u)
        return value + float(self._chart.log_prior(w)), slope

    def _differences(self, w: FloatArray, height: float) -> FloatArray:
        values = self._evaluate(w + STEP * np.eye(len(w)))
        with np.errstate(invalid="ignore"):  # -inf less -inf
            return (values - height) / STEP

    def _place(self, k: int, mean: FloatArray, height: float, scale: FloatArray) -> None:
        """Put peak k at a new end, with its Laplace covariance."""
        try:
            covariance = self._laplace(mean, height, scale)
        except _OutOfCalls:
            covariance = np.diag(np.asarray(scale**2, np.float64))
        self._peaks.place(k, mean, height, covariance)

    def _laplace(self, mean: FloatArray, height: float, scale: FloatArray) -> FloatArray:
        """The inverse curvature, from differences over steps that fall by about half a nat."""
        d = len(mean)
        steps, fall = self._steps(mean, height, scale)
        hessian: Any = np.diag(2 * fall / steps**2)
        rows, columns = np.triu_indices(d, 1)
        if len(rows):
            corner = np.zeros((len(rows), d))
            corner[np.arange(len(rows)), rows] = steps[rows]
            corner[np.arange(len(rows)), columns] = steps[columns]
            both = height - 0.5 * (self._evaluate(mean + corner) + self._evaluate(mean - corner))
            cross = (both - fall[rows] - fall[columns]) / (steps[rows] * steps[columns])
            cross = np.where(np.isfinite(cross), cross, 0.0)
            hessian[rows, columns], hessian[columns, rows] = cross, cross
        return curvature_to_covariance(hessian, steps)

    def _steps(
        self, mean: FloatArray, height: float, start: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Steps along the axes that lower the log density by 0.2 to 1.5 nats, and by how much."""
        d = len(mean)
        scale: Any = start
        fall: Any = np.full(d, 0.5)
        for _ in range(8):
            moves = np.diag(scale)
            values = self._evaluate(np.vstack([mean + moves, mean - moves]))
            with np.errstate(invalid="ignore"):
                fall = height - 0.5 * (values[:d] + values[d:])
            fall = np.where(np.isfinite(fall), fall, 1e6)
            if np.all((fall > 0.2) & (fall < 1.5)):
                break
            factor = np.clip(np.sqrt(0.5 / np.maximum(fall, 1e-4)), 0.05, 8.0)
            wrong = (fall <= 0.2) | (fall >= 1.5)
            scale = np.where(wrong, np.minimum(scale * factor, 1.5), scale)
        return scale, np.maximum(fall, 1e-3)


def starts(u: FloatArray, log_density: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """Up to n starts: local maxima of the points on their neighbour graph, then random points.

    Highest and random maxima take turns, so that low, narrow islands have theirs early too.
    """
    from scipy.spatial import cKDTree

    alive = np.flatnonzero(np.isfinite(log_density))
    points, values = u[alive], log_density[alive]
    k = min(len(points), points.shape[1] + 4)
    _, near = cKDTree(points).query(points, k=k)
    tops = np.flatnonzero(values >= values[np.atleast_2d(near)].max(axis=1))
    by_height = tops[np.argsort(-values[tops], kind="stable")]
    at_random = rng.permutation(tops)
    turns = np.stack([by_height, at_random], axis=1).ravel()
    _, first = np.unique(turns, return_index=True)
    rest = rng.permutation(np.setdiff1d(np.arange(len(points)), tops))
    return points[np.concatenate([turns[np.sort(first)], rest])[:n]]
