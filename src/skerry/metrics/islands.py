"""Whether all modes are there, with their masses, and nothing between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skerry._types import FloatArray, IntArray
from skerry.errors import InputError
from skerry.metrics._arrays import as_values, normalised


def mode_masses(
    labels: npt.ArrayLike, n_modes: int, log_weights: npt.ArrayLike | None = None
) -> FloatArray:
    """The share of the (weighted) points in each mode, (K,), from labels (n,) in 0..K-1."""
    found = _as_labels(labels, n_modes)
    weights = normalised(log_weights, found.size, "log_weights")
    return np.bincount(found, weights=weights, minlength=n_modes).astype(np.float64)


def mode_mass_errors(
    labels: npt.ArrayLike, n_modes: int, log_weights: npt.ArrayLike | None = None
) -> FloatArray:
    """Standard errors (K,) of :func:`mode_masses` for independent points.

    For mode k with mass m: sqrt(sum_i w_i^2 ([i in k] - m)^2), w normalised.
    """
    found = _as_labels(labels, n_modes)
    weights = normalised(log_weights, found.size, "log_weights")
    masses = np.bincount(found, weights=weights, minlength=n_modes)
    inside = np.bincount(found, weights=weights**2, minlength=n_modes)
    outside = np.sum(weights**2) - inside
    return np.sqrt(inside * (1.0 - masses) ** 2 + outside * masses**2)


def mode_recall(
    masses_true: npt.ArrayLike, masses_found: npt.ArrayLike, tolerance: float = 0.5
) -> float:
    """The share of the K true modes that were found.

    A mode is found if its mass falls short by no more than the relative ``tolerance``:
    found >= (1 - tolerance) true. With the default a mode must have half of its mass.
    """
    true = as_values(masses_true, "masses_true")
    found = as_values(masses_found, "masses_found", true.size)
    if not 0.0 <= tolerance < 1.0:
        raise InputError(f"Expected a tolerance from 0 to below 1; got {tolerance:g}.")
    return float(np.mean((found >= (1.0 - tolerance) * true) & (found > 0.0)))


def bridge_mass(
    log_p_at_q: npt.ArrayLike,
    log_level: float,
    floor: float = 0.001,
    log_weights: npt.ArrayLike | None = None,
) -> float:
    """Mass that q puts where the target p has next to none: bridges and haloes.

    ``log_p_at_q`` (n,) are exact target log densities at draws of q. The target's highest-density
    region {log p >= log_level} holds all but ``floor`` of p; the result is
    Q(log p < log_level) - floor: 0 for a perfect q, at most 1 - floor, slightly negative when q
    is too narrow or by chance (equation :eq:`bridge-mass` of the method). A q that loses a mode can
    have none: report recall beside it.
    """
    logs = as_values(log_p_at_q, "log_p_at_q")
    weights = normalised(log_weights, logs.size, "log_weights")
    return float(weights[logs < log_level].sum() - floor)


def effective_sample_share(log_weights: npt.ArrayLike) -> float:
    """Kish's effective sample size over n: (sum w)^2 / (n sum w^2), from 1/n to 1.

    It is 0 if all weights vanish. Blind to modes that no point has visited.
    """
    logs = as_values(log_weights, "log_weights")
    if logs.max() == -np.inf:
        return 0.0
    weights = normalised(logs, logs.size, "log_weights")
    return float(1.0 / (logs.size * np.sum(weights**2)))


def _as_labels(labels: npt.ArrayLike, n_modes: int) -> IntArray:
    found = np.asarray(labels)
    if found.ndim != 1 or found.size == 0 or not np.issubdtype(found.dtype, np.integer):
        raise InputError(
            f"Expected labels (n,) of integers; got {found.dtype} of shape {found.shape}."
        )
    if found.min() < 0 or found.max() >= n_modes:
        raise InputError(
            f"Expected labels from 0 to {n_modes - 1}; got from {found.min()} to {found.max()}."
        )
    return found.astype(np.int64)
