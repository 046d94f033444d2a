"""Fresh densities: the three forms that Skerry trains."""

from __future__ import annotations

import jax
import numpy as np
from scipy.linalg import solve_triangular

from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.flows.components import components
from skerry.flows.couplings import CouplingSettings, couplings
from skerry.flows.density import Density
from skerry.flows.frames import Frames, frames
from skerry.flows.shapes import Flow, FlowMixture


def flow_mixture(
    islands: Frames,
    log_masses: FloatArray,
    seed: Seed,
    *,
    settings: CouplingSettings | None = None,
    x_dim: int = 0,
) -> Density:
    """Islands: a Gaussian in each frame at the start, with the given masses ``(K,)``."""
    settings = settings or CouplingSettings()
    K, d = islands.means.shape
    shape = FlowMixture(
        couplings=couplings(d, K + x_dim, settings, seed.child("couplings")),
        islands=components(log_masses, d, seed.child("islands"), x_dim=x_dim),
        labels=jax.device_put(np.eye(K, dtype=np.float32)),
        x_dim=x_dim,
    )
    return Density(islands, shape)


def mixture_base(
    islands: Frames,
    log_masses: FloatArray,
    seed: Seed,
    *,
    settings: CouplingSettings | None = None,
    x_dim: int = 0,
    frozen: bool = False,
) -> Density:
    """One flow over a Gaussian mixture (arXiv:2512.04954), in the frame of the whole mixture.

    At the start it is the Gaussian mixture itself. With periodic coordinates the islands must
    share their turns: there is one frame.
    """
    settings = settings or CouplingSettings()
    d = islands.dim
    whole = overall_frame(islands, log_masses)
    L = whole.cholesky[0]
    means = solve_triangular(L, (islands.means - whole.means[0]).T, lower=True).T
    factors = np.stack([solve_triangular(L, c, lower=True) for c in islands.cholesky])
    whiteners = np.stack([solve_triangular(c, np.eye(d), lower=True) for c in factors])
    shape = Flow(
        couplings=couplings(d, x_dim, settings, seed.child("couplings")),
        base=components(log_masses, d, seed.child("base"), x_dim=x_dim, frozen=frozen),
        anchor_means=jax.device_put(means.astype(np.float32)),
        anchor_whiteners=jax.device_put(whiteners.astype(np.float32)),
        anchor_cholesky=jax.device_put(factors.astype(np.float32)),
        x_dim=x_dim,
    )
    return Density(whole, shape)


def gaussian_base(
    islands: Frames,
    log_masses: FloatArray,
    seed: Seed,
    *,
    settings: CouplingSettings | None = None,
    x_dim: int = 0,
) -> Density:
    """The unimodal baseline: one flow over one standard normal, framed by the whole mixture."""
    whole = overall_frame(islands, log_masses)
    return mixture_base(whole, np.zeros(1), seed, settings=settings, x_dim=x_dim, frozen=True)


def overall_frame(islands: Frames, log_masses: FloatArray) -> Frames:
    """One frame with the mean and covariance of the whole mixture."""
    masses = np.exp(log_masses - np.max(log_masses))
    masses = masses / masses.sum()
    mean = masses @ islands.means
    centred = islands.means - mean
    covariance = np.einsum("k,kij,klj->il", masses, islands.cholesky, islands.cholesky)
    covariance += np.einsum("k,ki,kj->ij", masses, centred, centred)
    return frames(mean[None], covariance[None], turns=islands.turns[:1], periodic=islands.periodic)
