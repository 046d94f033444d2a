"""Simple likelihood, complex posterior; and the same among 92 numbers that say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.priors import Prior
from skerry.tasks._task import uniform_prior
from skerry.tasks.amortised._task import AmortisedTask, likelihood_task, numbered

POINTS = 4
EPSILON = 1e-6  # added to the covariance's diagonal
LOG_2PI = float(np.log(2.0 * np.pi))
NOTE = "Four islands (the signs of theta3 and theta4), vertical cut-offs, posteriors of all widths."


def slcp() -> AmortisedTask:
    """Four points of a normal in the plane: x_i ~ N((theta1, theta2), S), theta in [-3, 3]^5.

    S = [[s1^2, rho s1 s2], [., s2^2]] + 1e-6 I, s1 = theta3^2, s2 = theta4^2, rho = tanh(theta5).
    """
    return likelihood_task("slcp", _prior(), log_likelihood, simulator, NOTE)


def slcp_distractors() -> AmortisedTask:
    """SLCP's eight numbers among 92 draws of a fixed mixture of Student t laws, shuffled.

    The density of the 92 is left out of the likelihood: it is the same for all theta.
    """
    return likelihood_task(
        "slcp_distractors",
        _prior(),
        lambda theta, x: log_likelihood(theta, x[:, distractors().places]),
        lambda theta, rng: distractors().hide(simulator(theta, rng), rng),
        f"{NOTE} 92 of the 100 numbers of an observation say nothing.",
    )


def factors(theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The Cholesky factor of S, each (n,): l11, l21, l22.

    det S = (s1 s2 / cosh theta5)^2 + eps (s1^2 + s2^2) + eps^2, without the cancellation of
    1 - rho^2.
    """
    s1, s2 = theta[:, 2] ** 2, theta[:, 3] ** 2
    first = np.sqrt(s1**2 + EPSILON)
    det = (s1 * s2 / np.cosh(theta[:, 4])) ** 2 + EPSILON * (s1**2 + s2**2) + EPSILON**2
    return first, np.tanh(theta[:, 4]) * s1 * s2 / first, np.sqrt(det) / first


def simulator(theta: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Four points (n, 8), the coordinates of the first before those of the second."""
    l11, l21, l22 = (part[:, None] for part in factors(theta))
    z = rng.standard_normal((2, len(theta), POINTS))
    x = theta[:, :1] + l11 * z[0]
    y = theta[:, 1:2] + l21 * z[0] + l22 * z[1]
    return np.stack([x, y], axis=2).reshape(len(theta), 2 * POINTS)


def log_likelihood(theta: FloatArray, x: FloatArray) -> FloatArray:
    """The sum of four normal log densities, (n,)."""
    l11, l21, l22 = (part[:, None] for part in factors(theta))
    z1 = (x[:, 0::2] - theta[:, :1]) / l11
    z2 = (x[:, 1::2] - theta[:, 1:2] - l21 * z1) / l22
    log_det = np.log(l11 * l22)[:, 0]
    return -0.5 * np.sum(z1**2 + z2**2, axis=1) - POINTS * (log_det + LOG_2PI)


@dataclass(frozen=True)
class Distractors:
    """A mixture of 20 Student t laws (2 degrees of freedom) in 92 dimensions, and a shuffle.

    Attributes:
        locations: (20, 92).
        factors: lower triangular scales (20, 92, 92).
        order: the shuffle of all 100 numbers (100,).
        places: where the eight of SLCP end up (8,).
    """

    locations: FloatArray
    factors: FloatArray
    order: IntArray
    places: IntArray

    def hide(self, x: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Observations (n, 8) among noise, (n, 100)."""
        kind = rng.integers(len(self.locations), size=len(x))
        noise = rng.standard_normal((len(x), self.locations.shape[1]))
        for k, factor in enumerate(self.factors):
            noise[kind == k] = noise[kind == k] @ factor.T
        noise /= np.sqrt(rng.chisquare(2.0, (len(x), 1)) / 2.0)
        return np.concatenate([x, self.locations[kind] + noise], axis=1)[:, self.order]


@cache
def distractors() -> Distractors:
    """Those of sbibm, from its seed: NumPy keeps the stream of ``RandomState`` for ever."""
    rng, size = np.random.RandomState(42), 92
    locations = np.array([15.0 * rng.normal(size=size) for _ in range(20)])
    lower = [
        np.tril(rng.normal(size=(size, size))) + np.diag(np.exp(rng.normal(size=size)))
        for _ in range(20)
    ]
    order = rng.permutation(size + 2 * POINTS)
    return Distractors(locations, 3.0 * np.array(lower), order, np.argsort(order)[: 2 * POINTS])


def _prior() -> Prior:
    return uniform_prior(numbered(5), [-3.0] * 5, [3.0] * 5)
