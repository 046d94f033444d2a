"""Searches along lines that ask for a slope only where the value has fallen.

L-BFGS tries points along a line, and goes on from the first that is low enough. A slope by
differences costs d calls more than a value, and at a trial that is no lower than where its line
began it would only serve to guess the next trial: the parabola through both values and the slope at
the beginning does as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skerry._types import FloatArray

WALL = 0.25  # of a step that led where the objective is infinite: what is tried next


class Trial(NamedTuple):
    """A point, the objective there, and its slope."""

    place: FloatArray
    value: float
    slope: FloatArray


class ThriftyObjective:
    """What a minimiser with line searches sees: values first, slopes where they are needed.

    Pass ``accept`` as the minimiser's callback: it says where the next line begins.

    Args:
        look: the objective at a point ``(d,)``, infinite or NaN where it can't go; and its slope,
            if that comes with it.
        differences: the slope there, given the objective.
    """

    def __init__(
        self,
        look: Callable[[FloatArray], tuple[float, FloatArray | None]],
        differences: Callable[[FloatArray, float], FloatArray],
    ) -> None:
        self._look, self._differences = look, differences
        self._begin: Trial | None = None
        self._tried: list[Trial] = []

    def __call__(self, place: FloatArray) -> tuple[float, FloatArray]:
        """The objective and its slope; a made-up slope where the point is sure to be rejected.

        Where the first point is one where the objective can't go, its slope is 0: nothing is tried.
        """
        value, slope = self._look(place)
        begin = self._begin
        if not np.isfinite(value) and begin is None:
            return np.inf, np.zeros_like(place)
        if begin is not None and not value < begin.value:
            trial = _rejected(place, value, begin)
        else:
            slope = self._differences(place, value) if slope is None else slope
            trial = Trial(place.copy(), value, np.where(np.isfinite(slope), slope, 0.0))
            self._begin = begin or trial
        self._tried.append(trial)
        return trial.value, trial.slope

    def accept(self, place: FloatArray) -> None:
        """The minimiser goes on from one of the points tried."""
        self._begin = next((t for t in self._tried if np.array_equal(t.place, place)), None)
        self._tried = []


def _rejected(place: FloatArray, value: float, begin: Trial) -> Trial:
    """A trial with the slope that the parabola from the line's beginning has there."""
    step = place - begin.place
    fall, square = float(begin.slope @ step), float(step @ step)
    if square == 0.0:
        return begin
    if not np.isfinite(value):
        value = begin.value + fall * (1 - 0.5 / WALL)
    along = 2 * (value - begin.value) - fall
    return Trial(place.copy(), value, along / square * step)
