r"""Gaussians by the handful: islands that are not Gaussian become a few overlapping ones.

A component is split in two along its longest axis where two explain its own points better than
one, by the Bayesian information criterion with the effective number of points for n, each bent as
it asks to be (:mod:`skerry.modes.bending`). Splits repeat until none pays; EM over the whole
mixture follows each generation. A banana is one component, a ring or a helix as many as it takes,
without a network.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skerry import weights
from skerry._types import FloatArray, IntArray
from skerry.flows.frames import stack
from skerry.modes.islands import Islands, bend_islands, em_step, responsibilities, widen

GENERATIONS = 7
LOCAL_STEPS, BENT_STEPS = 12, 4
NEGLIGIBLE = 1e-4  # the share of the weight whose points don't shape the islands


def grow_islands(
    islands: Islands,
    u: FloatArray,
    log_weights: FloatArray,
    *,
    max_islands: int = 120,
    steps: int = 8,
) -> Islands:
    """Split components while that pays, refining all by EM.

    Args:
        islands: the start, for example one Gaussian a mode.
        u: points, ``(n, d)``.
        log_weights: ``(n,)``.
        max_islands: components at most.
        steps: of EM after each generation of splits.
    """
    used = _heaviest(log_weights)
    u, log_w = u[used], weights.normalize(log_weights[used])
    for _ in range(steps):
        islands = em_step(islands, u, log_w)
    islands = bend_islands(islands, u, log_w)
    settled: set[bytes] = set()
    for _ in range(GENERATIONS):
        grown = _generation(islands, u, log_w, max_islands, settled)
        if grown.n_islands == islands.n_islands:
            break
        islands = grown
        for _ in range(steps):
            islands = em_step(islands, u, log_w)
        islands = bend_islands(prune(islands), u, log_w)
    for _ in range(steps):
        islands = em_step(islands, u, log_w)
    return widen(islands, u, log_w)


def _heaviest(log_weights: FloatArray) -> IntArray:
    """The points that together hold all but a negligible share of the weight, in their order."""
    order = np.argsort(-log_weights, kind="stable")
    held = np.cumsum(np.exp(weights.normalize(log_weights)[order]))
    return np.sort(order[: int(np.searchsorted(held, 1.0 - NEGLIGIBLE)) + 1])


def prune(islands: Islands, min_mass: float = 1e-5) -> Islands:
    """Leave out components that carry next to nothing."""
    keep = islands.log_masses > np.log(min_mass)
    keep[np.argmax(islands.log_masses)] = True
    return take(islands, np.flatnonzero(keep))


def take(islands: Islands, rows: IntArray) -> Islands:
    """Some of the components, their masses made to add up to one."""
    log_masses = islands.log_masses[rows]
    return Islands(islands.frames.take(rows), log_masses - weights.log_sum_exp(log_masses))


def join(first: Islands, second: Islands, share: float = 0.5) -> Islands:
    """Both mixtures' components, the second's with ``share`` of the mass."""
    log_masses = [first.log_masses + np.log1p(-share), second.log_masses + np.log(share)]
    return Islands(stack([first.frames, second.frames]), np.concatenate(log_masses))


def _generation(
    islands: Islands, u: FloatArray, log_w: FloatArray, max_islands: int, settled: set[bytes]
) -> Islands:
    """Every component that is better as two, split; the others as they are."""
    log_r, _ = responsibilities(islands, u)
    d = u.shape[1]
    parts, log_masses = [], []
    room = max_islands - islands.n_islands
    for k in np.argsort(-islands.log_masses):
        whole = take(islands, np.array([k]))
        name = whole.frames.means.tobytes()
        log_share = log_w + log_r[:, k]
        own = np.flatnonzero(log_r[:, k] > np.log(0.05))
        n = weights.effective_sample_size(log_share[own]) if len(own) else 0.0
        pair = None
        if room > 0 and name not in settled and n > 4.0 * (d + 2):
            pair = _better_as_two(whole, u[own], weights.normalize(log_share[own]), n)
        if pair is None:
            settled.add(name)
        room -= pair is not None
        parts.append(pair or whole)
        log_masses.append(islands.log_masses[k] + parts[-1].log_masses)
    return Islands(stack([part.frames for part in parts]), np.concatenate(log_masses))


def _better_as_two(
    whole: Islands, u: FloatArray, log_w: FloatArray, n_effective: float
) -> Islands | None:
    """The component as a pair, if the information criterion prefers that."""
    whole = em_step(whole, u, log_w)
    shares, d = np.exp(log_w), u.shape[1]
    single = float(shares @ responsibilities(whole, u)[1])
    parameters = 1 + d + d * (d + 1) / 2
    penalty = 0.5 * parameters * np.log(n_effective)
    best, best_gain = None, 0.0
    for axis in range(min(d, 2)):
        pair = _halves(whole, axis)
        for _ in range(LOCAL_STEPS):
            pair = em_step(pair, u, log_w)
        pair = bend_islands(pair, u, log_w)
        for _ in range(BENT_STEPS):
            pair = em_step(pair, u, log_w)
        gain = n_effective * (float(shares @ responsibilities(pair, u)[1]) - single) - penalty
        if gain > best_gain and pair.log_masses.min() > np.log(0.02):
            best, best_gain = pair, gain
    return best


def _halves(whole: Islands, axis: int) -> Islands:
    """Two components side by side along the axis-th longest principal axis."""
    f = whole.frames
    covariance = f.cholesky[0] @ f.cholesky[0].T
    scale = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    direction = scale * vectors[:, -1 - axis] * np.sqrt(values[-1 - axis])
    half = covariance - 0.6 * np.outer(direction, direction)
    factor = np.linalg.cholesky(half + 1e-9 * np.diag(np.diag(covariance)))
    frames = replace(
        f,
        means=np.stack([f.means[0] - 0.75 * direction, f.means[0] + 0.75 * direction]),
        cholesky=np.stack([factor, factor]),
        turns=np.repeat(f.turns, 2, axis=0),
        bends=(),
    )
    return Islands(frames, np.full(2, np.log(0.5)))
