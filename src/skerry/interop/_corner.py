"""corner.py: the picture everybody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skerry.posterior import Posterior

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 0.999  # of each parameter's mass: samples of next to no weight lie far out


def to_corner(posterior: Posterior, **options: Any) -> Figure:
    """The weighted samples drawn by corner.py; ``skerry.plot.islands`` shows each island.

    Args:
        posterior: the posterior.
        options: of ``corner.corner``, in place of these: labels the names, quantiles 16, 50 and
            84 %, ranges that hold 99.9 % of each parameter.

    Returns:
        the figure.
    """
    import corner

    settings: dict[str, Any] = {
        "labels": list(posterior.names),
        "quantiles": [0.16, 0.5, 0.84],
        "range": [SHOWN] * posterior.ndim,
        "show_titles": True,
    }
    shares = np.exp(posterior.log_weights)
    return corner.corner(posterior.samples, weights=shares, **{**settings, **options})
