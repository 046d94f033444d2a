"""What every noise model shares: three formulas to give, shapes and bad rows dealt with once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError, ProblemError

if TYPE_CHECKING:
    from skerry._seeds import SeedLike


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
