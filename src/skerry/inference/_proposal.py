r"""Where rounds draw from: islands with heavier tails beside them, and a little of the prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from skerry._types import FloatArray
from skerry.modes import Islands
from skerry.posterior import log_normal
from skerry.weights import log_sum_exp

FREEDOM = 5.0
STRETCH = 1.3
LEAST = 0.25  # of an equal share: what a component gets at least


@dataclass(frozen=True)
class Proposal:
    r"""A mixture on u: :math:`g = (1-b)\sum_k m_k [(1-a) N_k + a\,t_k] + b N(0, I)`.

    Equation :eq:`proposal` of the method.

    Attributes:
        islands: Gaussians N_k with their masses; None: the prior alone.
        heavy: a, the share of Student t (5 degrees of freedom, 1.3 times as wide).
        prior: b, the defensive share of the prior, which bounds every weight.
    """

    islands: Islands | None
    heavy: float = 0.15
    prior: float = 0.02

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """``n`` draws; components as often as their masses say, up to rounding."""
        if self.islands is None:
            raise ValueError("the prior is drawn from by its own code")
        frames = self.islands.frames
        d = frames.dim
        masses = np.exp(self.islands.log_masses - log_sum_exp(self.islands.log_masses))
        places = (rng.uniform() + np.arange(n)) / n
        k = np.searchsorted(np.cumsum(masses), places).clip(max=len(masses) - 1)
        y = rng.standard_normal((n, d))
        heavy = rng.uniform(size=n) < self.heavy
        y[heavy] *= STRETCH * np.sqrt(FREEDOM / rng.chisquare(FREEDOM, (int(heavy.sum()), 1)))
        u = frames.from_frames(y, k)
        prior = rng.uniform(size=n) < self.prior
        u[prior] = rng.standard_normal((int(prior.sum()), d))
        return u

    def log_prob(self, u: FloatArray) -> FloatArray:
        """The log density at points ``(n, d)``."""
        log_prior = log_normal(u)
        if self.islands is None:
            return log_prior
        y, log_det = self.islands.frames.to_frames(u)
        square = np.sum(y**2, axis=-1)
        d = u.shape[1]
        normal = -0.5 * square - 0.5 * d * np.log(2 * np.pi)
        half = 0.5 * (FREEDOM + d)
        student = (
            gammaln(half)
            - gammaln(0.5 * FREEDOM)
            - 0.5 * d * np.log(FREEDOM * np.pi)
            - d * np.log(STRETCH)
            - half * np.log1p(square / (FREEDOM * STRETCH**2))
        )
        with np.errstate(divide="ignore"):  # a share may be 0
            log_heavy, log_prior_share = np.log(self.heavy), np.log(self.prior)
        terms = np.logaddexp(np.log1p(-self.heavy) + normal, log_heavy + student)
        log_masses = self.islands.log_masses - log_sum_exp(self.islands.log_masses)
        mixture = log_sum_exp(terms + log_det + log_masses, axis=1)
        return np.asarray(
            np.logaddexp(np.log1p(-self.prior) + mixture, log_prior_share + log_prior)
        )


def lifted(islands: Islands) -> Islands:
    """Islands with no mass below a quarter of an equal share.

    Light islands get draws enough to be weighed well, for a few percent of all draws: Higgs
    couplings of 0.4% each come out at .945 +- .01 of the truth with it, at .91 without.
    """
    log_masses = islands.log_masses - log_sum_exp(islands.log_masses)
    log_masses = np.maximum(log_masses, np.log(LEAST / islands.n_islands))
    return Islands(islands.frames, log_masses - log_sum_exp(log_masses))
