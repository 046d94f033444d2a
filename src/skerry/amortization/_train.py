r"""Training: minimise :math:`-E\,\log q(u|x)` over observations and their particles.

An epoch is a block of observations with fresh particles and one compiled scan of steps over it.
Held-out observations get particles by the same kernel, so that the score measures posteriors and
not single draws; the parameters kept are those with the best score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from skerry._compilation import program
from skerry._descent import Pace, State, descend, fresh, pace
from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.amortization._network import Conditional, log_density
from skerry.amortization._pools import LogLikelihoods, Pools, refresh
from skerry.amortization._sources import Block, Made
from skerry.training import Training

BALANCE, BALANCED = 1.0, 0.5  # strength at the start; the share of training until it is gone


class Step(NamedTuple):
    """One epoch: mean training loss, held-out score, effective share of the candidates."""

    loss: float
    held_out: float
    share: float


@dataclass(frozen=True)
class Trained:
    """A trained network and how it came about.

    Attributes:
        network: with the best held-out score.
        epochs: the history.
        best: the index in ``epochs`` of the network kept.
    """

    network: Conditional
    epochs: tuple[Step, ...]
    best: int

    @property
    def held_out(self) -> float:
        """The held-out negative log density of the network kept, in nats on u."""
        return self.epochs[self.best].held_out


Progress: TypeAlias = Callable[[str, int, int], None]


def train(
    network: Conditional,
    source: Made,
    log_likelihoods: LogLikelihoods,
    pools: Pools | None,
    settings: Training,
    seed: Seed,
    progress: Progress | None = None,
) -> Trained:
    """Descend on blocks of observations.

    Args:
        network: the start.
        source: observations.
        log_likelihoods: of points on u for many observations.
        pools: how particles are made; None trains on the particles the source has.
        settings: how long and how fast; an epoch is ``steps * batch`` observations.
        seed: shuffles, noise, candidates.
        progress: called with ("training", epoch, epochs).
    """
    params, static = eqx.partition(network, eqx.is_inexact_array)
    state = fresh(params)
    rhythm = pace(settings.learning_rate, settings.clip, settings.max_epochs * settings.steps)
    best_params, best = params, 0
    epochs: list[Step] = []
    scored = source.held_out
    known: FloatArray | None = None  # particles to use again, where they aren't made each time
    block: Block | None = None
    share = 1.0
    for number in range(settings.max_epochs):
        rng = seed.child("epoch", number).numpy()
        average = eqx.combine(state.average, static)
        if block is None or known is None or pools is None or number % pools.every == 0:
            block = source.train.block(settings.steps * settings.batch, rng)
            known = block.u[:, None]
            if pools is not None:
                found = refresh(average, block.x, block.u, log_likelihoods, pools, rng)
                known, share = found.u, float(found.share.mean())
                source.train.keep(block.rows, known[:, 0])
        order = rng.permutation(len(known)).reshape(settings.steps, settings.batch)
        balance = _balance(number, settings)
        batches = (block.x.astype(np.float32)[order], known.astype(np.float32)[order], balance)
        state, losses = _epoch(state, static, batches, rhythm)
        average = eqx.combine(state.average, static)
        at = scored.u[:, None]
        if pools is not None:
            all_of = replace(pools, particles=pools.candidates)
            at = refresh(average, scored.x, scored.u, log_likelihoods, all_of, rng).u
            scored.keep(np.arange(len(at)), at[:, 0])
        score = mean_score(average, scored.x, at)
        epochs.append(Step(float(np.mean(losses)), score, share))
        if number == 0 or score < epochs[best].held_out:
            best_params, best = state.average, number
        if progress is not None:
            progress("training", number + 1, settings.max_epochs)
        if number - best >= settings.patience:
            break
    return Trained(eqx.combine(best_params, static), tuple(epochs), best)


def mean_score(network: Conditional, x: FloatArray, u: FloatArray) -> float:
    """The mean of ``-log q(u|x)`` over observations ``(k, ...)`` and points ``(k, S, d)``."""
    values = _scores(network, np.asarray(x, np.float32), np.asarray(u, np.float32))
    return float(np.mean(np.asarray(values, np.float64)))


def _losses(network: Conditional, x: Any, u: Any) -> Any:
    return jax.vmap(lambda x, u: -log_density(network(x), u))(x, u)


@program
def _scores(network: Conditional, x: Any, u: Any) -> Any:
    return _losses(network, x, u)


def _balance(number: int, settings: Training) -> FloatArray:
    """How strongly each step of an epoch keeps components alive: less and less, then not at all."""
    done = (number + np.arange(settings.steps) / settings.steps) / settings.max_epochs
    return (BALANCE * np.maximum(0.0, 1.0 - done / BALANCED)).astype(np.float32)


@program
def _epoch(state: State, static: Any, batches: Any, pace: Pace) -> tuple[State, Any]:
    def loss(params: Any, batch: Any) -> Any:
        x, u, balance = batch
        values = jax.vmap(eqx.combine(params, static))(x)
        shares = jax.nn.logsumexp(values.logits, axis=0) - np.log(len(x))
        return -jnp.mean(jax.vmap(log_density)(values, u)) - balance * jnp.mean(shares)

    return descend(loss, state, batches, pace, 100)
