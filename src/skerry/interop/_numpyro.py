"""numpyro's distributions as a prior."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats as st

from skerry.errors import UnsupportedError
from skerry.priors import Prior

FAMILIES: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "Beta": (("concentration1", "concentration0"), st.beta),
    "Cauchy": (("loc", "scale"), st.cauchy),
    "Chi2": (("df",), st.chi2),
    "Exponential": (("rate",), lambda rate: st.expon(0, 1 / rate)),
    "Gamma": (("concentration", "rate"), lambda k, rate: st.gamma(k, 0, 1 / rate)),
    "Gumbel": (("loc", "scale"), st.gumbel_r),
    "HalfCauchy": (("scale",), lambda scale: st.halfcauchy(0, scale)),
    "HalfNormal": (("scale",), lambda scale: st.halfnorm(0, scale)),
    "InverseGamma": (("concentration", "rate"), lambda k, rate: st.invgamma(k, 0, rate)),
    "Laplace": (("loc", "scale"), st.laplace),
    "LogNormal": (("loc", "scale"), lambda loc, scale: st.lognorm(scale, 0, np.exp(loc))),
    "LogUniform": (("low", "high"), st.loguniform),
    "Logistic": (("loc", "scale"), st.logistic),
    "Normal": (("loc", "scale"), st.norm),
    "Pareto": (("scale", "alpha"), lambda scale, alpha: st.pareto(alpha, 0, scale)),
    "StudentT": (("df", "loc", "scale"), st.t),
    "Uniform": (("low", "high"), lambda low, high: st.uniform(low, high - low)),
    "Weibull": (("scale", "concentration"), lambda scale, k: st.weibull_min(k, 0, scale)),
}
WRAPPERS = ("ExpandedDistribution", "Independent")
TRUNCATED = (
    "LeftTruncatedDistribution",
    "RightTruncatedDistribution",
    "TwoSidedTruncatedDistribution",
)


def prior_from_numpyro(parts: Mapping[str, Any]) -> Prior:
    """A prior from numpyro's distributions, by name.

    Each becomes the same distribution of scipy.stats: double precision whatever JAX is set to, and
    posteriors that can be saved with it. A distribution of shape ``(k,)`` gives the parameters
    ``name[0]``, ``name[1]``, ...; truncated normals are known too.

    Args:
        parts: names and distributions, such as ``{"mass": numpyro.distributions.Normal(0, 1)}``.

    Raises:
        UnsupportedError: for a family without a counterpart, and for distributions whose elements
            depend on each other.
        PriorError: if parts is no such mapping.
    """
    if not isinstance(parts, Mapping):
        return Prior(parts)  # its own error
    columns: dict[str, Any] = {}
    for name, part in parts.items():
        columns |= _columns(name, part)
    return Prior(columns)


def _columns(name: str, part: Any) -> dict[str, Any]:
    shape = tuple(getattr(part, "batch_shape", ())) + tuple(getattr(part, "event_shape", ()))
    while type(part).__name__ in WRAPPERS:
        part = part.base_dist
    names, make = _family(name, part)
    values = [np.asarray(value, dtype=np.float64) for value in names]
    if not shape:
        return {name: make(*(float(value) for value in values))}
    rows = [np.broadcast_to(value, shape) for value in values]
    return {
        f"{name}[{','.join(map(str, place))}]": make(*(float(row[place]) for row in rows))
        for place in np.ndindex(shape)
    }


def _family(name: str, part: Any) -> tuple[list[Any], Callable[..., Any]]:
    """A distribution's settings, and the function that makes it of them."""
    kind = type(part).__name__
    if kind in TRUNCATED and type(part.base_dist).__name__ == "Normal":
        low, high = getattr(part, "low", -np.inf), getattr(part, "high", np.inf)
        return [part.base_dist.loc, part.base_dist.scale, low, high], truncated_normal
    if kind not in FAMILIES or tuple(getattr(part, "event_shape", ())):
        raise UnsupportedError(
            f"Expected one of numpyro's {', '.join(FAMILIES)} or a truncated Normal for {name!r}; "
            f"got {kind}; pass a distribution of scipy.stats to skerry.Prior, or a transform to "
            "skerry.Prior.from_transform."
        )
    names, make = FAMILIES[kind]
    return [getattr(part, setting) for setting in names], make


def truncated_normal(loc: float, scale: float, low: float, high: float) -> Any:
    """A normal between low and high."""
    return st.truncnorm((low - loc) / scale, (high - loc) / scale, loc, scale)
