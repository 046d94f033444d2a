"""What a method is given, and what it has to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from frame.clock import Clock


class Stopped(BaseException):
    """A cap was reached inside a method that doesn't stop by itself; the text says which."""


@dataclass(frozen=True)
class Job:
    """One run: the prior, the counted likelihood, and what is asked for."""

    prior: Any  # a skerry.Prior
    log_likelihood: "Counted"  # (n, d) -> (n,)
    seed: int
    n_effective: int
    max_calls: int
    clock: Clock

    @property
    def periodic(self) -> np.ndarray:
        """Indices of the parameters on a circle."""
        return np.flatnonzero(self.prior.periodic)

    def from_cube(self, cube: Any) -> np.ndarray:
        """Unit cube to parameters, (n, d) or (d,)."""
        from scipy.special import ndtri

        cube = np.asarray(cube, dtype=np.float64)
        return self.prior.from_u(ndtri(np.atleast_2d(cube))).reshape(cube.shape)

    def one(self, theta: Any) -> float:
        """The log likelihood of one point."""
        return float(self.log_likelihood(theta)[0])


class Counted:
    """A likelihood that counts its points and its time, and stops well past the cap.

    ``counter`` is an array of one integer, which may live in a file, so that the count outlives a
    process that is killed.
    """

    def __init__(self, function: Callable, max_calls: int, clock: Clock, counter: Any = None):
        self.function, self.max_calls, self.clock = function, max_calls, clock
        self.counter = np.zeros(1, dtype=np.int64) if counter is None else counter

    @property
    def n_calls(self) -> int:
        return int(self.counter[0])

    def __call__(self, theta: Any) -> np.ndarray:
        theta = np.atleast_2d(np.asarray(theta, dtype=np.float64))
        if self.n_calls > 1.2 * self.max_calls:
            raise Stopped("calls")
        self.counter[0] += len(theta)
        with self.clock.span("likelihood"):
            return self.function(theta)


@dataclass(frozen=True)
class Found:
    """What a method says: weighted samples, evidence with its error, how it ended.

    ``log_evidence`` is None for a method that estimates none, ``n_effective`` for one whose draws
    come from an approximation and cost no calls.
    """

    samples: np.ndarray
    weights: np.ndarray
    log_evidence: float | None
    log_evidence_error: float | None
    n_effective: float | None
    status: str
    out_of_calls: bool = False


def equal(n: int) -> np.ndarray:
    """Weights of independent draws."""
    return np.full(n, 1.0 / n)
