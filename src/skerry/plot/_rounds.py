"""How an adaptive run went, round by round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skerry._types import IntArray
from skerry.errors import UnsupportedError
from skerry.plot._style import ACCENT, FAINT, INK, PALETTE, SMALL, WARNING, figure, label, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from skerry.posterior import Posterior, Round

KHAT_LIMIT, KHAT_SHOWN = 0.7, 2.0
MARKS = {"prior": ("s", FAINT), "explore": ("o", ACCENT), "final": ("D", PALETTE[1])}
SETTLED = 3  # rounds at the end that the axis of log Z shows whole


def rounds(posterior: Posterior) -> Figure:
    """Seven quantities by round: calls, effective samples, share, k-hat, beta, Gaussians, log Z.

    Calls are split into draws, which carry weight, and looks (hunts, climbs, walls), which don't.
    The share is the effective share of a round's own draws: near 1 when the proposal is the
    posterior. Estimates beyond an axis are arrows at its edge; the band is the final
    estimate, of the final rounds' draws alone, with one and two standard errors.

    Raises:
        UnsupportedError: for a posterior without rounds: of a table, or of the static scheme.
    """
    if not posterior.rounds:
        raise UnsupportedError(
            "Expected a posterior of adaptive rounds; this one has none (a table and the static "
            "scheme have none); use skerry.plot.diagnostics."
        )
    from matplotlib.ticker import MaxNLocator

    sheet = figure(11.0, 5.2)
    grid = sheet.add_gridspec(2, 4)
    panels = [sheet.add_subplot(grid[0, k]) for k in range(4)]
    panels += [sheet.add_subplot(grid[1, k]) for k in range(2)]
    panels.append(sheet.add_subplot(grid[1, 2:]))
    lines = posterior.rounds
    for axes in panels:
        tidy(axes)
        axes.set_xlim(-0.6, len(lines) - 0.4)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    _calls(panels[0], posterior)
    _draw(panels[1], lines, [line.n_effective for line in lines])
    panels[1].set_yscale("log")
    label(panels[1], title="Effective samples, in all")
    _draw(panels[2], lines, [line.share for line in lines])
    panels[2].set_ylim(0, 1.02)
    label(panels[2], title="Share of the round's draws")
    _draw(panels[3], lines, [line.khat for line in lines], (-np.inf, KHAT_SHOWN))
    panels[3].set_ylim(top=max(1.0, panels[3].get_ylim()[1]))
    panels[3].axhline(KHAT_LIMIT, color=WARNING, lw=1.2, ls="--", zorder=1)
    panels[3].annotate(
        "limit 0.7",
        (1.0, KHAT_LIMIT),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        color=WARNING,
        fontsize=SMALL,
        ha="right",
        va="bottom",
    )
    label(panels[3], title="Tail of all weights, k-hat")
    _draw(panels[4], lines, [line.beta for line in lines])
    panels[4].set_ylim(0, 1.05)
    label(panels[4], x="round", title="Inverse temperature, beta")
    _draw(panels[5], lines, [line.n_islands for line in lines])
    panels[5].set_ylim(0, None)
    n = len(posterior.modes)
    label(panels[5], x="round", title=f"Gaussians that cover {n} mode{'s' if n != 1 else ''}")
    _evidence(panels[6], posterior)
    return sheet


class _Marks(NamedTuple):
    at: IntArray
    shape: str
    shade: str


def _marks(lines: tuple[Round, ...]) -> dict[str, _Marks]:
    """The rounds of each kind that there is, and how they are drawn."""
    kinds = np.array([line.kind for line in lines])
    return {k: _Marks(np.flatnonzero(kinds == k), *MARKS[k]) for k in MARKS if np.any(kinds == k)}


def _draw(
    axes: Axes,
    lines: tuple[Round, ...],
    values: Sequence[float],
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> None:
    """Marks by round, joined; arrows at the edge for values beyond the limits."""
    heights = np.array(values, np.float64)
    inside = np.isfinite(heights) & (heights >= limits[0]) & (heights <= limits[1])
    axes.plot(np.where(inside, heights, np.nan), color=FAINT, lw=1, zorder=2)
    for kind, mark in _marks(lines).items():
        here = mark.at[inside[mark.at]]
        axes.plot(here, heights[here], mark.shape, color=mark.shade, ms=5, zorder=3, label=kind)
        for k in mark.at[~inside[mark.at]]:
            if np.isnan(heights[k]):
                continue
            above = heights[k] > limits[1]
            axes.plot(
                [k],
                [0.96 if above else 0.04],
                "^" if above else "v",
                color=mark.shade,
                ms=6,
                transform=axes.get_xaxis_transform(),
                zorder=3,
            )


def _calls(axes: Axes, posterior: Posterior) -> None:
    """Bars: draws, and on them the looks since the round before; at the end the last looks."""
    lines = posterior.rounds
    drawn = np.array([line.n for line in lines], np.float64)
    total = np.diff([0, *(line.n_calls for line in lines)])
    looks = np.append(np.maximum(total - drawn, 0), posterior.n_calls - lines[-1].n_calls)
    for mark in _marks(lines).values():
        axes.bar(mark.at, drawn[mark.at], color=mark.shade, width=0.75)
    axes.bar(
        np.arange(len(looks)),
        looks,
        bottom=np.append(drawn, 0),
        width=0.75,
        fc="white",
        ec=INK,
        hatch="////",
        lw=0.6,
        label="looks",
    )
    axes.set_xlim(-0.6, len(lines) + 0.4)
    axes.xaxis.set_major_formatter(lambda at, _: "end" if at == len(lines) else f"{at:g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.legend(fontsize=SMALL, labelcolor=INK, frameon=False, loc="upper left")
    axes.set_ylim(0, 1.18 * float(np.max(np.append(drawn, 0) + looks)))
    label(axes, title=f"Calls: {posterior.n_calls:,}")


def _evidence(axes: Axes, posterior: Posterior) -> None:
    """Estimates by round, over the band of the last; the axis is that of the settled ones."""
    lines = posterior.rounds
    found, error = posterior.log_evidence, posterior.log_evidence_error
    values = [line.log_evidence for line in lines]
    late = np.abs(np.array(values[-SETTLED:]) - found)
    reach = 1.25 * max(4 * error, float(np.max(late[np.isfinite(late)], initial=0.0)), 1e-6)
    for width in (2, 1):
        axes.axhspan(
            found - width * error, found + width * error, color=PALETTE[1], alpha=0.16, lw=0
        )
    axes.axhline(found, color=PALETTE[1], lw=1)
    _draw(axes, lines, values, (found - reach, found + reach))
    axes.set_ylim(found - reach, found + reach)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.legend(
        fontsize=SMALL, labelcolor=INK, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5)
    )
    label(axes, x="round", title=f"Log evidence: {found:.3f} ± {error:.3f}")
