r"""Conditional mixtures as numbers: k observations' components in float64, drawn and evaluated.

A component takes a point's coordinates in an order of its own, the first half of the components
front to back and the others back to front. With standardised coordinates :math:`s_j`, and what a
coordinate is to those after it, :math:`g(z) = z / \sqrt{1 + z^2/4}`,

.. math:: w_j(z_j) = e^{-\sum_{i<j} a_{ji} g(z_i)}
   \Big(s_j + \sum_{i<j} n_{ji} s_i + \sum_{i<j} c_{ji} (g(z_i)^2 - 1)\Big), \qquad z \sim N(0, I):

a Gaussian (n) whose width (a) and place (c) in one coordinate follow those before, funnels and
bends (equation :eq:`bent-component` of the method), and whose coordinates are warped, each by
itself: :math:`w(z) = y \sqrt{1 + \tau y^2}`, :math:`y = z + \lambda \sqrt{1 + z^2}` (equation
:eq:`warp`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from scipy.special import logsumexp

from skerry._compilation import program
from skerry._types import BoolArray, FloatArray, IntArray
from skerry.amortization._network import Conditional, n_forward
from skerry.flows import Density, Frames, funnel_mixture
from skerry.flows.warps import seen, unwarped, warped
from skerry.modes import Islands

BATCH = 1024
LIGHT = 1e-7  # components with a smaller share are no islands
CACHED = 1024  # points at a time: what they need stays near the processor
PROBES = 32  # pairs of latent points, opposite each other, that an island is measured by


@dataclass(frozen=True)
class Mixtures:
    """Mixtures on u for k observations, K components each.

    Attributes:
        log_masses: ``(k, K)``, logsumexp 0.
        means: ``(k, K, d)``; each in its component's own order, as all that follows.
        whiteners: inverse Cholesky factors, lower, ``(k, K, d, d)``.
        skews: lambda, ``(k, K, d)``; None for coordinates that aren't warped.
        tails: tau, likewise.
        funnels: a, strictly lower triangular, ``(k, K, d, d)``; None for components that don't
            bend, which take the coordinates as they come.
        curves: c, likewise.
    """

    log_masses: FloatArray
    means: FloatArray
    whiteners: FloatArray
    skews: FloatArray | None = None
    tails: FloatArray | None = None
    funnels: FloatArray | None = None
    curves: FloatArray | None = None

    @property
    def plain(self) -> bool:
        """Whether all components are Gaussians."""
        return all(p is None for p in (self.skews, self.tails, self.funnels, self.curves))

    def __len__(self) -> int:
        return len(self.log_masses)

    def log_prob(self, u: FloatArray) -> FloatArray:
        """Points ``(k, n, d)``, n for each observation, to log densities ``(k, n)``."""
        found = np.empty(u.shape[:2])
        constant = 0.5 * u.shape[2] * np.log(2 * np.pi)
        for i, points in enumerate(u):
            z, log_det = self.latent(i, points)
            terms = log_det - 0.5 * np.sum(z**2, axis=-1) + self.log_masses[i][:, None]
            found[i] = logsumexp(terms, axis=0) - constant
        return found

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Independent draws, ``(k, n, d)``."""
        drawn = np.empty((len(self), n, self.means.shape[2]))
        for i in range(len(self)):
            shares = np.exp(self.log_masses[i])
            counts = rng.multinomial(n, shares / shares.sum())
            z = rng.standard_normal(drawn.shape[1:])
            drawn[i] = self._placed(i, z, counts)[rng.permutation(n)]
        return drawn

    def latent(self, i: int, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points ``(n, d)`` in all components' coordinates z, ``(K, n, d)``; ``log|dz/du|``."""
        K, d = self.means.shape[1:]
        n = len(points)
        z, log_det = np.empty((d, K, n)), np.empty((K, n))  # coordinate by coordinate: in one piece
        for start in range(0, n, CACHED):
            some = slice(start, start + CACHED)
            self._latent(i, points[some].T, z[:, :, some], log_det[:, some])
        return np.moveaxis(z, 0, -1), log_det

    def _latent(self, i: int, u: FloatArray, z: FloatArray, log_det: FloatArray) -> None:
        """Fill ``(d, K, n)`` and ``(K, n)`` for points ``(d, n)``."""
        d, K = z.shape[:2]
        whitener, first = self.whiteners[i], K
        log_det[:] = np.log(np.diagonal(whitener, axis1=-2, axis2=-1)).sum(axis=-1)[:, None]
        if self.curves is not None:
            first = n_forward(K, True)
        away = np.empty_like(z)
        for j in range(d):
            away[j, :first], away[j, first:] = u[j], u[d - 1 - j]
            away[j] -= self.means[i, :, j, None]
        g: list[FloatArray] = []
        for j in range(d):
            z[j] = whitener[:, j, j, None] * away[j]
            for k in range(j):
                z[j] += whitener[:, j, k, None] * away[k]
            if j and self.funnels is not None and self.curves is not None:
                wide = np.zeros(z.shape[1:])
                for k in range(j):
                    wide += self.funnels[i, :, j, k, None] * g[k]
                    z[j] += self.curves[i, :, j, k, None] * (g[k] ** 2 - 1.0)
                z[j] *= np.exp(-wide)
                log_det -= wide
            if self.skews is not None and self.tails is not None:
                z[j], log_slope = unwarped(
                    z[j], self.skews[i, :, j, None], self.tails[i, :, j, None], np
                )
                log_det += log_slope
            if self.funnels is not None:
                g.append(seen(z[j], np))

    def placed(self, i: int, z: FloatArray, which: IntArray) -> FloatArray:
        """The points ``(n, d)`` that have the coordinates z ``(n, d)`` in components ``(n,)``."""
        order = np.argsort(which, kind="stable")
        u = np.empty_like(z)
        u[order] = self._placed(i, z[order], np.bincount(which, minlength=self.means.shape[1]))
        return u

    def density(self, i: int, periodic: BoolArray) -> Density | None:
        """Observation i's mixture as a density of its own; None for Gaussians: islands are one."""
        if self.plain:
            return None
        kept = np.flatnonzero(self.log_masses[i] > np.log(LIGHT))
        means, factors = self.means[i, kept].copy(), np.linalg.inv(self.whiteners[i, kept])
        if self.curves is not None:
            back = kept >= n_forward(self.means.shape[1], True)
            means[back], factors[back] = means[back, ::-1], factors[back, ::-1]
        log_masses = self.log_masses[i, kept] - logsumexp(self.log_masses[i, kept])
        row, square = np.zeros_like(means), np.zeros_like(factors)
        blank = {"funnels": square, "curves": square, "skews": row, "tails": row}
        parts = {name: getattr(self, name) for name in blank}
        bends = {name: blank[name] if p is None else p[i, kept] for name, p in parts.items()}
        return funnel_mixture(log_masses, means, factors, **bends, periodic=periodic)

    def islands(self, i: int, periodic: BoolArray) -> Islands:
        """Observation i's mixture as framed Gaussians, without components that carry nothing.

        They have the components' own means and covariances, measured at a few latent points.
        """
        kept = np.flatnonzero(self.log_masses[i] > np.log(LIGHT))
        log_masses = self.log_masses[i, kept]
        means, cholesky = self.means[i, kept], np.linalg.inv(self.whiteners[i, kept])
        if not self.plain:
            means, cholesky = self._moments(i, kept)
        frames = Frames(means, cholesky, np.full(means.shape, 0.5), periodic)
        return Islands(frames, log_masses - logsumexp(log_masses))

    def _placed(self, i: int, z: FloatArray, counts: IntArray) -> FloatArray:
        """Points of so many z in the first component, so many in the next, ..."""
        which = np.repeat(np.arange(len(counts)), counts)
        y = self._bent(i, z, which)
        u, factors, ends = np.empty_like(z), np.linalg.inv(self.whiteners[i]), np.cumsum(counts)
        for k in np.flatnonzero(counts):
            mine = slice(ends[k] - counts[k], ends[k])
            u[mine] = y[mine] @ factors[k].T
        u += self.means[i][which]
        if self.curves is not None:
            back = slice(ends[n_forward(len(counts), True) - 1], None)
            u[back] = u[back, ::-1].copy()
        return u

    def _bent(self, i: int, z: FloatArray, which: IntArray) -> FloatArray:
        """From z to what the whiteners make of points."""
        y = z
        if self.skews is not None and self.tails is not None:
            y = warped(z, self.skews[i][which], self.tails[i][which], np)
        if self.funnels is None or self.curves is None:
            return y
        g, y = seen(z, np), y.copy()
        curved = g**2 - 1.0
        for j in range(1, z.shape[1]):
            wide, bent = (part[i][:, j, :j][which] for part in (self.funnels, self.curves))
            y[:, j] *= np.exp(np.einsum("ni,ni->n", g[:, :j], wide))
            y[:, j] -= np.einsum("ni,ni->n", curved[:, :j], bent)
        return y

    def _moments(self, i: int, kept: IntArray) -> tuple[FloatArray, FloatArray]:
        d = self.means.shape[2]
        z = np.random.default_rng(0).standard_normal((PROBES * d, d))
        z = np.concatenate([z, -z])
        z = np.linalg.solve(np.linalg.cholesky(z.T @ z / len(z)), z.T).T
        points = self.placed(i, np.tile(z, (len(kept), 1)), np.repeat(kept, len(z)))
        points = points.reshape(len(kept), len(z), d)
        means = points.mean(axis=1)
        centred = points - means[:, None]
        covariances = np.matmul(np.swapaxes(centred, 1, 2), centred) / len(z)
        return means, np.linalg.cholesky(covariances)


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
    logits, means, log_scales, skews, tails, *ties = (
        np.concatenate(p) for p in zip(*parts, strict=True)
    )
    lowers, *bends = (_square(tie, means.shape[2]) for tie in ties[: 3 if network.bent else 1])
    whiteners = (np.eye(means.shape[2]) + lowers) * np.exp(-log_scales)[..., None, :]
    log_masses = logits - logsumexp(logits, axis=1, keepdims=True)
    return Mixtures(log_masses, means, whiteners, skews, tails, *bends)


def _square(packed: FloatArray, d: int) -> FloatArray:
    """Strict lower triangles ``(..., P)``, row by row, as matrices ``(..., d, d)``."""
    found = np.zeros((*packed.shape[:-1], d, d))
    found[..., *np.tril_indices(d, -1)] = packed
    return found


@program
def _parameters(network: Conditional, x: Any) -> Any:
    return tuple(jax.vmap(network)(x))
