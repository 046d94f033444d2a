"""What a runner gives back: some of the points asked for, evaluated."""

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


class Runner(Protocol):
    """Whatever evaluates points, in pieces and in any order."""

    def run(self, theta: FloatArray) -> Generator[Piece, None, None]:
        """Each of the points ``(n, d)`` in one of the pieces; closing it abandons the rest.

        Raises:
            ProblemError: if the likelihood returns anything but one number a point.
            EvaluationError: where an exception is to stop the run, or nothing can be evaluated.
        """
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...
