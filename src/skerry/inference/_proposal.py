r"""Where rounds draw from: islands with heavier tails beside them, and a little of the prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from skerry._types import FloatArray, IntArray
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
        masses = np.exp(self.islands.log_masses - log_sum_exp(self.islands.log_masses))
        k, y = drawn(masses, frames.dim, n, self.heavy, rng)
        return mixed(frames.from_frames(y, k), self.prior, rng)

    def log_prob(self, u: FloatArray) -> FloatArray:
        """The log density at points ``(n, d)``."""
        log_prior = log_normal(u)
        if self.islands is None:
            return log_prior
        y, log_det = self.islands.frames.to_frames(u)
        log_masses = self.islands.log_masses - log_sum_exp(self.islands.log_masses)
        mixture = log_sum_exp(log_tailed(y, self.heavy) + log_det + log_masses, axis=1)
        return log_mixed(mixture, log_prior, self.prior)


def drawn(
    masses: FloatArray, d: int, n: int, heavy: float, rng: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    """Components ``(n,)``, as often as their masses say up to rounding; coordinates ``(n, d)``."""
    places = (rng.uniform() + np.arange(n)) / n
    k = np.searchsorted(np.cumsum(masses), places).clip(max=len(masses) - 1)
    y = rng.standard_normal((n, d))
    wide = rng.uniform(size=n) < heavy
    y[wide] *= STRETCH * np.sqrt(FREEDOM / rng.chisquare(FREEDOM, (int(wide.sum()), 1)))
    return k, y


def log_tailed(y: FloatArray, heavy: float) -> FloatArray:
    """The log density of such coordinates ``(..., d)``: :math:`(1-a) N + a t`, ``(...)``."""
    square, d = np.sum(y**2, axis=-1), y.shape[-1]
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
        return np.asarray(np.logaddexp(np.log1p(-heavy) + normal, np.log(heavy) + student))


def mixed(u: FloatArray, prior: float, rng: np.random.Generator) -> FloatArray:
    """The points ``(n, d)``, a share of them replaced by draws of the prior."""
    chosen = rng.uniform(size=len(u)) < prior
    u[chosen] = rng.standard_normal((int(chosen.sum()), u.shape[1]))
    return u


def log_mixed(log_density: FloatArray, log_prior: FloatArray, prior: float) -> FloatArray:
    """The log density of what :func:`mixed` gives."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(np.log1p(-prior) + log_density, np.log(prior) + log_prior))


def lifted(islands: Islands) -> Islands:
    """Islands with no mass below a quarter of an equal share.

    Light islands get draws enough to be weighed well, for a few percent of all draws: Higgs
    couplings of 0.4% each come out at .945 +- .01 of the truth with it, at .91 without.
    """
    log_masses = islands.log_masses - log_sum_exp(islands.log_masses)
    log_masses = np.maximum(log_masses, np.log(LEAST / islands.n_islands))
    return Islands(islands.frames, log_masses - log_sum_exp(log_masses))
