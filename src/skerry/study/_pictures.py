"""Log densities on a plane through a target: what the figures show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skerry._types import FloatArray
from skerry.tasks import Task

SIDE = 220  # pixels
PLANES = {"helix": (0, 2)}  # the coordinates across; the others are those of the heaviest mode
FIRST_TWO = (0, 1)


def picture(task: Task, log_prob: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Log density ``(SIDE, SIDE)``; rows are the plane's second coordinate, from low to high."""
    plane = list(PLANES.get(task.name, FIRST_TWO))
    x, y = axes(task)
    grid = np.tile(max(task.modes, key=lambda mode: mode.mass).location, (SIDE * SIDE, 1))
    grid[:, plane] = np.stack([a.ravel() for a in np.meshgrid(x, y)], axis=1)
    return np.asarray(log_prob(grid)).reshape(SIDE, SIDE)


def axes(task: Task) -> tuple[FloatArray, FloatArray]:
    """The plane's coordinates: pixel centres where the posterior lies, and a margin."""
    plane = list(PLANES.get(task.name, FIRST_TWO))
    drawn = task.sample(20_000, 0)[:, plane]
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    bounds, margin = task.problem.prior.bounds[plane], 0.08 * (high - low)
    low, high = np.maximum(low - margin, bounds[:, 0]), np.minimum(high + margin, bounds[:, 1])
    step = (high - low) / SIDE
    x, y = (low[i] + step[i] * (np.arange(SIDE) + 0.5) for i in (0, 1))
    return x, y


def describe(task: Task) -> tuple[str, str, str]:
    """Labels of the two axes, and where the plane lies (empty in two dimensions)."""
    plane, names = PLANES.get(task.name, FIRST_TWO), task.problem.prior.names
    heaviest = max(task.modes, key=lambda mode: mode.mass).location
    rest = [i for i in range(len(names)) if i not in plane]
    where = ", ".join(f"{names[i]} = {heaviest[i]:.2f}" for i in rest)
    return names[plane[0]], names[plane[1]], where
