"""Cells: exact integrals of, and exact draws from, a smooth density in a box of few dimensions.

The box is cut into cells until an envelope that is constant in each cell wastes little. A cell's
bound comes from the log density at its 3^d lattice points: their maximum, plus twice the most that
a function with the lattice's second differences D_j can rise between them, sum_j |D_j| / 8.
Integrals take Gauss-Legendre nodes in each cell. Draws are by rejection from the envelope, hence
exact and independent as long as the bounds hold (which tests measure).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray

LogDensity: TypeAlias = Callable[[FloatArray], FloatArray]

DROP = np.exp(-35.0)  # a cell whose envelope holds less than this share of the mass is left out
DEPTH = 60.0  # nats below the highest value seen, where cells stop looking
BLOCK = 500_000  # points in one call of the density


@dataclass(frozen=True)
class Cells:
    """A density's cells: corners (c, d) and a bound (c,) on the log density in each."""

    log_density: LogDensity
    low: FloatArray
    high: FloatArray
    log_bound: FloatArray

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Independent exact draws (n, d)."""
        parts: list[FloatArray] = []
        missing, share = n, 0.5
        while missing > 0:
            points, log_ratio = self.propose(int(missing / share * 1.05) + 100, rng)
            kept = points[-rng.standard_exponential(len(points)) < log_ratio]
            share = max(len(kept) / len(points), 0.01)
            parts.append(kept[:missing])
            missing -= len(parts[-1])
        return np.concatenate(parts)

    def propose(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draws (n, d) from the envelope and log(density / envelope) (n,), which is <= 0."""
        top = self.log_bound.max()
        ends = np.cumsum(np.exp(self.log_bound - top) * np.prod(self.high - self.low, axis=1))
        cell = np.searchsorted(ends, rng.random(n) * ends[-1])
        low, high = self.low[cell], self.high[cell]
        points = low + rng.random(low.shape) * (high - low)
        return points, self.log_density(points) - self.log_bound[cell]

    def log_integral(self, order: int) -> float:
        """Log of the integral, with ``order`` Gauss-Legendre nodes an axis in each cell."""
        return float(np.log(self.integrals(order, _one_label, 1)[0]) + self.log_bound.max())

    def integrals(self, order: int, label: Callable[[FloatArray], IntArray], k: int) -> FloatArray:
        """Integrals (k,) over the points of each label, divided by exp(log_bound.max())."""
        nodes, weights = np.polynomial.legendre.leggauss(order)
        offsets = _product([(nodes + 1.0) / 2.0] * self.low.shape[1])
        shares = np.prod(_product([weights / 2.0] * self.low.shape[1]), axis=1)
        sums = np.zeros(k)
        for rows in _blocks(len(self.low), len(offsets)):
            low, width = self.low[rows], self.high[rows] - self.low[rows]
            points = (low[:, None] + offsets * width[:, None]).reshape(-1, low.shape[1])
            values = np.exp(self.log_density(points) - self.log_bound.max())
            mass = (values.reshape(len(low), -1) * shares * np.prod(width, 1)[:, None]).ravel()
            sums += np.bincount(label(points), weights=mass, minlength=k)
        return sums


def cut(
    log_density: LogDensity,
    low: Sequence[float],
    high: Sequence[float],
    shape: Sequence[int],
    efficiency: float = 0.5,
) -> Cells:
    """Cells of a density in a box, from a first grid of ``shape`` that sees every island.

    ``efficiency`` is the share of the envelope's draws that will be kept.
    """
    edges = [np.linspace(a, b, m + 1) for a, b, m in zip(low, high, shape, strict=True)]
    corners = _product([e[:-1] for e in edges]), _product([e[1:] for e in edges])
    floor = log_density((corners[0] + corners[1]) / 2.0).max() - DEPTH

    def clipped(theta: FloatArray) -> FloatArray:
        return np.maximum(log_density(theta), floor)

    table = _measured(clipped, *corners)
    while True:
        volume = np.prod(table.high - table.low, axis=1)
        top = table.bound.max()
        envelope = np.exp(table.bound - top) * volume
        mass = np.exp(table.mean - top) * volume
        used = envelope > DROP * max(mass.sum(), 1e-300)
        if mass.sum() >= efficiency * envelope.sum():
            chosen = table.where(used)
            return Cells(log_density, chosen.low, chosen.high, chosen.bound)
        waste = envelope - mass
        split = used & (waste > 0.3 * waste[used].mean())
        halves = table.where(split).halves()
        kept = table.where(used & ~split)
        table = kept.join(_measured(clipped, *halves))


@dataclass(frozen=True)
class _Table:
    """Cells at work: corners, the log bound, the log mean, the axis along which to cut."""

    low: FloatArray
    high: FloatArray
    bound: FloatArray
    mean: FloatArray
    axis: IntArray

    def where(self, chosen: BoolArray) -> _Table:
        return _Table(*(getattr(self, f)[chosen] for f in self.__dataclass_fields__))

    def join(self, other: _Table) -> _Table:
        names = self.__dataclass_fields__
        return _Table(*(np.concatenate([getattr(self, f), getattr(other, f)]) for f in names))

    def halves(self) -> tuple[FloatArray, FloatArray]:
        """Corners of both halves of every cell."""
        rows = np.arange(len(self.low))
        middle = (self.low[rows, self.axis] + self.high[rows, self.axis]) / 2.0
        left_high, right_low = self.high.copy(), self.low.copy()
        left_high[rows, self.axis] = middle
        right_low[rows, self.axis] = middle
        return np.concatenate([self.low, right_low]), np.concatenate([left_high, self.high])


def _measured(log_density: LogDensity, low: FloatArray, high: FloatArray) -> _Table:
    """Log bound, log mean (Simpson's rule) and the most variable axis of each cell."""
    d = low.shape[1]
    offsets = _product([np.array([0.0, 0.5, 1.0])] * d)
    simpson = np.prod(_product([np.array([1.0, 4.0, 1.0]) / 6.0] * d), axis=1)
    bound, mean = np.empty(len(low)), np.empty(len(low))
    axis = np.empty(len(low), dtype=np.int64)
    for rows in _blocks(len(low), len(offsets)):
        width = high[rows] - low[rows]
        points = (low[rows][:, None] + offsets * width[:, None]).reshape(-1, d)
        values = log_density(points).reshape(len(width), -1)
        lattice = values.reshape(-1, *[3] * d)
        bends = np.stack([_bend(lattice, j) for j in range(d)], axis=1)
        slopes = np.stack([_slope(lattice, j) for j in range(d)], axis=1)
        top = values.max(axis=1)
        bound[rows] = top + bends.sum(axis=1) / 4.0 + 1e-9
        mean[rows] = np.log(np.exp(values - top[:, None]) @ simpson) + top
        axis[rows] = np.argmax(slopes + bends, axis=1)
    return _Table(low, high, bound, mean, axis)


def _bend(lattice: FloatArray, axis: int) -> FloatArray:
    """The largest second difference along an axis, of each cell."""
    first, middle, last = (np.take(lattice, i, axis=axis + 1) for i in range(3))
    return np.abs(first - 2.0 * middle + last).reshape(len(lattice), -1).max(axis=1)


def _slope(lattice: FloatArray, axis: int) -> FloatArray:
    """The largest difference between two ends of an axis, of each cell."""
    first, last = (np.take(lattice, i, axis=axis + 1) for i in (0, 2))
    return np.abs(first - last).reshape(len(lattice), -1).max(axis=1)


def _product(axes: Sequence[FloatArray]) -> FloatArray:
    """All combinations (prod m, d) of values along each axis, the last axis fastest."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def _blocks(n_cells: int, points_per_cell: int) -> list[slice]:
    rows = max(1, BLOCK // points_per_cell)
    return [slice(i, min(i + rows, n_cells)) for i in range(0, n_cells, rows)]


def _one_label(points: FloatArray) -> IntArray:
    return np.zeros(len(points), dtype=np.int64)
