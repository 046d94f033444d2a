"""Evaluating in this process, a block after another."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.evaluate import CHUNK_SIZE, Evaluations, Failures, evaluate_chunk
from skerry.execution._piece import Batch, Piece
from skerry.problem import Problem

FIRST_BLOCK = 256
LONG_SECONDS = 20.0
BLOCK_SECONDS = 1.0
SMALL_BLOCK, SMALL_SECONDS = 256, 0.005


class Inline:
    """Evaluates in this process, in blocks.

    Args:
        problem: the problem.
        x: the observation.
        failures: ``"raise"`` stops at an exception, with it as the cause.
        saved: whether pieces are saved as they come. Then batches that would take long are cut
            into blocks of about a second, so that little is lost when the process dies.
    """

    def __init__(self, problem: Problem, x: Any, failures: Failures, *, saved: bool) -> None:
        self._problem, self._x, self._saved = problem, x, saved
        self._failures: Failures = "raise" if failures == "raise" else "drop"
        self._seconds: float | None = None  # a point takes, at best
        self._open: deque[tuple[Batch, Iterator[Piece]]] = deque()

    def submit(self, theta: FloatArray, *, urgent: bool = True) -> Batch:
        """See :class:`Runner`."""
        batch = Batch(theta)
        entry = batch, self._blocks(theta)
        (self._open.appendleft if urgent else self._open.append)(entry)
        return batch

    def advance(self) -> None:
        """See :class:`Runner`; evaluates one block."""
        if self._open:
            batch, blocks = self._open[0]
            batch.put(next(blocks))
            if not batch.missing:
                self.withdraw(batch)

    def withdraw(self, batch: Batch) -> None:
        """See :class:`Runner`."""
        self._open = deque(entry for entry in self._open if entry[0] is not batch)

    def close(self) -> None:
        """Nothing is held."""

    def _blocks(self, theta: FloatArray) -> Iterator[Piece]:
        done: list[Evaluations] = []
        start = 0
        while start < len(theta):
            chunk = theta[start : start + self._size(len(theta) - start)]
            began = time.perf_counter()
            result = evaluate_chunk(self._problem, chunk, self._x, self._failures, done)
            seconds = time.perf_counter() - began
            if len(chunk) >= FIRST_BLOCK or not self._problem.batched:
                each = seconds / len(chunk)
                self._seconds = each if self._seconds is None else min(each, self._seconds)
            done.append(result)
            yield Piece(np.arange(start, start + len(chunk)), result, seconds)
            start += len(chunk)

    def _size(self, left: int) -> int:
        if not self._problem.batched:  # an exception loses the block: little, and little time
            each = self._seconds or np.inf
            return max(1, min(SMALL_BLOCK, int(SMALL_SECONDS / each)))
        if not self._saved:
            return CHUNK_SIZE
        if self._seconds is None:
            return FIRST_BLOCK
        if self._seconds * left < LONG_SECONDS:
            return CHUNK_SIZE
        return max(1, min(CHUNK_SIZE, int(BLOCK_SECONDS / self._seconds)))
