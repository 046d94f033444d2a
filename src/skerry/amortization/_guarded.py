"""A trained mixture as a proposal: heavier tails beside it, and a little of the prior."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from skerry._types import FloatArray
from skerry.amortization._mixtures import Mixtures
from skerry.inference._proposal import drawn, log_mixed, log_tailed, mixed
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
        masses = np.exp(self.mixture.log_masses[0])
        d = self.mixture.means.shape[2]
        which, z = drawn(masses / masses.sum(), d, n, self.heavy, rng)
        return mixed(self.mixture.placed(0, z, which), self.prior, rng)

    def log_prob(self, u: FloatArray) -> FloatArray:
        """The log density at points ``(n, d)``."""
        z, log_det = self.mixture.latent(0, u)
        terms = log_det + self.mixture.log_masses[0][:, None] + log_tailed(z, self.heavy)
        return log_mixed(log_sum_exp(terms, axis=0), log_normal(u), self.prior)

    @property
    def digest(self) -> str:
        """The density drawn from, in a short text."""
        m = self.mixture
        parts = [m.log_masses, m.means, m.whiteners, m.skews, m.tails, m.funnels, m.curves]
        data = b"".join(np.ascontiguousarray(p).tobytes() for p in parts if p is not None)
        return hashlib.blake2b(data, digest_size=8).hexdigest()
