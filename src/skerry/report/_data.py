"""Predictions beside the data."""

from __future__ import annotations

from skerry import plot
from skerry._seeds import SeedLike
from skerry._types import FloatArray
from skerry.diagnostics import replicate
from skerry.posterior import Posterior
from skerry.problem import Problem
from skerry.report._page import Section
from skerry.report._picture import picture


def predictive_section(
    posterior: Posterior, problem: Problem, x: FloatArray, *, n: int = 200, seed: SeedLike = 0
) -> Section:
    """A posterior predictive check: n calls of the forward model.

    Raises:
        UnsupportedError: for a problem without a forward model.
        InputError: for another posterior's problem or data.
    """
    found = replicate(posterior, problem, x, n=n, seed=seed)
    text = f"From {n} posterior draws the model predicts data anew. "
    if found.data is None:
        text += "Its noise can't be sampled, so only predictions without noise are shown."
    else:
        text += (
            f"Of these replicas {100 * found.p_value:.0f} ± {100 * found.p_error:.0f} % fit worse "
            f"than the data do; {100 * found.inside(0.95):.0f} % of the data lie within the range "
            "that holds 95 % of their replicas. Near 0 % the model can't make data that look like "
            "these, near 100 % its noise is larger than theirs; nothing above would show either."
        )
    drawn = picture(
        plot.predictive(found),
        f"{len(found.observed)} data beside predictions and replicas of them, and their residuals. "
        f"p-value {found.p_value:.2f}.",
    )
    return Section("Does the model fit the data", (text,), (drawn,))
