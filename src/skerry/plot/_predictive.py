"""Data beside what the model, as fitted, predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.plot._style import ACCENT, FAINT, INK, SMALL, colour, figure, label, letter, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from skerry.diagnostics import Replicas

BARS = 30  # data: up to so many each has a bar of its own, more make a band
FEWEST = 5  # draws of an island that make a median
MOST_ISLANDS = 6
LOW_P, HIGH_P = 0.01, 0.99


def predictive(
    replicas: Replicas, *, at: FloatArray | None = None, names: tuple[str, str] = ("", "")
) -> Figure:
    """A posterior predictive check: the data, replicas of them, each island's prediction.

    Grey holds 95 % of the replicas of each datum (predictions with noise), blue 95 % of the
    predictions without noise. Below, the data's distance from the replicas' median, in halves of
    the range that holds 68 % of them: most lie within 2, and without a trend.

    Args:
        replicas: from :func:`skerry.diagnostics.replicate`.
        at: where the data stand on the horizontal axis, ``(m,)``: times, energies; None: numbered.
        names: of the two axes.

    Raises:
        InputError: if ``at`` doesn't have a place for each datum.
    """
    r = replicas
    places = np.arange(1, len(r.observed) + 1.0) if at is None else np.asarray(at, np.float64)
    if places.shape != r.observed.shape:
        raise InputError(
            f"Expected a place for each of {len(r.observed)} data; got shape {places.shape}."
        )
    order = np.argsort(places, kind="stable")
    places, observed = places[order], r.observed[order]
    predictions = r.predictions[:, order]
    noisy = predictions if r.data is None else r.data[:, order]
    sheet = figure(8.6, 5.0)
    top, bottom = sheet.subplots(2, 1, sharex=True, height_ratios=(2.6, 1))
    for axes in (top, bottom):
        tidy(axes)
    if r.data is not None:
        _spread(top, places, noisy, FAINT, 0.30, "replicas, 95 %")
    _spread(top, places, predictions, ACCENT, 0.35, "predictions, 95 %")
    _islands(top, places, predictions, r.labels)
    style: dict[str, Any] = {"color": INK, "ms": 4.0 if len(places) <= 4 * BARS else 2.0}
    top.plot(places, observed, "o", label="data", zorder=9, **style)
    top.use_sticky_edges = False
    top.legend(
        fontsize=SMALL, labelcolor=INK, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5)
    )
    label(top, y=names[1] or "data", title=_title(r))
    low, middle, high = np.quantile(noisy, [0.16, 0.5, 0.84], axis=0)
    half = np.where(high > low, 0.5 * (high - low), 1.0)
    for level in (-2, 0, 2):
        bottom.axhline(level, color=FAINT, lw=0.8, ls="-" if level == 0 else "--")
    bottom.plot(places, (observed - middle) / half, "o", **style)
    bottom.set_ylim(*_limits((observed - middle) / half))
    label(bottom, x=names[0] or "number of the datum", y="off by")
    if at is None and len(places) <= BARS:
        bottom.set_xticks(places)
    return sheet


def _title(r: Replicas) -> str:
    """How well it fits, in words."""
    if r.data is None:
        return "Predictions only: this noise can't be sampled"
    inside = f"{100 * r.inside(0.95):.0f} % of the data within 95 % of their replicas"
    verdict = "the model fits"
    if r.p_value < LOW_P:
        verdict = "DATA LIE FARTHER OFF than the model allows"
    elif r.p_value > HIGH_P:
        verdict = "DATA LIE CLOSER than the noise model says"
    few = 1.0 / len(r.predictions)
    p = f"p < {few:.2g}" if r.p_value < few else f"p = {r.p_value:.2f}"
    return f"{p}: {verdict}; {inside}"


def _spread(
    axes: Axes, places: FloatArray, values: FloatArray, shade: str, alpha: float, name: str
) -> None:
    """The range that holds 95 % at each place: bars for few, a band for many."""
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    if len(places) > BARS:
        axes.fill_between(places, low, high, color=shade, alpha=alpha, lw=0, label=name)
        return
    gaps = np.diff(places)
    width = 0.5 * float(gaps[gaps > 0].min(initial=np.inf)) if np.any(gaps > 0) else 0.5
    axes.bar(places, high - low, width, bottom=low, color=shade, alpha=alpha, lw=0, label=name)


def _islands(axes: Axes, places: FloatArray, predictions: FloatArray, labels: Any) -> None:
    """The median prediction of each island that has draws enough."""
    for k in range(min(int(labels.max(initial=-1)) + 1, MOST_ISLANDS)):
        mine = labels == k
        if mine.sum() < FEWEST:
            continue
        middle = np.median(predictions[mine], axis=0)
        few = len(places) <= BARS
        axes.plot(
            places,
            middle,
            "_" if few else "-",
            color=colour(k),
            ms=11,
            mew=2.0,
            lw=1.3,
            label=f"island {letter(k)}, median",
            zorder=5 + k,
        )


def _limits(values: FloatArray) -> tuple[float, float]:
    reach = 1.15 * max(3.0, float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0)))
    return -reach, reach
