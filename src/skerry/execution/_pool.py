"""The face every pool of workers shows to the one loop that feeds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from skerry._types import FloatArray
from skerry.execution._remote import Answer


@dataclass(frozen=True)
class Event:
    """Something that happened to a task.

    Attributes:
        number: the task's.
        answer: what it came to; None if it was lost.
        why: it was lost, in words.
        final: nothing more is to be had from this pool.
    """

    number: int
    answer: Answer | None = None
    why: str = ""
    final: bool = False


class Pool(Protocol):
    """Workers that take a chunk of points at a time."""

    @property
    def n_workers(self) -> int:
        """How many tasks can run at a time."""
        ...

    @property
    def room(self) -> int:
        """How many tasks may be submitted now."""
        ...

    def submit(self, number: int, theta: FloatArray) -> None:
        """Have points ``(m, d)`` evaluated."""
        ...

    def collect(self, seconds: float | None) -> list[Event]:
        """What has happened; waits for the first of it, so long at most.

        Raises:
            EvaluationError: if no worker can be had.
        """
        ...

    def abandon(self, number: int) -> None:
        """Forget a task; its worker is ended where that can be done."""
        ...

    def close(self) -> None:
        """Let go of the workers."""
        ...
