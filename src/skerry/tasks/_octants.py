"""Eight islands from a sign that the data don't see: y_j = theta_j^2 in three dimensions."""

from __future__ import annotations

import itertools

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.tasks._cells import Cells, cut
from skerry.tasks._task import Task, TaskMode, numbered, uniform_prior

SQUARES = (1.0, 0.9, 1.2)  # what is seen of theta_j^2,
NOISE = 0.15  # with this noise,
HINT, HINT_NOISE = 0.25, 1.0  # and of theta_j itself: hardly anything
HALF = 2.0


def octants() -> Task:
    """Eight islands of unequal masses at (+-1, +-0.95, +-1.1), an evidence that factorises.

    log L = -1/2 sum_j ((theta_j^2 - y_j) / 0.15)^2 + (theta_j - 0.25)^2.
    """
    from skerry.problem import Problem

    axes = [_axis(square) for square in SQUARES]
    sides = [_shares(cells) for cells in axes]
    signs = list(itertools.product([0, 1], repeat=3))
    modes = tuple(
        TaskMode(
            np.array([_peak(y, s) for y, s in zip(SQUARES, sign, strict=True)]),
            float(np.prod([side[s] for side, s in zip(sides, sign, strict=True)])),
        )
        for sign in signs
    )
    log_volume = len(axes) * np.log(2.0 * HALF)
    fine, coarse = (sum(cells.log_integral(order) for cells in axes) for order in (8, 6))
    return Task(
        name="octants",
        problem=Problem(uniform_prior(numbered(3), [-HALF] * 3, [HALF] * 3), _log_likelihood),
        log_evidence=float(fine - log_volume),
        log_evidence_error=float(abs(fine - coarse)) + 1e-10,
        modes=modes,
        sampler=lambda n, rng: np.concatenate([cells.sample(n, rng) for cells in axes], axis=1),
        labeller=lambda theta: _bits(theta > 0.0),
        note="Islands 1.9% of the prior's width, a symmetry broken by a weak hint. "
        "A point belongs to the mode of its octant.",
        source="Sign-degenerate observables; closed but for integrals in one dimension.",
    )


def _log_likelihood(theta: FloatArray) -> FloatArray:
    squares = ((theta**2 - np.array(SQUARES)) / NOISE) ** 2
    return -0.5 * np.sum(squares + ((theta - HINT) / HINT_NOISE) ** 2, axis=1)


def _axis(square: float) -> Cells:
    """The one-dimensional factor, in cells with an edge at 0."""

    def log_density(theta: FloatArray) -> FloatArray:
        x = theta[:, 0]
        return -0.5 * (((x**2 - square) / NOISE) ** 2 + ((x - HINT) / HINT_NOISE) ** 2)

    return cut(log_density, [-HALF], [HALF], [200], efficiency=0.95)


def _shares(cells: Cells) -> FloatArray:
    """The masses (2,) below and above 0."""
    masses = cells.integrals(8, lambda theta: _bits(theta > 0.0), 2)
    return masses / masses.sum()


def _peak(square: float, positive: int) -> float:
    """The root on one side of 2 x (x^2 - y) / s^2 + (x - h) / t^2 = 0."""
    cubic = [2.0 / NOISE**2, 0.0, 1.0 / HINT_NOISE**2 - 2.0 * square / NOISE**2]
    roots = np.roots([*cubic, -HINT / HINT_NOISE**2])
    return float(np.real(roots).max() if positive else np.real(roots).min())


def _bits(flags: BoolArray) -> IntArray:
    """Rows of flags as binary numbers, the first flag the highest."""
    return flags.astype(np.int64) @ (2 ** np.arange(flags.shape[1])[::-1])
