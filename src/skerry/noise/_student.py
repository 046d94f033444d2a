"""Student t noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy.special import gammaln

from skerry._types import FloatArray
from skerry.errors import ProblemError
from skerry.noise._noise import Noise
from skerry.noise._sigma import as_sigma, check_width


@final
@dataclass(frozen=True, eq=False)
class StudentT(Noise):
    """Independent Student t noise of scale sigma (a number, or ``(m,)``) and df > 0.

    Raises:
        ProblemError: for a sigma or df that isn't positive.
    """

    sigma: Any
    df: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", as_sigma(self.sigma, largest_ndim=1))
        if not (np.ndim(self.df) == 0 and np.isfinite(self.df) and self.df > 0):
            raise ProblemError(f"Expected df > 0, a number; got {self.df!r}; pass for example 4.")

    def _log_density(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        m, df = check_width(self.sigma, prediction), self.df
        z = (x - prediction) / self.sigma
        norm = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * math.log(df * math.pi)
        log_scale = np.sum(np.log(np.broadcast_to(self.sigma, m)))
        return m * norm - log_scale - (df + 1) / 2 * np.sum(np.log1p(z**2 / df), axis=1)

    def _score(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        check_width(self.sigma, prediction)
        z = (x - prediction) / self.sigma
        return (self.df + 1) * z / (self.df + z**2) / self.sigma

    def _draw(self, prediction: FloatArray, generator: np.random.Generator) -> FloatArray:
        check_width(self.sigma, prediction)
        return prediction + self.sigma * generator.standard_t(self.df, prediction.shape)
