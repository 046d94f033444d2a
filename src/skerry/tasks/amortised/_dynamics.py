"""Differential equations seen through noise: an epidemic, a predator and its prey.

Both are solved in the logarithms of their populations, which stay positive.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.stats as st

from skerry._types import FloatArray
from skerry.noise import Binomial, LogNormal
from skerry.priors import Prior
from skerry.tasks.amortised._ode import solve
from skerry.tasks.amortised._task import AmortisedTask, forward_task
from skerry.tasks.amortised._truth import by_cells

PEOPLE, TESTED = 1e6, 1000
DAYS = 17.0 * np.arange(10.0)
EPIDEMIC = ((0.4, 0.5), (0.125, 0.2))  # medians and widths of the logarithms
EDGE = 6.0  # standard deviations of the prior: beyond lie 4e-9 of it
YEARS = 2.1 * np.arange(10.0)
PREY = ((np.exp(-0.125), 0.5), (np.exp(-3.0), 0.5)) * 2
SMALLEST, LARGEST = 1e-10, 1e4  # populations are cut there before noise is added


def sir() -> AmortisedTask:
    """An epidemic among a million: dS = -beta S I / N, dI = beta S I / N - gamma I, I(0) = 1.

    Seen: the infected among 1000 people tested, each 17th day from day 0; binomial.
    """
    prior, noise = _log_normal(("beta", "gamma"), EPIDEMIC), Binomial(TESTED)

    def log_density(u: FloatArray, x: FloatArray) -> FloatArray:
        log_prior = -0.5 * np.sum(u**2, axis=1) - np.log(2.0 * np.pi)
        return noise.log_prob(x, infected(prior.from_u(u))) + log_prior

    draw, log_evidence = by_cells(
        log_density, [-EDGE] * 2, [EDGE] * 2, [48, 48], order=4, efficiency=0.4
    )
    return forward_task(
        "sir",
        prior,
        infected,
        noise,
        sampler=lambda x, n, rng: prior.from_u(draw(x, n, rng)),
        evidence=log_evidence,
        note="A narrow, curved mode whose size depends on the observation.",
    )


def infected(theta: FloatArray) -> FloatArray:
    """The infected share of the people (n, 10) for rates (n, 2)."""

    def rates(log_y: FloatArray, theta: FloatArray) -> FloatArray:
        shares = np.exp(log_y)
        return np.stack([-theta[0] * shares[1], theta[0] * shares[0] - theta[1]])

    start = np.log([1.0 - 1.0 / PEOPLE, 1.0 / PEOPLE])
    return np.minimum(np.exp(solve(rates, start, theta, DAYS)[:, :, 1]), 1.0)


def lotka_volterra() -> AmortisedTask:
    """Prey and predators: dx = alpha x - beta x y, dy = -gamma y + delta x y, from (30, 1).

    Seen: both at ten times, 2.1 apart, first all x; log-normal noise of width 0.1.
    """
    return forward_task(
        "lotka_volterra",
        _log_normal(("alpha", "beta", "gamma", "delta"), PREY),
        populations,
        LogNormal(0.1),
        note="Very narrow posteriors, 1% of the prior's width in each of four dimensions.",
    )


def populations(theta: FloatArray) -> FloatArray:
    """Ten numbers of prey, then ten of predators, (n, 20), for rates (n, 4)."""

    def rates(log_y: FloatArray, theta: FloatArray) -> FloatArray:
        prey, predators = np.exp(log_y)
        return np.stack([theta[0] - theta[1] * predators, theta[3] * prey - theta[2]])

    found = solve(rates, np.log([30.0, 1.0]), theta, YEARS)
    return np.clip(np.exp(found), SMALLEST, LARGEST).transpose(0, 2, 1).reshape(len(theta), -1)


def _log_normal(names: Sequence[str], laws: Sequence[tuple[float, float]]) -> Prior:
    parts = zip(names, laws, strict=True)
    return Prior({name: st.lognorm(width, scale=median) for name, (median, width) in parts})
