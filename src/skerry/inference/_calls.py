"""A run's likelihood calls: known ones from the store, new ones from a runner."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skerry import evaluate as border
from skerry._seeds import Seed
from skerry._types import BoolArray, FloatArray, IntArray
from skerry.errors import EvaluationError, StoppedError, UnsupportedError
from skerry.evaluate import Evaluations, Failures
from skerry.execution import Batch, Elsewhere, Piece, Remembered, Runner
from skerry.inference._points import blocks
from skerry.inference._saver import Saver
from skerry.inference._state import State
from skerry.posterior import Failed, log_normal
from skerry.priors import Prior
from skerry.problem import CHECKED_POINTS, Problem
from skerry.store import Records, RoundChunk

SLOW_SECONDS = 0.1


class OutOfTimeError(KeyboardInterrupt):
    """The time allowed is over; what was evaluated is in the store."""


def stopped(stage: str) -> StoppedError:
    """The error for time that was over before there was a round to return."""
    return StoppedError(
        f"The time allowed was over during the {stage}: there is no round to return yet. What was "
        "evaluated is in the store; make the same call again to go on."
    )


@dataclass(eq=False)
class Request:
    """Points that were asked for, and what is known of them so far.

    Attributes:
        u: the points, ``(n, d)``; empty if nobody asked on u.
        theta: the same in theta.
        values: the log-likelihoods that are known.
        failed: which points failed.
        messages: why, by row.
        rows: of the points that are evaluated.
        batch: those.
        saver: keeps them.
        told: called with (points known, points in all) as they come.
        parts: what has come, if failures raise.
    """

    u: FloatArray
    theta: FloatArray
    values: FloatArray
    failed: BoolArray
    messages: dict[int, str]
    rows: IntArray
    batch: Batch
    saver: Saver
    told: Callable[[int, int], None] | None
    parts: list[Evaluations] = field(default_factory=list)

    @property
    def known(self) -> int:
        """How many points are known."""
        return len(self.theta) - self.batch.missing

    @property
    def evaluations(self) -> Evaluations:
        """All of it, once all is known."""
        texts = tuple(self.messages[row] for row in np.flatnonzero(self.failed).tolist())
        return Evaluations(self.theta, self.values, self.failed, texts, len(self.theta))


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
        n_calls: likelihood calls so far; a gradient counts as two.
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
        self._failed: list[Failed] = []
        self._noted = 0
        self._seconds, self._evaluated = 0.0, 0
        self._open: list[Request] = []
        self.n_calls = 0
        self.first: tuple[FloatArray, Evaluations] | None = None
        self.tell: Callable[[int], None] | None = None

    @property
    def slow(self) -> bool:
        """Whether a call takes long."""
        elsewhere = isinstance(self._runner, Elsewhere)
        return elsewhere or self._seconds > SLOW_SECONDS * max(1, self._evaluated)

    @property
    def failed(self) -> Failed:
        """The points that failed, and why."""
        return Failed.gathered(self._failed, self.problem.prior.ndim)

    def note_failed(self, failed: Failed) -> None:
        """Count calls that failed elsewhere."""
        if len(failed):
            self._failed.append(failed)

    def wait(self) -> None:
        """Take all the time that is needed from now on."""
        self._deadline = None

    def check(self, seed: Seed) -> None:
        """Try a few points first: better now than after a day. Not where none is evaluated here.

        Raises:
            ProblemError: if values depend on the points they come with.
            EvaluationError: if one fails under ``"raise"``; it shows the points that do.
        """

        def evaluate(theta: FloatArray) -> FloatArray:
            if len(theta) == CHECKED_POINTS:
                return self.complete(theta).log_likelihood
            return self._anew().complete(theta).log_likelihood

        if isinstance(self._runner, Elsewhere):
            return
        if self._records is not None:
            points = self.problem.prior.sample(CHECKED_POINTS, seed)
            if self._records.find(points).known.all():
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
        return self.finish(self.begin(u, progress, urgent=True))

    def begin(
        self,
        u: FloatArray,
        progress: Callable[[int, int], None] | None = None,
        *,
        urgent: bool = False,
    ) -> Request:
        """Ask for points on u, ``(n, d)``, and go on; urgent ones come before all others."""
        theta = self.problem.prior.from_u(u)
        return self._begin(u, theta, progress or self._count, urgent=urgent)

    def first_of(self, requests: Sequence[Request]) -> Request:
        """One of the requests, all of whose points are known; waits for it."""
        while True:
            for request in requests:
                if not request.batch.missing:
                    return request
            self._advance()

    def finish(self, request: Request) -> Evaluations:
        """What a request came to, when all of it has come; what failed is counted.

        Which of several is finished first changes nothing but the order of the failed points.
        """
        found = self._finished(request)
        self.n_calls += len(found.theta)
        if found.failed.any():
            self._failed.append(Failed(found.theta[found.failed], found.messages))
        found = border.with_zeros(found) if self._failures == "zero" else found
        self.first = self.first or (request.u, found)
        return found

    def drop(self) -> None:
        """Forget all requests that are not finished; what has come of them is kept."""
        for request in self._open:
            self._runner.withdraw(request.batch)
            for piece in request.batch.take():
                request.saver.add(piece.result, piece.seconds)
            request.saver.save()
        self._open = []

    def _count(self, *_: int) -> None:
        if self.tell is not None:
            self.tell(self.n_calls + sum(request.known for request in self._open))

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
            kind = "prior" if state.proposals[number].islands is None else "adaptive"
            self.note_round(number, kind, state.u[rows], state.log_g[number, rows])
        self._noted = len(state.counts)

    def note_round(self, number: int, kind: str, u: FloatArray, log_g: FloatArray) -> None:
        """Keep where a round's points were drawn from: log g on u, ``(n,)``."""
        if self._records is None:
            return
        prior = self.problem.prior
        for rows in blocks(len(u)):
            theta, ratio = prior.from_u(u[rows]), log_g[rows] - log_normal(u[rows])
            try:
                log_proposal = np.asarray(prior.log_prob(theta)) + ratio
            except UnsupportedError:
                log_proposal = np.full(len(theta), np.nan)
            self._records.add_round(RoundChunk(number, kind, theta, ratio, log_proposal))

    def _anew(self) -> Calls:
        """The same calls without a memory."""
        plain = self._runner.anew if isinstance(self._runner, Remembered) else self._runner
        return Calls(self.problem, self._x, self._failures, plain, None, self._deadline)

    def complete(
        self, theta: FloatArray, progress: Callable[[int, int], None] | None = None
    ) -> Evaluations:
        """All points' raw values, those that are known from the records."""
        return self._finished(self._begin(theta[:0], theta, progress))

    def _begin(
        self,
        u: FloatArray,
        theta: FloatArray,
        told: Callable[[int, int], None] | None = None,
        *,
        urgent: bool = True,
    ) -> Request:
        """Look up points in the records, and have the others evaluated."""
        n, records = len(theta), self._records
        values, failed = np.full(n, np.nan), np.zeros(n, bool)
        messages: dict[int, str] = {}
        rows = np.arange(n)
        if records is not None:
            found = records.find(theta)
            values, failed, messages = found.log_likelihood, found.failed, found.messages
            rows = np.flatnonzero(~found.known)
        try:
            if len(rows):
                self._check_time()
            batch = (
                self._runner.submit(theta[rows], urgent=urgent) if len(rows) else Batch(theta[:0])
            )
        except BaseException:
            self.drop()
            raise
        saver = Saver(records, keep_failed=self._failures != "raise")
        request = Request(u, theta, values, failed, messages, rows, batch, saver, told)
        self._open.append(request)
        return request

    def _finished(self, request: Request) -> Evaluations:
        while request.batch.missing:
            self._advance()
        self._take(request)
        self._open = [other for other in self._open if other is not request]
        request.saver.save()
        return request.evaluations

    def _advance(self) -> None:
        """Wait for something to come, and put it where it belongs."""
        try:
            self._runner.advance()
            for request in self._open:
                self._take(request)
            self._check_time()
        except BaseException as error:
            if isinstance(error, EvaluationError) and isinstance(error.partial, Evaluations):
                self._open[-1].saver.add(error.partial, 0.0)
            self.drop()
            raise

    def _take(self, request: Request) -> None:
        for piece in request.batch.take():
            self._arrived(request, piece)

    def _arrived(self, request: Request, piece: Piece) -> None:
        request.saver.add(piece.result, piece.seconds)
        self._seconds += piece.seconds
        self._evaluated += len(piece.rows)
        rows = request.rows[piece.rows]
        request.values[rows] = piece.result.log_likelihood
        request.failed[rows] = piece.result.failed
        bad = rows[piece.result.failed].tolist()
        request.messages |= dict(zip(bad, piece.result.messages, strict=True))
        if self._failures == "raise":
            request.parts.append(piece.result)
            if bad:
                partial = border.joined(request.parts, request.theta[:0])
                raise border.refusal(self.problem, piece.result, partial)
        if request.told is not None:
            request.told(request.known, len(request.theta))

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


def _dtheta_du(prior: Prior, u: FloatArray, step: float = 1e-5) -> FloatArray:
    """The diagonal of the transform's Jacobian at one point, by central differences."""
    high, low = prior.from_u(u[None] + step)[0], prior.from_u(u[None] - step)[0]
    change = high - low
    if prior.periodic.any():
        lengths = prior.bounds[:, 1] - prior.bounds[:, 0]
        wrapped = prior.periodic & (change < 0)
        change = np.where(wrapped, change + np.where(prior.periodic, lengths, 0.0), change)
    return np.asarray(change / (2 * step))
