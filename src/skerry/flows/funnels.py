r"""A mixture of warped, bent Gaussians with nothing left to train: an amortised density for one x.

Component k takes standard coordinates z to its frame's by
:math:`y_j = w_j(z_j) e^{a_j \cdot g} - c_j \cdot (g^2 - 1)`, with
:math:`g = g(z_1, \dots, z_{j-1})` bounded: the widths (funnels, a) and places (curves, c) of later
coordinates follow earlier ones. The warp w leans to one side and has heavier tails (equation
:eq:`warp` of the method).
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from skerry._types import BoolArray, FloatArray
from skerry.flows.components import pick
from skerry.flows.density import Density
from skerry.flows.frames import Frames
from skerry.flows.shapes import AbstractShape, choose, log_normal
from skerry.flows.warps import seen, unwarped, warped


class Funnels(AbstractShape):
    """Bent component k of frame k, after a rotation: its own order of the coordinates."""

    log_masses: Float[Array, " K"]
    rotations: Float[Array, "K d d"]
    funnels: Float[Array, "K d d"]
    curves: Float[Array, "K d d"]
    skews: Float[Array, "K d"]
    tails: Float[Array, "K d"]
    x_dim: int = eqx.field(static=True)

    def log_terms(
        self, y: Float[Array, "d n"], k: Int[Array, " n"], x: Float[Array, "m n"] | None
    ) -> Float[Array, " n"]:
        """See :class:`AbstractShape`."""
        del x
        log_det, rotation, funnels, curves, skews, tails = self._own(k)
        own, z = jnp.sum(rotation * y, axis=1), jnp.zeros((0, y.shape[1]))
        for j in range(len(y)):
            wide, bent = _follows(z, funnels[j], curves[j])
            new, log_slope = unwarped((own[j] + bent) * jnp.exp(-wide), skews[j], tails[j], jnp)
            z = jnp.concatenate([z, new[None]])
            log_det += log_slope - wide
        return log_det + log_normal(z)

    def sample(
        self,
        noise: Float[Array, "d n"],
        uniform: Float[Array, " n"],
        x: Float[Array, "m n"] | None,
    ) -> tuple[Float[Array, "d n"], Int[Array, " n"]]:
        """See :class:`AbstractShape`."""
        del x
        k = choose(self.log_masses[:, None], uniform)
        _, rotation, funnels, curves, skews, tails = self._own(k)
        follows = [_follows(noise[:j], funnels[j], curves[j]) for j in range(len(noise))]
        wide, bent = (jnp.stack(parts) for parts in zip(*follows, strict=True))
        moved = warped(noise, skews, tails, jnp) * jnp.exp(wide) - bent
        return jnp.sum(rotation * moved[:, None], axis=0), k

    def _own(self, k: Array) -> tuple[Array, ...]:
        rows = (
            self.log_masses, self.rotations, self.funnels, self.curves, self.skews, self.tails,
        )  # fmt: skip
        return tuple(pick([row[..., None] for row in rows], k))


def _follows(z: Array, funnel: Array, curve: Array) -> tuple[Array, Array]:
    """How wide a coordinate is, as a logarithm, and how far it is moved, by those before it."""
    j = len(z)
    g = seen(z, jnp)
    return jnp.sum(g * funnel[:j], axis=0), jnp.sum((g**2 - 1.0) * curve[:j], axis=0)


def funnel_mixture(
    log_masses: FloatArray,
    means: FloatArray,
    factors: FloatArray,
    funnels: FloatArray,
    curves: FloatArray,
    skews: FloatArray,
    tails: FloatArray,
    periodic: BoolArray,
) -> Density:
    """The density of K warped, bent components.

    Args:
        log_masses: ``(K,)``, logsumexp 0.
        means: where each component's coordinates 0 lie, ``(K, d)``.
        factors: from its coordinates to the points', ``(K, d, d)``, invertible.
        funnels: a, strictly lower triangular, ``(K, d, d)``.
        curves: c, likewise.
        skews: lambda, between -1 and 1, ``(K, d)``.
        tails: tau, not negative, likewise.
        periodic: which coordinates lie on a circle, ``(d,)``.
    """
    # factors = cholesky @ rotation: frames are lower triangular
    q, r = np.linalg.qr(np.swapaxes(factors, 1, 2))
    signs = np.sign(np.diagonal(r, axis1=1, axis2=2))
    cholesky = np.swapaxes(r * signs[:, :, None], 1, 2)
    frames = Frames(means, cholesky, np.full(means.shape, 0.5), periodic)
    shape = Funnels(
        log_masses=jax.device_put(np.asarray(log_masses, np.float32)),
        rotations=jax.device_put(np.asarray(q * signs[:, None, :], np.float32)),
        funnels=jax.device_put(np.asarray(funnels, np.float32)),
        curves=jax.device_put(np.asarray(curves, np.float32)),
        skews=jax.device_put(np.asarray(skews, np.float32)),
        tails=jax.device_put(np.asarray(tails, np.float32)),
        x_dim=0,
    )
    return Density(frames, shape)
