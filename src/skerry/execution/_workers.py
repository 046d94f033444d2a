"""What a user may pass as ``executor=``, and the runner it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skerry.errors import InputError
from skerry.evaluate import Failures
from skerry.execution._elsewhere import Elsewhere
from skerry.execution._futures import Futures, Mapped
from skerry.execution._inline import Inline
from skerry.execution._piece import Runner
from skerry.execution._pool import Pool
from skerry.execution._processes import Processes
from skerry.execution._remote import Parcel
from skerry.execution._scheduled import Scheduled
from skerry.problem import Problem


@dataclass(frozen=True)
class Workers:
    """An executor with settings: ``skerry.infer(..., executor=skerry.Workers(8, timeout=60))``.

    Attributes:
        executor: a number of processes of Skerry's own; or a pool with ``submit``
            (``concurrent.futures``, loky, ``dask.distributed``'s ``Client.get_executor()``,
            ``mpi4py.futures.MPIPoolExecutor``), or with ``map`` alone. A pool stays open.
        timeout: seconds a point may take. Then its worker is ended (in a pool: no longer listened
            to) and the point is tried once more on another. None: any time.
        chunk_seconds: how long a worker should be busy with what it is sent at once.
        chunk_size: points sent at once. By default learned from the time that points take. Give
            it for a vectorised function whose rounding depends on the points beside.
        n_workers: of a pool that doesn't tell.
    """

    executor: Any
    timeout: float | None = None
    chunk_seconds: float = 1.0
    chunk_size: int | None = None
    n_workers: int | None = None

    def __post_init__(self) -> None:
        if _is_count(self.executor):
            if self.executor < 1:
                raise InputError(f"Expected executor >= 1 workers; got {self.executor}.")
        elif not (hasattr(self.executor, "submit") or hasattr(self.executor, "map")):
            raise InputError(
                "Expected executor to be None, a number of workers, or a pool with submit or map; "
                f"got {type(self.executor).__name__}; pass for example executor=4."
            )
        for name in ("timeout", "chunk_seconds"):
            value = getattr(self, name)
            if not (value is None and name == "timeout") and not _is_positive(value):
                raise InputError(f"Expected {name} > 0 seconds; got {value!r}.")
        for name in ("chunk_size", "n_workers"):
            value = getattr(self, name)
            if value is not None and not (_is_count(value) and value >= 1):
                raise InputError(f"Expected {name}, an int >= 1, or None; got {value!r}.")


def runner(executor: Any, problem: Problem, x: Any, failures: Failures, *, saved: bool) -> Runner:
    """What evaluates for an ``executor=``: None for this process, see :class:`Workers`.

    Args:
        executor: see above.
        problem: the problem.
        x: the observation.
        failures: the policy.
        saved: whether results are saved as they come.

    Raises:
        InputError: for an executor that can't be used, a problem that can't be sent to workers.
    """
    if executor is None:
        return Inline(problem, x, failures, saved=saved)
    if isinstance(executor, Elsewhere):
        return executor
    workers = executor if isinstance(executor, Workers) else Workers(executor)
    try:
        pool = _pool(workers, problem, x)
    except InputError:
        raise
    except Exception as error:  # cloudpickle's, of many kinds
        raise InputError(
            "Expected a problem that can be sent to workers; got "
            f"{type(error).__name__}: {error}; make locks, files and connections inside the "
            "function, or pass a ThreadPoolExecutor, or executor=None."
        ) from error
    return Scheduled(pool, workers.timeout, workers.chunk_seconds, workers.chunk_size)


def _pool(workers: Workers, problem: Problem, x: Any) -> Pool:
    executor = workers.executor
    if _is_count(executor):
        return Processes(int(executor), Parcel.of(problem, x))
    if hasattr(executor, "submit"):
        ahead = 1 if workers.timeout is None else 0
        return Futures(executor, problem, x, workers.n_workers, ahead)
    return Mapped(executor, problem, x, workers.n_workers)


def _is_count(value: Any) -> bool:
    import numpy as np

    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
