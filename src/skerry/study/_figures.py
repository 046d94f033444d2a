"""The study's figures, with matplotlib's Figure alone: nothing global is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skerry._saving import whole
from skerry._types import FloatArray
from skerry.study._pictures import axes, describe
from skerry.study._plan import ISLANDS, SHOWN, SPLINE, Variant
from skerry.study._records import EXACT, Row
from skerry.tasks import get

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEPTH = 12.0  # nats below the top, where the colour scale of log densities ends
LINES = (*SHOWN, ISLANDS, SPLINE[5])
COLOURS = ("#b2182b", "#ef8a62", "#4393c3", "#053061", "#1b7837", "#888888")
MARKERS = ("o", "s", "^", "D", "P", "v")
SHOWN_MEASURES = {
    "forward_kl": ("forward KL (nats)", 1e-3),
    "bridge_mass": ("bridge mass (≥ 0.0003 shown)", 3e-4),
    "mass_error": ("largest mode-mass error", 1e-3),
    "sliced_w2": ("sliced W2", 1e-3),
}


def density_figure(target: str, pictures: Mapping[str, FloatArray], rows: Sequence[Row]) -> Figure:
    """The exact target and each density beside it; below, their logs on one scale.

    A thin line bounds the target's 99.9% highest-density region: what lies outside is bridge.

    Args:
        target: the task's name.
        pictures: log densities by variant key, and the target's own as ``"exact"``.
        rows: of the runs that the pictures come from.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    task = get(target)
    x, y = axes(task)
    shown = [v for v in SHOWN if v.key in pictures]
    panels = [pictures["exact"], *(pictures[v.key] for v in shown)]
    titles = ["exact target\n", *(_title(v, rows) for v in shown)]
    figure = Figure(figsize=(2.5 * len(panels) + 0.9, 5.6), layout="constrained")
    grid = figure.subplots(2, len(panels), sharex=True, sharey=True, squeeze=False)
    top = float(panels[0].max())
    extent = (x[0], x[-1], y[0], y[-1])
    for column, (log_q, title) in enumerate(zip(panels, titles, strict=True)):
        upper, lower = grid[:, column]
        scale = {"origin": "lower", "extent": extent, "aspect": "auto", "cmap": "magma"}
        linear = upper.imshow(np.exp(log_q - top), norm=PowerNorm(0.4, 0, 1), **scale)
        logs = lower.imshow(np.maximum(log_q - top, -DEPTH), vmin=-DEPTH, vmax=0, **scale)
        lower.contour(
            x, y, panels[0], [task.hdr_level], colors="w", linewidths=0.6, linestyles="solid"
        )
        upper.set_title(title, fontsize=9)
        lower.set_xlabel(describe(task)[0])
    for row, label in enumerate(("density", "log density")):
        grid[row, 0].set_ylabel(f"{label}\n{describe(task)[1]}")
    figure.colorbar(linear, ax=grid[0].tolist(), label="density / target's top", pad=0.01)
    figure.colorbar(logs, ax=grid[1].tolist(), label="nats below target's top", pad=0.01)
    where = describe(task)[2]
    size = f"{rows[0].size:,} effective samples" if rows else ""
    place = f", slice at {where}" if where else ""
    figure.suptitle(f"{target}{place}: {size}. White line: the target's 99.9% region", fontsize=11)
    return figure


def decline_figure(rows: Sequence[Row]) -> Figure:
    """How each measure grows as the effective sample size falls: medians, least to greatest.

    A dashed line is the median for two exact samples: what no density can beat. Values below a
    floor (the lower edge) are drawn on it.
    """
    from matplotlib.figure import Figure

    targets = list(dict.fromkeys(r.target for r in rows))
    figure = Figure(
        figsize=(3.1 * len(SHOWN_MEASURES), 2.3 * len(targets) + 0.7), layout="constrained"
    )
    grid = figure.subplots(len(targets), len(SHOWN_MEASURES), sharex=True, squeeze=False)
    for i, target in enumerate(targets):
        mine = [r for r in rows if r.target == target]
        for j, (name, (label, floor)) in enumerate(SHOWN_MEASURES.items()):
            _decline(grid[i, j], mine, name, floor)
            if i == 0:
                grid[i, j].set_title(label, fontsize=10)
            if i == len(targets) - 1:
                grid[i, j].set_xlabel("effective samples")
        grid[i, 0].set_ylabel(target)
    known: dict[str, Any] = {}
    for ax in grid.flat:
        handles, labels = ax.get_legend_handles_labels()
        known |= dict(zip(labels, handles, strict=True))
    figure.legend(
        known.values(), known.keys(), loc="outside upper center", ncols=len(known), fontsize=8
    )
    return figure


def _decline(ax: Any, rows: Sequence[Row], name: str, floor: float) -> None:
    """One measure of one target."""
    from matplotlib.ticker import LogLocator

    sizes = sorted({r.size for r in rows})
    for n, (variant, colour, marker) in enumerate(zip(LINES, COLOURS, MARKERS, strict=True)):
        found = [_values(rows, variant.label, variant.kind, s, name) for s in sizes]
        if not all(len(v) for v in found):
            continue
        middle, low, high = (
            np.maximum([f(v) for v in found], floor) for f in (np.median, np.min, np.max)
        )
        at = np.array(sizes) * 1.05 ** (n - 2)
        label = ", ".join(part for part in (variant.label, variant.kind) if part != "none")
        ax.plot(at, middle, color=colour, marker=marker, ms=4, lw=1.3, label=label)
        ax.vlines(at, low, high, color=colour, lw=1, alpha=0.7)
    exact = np.median([v for s in sizes for v in _values(rows, EXACT, "none", s, name)])
    if exact > floor:
        ax.axhline(exact, color="0.6", lw=1, ls="--", zorder=0, label="two exact samples")
    ax.set(xscale="log", yscale="log")
    ax.set_ylim(bottom=max(ax.get_ylim()[0], 0.8 * floor))
    ax.set_xticks(sizes, [f"{s:,}" for s in sizes])
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.tick_params(labelsize=8)


def _values(rows: Sequence[Row], label: str, kind: str, size: int, name: str) -> FloatArray:
    same = [r for r in rows if (r.variant, r.kind, r.size) == (label, kind, size)]
    values = np.array([getattr(r, name) for r in same], np.float64)
    return values[np.isfinite(values)]


def _title(variant: Variant, rows: Sequence[Row]) -> str:
    name = f"{variant.label}, {variant.kind}"
    for row in rows:
        if (row.variant, row.kind) == (variant.label, variant.kind):
            return f"{name}\nbridge {max(row.bridge_mass, 0):.3f}, KL {row.forward_kl:.3f}"
    return name


def save(figure: Figure, path: Path) -> Path:
    """The figure as a PNG file."""
    with whole(path) as part:
        figure.savefig(part, format="png", dpi=150, metadata={"Software": None})
    return path
