r"""Two densities over framed points, both maths for ONE point.

* :class:`Flow` — one flow over a Gaussian-mixture base (one component: the unimodal base):
  :math:`q(y) = |\det \partial f/\partial y| \sum_k \pi_k N(f(y); a_k, A_k)` (the paper's form;
  equation :eq:`mixture-base` of the method).
* :class:`FlowMixture` — islands:
  :math:`q(u) = \sum_k \pi_k q_k(y_k)\,|\det \partial y_k/\partial u|` with :math:`q_k` a
  component's own Gaussian seen through couplings that are shared by all components and told k.

Both may depend on a context x. A shape gives the log density of a *term*: frame k's coordinates in,
``log(weight_k q_k)`` out. :class:`skerry.flows.density.Density` adds the frames and the sum.
"""

from __future__ import annotations

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from skerry.flows.components import Components, colour, standardize
from skerry.flows.couplings import Couplings


class AbstractShape(eqx.Module):
    """What a density needs from its networks."""

    x_dim: eqx.AbstractVar[int]  # the length of the context x; 0 if there is none

    @abstractmethod
    def log_terms(
        self,
        y: Float[Array, "J d"],
        k: Int[Array, " J"],
        x: Float[Array, " m"] | None,
    ) -> Float[Array, " J"]:
        """``log(weight_k q_k(y))`` of one point seen from J frames."""

    @abstractmethod
    def sample_one(
        self,
        noise: Float[Array, " d"],
        uniform: Float[Array, ""],
        x: Float[Array, " m"] | None,
    ) -> tuple[Float[Array, " d"], Int[Array, ""]]:
        """One draw, from normal noise and a uniform number: frame coordinates, and the frame."""


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
        self, y: Float[Array, "J d"], k: Int[Array, " J"], x: Float[Array, " m"] | None
    ) -> Float[Array, " J"]:
        """See :class:`AbstractShape`; J is 1: there is one frame."""
        del k
        z, log_det = self.couplings.to_base(y[0], _context(x))
        values = self.base.at(x)

        def component(k: Array) -> Array:
            whitener = jax.lax.stop_gradient(self.anchor_whiteners[k])
            standard = whitener @ (z - jax.lax.stop_gradient(self.anchor_means[k]))
            standard, inner = standardize(values, k, standard)
            outer = jnp.sum(jnp.log(jnp.diagonal(whitener)))
            return values.logits[k] + inner + outer + log_normal(standard)

        terms = jax.vmap(component)(jnp.arange(self.base.n_components))
        return (log_det + jax.nn.logsumexp(terms))[None]

    def sample_one(
        self,
        noise: Float[Array, " d"],
        uniform: Float[Array, ""],
        x: Float[Array, " m"] | None,
    ) -> tuple[Float[Array, " d"], Int[Array, ""]]:
        """See :class:`AbstractShape`."""
        values = self.base.at(x)
        k = choose(values.logits, uniform)
        inner = colour(values, k, noise)
        z = self.anchor_means[k] + self.anchor_cholesky[k] @ inner
        return self.couplings.from_base(z, _context(x)), jnp.zeros((), jnp.int32)


class FlowMixture(AbstractShape):
    """Islands: component k of frame k, through couplings shared by all and told k."""

    couplings: Couplings
    islands: Components
    labels: Float[Array, "K e"]
    x_dim: int = eqx.field(static=True)

    def log_terms(
        self, y: Float[Array, "J d"], k: Int[Array, " J"], x: Float[Array, " m"] | None
    ) -> Float[Array, " J"]:
        """See :class:`AbstractShape`."""
        values = self.islands.at(x)

        def term(y: Array, k: Array) -> Array:
            inner, log_det = standardize(values, k, y)
            z, log_det_couplings = self.couplings.to_base(inner, self._told(k, x))
            return values.logits[k] + log_det + log_det_couplings + log_normal(z)

        return jax.vmap(term)(y, k)

    def sample_one(
        self,
        noise: Float[Array, " d"],
        uniform: Float[Array, ""],
        x: Float[Array, " m"] | None,
    ) -> tuple[Float[Array, " d"], Int[Array, ""]]:
        """See :class:`AbstractShape`."""
        values = self.islands.at(x)
        k = choose(values.logits, uniform)
        inner = self.couplings.from_base(noise, self._told(k, x))
        return colour(values, k, inner), k

    def _told(self, k: Array, x: Array | None) -> Array:
        return jnp.concatenate([jax.lax.stop_gradient(self.labels[k]), _context(x)])


def choose(log_weights: Float[Array, " K"], uniform: Float[Array, ""]) -> Int[Array, ""]:
    """The index that a uniform number picks, in proportion to the weights."""
    edges = jnp.cumsum(jnp.exp(log_weights))
    below = jnp.sum(edges < uniform * edges[-1]).astype(jnp.int32)
    return jnp.minimum(below, log_weights.shape[0] - 1)


def log_normal(z: Float[Array, " d"]) -> Float[Array, ""]:
    """The standard normal's log density of one point."""
    return -0.5 * jnp.sum(z**2) - 0.5 * z.shape[0] * jnp.log(2 * jnp.pi)


def _context(x: Float[Array, " m"] | None) -> Float[Array, " m"]:
    return jnp.zeros((0,)) if x is None else x
