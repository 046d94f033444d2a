"""The Gaussian tasks: closed forms throughout."""

from __future__ import annotations

import numpy as np
import scipy.stats as st

from skerry._types import FloatArray
from skerry.noise import Gaussian
from skerry.priors import Prior
from skerry.tasks._task import uniform_prior
from skerry.tasks.amortised._task import AmortisedTask, forward_task, likelihood_task, numbered

VARIANCE = 0.1  # of the noise, and of the normal prior
WIDTH = float(np.sqrt(VARIANCE))
SCALES = np.array([1.0, 0.1])
HALF = 10.0


def gaussian_linear() -> AmortisedTask:
    """Normal data, x ~ N(theta, 0.1 I), theta ~ N(0, 0.1 I), in ten dimensions."""
    return forward_task(
        "gaussian_linear",
        Prior({name: st.norm(0.0, WIDTH) for name in numbered(10)}),
        _itself,
        Gaussian(WIDTH),
        sampler=lambda x, n, rng: rng.normal(x / 2.0, np.sqrt(VARIANCE / 2.0), (n, 10)),
        evidence=lambda x: st.norm.logpdf(x, 0.0, np.sqrt(2.0 * VARIANCE)).sum(),
        note="Conjugate: the posterior is N(x / 2, 0.05 I).",
    )


def gaussian_linear_uniform() -> AmortisedTask:
    """Normal data, x ~ N(theta, 0.1 I), theta uniform in [-1, 1]^10."""

    def sample(x: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
        return _truncated(x, WIDTH, 1.0, n, rng)

    def log_evidence(x: FloatArray) -> float:
        return float(np.sum(np.log(_inside(x, WIDTH, 1.0) / 2.0)))

    return forward_task(
        "gaussian_linear_uniform",
        uniform_prior(numbered(10), [-1.0] * 10, [1.0] * 10),
        _itself,
        Gaussian(WIDTH),
        sampler=sample,
        evidence=log_evidence,
        note="Normal posteriors that the prior cuts off in some of the ten dimensions.",
    )


def gaussian_mixture() -> AmortisedTask:
    """Two scales: x ~ (N(theta, I) + N(theta, 0.01 I)) / 2, theta uniform in [-10, 10]^2."""

    def log_likelihood(theta: FloatArray, x: FloatArray) -> FloatArray:
        square = np.sum((x - theta) ** 2, axis=1)[:, None]
        parts = -0.5 * square / SCALES**2 - np.log(4.0 * np.pi * SCALES**2)
        return np.logaddexp(parts[:, 0], parts[:, 1])

    def simulator(theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        scale = SCALES[rng.integers(2, size=len(theta))]
        return rng.normal(theta, scale[:, None])

    def masses(x: FloatArray) -> FloatArray:
        return np.array([np.prod(_inside(x, scale, HALF)) for scale in SCALES])

    def sample(x: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
        shares = masses(x) / masses(x).sum()
        counts = rng.multinomial(n, shares)
        parts = [_truncated(x, s, HALF, k, rng) for s, k in zip(SCALES, counts, strict=True)]
        return rng.permutation(np.concatenate(parts))

    return likelihood_task(
        "gaussian_mixture",
        uniform_prior(numbered(2), [-HALF] * 2, [HALF] * 2),
        log_likelihood,
        simulator,
        sampler=sample,
        evidence=lambda x: float(np.log(masses(x).mean() / (2.0 * HALF) ** 2)),
        note="A wide and a narrow peak at the same place.",
    )


def _itself(theta: FloatArray) -> FloatArray:
    return theta


def _inside(x: FloatArray, scale: float, half: float) -> FloatArray:
    """The mass of N(x_j, scale) within [-half, half], each (d,)."""
    law = st.norm(np.abs(x), scale)
    return law.cdf(half) - law.cdf(-half)


def _truncated(
    x: FloatArray, scale: float, half: float, n: int, rng: np.random.Generator
) -> FloatArray:
    """Draws (n, d) of N(x, scale) within [-half, half], by inversion."""
    law = st.truncnorm((-half - x) / scale, (half - x) / scale, loc=x, scale=scale)
    return law.ppf(rng.random((n, len(x))))
