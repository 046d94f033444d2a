r"""Modes from islands: which Gaussian components are one island, judged by the walls between them.

After exploring, every island is covered by one component or a chain of them. Components are nodes,
as high as the best point in them; between neighbours the log density is evaluated along a way
from one best point to the other, at first straight, then led over the best points near its dips,
and the lowest value met is the pass between them: the wall found is never lower than the
real one. The merge tree over these edges, the highest first,
is the persistence diagram: a handful of likelihood calls buys walls that were looked at, where a
graph of samples would leap over the gap that nobody visits. What then stands alone, and no hunt
has climbed to, is climbed from: the tail of a curved island leads back to it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.modes.islands import Islands, responsibilities
from skerry.modes.lockstep import Search, in_step
from skerry.modes.persistence import Topology
from skerry.modes.splitting import take

LogDensity: TypeAlias = Callable[[FloatArray], FloatArray]
Climb: TypeAlias = Callable[[FloatArray], FloatArray | None]
STEPS = 4  # looks on each leg of a way
DETOURS = 4
GAIN = 0.5  # what a detour must leave of a wall, or less, for another to be worth its calls
HOPELESS = 20.0  # nats below both ends: no detour over a point so low is worth its calls
NEIGHBOURS = 6
FAR = 20.0  # standard deviations: what lies farther apart is not looked between


def modes_of_islands(
    islands: Islands,
    u: FloatArray,
    log_density: FloatArray,
    evaluate: LogDensity,
    *,
    threshold: float = 3.0,
    n_modes: int | None = None,
    climb: Climb | None = None,
    few_batches: bool = False,
) -> Topology:
    """Merge components into modes.

    Args:
        islands: the components.
        u: evaluated points, ``(n, d)``.
        log_density: theirs, ``(n,)``, up to a constant.
        evaluate: the log density at further points, same constant.
        threshold: the least prominence of a mode, in nats.
        n_modes: keep just so many, the most prominent.
        climb: where a climb from a place ``(d,)`` ends; None if it gets nowhere.
        few_batches: look at all walls at the same time, a few points more in a few batches.
    """
    log_r, _ = responsibilities(islands, u)
    values = np.where(np.isfinite(log_density), log_density, -np.inf)
    own = np.argmax(log_r, axis=1)
    has = np.array([k for k in range(islands.n_islands) if np.any(values[own == k] > -np.inf)])
    islands, log_r = take(islands, has), log_r[:, has]
    own = np.argmax(log_r, axis=1)
    best = np.array([_argmax(values, own == k) for k in range(len(has))])
    order = np.argsort(-values[best], kind="stable")
    islands, log_r, best = take(islands, order), log_r[:, order], best[order]
    low = np.inf if n_modes is not None else max(HOPELESS, 2 * threshold)  # ranks need the walls
    into, deaths = _merge(islands, u, values, best, evaluate, few_batches, low)
    heights = values[best]
    if climb is not None:
        for k in np.flatnonzero(heights - deaths >= threshold)[:0:-1]:
            end = climb(u[best[k]])
            over = k if end is None else int(_owner(islands, end[None])[0])
            if k not in _chain(into, over):
                into[k], deaths[k] = over, heights[k]
    return _topology(islands, u[best], heights, into, deaths, threshold, n_modes)


def _owner(islands: Islands, u: FloatArray) -> IntArray:
    return np.asarray(np.argmax(responsibilities(islands, u)[0], axis=1))


def _chain(into: IntArray, k: int) -> list[int]:
    """A node and all that it merges into, one after the other."""
    chain = [int(k)]
    while into[chain[-1]] != chain[-1]:
        chain.append(int(into[chain[-1]]))
    return chain


def _argmax(values: FloatArray, mask: FloatArray) -> int:
    rows = np.flatnonzero(mask)
    return int(rows[np.argmax(values[rows])])


def _merge(
    islands: Islands,
    u: FloatArray,
    values: FloatArray,
    best: IntArray,
    evaluate: LogDensity,
    few_batches: bool,
    hopeless: float,
) -> tuple[IntArray, FloatArray]:
    """What each node (highest first) merges into, and at which value: Kruskal on looked-at edges.

    It merges into the node across the pass, a step towards the highest of those already joined:
    where two modes' pass is higher than a node in the flank of one of them, it still is that one's.

    Edges enter with the most they can be worth, are looked at only when their turn comes, and go
    back with what they are worth.
    """
    n = len(best)
    heights = values[best]
    queue: list[tuple[float, float, int, int, bool]] = []
    away = _distances(islands)
    for i in range(n):
        near = np.argsort(away[i], kind="stable")[: NEIGHBOURS + 1].tolist()
        for rank, j in enumerate([j for j in near if j != i]):
            if rank == 0 or away[i, j] < FAR:
                a, b = min(i, j), max(i, j)
                queue.append((-min(heights[a], heights[b]), away[i, j], a, b, False))
    heapq.heapify(queue)
    pairs = list(dict.fromkeys((a, b) for _, _, a, b, _ in queue)) if few_batches else []
    walls = in_step([_wall(islands, u, values, best, a, b, hopeless) for a, b in pairs], evaluate)
    found = dict(zip(pairs, walls, strict=True))
    union, into, deaths = np.arange(n), np.arange(n), np.full(n, -np.inf)

    def find(i: int) -> int:
        while union[i] != i:
            i = union[i]
        return int(i)

    while queue:
        cost, distance, a, b, looked = heapq.heappop(queue)
        top, low = sorted((find(a), find(b)))
        if top == low:
            continue
        if not looked:
            if (a, b) not in found:
                wall = _wall(islands, u, values, best, a, b, hopeless)
                found[a, b] = in_step([wall], evaluate)[0]
            heapq.heappush(queue, (-found[a, b], distance, a, b, True))
            continue
        if cost < np.inf:
            union[low], into[low], deaths[low] = top, (a if find(a) == top else b), -cost
    return into, deaths


def _distances(islands: Islands) -> FloatArray:
    """How many standard deviations apart components are, ``(K, K)``, by the wider of the two."""
    f = islands.frames
    peaks = f.from_frames(np.zeros((f.n_frames, f.dim)), np.arange(f.n_frames))
    y, _ = f.to_frames(peaks)
    distance = np.sqrt(np.sum(y**2, axis=-1))
    return np.minimum(distance, distance.T)


def _wall(
    islands: Islands,
    u: FloatArray,
    values: FloatArray,
    best: IntArray,
    a: int,
    b: int,
    hopeless: float,
) -> Search[float]:
    """The lowest log density on the best way found between two components' best points.

    It starts straight; the leg with the deepest dip is led over the best evaluated point half-way
    along it, and so on; not where even that point is hopelessly low.
    """
    ceiling = min(values[best[a]], values[best[b]])
    y, _ = islands.frames.to_frame(u, a)
    way = [int(best[a]), int(best[b])]
    lows = yield from _legs(islands, a, y[way])
    found = -np.inf
    for _ in range(DETOURS):
        last, found = found, max(found, min(ceiling, *lows))
        if ceiling - found > GAIN * (ceiling - last):
            break
        worst = int(np.argmin(lows))
        here, there = way[worst], way[worst + 1]
        leg = y[there] - y[here]
        along = (y - y[here]) @ leg / (leg @ leg)
        aside = np.sum((y - y[here] - along[:, None] * leg) ** 2, axis=1)
        higher = values > max(lows[worst], ceiling - hopeless)
        rows = np.flatnonzero((np.abs(along - 0.5) < 0.15) & (aside < leg @ leg) & higher)
        if found >= ceiling - 0.5 or len(rows) == 0:
            break
        over = int(rows[np.argmax(values[rows])])
        way.insert(worst + 1, over)
        lows[worst : worst + 1] = yield from _legs(islands, a, y[[here, over, there]])
    return max(found, min(ceiling, *lows))


def _legs(islands: Islands, k: int, way: FloatArray) -> Search[list[float]]:
    """The lowest log density on each leg of a way, given in frame k (circles: the short way)."""
    share = (np.arange(1, STEPS + 1) / (STEPS + 1))[:, None]
    y = np.concatenate([a + share * (b - a) for a, b in itertools.pairwise(way)])
    between = yield islands.frames.from_frames(y, np.full(len(y), k))
    values = np.where(np.isnan(between), -np.inf, between)
    return [float(low) for low in values.reshape(-1, STEPS).min(axis=1)]


def _topology(
    islands: Islands,
    peaks: FloatArray,
    heights: FloatArray,
    into: IntArray,
    deaths: FloatArray,
    threshold: float,
    n_modes: int | None,
) -> Topology:
    prominence = heights - deaths
    ranked = np.argsort(-prominence, kind="stable")
    kept = ranked[:n_modes] if n_modes is not None else np.flatnonzero(prominence >= threshold)
    modes = np.sort(kept)
    index = {int(k): i for i, k in enumerate(modes)}
    mode_of = np.zeros(len(heights), np.int64)
    for k in range(len(heights)):
        here = k
        while here not in index and into[here] != here:
            here = int(into[here])
        mode_of[k] = index.get(here, 0)

    def label(points: FloatArray) -> IntArray:
        return mode_of[np.argmax(responsibilities(islands, points)[0], axis=1)]

    return Topology(
        peaks=peaks[modes],
        heights=heights[modes],
        births=heights[ranked],
        deaths=deaths[ranked],
        threshold=threshold,
        labeller=label,
    )
