"""Evaluated points: what every scheme ends with."""

from __future__ import annotations

from dataclasses import dataclass

from skerry._types import FloatArray, IntArray
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

    @property
    def log_density(self) -> FloatArray:
        """The log posterior on u, up to a constant."""
        return self.log_likelihood + log_normal(self.u)

    def take(self, rows: IntArray) -> Points:
        return Points(
            self.u[rows], self.theta[rows], self.log_likelihood[rows], self.log_offset[rows]
        )
