r"""The conditional mixture: an observation in, K weighted components on u out.

:math:`q(u|x) = \sum_k \pi_k(x)\, q_k(u|x)`. Equation :eq:`conditional` of the method. A component
is a Gaussian with warped coordinates, and may be bent besides: funnels and crescents. K is
over-complete: components that aren't needed fade. An observation passes the network once for many u
(:mod:`._many`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from skerry._seeds import Seed
from skerry.embeddings import Standard, n_features

LOG_SCALE_LIMITS = (-12.0, 3.0)
MOST_SKEW, MOST_TAIL = 0.9, 0.5
START_SPREAD, START_SCALE = 0.8, 0.6  # the components' places and sizes before training
START_TAIL = -3.0  # a sigmoid's argument: nearly Gaussian


class Mixture(NamedTuple):
    """K components in d dimensions, for one observation or, along a last axis, for many.

    ``lowers``, ``funnels`` and ``curves`` hold a strict lower triangle each, row by row:
    P = d (d - 1) / 2 numbers; the last two are empty for components that don't bend. What they do
    to a point is told in :mod:`._mixtures`.
    """

    logits: Float[Array, "K ..."]
    shifts: Float[Array, "K d ..."]
    log_scales: Float[Array, "K d ..."]
    skews: Float[Array, "K d ..."]
    tails: Float[Array, "K d ..."]
    lowers: Float[Array, "K P ..."]
    funnels: Float[Array, "K P ..."]
    curves: Float[Array, "K P ..."]


def n_forward(K: int, bent: bool) -> int:
    """How many of K components take the coordinates front to back: half of them, if it matters."""
    return K - K // 2 if bent else K


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
    """The network: ``x -> standard -> embedding -> head -> mixture``."""

    standard: Standard
    embedding: Any
    head: Residual
    n_components: int = eqx.field(static=True)
    dim: int = eqx.field(static=True)
    bent: bool = eqx.field(static=True)

    def __call__(self, x: Float[Array, "..."]) -> Mixture:
        """The mixture for one observation."""
        found = self.head(self.embedding(self.standard(x)))
        K, d = self.n_components, self.dim
        sizes = _sizes(d, self.bent)
        ends = np.cumsum([K * size for size in sizes[:-1]])
        logits, shifts, log_scales, skews, tails, *ties = jnp.split(found, ends)
        return Mixture(
            jax.nn.log_softmax(logits),
            shifts.reshape(K, d),
            jnp.clip(log_scales.reshape(K, d), *LOG_SCALE_LIMITS),
            MOST_SKEW * jnp.tanh(skews.reshape(K, d)),
            MOST_TAIL * jax.nn.sigmoid(tails.reshape(K, d)),
            *(tie.reshape(K, n) for tie, n in zip(ties, sizes[5:], strict=True)),
        )


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
    bent: bool = False,
) -> Conditional:
    """A fresh network, its components scattered over the prior."""
    K = n_components
    n_out = K * sum(_sizes(dim, bent))
    n_in = n_features(embedding, x_shape)
    head = residual(n_in, width, depth - 1, n_out, seed.child("head"))
    scatter = START_SPREAD * seed.child("scatter").numpy().standard_normal((K, dim))
    start = np.zeros(n_out)
    start[K : K * (1 + dim)] = scatter.ravel()
    start[K * (1 + dim) : K * (1 + 2 * dim)] = np.log(START_SCALE)
    start[K * (1 + 3 * dim) : K * (1 + 4 * dim)] = START_TAIL
    head = eqx.tree_at(lambda h: h.constant, head, jnp.asarray(start.astype(np.float32)))
    return Conditional(standard, embedding, head, K, dim, bent)


def _sizes(d: int, bent: bool) -> tuple[int, ...]:
    """How many numbers a component takes for each part of a :class:`Mixture`."""
    P = d * (d - 1) // 2
    return (1, d, d, d, d, P, bent * P, bent * P)
