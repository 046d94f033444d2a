"""Tasks in closed form: a mixture of normalised densities, well inside a uniform prior's box.

The likelihood is L = sum_k m_k f_k with densities f_k that integrate to 1 within the box, so
log Z = -log(volume of the box), and the masses are m_k up to the overlap of the islands, which
each task keeps below 1e-5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.tasks._task import Task, TaskMode, uniform_prior

LOG_2PI = float(np.log(2.0 * np.pi))


class Component(Protocol):
    """A normalised density with exact draws."""

    @property
    def location(self) -> FloatArray:
        """A point of highest density, (d,)."""
        ...

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """Log density (n,) at points (n, d)."""
        ...

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, d)."""
        ...


@dataclass(frozen=True)
class Gaussian:
    """N(location, A A^T) with a square root A (d, d) of the covariance."""

    location: FloatArray
    root: FloatArray

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """Log density (n,)."""
        z = (theta - self.location) @ np.linalg.inv(self.root).T
        log_det = np.linalg.slogdet(self.root)[1]
        return -0.5 * np.sum(z**2, axis=1) - log_det - 0.5 * len(self.location) * LOG_2PI

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, d)."""
        return self.location + rng.standard_normal((n, len(self.location))) @ self.root.T


@dataclass(frozen=True)
class Mixture:
    """sum_k m_k f_k."""

    masses: tuple[float, ...]
    components: tuple[Component, ...]

    def log_parts(self, theta: FloatArray) -> FloatArray:
        """log(m_k f_k), (K, n)."""
        pairs = zip(self.masses, self.components, strict=True)
        return np.stack([np.log(m) + f.log_prob(theta) for m, f in pairs])

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """Log density (n,)."""
        return np.logaddexp.reduce(self.log_parts(theta), axis=0)

    def label(self, theta: FloatArray) -> IntArray:
        """The component (n,) with the largest share of the density."""
        return np.argmax(self.log_parts(theta), axis=0)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, d) in random order."""
        which = rng.choice(len(self.masses), size=n, p=self.masses)
        points = np.empty((n, len(self.components[0].location)))
        for k, component in enumerate(self.components):
            points[which == k] = component.sample(int(np.sum(which == k)), rng)
        return points


def mixture_task(
    name: str,
    components: Sequence[Component],
    masses: Sequence[float],
    *,
    names: Sequence[str],
    low: Sequence[float],
    high: Sequence[float],
    note: str,
    source: str,
) -> Task:
    """The task whose likelihood is a mixture inside the box from low (d,) to high (d,)."""
    from skerry.problem import Problem

    mixture = Mixture(tuple(masses), tuple(components))
    pairs = zip(components, masses, strict=True)
    return Task(
        name=name,
        problem=Problem(uniform_prior(names, low, high), mixture.log_prob),
        log_evidence=-float(np.sum(np.log(np.subtract(high, low)))),
        log_evidence_error=0.0,
        modes=tuple(TaskMode(f.location, float(m)) for f, m in pairs),
        sampler=mixture.sample,
        labeller=mixture.label,
        note=note,
        source=source,
    )


def falling_masses(n: int, ratio: float) -> FloatArray:
    """Masses (n,) in proportion to 1, ratio, ratio^2, ..."""
    masses = ratio ** np.arange(n)
    return masses / masses.sum()
