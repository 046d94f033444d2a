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
from dataclasses import dataclass
from statistics import median

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.errors import EvaluationError
from skerry.evaluate import Evaluations
from skerry.execution._piece import Batch, Piece
from skerry.execution._pool import Event, Pool
from skerry.execution._remote import Answer

SHORTEST_SECONDS = 0.002  # less than this is not worth a task
START_SECONDS = 300.0


@dataclass(frozen=True, eq=False)
class _Task:
    batch: Batch
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
        self._unsent: deque[tuple[Batch, int]] = deque()  # from which row on
        self._again: deque[tuple[Batch, IntArray, int]] = deque()
        self._flying: dict[int, _Task] = {}
        self._idle_since = time.monotonic()

    def submit(self, theta: FloatArray, *, urgent: bool = True) -> Batch:
        """See :class:`Runner`."""
        if not (self._unsent or self._again or self._flying):
            self._idle_since = time.monotonic()
        batch = Batch(theta)
        if len(theta):
            (self._unsent.appendleft if urgent else self._unsent.append)((batch, 0))
        self._fill()
        return batch

    def advance(self) -> None:
        """See :class:`Runner`."""
        self._fill()
        events = self._pool.collect(_until_first(self._flying))
        if self._flying or events:
            self._idle_since = time.monotonic()
        elif time.monotonic() - self._idle_since > START_SECONDS:
            raise EvaluationError(_no_start())
        for event in [*events, *self._overdue()]:
            task = self._flying.pop(event.number, None)
            if task is not None and event.answer is not None:
                task.batch.put(self._arrived(task, event.answer))
            elif task is not None:
                self._lost(task, event)
        self._fill()  # whoever called may be busy with something else for a while

    def withdraw(self, batch: Batch) -> None:
        """See :class:`Runner`."""
        self._unsent = deque(entry for entry in self._unsent if entry[0] is not batch)
        self._again = deque(entry for entry in self._again if entry[0] is not batch)
        for number in [n for n, task in self._flying.items() if task.batch is batch]:
            del self._flying[number]
            self._pool.abandon(number)

    def close(self) -> None:
        """Let go of the workers."""
        self._pool.close()

    def _fill(self) -> None:
        """Send what there is room for."""
        while (self._again or self._unsent) and self._pool.room > 0:
            if self._again:
                self._send(*self._again.popleft())
                continue
            batch, start = self._unsent.popleft()
            stop = start + self._size(len(batch.theta) - start)
            if stop < len(batch.theta):
                self._unsent.appendleft((batch, stop))
            self._send(batch, np.arange(start, stop), 0)

    def _send(self, batch: Batch, rows: IntArray, attempt: int) -> None:
        limit = np.inf if self._timeout is None else self._timeout * len(rows)
        self._number += 1
        self._flying[self._number] = _Task(batch, rows, attempt, time.monotonic() + limit)
        self._pool.submit(self._number, batch.theta[rows])

    def _arrived(self, task: _Task, answer: Answer) -> Piece:
        if answer.error is not None:
            raise answer.error
        assert answer.result is not None
        self._times.append(answer.seconds / len(task.rows))
        return Piece(task.rows, answer.result, answer.seconds)

    def _lost(self, task: _Task, event: Event) -> None:
        """What becomes of a task that was lost: it is tried again, or has failed."""
        batch, theta = task.batch, task.batch.theta
        n = len(task.rows)
        if event.final:
            raise EvaluationError(
                f"Expected a pool whose workers live; {event.why}. What came before is kept. "
                "Pass the number of workers in place of the pool: Skerry's own are restarted, "
                "and the point that ends them is found."
            )
        if n > 1:
            halves = task.rows[: n // 2], task.rows[n // 2 :]
            self._again.extend((batch, half, 0) for half in halves)
            return
        if task.attempt == 0:
            self._again.append((batch, task.rows, 1))
            return
        if not self._times:
            raise EvaluationError(
                f"Expected workers that answer; {event.why}, twice, at the first point tried; "
                "try the likelihood at a point by hand, or pass executor=None.",
                theta=theta[task.rows],
            )
        failed = Evaluations(
            theta[task.rows], np.array([np.nan]), np.array([True]), (f"{event.why}, twice",), 2
        )
        batch.put(Piece(task.rows, failed, 0.0))

    def _overdue(self) -> list[Event]:
        now = time.monotonic()
        late = [number for number, task in self._flying.items() if task.deadline < now]
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
