"""How training went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skerry.errors import UnsupportedError
from skerry.plot._style import ACCENT, FAINT, INK, SMALL, WARNING, figure, label, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from skerry.posterior import Posterior


def training(posterior: Posterior) -> Figure:
    """Training loss and held-out negative log density by epoch; the epoch kept is marked.

    Raises:
        UnsupportedError: for a posterior without a history: one that was not trained.
    """
    if posterior.training is None:
        raise UnsupportedError(
            "Expected a posterior with its training history; this one has none (islands are not "
            "trained, its weights had collapsed, or it was loaded without its prior)."
        )
    epochs, best = posterior.training.epochs, posterior.training.best
    held_out = np.array([epoch.held_out for epoch in epochs])
    loss = np.array([epoch.loss for epoch in epochs])
    sheet = figure(5.2, 3.2)
    axes = sheet.subplots()
    tidy(axes)
    axes.plot(loss, color=FAINT, lw=1.2, label="trained on")
    axes.plot(held_out, color=ACCENT, lw=1.8, marker="o", ms=3, label="held out")
    axes.plot([best], [held_out[best]], "o", ms=9, mfc="none", mec=WARNING, mew=1.6, label="kept")
    label(axes, x="epoch (0: the start)", y="negative log density, nats")
    axes.legend(fontsize=SMALL, labelcolor=INK, frameon=False)
    few = posterior.training.ess_held_out
    label(axes, title=f"Kept: epoch {best}; {few:,.0f} effective points held out")
    return sheet
