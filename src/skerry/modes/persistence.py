r"""Modes by 0-dimensional persistence of superlevel sets (ToMATo; Chazal et al. 2013).

Points are taken from the highest log density down, on a graph of nearest neighbours. A point with
no higher neighbour is born as a peak; where two peaks' basins meet, the lower one dies. A peak's
*prominence* is its height minus the saddle at which it dies (equation :eq:`prominence` of the
method): the wall, in nats, that a walker would
have to cross. Peaks more prominent than a threshold are modes; the rest, noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import ndtr

from skerry import weights
from skerry._seeds import Seed
from skerry._types import BoolArray, FloatArray, IntArray
from skerry.errors import InputError, UnsupportedError
from skerry.modes.tails import in_tails

MAX_POINTS = 20_000
MANY, FEW = 8, 3_000  # dimensions from which on, and points up to which, no tree is built
DEPTH = 60.0  # nats below the highest point: what lies deeper is no island


@dataclass(frozen=True)
class Topology:
    """The modes found among some points, and the evidence for their number.

    Attributes:
        peaks: the highest point of each mode, ``(K, d)`` in u, highest first.
        heights: log density there, ``(K,)``.
        births: heights of all peaks, ``(P,)``: the persistence diagram, most prominent first.
        deaths: their saddles, ``(P,)``; ``-inf`` for peaks that never merge with a higher one.
        threshold: the prominence, in nats, above which a peak is a mode.
        labeller: the mode of each point of an array.
    """

    peaks: FloatArray
    heights: FloatArray
    births: FloatArray
    deaths: FloatArray
    threshold: float
    labeller: Callable[[FloatArray], IntArray] | None = field(repr=False, default=None)

    @property
    def n_modes(self) -> int:
        """K."""
        return len(self.peaks)

    @property
    def prominences(self) -> FloatArray:
        """Births minus deaths, ``(P,)``, descending."""
        return self.births - self.deaths

    def label(self, u: FloatArray) -> IntArray:
        """The mode of each point ``(n, d)``: an index into ``peaks``."""
        if self.n_modes == 1:
            return np.zeros(len(u), np.int64)
        if self.labeller is None:
            raise UnsupportedError("Expected a topology that labels points; a loaded one can't.")
        return self.labeller(u)


@dataclass(frozen=True)
class _NearestPoint:
    """Labels by the nearest point whose mode is known."""

    points: FloatArray  # in the metric's coordinates
    labels: IntArray
    metric: _Metric

    def __call__(self, u: FloatArray) -> IntArray:
        tree = cKDTree(self.points, boxsize=self.metric.box)
        return self.labels[tree.query(self.metric.coordinates(u))[1]]


@dataclass(frozen=True)
class _Metric:
    """Distances between places v = Phi(u), over their spread; circles wrap.

    In v, prior draws are equally dense everywhere, up to the very edges.
    """

    scale: FloatArray
    upper: BoolArray  # measure from the upper end: 1 - v keeps its digits there
    periodic: BoolArray

    @property
    def box(self) -> FloatArray | None:
        return np.where(self.periodic, 1.0 / self.scale, 0.0) if self.periodic.any() else None

    def coordinates(self, u: FloatArray) -> FloatArray:
        places = np.where(self.upper, -ndtr(-u), ndtr(u))
        places[:, self.periodic] = np.minimum(places[:, self.periodic] % 1.0, 1 - 1e-12)
        return np.asarray(places / self.scale)


def find_modes(
    u: FloatArray,
    log_density: FloatArray,
    *,
    seed: Seed,
    threshold: float = 3.0,
    n_modes: int | None = None,
    log_weights: FloatArray | None = None,
    periodic: BoolArray | None = None,
    min_points: int | None = None,
    min_mass: float = 1e-4,
) -> Topology:
    """Count and place the modes of a density known at points.

    Args:
        u: points, ``(n, d)``, however drawn.
        log_density: its log there, ``(n,)``, up to a constant; ``-inf`` where it is zero.
        seed: which of very many points enter the graph.
        threshold: the least prominence of a mode, in nats.
        n_modes: keep just so many, the most prominent, whatever the threshold.
        log_weights: importance weights ``(n,)``, to leave out peaks that carry no mass, or that are
            specks in the thin tail of a higher one.
        periodic: which coordinates lie on a circle, ``(d,)``.
        min_points: the fewest points above its saddle that make a peak a mode; d + 1 by default:
            fewer say no more of an island than that a point is there.
        min_mass: the least share of weight of a mode.

    Raises:
        InputError: if no point has a finite log density.
    """
    u, log_density, log_weights = _distinct(u, log_density, log_weights)
    chosen = _choose(log_density, seed)
    values = log_density[chosen]
    circles = np.zeros(u.shape[1], bool) if periodic is None else periodic
    metric = _metric(u[chosen], values, circles)
    points = metric.coordinates(u[chosen])
    order = np.argsort(-values, kind="stable")
    points, values, places = points[order], values[order], u[chosen][order]
    tree = _merge_tree(values, _neighbours(points, metric.box))
    peaks = np.flatnonzero(tree.basin == np.arange(len(values)))
    prominence = values[peaks] - tree.deaths[peaks]
    ranked = np.lexsort((peaks, -prominence))
    if n_modes is not None:
        kept = peaks[ranked[:n_modes]]
    else:
        least = u.shape[1] + 1 if min_points is None else min_points
        enough = (prominence >= threshold) & (tree.sizes[peaks] >= least)
        enough[0] = True  # the highest point's own peak
        kept = peaks[enough]
        if log_weights is not None:
            log_w = weights.normalize(log_weights[chosen][order])
            labels, modes = _label(tree, kept, points)
            mass = np.bincount(labels, np.exp(log_w), len(modes))
            kept = modes[mass >= min(min_mass, mass.max())]
            labels, modes = _label(tree, kept, points)
            specks = in_tails(modes, labels, places, values, log_w, circles, threshold=threshold)
            kept = modes[~specks]
    labels, modes = _label(tree, kept, points)
    return Topology(
        peaks=places[modes],
        heights=values[modes],
        births=values[peaks[ranked]],
        deaths=tree.deaths[peaks[ranked]],
        threshold=threshold,
        labeller=_NearestPoint(points, labels, metric),
    )


def _distinct(
    u: FloatArray, log_density: FloatArray, log_weights: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Each point once: copies would be their own nearest neighbours, cut off from the rest."""
    if len(np.unique(log_density)) == len(u):
        return u, log_density, log_weights
    _, first, copy_of = np.unique(u, axis=0, return_index=True, return_inverse=True)
    back = np.argsort(first)  # in the order of the points
    summed = None
    if log_weights is not None:
        summed = np.full(len(first), -np.inf)
        np.logaddexp.at(summed, copy_of, log_weights)
        summed = summed[back]
    return u[first[back]], log_density[first[back]], summed


def _choose(log_density: FloatArray, seed: Seed) -> IntArray:
    """All useful points, or of very many as many from each nat of depth: low islands too."""
    finite = np.flatnonzero(np.isfinite(log_density))
    if len(finite) == 0:
        raise InputError(
            "Expected at least one point of non-zero density; got none: every log-likelihood is "
            "-inf. Evaluate more points, or check the prior and the likelihood."
        )
    useful = finite[log_density[finite] > log_density[finite].max() - DEPTH]
    if len(useful) <= MAX_POINTS:
        return useful
    order = seed.numpy().permutation(useful)
    depth = np.floor(log_density[useful].max() - log_density[order]).astype(np.int64)
    by_depth = np.argsort(depth, kind="stable")
    first = np.searchsorted(depth[by_depth], np.arange(depth.max() + 1))
    rank = np.empty(len(order), np.int64)
    rank[by_depth] = np.arange(len(order)) - first[depth[by_depth]]
    return order[np.argsort(rank, kind="stable")[:MAX_POINTS]]


def _metric(u: FloatArray, values: FloatArray, periodic: BoolArray) -> _Metric:
    """The spread of the higher half of the points."""
    top = u[values >= np.median(values)]
    upper = (np.median(top, axis=0) > 0) & ~periodic
    spread = np.std(np.where(upper, -ndtr(-top), ndtr(top)), axis=0)
    spread[periodic] = np.minimum(spread[periodic], 0.3)
    return _Metric(np.where(spread > 0, spread, 1.0), upper, periodic)


def _neighbours(points: FloatArray, box: FloatArray | None) -> tuple[IntArray, IntArray]:
    """The edges (i, j), j < i, of a symmetric nearest-neighbour graph, by i; some come twice."""
    n, d = points.shape
    k = min(n - 1, max(12, 2 * d + 6))
    if k < 1:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    nearest = _nearest(points, box, k + 1)
    one, other = np.repeat(np.arange(n), k + 1), nearest.ravel()
    up, down = other < one, one < other
    i = np.concatenate([one[up], other[down]])
    j = np.concatenate([other[up], one[down]])
    order = np.argsort(i, kind="stable")
    return i[order], j[order]


def _nearest(points: FloatArray, box: FloatArray | None, k: int) -> IntArray:
    """The k nearest points of each, ``(n, k)``, itself among them.

    In many dimensions a tree leaves hardly a point out: then all distances are faster.
    """
    n, d = points.shape
    if box is not None or d < MANY or n > FEW:
        leaf = 16 if d < MANY else 64
        return np.asarray(cKDTree(points, boxsize=box, leafsize=leaf).query(points, k=k)[1])
    centred = points - points.mean(axis=0)
    squares, nearest = np.sum(centred**2, axis=1), np.empty((n, k), np.int64)
    for start in range(0, n, 256):
        rows = slice(start, start + 256)
        away = squares - 2 * centred[rows] @ centred.T
        nearest[rows] = np.argpartition(away, k - 1, axis=1)[:, :k]
    return nearest


class _Tree(NamedTuple):
    """Who merges into whom, all arrays over points in descending order of value."""

    basin: IntArray  # the peak at which steepest ascent ends
    into: IntArray  # of a peak: the one across the saddle where it dies (itself: none)
    deaths: FloatArray  # of a peak: the value at which it does (-inf: never)
    sizes: IntArray  # of a peak: points in its component at its death


def _merge_tree(values: FloatArray, edges: tuple[IntArray, IntArray]) -> _Tree:
    """The merge tree of superlevel sets; points must come in descending order of value.

    Two basins merge at the first edge between them, so that only those edges are walked through.
    The lower peak merges into the basin across the edge, itself of a higher peak or on the way to
    one: not into the highest of all that it is then joined to, which may lie beyond a mode.
    """
    n, (i, j) = len(values), edges
    basin = np.arange(n)
    np.minimum.at(basin, i, j)  # the highest neighbour
    while not np.array_equal(further := basin[basin], basin):
        basin = further
    between = np.flatnonzero(basin[i] != basin[j])
    at, one, other = i[between], basin[i[between]], basin[j[between]]
    pair = np.minimum(one, other) * n + np.maximum(one, other)
    first = np.sort(np.unique(pair, return_index=True)[1])
    into, sizes, deaths = np.arange(n), np.ones(n, np.int64), np.full(n, -np.inf)
    members = {int(mine[0]): [mine] for mine in _groups(basin)}  # of a component, by its peak
    union = {peak: peak for peak in members}

    def find(peak: int) -> int:
        while union[peak] != peak:
            union[peak] = union[union[peak]]
            peak = union[peak]
        return peak

    for point, a, b in zip(*(c[first].tolist() for c in (at, one, other)), strict=True):
        a_top, b_top = find(a), find(b)
        if a_top != b_top:
            top, low = min(a_top, b_top), max(a_top, b_top)
            across = a if a_top == top else b
            union[low], into[low], deaths[low] = top, across, values[point]
            sizes[low] = sum(int(np.searchsorted(mine, point)) for mine in members[low])
            members[top] += members.pop(low)
    for peak, parts in members.items():
        sizes[peak] = sum(map(len, parts))
    return _Tree(basin, into, deaths, sizes)


def _groups(labels: IntArray) -> list[IntArray]:
    """The places of each label, ascending; here a basin's first place is its peak."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def _label(tree: _Tree, kept: IntArray, points: FloatArray) -> tuple[IntArray, IntArray]:
    """Every point's mode, following merges up to a peak that is kept (or to the nearest one)."""
    modes = np.sort(kept)
    index = {int(p): k for k, p in enumerate(modes)}
    label = []
    peaks, place = np.unique(tree.basin, return_inverse=True)
    for peak in peaks.tolist():
        here = peak
        while here not in index and tree.into[here] != here:
            here = int(tree.into[here])
        if here not in index:
            here = int(modes[np.argmin(np.sum((points[modes] - points[here]) ** 2, axis=1))])
        label.append(index[here])
    return np.array(label, np.int64)[place], modes
