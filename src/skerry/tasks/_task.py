"""A benchmark problem with its exact truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skerry._seeds import SeedLike, as_seed
from skerry._types import FloatArray, IntArray
from skerry.errors import InputError

if TYPE_CHECKING:
    from skerry.priors import Prior
    from skerry.problem import Problem

HDR_DRAWS = 200_000
HDR_OUTSIDE = 0.001


@dataclass(frozen=True)
class TaskMode:
    """A mode of the exact posterior: where it peaks (d,), and its share of the mass."""

    location: FloatArray
    mass: float


@dataclass(frozen=True)
class Task:
    """A problem whose evidence, density, modes and draws are known exactly.

    Attributes:
        name: its name in the registry.
        problem: what an inference gets to see.
        log_evidence: log Z, with the normalisation of the problem's likelihood.
        log_evidence_error: 0 for a closed form, the quadrature's error bound, or the standard
            error of a long run.
        modes: locations and masses.
        sampler: (n, rng) -> independent exact posterior draws (n, d).
        labeller: points (n, d) -> the index (n,) of the mode each belongs to.
        note: what is hard about it, and how modes are told apart.
        source: where it comes from.
        mass_error: the largest standard error of the masses, 0 for a closed form.
    """

    name: str
    problem: Problem
    log_evidence: float
    log_evidence_error: float
    modes: tuple[TaskMode, ...]
    sampler: Callable[[int, np.random.Generator], FloatArray]
    labeller: Callable[[FloatArray], IntArray]
    note: str
    source: str
    mass_error: float = 0.0

    def sample(self, n: int, seed: SeedLike) -> FloatArray:
        """Independent exact posterior draws (n, d)."""
        if n < 1:
            raise InputError(f"Expected n >= 1 draws; got {n}.")
        return self.sampler(int(n), as_seed(seed).child("task", self.name).numpy())

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """The normalised log posterior (n,): log prior + log L - log Z."""
        log_prior = self.problem.prior.log_prob(theta)
        return log_prior + self.problem.log_likelihood(theta) - self.log_evidence

    def label(self, theta: FloatArray) -> IntArray:
        """The index (n,) into ``modes`` of the mode each point belongs to."""
        return self.labeller(np.asarray(theta, dtype=np.float64))

    @cached_property
    def hdr_level(self) -> float:
        """The log density below which lies 0.1% of the posterior: bridges are what lies there.

        The 0.001 quantile of the log density at 200,000 exact draws with a fixed seed.
        """
        return float(np.quantile(self.log_prob(self.sample(HDR_DRAWS, 0)), HDR_OUTSIDE))


def uniform_prior(names: Sequence[str], low: Sequence[float], high: Sequence[float]) -> Prior:
    """Independent uniform parameters in a box."""
    import scipy.stats as st

    from skerry.priors import Prior

    boxes = zip(names, low, high, strict=True)
    return Prior({name: st.uniform(a, b - a) for name, a, b in boxes})


def numbered(ndim: int) -> tuple[str, ...]:
    """The names x0, x1, ..."""
    return tuple(f"x{i}" for i in range(ndim))
