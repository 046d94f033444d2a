"""Where training observations come from: a fixed list, or a stream that never repeats itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.errors import EvaluationError, InputError, ProblemError
from skerry.evaluate import Failures
from skerry.priors import Prior
from skerry.problem import Problem

Simulator: TypeAlias = Callable[[FloatArray, np.random.Generator], Any]


class Block(NamedTuple):
    """Observations to train on: x ``(n, ...)``, a posterior particle each ``(n, d)``, its row."""

    x: FloatArray
    u: FloatArray
    rows: IntArray | None


class Source(ABC):
    """Blocks of observations with particles."""

    @abstractmethod
    def block(self, n: int, rng: np.random.Generator) -> Block:
        """The next n observations."""

    @abstractmethod
    def keep(self, rows: IntArray | None, u: FloatArray) -> None:
        """Take over new particles ``(n, d)`` for a block's rows."""


@final
class Observed(Source):
    """A list of observations; each remembers its particle. A pass visits all before any again."""

    def __init__(self, x: FloatArray, u: FloatArray) -> None:
        self.x, self.u = x, u.copy()
        self._queue = np.empty(0, np.int64)

    def block(self, n: int, rng: np.random.Generator) -> Block:
        while len(self._queue) < n:
            self._queue = np.concatenate([self._queue, rng.permutation(len(self.x))])
        rows, self._queue = self._queue[:n], self._queue[n:]
        return Block(self.x[rows], self.u[rows], rows)

    def keep(self, rows: IntArray | None, u: FloatArray) -> None:
        self.u[rows] = u


@final
class Streamed(Source):
    """Fresh observations each time, each with the parameters that generated it."""

    def __init__(self, draw: Callable[[int, np.random.Generator], tuple[Any, Any]]) -> None:
        self._draw = draw

    def block(self, n: int, rng: np.random.Generator) -> Block:
        x, u = self._draw(n, rng)
        return Block(x, u, None)

    def keep(self, rows: IntArray | None, u: FloatArray) -> None:
        """Nothing: the next block is another."""


@final
class Likelihoods:
    """The problem's likelihood on u for many observations; counts its evaluations."""

    def __init__(self, problem: Problem, failures: Failures) -> None:
        self.problem, self._failures = problem, failures
        self.n_evaluations = 0

    def __call__(self, u: FloatArray, x: Any) -> FloatArray:
        """``(k, n, d)`` and k observations to ``(k, n)``; failed ones are -inf, or raise."""
        theta = self.problem.prior.from_u(u.reshape(-1, u.shape[2])).reshape(u.shape)
        values = self.problem.log_likelihoods(theta, x)
        self.n_evaluations += values.size
        failed = np.isnan(values) | (values == np.inf)
        if failed.any() and self._failures == "raise":
            raise EvaluationError(
                f"Expected log-likelihoods that are numbers, or -inf; got {values[failed][0]} at "
                f"{int(failed.sum())} of {values.size} points, the first "
                f"{theta[failed][0].tolist()}; mend the function there, or pass "
                'failures="zero" to give such points no weight.',
                theta=theta[failed],
            )
        return np.where(failed, -np.inf, values)


@dataclass(frozen=True)
class Made:
    """Sources for training and scoring, and what they cost.

    Attributes:
        train: what is trained on.
        held_out: observations and particles that only score.
        scale: observations to standardise by, ``(k, ...)``.
        n_simulations: forward runs or simulations so far; None where they never end.
    """

    train: Source
    held_out: Observed
    scale: FloatArray
    n_simulations: int | None


def simulated(
    prior: Prior, simulate: Simulator, n: int | None, held_out: float, rng: np.random.Generator
) -> Made:
    """Observations of a simulator at prior draws: n of them, or a stream (None)."""

    def draw(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        u = prior_draws(n, prior.ndim, rng)
        return as_observations(simulate(prior.from_u(u), rng), n), u

    if n is None:
        x, u = draw(1000, rng)
        return Made(Streamed(draw), Observed(x, u), x, None)
    x, u = draw(n, rng)
    return listed(x, u, held_out, rng, n_simulations=n)


def forward(problem: Problem, n: int, held_out: float, rng: np.random.Generator) -> Made:
    """Runs of a forward model at n prior draws, kept; every block draws fresh noise on them."""
    noise: Any = problem.noise
    u = prior_draws(n, problem.prior.ndim, rng)
    predictions = problem.predict(problem.prior.from_u(u))
    fine = np.isfinite(predictions).all(axis=1)
    if not fine.all():
        raise EvaluationError(
            f"Expected finite predictions; got nan or inf at {int((~fine).sum())} of {n} prior "
            "draws; mend the forward model there, or narrow the prior.",
            theta=problem.prior.from_u(u[~fine]),
        )
    last = n - _n_held_out(n, held_out)

    def draw(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        rows = rng.integers(last, size=n)
        return noise.sample(predictions[rows], rng), u[rows]

    scored = noise.sample(predictions[last:], rng)
    scale = noise.sample(predictions[:last], rng)
    return Made(Streamed(draw), Observed(scored, u[last:]), scale, n)


def listed(
    x: FloatArray,
    u: FloatArray,
    held_out: float,
    rng: np.random.Generator,
    *,
    n_simulations: int,
) -> Made:
    """A list of observations with a particle each; too short a list is scored on itself."""
    order = rng.permutation(len(x))
    n = _n_held_out(len(x), held_out)
    if n < 10:
        return Made(Observed(x, u), Observed(x, u), x, n_simulations)
    train, scored = order[n:], order[:n]
    return Made(Observed(x[train], u[train]), Observed(x[scored], u[scored]), x, n_simulations)


def check_pairs(likelihoods: Likelihoods, source: Observed) -> None:
    """Refuse a simulator whose observations the likelihood calls impossible."""
    values = likelihoods(source.u[:, None], source.x)[:, 0]
    impossible = ~np.isfinite(values)
    if impossible.mean() > 0.01:
        raise ProblemError(
            f"Expected observations that are possible where they were generated; got a "
            f"log-likelihood of -inf for {int(impossible.sum())} of {len(values)} simulated pairs; "
            "simulator and likelihood disagree: check that they describe the same model."
        )


def prior_draws(n: int, d: int, rng: np.random.Generator) -> FloatArray:
    """Prior draws on u, numbers that float32 can hold."""
    return rng.standard_normal((n, d)).astype(np.float32).astype(np.float64)


def as_observations(x: Any, n: int) -> FloatArray:
    """What a simulator or user gives as finite float64 ``(n, ...)``.

    Raises:
        InputError: for another length, or numbers that aren't finite.
    """
    try:
        array = np.asarray(x, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Expected observations of numbers; got {type(x).__name__}; give an array (n, m)."
        ) from error
    if array.ndim < 2 or len(array) != n:
        raise InputError(
            f"Expected {n} observations, one a row, shape ({n}, m); got shape {array.shape}; "
            "for single numbers give x[:, None]."
        )
    if not np.isfinite(array).all():
        raise InputError(
            f"Expected finite observations; got nan or inf in row "
            f"{int(np.argmin(np.isfinite(array.reshape(n, -1)).all(axis=1)))}; leave such "
            "simulations out, or give failed ones a number of their own."
        )
    return array


def _n_held_out(n: int, share: float) -> int:
    return min(round(share * n), 1000)
