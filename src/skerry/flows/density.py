"""A density on u: frames in float64 around a shape in float32, in batches of few sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import logsumexp

from skerry._seeds import SeedLike, as_seed
from skerry._types import BoolArray, FloatArray, IntArray
from skerry.errors import InputError
from skerry.flows.frames import Frames
from skerry.flows.gaussians import Gaussians

if TYPE_CHECKING:
    from skerry.flows.shapes import AbstractShape

CHUNK = 4096
NEGLIGIBLE = 20.0  # nats below the largest term


class Framed(NamedTuple):
    """Points as a shape sees them: coordinates in J frames each, and what to add to each term."""

    y: Any  # (n, J, d) float32
    k: Any  # (n, J) int32, the frames
    offset: Any  # (n, J) float32: log|dy/du|, less `shift`
    shift: FloatArray  # (n,) float64


@dataclass(frozen=True)
class Density:
    """A normalised density q(u) or q(u|x) that can be sampled and evaluated.

    Attributes:
        frames: the islands' places, ``(K, d)``.
        shape: the networks, one of :class:`skerry.flows.Flow`, :class:`skerry.flows.FlowMixture`,
            :class:`skerry.flows.Funnels`; or :class:`skerry.flows.Gaussians`, which has none.
    """

    frames: Frames
    shape: AbstractShape | Gaussians

    @property
    def dim(self) -> int:
        """d, the dimension of a point."""
        return self.frames.dim

    def log_prob(self, u: FloatArray, x: FloatArray | None = None) -> FloatArray:
        """The log density of points ``(n, d)``, ``(n,)``; x is ``(m,)`` or one row a point."""
        u = self._points(u)
        xs = self._contexts(x, len(u))
        found = np.empty(len(u))
        for rows in _chunks(len(u)):
            found[rows] = self._log_prob(u[rows], None if xs is None else xs[rows])
        return found

    def sample(self, n: int, seed: SeedLike, x: FloatArray | None = None) -> FloatArray:
        """``n`` draws ``(n, d)``; x is ``(m,)`` or one row a draw."""
        if n < 0:
            raise InputError(f"Expected n >= 0; got {n}.")
        xs = self._contexts(x, n)
        generator = as_seed(seed).child("flow").numpy()
        drawn = np.empty((n, self.dim))
        for rows in _chunks(n):
            size = rows.stop - rows.start
            noise, uniform = (
                generator.standard_normal((size, self.dim)),
                generator.uniform(size=size),
            )
            y, k = self._draw(noise, uniform, None if xs is None else xs[rows])
            drawn[rows] = self.frames.from_frames(y, k)
        return drawn

    def sample_and_log_prob(
        self, n: int, seed: SeedLike, x: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """``n`` draws and their log densities."""
        u = self.sample(n, seed, x)
        return u, self.log_prob(u, x)

    def frame(self, u: FloatArray, nearest: int | None = None) -> Framed:
        """Points in frame coordinates; ``nearest`` keeps only that many frames a point."""
        y, offset = self.frames.to_frames(u)
        K = self.frames.n_frames
        k = np.broadcast_to(np.arange(K, dtype=np.int32), (len(u), K))
        if nearest is not None and nearest < K:
            score = offset - 0.5 * np.sum(y**2, axis=-1)
            k = np.argpartition(-score, nearest - 1, axis=1)[:, :nearest].astype(np.int32)
            y = np.take_along_axis(y, k[:, :, None].astype(np.intp), 1)
            offset = np.take_along_axis(offset, k.astype(np.intp), 1)
        shift = offset.max(axis=1)
        return Framed(
            np.clip(y, -1e15, 1e15).astype(np.float32),
            k,
            (offset - shift[:, None]).astype(np.float32),
            shift,
        )

    def overlap(self, u: FloatArray, log_weights: FloatArray, nearest: int) -> float:
        """The Gaussian frames' share of density lost by keeping ``nearest`` frames, averaged."""
        if nearest >= self.frames.n_frames:
            return 0.0
        y, offset = self.frames.to_frames(u)
        score = offset - 0.5 * np.sum(y**2, axis=-1)
        ranked = np.sort(score, axis=1)[:, ::-1]
        kept = logsumexp(ranked[:, :nearest], axis=1) - logsumexp(ranked, axis=1)
        return float(np.average(-np.expm1(kept), weights=np.exp(log_weights - log_weights.max())))

    def _draw(self, noise: FloatArray, uniform: FloatArray, xs: Any) -> tuple[FloatArray, IntArray]:
        """Frame coordinates ``(n, d)`` and frames ``(n,)``."""
        if isinstance(self.shape, Gaussians):
            return noise, self.shape.frames_of(uniform)
        from skerry.flows import programs

        n = len(noise)
        padded = _pad(noise.astype(np.float32)).T, _pad(uniform.astype(np.float32))
        y, k = programs.sample(self.shape, *padded, None if xs is None else _pad(xs).T)
        return np.asarray(y, np.float64).T[:n], np.asarray(k)[:n]

    def _log_prob(self, u: FloatArray, xs: Any) -> FloatArray:
        """The sum over frames; those that can't matter are left out."""
        y, offset = self.frames.to_frames(u)
        if not len(u):
            return np.empty(0)
        ceilings = self.shape.ceilings(y)
        if ceilings is None:
            terms = self._terms(y, np.ones(offset.shape, bool), xs) + offset
        elif ceilings.exact:
            terms = ceilings.likely + offset
        else:
            most, first = ceilings.most + offset, np.argmax(ceilings.likely + offset, axis=1)
            chosen = first[:, None] == np.arange(offset.shape[1])
            terms = self._terms(y, chosen, xs) + offset
            others = ~chosen & (most > np.max(terms, axis=1, keepdims=True) - NEGLIGIBLE)
            terms = np.where(others, self._terms(y, others, xs) + offset, terms)
        return np.asarray(logsumexp(terms, axis=1))

    def _terms(self, y: FloatArray, chosen: BoolArray, xs: Any) -> FloatArray:
        """The shape's log terms ``(n, K)`` where they are chosen; -inf elsewhere."""
        from skerry.flows import programs

        assert not isinstance(self.shape, Gaussians)
        i, at = np.nonzero(chosen)
        k = at.astype(np.int32)
        pairs = np.clip(y[i, at], -1e15, 1e15).astype(np.float32)
        found = np.full(chosen.shape, -np.inf)
        for part in _chunks(len(k)):
            x = None if xs is None else _pad(xs[i[part]]).T
            found_here = programs.log_terms(self.shape, _pad(pairs[part]).T, _pad(k[part]), x)
            terms = np.asarray(found_here, np.float64)
            found[i[part], at[part]] = terms[: part.stop - part.start]
        return found

    def _points(self, u: FloatArray) -> FloatArray:
        u = np.asarray(u, np.float64)
        if u.ndim != 2 or u.shape[1] != self.dim:
            raise InputError(f"Expected points of shape (n, {self.dim}); got {u.shape}.")
        return u

    def _contexts(self, x: FloatArray | None, n: int) -> Any:
        m = self.shape.x_dim
        if m == 0:
            if x is not None:
                raise InputError("Expected no x: this density does not depend on one.")
            return None
        if x is None:
            raise InputError(f"Expected an x of shape ({m},) or (n, {m}); got None.")
        xs = np.asarray(x, np.float32)
        if xs.shape == (m,):
            xs = np.broadcast_to(xs, (n, m))
        if xs.shape != (n, m):
            raise InputError(f"Expected an x of shape ({m},) or ({n}, {m}); got {xs.shape}.")
        return xs


def gaussian_mixture(islands: Frames, log_masses: FloatArray) -> Density:
    """A Gaussian in each frame, with the given masses ``(K,)``; nothing to train."""
    log_masses = np.asarray(log_masses, np.float64)
    return Density(islands, Gaussians(log_masses - logsumexp(log_masses)))


def _chunks(n: int) -> list[slice]:
    return [slice(i, min(i + CHUNK, n)) for i in range(0, n, CHUNK)]


def _bucket(n: int) -> int:
    """Sizes are rounded up to a few values, so that few programs are compiled."""
    return next(size for size in (256, CHUNK) if n <= size)


def _pad(rows: Any) -> Any:
    size = _bucket(len(rows))
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])
