r"""K Gaussian components: their weights, means and shapes, constants or functions of x.

A component maps a point ``y`` to standard coordinates
:math:`z = (I + N)\,e^{-s} \odot (y - m)` with a shift m, log scales s and a strictly lower matrix
N: the inverse Cholesky factor is the parameter, so that densities, the hot path, need no solve.
Everything starts at 0, that is at the standard normal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.flows.networks import network


class Parameters(NamedTuple):
    """The components' parameters for one x."""

    logits: Float[Array, " K"]
    shifts: Float[Array, "K d"]
    log_scales: Float[Array, "K d"]
    lowers: Float[Array, "K d d"]


class Components(eqx.Module):
    """K Gaussians in d dimensions; ``head``, if any, adds its outputs to every parameter."""

    constant: Parameters
    head: Callable[[Any], Any] | None
    frozen: bool = eqx.field(static=True)

    @property
    def n_components(self) -> int:
        """K."""
        return self.constant.logits.shape[-1]

    @property
    def dim(self) -> int:
        """D."""
        return self.constant.shifts.shape[-1]

    def at(self, x: Float[Array, " m"] | None) -> Parameters:
        """The parameters for one x, logits normalised (a log-softmax)."""
        values = self.constant
        if self.head is not None and x is not None:
            K, d = values.shifts.shape
            splits = np.cumsum([K, K * d, K * d])
            logits, shifts, log_scales, lowers = jnp.split(self.head(x), splits)
            rows, columns = np.tril_indices(d, -1)
            values = Parameters(
                values.logits + logits,
                values.shifts + shifts.reshape(K, d),
                values.log_scales + log_scales.reshape(K, d),
                values.lowers.at[:, rows, columns].add(lowers.reshape(K, -1)),
            )
        if self.frozen:
            values = jax.lax.stop_gradient(values)
        return values._replace(
            logits=jax.nn.log_softmax(values.logits), lowers=jnp.tril(values.lowers, -1)
        )


def standardize(
    values: Parameters, k: Int[Array, ""], y: Float[Array, " d"]
) -> tuple[Float[Array, " d"], Float[Array, ""]]:
    """Component k's standard coordinates of y, and ``log|dz/dy|``: one point."""
    scaled = (y - values.shifts[k]) * jnp.exp(-values.log_scales[k])
    return scaled + values.lowers[k] @ scaled, -jnp.sum(values.log_scales[k])


def colour(values: Parameters, k: Int[Array, ""], z: Float[Array, " d"]) -> Float[Array, " d"]:
    """The point whose standard coordinates under component k are z."""
    return values.shifts[k] + jnp.exp(values.log_scales[k]) * (inverse(values.lowers[k]) @ z)


def inverse(lower: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """``(I + N)^-1`` for nilpotent N, as the product of ``I + (-N)^(2^i)``: products only."""
    d = lower.shape[-1]
    inverse, power = jnp.eye(d), -lower
    for _ in range(max(1, int(np.ceil(np.log2(max(d, 2)))))):
        inverse = inverse + inverse @ power
        power = power @ power
    return inverse


def components(
    log_weights: FloatArray,
    dim: int,
    seed: Seed,
    *,
    x_dim: int = 0,
    width: int = 64,
    depth: int = 2,
    frozen: bool = False,
) -> Components:
    """Standard-normal components with the given weights.

    Args:
        log_weights: ``(K,)``, normalised or not.
        dim: d.
        seed: where the head's weights come from.
        x_dim: the length of x; 0 makes every parameter a constant.
        width: hidden units of the head.
        depth: hidden layers of the head.
        frozen: keep every parameter where it starts (training won't move it).
    """
    K = len(log_weights)
    logits = np.maximum(log_weights - np.max(log_weights), -30.0)
    constant = Parameters(
        jnp.asarray(logits.astype(np.float32)),
        jnp.asarray(np.zeros((K, dim), np.float32)),
        jnp.asarray(np.zeros((K, dim), np.float32)),
        jnp.asarray(np.zeros((K, dim, dim), np.float32)),
    )
    n_out = K * (1 + 2 * dim + dim * (dim - 1) // 2)
    head = network([x_dim, *[width] * depth, n_out], seed.child("head")) if x_dim else None
    return Components(constant, head, frozen)
