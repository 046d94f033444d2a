"""A model with many observations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from skerry._seeds import SeedLike, as_seed
from skerry._types import FloatArray
from skerry.errors import InputError, UnsupportedError

if TYPE_CHECKING:
    from skerry.noise import Noise
    from skerry.priors import Prior
    from skerry.problem import Problem

Simulator: TypeAlias = Callable[[FloatArray, np.random.Generator], FloatArray]
Sampler: TypeAlias = Callable[[FloatArray, int, np.random.Generator], FloatArray]
SBIBM = "Lueckmann et al. 2021 (arXiv:2101.04653), package sbibm 1.1 (MIT licence)."


@dataclass(frozen=True)
class AmortisedTask:
    """A model, observations to infer from, and what is exactly known of their posteriors.

    Attributes:
        name: its name in the registry.
        problem: prior and log-likelihood; ``problem.log_likelihood(theta (n, d), x)`` takes one
            observation (m,) or one for each row (n, m).
        simulator: (theta (n, d), rng) -> an observation for each row (n, m).
        observations: those to infer from (k, m).
        parameters: the parameters that made them (k, d), or None if they were measured.
        sampler: (x (m,), n, rng) -> independent exact posterior draws (n, d), or None.
        evidence: x (m,) -> the exact log evidence, or None.
        note: what is hard about it.
        source: where it comes from.
    """

    name: str
    problem: Problem
    simulator: Simulator
    observations: FloatArray
    parameters: FloatArray | None
    sampler: Sampler | None
    evidence: Callable[[FloatArray], float] | None
    note: str
    source: str = SBIBM

    def simulate(self, theta: Any, seed: SeedLike) -> FloatArray:
        """A random observation for each point, (n, d) to (n, m)."""
        points = np.asarray(theta, dtype=np.float64)
        rng = as_seed(seed).child("simulate", self.name).numpy()
        return self.simulator(points, rng)

    def sample(self, x: Any, n: int, seed: SeedLike) -> FloatArray:
        """Independent exact draws (n, d) of the posterior given one observation x (m,).

        Raises:
            UnsupportedError: for a task without an exact sampler.
        """
        if self.sampler is None:
            raise UnsupportedError(
                f"Expected a task with an exact sampler; got {self.name}; compare with the "
                "reference draws of the package sbibm."
            )
        if n < 1:
            raise InputError(f"Expected n >= 1 draws; got {n}.")
        rng = as_seed(seed).child("sample", self.name).numpy()
        return self.sampler(self._observation(x), int(n), rng)

    def log_evidence(self, x: Any) -> float:
        """The exact log evidence of one observation x (m,).

        Raises:
            UnsupportedError: for a task whose evidence isn't known.
        """
        if self.evidence is None:
            raise UnsupportedError(
                f"Expected a task whose evidence is known; got {self.name}; compare with a long "
                "run of skerry.infer."
            )
        return float(self.evidence(self._observation(x)))

    def _observation(self, x: Any) -> FloatArray:
        array = np.asarray(x, dtype=np.float64)
        width = self.observations.shape[1]
        if array.shape != (width,):
            raise InputError(
                f"Expected one observation of shape ({width},); got {array.shape}; pass a row."
            )
        return array


def likelihood_task(
    name: str,
    prior: Prior,
    log_likelihood: Callable[[FloatArray, FloatArray], FloatArray],
    simulator: Simulator,
    note: str,
    sampler: Sampler | None = None,
    evidence: Callable[[FloatArray], float] | None = None,
) -> AmortisedTask:
    """A task of sbibm from its density: log_likelihood(theta (n, d), x (1, m) or (n, m))."""
    from skerry.problem import Problem

    def rows(theta: FloatArray, x: Any) -> FloatArray:
        return log_likelihood(theta, as_rows(x, len(theta)))

    problem = Problem(prior, rows, jax=False, pairwise=True)
    made = observations(name)
    return AmortisedTask(name, problem, simulator, *made, sampler, evidence, note)


def forward_task(
    name: str,
    prior: Prior,
    forward: Callable[[FloatArray], FloatArray],
    noise: Noise,
    note: str,
    sampler: Sampler | None = None,
    evidence: Callable[[FloatArray], float] | None = None,
) -> AmortisedTask:
    """A task of sbibm from its forward model and noise."""
    from skerry.problem import Problem

    problem = Problem(prior, forward=forward, noise=noise, jax=False)
    made = observations(name)
    simulator = noisy(forward, noise)
    return AmortisedTask(name, problem, simulator, *made, sampler, evidence, note)


def noisy(forward: Callable[[FloatArray], FloatArray], noise: Noise) -> Simulator:
    """The simulator of a forward model with noise."""
    return lambda theta, rng: noise.sample(forward(theta), rng)


def as_rows(x: Any, n: int) -> FloatArray:
    """An observation (1, m), or one for each of n points (n, m)."""
    rows = np.atleast_2d(np.asarray(x, dtype=np.float64))
    if rows.ndim != 2 or len(rows) not in (1, n):
        raise InputError(
            f"Expected one observation (m,), or one for each of {n} points ({n}, m); got shape "
            f"{np.shape(x)}; pass pairs row by row."
        )
    return rows


def observations(name: str) -> tuple[FloatArray, FloatArray]:
    """The benchmark's ten observations (10, m) and the parameters that made them (10, d)."""
    table = _table()
    return table[f"{name}.x"], table[f"{name}.theta"]


@cache
def _table() -> dict[str, FloatArray]:
    place = resources.files("skerry").joinpath("data", "sbibm_observations.npz")
    with place.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    for array in found.values():
        array.setflags(write=False)
    return found


def numbered(ndim: int) -> tuple[str, ...]:
    """The names theta1, theta2, ..."""
    return tuple(f"theta{i + 1}" for i in range(ndim))
