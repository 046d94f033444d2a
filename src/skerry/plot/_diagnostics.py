"""How far to trust the weights: effective size, tail, the largest shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skerry import weights
from skerry._types import FloatArray
from skerry.plot._style import ACCENT, FAINT, INK, SMALL, WARNING, figure, label, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from skerry.posterior import Posterior

STEPS = 16
KHAT_LIMIT = 0.7


def diagnostics(posterior: Posterior) -> Figure:
    """Effective sample size and k-hat of growing parts of the points, and all their weights.

    Points enter in a fixed random order. In a healthy run the effective size grows in proportion,
    and k-hat falls below 0.7; steps down of the first are single points that outweigh the rest.
    None of the three sees a mode that no point has visited.
    """
    sheet = figure(10.0, 3.0)
    axes = sheet.subplots(1, 3)
    for each in axes:
        tidy(each)
    parts = np.geomspace(0.01, 1.0, STEPS)
    sizes, tails = _growth(posterior, parts)
    axes[0].plot(parts, posterior.n_effective * parts, color=FAINT, lw=1, label="in proportion")
    axes[0].plot(parts, sizes, color=ACCENT, lw=1.8, marker="o", ms=3, label="found")
    axes[0].set(xscale="log", yscale="log")
    axes[0].legend(fontsize=SMALL, labelcolor=INK, frameon=False)
    count = f"{posterior.n_effective:,.0f} of {posterior.n_calls:,}"
    label(axes[0], x="part of the points", title=f"Effective sample size: {count}")
    axes[1].axhline(KHAT_LIMIT, color=WARNING, lw=1.2, ls="--")
    axes[1].text(
        1.0, KHAT_LIMIT, "limit 0.7 ", color=WARNING, fontsize=SMALL, ha="right", va="bottom"
    )
    axes[1].plot(parts, tails, color=ACCENT, lw=1.8, marker="o", ms=3)
    axes[1].set(xscale="log", xlim=(0.9 * parts[0], 1.1))
    label(axes[1], x="part of the points", title=f"Tail of the weights: k-hat {posterior.khat:.2f}")
    relative = (posterior.log_weights + np.log(posterior.n_effective)) / np.log(10)
    axes[2].hist(relative, bins=np.linspace(-8, max(1.0, relative.max()), 46), color=ACCENT)
    axes[2].set_yscale("log")
    largest = 100 * weights.max_share(posterior.log_weights)
    label(
        axes[2],
        x="log10 (weight x effective size)",
        y="points",
        title=f"Largest weight: {largest:.2g} %",
    )
    return sheet


def _growth(posterior: Posterior, parts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Effective size and k-hat of parts of the points, those of negligible weight included."""
    log_w = posterior.log_weights
    asked = int(posterior.settings.get("n", posterior.n_calls))
    drawn = sum(line.n for line in posterior.rounds) or asked - posterior.n_failed
    left_out = max(drawn - len(log_w), 0)
    shuffled = np.random.default_rng(0).permutation(log_w)
    sizes, tails = np.full(len(parts), np.nan), np.full(len(parts), np.nan)
    for i, part in enumerate(parts):
        some = shuffled[: max(round(part * len(log_w)), 1)]
        filled = np.concatenate([some, np.full(round(part * left_out), log_w.min())])
        sizes[i] = weights.effective_sample_size(some)
        khat = weights.pareto_khat(filled)
        tails[i] = khat if np.isfinite(khat) else np.nan
    return sizes, tails
