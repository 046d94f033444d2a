"""What exports ask of a posterior's prior, where it is known."""

from __future__ import annotations

import re

import numpy as np

from skerry._types import FloatArray
from skerry.errors import UnsupportedError
from skerry.posterior import Posterior
from skerry.priors import Prior

Range = tuple[float | None, float | None, bool]


def prior_of(posterior: Posterior) -> Prior | None:
    """None for a posterior that was loaded without."""
    return None if posterior.flow is None else posterior.flow.prior


def ranges(posterior: Posterior) -> dict[str, Range]:
    """Each parameter's low and high end (None: open or not known), and whether it is a circle."""
    prior = prior_of(posterior)
    if prior is None:
        return dict.fromkeys(posterior.names, (None, None, False))
    ends = [[float(end) if np.isfinite(end) else None for end in pair] for pair in prior.bounds]
    return {
        name: (low, high, bool(circle))
        for name, (low, high), circle in zip(prior.names, ends, prior.periodic, strict=True)
    }


def log_posterior(posterior: Posterior) -> FloatArray | None:
    """Log prior + log L at the samples, ``(n,)``; None where either isn't known."""
    prior = prior_of(posterior)
    if prior is None or np.isnan(posterior.log_likelihood).any():
        return None
    try:
        return np.asarray(posterior.log_likelihood + prior.log_prob(posterior.samples))
    except UnsupportedError:
        return None


def relative_weights(posterior: Posterior) -> FloatArray:
    """Weights with a largest one of 1, ``(n,)``."""
    return np.exp(posterior.log_weights - posterior.log_weights.max())


def plain(names: tuple[str, ...]) -> list[str]:
    """Names that getdist's files can hold: no blanks, and none of the marks it gives a meaning."""
    found: list[str] = []
    for name in names:
        base = re.sub(r"[\s*?]+", "_", name)
        while base in found:
            base += "_"
        found.append(base)
    return found
