"""Where training observations come from: a fixed list, or a stream that never repeats itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from skerry._seeds import Seed
from skerry._types import FloatArray, IntArray
from skerry.amortization._blocks import Simulator, as_array, prior_draws
from skerry.amortization._keeping import Keeping
from skerry.errors import EvaluationError, InputError, ProblemError
from skerry.priors import Prior
from skerry.problem import Problem

FIRST = 1000  # of a stream: to score on, and to standardise by


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

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """What has changed since it was made, as arrays."""

    @abstractmethod
    def restore(self, arrays: dict[str, Any]) -> None:
        """Be again as at a snapshot."""


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

    def snapshot(self) -> dict[str, Any]:
        return {"u": self.u, "queue": self._queue}

    def restore(self, arrays: dict[str, Any]) -> None:
        self.u, self._queue = arrays["u"], arrays["queue"]


@final
class Streamed(Source):
    """Fresh observations each time, each with the parameters that generated it.

    Args:
        draw: (n, generator) to observations and parameters on u.
        keeping: of draws that took long; None draws them again.
    """

    def __init__(
        self,
        draw: Callable[[int, np.random.Generator], tuple[Any, Any]],
        keeping: Keeping | None = None,
    ) -> None:
        self._draw, self._keeping, self._n_blocks = draw, keeping, 0

    def block(self, n: int, rng: np.random.Generator) -> Block:
        self._n_blocks += 1
        own = rng.spawn(1)[0]  # what follows is the same whether this is drawn or kept
        if self._keeping is None:
            return Block(*self._draw(n, own), None)
        kept = self._keeping.block(self._n_blocks, lambda: self._draw(n, own))
        return Block(*kept, None)

    def keep(self, rows: IntArray | None, u: FloatArray) -> None:
        """Nothing: the next block is another."""

    def snapshot(self) -> dict[str, Any]:
        return {"n_blocks": np.array(self._n_blocks)}

    def restore(self, arrays: dict[str, Any]) -> None:
        self._n_blocks = int(arrays["n_blocks"])


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
    prior: Prior,
    simulator: Simulator,
    n: int | None,
    held_out: float,
    seed: Seed,
    keeping: Keeping,
    widen: float = 1.0,
) -> Made:
    """Observations of a simulator at prior draws: n of them, or a stream (None)."""
    rng = seed.child("observations").numpy()
    x, u = keeping.simulations(simulator, prior, FIRST if n is None else n, seed, widen)
    x = as_observations(x, len(u))
    if n is not None:
        return listed(x, u, held_out, rng, n_simulations=n)

    def draw(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        u = prior_draws(n, prior.ndim, rng)
        return as_observations(simulator(prior.from_u(u), rng), n), u

    return Made(Streamed(draw, keeping), Observed(x, u), x, None)


def forward(problem: Problem, n: int, held_out: float, seed: Seed, keeping: Keeping) -> Made:
    """Runs of a forward model at n prior draws, kept; every block draws fresh noise on them."""
    noise: Any = problem.noise
    rng = seed.child("observations").numpy()
    u = prior_draws(n, problem.prior.ndim, rng)
    found = keeping.forward_runs(problem, problem.prior.from_u(u))
    predictions = found.log_likelihood
    wide = predictions.reshape(n, -1)
    bad = found.failed | ~np.isfinite(wide).all(axis=1)
    if bad.any():
        got = found.messages[0] if found.messages else "nan or inf"
        raise EvaluationError(
            f"Expected finite predictions; got {got} at {int(bad.sum())} of {n} prior "
            "draws; mend the forward model there, or narrow the prior.",
            theta=found.theta[bad],
        )
    last = n - _n_held_out(n, held_out)

    def draw(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        rows = rng.integers(last, size=n)
        return noise.sample(predictions[rows], rng), u[rows]

    scored = noise.sample(predictions[last:], rng)
    scale = noise.sample(predictions[:last], rng)
    check_pairs(noise.log_prob(scored, predictions[last:]))
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


def check_pairs(values: FloatArray) -> None:
    """Refuse a simulator whose observations the likelihood, ``(n,)``, calls impossible."""
    impossible = ~np.isfinite(values)
    if impossible.mean() > 0.01:
        raise ProblemError(
            f"Expected observations that are possible where they were generated; got a "
            f"log-likelihood of -inf for {int(impossible.sum())} of {len(values)} simulated pairs; "
            "simulator and likelihood disagree: check that they describe the same model."
        )


def as_observations(x: Any, n: int) -> FloatArray:
    """What a simulator or user gives as finite float64 ``(n, ...)``.

    Raises:
        InputError: for another length, or numbers that aren't finite.
    """
    array = as_array(x, n)
    if not np.isfinite(array).all():
        raise InputError(
            f"Expected finite observations; got nan or inf in row "
            f"{int(np.argmin(np.isfinite(array.reshape(n, -1)).all(axis=1)))}; leave such "
            "simulations out, or give failed ones a number of their own."
        )
    return array


def _n_held_out(n: int, share: float) -> int:
    return min(round(share * n), 1000)
