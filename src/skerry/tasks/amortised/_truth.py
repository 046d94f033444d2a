"""Exact draws and evidence by cells, for any observation of a model with few parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from skerry._types import FloatArray
from skerry.tasks._cells import Cells, cut
from skerry.tasks.amortised._task import Sampler

KEPT = 16  # observations whose cells are kept


def by_cells(
    log_density: Callable[[FloatArray, FloatArray], FloatArray],
    low: Sequence[float],
    high: Sequence[float],
    grid: Sequence[int],
    *,
    order: int,
    efficiency: float = 0.2,
) -> tuple[Sampler, Callable[[FloatArray], float]]:
    """A sampler and the log integral over a box, each a function of the observation x (m,).

    Args:
        log_density: points (n, d) of the box and x to the log density (n,); nan counts as -inf.
        low: the box's lower corner.
        high: its upper corner.
        grid: first cells an axis: they must see every island.
        order: Gauss-Legendre nodes an axis in each cell.
        efficiency: the share of the envelope's draws that is kept, at least.
    """

    @lru_cache(maxsize=KEPT)
    def cells(numbers: tuple[float, ...]) -> Cells:
        x = np.array(numbers)

        def density(points: FloatArray) -> FloatArray:
            values = log_density(points, x)
            return np.where(np.isnan(values), -np.inf, values)

        return cut(density, low, high, grid, efficiency=efficiency)

    def sample(x: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
        return cells(tuple(x.tolist())).sample(n, rng)

    return sample, lambda x: cells(tuple(x.tolist())).log_integral(order)
