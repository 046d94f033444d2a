"""Noise that multiplies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.noise._gaussian import LOG_2PI
from skerry.noise._noise import Noise
from skerry.noise._sigma import as_sigma, check_width


@final
@dataclass(frozen=True, eq=False)
class LogNormal(Noise):
    """Log x is normal about log prediction; sigma is a number, or one for each measurement (m,).

    The prediction is the median of x. One that isn't positive has density 0, and so has an x that
    isn't.

    Raises:
        ProblemError: for a sigma that isn't positive.
    """

    sigma: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", as_sigma(self.sigma, largest_ndim=1))

    def _log_density(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        m = check_width(self.sigma, prediction)
        z = np.log(x / prediction) / self.sigma
        log_scale = np.sum(np.log(np.broadcast_to(self.sigma, m)))
        values = -0.5 * np.sum(z**2 + 2.0 * np.log(x) + LOG_2PI, axis=1) - log_scale
        return np.where(((x > 0) & (prediction > 0)).all(axis=1), values, -np.inf)

    def _score(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        check_width(self.sigma, prediction)
        return np.log(x / prediction) / self.sigma**2 / prediction

    def _draw(self, prediction: FloatArray, generator: np.random.Generator) -> FloatArray:
        check_width(self.sigma, prediction)
        if (prediction <= 0).any():
            raise InputError(
                f"Expected predictions > 0; got {prediction.min()}; mend the forward model."
            )
        return prediction * np.exp(self.sigma * generator.standard_normal(prediction.shape))
