r"""The conditional mixture: an observation in, K weighted Gaussians on u out.

:math:`q(u|x) = \sum_k \pi_k(x)\, N(u; \mu_k(x), \Sigma_k(x))`. Equation :eq:`conditional` of the
method. K is over-complete: components that aren't needed fade. The parameters are those of
:mod:`skerry.flows.components`; here they are evaluated for many u under one x, which passes the
network once.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from skerry._seeds import Seed
from skerry.embeddings import Standard, n_features
from skerry.flows.components import Components, Parameters, components
from skerry.flows.components import inverse as inverse_of

LOG_SCALE_LIMITS = (-12.0, 3.0)
START_SPREAD, START_SCALE = 0.8, 0.6  # the components' places and sizes before training


class Residual(eqx.Module):
    """A residual network with a straight way around it: ``out = A silu(h(x)) + B x + c``.

    Means that follow x in proportion need no hidden unit; A, B and c start at zero.
    """

    first: Array
    shift: Array
    inner: Array
    inner_shift: Array
    outer: Array
    last: Array
    straight: Array
    constant: Array

    def __call__(self, x: Float[Array, " e"]) -> Float[Array, " out"]:
        """The output for ONE input vector."""
        h = self.first @ x + self.shift

        def block(h: Any, parts: Any) -> Any:
            inner, shift, outer = parts
            return h + outer @ jax.nn.silu(inner @ h + shift), None

        h, _ = jax.lax.scan(block, h, (self.inner, self.inner_shift, self.outer))
        return self.last @ jax.nn.silu(h) + self.straight @ x + self.constant


def residual(n_in: int, width: int, blocks: int, n_out: int, seed: Seed) -> Residual:
    """A fresh network that gives zeros."""
    rng = seed.numpy()

    def normal(scale: float, *shape: int) -> Array:
        return jnp.asarray((scale * rng.standard_normal(shape)).astype(np.float32))

    def zeros(*shape: int) -> Array:
        return jnp.asarray(np.zeros(shape, np.float32))

    return Residual(
        first=normal(n_in**-0.5, width, n_in),
        shift=normal(0.5, width),
        inner=normal((2.0 / width) ** 0.5, blocks, width, width),
        inner_shift=zeros(blocks, width),
        outer=normal(0.3 * width**-0.5, blocks, width, width),
        last=zeros(n_out, width),
        straight=zeros(n_out, n_in),
        constant=zeros(n_out),
    )


class Conditional(eqx.Module):
    """The network: ``x -> standard -> embedding -> head -> components``."""

    standard: Standard
    embedding: Any
    components: Components

    def __call__(self, x: Float[Array, "..."]) -> Parameters:
        """The mixture for one observation."""
        values = self.components.at(self.embedding(self.standard(x)))
        return values._replace(log_scales=jnp.clip(values.log_scales, *LOG_SCALE_LIMITS))


def conditional(
    standard: Standard,
    embedding: Any,
    x_shape: tuple[int, ...],
    dim: int,
    seed: Seed,
    *,
    n_components: int,
    width: int,
    depth: int,
) -> Conditional:
    """A fresh network, its components scattered over the prior."""
    K = n_components
    blank = components(np.zeros(K), dim, seed)
    n_out = K * (1 + 2 * dim + dim * (dim - 1) // 2)
    n_in = n_features(embedding, x_shape)
    head = residual(n_in, width, depth - 1, n_out, seed.child("head"))
    scatter = seed.child("scatter").numpy().standard_normal((K, dim))
    constant = blank.constant._replace(
        shifts=jnp.asarray((START_SPREAD * scatter).astype(np.float32)),
        log_scales=jnp.asarray(np.full((K, dim), np.log(START_SCALE), np.float32)),
    )
    return Conditional(standard, embedding, Components(constant, head, False))


def log_density(values: Parameters, u: Float[Array, "n d"]) -> Float[Array, " n"]:
    """The mixture's log density of n points: products and sums, no solve."""
    scaled = (u[:, None, :] - values.shifts) * jnp.exp(-values.log_scales)
    z = scaled + jnp.sum(values.lowers * scaled[:, :, None, :], axis=-1)
    constant = 0.5 * u.shape[1] * np.log(2 * np.pi)
    terms = values.logits - jnp.sum(values.log_scales, axis=-1) - 0.5 * jnp.sum(z**2, axis=-1)
    return jax.nn.logsumexp(terms, axis=-1) - constant


def draw(
    values: Parameters, noise: Float[Array, "n d"], uniform: Float[Array, " n"]
) -> Float[Array, "n d"]:
    """Points of the mixture from standard normal and uniform numbers."""
    edges = jnp.cumsum(jnp.exp(values.logits))
    k = jnp.sum(edges[None] < (uniform * edges[-1])[:, None], axis=1)
    k = jnp.minimum(k, len(edges) - 1)
    factors = jnp.exp(values.log_scales)[:, :, None] * jax.vmap(inverse_of)(values.lowers)
    return values.shifts[k] + jnp.sum(factors[k] * noise[:, None, :], axis=-1)


def propose(
    values: Parameters,
    retained: Float[Array, " d"],
    noise: Float[Array, "n d"],
    uniform: Float[Array, " n"],
    from_prior: Bool[Array, " n"],
    prior_share: Float[Array, ""],
) -> tuple[Float[Array, "n1 d"], Float[Array, " n1"]]:
    """The retained point and n candidates, and log g at all of them: one observation.

    ``g = (1 - b) q(.|x) + b N(0, I)`` with the share b of prior draws.
    """
    fresh = jnp.where(from_prior[:, None], noise, draw(values, noise, uniform))
    u = jnp.concatenate([retained[None], fresh])
    log_prior = -0.5 * jnp.sum(u**2, axis=1) - 0.5 * u.shape[1] * np.log(2 * np.pi)
    log_q = log_density(values, u) + jnp.log1p(-prior_share)
    return u, jnp.logaddexp(log_q, jnp.log(prior_share) + log_prior)
