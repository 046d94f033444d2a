"""Two sources in the plane, heard as one sum by a handful of microphones.

Microphone i, at p_i, hears log(b + sum_k a / (m + |theta_k - p_i|^2)) with Gaussian noise. The
microphones lie nearly on a line, so each source may be on either side of it, and the sources may
trade names. Evidence and masses below come from ``benchmarks/sources_truth.py``.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.tasks._cells import Cells, cut
from skerry.tasks._task import Task, TaskMode, uniform_prior

BACKGROUND, STRENGTH, SOFTENING, NOISE = 0.1, 1.0, 0.05, 0.15
HALF = 2.0
LOG_2PI = float(np.log(2.0 * np.pi))
PLACES = np.array([[-1.2, 0.0], [0.0, 0.0], [1.2, 0.0], [0.4, 0.0], [-0.5, 0.1]])
SOURCES = np.array([[-0.8, 0.7], [0.9, -0.9]])
LOG_EVIDENCE = (-4.425975, 1e-5)
PEAKS = (  # the leftmost source first
    ((-0.68537, -0.53244, 1.30369, -0.90619), 0.075723),
    ((-0.68841, -0.53657, 1.28274, 0.90869), 0.080762),
    ((-0.79409, 0.65985, 1.03836, -0.88599), 0.168836),
    ((-0.79904, 0.66354, 1.03103, 0.88443), 0.174680),
)


def source_localisation() -> Task:
    """Eight islands: four for the signs of y, the leftmost source first, and each once more."""
    from skerry.problem import Problem

    total = 2.0 * sum(mass for _, mass in PEAKS)
    places = [np.array(place) for place, _ in PEAKS]
    places += [place[[2, 3, 0, 1]] for place in places]
    return Task(
        name="source_localisation_4d",
        problem=Problem(
            uniform_prior(("x1", "y1", "x2", "y2"), [-HALF] * 4, [HALF] * 4), log_likelihood
        ),
        log_evidence=LOG_EVIDENCE[0],
        log_evidence_error=LOG_EVIDENCE[1],
        modes=tuple(TaskMode(place, PEAKS[k % 4][1] / total) for k, place in enumerate(places)),
        sampler=lambda n, rng: _cells().sample(n, rng),
        labeller=label,
        note="Each source may lie on either side of the line of microphones, and the two may "
        "trade names. A point belongs to the mode of the order of x1 and x2 and of the signs of y.",
        source="After Foster et al. 2021, where a design locates two sources; made-up data.",
    )


def signal(theta: FloatArray) -> FloatArray:
    """log(b + sum_k a / (m + |theta_k - p_i|^2)), (n, m)."""
    total = np.full((len(theta), len(PLACES)), BACKGROUND)
    for k in (0, 2):
        square = (theta[:, k, None] - PLACES[:, 0]) ** 2
        square += (theta[:, k + 1, None] - PLACES[:, 1]) ** 2
        total += STRENGTH / (SOFTENING + square)
    return np.log(total)


DATA = signal(SOURCES.reshape(1, 4))[0] + NOISE * np.array([0.3, -0.4, 0.5, -0.2, 0.6])


def log_likelihood(theta: FloatArray) -> FloatArray:
    """Log-likelihood (n,) of both places (n, 4), each x and y; normalised over the data."""
    misses = ((signal(theta) - DATA) / NOISE) ** 2
    return -0.5 * np.sum(misses + 2.0 * np.log(NOISE) + LOG_2PI, axis=1)


def label(theta: FloatArray) -> IntArray:
    """Four for the sources' order, two for the left one's y above 0, one for the right one's."""
    swapped = theta[:, 0] >= theta[:, 2]
    left = np.where(swapped, theta[:, 3], theta[:, 1]) > 0.0
    right = np.where(swapped, theta[:, 1], theta[:, 3]) > 0.0
    return np.stack([swapped, left, right], axis=1).astype(np.int64) @ np.array([4, 2, 1])


def cells(grid: int = 10, efficiency: float = 0.25) -> Cells:
    """Cells of the likelihood."""
    return cut(log_likelihood, [-HALF] * 4, [HALF] * 4, [grid] * 4, efficiency=efficiency)


_cells = cache(cells)
