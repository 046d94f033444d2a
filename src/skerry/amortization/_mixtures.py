"""Conditional mixtures as numbers: k observations' Gaussians in float64, drawn and evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from scipy.special import logsumexp

from skerry._compilation import program
from skerry._types import BoolArray, FloatArray
from skerry.amortization._network import Conditional
from skerry.flows import Frames
from skerry.modes import Islands

BATCH = 1024
LIGHT = 1e-7  # components with a smaller share are no islands


@dataclass(frozen=True)
class Mixtures:
    """Gaussian mixtures on u for k observations, K components each.

    Attributes:
        log_masses: ``(k, K)``, logsumexp 0.
        means: ``(k, K, d)``.
        whiteners: inverse Cholesky factors, lower, ``(k, K, d, d)``.
    """

    log_masses: FloatArray
    means: FloatArray
    whiteners: FloatArray

    def __len__(self) -> int:
        return len(self.log_masses)

    def log_prob(self, u: FloatArray) -> FloatArray:
        """Points ``(k, n, d)``, n for each observation, to log densities ``(k, n)``."""
        found = np.empty(u.shape[:2])
        for i, points in enumerate(u):
            z = np.matmul(points[None] - self.means[i][:, None], self._transposed[i])
            terms = -0.5 * np.sum(z**2, axis=-1) + self._constants[i][:, None]
            found[i] = logsumexp(terms, axis=0)
        return found

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Independent draws, ``(k, n, d)``."""
        d = self.means.shape[-1]
        factors = np.linalg.inv(self.whiteners)
        drawn = np.empty((len(self), n, d))
        for i in range(len(self)):
            shares = np.exp(self.log_masses[i])
            counts = rng.multinomial(n, shares / shares.sum())
            noise = rng.standard_normal((n, d))
            ends = np.cumsum(counts)
            for k in np.flatnonzero(counts):
                rows = slice(ends[k] - counts[k], ends[k])
                drawn[i, rows] = self.means[i, k] + noise[rows] @ factors[i, k].T
            drawn[i] = drawn[i, rng.permutation(n)]
        return drawn

    def islands(self, i: int, periodic: BoolArray) -> Islands:
        """Observation i's mixture as framed islands, without components that carry nothing."""
        kept = np.flatnonzero(self.log_masses[i] > np.log(LIGHT))
        log_masses = self.log_masses[i, kept]
        means = self.means[i, kept]
        cholesky = np.linalg.inv(self.whiteners[i, kept])
        frames = Frames(means, cholesky, np.full(means.shape, 0.5), periodic)
        return Islands(frames, log_masses - logsumexp(log_masses))

    @property
    def _transposed(self) -> FloatArray:
        return np.swapaxes(self.whiteners, -1, -2)

    @property
    def _constants(self) -> FloatArray:
        diagonals = np.diagonal(self.whiteners, axis1=-2, axis2=-1)
        d = self.means.shape[-1]
        return self.log_masses + np.log(diagonals).sum(axis=-1) - 0.5 * d * np.log(2 * np.pi)


def mixtures(network: Conditional, x: FloatArray) -> Mixtures:
    """The mixtures of observations ``(k, ...)``; k is padded, so that few shapes are compiled."""
    parts = []
    for start in range(0, len(x), BATCH):
        chunk = np.asarray(x[start : start + BATCH], np.float32)
        size = 1 if len(chunk) == 1 else BATCH
        padded = np.concatenate([chunk, np.repeat(chunk[-1:], size - len(chunk), axis=0)])
        parts.append(
            [np.asarray(a, np.float64)[: len(chunk)] for a in _parameters(network, padded)]
        )
    logits, means, log_scales, lowers = (np.concatenate(p) for p in zip(*parts, strict=True))
    whiteners = (np.eye(means.shape[-1]) + lowers) * np.exp(-log_scales)[..., None, :]
    return Mixtures(logits - logsumexp(logits, axis=1, keepdims=True), means, whiteners)


@program
def _parameters(network: Conditional, x: Any) -> Any:
    return tuple(jax.vmap(network)(x))
