"""How training went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from skerry.errors import UnsupportedError
from skerry.plot._style import ACCENT, FAINT, INK, SMALL, WARNING, figure, label, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from skerry.posterior import Posterior

Estimator: TypeAlias = Any  # a skerry.Estimator, of a layer above


def training(found: Posterior | Estimator) -> Figure:
    """Training loss and held-out negative log density by epoch; the epoch kept is marked.

    Args:
        found: a posterior whose flow was trained, or an estimator.

    Raises:
        UnsupportedError: for a posterior without a history: one that was not trained.
    """
    both: Any = found
    amortised = hasattr(both, "epochs")
    history = both if amortised else both.training
    if history is None:
        raise UnsupportedError(
            "Expected a posterior with its training history; this one has none (islands are not "
            "trained, its weights had collapsed, or it was loaded without its prior)."
        )
    first = 1 if amortised else 0  # an estimator's history has no line for the start
    epochs, best = history.epochs, history.best
    numbers = np.arange(first, first + len(epochs))
    held_out = np.array([epoch.held_out for epoch in epochs])
    loss = np.array([epoch.loss for epoch in epochs])
    sheet = figure(5.2, 3.2)
    axes = sheet.subplots()
    tidy(axes)
    axes.plot(numbers, loss, color=FAINT, lw=1.2, label="trained on")
    axes.plot(numbers, held_out, color=ACCENT, lw=1.8, marker="o", ms=3, label="held out")
    axes.plot(
        [numbers[best]], [held_out[best]], "o", ms=9, mfc="none", mec=WARNING, mew=1.6, label="kept"
    )
    label(axes, x="epoch" if amortised else "epoch (0: the start)", y="negative log density, nats")
    axes.legend(fontsize=SMALL, labelcolor=INK, frameon=False)
    few = "" if amortised else f"; {history.ess_held_out:,.0f} effective points held out"
    label(axes, title=f"Kept: epoch {numbers[best]}{few}")
    return sheet
