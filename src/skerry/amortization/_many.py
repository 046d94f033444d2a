r"""Mixtures of many observations at once, k of them along the last axis.

Along that axis a processor works on many numbers with one instruction; the d coordinates, of which
each needs those before it, are taken one by one. A step of training takes a third of the time it
takes with one observation after the other.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from skerry.amortization._network import Conditional, Mixture, n_forward
from skerry.flows.warps import warped

TOGETHER = 4  # slopes whose product is surely a float32 number: one logarithm for all


def many(network: Conditional, x: Float[Array, "k ..."]) -> Mixture:
    """The mixtures of k observations."""
    return jax.vmap(network, out_axes=-1)(x)


def log_density(values: Mixture, u: Float[Array, "n d k"]) -> Float[Array, "n k"]:
    """The mixtures' log densities of n points each: products and sums, no solve."""
    first = n_forward(len(values.logits), _bent(values))
    forth, back = (Mixture(*(part[rows] for part in values)) for rows in _halves(first))
    terms = [_terms(forth, u)]
    if len(back.logits):
        terms.append(_terms(back, u[:, ::-1]))
    every = jnp.concatenate(terms, axis=1)
    top = jax.lax.stop_gradient(jnp.max(every, axis=1, keepdims=True))
    total = jnp.log(jnp.sum(jnp.exp(every - top), axis=1)) + top[:, 0]
    return total - 0.5 * u.shape[1] * np.log(2 * np.pi)


def _bent(values: Mixture) -> bool:
    return values.curves.size > 0


def _halves(first: int) -> tuple[slice, slice]:
    return slice(0, first), slice(first, None)


def _terms(values: Mixture, u: Float[Array, "n d k"]) -> Float[Array, "n K k"]:
    """Each component's share of the density, in logs, but for the constant."""
    narrow, rest = jnp.exp(-values.log_scales), 1.0 - values.skews**2
    log_det = values.logits - jnp.sum(values.log_scales + jnp.log(rest), axis=1)
    scaled: list[Any] = []
    before: list[Any] = []
    square: Any = 0.0
    slope: Any = 1.0
    bent, p = _bent(values), 0
    for j in range(u.shape[1]):
        scaled.append((u[:, None, j] - values.shifts[:, j]) * narrow[:, j])
        z, wide = scaled[j], 0.0
        for i in range(j):
            z = z + values.lowers[:, p] * scaled[i]
            if bent:
                z = z + values.curves[:, p] * (before[i] ** 2 - 1.0)
                wide = wide + values.funnels[:, p] * before[i]
            p += 1
        if bent and j:
            z = z * jnp.exp(-wide)
            log_det = log_det - wide
        z, own = _unwarped(z, values.skews[:, j], values.tails[:, j], rest[:, j])
        slope = slope * own
        if j % TOGETHER == TOGETHER - 1 or j == u.shape[1] - 1:
            log_det, slope = log_det + jnp.log(slope), 1.0
        before.append(_seen(z))
        square = square + z * z
    return log_det - 0.5 * square


def _unwarped(y: Any, skew: Any, tail: Any, rest: Any) -> tuple[Any, Any]:
    """The normal coordinate of a warped one; its slope, times ``rest = 1 - skew^2``."""
    root = jnp.sqrt(1.0 + 4.0 * tail * y * y)
    pull = jax.lax.rsqrt(0.5 + 0.5 * root)
    y = y * pull
    far = y * y + rest
    lean = skew * jax.lax.rsqrt(far)
    return (y - lean * far) / rest, (1.0 - lean * y) / (root * pull)


def _seen(z: Any) -> Any:
    """What a coordinate is to those after it: itself, and never beyond 2."""
    return z * jax.lax.rsqrt(1.0 + 0.25 * z * z)


def draw(
    values: Mixture, noise: Float[Array, "n d k"], uniform: Float[Array, "n k"]
) -> Float[Array, "n d k"]:
    """Points of the mixtures from standard normal and uniform numbers."""
    edges = jnp.cumsum(jnp.exp(values.logits), axis=0)
    which = jnp.sum(edges[None] < (uniform * edges[-1])[:, None], axis=1)
    which = jnp.minimum(which, len(edges) - 1)[:, None]

    shifts, log_scales, skews, tails, lowers, funnels, curves = (
        jnp.take_along_axis(part, which, axis=0) for part in values[1:]
    )
    d = noise.shape[1]
    scaled: list[Any] = []
    before: list[Any] = []
    bent, p = _bent(values), 0
    for j in range(d):
        y, wide = noise[:, j], 0.0
        before.append(_seen(y))
        y = warped(y, skews[:, j], tails[:, j], jnp)
        for i in range(j if bent else 0):
            wide = wide + funnels[:, p + i] * before[i]
        y = y * jnp.exp(wide)
        for i in range(j):
            y = y - lowers[:, p] * scaled[i]
            if bent:
                y = y - curves[:, p] * (before[i] ** 2 - 1.0)
            p += 1
        scaled.append(y)
    found = shifts + jnp.exp(log_scales) * jnp.stack(scaled, axis=1)
    return jnp.where(which < n_forward(len(edges), bent), found, found[:, ::-1])


def propose(
    values: Mixture,
    retained: Float[Array, "d k"],
    noise: Float[Array, "n d k"],
    uniform: Float[Array, "n k"],
    from_prior: Bool[Array, "n k"],
    prior_share: Float[Array, ""],
) -> tuple[Float[Array, "n1 d k"], Float[Array, "n1 k"]]:
    """Each observation's retained point and n candidates, and log g at all of them.

    ``g = (1 - b) q(.|x) + b N(0, I)`` with the share b of prior draws.
    """
    fresh = jnp.where(from_prior[:, None], noise, draw(values, noise, uniform))
    u = jnp.concatenate([retained[None], fresh])
    log_prior = -0.5 * jnp.sum(u**2, axis=1) - 0.5 * u.shape[1] * np.log(2 * np.pi)
    log_q = log_density(values, u) + jnp.log1p(-prior_share)
    return u, jnp.logaddexp(log_q, jnp.log(prior_share) + log_prior)
