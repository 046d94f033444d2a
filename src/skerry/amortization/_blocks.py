"""Simulations in blocks, each with a random stream of its own: kept, spread and repeated alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, final

import numpy as np

from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.amortization._pairs import Names
from skerry.errors import EvaluationError, InputError
from skerry.execution import Predictions
from skerry.priors import Prior
from skerry.store import Records

Simulator: TypeAlias = Callable[[FloatArray, np.random.Generator], Any]
SIZE = 32  # simulations of a call: what a sudden death can lose
HEAD = 8  # numbers that tell an observation's shape


@final
class Blocks:
    """A simulator as a runner takes it: a block's number and size in, a row of observations out.

    A row is the number of an observation's dimensions, the dimensions, zeros, and the numbers.
    """

    batched = False

    def __init__(
        self, simulator: Simulator, prior: Prior, n: int, seed: Seed, widen: float
    ) -> None:
        self._simulator, self._prior, self._n, self._seed = simulator, prior, n, seed
        self._widen = widen
        self.prior = Names(("block", "size"))

    @property
    def points(self) -> FloatArray:
        """The blocks' numbers and sizes, ``(k, 2)``."""
        starts = np.arange(0, self._n, SIZE)
        return np.stack([starts / SIZE, np.minimum(SIZE, self._n - starts)], axis=1)

    def log_likelihood(self, points: FloatArray, x: Any = None) -> FloatArray:
        """Blocks' numbers and sizes ``(k, 2)`` to rows ``(k, 8 + 32 m)``."""
        del x
        return np.stack([self._row(int(number)) for number in points[:, 0]])

    def parameters(self) -> FloatArray:
        """Of all simulations, on u, ``(n, d)``."""
        return np.concatenate([self._drawn(number)[0] for number in range(len(self.points))])

    def observations(self, rows: FloatArray) -> FloatArray:
        """Of all simulations, ``(n, ...)``, from rows."""
        shape = [int(m) for m in rows[0, 1 : 1 + int(rows[0, 0])]]
        return rows[:, HEAD:].reshape(-1, *shape)[: self._n]

    def _drawn(self, number: int) -> tuple[FloatArray, np.random.Generator]:
        rng = self._seed.child("block", number).numpy()
        size = min(SIZE, self._n - SIZE * number)
        u = self._widen * prior_draws(size, self._prior.ndim, rng)
        return u.astype(np.float32).astype(np.float64), rng

    def _row(self, number: int) -> FloatArray:
        u, rng = self._drawn(number)
        x = as_array(self._simulator(self._prior.from_u(u), rng), len(u))
        head = [x.ndim - 1, *x.shape[1:]]
        row = np.zeros(HEAD + SIZE * x[0].size)
        row[: len(head)] = head
        row[HEAD : HEAD + x.size] = x.ravel()
        return row


def simulate(
    simulator: Simulator,
    prior: Prior,
    n: int,
    seed: Seed,
    *,
    widen: float = 1.0,
    executor: Any = None,
    records: Records | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Simulations at prior draws: observations ``(n, ...)`` and parameters on u ``(n, d)``.

    Args:
        simulator: (theta ``(n, d)``, NumPy ``Generator``) to observations.
        prior: what theta is drawn from.
        n: how many.
        seed: the same seed gives the same, wherever and in whatever order blocks are simulated.
        widen: how many times as wide as the prior, on u, theta is drawn.
        executor: where the simulator runs.
        records: what keeps blocks.
        tell: called with (blocks done, in all) after some of them.

    Raises:
        InputError: for observations of another length or shape.
        EvaluationError: if the simulator raises.
    """
    blocks = Blocks(simulator, prior, n, seed, widen)
    predictions = Predictions(blocks, executor, "raise", records)
    try:
        found = predictions.all_of(blocks.points, tell)
    except EvaluationError as error:
        cause = error.__cause__
        raise (error if cause is None else _refusal(f"{type(cause).__name__} ({cause})")) from cause
    finally:
        predictions.close()
    if found.failed.any():
        raise _refusal(found.messages[0])
    return blocks.observations(found.log_likelihood), blocks.parameters()


def _refusal(got: str) -> EvaluationError:
    return EvaluationError(
        f"Expected simulations; got {got} at a block of {SIZE}; mend the simulator, or narrow the "
        "prior."
    )


def prior_draws(n: int, d: int, rng: np.random.Generator) -> FloatArray:
    """Prior draws on u, numbers that float32 can hold."""
    return rng.standard_normal((n, d)).astype(np.float32).astype(np.float64)


def as_array(x: Any, n: int) -> FloatArray:
    """What a simulator or user gives as float64 ``(n, ...)``.

    Raises:
        InputError: for another length, or what are no numbers.
    """
    try:
        array = np.asarray(x, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Expected observations of numbers; got {type(x).__name__}; give an array (n, m)."
        ) from error
    if not 2 <= array.ndim < HEAD or len(array) != n:
        raise InputError(
            f"Expected {n} observations, one a row, shape ({n}, m); got shape {array.shape}; "
            "for single numbers give x[:, None]."
        )
    return array
