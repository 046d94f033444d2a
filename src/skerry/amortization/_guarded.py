"""A trained mixture as a proposal: heavier tails beside it, and a little of the prior."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from skerry._types import FloatArray
from skerry.amortization._mixtures import Mixtures
from skerry.inference._proposal import FREEDOM, STRETCH
from skerry.modes import Islands
from skerry.posterior import log_normal
from skerry.weights import log_sum_exp


@dataclass(frozen=True)
class Guarded:
    r"""One observation's mixture: :math:`g = (1-b)\sum_k m_k [(1-a) q_k + a\,t_k] + b N(0, I)`.

    Attributes:
        mixture: the components q_k, of one observation.
        islands: its components as Gaussians, for whoever goes on from them.
        heavy: a, the share of Student t (5 degrees of freedom, 1.3 times as wide) in the
            components' own coordinates.
        prior: b, the defensive share of the prior, which bounds every weight.
    """

    mixture: Mixtures
    islands: Islands
    heavy: float = 0.15
    prior: float = 0.02

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """``n`` draws; components as often as their masses say, up to rounding."""
        d = self.mixture.means.shape[2]
        masses = np.exp(self.mixture.log_masses[0])
        places = (rng.uniform() + np.arange(n)) / n * masses.sum()
        which = np.searchsorted(np.cumsum(masses), places).clip(max=len(masses) - 1)
        z = rng.standard_normal((n, d))
        heavy = rng.uniform(size=n) < self.heavy
        z[heavy] *= STRETCH * np.sqrt(FREEDOM / rng.chisquare(FREEDOM, (int(heavy.sum()), 1)))
        u = self.mixture.placed(0, z, which)
        prior = rng.uniform(size=n) < self.prior
        u[prior] = rng.standard_normal((int(prior.sum()), d))
        return u

    def log_prob(self, u: FloatArray) -> FloatArray:
        """The log density at points ``(n, d)``."""
        z, log_det = self.mixture.latent(0, u)
        square, d = np.sum(z**2, axis=-1), u.shape[1]
        normal = -0.5 * square - 0.5 * d * np.log(2 * np.pi)
        half = 0.5 * (FREEDOM + d)
        student = (
            gammaln(half)
            - gammaln(0.5 * FREEDOM)
            - 0.5 * d * np.log(FREEDOM * np.pi)
            - d * np.log(STRETCH)
            - half * np.log1p(square / (FREEDOM * STRETCH**2))
        )
        terms = log_det + self.mixture.log_masses[0][:, None]
        with np.errstate(divide="ignore"):  # a share may be 0
            log_heavy, log_prior = np.log(self.heavy), np.log(self.prior)
        terms = terms + np.logaddexp(np.log1p(-self.heavy) + normal, log_heavy + student)
        found = np.log1p(-self.prior) + log_sum_exp(terms, axis=0)
        return np.asarray(np.logaddexp(found, log_prior + log_normal(u)))

    @property
    def digest(self) -> str:
        """The density drawn from, in a short text."""
        m = self.mixture
        parts = [m.log_masses, m.means, m.whiteners, m.funnels, m.curves]
        data = b"".join(np.ascontiguousarray(p).tobytes() for p in parts if p is not None)
        return hashlib.blake2b(data, digest_size=8).hexdigest()
