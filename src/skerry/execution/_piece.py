"""What a runner takes and gives back: batches of points, and pieces of them, evaluated."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from skerry._types import FloatArray, IntArray
from skerry.evaluate import Evaluations


@dataclass(frozen=True, eq=False)
class Piece:
    """Some of the points asked for.

    Attributes:
        rows: which, ``(m,)``.
        result: theirs, failed ones marked with nan.
        seconds: that the likelihood took.
    """

    rows: IntArray
    result: Evaluations
    seconds: float


class Batch:
    """Points under way; its runner puts pieces in, whoever asked takes them out.

    Args:
        theta: the points, ``(n, d)``.

    Attributes:
        missing: points that have not come.
    """

    def __init__(self, theta: FloatArray) -> None:
        self.theta, self.missing = theta, len(theta)
        self._arrived: list[Piece] = []

    def put(self, piece: Piece) -> None:
        """Add a piece."""
        self.missing -= len(piece.rows)
        self._arrived.append(piece)

    def take(self) -> list[Piece]:
        """What has come since the last time."""
        arrived, self._arrived = self._arrived, []
        return arrived


class Runner(Protocol):
    """Whatever evaluates points, in pieces and in any order."""

    def submit(self, theta: FloatArray, *, urgent: bool = True) -> Batch:
        """Begin with points ``(n, d)``: before all others if urgent, else after them."""
        ...

    def advance(self) -> None:
        """Wait until something has come, for about a second at most.

        Raises:
            ProblemError: if the likelihood returns anything but one number a point.
            EvaluationError: where an exception is to stop the run, or nothing can be evaluated.
        """
        ...

    def withdraw(self, batch: Batch) -> None:
        """Forget a batch; what of it is under way is ended where that can be done."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


def run(runner: Runner, theta: FloatArray) -> Generator[Piece, None, None]:
    """Each of the points ``(n, d)`` in one of the pieces; closing it abandons the rest."""
    batch = runner.submit(theta)
    try:
        yield from batch.take()
        while batch.missing:
            runner.advance()
            yield from batch.take()
    finally:
        runner.withdraw(batch)
