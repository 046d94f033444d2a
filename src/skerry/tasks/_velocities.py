r"""A star's radial velocity at time t, and what a few visits say of one planet.

A planet of period P, eccentricity e, argument of periastron w and mean anomaly M0 at the first
visit moves its star by

.. math:: v(t) = v_0 + K\,[\cos(\omega + f) + e \cos\omega],

with the true anomaly f from Kepler's equation E - e sin E = M0 + 2 pi t / P. Velocities are seen
with Gaussian noise of variance error^2 + jitter^2. The linear parameters are integrated out: v0
~ N(0, 100^2) m/s, and K cos w and K sin w ~ N(0, 10^2) m/s each, that is w uniform on its circle
and K Rayleigh with scale 10 m/s.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

import numpy as np
from scipy.special import erfcx, log_ndtr

from skerry._types import FloatArray

OFFSET_SD, SPEED_SD = 100.0, 10.0
EVERY = 3  # the first visit and every third one after it
LOG_2PI = float(np.log(2.0 * np.pi))
KEPLER_STEPS = 60
MOST_ECCENTRIC = 1.0 - 1e-9


@cache
def visits() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Times from the first visit (days), velocities and errors (m/s), each (11,)."""
    text = resources.files("skerry").joinpath("data", "k2_24_rv.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))[::EVERY]
    columns = ("time_bkjd_days", "rv_m_s", "err_m_s")
    time, velocity, error = (np.array([float(row[c]) for row in rows]) for c in columns)
    return time - time[0], velocity, error


def circular(log_period: FloatArray, log_jitter: FloatArray) -> FloatArray:
    """The log-likelihood (n,) of circular orbits, all linear parameters integrated out."""
    turn = 2.0 * np.pi * visits()[0] * np.exp(-log_period)[:, None]
    return _two_speeds(np.cos(turn), np.sin(turn), log_jitter)


def eccentric(
    log_period: FloatArray, e: FloatArray, mean_anomaly: FloatArray, log_jitter: FloatArray
) -> FloatArray:
    """The log-likelihood (n,), all linear parameters integrated out: w and K among them.

    v = v0 + A (cos f + e) - B sin f, with A = K cos w and B = K sin w.
    """
    cos_f, sin_f = _true_anomaly(log_period, e, mean_anomaly)
    return _two_speeds(cos_f + e[:, None], -sin_f, log_jitter)


def eccentric_turned(
    log_period: FloatArray,
    e: FloatArray,
    omega: FloatArray,
    mean_anomaly: FloatArray,
    log_jitter: FloatArray,
) -> FloatArray:
    """The log-likelihood (n,) with w given: v0 and K integrated out.

    With g and q the slope and the curvature of the log-likelihood in K at K = 0, and
    a = q + 1 / 10^2, z = g / sqrt(a): the integral over K is (1 + z Phi(z) / phi(z)) / (10^2 a).
    """
    shape = _shape(_true_anomaly(log_period, e, mean_anomaly), e, omega)
    base, curvature, slope = _one_speed(shape, log_jitter)
    stiffness = curvature + SPEED_SD**-2
    z = slope / np.sqrt(stiffness)
    return base - np.log(SPEED_SD**2 * stiffness) + _log_rayleigh(z)


def draw_omega(
    rng: np.random.Generator,
    log_period: FloatArray,
    e: FloatArray,
    mean_anomaly: FloatArray,
    log_jitter: FloatArray,
) -> FloatArray:
    """Exact draws (n,) of w in [0, 2 pi), given the other parameters."""
    cos_f, sin_f = _true_anomaly(log_period, e, mean_anomaly)
    design = np.stack([np.ones_like(cos_f), cos_f + e[:, None], -sin_f], axis=2)
    precision, pull, _ = _normal_equations(design, log_jitter)
    root = np.linalg.cholesky(np.linalg.inv(precision))
    mean = np.linalg.solve(precision, pull[:, :, None])[:, :, 0]
    drawn = mean + np.einsum("nij,nj->ni", root, rng.standard_normal(mean.shape))
    return np.mod(np.arctan2(drawn[:, 2], drawn[:, 1]), 2.0 * np.pi)


def eccentric_anomaly(mean_anomaly: FloatArray, e: FloatArray) -> FloatArray:
    """E of E - e sin E = M, by Newton's method kept inside a shrinking bracket; 0 <= e < 1."""
    turned = np.remainder(mean_anomaly + np.pi, 2.0 * np.pi) - np.pi
    e = np.broadcast_to(e, turned.shape)
    low, high = turned - e, turned + e
    E = turned + e * np.sin(turned) / np.sqrt(1.0 - 2.0 * e * np.cos(turned) + e**2 + 1e-12)
    for _ in range(KEPLER_STEPS):
        miss = E - e * np.sin(E) - turned
        low, high = np.where(miss < 0.0, E, low), np.where(miss < 0.0, high, E)
        tried = E - miss / (1.0 - e * np.cos(E) + 1e-300)
        inside = (tried >= low) & (tried <= high)
        moved = np.where(inside, tried, 0.5 * (low + high))
        if np.max(np.abs(moved - E), initial=0.0) < 1e-13:
            return moved
        E = moved
    return E


def _true_anomaly(
    log_period: FloatArray, e: FloatArray, mean_anomaly: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The cosine and the sine of f at the visits, (n, 11) each."""
    mean = mean_anomaly[:, None] + 2.0 * np.pi * visits()[0] * np.exp(-log_period)[:, None]
    e = np.clip(e, 0.0, MOST_ECCENTRIC)
    E = eccentric_anomaly(mean, e[:, None])
    distance = 1.0 - e[:, None] * np.cos(E)
    cos_f = (np.cos(E) - e[:, None]) / distance
    return cos_f, np.sqrt(1.0 - e[:, None] ** 2) * np.sin(E) / distance


def _shape(anomaly: tuple[FloatArray, FloatArray], e: FloatArray, omega: FloatArray) -> FloatArray:
    """cos(w + f) + e cos w (n, 11)."""
    cos_f, sin_f = anomaly
    e = np.clip(e, 0.0, MOST_ECCENTRIC)
    return np.cos(omega)[:, None] * (cos_f + e[:, None]) - np.sin(omega)[:, None] * sin_f


def _two_speeds(first: FloatArray, second: FloatArray, log_jitter: FloatArray) -> FloatArray:
    """The log-likelihood (n,) of v0 + A first + B second, with v0, A and B integrated out."""
    design = np.stack([np.ones_like(first), first, second], axis=2)
    precision, pull, plain = _normal_equations(design, log_jitter)
    factor = np.linalg.cholesky(precision)
    half = np.linalg.solve(factor, pull[:, :, None])[:, :, 0]
    log_det = 2.0 * np.sum(np.log(np.diagonal(factor, axis1=1, axis2=2)), axis=1)
    log_prior = 2.0 * np.log(OFFSET_SD) + 4.0 * np.log(SPEED_SD)
    return plain + 0.5 * (np.sum(half**2, axis=1) - log_det - log_prior)


def _one_speed(
    shape: FloatArray, log_jitter: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For v0 + K shape with v0 integrated out: log-likelihood at K = 0, curvature, slope in K."""
    design = np.stack([np.ones_like(shape), shape], axis=2)
    precision, pull, plain = _normal_equations(design, log_jitter)
    offset = precision[:, 0, 0]
    base = plain + 0.5 * (pull[:, 0] ** 2 / offset - np.log(offset * OFFSET_SD**2))
    curvature = precision[:, 1, 1] - SPEED_SD**-2 - precision[:, 0, 1] ** 2 / offset
    return base, np.maximum(curvature, 0.0), pull[:, 1] - precision[:, 0, 1] * pull[:, 0] / offset


def _normal_equations(
    design: FloatArray, log_jitter: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Posterior precision (n, m, m), pull (n, m), and the log-likelihood (n,) at zero."""
    _, velocity, error = visits()
    weight = 1.0 / (error**2 + np.exp(2.0 * log_jitter)[:, None])
    weighted = design * weight[:, :, None]
    sds = np.array([OFFSET_SD] + [SPEED_SD] * (design.shape[2] - 1))
    precision = np.swapaxes(weighted, 1, 2) @ design + np.diag(sds**-2.0)
    plain = 0.5 * np.sum(np.log(weight) - LOG_2PI - velocity**2 * weight, axis=1)
    return precision, np.einsum("nij,i->nj", weighted, velocity), plain


def _log_rayleigh(z: FloatArray) -> FloatArray:
    """log(1 + z Phi(z) / phi(z)), stable for all z."""
    with np.errstate(over="ignore"):
        negative = np.minimum(z, 0.0)
        small = 1.0 + negative * np.sqrt(np.pi / 2.0) * erfcx(-negative / np.sqrt(2.0))
        far = 1.0 / np.maximum(negative**2, 1.0)
    positive = np.maximum(z, 1e-300)
    large = np.log(positive) + log_ndtr(positive) + 0.5 * positive**2 + 0.5 * LOG_2PI
    below = np.log(np.where(negative < -1e4, far, np.maximum(small, 1e-300)))
    return np.where(z > 0.0, np.logaddexp(0.0, large), below)
