"""Label switching: three components of a mixture that can trade names."""

from __future__ import annotations

import itertools
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.tasks._certified import Certified, Inner
from skerry.tasks._envelopes import stored_envelope
from skerry.tasks._task import uniform_prior

if TYPE_CHECKING:
    from skerry.priors import Prior

N_DATA = 90
MEANS, SDS = (-2.0, 0.5, 3.0), (0.6, 0.9, 0.7)
MEAN_BOUND = 6.0
LOG_SD_BOUNDS = (-2.0, 1.0)
LOG_2PI = float(np.log(2.0 * np.pi))
PERMUTATIONS = np.array(list(itertools.permutations(range(3))))


def data() -> FloatArray:
    """Ninety points (90,): thirty quantiles of each component."""
    from scipy.special import ndtri

    z = ndtri((np.arange(N_DATA // 3) + 0.5) / (N_DATA // 3))
    return np.concatenate([m + s * z for m, s in zip(MEANS, SDS, strict=True)])


DATA = data()


def log_likelihood(theta: FloatArray) -> FloatArray:
    """Log-likelihood (n,) of three means and three log standard deviations (n, 6)."""
    means, log_sds = theta[:, :3], theta[:, 3:]
    parts = [
        -0.5 * ((DATA - means[:, k, None]) * np.exp(-log_sds[:, k, None])) ** 2
        - log_sds[:, k, None]
        for k in range(3)
    ]
    top = np.maximum(np.maximum(parts[0], parts[1]), parts[2])
    total = sum(np.exp(part - top) for part in parts)
    each = np.log(total) + top
    return np.sum(each, axis=1) - N_DATA * (np.log(3.0) + 0.5 * LOG_2PI)


@cache
def _prior() -> Prior:
    names = ("mu1", "mu2", "mu3", "log_sd1", "log_sd2", "log_sd3")
    low = [-MEAN_BOUND] * 3 + [LOG_SD_BOUNDS[0]] * 3
    return uniform_prior(names, low, [MEAN_BOUND] * 3 + [LOG_SD_BOUNDS[1]] * 3)


def _ordered(theta: FloatArray) -> BoolArray:
    return (theta[:, 0] < theta[:, 1]) & (theta[:, 1] < theta[:, 2])


def _permuted(theta: FloatArray, order: IntArray) -> FloatArray:
    """Component order[:, k] (n, 3) becomes component k."""
    return np.take_along_axis(theta, np.hstack([order, order + 3]), axis=1)


def _sorted(theta: FloatArray) -> FloatArray:
    return _permuted(theta, np.argsort(theta[:, :3], axis=1, kind="stable"))


def _label(theta: FloatArray) -> IntArray:
    """Which of ``PERMUTATIONS`` sorts the means."""
    order = np.argsort(theta[:, :3], axis=1, kind="stable")
    return np.argmax((order[:, None, :] == PERMUTATIONS).all(axis=2), axis=1)


def _shuffled(theta: FloatArray, rng: np.random.Generator) -> FloatArray:
    return _permuted(theta, PERMUTATIONS[rng.integers(6, size=len(theta))])


def _peaks() -> tuple[tuple[tuple[float, ...], float], ...]:
    """The peak with sorted means, in each order."""
    theta = np.repeat(np.array([PEAK]), 6, axis=0)
    places = _permuted(theta, np.argsort(PERMUTATIONS, axis=1))
    return tuple((tuple(float(x) for x in place), 1.0 / 6.0) for place in places)


PEAK = (-1.99424, 0.50425, 2.99690, -0.51919, -0.08901, -0.36816)

CERTIFIED = Certified(
    name="label_switching_6d",
    prior=_prior,
    log_likelihood=log_likelihood,
    label=_label,
    inner=Inner(
        _prior,
        log_likelihood,
        _ordered,
        _sorted,
        6,
        lambda theta: np.zeros(len(theta), dtype=np.int64),
        1,
    ),
    envelope=partial(stored_envelope, "label_switching_6d"),
    expand=_shuffled,
    log_evidence=(-193.9265, 0.0004),
    mass_error=0.0,
    peaks=_peaks(),
    note="The components can trade names: six equal islands, exactly 1/6 each, that touch where "
    "two components overlap. A point belongs to the mode of the order of its means.",
    source="A Gaussian mixture with equal known weights; the ninety data are quantiles.",
)
