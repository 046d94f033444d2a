"""Small networks whose last layer starts at zero, so that what they drive starts at its default.

Weights are drawn by NumPy: building a network compiles nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from skerry._seeds import Seed


class Network(eqx.Module):
    """A multi-layer perceptron, ``in -> width -> ... -> out``, with SiLU between its layers.

    Leaves may carry leading axes (a stack of networks) to be scanned or vmapped over.
    """

    weights: list[Array]
    biases: list[Array]

    def __call__(self, inputs: Float[Array, "m ..."]) -> Float[Array, "p ..."]:
        """The output for one input vector, or for n of them along the last axis."""
        h, points = inputs, (1,) * (inputs.ndim - 1)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = silu(weight @ h + bias.reshape(-1, *points))
        return self.weights[-1] @ h + self.biases[-1].reshape(-1, *points)


@jax.custom_jvp
def silu(v: Array) -> Array:
    """``v / (1 + exp(-v))``; its derivative reuses the one transcendental of its value."""
    return 0.5 * v * (1.0 + jnp.tanh(0.5 * v))


@silu.defjvp
def _silu_jvp(values: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (v,), (tangent,) = values, tangents
    share = 0.5 * (1.0 + jnp.tanh(0.5 * v))
    return v * share, (share + v * share * (1.0 - share)) * tangent


def network(sizes: Sequence[int], seed: Seed, stack: tuple[int, ...] = ()) -> Network:
    """A network of the given layer sizes (He initialisation, last layer zero).

    Args:
        sizes: ``(in, hidden, ..., out)``.
        seed: where the weights come from.
        stack: leading axes of every leaf.
    """
    generator = seed.numpy()
    weights, biases = [], []
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        scale = np.sqrt(2.0 / max(n_in, 1)) if i < len(sizes) - 2 else 0.0
        draw = scale * generator.standard_normal((*stack, n_out, n_in))
        weights.append(jax.device_put(draw.astype(np.float32)))
        biases.append(jax.device_put(np.zeros((*stack, n_out), np.float32)))
    return Network(weights, biases)
