r"""Hunting: local optimisation from many starts, so that no island has to be met by chance.

Starts are the local maxima of the evaluated points on their neighbour graph, highest first, then
random ones. Each climbs the log posterior on u by L-BFGS (true gradients where there are some, else
forward differences). Ends that lie within each other's reach are one peak. The points met on the
way have no proposal density: they guide, and never enter a weight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.optimize import minimize

from skerry._types import FloatArray, IntArray
from skerry.flows import frames
from skerry.modes.islands import Islands

LogDensity: TypeAlias = Callable[[FloatArray], FloatArray]
Gradient: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray]]

STEP = 1e-6  # of forward differences, in u
REACH = 3.0  # standard deviations within which two ends are one peak
INSIDE = 2.0  # standard deviations within which a climb need not go on
MAX_ITERATIONS = 60
LOW = 1e6  # nats: how far below the start a point of zero density is put


class _OutOfCalls(Exception):  # noqa: N818
    """The budget of a hunt is spent."""


class _Arrived(Exception):  # noqa: N818
    """A climb is well inside a known peak's reach."""


@dataclass(frozen=True)
class Hunt:
    """What a hunt found.

    Attributes:
        peaks: Gaussians at the peaks, Laplace covariances, Laplace masses.
        heights: log density at the peaks, ``(K,)``.
        visits: how many starts ended on each, ``(K,)``.
        n_starts: starts in all.
        n_calls: likelihood calls spent; a true gradient counts as two.
    """

    peaks: Islands
    heights: FloatArray
    visits: IntArray
    n_starts: int
    n_calls: int

    @property
    def unseen(self) -> float:
        """Good and Turing's estimate of the chance that one more start ends on a new peak."""
        return float(np.sum(self.visits == 1) / max(self.n_starts, 1))


class Hunter:
    """Climbs from starts and keeps the peaks found; counts what it spends."""

    def __init__(
        self,
        log_density: LogDensity,
        gradient: Gradient | None,
        periodic: np.ndarray,
        max_calls: int,
    ) -> None:
        self._log_density = log_density
        self._gradient = gradient
        self._periodic = periodic
        self._max_calls = max_calls
        self.n_calls = 0
        self.n_starts = 0
        self._means: list[FloatArray] = []
        self._covariances: list[FloatArray] = []
        self._precisions: list[FloatArray] = []
        self._heights: list[float] = []
        self._visits: list[int] = []

    def climb(self, start: FloatArray) -> bool:
        """Climb from one start; True if it ended on a new peak."""
        self.n_starts += 1
        try:
            end, height, scale = self._ascend(start)
        except _OutOfCalls:
            self.n_starts -= 1
            return False
        except _Arrived as arrived:
            self._visits[arrived.args[0]] += 1
            return False
        if not np.isfinite(height):
            return False
        known = self._known(end, REACH)
        if known is not None:
            self._visits[known] += 1
            if height > self._heights[known] + 0.5:  # the same island, but higher up
                self._place(known, end, height, scale)
            return False
        self._means.append(end)
        self._covariances.append(np.diag(scale**2))
        self._precisions.append(np.diag(scale**-2.0))
        self._heights.append(height)
        self._visits.append(1)
        self._place(len(self._means) - 1, end, height, scale)
        return True

    def result(self) -> Hunt | None:
        """All peaks so far; None if there are none."""
        if not self._means:
            return None
        means, covariances = np.array(self._means), np.array(self._covariances)
        heights = np.array(self._heights)
        _, log_dets = np.linalg.slogdet(covariances)
        log_masses = heights + 0.5 * log_dets
        turns = np.full(means.shape, 0.5)
        if self._periodic.any():
            means, turns = _turned(means, self._periodic)
        return Hunt(
            Islands(
                frames(means, covariances, turns=turns, periodic=self._periodic),
                log_masses - np.logaddexp.reduce(log_masses),
            ),
            heights,
            np.array(self._visits),
            self.n_starts,
            self.n_calls,
        )

    def _known(self, u: FloatArray, reach: float) -> int | None:
        """The peak within whose reach a point lies."""
        for k, (mean, precision) in enumerate(zip(self._means, self._precisions, strict=True)):
            away = u - mean
            if away @ precision @ away < reach**2:
                return k
        return None

    def _evaluate(self, u: FloatArray) -> FloatArray:
        if self.n_calls + len(u) > self._max_calls:
            raise _OutOfCalls
        self.n_calls += len(u)
        return self._log_density(u)

    def _ascend(self, start: FloatArray) -> tuple[FloatArray, float, FloatArray]:
        floor = float(self._evaluate(start[None])[0]) - LOW
        if not np.isfinite(floor):
            return start, -np.inf, np.ones_like(start)

        def objective(u: FloatArray) -> tuple[float, FloatArray]:
            known = self._known(u, INSIDE)
            if known is not None:
                raise _Arrived(known)
            value, slope = self._slope(u)
            if not np.isfinite(value):
                return -floor, np.zeros_like(u)
            return -max(value, floor), -np.where(np.isfinite(slope), slope, 0.0)

        found = minimize(
            objective,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-8.0, 8.0)] * len(start),
            options={"maxiter": MAX_ITERATIONS, "ftol": 1e-6, "gtol": 1e-3},
        )
        scale = np.sqrt(np.clip(np.diag(found.hess_inv.todense()), 1e-16, 1.0))
        return found.x, -float(found.fun), scale

    def _slope(self, u: FloatArray) -> tuple[float, FloatArray]:
        if self._gradient is not None:
            if self.n_calls + 2 > self._max_calls:
                raise _OutOfCalls
            self.n_calls += 2
            return self._gradient(u)
        values = self._evaluate(np.vstack([u, u + STEP * np.eye(len(u))]))
        return float(values[0]), (values[1:] - values[0]) / STEP

    def _place(self, k: int, mean: FloatArray, height: float, scale: FloatArray) -> None:
        """Put peak k at a new end, with its Laplace covariance."""
        self._means[k], self._heights[k] = mean, height
        try:
            self._covariances[k] = self._laplace(mean, height, scale)
        except _OutOfCalls:
            self._covariances[k] = np.diag(scale**2)
        self._precisions[k] = np.linalg.inv(self._covariances[k])

    def _laplace(self, mean: FloatArray, height: float, scale: FloatArray) -> FloatArray:
        """The inverse curvature, from differences over steps that fall by about half a nat."""
        d = len(mean)
        scale, fall = self._steps(mean, height, scale)
        hessian = np.diag(2 * fall / scale**2)
        rows, columns = np.triu_indices(d, 1)
        if len(rows):
            corner = np.zeros((len(rows), d))
            corner[np.arange(len(rows)), rows] = scale[rows]
            corner[np.arange(len(rows)), columns] = scale[columns]
            both = height - 0.5 * (self._evaluate(mean + corner) + self._evaluate(mean - corner))
            cross = (both - fall[rows] - fall[columns]) / (scale[rows] * scale[columns])
            hessian[rows, columns] = hessian[columns, rows] = np.where(
                np.isfinite(cross), cross, 0.0
            )
        unit = hessian * np.outer(scale, scale)
        values, vectors = np.linalg.eigh(unit)
        values = np.clip(values, 0.02, None)
        covariance = (vectors / values) @ vectors.T
        return np.asarray(covariance * np.outer(scale, scale))

    def _steps(
        self, mean: FloatArray, height: float, scale: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Steps along the axes over which the log density falls by 0.2 to 1.5 nats, and the falls."""
        d = len(mean)
        fall = np.full(d, 0.5)
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


def _turned(means: FloatArray, periodic: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Peaks in frames whose circles are turned to put each peak at 0."""
    from scipy.special import ndtr

    turns = np.where(periodic, ndtr(means), 0.5)
    return np.where(periodic, 0.0, means), turns


def starts(u: FloatArray, log_density: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """Up to n starts: local maxima of the points on their neighbour graph, then random points."""
    from scipy.spatial import cKDTree

    alive = np.flatnonzero(np.isfinite(log_density))
    points, values = u[alive], log_density[alive]
    k = min(len(points), points.shape[1] + 4)
    _, near = cKDTree(points).query(points, k=k)
    tops = np.flatnonzero(values >= values[np.atleast_2d(near)].max(axis=1))
    tops = tops[np.argsort(-values[tops], kind="stable")]
    rest = rng.permutation(np.setdiff1d(np.arange(len(points)), tops))
    half = n // 2 if len(tops) > n // 2 else len(tops)
    chosen = np.concatenate([tops[: max(half, n - len(rest))], rest])[:n]
    return points[chosen]
