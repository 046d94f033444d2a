"""The trained density in the user's own parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skerry._seeds import SeedLike
from skerry._types import FloatArray
from skerry.flows import Density
from skerry.priors import Prior


@dataclass(frozen=True)
class PosteriorFlow:
    r"""A normalised density q(theta): exact draws, exact values.

    :math:`q(\theta) = q_u(u)\,\pi(\theta) / N(u; 0, I)` with :math:`u = T(\theta)`: the prior's
    transform makes the prior standard normal, so their ratio is the Jacobian (equation
    :eq:`density-in-theta` of the method).

    Attributes:
        prior: gives the transform.
        density: on u.
    """

    prior: Prior
    density: Density

    def sample(self, n: int, seed: SeedLike) -> FloatArray:
        """``n`` independent draws, ``(n, d)``; none leaves the prior's support."""
        return self.prior.from_u(self.density.sample(n, seed))

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """The log density at points ``(n, d)`` (or one point ``(d,)``); -inf off the support."""
        points = np.asarray(theta, np.float64)
        rows = np.atleast_2d(points)
        log_prior = np.asarray(self.prior.log_prob(rows))
        found = np.full(len(rows), -np.inf)
        inside = np.isfinite(log_prior)
        u = self.prior.to_u(rows[inside])
        found[inside] = self.density.log_prob(u) + log_prior[inside] - log_normal(u)
        return found if points.ndim == 2 else found[0]


def log_normal(u: FloatArray) -> FloatArray:
    """The standard normal's log density of points ``(n, d)``: the prior's, in u."""
    return np.asarray(-0.5 * np.sum(u**2 + np.log(2 * np.pi), axis=1))
