"""Pairs of a point and an observation, as a runner takes points; the journal of their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skerry._types import BoolArray, FloatArray
from skerry.problem import Problem
from skerry.store import Archive, Records
from skerry.store._index import keys_of
from skerry.store._records import Found

JOURNAL = "pairs"
BUFFER = 500_000  # pairs that may wait in memory


@dataclass(frozen=True)
class Names:
    """What an error calls the numbers of a runner's point."""

    names: tuple[str, ...]


@final
class Pairs:
    """A problem as a runner takes it, each point followed by its observation: ``(n, d + m)``."""

    def __init__(self, problem: Problem, x_shape: tuple[int, ...]) -> None:
        self.problem, self.x_shape = problem, x_shape
        self.batched = problem.batched
        numbers = tuple(f"x{i}" for i in range(int(np.prod(x_shape))))
        self.prior = Names((*problem.prior.names, *numbers))

    def log_likelihood(self, points: FloatArray, x: Any = None) -> FloatArray:
        """``(n, d + m)`` to ``(n,)``."""
        del x
        d = self.problem.prior.ndim
        theta, xs = points[:, :d], points[:, d:].reshape(-1, *self.x_shape)
        one_call = self.problem.pairwise or self.problem.noise is not None
        if one_call or self.problem.has_gradient:
            return self.problem.log_likelihoods(theta[:, None], xs)[:, 0]
        new = (points[1:, d:] != points[:-1, d:]).any(axis=1)
        ends = [*(np.flatnonzero(new) + 1).tolist(), len(points)]
        starts = [0, *ends[:-1]]
        groups = zip(starts, ends, strict=True)
        return np.concatenate([self.problem.log_likelihood(theta[a:b], xs[a]) for a, b in groups])


class Journal:
    """The values of pairs since a checkpoint; those before it nobody asks for again.

    It has the face of :class:`~skerry.store.Records`, and knows an observation by a hash. What took
    too little time to be worth writing waits, and is forgotten at the next checkpoint.

    Args:
        archive: where it is kept, a folder for each checkpoint.
        ndim: d.
    """

    def __init__(self, archive: Archive, ndim: int) -> None:
        self._archive, self._ndim = archive, ndim
        self.unsaved_seconds = archive.unsaved_seconds
        self._known: list[Records] = []
        self._name = ""
        self.begin(0)

    def begin(self, number: int) -> None:
        """What follows comes after this checkpoint; so did what later folders hold, if any."""
        if self._name:
            self._archive.leave(self._name)
        self._waiting: list[tuple[Any, ...]] = []
        self._seconds, self.n_waiting = 0.0, 0
        self._name = f"{JOURNAL}/{number:08d}"
        later = [m for m in self._archive.numbered(JOURNAL) if m >= number]
        self._known = [self._open(f"{JOURNAL}/{m:08d}") for m in later]

    def drop(self, below: int) -> None:
        """Forget what came before a checkpoint."""
        for number in self._archive.numbered(JOURNAL):
            if number < below:
                self._archive.drop(f"{JOURNAL}/{number:08d}")

    def find(self, points: FloatArray) -> Found:
        """As :meth:`Records.find`."""
        n = len(points)
        found = Found(np.zeros(n, bool), np.full(n, np.nan), np.zeros(n, bool), {})
        for records in self._known:
            if len(records):
                mine = records.find(self._keys(points))
                rows = mine.known & ~found.known
                found.log_likelihood[rows] = mine.log_likelihood[rows]
                found.failed[rows] = mine.failed[rows]
                found.known[rows] = True
                found.messages.update(mine.messages)
        return found

    def add(
        self,
        points: FloatArray,
        log_likelihood: FloatArray,
        failed: BoolArray,
        messages: dict[int, str],
        seconds: float,
    ) -> None:
        """As :meth:`Records.add`."""
        self._waiting.append((points, log_likelihood, failed, messages))
        self._seconds += seconds
        self.n_waiting += len(points)
        if self._seconds < self.unsaved_seconds:
            return
        records = self._open(self._name)
        if all(records is not known for known in self._known):
            self._known.append(records)
        for pairs, values, bad, texts in self._waiting:
            records.add(self._keys(pairs), values, bad, texts, 0.0)
        records.flush()
        self._waiting, self._seconds, self.n_waiting = [], 0.0, 0

    def _open(self, name: str) -> Records:
        return self._archive.records(name, self._ndim + 2)

    def _keys(self, points: FloatArray) -> FloatArray:
        """Points and 106 bits of each observation's hash, as numbers that floats hold."""
        bits = keys_of(points[:, self._ndim :])
        return np.concatenate([points[:, : self._ndim], bits >> np.uint64(11)], axis=1)
