r"""Short random walks towards what the islands have not explained.

A climb only ever ends on a peak. A stretch of a curved island that no draw has met, a broad slope
beside one, or a lobe beside the saddle between two has no peak of its own; but a walk that starts
on the island, or half-way between two peaks, gets there. Walks are Metropolis' (1953), not for the
posterior p but for :math:`p \cdot p / g`, with g the islands as fitted: what makes weights vary
draws them on (equation :eq:`walk` of the method). Where one meets far more density than g expects,
a component is put: the next round draws from it and weighs it. Points of walks enter no weight.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skerry import weights
from skerry._types import BoolArray, FloatArray, IntArray
from skerry.inference._proposal import Proposal
from skerry.inference._state import Repair, State, Target
from skerry.modes import Islands
from skerry.modes.peaks import Chart
from skerry.modes.splitting import join
from skerry.posterior import log_normal

WALKERS, MOST_WALKERS = 4, 60  # for each component, and in all
BETWEEN, PAIRS = 2, 12  # besides: for each pair of neighbouring peaks, and pairs at most
SOON, STEPS = 15, 25  # of a walk: enough where one met a surprise, and at most
NEAR = {8: 1.0, SOON: 2.0}  # nats that one must have met after so many steps, or all end
STRIDE = 1.7  # over the square root of d, in a component's widths
SURPRISE = 4.0  # nats above what the islands expect
NARROW = 0.6  # a new component beside the one that a walk came from
REACH = 2.0  # widths about a new component where no other is put
IDLE = (0.5, 1.1)  # of the effective draws expected, and of the share: beyond, a repair did much
MOST_NEW = 8
SHARES = (np.log(0.01), np.log(0.1))  # of a new component, at least and at most
REPAIRS, ROUNDS = 3, 4  # finds that lead to more exploring, at most; rounds that each is worth


class Steps(NamedTuple):
    """Every step tried, m in all.

    Attributes:
        u: where it led, ``(m, d)``.
        y: the same in the coordinates of the walker's component.
        k: that component, ``(m,)``.
        log_density: the log posterior there, up to log Z.
        surprise: how far that is above what the islands expect; -inf where the walker didn't go.
    """

    u: FloatArray
    y: FloatArray
    k: IntArray
    log_density: FloatArray
    surprise: FloatArray


def explain(state: State, target: Target, rng: np.random.Generator) -> tuple[Islands | None, State]:
    """The islands with a component wherever walks met what they don't explain, or None.

    There are none to be expected, and no walk is made, where every island is one component or what
    walks met last changed nothing.
    """
    K = state.islands.n_islands
    n = min(WALKERS * K, MOST_WALKERS)
    dear = (n + BETWEEN * PAIRS) * (STEPS + 1) > target.max_calls - state.n_calls
    if len(state.repairs) >= REPAIRS or len(state.peaks) >= K or dear or _idle(state):
        return None, state
    between = _between(state.peaks, target.periodic, rng)
    steps = _walk(state, target, n, between, rng)
    state = replace(state, n_calls=state.n_calls + len(between) + len(steps.k))
    chosen = _apart(state.islands, steps)
    if len(chosen) == 0:
        return None, state
    frames = state.islands.frames.beside(steps.y[chosen], steps.k[chosen], NARROW)
    log_widths = np.sum(np.log(np.diagonal(frames.cholesky, axis1=1, axis2=2)), axis=1)
    log_mass = steps.log_density[chosen] + log_widths + 0.5 * frames.dim * np.log(2 * np.pi)
    log_share = np.clip(log_mass - state.history[-1].log_evidence, *SHARES)
    share = min(float(np.exp(weights.log_sum_exp(log_share))), 0.5)
    new = Islands(frames, log_share - weights.log_sum_exp(log_share))
    repairs = (*state.repairs, Repair(len(state.u), state.history[-1]))
    return join(state.islands, new, share), replace(state, repairs=repairs)


def most_rounds(state: State, target: Target) -> int:
    """Exploring rounds at most: what walks find late takes some more to be covered."""
    return target.settings.max_rounds + ROUNDS * len(state.repairs)


def _idle(state: State) -> bool:
    """Whether the last repair changed nothing: neither more nor less effective draws than before.

    What is met for the first time brings large weights, and effective draws get fewer.
    """
    if not state.repairs:
        return False
    n_before, before = state.repairs[-1]
    now = state.history[-1]
    expected = before.share * (len(state.u) - n_before)
    as_expected = now.n_effective - before.n_effective > IDLE[0] * expected
    return as_expected and now.share < IDLE[1] * before.share


def _between(peaks: FloatArray, periodic: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Half-way between peaks and their two nearest: a few pairs, some walkers for each."""
    chart, K = Chart(periodic), len(peaks)
    if K < 2:
        return np.empty((0, len(periodic)))
    w = chart.of(peaks)
    away = np.linalg.norm(chart.away(w[:, None], w), axis=-1) + np.diag(np.full(K, np.inf))
    nearest = np.argsort(away, axis=1)[:, : min(2, K - 1)]
    pairs = np.unique([(min(i, j), max(i, j)) for i in range(K) for j in nearest[i]], axis=0)
    i, j = rng.permutation(pairs)[:PAIRS].T
    return chart.to_u(np.repeat(w[i] + 0.5 * chart.away(w[j], w[i]), BETWEEN, axis=0))


def _walk(
    state: State, target: Target, n: int, between: FloatArray, rng: np.random.Generator
) -> Steps:
    """Walks from n draws by weight, and from the points between peaks.

    Each goes in the widths of the component that its start most likely belongs to.
    """
    frames = state.islands.frames
    g, log_z = Proposal(state.islands), state.history[-1].log_evidence
    rows = weights.systematic_resample(state.log_weights, n, rng)
    at_walls = np.empty(0)
    if len(between):
        at_walls = target.log_likelihood(between) + log_normal(between)
    u = np.concatenate([state.u[rows], between])
    height = np.concatenate([state.log_density[rows], at_walls])
    y, log_det = frames.to_frames(u)
    k = np.argmax(state.islands.log_masses + log_det - 0.5 * np.sum(y**2, axis=-1), axis=1)
    n = len(u)
    at, above = y[np.arange(n), k], height - g.log_prob(u) - log_z
    stride = STRIDE / np.sqrt(frames.dim)
    tried, most = [], -np.inf
    for step in range(SOON if target.settings.few_batches else STEPS):
        if (most >= SURPRISE and step >= SOON) or most < NEAR.get(step, -np.inf):
            break
        there = at + stride * rng.standard_normal(at.shape)
        u = frames.from_frames(there, k)
        log_density = target.log_likelihood(u) + log_normal(u)
        surprise = log_density - g.log_prob(u) - log_z
        rise = log_density - height + surprise - above
        goes = np.log(rng.uniform(size=n)) < rise  # not where it failed: NaN
        tried.append((u, there, k, log_density, np.where(goes, surprise, -np.inf)))
        most = max(most, float(np.max(tried[-1][-1])))
        at = np.where(goes[:, None], there, at)
        height, above = np.where(goes, log_density, height), np.where(goes, surprise, above)
    return Steps(*(np.concatenate(parts) for parts in zip(*tried, strict=True)))


def _apart(islands: Islands, steps: Steps) -> IntArray:
    """The most surprising steps, out of each other's reach."""
    chosen: list[int] = []
    for i in np.argsort(-steps.surprise, kind="stable"):
        if steps.surprise[i] < SURPRISE or len(chosen) == MOST_NEW:
            break
        if chosen:
            near = islands.frames.beside(steps.y[chosen], steps.k[chosen], NARROW)
            away, _ = near.to_frames(steps.u[[i]])
            if np.min(np.sum(away**2, axis=-1)) < REACH**2:
                continue
        chosen.append(int(i))
    return np.array(chosen, int)
