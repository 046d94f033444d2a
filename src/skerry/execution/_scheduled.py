"""The one loop that feeds workers: chunks of points out, results by row back.

A chunk is as many points as take about a second, by the time the last ones took, and fewer towards
the end, so that all workers end together. A chunk that is lost, because its worker died or gave no
answer in time, is halved, and its halves go to other workers; a point that is lost alone is tried
once more, and then has failed. So one point that kills its worker is found in a few steps, and
costs no other point.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from statistics import median

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.errors import EvaluationError
from skerry.evaluate import Evaluations
from skerry.execution._piece import Piece
from skerry.execution._pool import Event, Pool
from skerry.execution._remote import Answer

SHORTEST_SECONDS = 0.002  # less than this is not worth a task
START_SECONDS = 300.0


@dataclass(frozen=True, eq=False)
class _Task:
    rows: IntArray
    attempt: int
    deadline: float


class Scheduled:
    """Evaluates on a pool.

    Args:
        pool: of workers.
        timeout: seconds a point may take; None: any.
        chunk_seconds: that a chunk should take.
        chunk_size: points in a chunk; None learns it from the time they take.
    """

    def __init__(
        self, pool: Pool, timeout: float | None, chunk_seconds: float, chunk_size: int | None
    ) -> None:
        self._pool, self._timeout = pool, timeout
        self._chunk_seconds, self._chunk_size = chunk_seconds, chunk_size
        self._number = 0
        self._times: deque[float] = deque(maxlen=15)  # seconds a point took, of the last chunks

    def run(self, theta: FloatArray) -> Generator[Piece, None, None]:
        """See :class:`Runner`."""
        start = 0
        again: deque[tuple[IntArray, int]] = deque()
        flying: dict[int, _Task] = {}
        waiting_since = time.monotonic()
        try:
            while start < len(theta) or again or flying:
                for _ in range(self._pool.room):
                    if again:
                        self._submit(theta, *again.popleft(), flying)
                    elif start < len(theta):
                        stop = start + self._size(len(theta) - start)
                        self._submit(theta, np.arange(start, stop), 0, flying)
                        start = stop
                events = self._pool.collect(_until_first(flying))
                if flying or events:
                    waiting_since = time.monotonic()
                elif time.monotonic() - waiting_since > START_SECONDS:
                    raise EvaluationError(_no_start())
                for event in [*events, *self._overdue(flying)]:
                    task = flying.pop(event.number, None)
                    if task is None:
                        continue
                    if event.answer is not None:
                        yield self._arrived(task, event.answer)
                    else:
                        yield from self._lost(theta, task, event, again)
        finally:
            for number in flying:
                self._pool.abandon(number)

    def close(self) -> None:
        """Let go of the workers."""
        self._pool.close()

    def _submit(
        self, theta: FloatArray, rows: IntArray, attempt: int, flying: dict[int, _Task]
    ) -> None:
        limit = np.inf if self._timeout is None else self._timeout * len(rows)
        self._number += 1
        flying[self._number] = _Task(rows, attempt, time.monotonic() + limit)
        self._pool.submit(self._number, theta[rows])

    def _arrived(self, task: _Task, answer: Answer) -> Piece:
        if answer.error is not None:
            raise answer.error
        assert answer.result is not None
        self._times.append(answer.seconds / len(task.rows))
        return Piece(task.rows, answer.result, answer.seconds)

    def _lost(
        self, theta: FloatArray, task: _Task, event: Event, again: deque[tuple[IntArray, int]]
    ) -> list[Piece]:
        """What becomes of a task that was lost: it is tried again, or has failed."""
        n = len(task.rows)
        if event.final:
            raise EvaluationError(
                f"Expected a pool whose workers live; {event.why}. What came before is kept. "
                "Pass the number of workers in place of the pool: Skerry's own are restarted, "
                "and the point that ends them is found."
            )
        if n > 1:
            again.extend((half, 0) for half in (task.rows[: n // 2], task.rows[n // 2 :]))
            return []
        if task.attempt == 0:
            again.append((task.rows, 1))
            return []
        if not self._times:
            raise EvaluationError(
                f"Expected workers that answer; {event.why}, twice, at the first point tried; "
                "try the likelihood at a point by hand, or pass executor=None.",
                theta=theta[task.rows],
            )
        failed = Evaluations(
            theta[task.rows], np.array([np.nan]), np.array([True]), (f"{event.why}, twice",), 2
        )
        return [Piece(task.rows, failed, 0.0)]

    def _overdue(self, flying: dict[int, _Task]) -> list[Event]:
        now = time.monotonic()
        late = [number for number, task in flying.items() if task.deadline < now]
        for number in late:
            self._pool.abandon(number)
        return [Event(number, None, f"no answer in {self._timeout:g} s a point") for number in late]

    def _size(self, left: int) -> int:
        """How many points to send next."""
        if self._chunk_size is not None:
            return min(self._chunk_size, left)
        if not self._times:
            return 1
        each = max(median(self._times), 1e-9)
        fair = -(-left // (2 * self._pool.n_workers))
        least = int(SHORTEST_SECONDS / each)
        return max(1, min(left, max(min(int(self._chunk_seconds / each), fair), least)))


def _until_first(flying: dict[int, _Task]) -> float:
    """Seconds to wait at most: to the first deadline, and no more than one."""
    first = min((task.deadline for task in flying.values()), default=np.inf)
    return float(min(1.0, max(0.0, first - time.monotonic())))


def _no_start() -> str:
    return (
        f"Expected workers; none was ready in {START_SECONDS:.0f} s; start the pool's workers "
        "first, or pass executor=None."
    )
