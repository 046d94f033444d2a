"""The training loop; see :mod:`skerry.training`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from skerry import weights
from skerry._compilation import program
from skerry._descent import Pace, State, descend, fresh, pace
from skerry._devices import spread
from skerry._seeds import Seed
from skerry._types import FloatArray, IntArray
from skerry.errors import InputError
from skerry.flows import AbstractShape, Density
from skerry.training._settings import Epoch, Fitted, Progress, Rows, Training

HELD_OUT_CHUNK = 2048
MOST_HELD_OUT = 50_000
PROBE = 5000


class _Data(NamedTuple):
    """Framed points: arrays of n rows; x may be None."""

    y: Any
    k: Any
    offset: Any
    x: Any

    def take(self, rows: IntArray) -> _Data:
        return _Data(*(None if a is None else a[rows] for a in self))


@dataclass(frozen=True)
class _Source:
    """Points to train on, framed when they are asked for.

    Attributes:
        density: whose frames.
        u: all points.
        x: all contexts, or None.
        keep: the rows of those that have weight.
        nearest: as few frames each as lose no density: islands far apart need just one.
    """

    density: Density
    u: Rows
    x: FloatArray | None
    keep: IntArray
    nearest: int

    def take(self, rows: IntArray) -> tuple[_Data, FloatArray]:
        """Framed points, and what their log density lacks."""
        rows = self.keep[rows]
        framed = self.density.frame(self.u[rows], self.nearest)
        xs = None if self.x is None else np.asarray(self.x[rows], np.float32)
        return _Data(framed.y, framed.k, framed.offset, xs), framed.shift


def fit(
    density: Density,
    u: Rows,
    log_weights: FloatArray,
    *,
    x: FloatArray | None = None,
    seed: Seed,
    settings: Training | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Train a density on weighted points.

    Args:
        density: the start; its frames stay where they are.
        u: points, ``(n, d)``: an array, or anything that gives the rows it is asked for.
        log_weights: ``(n,)``, on any scale; ``-inf`` is weight zero.
        x: contexts, ``(n, m)``, if the density depends on one.
        seed: the order of points and the held-out part come from it.
        settings: how long and how fast.
        progress: called with (epoch, max_epochs, :class:`Epoch`) after each epoch.

    Raises:
        InputError: for mismatched shapes or fewer than 10 points of non-zero weight.
    """
    settings = settings or Training()
    log_w = weights.check(log_weights)
    keep = np.flatnonzero(np.isfinite(log_w) & (log_w > log_w.max() - 60))
    if len(u) != len(log_w) or len(keep) < 10:
        raise InputError(
            f"Expected at least 10 points of non-zero weight, one weight a point; got {len(u)} "
            f"points, {len(log_w)} weights, {len(keep)} of them not zero."
        )
    log_w = weights.normalize(log_w[keep])
    train, held_out = _split(log_w, settings.held_out, seed.child("held out"))
    source = _source(density, u, x, keep, log_w)
    evaluate = _evaluator(*source.take(held_out), log_w[held_out])

    params, static = eqx.partition(density.shape, eqx.is_inexact_array)
    state = fresh(params)
    best_params, best = params, 0
    epochs = [Epoch(np.nan, evaluate(params, static))]
    steps = settings.max_epochs * settings.steps
    rhythm = pace(settings.learning_rate, settings.clip, steps)
    for number in range(1, settings.max_epochs + 1):
        order = weights.systematic_resample(
            log_w[train],
            settings.steps * settings.batch,
            seed.child("epoch", number).numpy(),
        )
        data, shift = source.take(train[order])
        batches = jax.tree.map(
            lambda a: spread(a.reshape(settings.steps, settings.batch, *a.shape[1:]), 1), data
        )
        state, losses = _epoch(state, static, batches, rhythm)
        loss = float(np.mean(np.asarray(losses))) - float(np.mean(shift))
        epoch = Epoch(loss, evaluate(state.average, static))
        epochs.append(epoch)
        if epoch.held_out < epochs[best].held_out:
            best_params, best = state.average, number
        if progress is not None:
            progress(number, settings.max_epochs, epoch)
        if number - best >= settings.patience:
            break
    return Fitted(
        density=replace(density, shape=eqx.combine(best_params, static)),
        epochs=tuple(epochs),
        best=best,
        ess_train=weights.effective_sample_size(log_w[train]),
        ess_held_out=weights.effective_sample_size(log_w[held_out]),
    )


def held_out_score(
    density: Density, u: FloatArray, log_weights: FloatArray, x: FloatArray | None = None
) -> float:
    """The self-normalised weighted negative log density of points under a density."""
    shares = np.exp(weights.normalize(weights.check(log_weights)))
    used = shares > 0
    log_q = density.log_prob(u[used], None if x is None else x[used])
    return -float(shares[used] @ log_q)


def _source(
    density: Density, u: Rows, x: FloatArray | None, keep: IntArray, log_w: FloatArray
) -> _Source:
    probe = u[keep[:PROBE]]
    lost = (density.overlap(probe, log_w[:PROBE], j) for j in (1, 2, 4, 8))
    K = density.frames.n_frames
    nearest = next((j for j, share in zip((1, 2, 4, 8), lost, strict=True) if share < 1e-3), K)
    return _Source(density, u, x, keep, min(nearest, K))


def _split(log_w: FloatArray, share: float, seed: Seed) -> tuple[IntArray, IntArray]:
    order = seed.numpy().permutation(len(log_w))
    n = min(max(1, round(share * len(log_w))), MOST_HELD_OUT)
    return order[n:], order[:n]


def _evaluator(data: _Data, shift: FloatArray, log_w: FloatArray) -> Callable[[Any, Any], float]:
    """The held-out score of given parameters, in chunks of one size."""
    shares = np.exp(weights.normalize(log_w))
    pieces = []
    for start in range(0, len(shares), HELD_OUT_CHUNK):
        rows = np.arange(start, start + HELD_OUT_CHUNK)
        inside = rows < len(shares)
        rows = np.minimum(rows, len(shares) - 1)
        piece = data.take(rows), np.where(inside, shares[rows], 0.0).astype(np.float32)
        pieces.append(jax.tree.map(lambda a: spread(a, 0), piece))
    constant = float(shares @ shift)

    def evaluate(params: Any, static: Any) -> float:
        total = sum(float(_score(params, static, *piece)) for piece in pieces)
        return total - constant if np.isfinite(total) else float("inf")

    return evaluate


def _losses(params: Any, static: Any, data: _Data) -> Any:
    """Negative log densities, ``(n,)``: all pairs of point and frame at once."""
    shape: AbstractShape = eqx.combine(params, static)
    n, frames, d = data.y.shape
    x = None if data.x is None else jnp.repeat(data.x, frames, axis=0).T
    terms = shape.log_terms(data.y.reshape(-1, d).T, data.k.reshape(-1), x)
    return -jax.nn.logsumexp(terms.reshape(n, frames) + data.offset, axis=1)


@program
def _score(params: Any, static: Any, data: _Data, shares: Any) -> Any:
    return jnp.sum(jnp.where(shares > 0, shares * _losses(params, static, data), 0.0))


@program
def _epoch(state: State, static: Any, batches: _Data, pace: Pace) -> tuple[State, Any]:
    """One pass over the batches, a step each; the first epoch warms up."""

    def loss(params: Any, batch: _Data) -> Any:
        return jnp.mean(_losses(params, static, batch))

    return descend(loss, state, batches, pace, batches.y.shape[0])
