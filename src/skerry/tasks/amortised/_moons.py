"""Two moons: a noisy arc, seen through an absolute value."""

from __future__ import annotations

import numpy as np

from skerry._types import BoolArray, FloatArray
from skerry.tasks._task import uniform_prior
from skerry.tasks.amortised._task import AmortisedTask, likelihood_task, numbered

OFFSET, RADIUS, SPREAD = 0.25, 0.1, 0.01
LOG_NORM = float(np.log(np.sqrt(2.0 * np.pi) * SPREAD * np.pi))
RANGES, ANGLES = 400, 4000  # nodes of the evidence's quadrature


def two_moons() -> AmortisedTask:
    """A half ring and a fold: x = p + (-|z1|, z2), theta uniform in [-1, 1]^2.

    z is theta turned by -45 degrees. p = (r cos a + 0.25, r sin a), r ~ N(0.1, 0.01), a
    uniform in (-pi/2, pi/2): its density in the plane is N(r; 0.1, 0.01) / (pi r), where 1/r is
    the Jacobian of polar coordinates.
    """
    return likelihood_task(
        "two_moons",
        uniform_prior(numbered(2), [-1.0, -1.0], [1.0, 1.0]),
        log_likelihood,
        simulator,
        sampler=sample,
        evidence=log_evidence,
        note="Two thin crescents that mirror each other, sometimes cut by the prior.",
    )


def turned(theta: FloatArray) -> FloatArray:
    """The turned point z = ((theta1 + theta2), (theta2 - theta1)) / sqrt 2."""
    total, gap = theta[:, 0] + theta[:, 1], theta[:, 1] - theta[:, 0]
    return np.stack([total, gap], axis=1) / np.sqrt(2.0)


def simulator(theta: FloatArray, rng: np.random.Generator) -> FloatArray:
    """An observation for each point."""
    z = turned(theta)
    return half_ring(len(theta), rng) + np.stack([-np.abs(z[:, 0]), z[:, 1]], axis=1)


def half_ring(n: int, rng: np.random.Generator) -> FloatArray:
    """The points p (n, 2)."""
    angle = rng.uniform(-np.pi / 2.0, np.pi / 2.0, n)
    return on_ring(rng.normal(RADIUS, SPREAD, n), angle)


def on_ring(r: FloatArray, angle: FloatArray) -> FloatArray:
    """The point p of a radius and an angle."""
    return np.stack([r * np.cos(angle) + OFFSET, r * np.sin(angle)], axis=1)


def log_likelihood(theta: FloatArray, x: FloatArray) -> FloatArray:
    """Log N(r; 0.1, 0.01) - log(pi r) on the half plane p1 > 0.25, else -inf."""
    z = turned(theta)
    u = x[:, 0] + np.abs(z[:, 0]) - OFFSET
    r = np.hypot(u, x[:, 1] - z[:, 1])
    fine = (u > 0.0) & (r > 0.0)
    safe = np.where(fine, r, 1.0)
    values = -0.5 * ((safe - RADIUS) / SPREAD) ** 2 - np.log(safe) - LOG_NORM
    return np.where(fine, values, -np.inf)


def preimages(p: FloatArray, x: FloatArray) -> FloatArray:
    """Both points (2, n, 2) which p takes to x; nan where there is none."""
    size = p[:, 0] - x[0]
    size = np.where(size >= 0.0, size, np.nan)
    other = x[1] - p[:, 1]
    points = [np.stack([sign * size - other, sign * size + other], axis=1) for sign in (-1, 1)]
    return np.asarray(np.stack(points) / np.sqrt(2.0))


def inside(theta: FloatArray) -> BoolArray:
    """Where the prior isn't 0."""
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(theta) <= 1.0).all(axis=-1))


def sample(x: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """Exact draws: p, then one of its two preimages; those outside the prior are drawn again."""
    parts: list[FloatArray] = []
    missing = n
    while missing > 0:
        theta = preimages(half_ring(2 * missing + 100, rng), x)
        chosen = theta[rng.integers(2, size=theta.shape[1]), np.arange(theta.shape[1])]
        parts.append(chosen[inside(chosen)][:missing])
        missing -= len(parts[-1])
    return np.concatenate(parts)


def log_evidence(x: FloatArray) -> float:
    """Log of a quarter of the mass that both preimages have inside the prior (midpoint rule)."""
    steps = (np.arange(RANGES) + 0.5) / RANGES
    r = RADIUS + SPREAD * 6.0 * (2.0 * steps - 1.0)
    weight = np.exp(-0.5 * ((r - RADIUS) / SPREAD) ** 2)
    angle = np.pi * ((np.arange(ANGLES) + 0.5) / ANGLES - 0.5)
    p = on_ring(np.repeat(r, ANGLES), np.tile(angle, RANGES))
    kept = inside(preimages(p, x)).sum(axis=0).reshape(RANGES, ANGLES).mean(axis=1)
    return float(np.log(0.25 * np.sum(weight * kept) / np.sum(weight)))
