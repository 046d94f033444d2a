"""A model run once a point: what it predicts is kept, and serves any observation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, final

import numpy as np

from skerry import evaluate as border
from skerry._types import BoolArray, FloatArray, IntArray
from skerry.errors import EvaluationError
from skerry.evaluate import Evaluations, Failures
from skerry.execution._piece import Batch, Piece, Runner, run
from skerry.execution._workers import runner
from skerry.problem import Problem
from skerry.store import Records


@final
class Forward:
    """A problem's forward model, as a runner takes it: predictions where others give one number."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.prior, self.batched = problem, problem.prior, problem.batched

    def log_likelihood(self, theta: FloatArray, x: Any = None) -> FloatArray:
        """Predictions ``(n, m)``."""
        del x
        return self.problem.predict(theta)


class _Asked(NamedTuple):
    """A batch, which of its points had to be run, and those as a batch of the runner's."""

    batch: Batch
    rows: IntArray
    inner: Batch
    anew: bool


@final
class Predictions:
    """A model's predictions: known ones from the records, new ones run and kept.

    Args:
        carried: the model: anything that takes a runner's points and gives several numbers each.
        executor: where it runs, see :class:`~skerry.execution.Workers`.
        failures: under ``"raise"`` an exception stops, and failed runs are not kept.
        records: of predictions, open; None keeps nothing.
    """

    def __init__(
        self, carried: Any, executor: Any, failures: Failures, records: Records | None
    ) -> None:
        self._failures, self._records = failures, records
        self._runner: Runner = runner(executor, carried, None, failures, saved=records is not None)
        self._open: list[_Asked] = []

    def submit(self, theta: FloatArray, *, urgent: bool = True, anew: bool = False) -> Batch:
        """See :class:`Runner`; values of a piece are ``(n, m)``.

        ``anew`` runs all points, known or not, and keeps nothing.
        """
        batch, rest = Batch(theta), np.arange(len(theta))
        if self._records is not None and not anew:
            found = self._records.find(theta)
            known, rest = np.flatnonzero(found.known), np.flatnonzero(~found.known)
            if len(known):
                texts = tuple(found.messages[i] for i in np.flatnonzero(found.failed).tolist())
                values, failed = found.log_likelihood[known], found.failed[known]
                result = Evaluations(theta[known], values, failed, texts, 0)
                batch.put(Piece(known, result, 0.0))
        if len(rest):
            inner = self._runner.submit(theta[rest], urgent=urgent)
            self._open.append(_Asked(batch, rest, inner, anew))
        return batch

    def advance(self) -> None:
        """See :class:`Runner`."""
        try:
            self._runner.advance()
        except EvaluationError as error:
            kept = any(not asked.anew for asked in self._open)
            if isinstance(error.partial, Evaluations) and kept:
                self._keep(error.partial, 0.0)
            raise
        for asked in self._open:
            for piece in asked.inner.take():
                if not asked.anew:
                    self._keep(piece.result, piece.seconds)
                asked.batch.put(Piece(asked.rows[piece.rows], piece.result, piece.seconds))
        self._open = [asked for asked in self._open if asked.inner.missing]

    def withdraw(self, batch: Batch) -> None:
        """See :class:`Runner`."""
        for asked in self._open:
            if asked.batch is batch:
                self._runner.withdraw(asked.inner)
        self._open = [asked for asked in self._open if asked.batch is not batch]

    def all_of(
        self, theta: FloatArray, tell: Callable[[int, int], None] | None = None
    ) -> Evaluations:
        """The predictions of points ``(n, d)``, ``(n, m)``, in their order.

        ``tell`` is called with (points done, in all) after each piece, and may stop.
        """
        parts: list[Piece] = []
        done = 0
        for piece in run(self, theta):
            parts.append(piece)
            done += len(piece.rows)
            if tell is not None:
                tell(done, len(theta))
        rows = np.concatenate([piece.rows for piece in parts])
        found, order = border.joined([p.result for p in parts], theta), np.argsort(rows)
        texts = dict(zip(rows[found.failed].tolist(), found.messages, strict=True))
        messages = tuple(texts[row] for row in sorted(texts))
        values, failed = found.log_likelihood[order], found.failed[order]
        return Evaluations(theta, values, failed, messages, found.n_calls)

    def close(self) -> None:
        """Let go of workers."""
        self._runner.close()

    def _keep(self, result: Evaluations, seconds: float) -> None:
        values, records = result.log_likelihood, self._records
        if records is None or values.ndim < 2:
            return
        kept = ~records.find(result.theta).known
        if self._failures == "raise":
            kept &= np.isfinite(values).all(axis=1)
        texts = dict(zip(np.flatnonzero(result.failed).tolist(), result.messages, strict=True))
        rows = np.flatnonzero(kept)
        messages = {new: texts[old] for new, old in enumerate(rows.tolist()) if old in texts}
        records.add(result.theta[rows], values[rows], result.failed[rows], messages, seconds)


@final
class Remembered:
    """The log-likelihood of one observation by predictions, for a problem with noise.

    Args:
        problem: with a forward model and noise.
        x: the observation.
        predictions: of the forward model.
        fresh: run the model at all points, known or not.
    """

    def __init__(
        self, problem: Problem, x: Any, predictions: Predictions, *, fresh: bool = False
    ) -> None:
        self._problem, self._x = problem, x
        self._predictions, self._fresh = predictions, fresh
        self._open: list[tuple[Batch, Batch]] = []

    @property
    def anew(self) -> Remembered:
        """The same, without a memory."""
        return Remembered(self._problem, self._x, self._predictions, fresh=True)

    def submit(self, theta: FloatArray, *, urgent: bool = True) -> Batch:
        """See :class:`Runner`."""
        batch = Batch(theta)
        predicted = self._predictions.submit(theta, urgent=urgent, anew=self._fresh)
        self._open.append((batch, predicted))
        self._weigh()
        return batch

    def advance(self) -> None:
        """See :class:`Runner`."""
        try:
            self._predictions.advance()
        except EvaluationError as error:
            if isinstance(error.partial, Evaluations):
                error.partial = weighed(self._problem, error.partial, self._x)
            raise
        self._weigh()

    def withdraw(self, batch: Batch) -> None:
        """See :class:`Runner`."""
        for other, predicted in self._open:
            if other is batch:
                self._predictions.withdraw(predicted)
        self._open = [entry for entry in self._open if entry[0] is not batch]

    def _weigh(self) -> None:
        for batch, predicted in self._open:
            for piece in predicted.take():
                batch.put(replace(piece, result=weighed(self._problem, piece.result, self._x)))
        self._open = [entry for entry in self._open if entry[0].missing]

    def close(self) -> None:
        """See :class:`Runner`."""
        self._predictions.close()


def weighed(problem: Problem, predicted: Evaluations, x: Any) -> Evaluations:
    """Log-likelihoods from predictions: of one observation, or of one a row."""
    n = len(predicted.theta)
    values, fine = np.full(n, np.nan), np.flatnonzero(~predicted.failed)
    if len(fine) and problem.noise is not None:
        rows = np.asarray(x, np.float64)
        rows = rows[fine] if rows.ndim > 1 else rows
        values[fine] = problem.noise.log_prob(rows, predicted.log_likelihood[fine])
    texts = dict(zip(np.flatnonzero(predicted.failed).tolist(), predicted.messages, strict=True))
    failed: BoolArray = np.isnan(values) | (values == np.inf)
    bad: IntArray = np.flatnonzero(failed)
    messages = tuple(texts.get(i, f"log-likelihood {values[i].item()}") for i in bad.tolist())
    values = np.where(failed, np.nan, values)
    return Evaluations(predicted.theta, values, failed, messages, predicted.n_calls)
