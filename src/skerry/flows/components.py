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
from scipy.special import logsumexp

from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.flows.networks import network


class Parameters(NamedTuple):
    """Components' parameters, points along the last axis: n of them, or one for all points."""

    logits: Float[Array, "K n"]
    shifts: Float[Array, "K d n"]
    log_scales: Float[Array, "K d n"]
    lowers: Float[Array, "K d d n"]


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

    def at(self, x: Float[Array, "m n"] | None) -> Parameters:
        """The parameters, logits normalised (a log-softmax): for n x, or for all points."""
        values = Parameters(*(value[..., None] for value in self.constant))
        if self.head is not None and x is not None:
            K, d = self.constant.shifts.shape
            splits = np.cumsum([K, K * d, K * d])
            logits, shifts, log_scales, lowers = jnp.split(self.head(x), splits)
            rows, columns = np.tril_indices(d, -1)
            n = x.shape[1]
            whole = jnp.broadcast_to(values.lowers, (K, d, d, n))
            values = Parameters(
                values.logits + logits,
                values.shifts + shifts.reshape(K, d, n),
                values.log_scales + log_scales.reshape(K, d, n),
                whole.at[:, rows, columns].add(lowers.reshape(K, -1, n)),
            )
        if self.frozen:
            values = jax.lax.stop_gradient(values)
        below = jnp.asarray(np.tri(self.dim, k=-1, dtype=np.float32)[..., None])
        return values._replace(
            logits=jax.nn.log_softmax(values.logits, axis=0), lowers=values.lowers * below
        )

    def plain(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """In NumPy and float64, without x: standard coordinates of points ``(n, K, d)``.

        And ``(K,)``, a unit normal's log density at its centre times each weight and determinant.
        """
        logits, shifts, log_scales, lowers = (np.asarray(v, np.float64) for v in self.constant)
        scaled = (y - shifts) * np.exp(-log_scales)
        mixers = np.tril(lowers, -1) + np.eye(self.dim)
        inner = np.matmul(scaled.transpose(1, 0, 2), mixers.transpose(0, 2, 1))
        log_weights = logits - logsumexp(logits)
        constant = log_weights - np.sum(log_scales, axis=1) - 0.5 * self.dim * np.log(2 * np.pi)
        return inner.transpose(1, 0, 2), constant


def pick(values: Any, k: Int[Array, " n"]) -> Any:
    """Of arrays ``(K, ..., n)`` (or ``(K, ..., 1)``) each point's own row, ``(..., n)``.

    Products with ones and zeros: gathering, and adding up its gradient, take longer.
    """
    K = jax.tree.leaves(values)[0].shape[0]
    mine = k == jnp.arange(K, dtype=k.dtype)[:, None]

    def of(rows: Array) -> Array:
        if rows.shape[-1] == 1:
            ones = mine.astype(rows.dtype)
            return jnp.tensordot(rows[..., 0], ones, axes=(0, 0), precision="highest")
        return jnp.sum(jnp.where(jnp.expand_dims(mine, range(1, rows.ndim - 1)), rows, 0), axis=0)

    return jax.tree.map(of, values)


def standardize(
    values: Parameters, y: Float[Array, "*K d n"]
) -> tuple[Float[Array, "*K d n"], Float[Array, "*K n"]]:
    """Standard coordinates of y and ``log|dz/dy|``: of one component, or of K (a leading axis)."""
    scaled = (y - values.shifts) * jnp.exp(-values.log_scales)
    mixed = jnp.sum(values.lowers * scaled[..., None, :, :], axis=-2)
    return scaled + mixed, -jnp.sum(values.log_scales, axis=-2)


def colour(values: Parameters, z: Float[Array, "d n"]) -> Float[Array, "d n"]:
    """The points whose standard coordinates are z; each with its own component's values."""
    rows: list[Array] = []
    for i in range(len(z)):
        rows.append(z[i] - sum(values.lowers[i, j] * rows[j] for j in range(i)))
    return values.shifts + jnp.exp(values.log_scales) * jnp.stack(rows)


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
        jax.device_put(logits.astype(np.float32)),
        jax.device_put(np.zeros((K, dim), np.float32)),
        jax.device_put(np.zeros((K, dim), np.float32)),
        jax.device_put(np.zeros((K, dim, dim), np.float32)),
    )
    n_out = K * (1 + 2 * dim + dim * (dim - 1) // 2)
    head = network([x_dim, *[width] * depth, n_out], seed.child("head")) if x_dim else None
    return Components(constant, head, frozen)
