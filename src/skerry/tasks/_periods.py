"""Real data: which period has the planet of K2-24, from eleven visits? Many answers fit.

K2-24 has two planets, near 20.9 and 42.4 days; one planet is fitted to every third visit, which
leaves period islands at the aliases of the sampling.
"""

from __future__ import annotations

import itertools
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.tasks import _velocities
from skerry.tasks._cells import cut
from skerry.tasks._certified import Certified, Inner, unchanged
from skerry.tasks._envelopes import stored_envelope
from skerry.tasks._task import Task, TaskMode, uniform_prior

if TYPE_CHECKING:
    from skerry.priors import Prior

SHORTEST, LONGEST = 5.0, 100.0  # days
JITTER = 3.0  # m/s, for the circular orbit
LOG_JITTER = (float(np.log(0.5)), float(np.log(20.0)))
TURN = 2.0 * np.pi
SOURCE = (
    "HIRES, Petigura et al. 2016 (K2-24); the tutorial data of the exoplanet package, every third "
    "visit from the first."
)
BOUNDS = (7.6, 10.95, 13.42, 17.05, 22.67, 32.03, 45.28)  # days: minima, where groups are cut
GROUPS = (6.429, 8.027, 12.182, 14.837, 20.496, 25.424, 39.681, 48.752)  # days: their peaks


def _label_period(log_period: FloatArray) -> IntArray:
    return np.searchsorted(np.log(BOUNDS), log_period)


@cache
def _prior() -> Prior:
    import scipy.stats as st

    from skerry.priors import Periodic, Prior

    return Prior(
        {
            "log_period": st.uniform(np.log(SHORTEST), np.log(LONGEST / SHORTEST)),
            "eccentricity": st.beta(1.0, 3.0),
            "omega": Periodic(0.0, TURN),
            "mean_anomaly": Periodic(0.0, TURN),
            "log_jitter": st.uniform(LOG_JITTER[0], LOG_JITTER[1] - LOG_JITTER[0]),
        }
    )


@cache
def _inner_prior() -> Prior:
    from skerry.priors import Prior

    parts = _prior().parts
    assert parts is not None
    return Prior({name: part for name, part in parts.items() if name != "omega"})


def _log_likelihood(theta: FloatArray) -> FloatArray:
    return _velocities.eccentric_turned(*theta.T)


def _inner_log_likelihood(x: FloatArray) -> FloatArray:
    return _velocities.eccentric(*x.T)


def _inside(x: FloatArray) -> BoolArray:
    return (x[:, 2] >= 0.0) & (x[:, 2] < TURN)


def _with_omega(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.insert(x, 2, _velocities.draw_omega(rng, *x.T), axis=1)


def _label(theta: FloatArray) -> IntArray:
    return _label_period(theta[:, 0])


def _label_joined(theta: FloatArray) -> IntArray:
    """As ``_label``; the two longest, which an eccentric orbit joins, as one."""
    return np.minimum(_label_period(theta[:, 0]), len(BOUNDS) - 1)


CERTIFIED = Certified(
    name="rv_eccentric",
    prior=_prior,
    log_likelihood=_log_likelihood,
    label=_label_joined,
    inner=Inner(
        _inner_prior, _inner_log_likelihood, _inside, unchanged, 1, _label_joined, len(BOUNDS)
    ),
    envelope=partial(stored_envelope, "rv_eccentric"),
    expand=_with_omega,
    log_evidence=(-40.5369, 0.0004),
    mass_error=0.0003,
    peaks=(
        ((1.66274, 0.75299, 3.84967, 0.76942, 0.67956), 0.09044),
        ((2.07134, 0.60094, 3.65699, 2.13915, 0.33220), 0.16796),
        ((2.47528, 0.69417, 3.42366, 1.46733, 0.40676), 0.19636),
        ((2.69805, 0.00000, 5.99313, 0.54820, 1.34400), 0.05977),
        ((3.02210, 0.00000, 2.59452, 4.86355, 1.44702), 0.06074),
        ((3.16741, 0.78529, 3.21696, 0.76470, 0.63730), 0.09775),
        ((3.63189, 0.50190, 4.01914, 1.05358, 1.03709), 0.32698),
    ),
    note="Seven groups of periods, curved ridges in the angles, and at small eccentricity only "
    "the sum of the two angles is known. A point belongs to the group of its period.",
    source=SOURCE,
)


def rv_period() -> Task:
    """A circular orbit, jitter fixed: one parameter, exact by quadrature."""
    from skerry.problem import Problem

    def log_likelihood(theta: FloatArray) -> FloatArray:
        return _velocities.circular(theta[:, 0], np.full(len(theta), np.log(JITTER)))

    ends = np.log([SHORTEST, *BOUNDS, LONGEST])
    groups = [
        cut(log_likelihood, [low], [high], [200], efficiency=0.95)
        for low, high in itertools.pairwise(ends)
    ]
    whole = cut(log_likelihood, [ends[0]], [ends[-1]], [4000], efficiency=0.95)
    fine, coarse = (np.array([cells.log_integral(order) for cells in groups]) for order in (8, 6))
    log_integral = np.logaddexp.reduce(fine)
    return Task(
        name="rv_period_1d",
        problem=Problem(uniform_prior(["log_period"], [ends[0]], [ends[-1]]), log_likelihood),
        log_evidence=float(log_integral - np.log(ends[-1] - ends[0])),
        log_evidence_error=float(abs(log_integral - np.logaddexp.reduce(coarse))) + 1e-10,
        modes=tuple(
            TaskMode(np.log([days]), float(mass))
            for days, mass in zip(GROUPS, np.exp(fine - log_integral), strict=True)
        ),
        sampler=whole.sample,
        labeller=_label,
        note="Seven periods and a group of short ones, all that eleven visits allow. "
        "A point belongs to the group of its period.",
        source=SOURCE,
    )
