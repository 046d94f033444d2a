r"""Posterior predictive checks: whether the model, as fitted, gives data like these.

From each of n posterior draws :math:`\theta_i` a prediction :math:`f(\theta_i)` and a replica of
the data :math:`x_i \sim p(x|\theta_i)`. The p-value is the share of draws whose replica fits worse
than the data, :math:`L(x_i|\theta_i) < L(x|\theta_i)` (equation :eq:`p-value` of the method;
Gelman, Meng and Stern 1996): near 0 the
model can't make data that look like these; near 1 its noise is larger than theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from skerry._seeds import SeedLike, as_seed
from skerry._types import FloatArray, IntArray
from skerry.errors import InputError, UnsupportedError
from skerry.posterior import Posterior
from skerry.problem import Problem


@dataclass(frozen=True, eq=False)
class Replicas:
    """Predictions of posterior draws, and data made from them.

    Attributes:
        observed: the data, ``(m,)``.
        predictions: of n posterior draws, ``(n, m)``, without noise.
        data: replicas of the data, ``(n, m)``; None for noise that can't be sampled.
        labels: the mode of each draw, ``(n,)``.
        p_value: see the module; NaN without replicas.
    """

    observed: FloatArray
    predictions: FloatArray = field(repr=False)
    data: FloatArray | None = field(repr=False)
    labels: IntArray = field(repr=False)
    p_value: float

    @property
    def p_error(self) -> float:
        """The standard error of the p-value, which comes from so many draws."""
        n = len(self.predictions)
        return float(np.sqrt(max(self.p_value * (1 - self.p_value), 1 / n) / n))

    def inside(self, share: float) -> float:
        """The share of the data within the central interval that holds so much of the replicas."""
        if self.data is None:
            return float("nan")
        ends = [0.5 - 0.5 * share, 0.5 + 0.5 * share]
        low, high = np.quantile(self.data, ends, axis=0)
        return float(np.mean((self.observed >= low) & (self.observed <= high)))


def replicate(
    posterior: Posterior, problem: Problem, x: FloatArray, *, n: int = 200, seed: SeedLike = 0
) -> Replicas:
    """Predictions and replicas of the data from n posterior draws: n calls of the forward model.

    Args:
        posterior: the posterior.
        problem: its problem, with a forward model and a noise model.
        x: the data, ``(m,)``.
        n: draws.
        seed: of the draws and of the noise.

    Raises:
        UnsupportedError: for a problem without a forward model.
        InputError: if the problem's parameters are others, or the data's shape is.
    """
    if problem.noise is None:
        raise UnsupportedError(
            "Expected a problem with a forward model; got a log_likelihood alone, which predicts "
            "no data; build it as Problem(prior, forward=..., noise=...)."
        )
    if problem.prior.names != posterior.names:
        raise InputError(
            f"Expected the posterior's own problem, of {', '.join(posterior.names)}; got one of "
            f"{', '.join(problem.prior.names)}."
        )
    root, observed = as_seed(seed), np.asarray(x, np.float64)
    rows = posterior.resample(n, root.child("draws"))
    predictions = problem.predict(posterior.samples[rows])
    if observed.shape != predictions.shape[1:]:
        raise InputError(
            f"Expected data of shape {predictions.shape[1:]}, as the forward model's predictions; "
            f"got {observed.shape}; pass the observation x of the run."
        )
    data, p_value = None, float("nan")
    try:
        data = problem.noise.sample(predictions, root.child("noise"))
    except UnsupportedError:
        pass
    else:
        repeated = np.broadcast_to(observed, predictions.shape)
        of_data = problem.noise.log_prob(repeated, predictions)
        p_value = float(np.mean(problem.noise.log_prob(data, predictions) < of_data))
    return Replicas(observed, predictions, data, posterior.labels[rows], p_value)
