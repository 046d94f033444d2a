"""Columns that grow: the values of all points of a store, one number or several, by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray


class Values:
    """Log-likelihoods, what failed, and why."""

    def __init__(self) -> None:
        self._n = 0
        self._log_likelihood = np.empty(0)
        self._failed = np.empty(0, bool)
        self._messages: dict[int, str] = {}

    def __len__(self) -> int:
        return self._n

    def add(self, log_likelihood: FloatArray, failed: BoolArray, messages: dict[int, str]) -> None:
        """Rows at the end; ``messages`` counts from the first of them."""
        n = self._n + len(log_likelihood)
        if not self._n:
            self._log_likelihood = np.empty((0, *log_likelihood.shape[1:]))
        if n > len(self._log_likelihood):
            room = max(1024, n, int(1.5 * len(self._log_likelihood)))
            self._log_likelihood = _grown(self._log_likelihood, room)
            self._failed = _grown(self._failed, room)
        self._log_likelihood[self._n : n] = log_likelihood
        self._failed[self._n : n] = failed
        self._messages |= {self._n + row: text for row, text in messages.items()}
        self._n = n

    def take(self, rows: IntArray) -> tuple[FloatArray, BoolArray, dict[int, str]]:
        """Values by row; nan, and not failed, where a row is -1."""
        known = np.flatnonzero(rows >= 0)
        values = np.full((len(rows), *self._log_likelihood.shape[1:]), np.nan)
        failed = np.zeros(len(rows), bool)
        values[known] = self._log_likelihood[rows[known]]
        failed[known] = self._failed[rows[known]]
        messages = {
            i: self._messages.get(int(rows[i]), "failed") for i in np.flatnonzero(failed).tolist()
        }
        return values, failed, messages


def _grown(column: Any, room: int) -> Any:
    grown = np.empty((room, *column.shape[1:]), column.dtype)
    grown[: len(column)] = column
    return grown
