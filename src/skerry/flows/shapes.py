r"""Two densities over framed points, feature first: points along the last axis.

* :class:`Flow` — one flow over a Gaussian-mixture base (one component: the unimodal base):
  :math:`q(y) = |\det \partial f/\partial y| \sum_k \pi_k N(f(y); a_k, A_k)` (the paper's form;
  equation :eq:`mixture-base` of the method).
* :class:`FlowMixture` — islands:
  :math:`q(u) = \sum_k \pi_k q_k(y_k)\,|\det \partial y_k/\partial u|` with :math:`q_k` a
  component's own Gaussian seen through couplings that are shared by all components and told k.

Both may depend on a context x. A shape gives the log density of *terms*: frame k's coordinates in,
``log(weight_k q_k)`` out, for n points at once: long rows of points keep a core's vector units
busy, where a network and a spline for one point at a time, batched by JAX, do not.
:class:`skerry.flows.density.Density` adds the frames and the sum.
"""

from __future__ import annotations

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from skerry._types import FloatArray
from skerry.flows.components import Components, colour, pick, standardize
from skerry.flows.couplings import Couplings
from skerry.flows.gaussians import Ceilings

SPIKE = 8.0  # nats, a coordinate; see FlowMixture.ceilings


class AbstractShape(eqx.Module):
    """What a density needs from its networks."""

    x_dim: eqx.AbstractVar[int]  # the length of the context x; 0 if there is none

    @abstractmethod
    def log_terms(
        self,
        y: Float[Array, "d n"],
        k: Int[Array, " n"],
        x: Float[Array, "m n"] | None,
    ) -> Float[Array, " n"]:
        """``log(weight_k q_k(y))`` of n points, each seen from one frame."""

    def ceilings(self, y: FloatArray) -> Ceilings | None:
        """What the terms of points ``(n, K, d)`` hardly exceed, in float64; None: not known."""
        del y
        return None

    @abstractmethod
    def sample(
        self,
        noise: Float[Array, "d n"],
        uniform: Float[Array, " n"],
        x: Float[Array, "m n"] | None,
    ) -> tuple[Float[Array, "d n"], Int[Array, " n"]]:
        """Draws, from normal noise and uniform numbers: frame coordinates, and the frames."""


class Flow(AbstractShape):
    """Couplings over a mixture of Gaussians, in one frame.

    ``anchors`` are the components' starting places (means, inverse Cholesky factors in the frame's
    coordinates): constants, so that a training step moves a component by a fraction of its own
    width.
    """

    couplings: Couplings
    base: Components
    anchor_means: Float[Array, "K d"]
    anchor_whiteners: Float[Array, "K d d"]
    anchor_cholesky: Float[Array, "K d d"]
    x_dim: int = eqx.field(static=True)

    def log_terms(
        self, y: Float[Array, "d n"], k: Int[Array, " n"], x: Float[Array, "m n"] | None
    ) -> Float[Array, " n"]:
        """See :class:`AbstractShape`; there is one frame."""
        del k
        z, log_det = self.couplings.to_base(y, _context(x, y.shape[1]))
        values = self.base.at(x)
        whiteners, means = jax.lax.stop_gradient((self.anchor_whiteners, self.anchor_means))
        away = z - means[..., None]
        standard = jnp.sum(whiteners[..., None] * away[:, None], axis=2)
        standard, inner = standardize(values, standard)
        outer = jnp.sum(jnp.log(jnp.diagonal(whiteners, axis1=1, axis2=2)), axis=1)
        terms = values.logits + inner + outer[:, None] + log_normal(standard)
        return log_det + jax.nn.logsumexp(terms, axis=0)

    def sample(
        self,
        noise: Float[Array, "d n"],
        uniform: Float[Array, " n"],
        x: Float[Array, "m n"] | None,
    ) -> tuple[Float[Array, "d n"], Int[Array, " n"]]:
        """See :class:`AbstractShape`."""
        values = self.base.at(x)
        k = choose(values.logits, uniform)
        inner = colour(pick(values, k), noise)
        mean, factor = pick((self.anchor_means[..., None], self.anchor_cholesky[..., None]), k)
        z = mean + jnp.sum(factor * inner, axis=1)
        return self.couplings.from_base(z, _context(x, len(k))), jnp.zeros_like(k)


class FlowMixture(AbstractShape):
    """Islands: component k of frame k, through couplings shared by all and told k."""

    couplings: Couplings
    islands: Components
    labels: Float[Array, "K e"]
    x_dim: int = eqx.field(static=True)

    def log_terms(
        self, y: Float[Array, "d n"], k: Int[Array, " n"], x: Float[Array, "m n"] | None
    ) -> Float[Array, " n"]:
        """See :class:`AbstractShape`."""
        values = pick(self.islands.at(x), k)
        inner, log_det = standardize(values, y)
        z, log_det_couplings = self.couplings.to_base(inner, self._told(k, x))
        return values.logits + log_det + log_det_couplings + log_normal(z)

    def ceilings(self, y: FloatArray) -> Ceilings | None:
        """See :class:`AbstractShape`.

        Splines are the identity beyond their bound: a coordinate out there is normal whatever they
        do. One within may be anywhere, its density up to e^8 times a unit normal's largest.
        """
        settings = self.couplings.settings
        if self.x_dim or (settings.layers and settings.kind != "spline"):
            return None
        inner, constant = self.islands.plain(y)
        square = inner**2
        likely = constant - 0.5 * np.sum(square, axis=-1)
        if settings.layers == 0:
            return Ceilings(likely, likely, exact=True)
        inside = np.abs(inner) <= settings.bound
        most = np.where(inside, SPIKE, -0.5 * square)
        return Ceilings(constant + np.sum(most, axis=-1), likely, exact=False)

    def sample(
        self,
        noise: Float[Array, "d n"],
        uniform: Float[Array, " n"],
        x: Float[Array, "m n"] | None,
    ) -> tuple[Float[Array, "d n"], Int[Array, " n"]]:
        """See :class:`AbstractShape`."""
        values = self.islands.at(x)
        k = choose(values.logits, uniform)
        inner = self.couplings.from_base(noise, self._told(k, x))
        return colour(pick(values, k), inner), k

    def _told(self, k: Array, x: Array | None) -> Array:
        own = pick(jax.lax.stop_gradient(self.labels)[..., None], k)
        return jnp.concatenate([own, _context(x, len(k))])


def choose(log_weights: Float[Array, "K n"], uniform: Float[Array, " n"]) -> Int[Array, " n"]:
    """The indices that uniform numbers pick, in proportion to the weights."""
    edges = jnp.cumsum(jnp.exp(log_weights), axis=0)
    below = jnp.sum(edges < uniform * edges[-1], axis=0).astype(jnp.int32)
    return jnp.minimum(below, log_weights.shape[0] - 1)


def log_normal(z: Float[Array, "*K d n"]) -> Float[Array, "*K n"]:
    """The standard normal's log density."""
    return -0.5 * jnp.sum(z**2, axis=-2) - 0.5 * z.shape[-2] * jnp.log(2 * jnp.pi)


def _context(x: Float[Array, "m n"] | None, n: int) -> Float[Array, "m n"]:
    return jnp.zeros((0, n)) if x is None else x
