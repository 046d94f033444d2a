r"""The conditional mixture: an observation in, K weighted Gaussians on u out.

:math:`q(u|x) = \sum_k \pi_k(x)\, N(u; \mu_k(x), \Sigma_k(x))`. K is over-complete: components that
aren't needed fade. The parameters are those of :mod:`skerry.flows.components`; here they are
evaluated for many u under one x, which passes the network once (:mod:`._many`).
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from skerry._seeds import Seed
from skerry.embeddings import Standard, n_features
from skerry.flows.components import Components, Parameters, components

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
