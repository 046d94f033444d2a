"""Islands of a mixture, by the walls between its components."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.amortization._mixtures import Mixtures
from skerry.posterior import log_normal
from skerry.weights import log_sum_exp

STONES = 11  # points between two components at which a wall is looked for
EDGE = 2e-3  # of a turn: how near to the seam a circle is looked at


class Components:
    """Some components of one observation's mixture on u.

    Args:
        mixture: of the first observation.
        kept: which of its components, ``(K,)``.
    """

    def __init__(self, mixture: Mixtures, kept: IntArray) -> None:
        self._mixture, self.kept = mixture, kept
        self.log_masses = mixture.log_masses[0, kept]

    @property
    def dim(self) -> int:
        """D."""
        return int(self._mixture.means.shape[2])

    def terms(self, u: FloatArray) -> FloatArray:
        """Each component's share of the log density at points ``(n, d)``: ``(K, n)``."""
        z, log_det = self._mixture.latent(0, u)
        z, log_det = z[self.kept], log_det[self.kept]
        constant = 0.5 * self.dim * np.log(2 * np.pi)
        squares = np.einsum("knd,knd->kn", z, z)
        return np.asarray(self.log_masses[:, None] + log_det - 0.5 * squares - constant)

    def placed(self, z: FloatArray, which: IntArray) -> FloatArray:
        """Points ``(n, d)`` that have the coordinates z ``(n, d)`` in components ``(n,)``."""
        return self._mixture.placed(0, z, self.kept[which])


def islands(
    components: Components, periodic: BoolArray, *, threshold: float = 3.0, min_mass: float = 1e-4
) -> IntArray:
    """The island of each component, ``(K,)``; the heaviest is 0.

    Components are one island unless a wall parts them: one stays apart if its middle stands more
    than the threshold, in nats, above the highest pass to a higher one; passes are looked for on
    straight lines, and over other components. As for points (ToMATo), circles are crossed the
    short way.

    Args:
        components: of the mixture.
        periodic: which coordinates lie on circles ``(d,)``.
        threshold: the wall that makes an island.
        min_mass: lighter islands join the one with the highest pass.
    """
    heights, passes = _heights_and_passes(components, periodic)
    K = len(heights)
    i, j = np.triu_indices(K, 1)
    order = np.argsort(-passes, kind="stable")
    edges = list(zip(i[order].tolist(), j[order].tolist(), passes[order].tolist(), strict=True))
    root = list(range(K))

    def find(k: int) -> int:
        while root[k] != k:
            k = root[k]
        return k

    for a, b, level in edges:
        low, high = sorted((find(a), find(b)), key=lambda k: heights[k])
        if low != high and heights[low] - level < threshold:
            root[low] = high
    masses = np.exp(components.log_masses)
    while True:
        tops = np.array([find(k) for k in range(K)])
        total = np.bincount(tops, masses, K)
        light = [t for t in np.unique(tops).tolist() if total[t] < min_mass]
        across = [
            (find(a), find(b))
            for a, b, _ in edges
            if find(a) != find(b) and (find(a) in light or find(b) in light)
        ]
        if not across:
            break
        low, high = sorted(across[0], key=lambda t: total[t])
        root[low] = high
    ranked = sorted(np.unique(tops).tolist(), key=lambda t: -total[t])
    return np.array([ranked.index(t) for t in tops.tolist()])


def _heights_and_passes(
    components: Components, periodic: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """The log density at each middle, and the pass between each two components.

    Between two of them are two straight lines: from middle to middle, and between the nearest of
    the points one deviation away from them, for components may be long and bent.
    """
    K, d = len(components.kept), components.dim
    i, j = np.triu_indices(K, 1)
    offsets = np.concatenate([np.zeros((1, d)), np.eye(d), -np.eye(d)])
    z, which = np.tile(offsets, (K, 1)), np.repeat(np.arange(K), len(offsets))
    places = components.placed(z, which)
    places[:, periodic] = np.clip(ndtr(places[:, periodic]), EDGE, 1 - EDGE)
    places = places.reshape(K, len(offsets), d)
    gaps = _short(places[j][:, None] - places[i][:, :, None], periodic)  # (pairs, of i, of j, d)
    nearest = np.argmin(np.sum(gaps**2, axis=3).reshape(len(i), len(offsets) ** 2), axis=1)
    pairs, (a, b) = np.arange(len(i)), np.divmod(nearest, len(offsets))
    starts = np.concatenate([places[i, 0], places[i, a]])
    whole = np.concatenate([gaps[:, 0, 0], gaps[pairs, a, b]])
    steps = np.linspace(0, 1, STONES)[:, None, None]
    lines = starts + steps * whole
    stones = np.concatenate([places[:, 0], lines.reshape(-1, d)])
    stones[:, periodic] = ndtri(np.clip(stones[:, periodic] % 1.0, EDGE, 1 - EDGE))
    values = log_sum_exp(components.terms(stones), axis=0) - log_normal(stones[:, periodic])
    heights = values[:K]
    lowest = values[K:].reshape(STONES, 2, len(i)).min(axis=0).max(axis=0)
    return heights, np.minimum(lowest, np.minimum(heights[i], heights[j]))


def _short(gaps: FloatArray, periodic: BoolArray) -> FloatArray:
    """Gaps on circles the short way round."""
    gaps[..., periodic] = (gaps[..., periodic] + 0.5) % 1.0 - 0.5
    return gaps
