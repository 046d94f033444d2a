"""Evaluated points: what every scheme ends with."""

from __future__ import annotations

from dataclasses import dataclass

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.posterior import log_normal


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
