"""The Higgs boson's couplings, with the measured signal strengths as the observation."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from skerry._types import FloatArray
from skerry.noise import SplitNormal
from skerry.tasks._cells import Cells, cut
from skerry.tasks._higgs import NOTE, SOURCE, VARIANTS, measurements, strengths
from skerry.tasks._task import uniform_prior
from skerry.tasks.amortised._task import AmortisedTask, noisy


def higgs(name: str) -> AmortisedTask:
    """Couplings of one of the Higgs tasks; x holds twenty signal strengths, those measured first.

    The strengths scatter about their predictions with the measurements' errors, the upper below a
    prediction and the lower above it: the likelihood is that of the task for one observation, but
    normalised.
    """
    from skerry.problem import Problem

    variant = VARIANTS[name]
    _, _, strength, up, down = zip(*measurements(), strict=True)
    noise = SplitNormal(down, up)

    def forward(theta: FloatArray) -> FloatArray:
        return strengths(*variant.couplings(theta))

    prior = uniform_prior(variant.names, variant.low, variant.high)
    problem = Problem(prior, forward=forward, noise=noise, jax=False)
    low = [
        0.0 if variant.mirrored and j == prior.ndim - 1 else b for j, b in enumerate(variant.low)
    ]

    def log_density(theta: FloatArray, x: FloatArray) -> FloatArray:
        values = noise.log_prob(x, forward(theta))
        return np.where(np.isnan(values), -np.inf, values)

    @lru_cache(maxsize=16)
    def cells(numbers: tuple[float, ...]) -> Cells:
        x = np.array(numbers)
        return cut(
            lambda theta: log_density(theta, x), low, variant.high, variant.grid, efficiency=0.2
        )

    def sample(x: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
        theta = cells(tuple(x.tolist())).sample(n, rng)
        if variant.mirrored:
            theta[:, -1] *= rng.choice([-1.0, 1.0], n)
        return theta

    def log_evidence(x: FloatArray) -> float:
        found = cells(tuple(x.tolist())).log_integral(4 if prior.ndim < 4 else 3)
        return found - float(np.sum(np.log(np.subtract(variant.high, low))))

    return AmortisedTask(
        name=name,
        problem=problem,
        simulator=noisy(forward, noise),
        observations=np.array([strength]),
        parameters=None,
        sampler=sample,
        evidence=log_evidence,
        note=NOTE,
        source=SOURCE,
    )
