"""The corner plot, island by island."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from skerry import weights
from skerry._types import FloatArray, IntArray
from skerry.errors import InputError
from skerry.plot._circles import Circle, circles
from skerry.plot._contours import contours, spread
from skerry.plot._style import (
    FAINT,
    INK,
    NORMAL,
    SMALL,
    colour,
    figure,
    label,
    letter,
    mass_text,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from skerry.posterior import Posterior

LIGHT = 0.05  # a mass below which a linear histogram hides an island
SCATTERED = 2000
FEWEST, MOST = 60, 600
HISTOGRAM_BINS = 60
DECADES = 4.5
RINGS = np.linspace(0.06, 0.3, 9)  # where letters may go, in parts of a panel
MANY = 8  # islands that share a text, of which but the first are named
LETTER_ROOM = 0.055
LETTER_SHAPE = np.array([[-0.04, 0.0], [0.0, 0.0], [0.04, 0.0]])


def islands(
    posterior: Posterior,
    *,
    parameters: Sequence[str] | None = None,
    log: bool | None = None,
) -> Figure:
    """Every island's marginals: contours of 68 and 95 % of *its own* mass, and a few of its draws.

    Light islands are drawn over heavy ones, with at least 60 draws each, so that none is too small
    to see; the legend tells the masses. On the diagonal, densities add up to the posterior's.

    Args:
        posterior: the posterior.
        parameters: which, in which order; None: all.
        log: a logarithmic scale on the diagonal; None: if an island holds less than 5 %.

    Raises:
        InputError: for a parameter the posterior doesn't have.
    """
    columns = _columns(posterior, parameters)
    rounds = circles(posterior)
    parts = [_island(posterior, k, rounds) for k in range(len(posterior.modes))]
    limits = [_limits(parts, j, rounds[j]) for j in columns]
    if log is None:
        log = min(mode.mass for mode in posterior.modes) < LIGHT
    d = len(columns)
    side = max(2.1 * d, 3.2) if d <= 6 else 1.7 * d
    sheet = figure(side + (2.6 if d < 3 else 0.4), side + 0.2)
    grid = sheet.subplots(d, d, squeeze=False)
    for row, j in enumerate(columns):
        for column, i in enumerate(columns):
            axes = grid[row, column]
            if column > row:
                axes.axis("off")
                continue
            tidy(axes, left=column != row)
            axes.locator_params(nbins=4)
            axes.set_xlim(*limits[column])
            if column == row:
                _histograms(axes, parts, j, limits[row], log, rounds[j])
            else:
                axes.set_ylim(*limits[row])
                _plane(axes, parts, (i, j), (rounds[i], rounds[j]))
                axes.tick_params(labelleft=column == 0)
            axes.tick_params(labelbottom=row == d - 1)
            if row == d - 1:
                label(axes, x=posterior.names[i])
            if column == 0 and row > 0:
                label(axes, y=posterior.names[j])
    _legend(sheet, posterior, d)
    return sheet


@dataclass(frozen=True)
class _Island:
    """One island's points of some weight, its draws, and its peak."""

    index: int
    mass: float
    points: FloatArray  # unrolled where periodic, as are the draws
    shares: FloatArray  # of the island: they add up to 1
    draws: FloatArray
    peak: FloatArray
    all_round: frozenset[int]  # columns: circles that the island goes all round


def _columns(posterior: Posterior, parameters: Sequence[str] | None) -> list[int]:
    chosen = list(posterior.names) if parameters is None else list(parameters)
    unknown = [name for name in chosen if name not in posterior.names]
    if unknown or not chosen or len(set(chosen)) < len(chosen):
        raise InputError(
            f"Expected parameters among {', '.join(posterior.names)}, each once; got "
            f"{', '.join(map(str, chosen)) or 'none'}."
        )
    return [posterior.names.index(name) for name in chosen]


def _island(posterior: Posterior, k: int, rounds: Sequence[Circle | None]) -> _Island:
    mine = np.flatnonzero(posterior.labels == k)
    log_w = posterior.log_weights[mine]
    mine = mine[log_w > log_w.max() - 12.0]
    log_w = posterior.log_weights[mine]
    n = int(np.clip(round(SCATTERED * posterior.modes[k].mass), FEWEST, MOST))
    chosen = np.unique(weights.systematic_resample(log_w, n, np.random.default_rng(k)))
    points, all_round = posterior.samples[mine].copy(), set()
    for j, circle in enumerate(rounds):
        if circle is not None:
            cut, whole = circle.cut(points[chosen, j])
            points[:, j] = circle.unroll(points[:, j], cut)
            all_round |= {j} if whole else set()
    return _Island(
        index=k,
        mass=posterior.modes[k].mass,
        points=points,
        shares=np.exp(weights.normalize(log_w)),
        draws=points[chosen],
        peak=posterior.modes[k].location,
        all_round=frozenset(all_round),
    )


def _limits(parts: list[_Island], j: int, circle: Circle | None) -> tuple[float, float]:
    """The range of one parameter that shows every island whole; a circle's, if one is cut by it."""
    ends: list[float] = []
    for part in parts:
        order = np.argsort(part.points[:, j])
        places = np.cumsum(part.shares[order])
        low, high = np.interp([0.0002, 0.9998], places, part.points[order, j])
        margin = 0.6 * spread(part.points[:, [j]], part.shares)[0]
        ends += [low - margin, high + margin]
    low, high = min(ends), max(ends)
    if circle is not None and (
        low < circle.low or high > circle.high or any(j in part.all_round for part in parts)
    ):
        return circle.low, circle.high
    pad = 0.03 * (high - low) or 0.5
    return low - pad, high + pad


def _histograms(
    axes: Axes,
    parts: list[_Island],
    j: int,
    limits: tuple[float, float],
    log: bool,
    circle: Circle | None,
) -> None:
    edges = np.linspace(*limits, HISTOGRAM_BINS + 1)
    top = 0.0
    for part in parts:
        values = part.points[:, j] if circle is None else circle.fold(part.points[:, j])
        heights, _ = np.histogram(values, edges, weights=part.shares * part.mass)
        heights = heights / (edges[1] - edges[0])
        top = max(top, float(heights.max()))
        shade = colour(part.index)
        axes.stairs(heights, edges, fill=True, color=shade, alpha=0.22, lw=0, zorder=2 + part.index)
        axes.stairs(heights, edges, color=shade, lw=1.3, zorder=3 + part.index)
    if log:
        axes.set_yscale("log")
        axes.set_ylim(top * 10.0**-DECADES, top * 2)
    else:
        axes.set_ylim(0, top * 1.08)
    axes.set_yticks([])
    axes.minorticks_off()
    axes.text(
        0.02,
        1.0,
        "log density" if log else "density",
        transform=axes.transAxes,
        fontsize=SMALL - 1,
        color=FAINT,
        va="bottom",
    )


def _plane(
    axes: Axes,
    parts: list[_Island],
    columns: tuple[int, int],
    rounds: tuple[Circle | None, Circle | None],
) -> None:
    i, j = columns
    clouds: list[FloatArray] = []
    shifts = [(0.0,) if c is None else (-c.turn, 0.0, c.turn) for c in rounds]
    for part in parts:
        shade, order = colour(part.index), 3 + part.index
        x, y = (
            part.draws[:, column] if circle is None else circle.fold(part.draws[:, column])
            for column, circle in zip(columns, rounds, strict=True)
        )
        clouds.append(np.stack([x, y], axis=1))
        axes.scatter(x, y, s=2.5, color=shade, alpha=0.3, lw=0, zorder=order)
        found = contours(
            part.points[:, [i, j]],
            part.shares,
            part.draws[:, [i, j]],
            (_turn(part, i, rounds[0]), _turn(part, j, rounds[1])),
        )
        if found is None:
            continue
        for dx, dy in itertools.product(*shifts):
            x, y = found.x + dx, found.y + dy
            if not (_meets(x, axes.get_xlim()) and _meets(y, axes.get_ylim())):
                continue
            axes.contour(
                x,
                y,
                found.density,
                levels=found.levels,
                colors=shade,
                linewidths=(0.8, 1.5),
                zorder=order,
            )
    _letters(axes, parts, clouds, i, j)


def _turn(part: _Island, column: int, circle: Circle | None) -> float | None:
    """The period of a circle that the island goes all round."""
    return circle.turn if circle is not None and column in part.all_round else None


def _meets(values: FloatArray, limits: tuple[float, float]) -> bool:
    """Whether a sorted grid reaches into limits."""
    return bool(values[0] < limits[1] and values[-1] > limits[0])


def _letters(axes: Axes, parts: list[_Island], clouds: list[FloatArray], i: int, j: int) -> None:
    """Each island's letter by its peak; islands one behind the other share a text."""
    if len(parts) == 1:
        return
    ends = np.array([axes.get_xlim(), axes.get_ylim()])
    low, size = ends[:, 0], ends[:, 1] - ends[:, 0]
    peaks = (np.array([part.peak[[i, j]] for part in parts]) - low) / size
    taken = (np.concatenate(clouds) - low) / size
    for group in _groups(peaks, 0.07):
        names = [letter(parts[k].index) for k in group]
        lines = ["".join(names[start : start + 4]) for start in range(0, len(names), 4)]
        if len(names) > MANY:
            lines = [" ".join(names[:3]), f"+{len(names) - 3}"]
        place = _free_place(peaks[group].mean(axis=0), taken)
        taken = np.concatenate([taken, place + LETTER_SHAPE])
        axes.text(
            float(place[0]),
            float(place[1]),
            "\n".join(lines),
            transform=axes.transAxes,
            color=colour(parts[group[0]].index) if len(group) == 1 else INK,
            fontsize=SMALL,
            fontweight="bold",
            ha="center",
            va="center",
            zorder=99,
        )


def _free_place(peak: FloatArray, taken: FloatArray) -> FloatArray:
    """The nearest place to a peak with room for a letter, in parts of the panel."""
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    places = (peak + RINGS[:, None, None] * ring).reshape(-1, 2)
    places = places[np.all((places > 0.03) & (places < 0.97), axis=1)]
    room = cKDTree(taken).query(places)[0]
    cost = np.linalg.norm(places - peak, axis=1) + 8 * np.maximum(LETTER_ROOM - room, 0)
    return np.asarray(places[np.argmin(cost)])


def _groups(places: FloatArray, distance: float) -> list[IntArray]:
    """Indices of places closer than a distance to the first of their group."""
    left, groups = list(range(len(places))), []
    while left:
        near = np.linalg.norm(places[left] - places[left[0]], axis=1) < distance
        groups.append(np.array(left)[near])
        left = [k for k, taken in zip(left, near, strict=True) if not taken]
    return groups


def _legend(sheet: Figure, posterior: Posterior, d: int) -> None:
    from matplotlib.lines import Line2D

    modes = posterior.modes
    lines = [Line2D([], [], color=colour(k), lw=3) for k in range(len(modes))]
    texts = [f"{letter(k)}  {mass_text(m.mass, m.mass_error)}" for k, m in enumerate(modes)]
    verdict = posterior.status.name.lower().replace("_", " ")
    count = f"{len(modes)} island{'s' if len(modes) != 1 else ''}"
    found = sheet.legend(
        lines,
        texts,
        title=f"{count}, mass ± error\nstatus: {verdict}",
        loc="upper right" if d > 2 else "outside right upper",
        fontsize=SMALL + 0.5 if d > 2 else SMALL,
        title_fontsize=NORMAL,
        labelcolor=INK,
        frameon=False,
        alignment="left",
        ncols=1 if len(modes) <= 14 else 2,
    )
    found.get_title().set_color(INK)
