"""A run's likelihood calls: known ones from the store, new ones from a runner."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np

from skerry import evaluate as border
from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.errors import EvaluationError, StoppedError, UnsupportedError
from skerry.evaluate import Evaluations, Failures
from skerry.execution import Piece, Runner
from skerry.inference._state import State
from skerry.posterior import Failed, log_normal
from skerry.priors import Prior
from skerry.problem import CHECK_CALLS, CHECKED_POINTS, Problem
from skerry.store import Records, RoundChunk

SAVE_ROWS = 1_000
SLOW_SECONDS = 0.1


class OutOfTimeError(KeyboardInterrupt):
    """The time allowed is over; what was evaluated is in the store."""


def stopped(stage: str) -> StoppedError:
    """The error for time that was over before there was a round to return."""
    return StoppedError(
        f"The time allowed was over during the {stage}: there is no round to return yet. What was "
        "evaluated is in the store; make the same call again to go on."
    )


class Calls:
    """The problem's likelihood on u, under the failure policy; counts what failed.

    With records, points that are known are not evaluated again, and what is new is kept as it
    comes. The same seed asks for the same points in the same order: a run that was killed, started
    again, is answered from the records up to the call at which it died.

    Args:
        problem: the problem.
        x: the observation.
        failures: the policy.
        runner: evaluates.
        records: of an open store, or None.
        deadline: on the monotonic clock; then :class:`OutOfTimeError` is raised, once, between
            two pieces. None: never.

    Attributes:
        n_calls: likelihood calls so far, without the first trial's; a gradient counts as two.
        n_tried: likelihood calls of the first trial.
        first: the points that were evaluated first, on u, and what came.
        tell: told how many calls there have been, as they come; None: nobody is.
    """

    def __init__(
        self,
        problem: Problem,
        x: Any,
        failures: Failures,
        runner: Runner,
        records: Records | None = None,
        deadline: float | None = None,
    ) -> None:
        self.problem, self._x, self._failures = problem, x, failures
        self._runner, self._records, self._deadline = runner, records, deadline
        self._failed: list[tuple[FloatArray, tuple[str, ...]]] = []
        self._noted = 0
        self._seconds, self._evaluated = 0.0, 0
        self.n_calls = self.n_tried = 0
        self.first: tuple[FloatArray, Evaluations] | None = None
        self.tell: Callable[[int], None] | None = None

    @property
    def slow(self) -> bool:
        """Whether a call takes long."""
        return self._seconds > SLOW_SECONDS * max(1, self._evaluated)

    @property
    def failed(self) -> Failed:
        """The points that failed, and why."""
        theta = [np.empty((0, self.problem.prior.ndim)), *(points for points, _ in self._failed)]
        return Failed(np.concatenate(theta), tuple(m for _, some in self._failed for m in some))

    def wait(self) -> None:
        """Take all the time that is needed from now on."""
        self._deadline = None

    def check(self, seed: Seed) -> None:
        """Try a few points first: better now than after a day. What fails is counted.

        Raises:
            ProblemError: if values depend on the points they come with.
            EvaluationError: if one fails under ``"raise"``; it shows the points that do.
        """

        def evaluate(theta: FloatArray) -> FloatArray:
            if len(theta) != CHECKED_POINTS:
                return self._complete(theta, None, None).log_likelihood
            return self._with_failures_kept(
                self._complete(theta, self._records, None)
            ).log_likelihood

        self.n_tried = CHECK_CALLS
        if self._records is not None:
            points = self.problem.prior.sample(CHECKED_POINTS, seed)
            if self._records.find(points).known.all():
                evaluate(points)
                return
        try:
            self.problem.check(seed, x=self._x, log_likelihood=evaluate)
        except OutOfTimeError:
            raise stopped("first trial") from None
        except EvaluationError as error:
            raise self._isolated(error) from error.__cause__

    def evaluate(
        self, u: FloatArray, progress: Callable[[int, int], None] | None = None
    ) -> Evaluations:
        """Points on u, ``(n, d)``, evaluated; what failed is counted."""
        theta = self.problem.prior.from_u(u)
        found = self._with_failures_kept(
            self._complete(theta, self._records, progress or self._count)
        )
        self.n_calls += len(u)
        found = border.with_zeros(found) if self._failures == "zero" else found
        self.first = self.first or (u, found)
        return found

    def _with_failures_kept(self, found: Evaluations) -> Evaluations:
        """The same; what failed is kept."""
        if found.failed.any():
            self._failed.append((found.theta[found.failed], found.messages))
        return found

    def _count(self, done: int, _: int = 0) -> None:
        if self.tell is not None:
            self.tell(self.n_calls + done)

    def log_likelihood(self, u: FloatArray) -> FloatArray:
        """``(n, d)`` to ``(n,)``; dropped points are NaN."""
        return self.evaluate(u).log_likelihood

    def gradient(self, u: FloatArray) -> tuple[float, FloatArray]:
        """The log-likelihood and its gradient on u at one point, by the chain rule."""
        theta = self.problem.prior.from_u(u[None])
        known = None if self._records is None else self._records.slope(theta[0])
        if known is None:
            self._check_time()
            began = time.perf_counter()
            values, slopes = self.problem.value_and_gradient(theta, self._x)
            known = float(values[0]), np.asarray(slopes[0], np.float64)
            if self._records is not None:
                self._records.add_slope(theta[0], *known, time.perf_counter() - began)
        self.n_calls += 2
        self._count(0)
        return known[0], known[1] * _dtheta_du(self.problem.prior, u)

    def note_rounds(self, state: State) -> None:
        """Keep where the points of finished rounds were drawn from."""
        ends = np.cumsum(state.counts)
        for number in range(self._noted, len(state.counts)):
            rows = np.arange(ends[number] - state.counts[number], ends[number])
            kind = "adaptive" if number else "prior"
            self.note_round(number, kind, state.u[rows], state.log_g[number, rows])
        self._noted = len(state.counts)

    def note_round(self, number: int, kind: str, u: FloatArray, log_g: FloatArray) -> None:
        """Keep where a round's points were drawn from: log g on u, ``(n,)``."""
        if self._records is None:
            return
        prior = self.problem.prior
        theta, ratio = prior.from_u(u), log_g - log_normal(u)
        try:
            log_proposal = np.asarray(prior.log_prob(theta)) + ratio
        except UnsupportedError:
            log_proposal = np.full(len(u), np.nan)
        self._records.add_round(RoundChunk(number, kind, theta, ratio, log_proposal))

    def _complete(
        self,
        theta: FloatArray,
        records: Records | None,
        progress: Callable[[int, int], None] | None,
    ) -> Evaluations:
        """All points' raw values, those that are known from the records."""
        n = len(theta)
        values, failed = np.full(n, np.nan), np.zeros(n, bool)
        messages: dict[int, str] = {}
        wanted = np.arange(n)
        if records is not None:
            found = records.find(theta)
            values, failed, messages = found.log_likelihood, found.failed, found.messages
            wanted = np.flatnonzero(~found.known)
        done = n - len(wanted)
        for piece in self._new(theta[wanted], records) if len(wanted) else ():
            rows = wanted[piece.rows]
            values[rows], failed[rows] = piece.result.log_likelihood, piece.result.failed
            bad = rows[piece.result.failed].tolist()
            messages |= dict(zip(bad, piece.result.messages, strict=True))
            done += len(rows)
            if progress is not None:
                progress(done, n)
        texts = tuple(messages[row] for row in np.flatnonzero(failed).tolist())
        return Evaluations(theta, values, failed, texts, n)

    def _new(self, theta: FloatArray, records: Records | None) -> Iterator[Piece]:
        """Pieces of points that are not known, kept as they come."""
        self._check_time()
        done: list[Evaluations] = []
        raising = self._failures == "raise"
        with _Saver(records, keep_failed=not raising) as saver:
            try:
                with closing(self._runner.run(theta)) as pieces:
                    for piece in pieces:
                        saver.add(piece.result, piece.seconds)
                        self._seconds += piece.seconds
                        self._evaluated += len(piece.rows)
                        if raising:
                            done.append(piece.result)
                            if piece.result.failed.any():
                                partial = border.joined(done, theta[:0])
                                raise border.refusal(self.problem, piece.result, partial)
                        yield piece
                        self._check_time()
            except EvaluationError as error:
                if isinstance(error.partial, Evaluations):
                    saver.add(error.partial, 0.0)
                raise

    def _check_time(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            self._deadline = None
            raise OutOfTimeError

    def _isolated(self, error: EvaluationError) -> EvaluationError:
        """An exception at a chunk as one that shows the points which raise, if single ones do."""
        if error.__cause__ is None or len(error.theta) < 2:
            return error
        apart = border.evaluate_chunk(self.problem, error.theta, self._x, "drop")
        return border.refusal(self.problem, apart, apart) if apart.failed.any() else error


class _Saver:
    """Results for the records, in handfuls: a point's way there costs more than a cheap call."""

    def __init__(self, records: Records | None, *, keep_failed: bool) -> None:
        self._records, self._keep_failed = records, keep_failed
        self._waiting: list[Evaluations] = []
        self._seconds, self._rows = 0.0, 0

    def __enter__(self) -> _Saver:
        return self

    def __exit__(self, *_: object) -> None:
        self._save()

    def add(self, result: Evaluations, seconds: float) -> None:
        if self._records is None:
            return
        self._waiting.append(result)
        self._seconds += seconds
        self._rows += len(result.theta)
        if self._rows >= SAVE_ROWS or self._seconds >= self._records.unsaved_seconds:
            self._save()

    def _save(self) -> None:
        if self._records is None or not self._waiting:
            return
        all_of_it = border.joined(self._waiting, self._waiting[0].theta)
        seconds, self._seconds = self._seconds, 0.0
        self._waiting, self._rows = [], 0
        kept = ~self._records.find(all_of_it.theta).known
        if not self._keep_failed:
            kept &= ~all_of_it.failed
        texts = dict(
            zip(np.flatnonzero(all_of_it.failed).tolist(), all_of_it.messages, strict=True)
        )
        rows = np.flatnonzero(kept)
        messages = {new: texts[old] for new, old in enumerate(rows.tolist()) if old in texts}
        self._records.add(
            all_of_it.theta[rows],
            all_of_it.log_likelihood[rows],
            all_of_it.failed[rows],
            messages,
            seconds,
        )


def _dtheta_du(prior: Prior, u: FloatArray, step: float = 1e-5) -> FloatArray:
    """The diagonal of the transform's Jacobian at one point, by central differences."""
    high, low = prior.from_u(u[None] + step)[0], prior.from_u(u[None] - step)[0]
    change = high - low
    if prior.periodic.any():
        lengths = prior.bounds[:, 1] - prior.bounds[:, 0]
        wrapped = prior.periodic & (change < 0)
        change = np.where(wrapped, change + np.where(prior.periodic, lengths, 0.0), change)
    return np.asarray(change / (2 * step))
