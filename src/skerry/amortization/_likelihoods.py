"""The problem's likelihood on u for many observations at once."""

from __future__ import annotations

from typing import Any, cast, final

import numpy as np

from skerry._types import FloatArray
from skerry.amortization._pairs import Journal, Pairs
from skerry.errors import EvaluationError
from skerry.evaluate import Evaluations, Failures
from skerry.execution import runner
from skerry.inference._calls import Calls
from skerry.problem import Problem


@final
class PairCalls:
    """Log-likelihoods of points, each with an observation of its own: run, and kept.

    Args:
        problem: with its prior.
        x_shape: of an observation.
        failures: the policy.
        executor: where the likelihood runs; None, in this process.
        journal: what keeps values; None keeps none.
        deadline: on the monotonic clock, or None.
    """

    def __init__(
        self,
        problem: Problem,
        x_shape: tuple[int, ...],
        failures: Failures,
        executor: Any,
        journal: Journal | None,
        deadline: float | None = None,
    ) -> None:
        self._ndim = problem.prior.ndim
        pairs = cast("Problem", Pairs(problem, x_shape))
        self._runner = runner(executor, pairs, None, failures, saved=journal is not None)
        records = cast("Any", journal)
        self._calls = Calls(pairs, None, failures, self._runner, records, deadline)

    def __call__(self, theta: FloatArray, x: FloatArray) -> Evaluations:
        """Points ``(n, d)`` and observations ``(n, ...)`` to raw values."""
        n = len(theta)
        try:
            found = self._calls.complete(np.concatenate([theta, x.reshape(n, -1)], axis=1))
        except EvaluationError as error:
            error.theta = np.asarray(error.theta)[:, : self._ndim]
            raise
        return Evaluations(theta, found.log_likelihood, found.failed, found.messages, n)

    def close(self) -> None:
        """Let go of workers."""
        self._runner.close()


@final
class Likelihoods:
    """The problem's likelihood on u for many observations; counts what it is asked for.

    Args:
        problem: with its prior.
        failures: the policy.
        executor: where it runs; None, in this process.
        journal: what keeps values; None keeps none.
        deadline: on the monotonic clock; then
            :class:`~skerry.inference._calls.OutOfTimeError` is raised. None: never.
    """

    def __init__(
        self,
        problem: Problem,
        failures: Failures,
        executor: Any = None,
        journal: Journal | None = None,
        deadline: float | None = None,
    ) -> None:
        self.problem, self._failures = problem, failures
        self._executor, self.journal, self._deadline = executor, journal, deadline
        self._pairs: PairCalls | None = None
        self.n_evaluations = 0

    def __call__(self, u: FloatArray, x: Any) -> FloatArray:
        """``(k, n, d)`` and k observations to ``(k, n)``; failed ones are -inf, or raise."""
        theta = self.problem.prior.from_u(u.reshape(-1, u.shape[2])).reshape(u.shape)
        self.n_evaluations += u.size // u.shape[2]
        if self._executor is None and self.journal is None:
            values = self.problem.log_likelihoods(theta, x)
        else:
            values = self._spread(theta, np.asarray(x, np.float64))
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

    def close(self) -> None:
        """Let go of workers."""
        if self._pairs is not None:
            self._pairs.close()

    def _spread(self, theta: FloatArray, x: FloatArray) -> FloatArray:
        """By a runner, but for what the journal knows."""
        if self._pairs is None:
            made = (self.problem, x.shape[1:], self._failures, self._executor)
            self._pairs = PairCalls(*made, self.journal, self._deadline)
        n, d = theta.shape[1:]
        found = self._pairs(theta.reshape(-1, d), np.repeat(x, n, axis=0))
        return found.log_likelihood.reshape(-1, n)
