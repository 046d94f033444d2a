"""Sensors in the plane, seen through the distances between a few of them."""

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.tasks._certified import Certified, Inner, as_drawn, everywhere, unchanged
from skerry.tasks._envelopes import Envelope, LogDensity
from skerry.tasks._sensor_draws import SensorProposal, cross, sensor_proposal

if TYPE_CHECKING:
    from skerry.priors import Prior

RANGE, NOISE, PRIOR_SD = 0.3, 0.02, 10.0
KNOWN = np.array([[0.5, 0.3], [0.3, 0.7]])
# Sensors 0 to 3 are sought, 4 and 5 are the known ones.
DISTANCES = {
    (0, 4): 0.6103,
    (2, 4): 0.2995,
    (0, 5): 0.3631,
    (2, 5): 0.5656,
    (0, 3): 0.9266,
    (1, 2): 0.2970,
    (1, 3): 0.8524,
}
DRAWN = ((0, 4), (0, 5), (2, 4), (2, 5), (1, 2), (0, 3), (1, 3))  # as the proposal takes them
PAIRS = [(i, j) for i, j in itertools.combinations(range(6), 2) if (i, j) != (4, 5)]
LOG_BOUND = 1.6  # of log(target / proposal); above it lies less than 2e-5 of the mass
LOG_2PI = float(np.log(2.0 * np.pi))


def log_likelihood(theta: FloatArray) -> FloatArray:
    """Log-likelihood (n,) of the four places (n, 8): x and y of each sensor in turn."""
    known = np.broadcast_to(KNOWN, (len(theta), 2, 2))
    places = np.concatenate([theta.reshape(-1, 4, 2), known], axis=1)
    total = np.zeros(len(theta))
    for i, j in PAIRS:
        square = np.sum((places[:, i] - places[:, j]) ** 2, axis=1)
        log_seen = -square / (2.0 * RANGE**2)
        if (i, j) in DISTANCES:
            z = (np.sqrt(square) - DISTANCES[i, j]) / NOISE
            total += log_seen - 0.5 * z**2 - np.log(NOISE) - 0.5 * LOG_2PI
        else:
            total += _log_unseen(log_seen)
    return total


def _log_unseen(log_seen: FloatArray) -> FloatArray:
    """log(1 - exp(log_seen)); -inf where two sensors coincide."""
    unseen = -np.expm1(log_seen)
    return np.where(unseen > 0.0, np.log(np.where(unseen > 0.0, unseen, 1.0)), -np.inf)


@cache
def _prior() -> Prior:
    import scipy.stats as st

    from skerry.priors import Prior

    names = [f"{axis}{i + 1}" for i in range(4) for axis in "xy"]
    return Prior({name: st.norm(0.0, PRIOR_SD) for name in names})


def _label(theta: FloatArray) -> IntArray:
    """Sensors 1 and 3: sides of the known pair's line; sensor 4: side of the line from 1 to 2."""
    first, second, third, fourth = (theta[:, 2 * i : 2 * i + 2] for i in range(4))
    along = KNOWN[1] - KNOWN[0]
    bits = [
        cross(along, first - KNOWN[0]) > 0.0,
        cross(along, third - KNOWN[0]) > 0.0,
        cross(second - first, fourth - first) > 0.0,
    ]
    return np.stack(bits, axis=1).astype(np.int64) @ np.array([4, 2, 1])


def proposal(log_target: LogDensity) -> SensorProposal:
    """Places from distances as they are known, each also seen: a Gaussian times a Gaussian."""
    tilt = 1.0 + (NOISE / RANGE) ** 2
    distances = np.array([DISTANCES[pair] for pair in DRAWN]) / tilt
    return sensor_proposal(log_target, KNOWN, distances, NOISE / np.sqrt(tilt))


def _envelope(log_target: LogDensity) -> Envelope:
    return Envelope(log_target, proposal(log_target), LOG_BOUND)


CERTIFIED = Certified(
    name="sensors_8d",
    prior=_prior,
    log_likelihood=log_likelihood,
    label=_label,
    inner=Inner(_prior, log_likelihood, everywhere, unchanged, 1, _label, 8),
    envelope=_envelope,
    expand=as_drawn,
    log_evidence=(-37.92564, 0.0001),
    mass_error=0.00013,
    peaks=(
        ((0.60006, 0.89976, 0.93639, 0.15081, 0.77950, 0.40206, 0.08730, 0.13176), 0.076130),
        ((0.60013, 0.90039, 1.07147, 0.35074, 0.77970, 0.40274, 1.50492, 1.08033), 0.156496),
        ((0.60101, 0.89943, -0.02685, 0.02905, 0.24810, 0.13932, -0.31889, 0.82600), 0.142646),
        ((0.60244, 0.89854, 0.25976, -0.15745, 0.24921, 0.13860, 1.06817, 0.10188), 0.122966),
        ((-0.04030, 0.57717, 1.00840, 0.21561, 0.77958, 0.40377, 0.31512, -0.27443), 0.123026),
        ((-0.04015, 0.57882, 1.03229, 0.55984, 0.77968, 0.40510, 0.56966, 1.27146), 0.141206),
        ((-0.04039, 0.58012, 0.11471, -0.12582, 0.24997, 0.13789, -0.72893, -0.03384), 0.160686),
        ((-0.03985, 0.57980, 0.35593, -0.13921, 0.25063, 0.13764, 0.88211, 0.52746), 0.076845),
    ),
    note="Eight curved islands: each of sensors 1 and 3 on either side of the line through the "
    "known pair, and two places for sensor 4. A point belongs to the mode of those sides.",
    source="Ihler et al. 2005; Ahn, Chen & Welling 2013; Tak, Meng & van Dyk 2018.",
)
