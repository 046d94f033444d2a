"""What the estimator alone makes of an observation: draws, islands, masses; in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skerry._seeds import SeedLike, as_seed
from skerry._types import FloatArray, IntArray
from skerry.amortization import Estimator
from skerry.amortization._estimator import features
from skerry.amortization._novelty import MARGIN
from skerry.explore._numbers import one_observation
from skerry.explore._walls import Components, islands

DRAWS = 2000
FEWEST = 64  # draws of a component, and dots of an island, however light
DOTS = 1000
LIGHT = 1e-6  # components with a smaller share are left out


class Source:
    """Random numbers that every picture shares: draws glide as the observation moves.

    Args:
        estimator: for which.
        seed: an int, a numpy Generator or a JAX key.
    """

    def __init__(self, estimator: Estimator, seed: SeedLike = 0) -> None:
        K = int(estimator.settings["n_components"])
        shape = (K, DRAWS + FEWEST, estimator.prior.ndim)
        self.normal = as_seed(seed).child("explore").numpy().standard_normal(shape)


@dataclass(frozen=True, eq=False)
class Raw:
    """The unchecked posterior of one observation.

    Attributes:
        x: the observation.
        theta: draws ``(n, d)``.
        shares: what each stands for, ``(n,)``; they add up to 1.
        labels: the island of each, ``(n,)``; 0 is the heaviest component's.
        dots: the rows to draw as dots: as many as an island's mass deserves, and some more.
        masses: of the islands.
        places: the draw of highest density in each, ``(islands, d)``.
        components: the island of each of the mixture's K components; -1: carries nothing.
        component_shares: their masses ``(K,)``.
        reach: how far out the observation lies, in units of how far out is too far.
        farthest: the number that lies farthest from the median of those trained on, in spreads:
            (its index, how many).
    """

    x: FloatArray
    theta: FloatArray
    shares: FloatArray
    labels: IntArray
    dots: IntArray
    masses: FloatArray
    places: FloatArray
    components: IntArray
    component_shares: FloatArray
    reach: float
    farthest: tuple[int, float]
    _parts: Components

    @property
    def outside(self) -> bool:
        """Whether it lies farther out than anything the estimator was trained on."""
        return self.reach > 1.0

    def label(self, u: FloatArray) -> IntArray:
        """The island whose density is highest at points ``(n, d)`` on u."""
        return _labels(self._parts.terms(u), self.components[self._parts.kept])[0]


def raw(estimator: Estimator, x: Any, source: Source) -> Raw:
    """The picture of an observation.

    Args:
        estimator: a trained one.
        x: the observation.
        source: made once for the estimator.

    Raises:
        InputError: for an observation of another size.
    """
    x = one_observation(estimator, x)
    mixture = estimator.mixtures(x)
    shares = np.exp(mixture.log_masses[0])
    kept = np.flatnonzero(shares > LIGHT)
    parts = Components(mixture, kept)
    found = islands(parts, estimator.prior.periodic)
    u, weights, dots = _drawn(parts, found, source.normal[kept])
    labels, log_density = _labels(parts.terms(u), found)
    components = np.full(len(shares), -1)
    components[kept] = found
    n = int(found.max()) + 1
    masses: FloatArray = np.bincount(labels, weights, n).astype(np.float64)
    tops = [_highest(log_density, labels, k) for k in range(n)]
    theta = estimator.prior.from_u(u)
    seen = features(estimator.network, x[None])
    limit = MARGIN * estimator.familiar.distances[-1]
    away = np.abs(np.ravel(estimator.network.standard.plain(x)))
    return Raw(
        x=x,
        theta=theta,
        shares=weights,
        labels=labels,
        dots=dots,
        masses=masses,
        places=theta[tops],
        components=components,
        component_shares=shares,
        reach=float(estimator.familiar.distance(seen)[0] / limit),
        farthest=(int(np.argmax(away)), float(away.max())),
        _parts=parts,
    )


def _drawn(
    components: Components, found: IntArray, normal: FloatArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Draws component by component, their shares, and which of them become dots."""
    masses = np.exp(components.log_masses)
    masses = masses / masses.sum()
    heavy = np.bincount(found, masses)[found]
    counts = np.ceil(np.maximum(DRAWS * masses, FEWEST)).astype(np.int64)
    shown = np.ceil(np.maximum(DOTS * masses, FEWEST * masses / heavy)).astype(np.int64)
    which = np.repeat(np.arange(len(masses)), counts)
    z = np.concatenate([normal[k, : counts[k]] for k in range(len(masses))])
    starts = np.cumsum(counts) - counts
    dots = [np.arange(s, s + min(m, c)) for s, m, c in zip(starts, shown, counts, strict=True)]
    return components.placed(z, which), np.repeat(masses / counts, counts), np.concatenate(dots)


def _labels(terms: FloatArray, found: IntArray) -> tuple[IntArray, FloatArray]:
    """Of each point the island with the highest density, and the log density of all ``(n,)``."""
    members = found == np.arange(int(found.max()) + 1)[:, None]
    top = np.max(terms, axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    each = members.astype(np.float64) @ np.exp(terms - top)
    with np.errstate(divide="ignore"):
        return np.argmax(each, axis=0), np.log(each.sum(axis=0)) + top


def _highest(log_density: FloatArray, labels: IntArray, k: int) -> int:
    mine = np.flatnonzero(labels == k)
    rows = mine if len(mine) else np.arange(len(labels))
    return int(rows[np.argmax(log_density[rows])])
