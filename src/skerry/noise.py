"""Noise models: how an observation scatters about the prediction of a forward model.

A noise model is log p(x | prediction), fully normalised, for predictions ``(n, m)`` and an
observation ``(m,)`` shared by all of them, or ``(n, m)`` row by row. To add one, write three
formulas for rows of finite numbers: the log density, its derivative in the prediction (for
likelihoods with gradients), and a draw. Shapes and bad rows are dealt with here, once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.special import gammaln, xlogy

from skerry._types import FloatArray
from skerry.errors import InputError, ProblemError, UnsupportedError

if TYPE_CHECKING:
    from skerry._seeds import SeedLike

LOG_2PI = math.log(2.0 * math.pi)


class Noise(ABC):
    """A noise model; subclasses give the three formulas.

    Attributes:
        has_score: whether the derivative in the prediction is known.
    """

    has_score: ClassVar[bool] = True

    @abstractmethod
    def _log_density(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        """The formula: x ``(1, m)`` or ``(n, m)``, prediction ``(n, m)``, finite, to ``(n,)``."""

    @abstractmethod
    def _score(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        """The derivative of the log density in the prediction, ``(n, m)``."""

    @abstractmethod
    def _draw(self, prediction: FloatArray, generator: np.random.Generator) -> FloatArray:
        """An observation for each prediction, ``(n, m)``."""

    @final
    def log_prob(self, x: Any, prediction: Any) -> FloatArray:
        """The log density, ``(n,)``; nan where a prediction isn't finite.

        Raises:
            InputError: for an observation that isn't finite, or not of m numbers.
            ProblemError: for predictions, or a sigma, of another shape.
        """
        x, prediction = _as_rows(x, prediction)
        fine = np.isfinite(prediction).all(axis=1)
        values = np.full(len(prediction), np.nan)
        with np.errstate(all="ignore"):
            density = self._log_density(x[fine] if len(x) > 1 else x, prediction[fine])
        if np.shape(density) != (fine.sum(),):
            raise ProblemError(
                f"Expected the noise's log_prob(x, prediction) to return shape ({fine.sum()},), "
                f"one number a row; got shape {np.shape(density)}; sum over the last axis."
            )
        values[fine] = density
        return values

    @final
    def score(self, x: Any, prediction: Any) -> FloatArray:
        """The derivative of :meth:`log_prob` in the prediction, ``(n, m)``."""
        x, prediction = _as_rows(x, prediction)
        with np.errstate(all="ignore"):
            return self._score(x, prediction)

    @final
    def sample(self, prediction: Any, seed: SeedLike) -> FloatArray:
        """A random observation for each prediction, ``(n, m)``.

        Raises:
            InputError: for predictions that aren't finite, or the model can't scatter.
        """
        from skerry._seeds import as_seed

        prediction = _as_predictions(prediction)
        if not np.isfinite(prediction).all():
            raise InputError(
                "Expected finite predictions to sample from; got nan or inf in row "
                f"{int(np.argmin(np.isfinite(prediction).all(axis=1)))}; leave such rows out."
            )
        return self._draw(prediction, as_seed(seed).numpy())


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
        object.__setattr__(self, "sigma", _as_sigma(self.sigma, largest_ndim=2))
        if self.sigma.ndim == 2:
            object.__setattr__(self, "_cholesky", _cholesky(self.sigma))

    def _log_density(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        m = _check_width(self.sigma, prediction)
        if self._cholesky is None:
            z = (x - prediction) / self.sigma
            log_det = np.sum(np.log(np.broadcast_to(self.sigma, m)))
        else:
            z = solve_triangular(self._cholesky, (x - prediction).T, lower=True).T
            log_det = np.sum(np.log(np.diag(self._cholesky)))
        return -0.5 * np.sum(z**2, axis=1) - log_det - 0.5 * m * LOG_2PI

    def _score(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        _check_width(self.sigma, prediction)
        if self._cholesky is None:
            return (x - prediction) / self.sigma**2
        residual = (x - prediction).T
        return cho_solve((self._cholesky, True), residual, check_finite=False).T

    def _draw(self, prediction: FloatArray, generator: np.random.Generator) -> FloatArray:
        _check_width(self.sigma, prediction)
        z = generator.standard_normal(prediction.shape)
        return prediction + (self.sigma * z if self._cholesky is None else z @ self._cholesky.T)


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
class StudentT(Noise):
    """Independent Student t noise of scale sigma (a number, or ``(m,)``) and df > 0.

    Raises:
        ProblemError: for a sigma or df that isn't positive.
    """

    sigma: Any
    df: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", _as_sigma(self.sigma, largest_ndim=1))
        if not (np.ndim(self.df) == 0 and np.isfinite(self.df) and self.df > 0):
            raise ProblemError(f"Expected df > 0, a number; got {self.df!r}; pass for example 4.")

    def _log_density(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        m, df = _check_width(self.sigma, prediction), self.df
        z = (x - prediction) / self.sigma
        norm = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * math.log(df * math.pi)
        log_scale = np.sum(np.log(np.broadcast_to(self.sigma, m)))
        return m * norm - log_scale - (df + 1) / 2 * np.sum(np.log1p(z**2 / df), axis=1)

    def _score(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        _check_width(self.sigma, prediction)
        z = (x - prediction) / self.sigma
        return (self.df + 1) * z / (self.df + z**2) / self.sigma

    def _draw(self, prediction: FloatArray, generator: np.random.Generator) -> FloatArray:
        _check_width(self.sigma, prediction)
        return prediction + self.sigma * generator.standard_t(self.df, prediction.shape)


@final
class Custom(Noise):
    """A noise model from functions.

    Args:
        log_prob: x ``(1, m)`` or ``(n, m)`` and prediction ``(n, m)`` to the log density ``(n,)``.
        sample: prediction ``(n, m)`` and a NumPy ``Generator`` to observations ``(n, m)``, or None.
    """

    has_score: ClassVar[bool] = False

    def __init__(
        self,
        log_prob: Callable[[FloatArray, FloatArray], FloatArray],
        sample: Callable[[FloatArray, np.random.Generator], FloatArray] | None = None,
    ) -> None:
        for name, function in (("log_prob", log_prob), ("sample", sample)):
            if not callable(function) and (function is not None or name == "log_prob"):
                raise ProblemError(
                    f"Expected {name} to be a function; got {type(function).__name__}; "
                    "pass for example a def of (x, prediction)."
                )
        self._density, self._sampler = log_prob, sample

    def _log_density(self, x: FloatArray, prediction: FloatArray) -> FloatArray:
        return np.asarray(self._density(x, prediction), dtype=np.float64)

    def _score(self, x: FloatArray, prediction: FloatArray) -> FloatArray:  # noqa: ARG002
        raise UnsupportedError(
            "Expected a noise model with a known derivative; got a Custom one; use a model of "
            "skerry.noise, or write the whole log-likelihood in JAX."
        )

    def _draw(self, prediction: FloatArray, generator: np.random.Generator) -> FloatArray:
        if self._sampler is None:
            raise UnsupportedError(
                "Expected a noise model that can be sampled; got Custom without sample; pass "
                "sample=function of (prediction, generator)."
            )
        x = np.asarray(self._sampler(prediction, generator), dtype=np.float64)
        if x.shape != prediction.shape:
            raise ProblemError(
                f"Expected the noise's sample(prediction, generator) to return shape "
                f"{prediction.shape}; got {x.shape}; return one observation for each row."
            )
        return x


def _as_predictions(prediction: Any) -> FloatArray:
    array = np.asarray(prediction, dtype=np.float64)
    if array.ndim != 2:
        raise ProblemError(
            f"Expected predictions of shape (n, m), one row a point; got shape {array.shape}; "
            "reshape them, for a single measurement as prediction[:, None]."
        )
    return array


def _as_rows(x: Any, prediction: Any) -> tuple[FloatArray, FloatArray]:
    """An observation as ``(1, m)`` or ``(n, m)``, and the predictions ``(n, m)``."""
    predictions = _as_predictions(prediction)
    try:
        array = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Expected an observation of numbers; got {type(x).__name__}; pass an array (m,)."
        ) from error
    n, m = predictions.shape
    if array.shape not in ((m,), (n, m)):
        raise InputError(
            f"Expected an observation of shape ({m},) or ({n}, {m}), as the predictions; got shape "
            f"{array.shape}; check x and the forward model."
        )
    if not np.isfinite(array).all():
        raise InputError(
            "Expected a finite observation; got nan or inf; leave missing measurements out of x "
            "and of the predictions."
        )
    return (array[None] if array.ndim == 1 else array), predictions


def _as_sigma(sigma: Any, *, largest_ndim: int) -> FloatArray:
    try:
        array = np.array(sigma, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProblemError(
            f"Expected sigma to hold numbers; got {type(sigma).__name__}; pass for example 0.1."
        ) from error
    array.setflags(write=False)
    kinds = ("a number", "one number a measurement (m,)", "a covariance (m, m)")
    square = array.ndim < 2 or array.shape[0] == array.shape[1]
    if array.ndim > largest_ndim or array.size == 0 or not square:
        raise ProblemError(
            f"Expected sigma to be {' or '.join(kinds[: largest_ndim + 1])}; got shape "
            f"{array.shape}; reshape it."
        )
    if not np.isfinite(array).all() or (array.ndim < 2 and (array <= 0).any()):
        raise ProblemError(
            f"Expected sigma > 0, finite; got {array.tolist()}; pass standard deviations."
        )
    return array


def _cholesky(covariance: FloatArray) -> FloatArray:
    try:
        slack = 1e-10 * float(np.abs(covariance).max())
        if not np.allclose(covariance, covariance.T, rtol=1e-8, atol=slack):
            raise np.linalg.LinAlgError("not symmetric")
        return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise ProblemError(
            f"Expected a symmetric, positive definite covariance; got one that isn't ({error}); "
            "check its eigenvalues, or pass standard deviations (m,)."
        ) from error


def _check_width(sigma: FloatArray, prediction: FloatArray) -> int:
    """m, the number of measurements."""
    m = prediction.shape[1]
    if sigma.ndim and len(sigma) != m:
        raise ProblemError(
            f"Expected sigma for {m} measurements, as the predictions have; got {len(sigma)}; "
            "check sigma and the forward model."
        )
    return m
