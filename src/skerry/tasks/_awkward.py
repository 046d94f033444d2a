"""Awkward places in closed form: needles, walls and holes, a seam, a hundred islands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ive
from scipy.stats import ncx2

from skerry._types import BoolArray, FloatArray
from skerry.tasks._gaussians import HALF
from skerry.tasks._mixture import LOG_2PI, Component, Gaussian, Mixture, mixture_task
from skerry.tasks._task import Task, TaskMode, numbered

TURN = 2.0 * np.pi


def narrow() -> Task:
    """Three islands, 1e-4 of the prior's width each; the lightest has 0.5% of the mass."""
    places = np.array([[-6.1, 3.3], [4.7, 7.9], [2.2, -5.4]])
    return mixture_task(
        "narrow_2d",
        [Gaussian(place, 0.002 * np.eye(2)) for place in places],
        [0.695, 0.3, 0.005],
        names=numbered(2),
        low=[-HALF] * 2,
        high=[HALF] * 2,
        note="One draw of the prior in 10,000,000 lies within two standard deviations of a given "
        "island: only climbing finds them. "
        "A point belongs to the component with the largest share of the density.",
        source="Closed form.",
    )


def many() -> Task:
    """A hundred round islands on a grid, masses from 0.4% to 1.6%."""
    grid = -8.55 + 1.9 * np.arange(10)
    places = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    masses = np.random.default_rng(100).permutation(np.linspace(0.4, 1.6, 100))
    return mixture_task(
        "many_2d",
        [Gaussian(place, 0.12 * np.eye(2)) for place in places],
        list(masses / masses.sum()),
        names=numbered(2),
        low=[-HALF] * 2,
        high=[HALF] * 2,
        note="As many islands as one may meet. "
        "A point belongs to the component with the largest share of the density.",
        source="Closed form.",
    )


@dataclass(frozen=True)
class Within:
    """A density cut down to a region that holds a known share of it."""

    base: Component
    region: Callable[[FloatArray], BoolArray]
    share: float
    location: FloatArray

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """Log density (n,), -inf outside the region."""
        inside = self.base.log_prob(theta) - np.log(self.share)
        return np.where(self.region(theta), inside, -np.inf)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, d): those of the base that fall inside."""
        kept = np.empty((0, len(self.location)))
        while len(kept) < n:
            drawn = self.base.sample(2 * n + 10, rng)
            kept = np.concatenate([kept, drawn[self.region(drawn)]])
        return kept[:n]


@dataclass(frozen=True)
class Corner:
    """Exponential falls away from a corner: prod_j exp(-(c_j - x_j) / s_j) / s_j below it."""

    location: FloatArray
    scale: FloatArray

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """Log density (n,), -inf beyond the corner."""
        fall = (self.location - theta) / self.scale
        below = np.all(fall >= 0.0, axis=1)
        return np.where(below, -np.sum(fall + np.log(self.scale), axis=1), -np.inf)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, d)."""
        return self.location - self.scale * rng.standard_exponential((n, len(self.scale)))


def edge() -> Task:
    """On [0, 1]^2: half an island at a wall, one in a corner, and one bitten by a round hole.

    The hole, of radius 0.04 around (0.548, 0.4), and the triangle x0 + x1 < 0.3 have likelihood 0.
    """
    wall, inside = np.array([0.0, 0.7]), np.array([0.5, 0.4])
    hole, radius, spread = np.array([0.548, 0.4]), 0.04, 0.04

    def possible(theta: FloatArray) -> BoolArray:
        far = np.sum((theta - hole) ** 2, axis=1) > radius**2
        return far & (theta.sum(axis=1) >= 0.3)

    bitten = ncx2.sf((radius / spread) ** 2, 2, np.sum((inside - hole) ** 2) / spread**2)
    return mixture_task(
        "edge_2d",
        [
            Within(
                Gaussian(wall, np.diag([0.02, 0.03])),
                lambda theta: possible(theta) & (theta[:, 0] >= 0.0),
                0.5,
                wall,
            ),
            Corner(np.array([1.0, 1.0]), np.array([0.01, 0.015])),
            Within(Gaussian(inside, spread * np.eye(2)), possible, float(bitten), inside),
        ],
        [0.4, 0.35, 0.25],
        names=numbered(2),
        low=[0.0] * 2,
        high=[1.0] * 2,
        note="Peaks on the prior's bounds, where coordinates without bounds run to infinity, and "
        "impossible regions, one of which cuts an island. "
        "A point belongs to the component with the largest share of the density.",
        source="Closed form.",
    )


@dataclass(frozen=True)
class Turned:
    """A von Mises angle a, and x ~ N(m + c sin(a - a0), s^2): a tilted island on a cylinder."""

    angle: float
    sharpness: float
    height: float
    tilt: float
    spread: float

    @property
    def location(self) -> FloatArray:
        """The peak: angle in [0, 2 pi) and height."""
        return np.array([np.mod(self.angle, TURN), self.height])

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """Log density (n,)."""
        gap = theta[:, 0] - self.angle
        z = (theta[:, 1] - self.height - self.tilt * np.sin(gap)) / self.spread
        norm = np.log(TURN * ive(0, self.sharpness)) + np.log(self.spread) + 0.5 * LOG_2PI
        return self.sharpness * (np.cos(gap) - 1.0) - 0.5 * z**2 - norm

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, 2), angles in [0, 2 pi)."""
        gap = rng.vonmises(0.0, self.sharpness, n)
        x = self.height + self.tilt * np.sin(gap) + self.spread * rng.standard_normal(n)
        return np.stack([np.mod(self.angle + gap, TURN), x], axis=1)


def seam() -> Task:
    """A circle and a line: one island across the seam, one elsewhere, one all round the circle."""
    import scipy.stats as st

    from skerry.priors import Periodic, Prior
    from skerry.problem import Problem

    islands = (
        Turned(0.05, 40.0, 1.0, 1.5, 0.15),
        Turned(2.6, 15.0, -2.0, -0.8, 0.2),
        Turned(4.0, 0.3, 4.0, 0.3, 0.1),
    )
    mixture = Mixture((0.5, 0.3, 0.2), islands)
    prior = Prior({"angle": Periodic(0.0, TURN), "x": st.uniform(-6.0, 12.0)})
    pairs = zip(islands, mixture.masses, strict=True)
    return Task(
        name="seam_2d",
        problem=Problem(prior, mixture.log_prob),
        log_evidence=-float(np.log(TURN * 12.0)),
        log_evidence_error=0.0,
        modes=tuple(TaskMode(island.location, mass) for island, mass in pairs),
        sampler=mixture.sample,
        labeller=mixture.label,
        note="The angle is periodic: an island that crosses the seam is one, and another goes all "
        "round. A point belongs to the component with the largest share of the density.",
        source="Von Mises and Gaussian densities; closed form.",
    )
