"""Evaluating nowhere here: what isn't known must come from elsewhere."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import numpy as np

from skerry._types import FloatArray
from skerry.evaluate import Evaluations
from skerry.execution._piece import Piece


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

    def run(self, theta: FloatArray) -> Generator[Piece, None, None]:
        """See :class:`Runner`.

        Raises:
            LackingError: with the points that are not known, after those that are.
        """
        found = [self._values.get(point.tobytes()) for point in theta]
        rows = np.array([i for i, value in enumerate(found) if value is not None], np.int64)
        if len(rows):
            known = [value for value in found if value is not None]
            messages = tuple(why for _, why in known if why is not None)
            failed = np.array([why is not None for _, why in known])
            values = np.where(failed, np.nan, np.array([value for value, _ in known]))
            yield Piece(rows, Evaluations(theta[rows], values, failed, messages, len(rows)), 0.0)
        if len(rows) < len(theta):
            raise LackingError(np.delete(theta, rows, axis=0))

    def close(self) -> None:
        """Nothing is held."""
