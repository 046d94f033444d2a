r"""Training: minimise :math:`-E\,\log q(u|x)` over observations and their particles.

An epoch is a block of observations with fresh particles and one compiled scan of steps over it.
Held-out observations get particles by the same kernel, so that the score measures posteriors and
not single draws; the parameters kept are the best of all epochs, by scores on the same particles.
Both kinds of particles are renewed every so many epochs as :class:`~skerry.Pools` says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from skerry._compilation import program
from skerry._descent import Pace, State, descend, fresh, pace
from skerry._devices import spread
from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.amortization._checkpoints import Checkpoints, Course, Step
from skerry.amortization._keeping import Keeping, Progress
from skerry.amortization._likelihoods import Likelihoods
from skerry.amortization._many import log_density, many
from skerry.amortization._network import Conditional
from skerry.amortization._pools import LogLikelihoods, Pools, refresh
from skerry.amortization._sources import Made
from skerry.training import Training

BALANCE, BALANCED = 1.0, 0.5  # strength at the start; the share of training until it is gone


@dataclass(frozen=True)
class Trained:
    """A trained network and how it came about.

    Attributes:
        network: the best by held-out scores, each next to the best before it.
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


def train(
    network: Conditional,
    source: Made,
    log_likelihoods: Likelihoods,
    pools: Pools | None,
    settings: Training,
    seed: Seed,
    keeping: Keeping,
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
        keeping: what keeps checkpoints, and says when the time is over.
        progress: called with ("training", epoch, epochs).
    """
    params, static = eqx.partition(network, eqx.is_inexact_array)
    reused = pools is not None and pools.every > 1
    checkpoints = Checkpoints(keeping, source, log_likelihoods, reused=reused)
    course = checkpoints.resume(Course(fresh(params), params))
    rhythm = pace(settings.learning_rate, settings.clip, settings.max_epochs * settings.steps)
    for number in range(len(course.epochs), settings.max_epochs):
        if number and number - 1 - course.best >= settings.patience:
            break
        checkpoints.keep(course)
        _advance(course, number, static, source, log_likelihoods, pools, settings, seed, rhythm)
        if progress is not None:
            progress("training", number + 1, settings.max_epochs)
    checkpoints.keep(course, last=True)
    return Trained(eqx.combine(course.best_params, static), tuple(course.epochs), course.best)


def _advance(
    course: Course,
    number: int,
    static: Any,
    source: Made,
    log_likelihoods: LogLikelihoods,
    pools: Pools | None,
    settings: Training,
    seed: Seed,
    rhythm: Pace,
) -> None:
    """One epoch."""
    rng = seed.child("epoch", number).numpy()
    scored = source.held_out
    average = eqx.combine(course.state.average, static)
    block, known = course.block, course.known
    anew = block is None or known is None or pools is None or number % pools.every == 0
    if block is None or known is None or anew:
        block = source.train.block(settings.steps * settings.batch, rng)
        known = block.u[:, None]
        if pools is not None:
            found = refresh(average, block.x, block.u, log_likelihoods, pools, rng)
            known, course.share = found.u, float(found.share.mean())
            source.train.keep(block.rows, known[:, 0])
        course.block, course.known = block, known
    order = rng.permutation(len(known)).reshape(settings.steps, settings.batch)
    balance = _balance(number, settings)
    x, u = (spread(rows.astype(np.float32)[order], 1) for rows in (block.x, known))
    batches = (x, u, balance)
    course.state, losses = _epoch(course.state, static, batches, rhythm)
    average = eqx.combine(course.state.average, static)
    if course.scored is None or (anew and pools is not None):
        course.scored, course.to_beat = scored.u[:, None], None
        if pools is not None:
            all_of = replace(pools, particles=pools.candidates)
            course.scored = refresh(average, scored.x, scored.u, log_likelihoods, all_of, rng).u
            scored.keep(np.arange(len(scored.x)), course.scored[:, 0])
    if course.to_beat is None:
        best = eqx.combine(course.best_params, static)
        course.to_beat = mean_score(best, scored.x, course.scored) if number else np.inf
    score = mean_score(average, scored.x, course.scored)
    course.epochs.append(Step(float(np.mean(np.asarray(losses))), score, course.share))
    if score < course.to_beat:
        course.best_params, course.best, course.to_beat = course.state.average, number, score


def mean_score(network: Conditional, x: FloatArray, u: FloatArray) -> float:
    """The mean of ``-log q(u|x)`` over observations ``(k, ...)`` and points ``(k, S, d)``."""
    values = _scores(network, np.asarray(x, np.float32), np.asarray(u, np.float32))
    return float(np.mean(np.asarray(values, np.float64)))


@program
def _scores(network: Conditional, x: Any, u: Any) -> Any:
    return -log_density(many(network, x), jnp.moveaxis(u, 0, -1))


def _balance(number: int, settings: Training) -> FloatArray:
    """How strongly each step of an epoch keeps components alive: less and less, then not at all."""
    done = (number + np.arange(settings.steps) / settings.steps) / settings.max_epochs
    return (BALANCE * np.maximum(0.0, 1.0 - done / BALANCED)).astype(np.float32)


@program
def _epoch(state: State, static: Any, batches: Any, pace: Pace) -> tuple[State, Any]:
    def loss(params: Any, batch: Any) -> Any:
        x, u, balance = batch
        values = many(eqx.combine(params, static), x)
        shares = jax.nn.logsumexp(values.logits, axis=1) - np.log(len(x))
        log_q = log_density(values, jnp.moveaxis(u, 0, -1))
        return -jnp.mean(log_q) - balance * jnp.mean(shares)

    return descend(loss, state, batches, pace, 100, hidden=lambda p: [p.head.inner, p.head.outer])
