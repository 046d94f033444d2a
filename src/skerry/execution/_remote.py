"""What travels to workers, and what they do with it.

A problem is pickled once (by cloudpickle, so that lambdas and notebooks work) and known by the
digest of its bytes. A task is a digest and points; a worker that doesn't know the digest says so,
and is sent the bytes. Nothing but a worker that one has started ever unpickles them.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from skerry._types import FloatArray
from skerry.errors import SkerryError
from skerry.evaluate import Evaluations, evaluate_chunk
from skerry.problem import Problem

_known: dict[str, tuple[Problem, Any]] = {}


@dataclass(frozen=True)
class Parcel:
    """A problem and an observation as bytes, and their digest."""

    key: str
    data: bytes

    @classmethod
    def of(cls, problem: Problem, x: Any) -> Parcel:
        """Packed; whatever can't be pickled is named by cloudpickle's own error."""
        import cloudpickle

        data = cloudpickle.dumps((problem, x))
        return cls(hashlib.blake2b(data, digest_size=16).hexdigest(), data)


@dataclass(frozen=True)
class Answer:
    """What a task came to.

    Attributes:
        result: the points, evaluated, failed ones marked.
        seconds: it took.
        error: what Skerry itself objects to: no failure of a point, but of the problem.
        unknown: the worker doesn't know the problem.
    """

    result: Evaluations | None = None
    seconds: float = 0.0
    error: SkerryError | None = None
    unknown: bool = False


def work(key: str, data: bytes | None, theta: FloatArray) -> Answer:
    """A task, on a worker; one thread of linear algebra while it runs."""
    if key not in _known:
        if data is None:
            return Answer(unknown=True)
        import cloudpickle

        _known[key] = cloudpickle.loads(data)
    problem, x = _known[key]
    with ExitStack() as stack:
        _one_thread(stack)
        return answer(problem, x, theta)


def answer(problem: Problem, x: Any, theta: FloatArray) -> Answer:
    """A task's points, evaluated here."""
    began = time.perf_counter()
    try:
        result = evaluate_chunk(problem, theta, x, "drop")
    except SkerryError as error:
        return Answer(error=error)
    return Answer(result, time.perf_counter() - began)


def _one_thread(stack: ExitStack) -> None:
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return
    stack.enter_context(threadpool_limits(1))
