"""Gradient descent, once: Adam with a clipped gradient, a warm-up, a cosine and an average.

Hidden matrices can be given steps of their own, orthogonal ones (Muon: Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon; why: Bernstein & Newhouse 2024, arXiv:2409.20325): all
directions of a matrix move alike, where Adam moves mostly those in which gradients are large.

:func:`descend` is pure and traceable; it runs inside a compiled program of its caller's, who gives
the loss. What is evaluated and kept is the exponential moving average of the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

MOMENTUM = 0.9
SIZE = 0.2  # root mean square of an orthogonal step's entries: Adam's (Liu et al. 2025, 2502.16982)


class State(NamedTuple):
    """Everything a step changes."""

    params: Any
    average: Any  # exponential moving average of params: what is evaluated and kept
    optimizer: Any
    step: Any


class Pace(NamedTuple):
    """Settings of a step as arrays: changing them compiles nothing."""

    rate: Any
    clip: Any
    total: Any  # steps over which the rate falls to 0


def fresh(params: Any) -> State:
    """The state before the first step."""
    optimizer = jax.eval_shape(optax.scale_by_adam().init, params)  # zeros, and nothing compiled
    zeros = jax.tree.map(lambda a: jax.device_put(np.zeros(a.shape, a.dtype)), optimizer)
    return State(params, params, zeros, jax.device_put(np.zeros((), np.int32)))


def pace(rate: float, clip: float, total: int) -> Pace:
    """The settings of the steps."""
    return Pace(*(jax.device_put(np.float32(value)) for value in (rate, clip, total)))


def descend(
    loss: Callable[[Any, Any], Any],
    state: State,
    batches: Any,
    pace: Pace,
    warm_up: int,
    hidden: Callable[[Any], list[Any]] | None = None,
) -> tuple[State, Any]:
    """One step a batch (a leading axis of every leaf), and each step's loss.

    Args:
        loss: (params, batch) to a number.
        state: where to begin.
        batches: arrays with a leading axis of steps.
        pace: the settings.
        warm_up: steps over which the rate rises from 0.
        hidden: parameters to those of its leaves, matrices ``(..., m, n)``, whose steps are made
            orthogonal.
    """

    def step(state: State, batch: Any) -> tuple[State, Any]:
        value, gradient = jax.value_and_grad(lambda params: loss(params, batch))(state.params)
        norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient)))
        shrink = jnp.minimum(1.0, pace.clip / jnp.maximum(norm, 1e-12))
        gradient = jax.tree.map(lambda g: shrink * g, gradient)
        direction, optimizer = optax.scale_by_adam(b1=MOMENTUM).update(gradient, state.optimizer)
        if hidden is not None:
            ahead = [
                MOMENTUM * m + (1 - MOMENTUM) * g
                for m, g in zip(hidden(optimizer.mu), hidden(gradient), strict=True)
            ]
            direction = eqx.tree_at(hidden, direction, [orthogonal(m) for m in ahead])
        rate = pace.rate * jnp.minimum(1.0, (state.step + 1) / warm_up)
        rate = rate * 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(1.0, state.step / pace.total)))
        params = jax.tree.map(lambda p, g: p - rate * g, state.params, direction)
        keep = jnp.minimum(0.98, (state.step + 1.0) / (state.step + 10.0))
        average = jax.tree.map(lambda a, p: keep * a + (1 - keep) * p, state.average, params)
        return State(params, average, optimizer, state.step + 1), value

    return jax.lax.scan(step, state, batches)


def orthogonal(matrices: Any) -> Any:
    """Matrices ``(..., m, n)`` with their singular values brought to about 1, as large as a step.

    By optax's Muon, with no momentum of its own: what it is given has Adam's.
    """
    muon = optax.contrib.scale_by_muon(
        beta=0.0,
        nesterov=False,
        weight_dimension_numbers=optax.contrib.MuonDimensionNumbers(-2, -1),
    )
    found, _ = muon.update(matrices, muon.init(matrices))
    return SIZE * np.sqrt(max(matrices.shape[-2:])) * found
