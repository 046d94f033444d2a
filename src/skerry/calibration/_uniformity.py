"""Are ranks uniform? Simultaneous bands for their empirical distribution.

Of n ranks, uniform on 0 .. L, the number below j is binomial with probability z = j / (L + 1). The
statistic is the smallest two-sided tail probability over a grid of j,

    gamma = min_j 2 min(P(B_j <= c_j), P(B_j >= c_j)),        B_j ~ Binomial(n, j / (L + 1)),

and its p-value the share of simulated uniform ranks with a gamma as small (Säilynoja et al. 2022,
section 2, by simulation). The band of level a holds all counts with tail probabilities above the
a-quantile of gamma: uniform ranks leave it anywhere with probability a.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import binom

from skerry._seeds import as_seed
from skerry._types import FloatArray, IntArray

NODES = 100  # at most so many thresholds
SIMULATIONS = 10_000  # of uniform ranks: p-values come in steps of 1e-4


@dataclass(frozen=True)
class Band:
    """Where the empirical distribution of n uniform ranks stays with probability 1 - level.

    Attributes:
        z: thresholds (k,), shares of the ranks 0 .. L.
        low: the smallest share of ranks below each (k,).
        high: the largest (k,).
    """

    z: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class Null:
    """What uniform ranks do.

    Attributes:
        n: how many ranks.
        n_draws: L.
        thresholds: the grid of j (k,).
        tails: two-sided tail probability of a count, (k, n + 1).
        gammas: sorted statistics of simulated ranks.
    """

    n: int
    n_draws: int
    thresholds: IntArray
    tails: FloatArray
    gammas: FloatArray

    def counts(self, ranks: IntArray) -> IntArray:
        """How many ranks lie below each threshold (k,)."""
        return np.searchsorted(np.sort(ranks), self.thresholds, side="left")

    def p_value(self, ranks: IntArray) -> float:
        """The probability that uniform ranks look as uneven as these."""
        gamma = self.tails[np.arange(len(self.thresholds)), self.counts(ranks)].min()
        as_small = np.searchsorted(self.gammas, gamma * (1.0 + 1e-9), side="right")
        return float((1 + as_small) / (1 + len(self.gammas)))

    def band(self, level: float) -> Band:
        """The simultaneous band of a level."""
        gamma = np.quantile(self.gammas, level, method="lower")
        inside = self.tails >= gamma * (1.0 - 1e-9)
        low = np.argmax(inside, axis=1)
        high = self.n - np.argmax(inside[:, ::-1], axis=1)
        return Band(self.thresholds / (self.n_draws + 1), low / self.n, high / self.n)


@lru_cache(maxsize=16)
def null(n: int, n_draws: int) -> Null:
    """The behaviour of n uniform ranks among L draws; the same bits each time."""
    k = min(n_draws, NODES - 1)
    thresholds = np.unique(np.round(np.arange(1, k + 1) * (n_draws + 1) / (k + 1)).astype(int))
    z = thresholds / (n_draws + 1)
    count = np.arange(n + 1)
    below = binom.cdf(count, n, z[:, None])
    above = binom.sf(count - 1, n, z[:, None])
    tails = np.minimum(1.0, 2.0 * np.minimum(below, above))
    rng = as_seed(0).child("uniform ranks", n, n_draws).numpy()
    cells = np.diff(np.concatenate([[0.0], z, [1.0]]))
    counts = np.cumsum(rng.multinomial(n, cells, SIMULATIONS), axis=1)[:, :-1]
    gammas = tails[np.arange(len(z)), counts].min(axis=1)
    return Null(n, n_draws, thresholds, tails, np.sort(gammas))
