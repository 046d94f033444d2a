"""Curved islands in closed form: bananas, a ring beside a blob, a helix.

Each is a Gaussian pushed through a shear, which keeps volumes, or a ring with a known integral.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.tasks._mixture import LOG_2PI, Gaussian, falling_masses, mixture_task
from skerry.tasks._task import Task, numbered


@dataclass(frozen=True)
class Banana:
    """x = location + s z, then x_j += h (z_i^2) for each bend (i, j, h), with z ~ N(0, I).

    The shear keeps volumes; the density peaks at the location, and the banana's tips lie
    4 h away from it along axis j at two standard deviations of axis i.
    """

    location: FloatArray
    spread: FloatArray
    bends: tuple[tuple[int, int, float], ...]

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """Log density (n,)."""
        z = (theta - self.location) / self.spread
        straight = z.copy()
        for i, j, height in self.bends:
            straight[:, j] -= height * z[:, i] ** 2 / self.spread[j]
        norm = np.sum(np.log(self.spread)) + 0.5 * len(self.spread) * LOG_2PI
        return -0.5 * np.sum(straight**2, axis=1) - norm

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, d)."""
        z = rng.standard_normal((n, len(self.spread)))
        x = self.location + self.spread * z
        for i, j, height in self.bends:
            x[:, j] += height * z[:, i] ** 2
        return x


def bananas(ndim: int, n_modes: int = 6, seed: int = 0) -> Task:
    """Curved islands of unequal masses: one bend below 8 dimensions, two from there.

    Raises:
        InputError: for fewer than 2 dimensions, or more islands than find room.
    """
    if ndim < 2 or n_modes < 1:
        raise InputError(f"Expected ndim >= 2 and n_modes >= 1; got {ndim} and {n_modes}.")
    rng = np.random.default_rng([seed, ndim, n_modes, 1])
    islands: list[Banana] = []
    for _ in range(10_000):
        new = _random_banana(ndim, rng)
        gaps = [np.linalg.norm(new.location - b.location) for b in islands]
        if min(gaps, default=np.inf) > 3.0 and all(_clear(new, b) for b in islands):
            islands.append(new)
        if len(islands) == n_modes:
            break
    else:
        raise InputError(
            f"Expected bananas that fit into the prior apart from each other; got {n_modes} in "
            f"{ndim} dimensions; ask for fewer."
        )
    return mixture_task(
        f"bananas(ndim={ndim}, n_modes={n_modes}, seed={seed})",
        islands,
        list(falling_masses(n_modes, 0.75)),
        names=numbered(ndim),
        low=[-10.0] * ndim,
        high=[10.0] * ndim,
        note="Thin curved islands, whose covariance says little about their shape. "
        "A point belongs to the component with the largest share of the density.",
        source="Haario, Saksman & Tamminen 1999 (one banana); this mixture is in closed form.",
    )


def _random_banana(ndim: int, rng: np.random.Generator) -> Banana:
    """Long along one axis (or two), bent across it towards the middle of the box."""
    location = rng.uniform(-4.5, 4.5, ndim)
    spread = rng.uniform(0.3, 0.6, ndim)
    axes = rng.permutation(ndim)
    bends = []
    for i, j in axes[: 4 if ndim >= 8 else 2].reshape(-1, 2):
        spread[i], spread[j] = 0.6, 0.1
        bends.append((int(i), int(j), float(-np.sign(location[j]) * 0.15)))
    return Banana(location, spread, tuple(bends))


def _clear(a: Banana, b: Banana) -> bool:
    """Whether draws of each banana lie 12 nats or more below the other's own density there."""
    rng = np.random.default_rng(0)
    pairs = ((p, q, p.sample(4000, rng)) for p, q in ((a, b), (b, a)))
    return all(np.min(p.log_prob(x) - q.log_prob(x)) > 12.0 for p, q, x in pairs)


@dataclass(frozen=True)
class Ring:
    """f = exp(-(r - R)^2 / (2 s^2)) / (2 pi R s sqrt(2 pi)), r the distance from the centre.

    The norm takes r down to -infinity: for R > 8 s an error below 1e-15.
    """

    centre: FloatArray
    radius: float
    spread: float

    @property
    def location(self) -> FloatArray:
        """One of the ring's highest points."""
        return self.centre + np.array([self.radius, 0.0])

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """Log density (n,)."""
        r = np.hypot(*(theta - self.centre).T)
        norm = np.log(2.0 * np.pi * self.radius * self.spread) + 0.5 * LOG_2PI
        return -0.5 * ((r - self.radius) / self.spread) ** 2 - norm

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, 2): r by rejection from N(R, s^2) with probability r / (R + 8 s)."""
        r = np.empty(0)
        while r.size < n:
            tried = self.radius + self.spread * rng.standard_normal(2 * n + 10)
            most = self.radius + 8.0 * self.spread
            r = np.concatenate([r, tried[rng.random(tried.size) * most < tried]])
        angle = rng.uniform(0.0, 2.0 * np.pi, n)
        return self.centre + r[:n, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ring_blob() -> Task:
    """A thin ring, and a small blob beside it with 30% of the mass."""
    return mixture_task(
        "ring_blob",
        [Ring(np.array([-1.5, -1.5]), 3.0, 0.08), Gaussian(np.array([3.8, 3.8]), 0.1 * np.eye(2))],
        [0.7, 0.3],
        names=numbered(2),
        low=[-6.0] * 2,
        high=[6.0] * 2,
        note="The ring fills every bounding ellipsoid and hides the blob; no Gaussian fits it. "
        "The ring counts as one mode.",
        source="Closed form.",
    )


@dataclass(frozen=True)
class Helix:
    """z ~ N(0, 1); x and y ~ N(R cos(w z), s^2) and N(R sin(w z), s^2): a shear of a Gaussian."""

    radius: float
    turns: float
    spread: float

    @property
    def location(self) -> FloatArray:
        """The middle of the tube."""
        return np.array([self.radius, 0.0, 0.0])

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """Log density (n,)."""
        x, y, z = theta.T
        angle = 2.0 * np.pi * self.turns * z
        across = (x - self.radius * np.cos(angle)) ** 2 + (y - self.radius * np.sin(angle)) ** 2
        norm = 2.0 * np.log(self.spread) + 1.5 * LOG_2PI
        return -0.5 * (z**2 + across / self.spread**2) - norm

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, 3)."""
        z = rng.standard_normal(n)
        angle = 2.0 * np.pi * self.turns * z
        middle = self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        xy = middle + self.spread * rng.standard_normal((n, 2))
        return np.column_stack([xy, z])


def helix() -> Task:
    """A thin tube wound half a turn per standard deviation of its height: one mode, not many."""
    return mixture_task(
        "helix",
        [Helix(1.0, 0.5, 0.05)],
        [1.0],
        names=("x", "y", "z"),
        low=[-2.0, -2.0, -8.0],
        high=[2.0, 2.0, 8.0],
        note="One thin curved mode: a method that counts several is wrong.",
        source="Closed form.",
    )
