"""Any noise at all, from functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, final

import numpy as np

from skerry._types import FloatArray
from skerry.errors import ProblemError, UnsupportedError
from skerry.noise._noise import Noise


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
