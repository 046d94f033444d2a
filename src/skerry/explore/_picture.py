"""From draws to what a page paints: dots, curves, contours. Values in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.ndimage import gaussian_filter1d

from skerry import weights
from skerry._types import FloatArray, IntArray
from skerry.explore._raw import Raw
from skerry.explore._refined import Refined
from skerry.plot import letter
from skerry.plot._contours import contours, spread
from skerry.posterior import quantiles
from skerry.priors import Prior

BINS = 120
DECADES = 3.5
SHARP = 0.3  # cells: narrower kernels would change nothing
ENDS = (0.0005, 0.9995)
TIGHT = 0.3  # of the old range: the least a new one may be before the axes move
FEWEST = 25  # effective samples that contours need
NEAR = 0.05  # of the picture: islands closer than that share a text
OUTLINED = 600  # draws that tell contours how thin an island is
Range: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class View:
    """What of it is shown.

    Attributes:
        pair: the parameters across and up; the same twice where there is but one.
        log: whether densities are drawn as logarithms.
        close: whether the axes follow the posterior, rather than show all of the prior.
    """

    pair: tuple[int, int]
    log: bool = False
    close: bool = False


@dataclass(frozen=True)
class Curves:
    """Each island's density along an axis, as closed polygons.

    Attributes:
        places: along the axis, a list for each island.
        heights: the highest of the raw density is 1; on a logarithmic scale, decades above a floor.
        letters: of the islands.
    """

    places: list[FloatArray]
    heights: list[FloatArray]
    letters: list[int]


@dataclass(frozen=True)
class Picture:
    """What the raw posterior looks like.

    Attributes:
        x, y: of the dots, heavy islands first.
        letters: of the dots, as indices.
        ranges: of the two axes.
        top, right: densities of the two parameters.
        texts: (x, y, text): letters beside their islands.
        scales: what a density of height 1 is, for each axis.
    """

    x: FloatArray
    y: FloatArray
    letters: IntArray
    ranges: tuple[Range, Range]
    top: Curves
    right: Curves
    texts: list[tuple[float, float, str]]
    scales: tuple[float, float]


@dataclass(frozen=True)
class Overlay:
    """What the refined posterior looks like on top: contours by island, densities of all."""

    contours: list[tuple[FloatArray, FloatArray, int]]
    top: Curves
    right: Curves


NOTHING = Overlay([], Curves([], [], []), Curves([], [], []))


def prior_ranges(prior: Prior) -> list[Range]:
    """For each parameter what the prior holds: its bounds, or where nearly all of it lies."""
    draws = prior.sample(4000, 0)
    found = []
    for j, (low, high) in enumerate(prior.bounds.tolist()):
        inner = np.quantile(draws[:, j], ENDS)
        found.append(
            (
                low if np.isfinite(low) else float(inner[0]),
                high if np.isfinite(high) else float(inner[1]),
            )
        )
    return found


def telling_pair(raw: Raw) -> tuple[int, int]:
    """The two parameters that tell islands apart best, or the first two of a single island."""
    d, n = raw.theta.shape[1], len(raw.masses)
    if d == 1:
        return 0, 0
    whole = np.var(raw.theta, axis=0)
    within = np.zeros(d)
    for k in range(n):
        mine = raw.theta[raw.labels == k]
        if len(mine):
            within += np.var(mine, axis=0) / n
    parted = np.where(whole > 0, 1.0 - within / np.where(whole > 0, whole, 1.0), 0.0) * (n > 1)
    i, j = sorted(np.argsort(-parted, kind="stable")[:2].tolist())
    return i, j


def close_range(values: FloatArray, shares: FloatArray, before: Range | None) -> Range:
    """A range that shows the posterior; the one before while it still does, so that axes rest."""
    log_shares = np.log(np.maximum(shares, 1e-300))
    low, high = (float(v) for v in quantiles(values, log_shares, ENDS))
    width = (high - low) or max(abs(high), 1.0) * 1e-6
    inside = before is not None and before[0] <= low and high <= before[1]
    if before is not None and inside and width > TIGHT * (before[1] - before[0]):
        return before
    return low - 0.25 * width, high + 0.25 * width


def picture(
    raw: Raw,
    letters: Sequence[int],
    view: View,
    whole: Sequence[Range],
    before: tuple[Range, Range] | None = None,
) -> Picture:
    """The raw posterior as a view shows it.

    Args:
        raw: the posterior.
        letters: of its islands.
        view: what is shown.
        whole: the prior's range of each parameter.
        before: the axes' ranges in the picture before, of the same view.
    """
    i, j = view.pair
    ranges = tuple(
        close_range(raw.theta[:, k], raw.shares, None if before is None else before[axis])
        if view.close
        else whole[k]
        for axis, k in enumerate(view.pair)
    )
    names = np.array(letters)
    rows = raw.dots[np.argsort(raw.labels[raw.dots], kind="stable")]
    curves, scales = [], []
    for axis, k in enumerate(view.pair):
        each = np.stack(
            [
                _counts(raw.theta[mine, k], raw.shares[mine], ranges[axis])
                for mine in (raw.labels == n for n in range(len(letters)))
            ]
        )
        scales.append(float(each.max()) or 1.0)
        heights = _heights(each, scales[-1], view.log)
        curves.append(_closed(heights, ranges[axis], letters))
    return Picture(
        x=raw.theta[rows, i],
        y=raw.theta[rows, j],
        letters=names[raw.labels[rows]],
        ranges=(ranges[0], ranges[1]),
        top=curves[0],
        right=curves[1],
        texts=_texts(raw.places[:, [i, j]], letters, (ranges[0], ranges[1])),
        scales=(scales[0], scales[1]),
    )


def overlay(refined: Refined, view: View, drawn: Picture) -> Overlay:
    """The refined posterior as a view shows it, over the picture of the raw one."""
    p = refined.posterior
    shares = np.exp(p.log_weights)
    lines: list[tuple[FloatArray, FloatArray, int]] = []
    islands = [(name, refined.labels == name) for name in sorted(refined.masses)]
    for name, mine in islands:
        lines += [(x, y, name) for x, y in _outlines(p.samples[mine][:, view.pair], shares[mine])]
    curves = []
    for axis, (k, scale) in enumerate(zip(view.pair, drawn.scales, strict=True)):
        ends = drawn.ranges[axis]
        each = [_counts(p.samples[mine, k], shares[mine], ends) for _, mine in islands]
        heights = _heights(np.sum(each, axis=0, keepdims=True), scale, view.log)
        curves.append(_closed(heights, ends, [0]))  # one line for all: the table parts them
    return Overlay(lines, *curves)


def _counts(values: FloatArray, shares: FloatArray, ends: Range) -> FloatArray:
    """An island's density along an axis, cell by cell: what it holds there, smoothed."""
    cell = (ends[1] - ends[0]) / BINS
    inside = (values >= ends[0]) & (values <= ends[1])
    cells = np.minimum(((values[inside] - ends[0]) / cell).astype(np.int64), BINS - 1)
    counts: FloatArray = np.bincount(cells, shares[inside], BINS).astype(np.float64)
    width = _width(values, shares) / cell
    return np.asarray(gaussian_filter1d(counts, width, mode="reflect")) if width > SHARP else counts


def _heights(counts: FloatArray, scale: float, log: bool) -> FloatArray:
    heights = counts / scale
    if not log:
        return heights
    return np.log10(np.maximum(heights, 10.0**-DECADES)) / DECADES + 1.0


def _closed(heights: FloatArray, ends: Range, letters: Sequence[int]) -> Curves:
    cell = (ends[1] - ends[0]) / BINS
    places = ends[0] + (np.arange(BINS) + 0.5) * cell
    closed = np.concatenate([places[:1], places, places[-1:]])
    outlines = [np.concatenate([[0.0], row, [0.0]]) for row in heights]
    return Curves([closed] * len(outlines), outlines, list(letters))


def _width(values: FloatArray, shares: FloatArray) -> float:
    """A kernel's width by Silverman's rule; 0 for too few points."""
    total = shares.sum()
    if len(values) < 2 or not total > 0:
        return 0.0
    size = total**2 / np.sum(shares**2)
    return float(0.9 * spread(values[:, None], shares / total)[0] * size**-0.2)


def _outlines(points: FloatArray, shares: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Lines around 68 and 95 % of an island's mass; none for too few points."""
    import contourpy

    if not shares.sum() > 0:
        return []
    shares = shares / shares.sum()
    if 1 / np.sum(shares**2) < FEWEST:
        return []
    chosen = weights.systematic_resample(
        np.log(np.maximum(shares, 1e-300)), OUTLINED, np.random.default_rng(0)
    )
    found = contours(points, shares, points[np.unique(chosen)])
    if found is None:
        return []
    lines: Any = contourpy.contour_generator(found.x, found.y, found.density)
    return [(line[:, 0], line[:, 1]) for level in found.levels for line in lines.lines(level)]


def _texts(
    places: FloatArray, letters: Sequence[int], ranges: tuple[Range, Range]
) -> list[tuple[float, float, str]]:
    """Letters at the islands' highest places; neighbours share a text."""
    low = np.array([ends[0] for ends in ranges])
    size = np.array([ends[1] - ends[0] for ends in ranges])
    scaled, left, found = (places - low) / size, list(range(len(places))), []
    while left:
        near = [k for k in left if np.abs(scaled[k] - scaled[left[0]]).max() < NEAR]
        x, y = places[near].mean(axis=0).tolist()
        found.append((x, y, " ".join(letter(k) for k in sorted(letters[n] for n in near))))
        left = [k for k in left if k not in near]
    return found
