"""The evidence for the number of modes: peaks by prominence, the threshold, the gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skerry.errors import UnsupportedError
from skerry.plot._style import ACCENT, FAINT, INK, SMALL, WARNING, figure, label, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from skerry._types import BoolArray, FloatArray
    from skerry.modes import Topology
    from skerry.posterior import Posterior

NOISE_BARS = 8
FLOOR = 0.05  # nats: the left end of the axis


def persistence(found: Posterior | Topology) -> Figure:
    """Peaks by prominence, in nats, most prominent first.

    A peak's prominence is the wall around it. Modes stand clear of the noise if there is a gap
    around the threshold; where prominences fall off smoothly, the count is a matter of taste.

    Raises:
        UnsupportedError: for a posterior without a topology.
    """
    both: Any = found
    topology: Topology | None = getattr(found, "topology", both)
    if topology is None:
        raise UnsupportedError("Expected a posterior with its topology; this one has none.")
    kept = np.isin(topology.births, topology.heights)
    last = int(np.flatnonzero(kept)[-1])
    shown = slice(0, min(len(kept), max(last + 1 + NOISE_BARS, 10)))
    prominences, kept = topology.prominences[shown], kept[shown]
    finite = prominences[np.isfinite(prominences)]
    end = 3.0 * max(topology.threshold, float(finite.max(initial=1.0)))
    sheet = figure(6.4, 1.4 + 0.2 * max(len(kept), 6))
    axes = sheet.subplots()
    tidy(axes)
    rows = np.arange(len(kept))
    lengths = np.maximum(np.where(np.isfinite(prominences), prominences, end), FLOOR)
    aside = ~kept & (prominences >= topology.threshold)
    for chosen, colour, text in (
        (kept, ACCENT, "mode"),
        (aside, WARNING, "too few points, or too little mass"),
        (~kept & ~aside, FAINT, "noise"),
    ):
        if chosen.any():
            bars = lengths[chosen] - FLOOR
            axes.barh(rows[chosen], bars, left=FLOOR, height=0.7, color=colour, label=text)
    _values(axes, prominences, end)
    axes.axvline(topology.threshold, color=INK, lw=1.2, ls="--")
    axes.annotate(
        f"threshold {topology.threshold:g} nats",
        (topology.threshold, len(kept) - 0.1),
        xytext=(4, 0),
        textcoords="offset points",
        fontsize=SMALL,
        color=INK,
        va="center",
    )
    gap = _gap(prominences, kept)
    if gap is not None and gap[0] < gap[1]:
        axes.axvspan(gap[0], min(gap[1], end), color=ACCENT, alpha=0.1, lw=0, zorder=0, label="gap")
    axes.set(xscale="log", xlim=(FLOOR, end), ylim=(len(kept) + 0.35, -0.8), yticks=rows)
    axes.set_yticklabels([str(row + 1) for row in rows])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    label(axes, x="prominence, nats", y="peak", title=_title(topology, prominences, kept))
    axes.legend(
        fontsize=SMALL, labelcolor=INK, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5)
    )
    return sheet


def _values(axes: Axes, prominences: FloatArray, end: float) -> None:
    """The number at the end of each bar."""
    for row, value in enumerate(prominences.tolist()):
        inside = not np.isfinite(value)
        text = "the highest" if row == 0 else "joins no other"
        axes.annotate(
            text if inside else f"{value:.1f}",
            (end if inside else max(value, FLOOR), row),
            xytext=(-4 if inside else 3, 0),
            textcoords="offset points",
            fontsize=SMALL,
            va="center",
            ha="right" if inside else "left",
            color="white" if inside else INK,
            bbox=None if inside else {"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.6},
        )


def _gap(prominences: FloatArray, kept: BoolArray) -> tuple[float, float] | None:
    """The highest prominence left out and the lowest kept; None where nothing was left out."""
    if kept.all():
        return None
    return float(prominences[~kept].max()), float(prominences[kept].min())


def _title(topology: Topology, prominences: FloatArray, kept: BoolArray) -> str:
    """The count, and the gap on either side of it."""
    count = f"{topology.n_modes} mode{'s' if topology.n_modes != 1 else ''}"
    gap = _gap(prominences, kept)
    if gap is None:
        return count
    if gap[0] >= gap[1]:
        return f"{count}; no gap: a peak that was not kept has {gap[0]:.1f} nats"
    if np.isinf(gap[1]):
        return f"{count}; nothing else above {gap[0]:.1f} nats"
    return f"{count}; nothing between {gap[0]:.1f} and {gap[1]:.1f} nats"
