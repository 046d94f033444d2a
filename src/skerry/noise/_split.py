"""Normal noise with an error on each side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skerry._types import FloatArray
from skerry.noise._gaussian import LOG_2PI
from skerry.noise._noise import Noise
from skerry.noise._sigma import as_sigma, check_width


@final
@dataclass(frozen=True, eq=False)
class SplitNormal(Noise):
    """Two half normals that meet at the prediction, for measurements x -lower +upper.

    The errors are read as measurements quote them: ``upper`` holds where the prediction lies above
    x, ``lower`` where it lies below (Barlow 2003, physics/0306138, calls it the dimidated
    Gaussian). Each is a number, or one for each measurement (m,).

    Raises:
        ProblemError: for errors that aren't positive.
    """

    lower: Any
    upper: Any

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            object.__setattr__(self, name, as_sigma(getattr(self, name), largest_ndim=1))

    def _sides(self, prediction: FloatArray) -> tuple[FloatArray, FloatArray]:
        check_width(self.lower, prediction)
        check_width(self.upper, prediction)
        width = prediction.shape[1]
        return np.broadcast_to(self.lower, width), np.broadcast_to(self.upper, width)

    def _log_density(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        lower, upper = self._sides(prediction)
        z = (x - prediction) / np.where(prediction > x, upper, lower)
        log_scale = np.sum(np.log(0.5 * (lower + upper))) + 0.5 * len(lower) * LOG_2PI
        return -0.5 * np.sum(z**2, axis=1) - log_scale

    def _score(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        lower, upper = self._sides(prediction)
        return (x - prediction) / np.where(prediction > x, upper, lower) ** 2

    def _draw(self, prediction: FloatArray, generator: np.random.Generator) -> FloatArray:
        lower, upper = self._sides(prediction)
        below = generator.random(prediction.shape) < upper / (lower + upper)
        size = np.abs(generator.standard_normal(prediction.shape))
        return prediction + np.where(below, -upper, lower) * size
