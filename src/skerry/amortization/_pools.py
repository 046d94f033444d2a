r"""Particles of the posterior for each observation: iterated sampling-importance-resampling.

For an observation x with a retained particle :math:`u_0`, draw :math:`u_1..u_n` from a proposal g,
weigh all of them, the retained one too, by :math:`w_i = \pi(u_i) L(x|u_i) / g(u_i)` (equation
:eq:`pool` of the method), and choose the next retained one in proportion. Whatever g is, the
posterior p(u|x) stays invariant (Andrieu, Lee & Vihola 2018, *Bernoulli* 24): a bad g wastes draws
and biases nothing. Where :math:`u_0` is what generated x it is itself a posterior draw, so every
particle is one from the first step on. Several particles chosen by systematic resampling make a
pool: each of them alone is a posterior draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from skerry._compilation import thorough
from skerry._types import FloatArray
from skerry.amortization._many import many, propose
from skerry.amortization._network import Conditional
from skerry.errors import InputError

LogLikelihoods: TypeAlias = Callable[[FloatArray, Any], FloatArray]  # u (k, n, d), x -> (k, n)
CHUNK = 1024  # observations whose likelihoods are asked for in one call
TOGETHER = 256  # observations proposed for at once: few enough for a processor's cache


@dataclass(frozen=True)
class Pools:
    """How the likelihood makes particles for training.

    Attributes:
        particles: posterior particles an observation gives each time it is trained on.
        candidates: likelihood evaluations they are chosen from.
        prior: the share of candidates drawn from the prior; the others are the estimator's own.
        every: refresh an observation's particles every so many times it is trained on.
    """

    particles: int = 4
    candidates: int = 16
    prior: float = 0.1
    every: int = 1

    def __post_init__(self) -> None:
        for name in ("particles", "candidates", "every"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise InputError(f"Expected {name} to be an int >= 1; got {value!r}.")
        if not 0 < self.prior < 1:
            raise InputError(f"Expected prior, a share between 0 and 1; got {self.prior!r}.")


@dataclass(frozen=True)
class Refreshed:
    """Particles of k observations.

    Attributes:
        u: ``(k, S, d)``.
        share: the effective share of each observation's candidates, ``(k,)``.
    """

    u: FloatArray
    share: FloatArray


def refresh(
    network: Conditional,
    x: FloatArray,
    retained: FloatArray,
    log_likelihoods: LogLikelihoods,
    settings: Pools,
    rng: np.random.Generator,
) -> Refreshed:
    """One step of the kernel for k observations ``(k, ...)`` with particles ``(k, d)``.

    The particles are float32 numbers: so are the candidates, and weights are those of what is kept.
    """
    parts = [
        _refresh(network, x[rows], retained[rows], log_likelihoods, settings, rng)
        for rows in (slice(i, i + CHUNK) for i in range(0, len(x), CHUNK))
    ]
    return Refreshed(np.concatenate([p.u for p in parts]), np.concatenate([p.share for p in parts]))


def _refresh(
    network: Conditional,
    x: FloatArray,
    retained: FloatArray,
    log_likelihoods: LogLikelihoods,
    settings: Pools,
    rng: np.random.Generator,
) -> Refreshed:
    parts = [
        _proposed(network, x[rows], retained[rows], settings, rng)
        for rows in (slice(i, i + TOGETHER) for i in range(0, len(x), TOGETHER))
    ]
    u, log_g = (np.concatenate(p) for p in zip(*parts, strict=True))
    log_prior = -0.5 * np.sum(u**2 + np.log(2 * np.pi), axis=2)
    log_w = log_prior + log_likelihoods(u, x) - log_g
    lost = ~np.isfinite(log_w).any(axis=1)
    log_w[lost, 0] = 0.0  # nothing possible among them: the retained one stays
    chosen, share = choose(log_w, settings.particles, rng)
    return Refreshed(np.take_along_axis(u, chosen[:, :, None], axis=1), share)


def _proposed(
    network: Conditional,
    x: FloatArray,
    retained: FloatArray,
    settings: Pools,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Each observation's retained point and fresh candidates, and their log proposal densities."""
    (k, d), n, size = retained.shape, settings.candidates, TOGETHER
    noise = rng.standard_normal((size, n, d), dtype=np.float32)
    uniform = rng.random((size, n), dtype=np.float32)
    from_prior = rng.random((size, n)) < settings.prior
    u, log_g = _propose(
        network,
        _padded(np.asarray(x, np.float32), size),
        _padded(np.asarray(retained, np.float32), size),
        noise,
        uniform,
        from_prior,
        np.float32(settings.prior),
    )
    return np.asarray(u, np.float64)[:k], np.asarray(log_g, np.float64)[:k]


def choose(log_w: FloatArray, n: int, rng: np.random.Generator) -> tuple[Any, FloatArray]:
    """Systematic resampling in each row: n columns in random order, and the effective share."""
    w = np.exp(log_w - log_w.max(axis=1, keepdims=True))
    total = w.sum(axis=1)
    edges = np.cumsum(w, axis=1)
    places = (rng.random((len(w), 1)) + np.arange(n)) / n * edges[:, -1:]
    chosen = np.sum(places[:, :, None] >= edges[:, None, :], axis=2).clip(max=w.shape[1] - 1)
    return rng.permuted(chosen, axis=1), total**2 / np.sum(w**2, axis=1) / w.shape[1]


def _padded(rows: Any, size: int) -> Any:
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])


@thorough
def _propose(
    network: Conditional,
    x: Any,
    retained: Any,
    noise: Any,
    uniform: Any,
    from_prior: Any,
    share: Any,
) -> Any:
    noise, uniform = jnp.moveaxis(noise, 0, -1), uniform.T
    u, log_g = propose(many(network, x), retained.T, noise, uniform, from_prior.T, share)
    return jnp.moveaxis(u, -1, 0), log_g.T
