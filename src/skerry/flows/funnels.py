r"""A mixture of bent Gaussians with nothing left to train: what an amortised density is for one x.

Component k takes standard coordinates z to its frame's by
:math:`y_j = z_j e^{a_j \cdot g} - c_j \cdot (g^2 - 1)`, with :math:`g = g(z_1, \dots, z_{j-1})`
bounded: the widths (funnels, a) and places (curves, c) of later coordinates follow earlier ones.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from skerry._types import BoolArray, FloatArray
from skerry.flows.density import Density
from skerry.flows.frames import Frames
from skerry.flows.shapes import AbstractShape, choose, log_normal


class Funnels(AbstractShape):
    """Bent component k of frame k, after a rotation: its own order of the coordinates."""

    log_masses: Float[Array, " K"]
    rotations: Float[Array, "K d d"]
    funnels: Float[Array, "K d d"]
    curves: Float[Array, "K d d"]
    x_dim: int = eqx.field(static=True)

    def log_terms(
        self, y: Float[Array, "J d"], k: Int[Array, " J"], x: Float[Array, " m"] | None
    ) -> Float[Array, " J"]:
        """See :class:`AbstractShape`."""
        del x

        def term(y: Array, k: Array) -> Array:
            own, z = self.rotations[k] @ y, jnp.zeros_like(y)
            log_det = jnp.zeros(())
            for j in range(len(y)):
                wide, bent = self._follows(z, k, j)
                z = z.at[j].set((own[j] + bent) * jnp.exp(-wide))
                log_det -= wide
            return self.log_masses[k] + log_det + log_normal(z)

        return jax.vmap(term)(y, k)

    def sample_one(
        self,
        noise: Float[Array, " d"],
        uniform: Float[Array, ""],
        x: Float[Array, " m"] | None,
    ) -> tuple[Float[Array, " d"], Int[Array, ""]]:
        """See :class:`AbstractShape`."""
        del x
        k = choose(self.log_masses, uniform)
        follows = [self._follows(noise, k, j) for j in range(len(noise))]
        wide, bent = (jnp.stack(parts) for parts in zip(*follows, strict=True))
        return self.rotations[k].T @ (noise * jnp.exp(wide) - bent), k

    def _follows(self, z: Array, k: Array, j: int) -> tuple[Array, Array]:
        """How wide coordinate j is, as a logarithm, and how far it is moved."""
        g = z[:j] / jnp.sqrt(1.0 + 0.25 * z[:j] ** 2)
        return g @ self.funnels[k, j, :j], (g**2 - 1.0) @ self.curves[k, j, :j]


def funnel_mixture(
    log_masses: FloatArray,
    means: FloatArray,
    factors: FloatArray,
    funnels: FloatArray,
    curves: FloatArray,
    periodic: BoolArray,
) -> Density:
    """The density of K bent components.

    Args:
        log_masses: ``(K,)``, logsumexp 0.
        means: where each component's coordinates 0 lie, ``(K, d)``.
        factors: from its coordinates to the points', ``(K, d, d)``, invertible.
        funnels: a, strictly lower triangular, ``(K, d, d)``.
        curves: c, likewise.
        periodic: which coordinates lie on a circle, ``(d,)``.
    """
    # factors = cholesky @ rotation: frames are lower triangular
    q, r = np.linalg.qr(np.swapaxes(factors, 1, 2))
    signs = np.sign(np.diagonal(r, axis1=1, axis2=2))
    cholesky = np.swapaxes(r * signs[:, :, None], 1, 2)
    frames = Frames(means, cholesky, np.full(means.shape, 0.5), periodic)
    shape = Funnels(
        log_masses=jnp.asarray(log_masses, jnp.float32),
        rotations=jnp.asarray(q * signs[:, None, :], jnp.float32),
        funnels=jnp.asarray(funnels, jnp.float32),
        curves=jnp.asarray(curves, jnp.float32),
        x_dim=0,
    )
    return Density(frames, shape)
