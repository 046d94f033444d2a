"""Somebody else's pool: anything with ``submit``, or with ``map`` alone."""

from __future__ import annotations

import os
import queue
from concurrent.futures import BrokenExecutor, CancelledError, ThreadPoolExecutor
from typing import Any

from skerry._types import FloatArray
from skerry.errors import EvaluationError
from skerry.execution._dask import dask_submit
from skerry.execution._pool import Event
from skerry.execution._remote import Answer, Parcel, answer, work
from skerry.problem import Problem

SMALL = 65_536  # bytes that may travel with every task
COUNTS = ("_max_workers", "n_workers", "num_workers", "_processes", "size")


class Futures:
    """Anything whose ``submit(function, *arguments)`` gives futures.

    ``ProcessPoolExecutor``, ``ThreadPoolExecutor``, loky, ``dask.distributed``'s
    ``Client`` or its ``get_executor()``, ``mpi4py.futures.MPIPoolExecutor``. It stays open.

    Args:
        executor: the pool.
        problem: the problem.
        x: the observation.
        n_workers: how many tasks run at a time; None asks the pool.
        ahead: tasks that may wait in the pool, for each worker.
    """

    def __init__(
        self, executor: Any, problem: Problem, x: Any, n_workers: int | None, ahead: int
    ) -> None:
        self._executor = executor
        self._threads = isinstance(executor, ThreadPoolExecutor)
        self._problem, self._x = problem, x
        self._parcel = None if self._threads else Parcel.of(problem, x)
        self._n = n_workers or count_workers(executor)
        self._submit = dask_submit(executor) or executor.submit
        self._ahead = ahead
        self._flying: dict[int, tuple[Any, FloatArray]] = {}
        self._done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()

    @property
    def n_workers(self) -> int:
        """See :class:`Pool`."""
        return self._n

    @property
    def room(self) -> int:
        """See :class:`Pool`."""
        return (1 + self._ahead) * self._n - len(self._flying)

    def submit(self, number: int, theta: FloatArray) -> None:
        """See :class:`Pool`."""
        if self._parcel is None:
            self._send(number, theta, answer, self._problem, self._x)
        else:
            light = len(self._parcel.data) <= SMALL
            data = self._parcel.data if light else None
            self._send(number, theta, work, self._parcel.key, data)

    def collect(self, seconds: float | None) -> list[Event]:
        """See :class:`Pool`."""
        try:
            found = [self._done.get(timeout=seconds)]
        except queue.Empty:
            return []
        while not self._done.empty():
            found.append(self._done.get())
        return [event for number, future in found for event in self._understood(number, future)]

    def abandon(self, number: int) -> None:
        """See :class:`Pool`; a task that runs goes on, and is not listened to."""
        future, _ = self._flying.pop(number, (None, None))
        if future is not None:
            future.cancel()

    def close(self) -> None:
        """See :class:`Pool`."""
        for number in list(self._flying):
            self.abandon(number)

    def _send(self, number: int, theta: FloatArray, function: Any, *args: Any) -> None:
        try:
            future = self._submit(function, *args, theta)
        except Exception as error:  # a pool that is shut, or broken
            raise EvaluationError(
                f"Expected a pool that takes tasks; got {type(error).__name__}: {error}; open it "
                "anew, or pass the number of workers in its place: Skerry's own are restarted."
            ) from error
        self._flying[number] = future, theta
        future.add_done_callback(lambda ended: self._done.put((number, ended)))

    def _understood(self, number: int, future: Any) -> list[Event]:
        if number not in self._flying or self._flying[number][0] is not future:
            return []
        theta = self._flying[number][1]
        del self._flying[number]
        try:
            found = future.result()
        except (Exception, CancelledError) as error:
            why = f"the pool gave {type(error).__name__}: {error}"
            return [Event(number, None, why, final=isinstance(error, BrokenExecutor))]
        if found.unknown and self._parcel is not None:
            self._send(number, theta, work, self._parcel.key, self._parcel.data)
            return []
        return [Event(number, found)]


class Mapped:
    """Anything with ``map(function, items)`` alone: a wave of chunks at a time.

    Such pools don't tell of workers that die: prefer one with ``submit``.

    Args:
        pool: the pool.
        problem: the problem.
        x: the observation.
        n_workers: how many tasks run at a time; None asks the pool.
    """

    def __init__(self, pool: Any, problem: Problem, x: Any, n_workers: int | None) -> None:
        self._pool = pool
        self._parcel = Parcel.of(problem, x)
        self._n = n_workers or count_workers(pool)
        self._waiting: dict[int, FloatArray] = {}

    @property
    def n_workers(self) -> int:
        """See :class:`Pool`."""
        return self._n

    @property
    def room(self) -> int:
        """See :class:`Pool`."""
        return 2 * self._n - len(self._waiting)

    def submit(self, number: int, theta: FloatArray) -> None:
        """See :class:`Pool`."""
        self._waiting[number] = theta

    def collect(self, seconds: float | None) -> list[Event]:
        """See :class:`Pool`; waits for all that were submitted."""
        del seconds
        wave, self._waiting = self._waiting, {}
        key, data = self._parcel.key, self._parcel.data
        items = [(key, data, theta) for theta in wave.values()]
        try:
            answers: list[Answer] = list(self._pool.map(_work, items))
        except Exception as error:
            why = f"the pool gave {type(error).__name__}: {error}"
            return [Event(number, None, why, final=True) for number in wave]
        return [Event(number, found) for number, found in zip(wave, answers, strict=True)]

    def abandon(self, number: int) -> None:
        """See :class:`Pool`."""
        self._waiting.pop(number, None)

    def close(self) -> None:
        """See :class:`Pool`."""
        self._waiting.clear()


def count_workers(pool: Any) -> int:
    """How many workers a pool has, as far as it tells; else as many as there are processors."""
    client: Any = getattr(pool, "_client", None)  # dask.distributed
    if hasattr(client, "nthreads"):
        return max(1, sum(client.nthreads().values()))
    for name in COUNTS:
        found = getattr(pool, name, None)
        if isinstance(found, int) and not isinstance(found, bool) and found > 0:
            return found
    return os.cpu_count() or 1


def _work(item: tuple[str, bytes, FloatArray]) -> Answer:
    return work(*item)
