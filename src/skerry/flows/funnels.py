r"""A mixture of bent Gaussians with nothing left to train: what an amortised density is for one x.

Component k takes standard coordinates z to its frame's by
:math:`y_j = z_j e^{a_j \cdot g} - c_j \cdot (g^2 - 1)`, with :math:`g = g(z_1, \dots, z_{j-1})`
bounded: the widths (funnels, a) and places (curves, c) of later coordinates follow earlier ones.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from skerry._types import BoolArray, FloatArray
from skerry.flows.components import pick
from skerry.flows.density import Density
from skerry.flows.frames import Frames
from skerry.flows.gaussians import Ceilings
from skerry.flows.shapes import AbstractShape, choose, log_normal


class Funnels(AbstractShape):
    """Bent component k of frame k, after a rotation: its own order of the coordinates."""

    log_masses: Float[Array, " K"]
    rotations: Float[Array, "K d d"]
    funnels: Float[Array, "K d d"]
    curves: Float[Array, "K d d"]
    x_dim: int = eqx.field(static=True)

    def log_terms(
        self, y: Float[Array, "d n"], k: Int[Array, " n"], x: Float[Array, "m n"] | None
    ) -> Float[Array, " n"]:
        """See :class:`AbstractShape`."""
        del x
        log_mass, rotation, funnels, curves = self._own(k)
        own, z = jnp.sum(rotation * y, axis=1), jnp.zeros((0, y.shape[1]))
        log_det = log_mass
        for j in range(len(y)):
            wide, bent = _follows(z, funnels[j], curves[j])
            z = jnp.concatenate([z, ((own[j] + bent) * jnp.exp(-wide))[None]])
            log_det -= wide
        return log_det + log_normal(z)

    def ceilings(self, y: FloatArray) -> Ceilings | None:
        """See :class:`AbstractShape`."""
        del y
        return None

    def sample(
        self,
        noise: Float[Array, "d n"],
        uniform: Float[Array, " n"],
        x: Float[Array, "m n"] | None,
    ) -> tuple[Float[Array, "d n"], Int[Array, " n"]]:
        """See :class:`AbstractShape`."""
        del x
        k = choose(self.log_masses[:, None], uniform)
        _, rotation, funnels, curves = self._own(k)
        follows = [_follows(noise[:j], funnels[j], curves[j]) for j in range(len(noise))]
        wide, bent = (jnp.stack(parts) for parts in zip(*follows, strict=True))
        bent_noise = noise * jnp.exp(wide) - bent
        return jnp.sum(rotation * bent_noise[:, None], axis=0), k

    def _own(self, k: Array) -> tuple[Array, ...]:
        rows = (self.log_masses, self.rotations, self.funnels, self.curves)
        return tuple(pick([row[..., None] for row in rows], k))


def _follows(z: Array, funnel: Array, curve: Array) -> tuple[Array, Array]:
    """How wide a coordinate is, as a logarithm, and how far it is moved, by those before it."""
    j = len(z)
    g = z / jnp.sqrt(1.0 + 0.25 * z**2)
    return jnp.sum(g * funnel[:j], axis=0), jnp.sum((g**2 - 1.0) * curve[:j], axis=0)


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
