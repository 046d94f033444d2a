r"""A mixture of warped, bent Gaussians with nothing left to train: an amortised density for one x.

Component k takes standard coordinates z to its frame's by
:math:`y_j = w_j(z_j) e^{a_j \cdot g} - c_j \cdot (g^2 - 1)`, with
:math:`g = g(z_1, \dots, z_{j-1})` bounded: the widths (funnels, a) and places (curves, c) of later
coordinates follow earlier ones. The warp w leans to one side and has heavier tails (equation
:eq:`warp` of the method).
"""

from __future__ import annotations

from typing import Any

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
    skews: Float[Array, "K d"]
    tails: Float[Array, "K d"]
    x_dim: int = eqx.field(static=True)

    def log_terms(
        self, y: Float[Array, "J d"], k: Int[Array, " J"], x: Float[Array, " m"] | None
    ) -> Float[Array, " J"]:
        """See :class:`AbstractShape`."""
        del x

        def term(y: Array, k: Array) -> Array:
            own, g = self.rotations[k] @ y, jnp.zeros_like(y)

            def straighten(g: Array, j: Array) -> tuple[Array, tuple[Array, Array]]:
                wide, bent = self._follows(g, k, j)
                z, log_slope = unwarped(
                    (own[j] + bent) * jnp.exp(-wide), self.skews[k, j], self.tails[k, j]
                )
                return g.at[j].set(seen(z)), (z, log_slope - wide)

            _, (z, log_slopes) = jax.lax.scan(straighten, g, jnp.arange(len(y)))
            return self.log_masses[k] + jnp.sum(log_slopes) + log_normal(z)

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
        g, warps = seen(noise), (self.skews[k], self.tails[k])
        wide, bent = jax.vmap(lambda j: self._follows(g, k, j))(jnp.arange(len(noise)))
        return self.rotations[k].T @ (warped(noise, *warps) * jnp.exp(wide) - bent), k

    def _follows(self, g: Array, k: Array, j: Array) -> tuple[Array, Array]:
        """How wide coordinate j is, as a logarithm, and how far it is moved."""
        return self.funnels[k, j] @ g, self.curves[k, j] @ (g**2 - 1.0)


def seen(z: Any) -> Any:
    """What a coordinate is to those after it: itself, and never beyond 2."""
    return z / jnp.sqrt(1.0 + 0.25 * z**2)


def unwarped(y: Any, skew: Any, tail: Any) -> tuple[Any, Any]:
    """The normal coordinate of a warped one, and the logarithm of its slope."""
    rest = 1.0 - skew**2
    root = jnp.sqrt(1.0 + 4.0 * tail * y**2)
    pull = 1.0 / jnp.sqrt(0.5 + 0.5 * root)
    y = y * pull
    far = jnp.sqrt(y**2 + rest)
    return (y - skew * far) / rest, jnp.log((1.0 - skew * y / far) / (rest * root * pull))


def warped(z: Any, skew: Any, tail: Any) -> Any:
    """The inverse: a normal coordinate leaning to one side, with heavier tails."""
    y = z + skew * jnp.sqrt(1.0 + z**2)
    return y * jnp.sqrt(1.0 + tail * y**2)


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
        log_masses=jnp.asarray(log_masses, jnp.float32),
        rotations=jnp.asarray(q * signs[:, None, :], jnp.float32),
        funnels=jnp.asarray(funnels, jnp.float32),
        curves=jnp.asarray(curves, jnp.float32),
        skews=jnp.asarray(skews, jnp.float32),
        tails=jnp.asarray(tails, jnp.float32),
        x_dim=0,
    )
    return Density(frames, shape)
