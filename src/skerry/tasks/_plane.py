"""Planar tasks whose truth comes from fine quadrature: Himmelblau, two moons, egg box."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.tasks._cells import LogDensity, cut
from skerry.tasks._task import Task, TaskMode, numbered, uniform_prior

FLOAT_ERROR = 1e-10  # rounding and the cells left out


def himmelblau() -> Task:
    """L = exp(-H), H = (x^2 + y - 11)^2 + (x + y^2 - 7)^2: four islands, one in each quadrant."""
    minima = np.array(
        [
            [3.0, 2.0],
            [-2.805118086952745, 3.131312518250573],
            [-3.779310253377747, -3.283185991286170],
            [3.584428340330492, -1.848126526964404],
        ]
    )

    def log_likelihood(theta: FloatArray) -> FloatArray:
        x, y = theta.T
        return -((x**2 + y - 11.0) ** 2) - (x + y**2 - 7.0) ** 2

    return _cells_task(
        "himmelblau",
        log_likelihood,
        [-6.0, -6.0],
        [6.0, 6.0],
        locations=minima,
        label=_quadrant,
        note="Four islands of unlike shapes, 1% of the prior's width, barriers from 13 nats. "
        "A point belongs to the mode of its quadrant.",
        source="Himmelblau 1972, as a likelihood at temperature 1.",
    )


def _quadrant(theta: FloatArray) -> IntArray:
    """0 to 3 for the quadrants ++, -+, --, +-."""
    left, down = theta[:, 0] < 0.0, theta[:, 1] < 0.0
    return np.where(down, np.where(left, 2, 3), np.where(left, 1, 0))


def two_moons() -> Task:
    """Two crescents: a point seen through its range and the square of its first coordinate.

    Forward model f = (r, x^2), r^2 = x^2 + y^2; seen (2, 4) with Gaussian noise (0.1, 0.8).
    The density is smooth (but for r = 0, 200 nats down), and the moons' tips fade.
    """

    def log_likelihood(theta: FloatArray) -> FloatArray:
        x, y = theta.T
        return -0.5 * ((np.hypot(x, y) - 2.0) / 0.1) ** 2 - 0.5 * ((x**2 - 4.0) / 0.8) ** 2

    return _cells_task(
        "two_moons",
        log_likelihood,
        [-4.0, -4.0],
        [4.0, 4.0],
        locations=np.array([[-2.0, 0.0], [2.0, 0.0]]),
        label=lambda theta: (theta[:, 0] > 0.0).astype(np.int64),
        note="Two thin crescents that face each other, of equal masses by symmetry. "
        "A point belongs to the moon of its side of x0 = 0.",
        source="A smooth relative of the two moons of Greenberg et al. 2019 and sbibm.",
    )


def eggbox() -> Task:
    """Log L = (2 + cos(x / 2) cos(y / 2))^5 on [0, 10 pi]^2: eighteen peaks on a checkerboard.

    Peaks lie at 2 pi (i, j), i and j from 0 to 5, i + j even: 8 inside the box, 8 on its edges
    with half of the mass each, 2 in its corners with a quarter.
    """
    steps = [(i, j) for i in range(6) for j in range(6) if (i + j) % 2 == 0]
    peaks = 2.0 * np.pi * np.array(steps, dtype=np.float64)

    def log_likelihood(theta: FloatArray) -> FloatArray:
        x, y = theta.T
        return (2.0 + np.cos(x / 2.0) * np.cos(y / 2.0)) ** 5

    def label(theta: FloatArray) -> IntArray:
        gaps = np.sum((theta[:, None, :] - peaks) ** 2, axis=2)
        return np.argmin(gaps, axis=1)

    return _cells_task(
        "eggbox",
        log_likelihood,
        [0.0, 0.0],
        [10.0 * np.pi, 10.0 * np.pi],
        locations=peaks,
        label=label,
        grid=160,
        note="Eighteen narrow peaks (0.3% of the prior's width), ten of them cut by the prior. "
        "A point belongs to the nearest peak.",
        source="Feroz, Hobson & Bridges 2009 (log Z = 235.86).",
    )


def _cells_task(
    name: str,
    log_likelihood: LogDensity,
    low: Sequence[float],
    high: Sequence[float],
    *,
    locations: FloatArray,
    label: Callable[[FloatArray], IntArray],
    note: str,
    source: str,
    grid: int = 96,
) -> Task:
    """A task in a uniform box, its truth from cells."""
    from skerry.problem import Problem

    cells = cut(log_likelihood, low, high, [grid] * len(low))
    log_integral = cells.log_integral(8)
    masses = cells.integrals(8, label, len(locations))
    modes = zip(locations, masses / masses.sum(), strict=True)
    return Task(
        name=name,
        problem=Problem(uniform_prior(numbered(len(low)), low, high), log_likelihood),
        log_evidence=log_integral - float(np.sum(np.log(np.subtract(high, low)))),
        log_evidence_error=abs(log_integral - cells.log_integral(6)) + FLOAT_ERROR,
        modes=tuple(TaskMode(location, float(mass)) for location, mass in modes),
        sampler=cells.sample,
        labeller=label,
        note=note,
        source=source,
    )
