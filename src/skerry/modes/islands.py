r"""A Gaussian for each island: weighted expectation-maximisation in the islands' own frames.

Each mode starts from its own points under tempered weights :math:`w^\beta`, with :math:`\beta` as
large as leaves enough effective points; a Gaussian tempered by :math:`\beta` is
:math:`1/\beta` times as wide, which is undone. The steps of EM then use the true weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from skerry import weights
from skerry._seeds import Seed
from skerry._types import BoolArray, FloatArray, IntArray
from skerry.flows import Frames, frames
from skerry.flows.bends import Bend
from skerry.modes.bending import find_bend, refit_bend

MIN_MASS = 1e-6
NEGLIGIBLE = 1e-4  # of an average point's share: what doesn't shape a bend
SEAM_BINS, SEAM_ROOM = 64, 4  # a circle's bins, and how many to each side of a seam should be empty


@dataclass(frozen=True)
class Islands:
    """A Gaussian mixture whose components are framed islands.

    Attributes:
        frames: means, Cholesky factors, turns of circles.
        log_masses: ``(K,)``, ``logsumexp`` 0.
    """

    frames: Frames
    log_masses: FloatArray

    @property
    def n_islands(self) -> int:
        """K."""
        return len(self.log_masses)


def fit_islands(
    u: FloatArray,
    log_weights: FloatArray,
    labels: IntArray,
    n_islands: int,
    *,
    periodic: BoolArray | None = None,
    one_turn: bool = False,
    steps: int = 20,
) -> Islands:
    """Gaussians for labelled, weighted points, refined by EM.

    Args:
        u: points, ``(n, d)``.
        log_weights: ``(n,)``; zero weights (``-inf``) are left out.
        labels: each point's island, ``(n,)``.
        n_islands: K.
        periodic: which coordinates lie on a circle, ``(d,)``.
        one_turn: turn the circles alike for all islands: for densities with a single frame.
        steps: of EM; 0 for the labelled start alone.
    """
    used = np.flatnonzero(log_weights > np.max(log_weights) - 25)
    u, log_w, labels = u[used], weights.normalize(log_weights[used]), labels[used]
    circles = np.zeros(u.shape[1], bool) if periodic is None else periodic
    turn = _whole_turn(u, log_w, circles) if one_turn else None
    islands = _start(u, log_w, labels, n_islands, circles, turn)
    for _ in range(steps):
        islands = em_step(islands, u, log_w)
    return islands


def random_islands(
    u: FloatArray,
    log_weights: FloatArray,
    n_islands: int,
    seed: Seed,
    *,
    periodic: BoolArray | None = None,
) -> Islands:
    """Components at random points drawn by weight, together as wide as the whole: a naive start."""
    generator, d = seed.numpy(), u.shape[1]
    circles = np.zeros(d, bool) if periodic is None else periodic
    turn = _whole_turn(u, log_weights, circles)
    y = Frames(np.zeros((1, d)), np.eye(d)[None], turn[None], circles).to_frame(u, 0)[0]
    shares = np.exp(weights.normalize(log_weights))
    centre = shares @ y
    covariance = (y - centre).T @ ((y - centre) * shares[:, None])
    chosen = weights.systematic_resample(log_weights, n_islands, generator)
    width = np.repeat(covariance[None] / n_islands ** (2 / d), n_islands, axis=0)
    turns = np.repeat(turn[None], n_islands, axis=0)
    found = frames(y[chosen], width, turns=turns, periodic=circles)
    return Islands(found, np.full(n_islands, -np.log(n_islands)))


def responsibilities(islands: Islands, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each island's log share of the mixture's density at points, ``(n, K)``, and its log."""
    y, log_det = islands.frames.to_frames(u)
    terms = _log_terms(islands, y, log_det)
    total = weights.log_sum_exp(terms, axis=1)
    return terms - total[:, None], total


def _start(
    u: FloatArray,
    log_w: FloatArray,
    labels: IntArray,
    K: int,
    periodic: BoolArray,
    turn: FloatArray | None,
) -> Islands:
    d = u.shape[1]
    whole = np.average(u, axis=0, weights=np.exp(log_w))
    spread = np.maximum(np.average((u - whole) ** 2, axis=0, weights=np.exp(log_w)), 1e-300)
    means, covariances = np.zeros((K, d)), np.zeros((K, d, d))
    turns = np.tile(np.full(d, 0.5) if turn is None else turn, (K, 1))
    masses = np.zeros(K)
    for k in range(K):
        mine = np.flatnonzero(labels == k)
        masses[k] = np.exp(weights.log_sum_exp(log_w[mine])) if len(mine) else 0.0
        if len(mine) == 0:
            means[k], covariances[k] = whole, np.diag(spread)
            continue
        enough = min(5.0 * d + 10.0, 0.7 * len(mine))
        beta = weights.tempering_beta(np.zeros(len(mine)), log_w[mine], enough, low=1e-3)
        shares = np.exp(weights.normalize(beta * log_w[mine]))
        if turn is None:
            turns[k, periodic] = _circular_mean(u[mine][:, periodic], shares)
        unit = Frames(np.zeros((1, d)), np.eye(d)[None], turns[[k]], periodic)
        y = unit.to_frame(u[mine], 0)[0]
        means[k] = shares @ y
        centred = y - means[k]
        covariance = beta * (centred * shares[:, None]).T @ centred
        n = weights.effective_sample_size(beta * log_w[mine])
        prior = np.diag(np.maximum(np.diag(covariance), 1e-6 * spread))
        covariances[k] = (n * covariance + (d + 1) * prior) / (n + d + 1)
    found = frames(means, covariances, turns=turns, periodic=periodic)
    return Islands(found, _log_masses(masses))


def _whole_turn(u: FloatArray, log_w: FloatArray, periodic: BoolArray) -> FloatArray:
    """The turn ``(d,)`` that puts each circle's seam where there is least weight."""
    turn, shares = np.full(u.shape[1], 0.5), np.exp(weights.normalize(log_w))
    for j in np.flatnonzero(periodic):
        counts, _ = np.histogram(ndtr(u[:, j]), bins=SEAM_BINS, range=(0.0, 1.0), weights=shares)
        nearby = sum(np.roll(counts, shift) for shift in range(-SEAM_ROOM, SEAM_ROOM + 1))
        turn[j] = ((np.argmin(nearby) + 0.5) / SEAM_BINS + 0.5) % 1.0
    return turn


def _circular_mean(u: FloatArray, shares: FloatArray) -> FloatArray:
    angles = 2 * np.pi * ndtr(u)
    mean = np.arctan2(shares @ np.sin(angles), shares @ np.cos(angles))
    return (mean / (2 * np.pi)) % 1.0


def em_step(islands: Islands, u: FloatArray, log_w: FloatArray) -> Islands:
    """One step of weighted EM; each covariance is drawn a little to its old value.

    In an island's own coordinates its old mean is 0 and its old covariance the identity. A bent
    island's frame stays, and its bend is refitted.
    """
    old = islands.frames
    y, log_det = old.whiten(u)
    shares, masses, n = _shares(islands, y, log_det, log_w)
    straight = np.array([k for k in range(old.n_frames) if not (old.bends and old.bends[k])], int)
    moved = _moved(old, straight, y, shares, n)
    if not any(old.bends):
        return Islands(moved, _log_masses(masses))
    bends = tuple(
        None if bend is None else _refitted(bend, y[:, k], shares[k], n[k])
        for k, bend in enumerate(old.bends)
    )
    return Islands(replace(moved, bends=bends), _log_masses(masses))


def bend_islands(islands: Islands, u: FloatArray, log_w: FloatArray) -> Islands:
    """A step of weighted EM that frames every component anew and bends it where that pays."""
    old = islands.frames
    y, log_det = old.whiten(u)
    shares, masses, n = _shares(islands, y, log_det, log_w)
    straight = replace(_moved(old, np.arange(old.n_frames), y, shares, n), bends=())
    d = straight.dim
    bends: list[Bend | None] = [None] * islands.n_islands
    for k in np.flatnonzero(n > 4.0 * (d + 2)) if d > 1 else ():
        own = np.flatnonzero(shares[k] > NEGLIGIBLE / n[k])
        framed, _ = straight.take(np.array([k])).whiten(u[own])
        bends[k] = find_bend(framed[:, 0], shares[k, own], n[k], straight.cholesky[k])
    if any(bends):
        straight = replace(straight, bends=tuple(bends))
    return Islands(straight, _log_masses(masses))


def widen(islands: Islands, u: FloatArray, log_w: FloatArray) -> Islands:
    r"""Components as wide as the next point is expected to be: fits of few points are too narrow.

    A covariance estimated from n points predicts with :math:`(n + 1) / (n - d - 2)` times itself,
    twice at most.
    """
    f = islands.frames
    _, _, n = _shares(islands, *f.whiten(u), log_w)
    room = n - f.dim - 2.0
    factor = np.where(room > 0, np.minimum((n + 1) / np.maximum(room, 1e-3), 2.0), 2.0)
    wider = f.cholesky * np.sqrt(factor)[:, None, None]
    if not any(f.bends):
        return replace(islands, frames=replace(f, cholesky=wider))
    bent = np.array([bend is not None for bend in f.bends])
    bends = tuple(
        None if b is None else replace(b, log_scales=b.log_scales + 0.5 * np.log(factor[k]))
        for k, b in enumerate(f.bends)
    )
    wider = np.where(bent[:, None, None], f.cholesky, wider)
    return replace(islands, frames=replace(f, cholesky=wider, bends=bends))


def _refitted(bend: Bend, y: FloatArray, shares: FloatArray, n: float) -> Bend:
    """A bend refitted to points in its frame's whitened coordinates ``(n, d)``."""
    own = np.flatnonzero(shares > NEGLIGIBLE / n)
    return refit_bend(bend, y[own], shares[own], n) if len(own) else bend


def _shares(
    islands: Islands, y: FloatArray, log_det: FloatArray, log_w: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Each component's weights ``(K, n)``, rows that add up to 1; its mass; its effective size.

    ``y`` and ``log_det`` are what :meth:`Frames.whiten` gives.
    """
    log_r = _log_terms(islands, *islands.frames.straighten(y, log_det))
    shares = np.exp(log_w[:, None] + log_r - weights.log_sum_exp(log_r, axis=1)[:, None])
    masses = shares.sum(axis=0)
    n = np.maximum(masses**2 / np.maximum(np.sum(shares**2, axis=0), 1e-300), 1e-3)
    return np.ascontiguousarray((shares / np.maximum(masses, 1e-300)).T), masses, n


def _moved(old: Frames, rows: IntArray, y: FloatArray, shares: FloatArray, n: FloatArray) -> Frames:
    """Some frames with the points' means and covariances, drawn a little to the old."""
    d = old.dim
    y, shares, n = np.ascontiguousarray(y.transpose(1, 0, 2)[rows]), shares[rows], n[rows]
    means = np.matmul(shares[:, None, :], y)[:, 0] * (n / (n + 1.0))[:, None]
    centred = y - means[:, None, :]
    covariances = np.matmul((centred * shares[:, :, None]).transpose(0, 2, 1), centred)
    covariances = (n[:, None, None] * covariances + (d + 1.0) * np.eye(d)) / (
        n[:, None, None] + d + 1.0
    )
    moved, factors = old.means.copy(), old.cholesky.copy()
    moved[rows] += np.matmul(old.cholesky[rows], means[:, :, None])[:, :, 0]
    factors[rows] = np.matmul(old.cholesky[rows], np.linalg.cholesky(covariances))
    return replace(old, means=moved, cholesky=factors)


def _log_terms(islands: Islands, y: FloatArray, log_det: FloatArray) -> FloatArray:
    """``log(mass_k N_k(u))`` from frame coordinates, ``(n, K)``."""
    constant = 0.5 * y.shape[-1] * np.log(2 * np.pi)
    return np.asarray(islands.log_masses + log_det - 0.5 * np.sum(y**2, axis=-1) - constant)


def _log_masses(masses: FloatArray) -> FloatArray:
    floored = np.maximum(masses, MIN_MASS)
    return np.asarray(np.log(floored / floored.sum()))
