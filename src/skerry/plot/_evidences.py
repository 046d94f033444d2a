"""Models compared by their evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import softmax

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.plot._style import ACCENT, FAINT, INK, SMALL, WARNING, figure, label, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from skerry.posterior import Posterior

Found: TypeAlias = "Posterior | tuple[float, float]"
DRAWS = 4000


def evidences(models: Mapping[str, Found]) -> Figure:
    r"""Log evidences of models of the same data, best first, and their probabilities.

    Differences to the best are log Bayes factors; bars reach two standard errors. The
    probabilities are those under equal prior odds, :math:`P_k = Z_k / \sum_j Z_j` (equation
    :eq:`odds` of the method), with the range that the errors of log Z leave (68 %). A hollow mark
    is a run that has not converged.

    Args:
        models: posteriors by name, or (log evidence, its error).

    Raises:
        InputError: for fewer than two models, or evidences that are not known.
    """
    if len(models) < 2:
        raise InputError(f"Expected at least two models to compare; got {len(models)}.")
    read = {name: _read(name, found) for name, found in models.items()}
    names = sorted(read, key=lambda name: -read[name][0])
    levels = np.array([read[name][0] for name in names])
    errors = np.array([read[name][1] for name in names])
    shares, low, high = _probabilities(levels, errors)
    sheet = figure(8.2, 1.3 + 0.42 * len(names))
    axes = sheet.subplots()
    tidy(axes)
    axes.axvline(0.0, color=FAINT, lw=0.8)
    for row, name in enumerate(names):
        sure = read[name][2]
        axes.errorbar(
            levels[row] - levels[0],
            row,
            xerr=2 * errors[row],
            fmt="o",
            ms=6,
            color=ACCENT if sure else WARNING,
            mfc=ACCENT if sure else "white",
            capsize=3,
            lw=1.4,
        )
        text = f"{_percent(shares[row])}  ({_percent(low[row])} to {_percent(high[row])})"
        if not sure:
            text += "  not converged"
        axes.annotate(
            text,
            (1.02, row),
            xycoords=("axes fraction", "data"),
            fontsize=SMALL,
            color=INK if sure else WARNING,
            va="center",
            annotation_clip=False,
        )
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(
        range(len(names)), [name if len(name) < 40 else name[:37] + "..." for name in names]
    )
    axes.annotate(
        "probability",
        (1.02, -0.75),
        xycoords=("axes fraction", "data"),
        fontsize=SMALL,
        color=FAINT,
        va="bottom",
        annotation_clip=False,
    )
    digits = min(max(1 - math.floor(math.log10(errors[0])), 0), 6) if errors[0] > 0 else 3
    title = f"Best: log Z = {levels[0]:.{digits}f} ± {errors[0]:.{digits}f}"
    label(axes, x="log Z less the best's (log Bayes factor)", title=title)
    return sheet


def _read(name: str, found: Found) -> tuple[float, float, bool]:
    """Log evidence, error, and whether to rely on them."""
    if isinstance(found, tuple):
        level, error, sure = float(found[0]), float(found[1]), True
    else:
        level, error, sure = found.log_evidence, found.log_evidence_error, found.converged
    if not (np.isfinite(level) and np.isfinite(error) and error >= 0):
        raise InputError(
            f"Expected a known log evidence and error of each model; got {level} and {error} for "
            f"{name!r} (draws of a posterior tell no evidence)."
        )
    return level, error, sure


def _probabilities(
    levels: FloatArray, errors: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of each model, and the ends of the range that the errors leave."""
    rng = np.random.default_rng(0)
    drawn = softmax(levels + errors * rng.standard_normal((DRAWS, len(levels))), axis=1)
    low, high = np.quantile(drawn, [0.16, 0.84], axis=0)
    return np.asarray(softmax(levels)), low, high


def _percent(share: float) -> str:
    if share < 1e-4:
        return "< 0.01 %"
    digits = 1 if 0.01 <= share <= 0.99 else 2
    return f"{100 * share:.{digits}f} %"
