"""Evaluated points: what every scheme ends with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skerry import weights
from skerry._seeds import Seed
from skerry._types import BoolArray, FloatArray, IntArray
from skerry.posterior import log_normal

BLOCK = 100_000
MOST = 1_000_000  # points in memory: of more, so many are chosen
SHAPE = 100_000  # points that show an island's shape: of more, so many are chosen
NEGLIGIBLE = 20.0  # nats: what is left out is less than 2e-9 of the largest weight, all together


def blocks(n: int) -> Iterator[slice]:
    """So many rows in a few parts, at least one: millions of points fit into memory once."""
    for start in range(0, max(n, 1), BLOCK):
        yield slice(start, min(start + BLOCK, n))


def weighty(log_weights: FloatArray) -> IntArray:
    """The rows whose weight is worth keeping, of ``(n,)``; all, if none has any."""
    highest = log_weights.max()
    if not np.isfinite(highest):
        return np.arange(len(log_weights))
    return np.flatnonzero(log_weights > highest - NEGLIGIBLE - np.log(len(log_weights)))


class Thinned(NamedTuple):
    """Rows chosen in proportion to their weights.

    Attributes:
        rows: each once, in order.
        log_weights: of each: the log of how often it was chosen.
        n_independent: how many independent draws they are worth.
    """

    rows: IntArray
    log_weights: FloatArray
    n_independent: float


def thinned(
    log_weights: FloatArray, kept: IntArray, seed: Seed, most: int | None = None
) -> Thinned:
    """A million (or ``most``) of the rows ``kept``, by systematic resampling."""
    n = most or MOST
    drawn = weights.systematic_resample(log_weights[kept], n, seed.child("thinned").numpy())
    rows, counts = np.unique(kept[drawn], return_counts=True)
    size = weights.effective_sample_size(log_weights[kept])
    return Thinned(rows, np.log(counts), 1 / (1 / size + 1 / n))


@dataclass(frozen=True)
class Points:
    """Evaluated points: u, theta ``(n, d)``, log L and log(prior/proposal) ``(n,)``."""

    u: FloatArray
    theta: FloatArray
    log_likelihood: FloatArray
    log_offset: FloatArray

    @property
    def log_weights(self) -> FloatArray:
        return self.log_likelihood + self.log_offset

    def log_density(self, periodic: BoolArray) -> FloatArray:
        """The log posterior up to a constant, on u; on circles, where u has a seam, on them."""
        return self.log_likelihood + log_normal(self.u[:, ~periodic])

    def take(self, rows: IntArray) -> Points:
        return Points(
            self.u[rows], self.theta[rows], self.log_likelihood[rows], self.log_offset[rows]
        )
