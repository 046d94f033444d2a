"""Counts: without and with an upper bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from skerry._types import FloatArray
from skerry.errors import InputError, ProblemError
from skerry.noise._noise import Noise
from skerry.noise._sigma import as_sigma, check_width


@final
@dataclass(frozen=True)
class Poisson(Noise):
    """Counts with the predictions as their means.

    A negative mean has density 0. Observations that aren't whole (Asimov data) are allowed; the
    factorial is then a gamma function.
    """

    def _log_density(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        if (x < 0).any():
            raise InputError(f"Expected counts >= 0; got {x.min()}; check the observation.")
        mean = np.maximum(prediction, 0.0)
        values = np.sum(xlogy(x, mean) - mean - gammaln(x + 1.0), axis=1)
        return np.where((prediction < 0).any(axis=1), -np.inf, values)

    def _score(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        return np.where(x == 0, 0.0, x / prediction) - 1.0

    def _draw(self, prediction: FloatArray, generator: np.random.Generator) -> FloatArray:
        if (prediction < 0).any():
            raise InputError(
                f"Expected predicted counts >= 0; got {prediction.min()}; mend the forward model."
            )
        return generator.poisson(prediction).astype(np.float64)


@final
@dataclass(frozen=True, eq=False)
class Binomial(Noise):
    """Successes among so many trials, with the predictions as the probabilities of one.

    ``trials`` is a whole number, or one for each measurement (m,); 1 makes yes or no. A prediction
    outside [0, 1] has density 0.

    Raises:
        ProblemError: for trials that aren't whole numbers >= 1.
    """

    trials: Any

    def __post_init__(self) -> None:
        trials = as_sigma(self.trials, largest_ndim=1, name="trials")
        if (trials != np.round(trials)).any():
            raise ProblemError(
                f"Expected trials to be whole numbers; got {trials.tolist()}; round them."
            )
        object.__setattr__(self, "trials", trials)

    def _log_density(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        check_width(self.trials, prediction, name="trials")
        if (x < 0).any() or (x > self.trials).any() or (x != np.round(x)).any():
            raise InputError(
                f"Expected whole counts from 0 to the trials ({np.max(self.trials):g}); got "
                f"{x.min()} to {x.max()}; check the observation and trials."
            )
        missed = self.trials - x
        ways = gammaln(self.trials + 1.0) - gammaln(x + 1.0) - gammaln(missed + 1.0)
        p = np.clip(prediction, 0.0, 1.0)
        values = np.sum(ways + xlogy(x, p) + xlog1py(missed, -p), axis=1)
        return np.where(((prediction < 0) | (prediction > 1)).any(axis=1), -np.inf, values)

    def _score(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        check_width(self.trials, prediction, name="trials")
        missed = self.trials - x
        up = np.where(x == 0, 0.0, x / prediction)
        return up - np.where(missed == 0, 0.0, missed / (1.0 - prediction))

    def _draw(self, prediction: FloatArray, generator: np.random.Generator) -> FloatArray:
        check_width(self.trials, prediction, name="trials")
        if (prediction < 0).any() or (prediction > 1).any():
            raise InputError(
                f"Expected predicted probabilities from 0 to 1; got {prediction.min()} to "
                f"{prediction.max()}; mend the forward model."
            )
        trials = np.broadcast_to(self.trials, prediction.shape).astype(np.int64)
        return generator.binomial(trials, prediction).astype(np.float64)
