"""The Higgs boson's couplings, with the measured signal strengths as the observation."""

from __future__ import annotations

import numpy as np

from skerry._types import FloatArray
from skerry.noise import SplitNormal
from skerry.tasks._higgs import NOTE, SOURCE, VARIANTS, measurements, strengths
from skerry.tasks._task import uniform_prior
from skerry.tasks.amortised._task import AmortisedTask, noisy
from skerry.tasks.amortised._truth import by_cells


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

    draw, log_integral = by_cells(
        lambda theta, x: noise.log_prob(x, forward(theta)),
        low,
        variant.high,
        variant.grid,
        order=4 if prior.ndim < 4 else 3,
    )

    def sample(x: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
        theta = draw(x, n, rng)
        if variant.mirrored:
            theta[:, -1] *= rng.choice([-1.0, 1.0], n)
        return theta

    def log_evidence(x: FloatArray) -> float:
        return log_integral(x) - float(np.sum(np.log(np.subtract(variant.high, low))))

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
