"""A mixture of one Gaussian a frame: the density of adaptive runs, without JAX.

It needs no network, so nothing is imported or compiled for it, and all is float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skerry._types import FloatArray, IntArray


class Ceilings(NamedTuple):
    """What log terms ``(n, K)`` hardly exceed, and about what they are; or just what they are."""

    most: FloatArray
    likely: FloatArray
    exact: bool


@dataclass(frozen=True)
class Gaussians:
    """Frame k's Gaussian with mass k: the ends of all that JAX would do, in NumPy.

    Attributes:
        log_masses: ``(K,)``, logsumexp 0.
    """

    log_masses: FloatArray

    @property
    def x_dim(self) -> int:
        """0: there is no context."""
        return 0

    def ceilings(self, y: FloatArray) -> Ceilings:
        """The log terms of points ``(n, K, d)``."""
        normal = -0.5 * np.sum(y**2, axis=-1) - 0.5 * y.shape[-1] * np.log(2 * np.pi)
        terms = self.log_masses + normal
        return Ceilings(terms, terms, exact=True)

    def frames_of(self, uniform: FloatArray) -> IntArray:
        """The frames that uniform numbers ``(n,)`` pick, in proportion to the masses."""
        edges = np.cumsum(np.exp(self.log_masses))
        picked = np.searchsorted(edges, uniform * edges[-1], side="right")
        return np.minimum(picked, len(edges) - 1)
