"""The log-gamma problem: four islands with one-sided exponential tails, in any dimension."""

from __future__ import annotations

import itertools

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.errors import InputError
from skerry.tasks._task import Task, TaskMode, numbered, uniform_prior

SCALE = 1.0 / 30.0
NEAR, FAR = 1.0 / 3.0, 2.0 / 3.0
LOG_2PI = float(np.log(2.0 * np.pi))


def log_gamma(ndim: int) -> Task:
    """A product over axes of the unit cube, of log-gamma and Gaussian densities of scale 1/30.

    Axis 0: half log-gamma at 1/3, half at 2/3. Axis 1: half Gaussian at 1/3, half at 2/3. Further
    axes at 2/3: log-gamma for the first half of them, Gaussian for the rest. The log-gamma
    density is exp(y - e^y) / s with y = (x - c) / s, its CDF 1 - exp(-e^y).

    What the cube's walls cut off (4.5e-5 of a log-gamma at 1/3) is taken into account.

    Raises:
        InputError: for fewer than 2 or an odd number of dimensions.
    """
    if ndim < 2 or ndim % 2:
        raise InputError(f"Expected an even ndim >= 2; got {ndim}.")
    from skerry.problem import Problem

    def log_likelihood(theta: FloatArray) -> FloatArray:
        return np.sum([_log_axis(theta[:, j], j, ndim) for j in range(ndim)], axis=0)

    inside = [_mass(0.0, 1.0, j, ndim) for j in range(ndim)]
    upper = [_mass(0.5, 1.0, j, ndim) / inside[j] for j in (0, 1)]
    return Task(
        name=f"log_gamma_{ndim}d",
        problem=Problem(uniform_prior(numbered(ndim), [0.0] * ndim, [1.0] * ndim), log_likelihood),
        log_evidence=float(np.sum(np.log(inside))),
        log_evidence_error=0.0,
        modes=tuple(
            TaskMode(
                np.array([(NEAR, FAR)[i], (NEAR, FAR)[j], *[FAR] * (ndim - 2)]),
                float((1.0 - upper[0], upper[0])[i] * (1.0 - upper[1], upper[1])[j]),
            )
            for i, j in itertools.product([0, 1], repeat=2)
        ),
        sampler=lambda n, rng: np.stack([_draw_axis(n, j, ndim, rng) for j in range(ndim)], axis=1),
        labeller=_label,
        note="Exponential tails on one side, where Gaussian islands are too light. "
        "A point belongs to the mode on its side of x0 = 1/2 and x1 = 1/2.",
        source="Beaujean & Caldwell 2013; Feroz et al. 2013 (importance nested sampling).",
    )


def _label(theta: FloatArray) -> IntArray:
    return 2 * (theta[:, 0] > 0.5) + (theta[:, 1] > 0.5).astype(np.int64)


def _centres(axis: int) -> tuple[float, ...]:
    return (NEAR, FAR) if axis < 2 else (FAR,)


def _is_log_gamma(axis: int, ndim: int) -> bool:
    return axis == 0 or 2 <= axis < 2 + (ndim - 2) // 2


def _log_axis(x: FloatArray, axis: int, ndim: int) -> FloatArray:
    """The log density (n,) along one axis."""
    density = _log_gamma_log_prob if _is_log_gamma(axis, ndim) else _normal_log_prob
    parts = [density((x - c) / SCALE) for c in _centres(axis)]
    return np.logaddexp.reduce(parts, axis=0) - np.log(len(parts) * SCALE)


def _log_gamma_log_prob(y: FloatArray) -> FloatArray:
    return y - np.exp(np.minimum(y, 700.0))


def _normal_log_prob(y: FloatArray) -> FloatArray:
    return -0.5 * (y**2 + LOG_2PI)


def _mass(low: float, high: float, axis: int, ndim: int) -> float:
    """The integral along one axis from low to high."""
    from scipy.special import ndtr

    def cdf(y: float) -> float:
        return float(-np.expm1(-np.exp(y)) if _is_log_gamma(axis, ndim) else ndtr(y))

    ends = [(cdf((high - c) / SCALE), cdf((low - c) / SCALE)) for c in _centres(axis)]
    return float(np.mean([b - a for b, a in ends]))


def _draw_axis(n: int, axis: int, ndim: int, rng: np.random.Generator) -> FloatArray:
    """Draws (n,) along one axis; those outside the cube are drawn again."""
    centres = np.array(_centres(axis))
    drawn = np.empty(0)
    while drawn.size < n:
        wanted = n - drawn.size + 10
        log_gamma_axis = _is_log_gamma(axis, ndim)
        y = (
            np.log(rng.standard_exponential(wanted))
            if log_gamma_axis
            else rng.standard_normal(wanted)
        )
        x = rng.choice(centres, wanted) + SCALE * y
        drawn = np.concatenate([drawn, x[(x >= 0.0) & (x <= 1.0)]])
    return drawn[:n]
