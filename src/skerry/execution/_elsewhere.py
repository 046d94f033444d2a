"""Evaluating nowhere here: what isn't known must come from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skerry._types import FloatArray
from skerry.evaluate import Evaluations
from skerry.execution._piece import Batch, Piece


class LackingError(Exception):
    """Points whose log-likelihoods are needed before a run can go on.

    Attributes:
        theta: the points, ``(n, d)``.
    """

    def __init__(self, theta: FloatArray) -> None:
        super().__init__(f"{len(theta)} points have to be evaluated elsewhere")
        self.theta = theta


class Elsewhere:
    """Gives back values that were brought from elsewhere, and asks for those it lacks.

    Args:
        values: by a point's bytes: its log-likelihood, and None or why it failed.
    """

    def __init__(self, values: Mapping[bytes, tuple[float, str | None]]) -> None:
        self._values = values
        self._open: list[Batch] = []

    def submit(self, theta: FloatArray, *, urgent: bool = True) -> Batch:
        """See :class:`Runner`."""
        batch = Batch(theta)
        self._open.insert(0 if urgent else len(self._open), batch)
        return batch

    def advance(self) -> None:
        """See :class:`Runner`.

        Raises:
            LackingError: with the points that are not known, after those that are.
        """
        if not self._open:
            return
        batch = self._open[0]
        theta = batch.theta
        found = [self._values.get(point.tobytes()) for point in theta]
        rows = np.array([i for i, value in enumerate(found) if value is not None], np.int64)
        if len(rows) and batch.missing == len(theta):
            known = [value for value in found if value is not None]
            messages = tuple(why for _, why in known if why is not None)
            failed = np.array([why is not None for _, why in known])
            values = np.where(failed, np.nan, np.array([value for value, _ in known]))
            result = Evaluations(theta[rows], values, failed, messages, len(rows))
            batch.put(Piece(rows, result, 0.0))
        elif batch.missing:
            raise LackingError(np.delete(theta, rows, axis=0))
        if not batch.missing:
            self.withdraw(batch)

    def withdraw(self, batch: Batch) -> None:
        """See :class:`Runner`."""
        self._open = [other for other in self._open if other is not batch]

    def close(self) -> None:
        """Nothing is held."""
