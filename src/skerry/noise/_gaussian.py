"""Normal noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from skerry._types import FloatArray
from skerry.noise._noise import Noise
from skerry.noise._sigma import as_sigma, check_width, cholesky

LOG_2PI = math.log(2.0 * math.pi)


@final
@dataclass(frozen=True, eq=False)
class Gaussian(Noise):
    """Normal noise: sigma is a number, one for each of the m measurements, or a covariance (m, m).

    Raises:
        ProblemError: for a sigma that isn't positive, or a covariance that isn't positive definite.
    """

    sigma: Any
    _cholesky: FloatArray | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", as_sigma(self.sigma, largest_ndim=2))
        if self.sigma.ndim == 2:
            object.__setattr__(self, "_cholesky", cholesky(self.sigma))

    def _log_density(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        m = check_width(self.sigma, prediction)
        if self._cholesky is None:
            z = (x - prediction) / self.sigma
            log_det = np.sum(np.log(np.broadcast_to(self.sigma, m)))
        else:
            z = solve_triangular(self._cholesky, (x - prediction).T, lower=True).T
            log_det = np.sum(np.log(np.diag(self._cholesky)))
        return -0.5 * np.sum(z**2, axis=1) - log_det - 0.5 * m * LOG_2PI

    def _score(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        check_width(self.sigma, prediction)
        if self._cholesky is None:
            return (x - prediction) / self.sigma**2
        residual = (x - prediction).T
        return cho_solve((self._cholesky, True), residual, check_finite=False).T

    def _draw(self, prediction: FloatArray, generator: np.random.Generator) -> FloatArray:
        check_width(self.sigma, prediction)
        z = generator.standard_normal(prediction.shape)
        return prediction + (self.sigma * z if self._cholesky is None else z @ self._cholesky.T)
