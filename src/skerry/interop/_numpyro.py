"""numpyro's distributions as a prior."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from skerry.errors import UnsupportedError
from skerry.priors import Prior

Numbers: TypeAlias = tuple[Any, ...]  # numbers, or arrays of them
FAMILIES: dict[str, tuple[tuple[str, ...], str, Callable[..., Numbers]]] = {
    "Beta": (("concentration1", "concentration0"), "beta", lambda a, b: (a, b)),
    "Cauchy": (("loc", "scale"), "cauchy", lambda loc, scale: (loc, scale)),
    "Chi2": (("df",), "chi2", lambda df: (df,)),
    "Exponential": (("rate",), "expon", lambda rate: (0, 1 / rate)),
    "Gamma": (("concentration", "rate"), "gamma", lambda k, rate: (k, 0, 1 / rate)),
    "Gumbel": (("loc", "scale"), "gumbel_r", lambda loc, scale: (loc, scale)),
    "HalfCauchy": (("scale",), "halfcauchy", lambda scale: (0, scale)),
    "HalfNormal": (("scale",), "halfnorm", lambda scale: (0, scale)),
    "InverseGamma": (("concentration", "rate"), "invgamma", lambda k, rate: (k, 0, rate)),
    "Laplace": (("loc", "scale"), "laplace", lambda loc, scale: (loc, scale)),
    "LogNormal": (("loc", "scale"), "lognorm", lambda loc, scale: (scale, 0, np.exp(loc))),
    "LogUniform": (("low", "high"), "loguniform", lambda low, high: (low, high)),
    "Logistic": (("loc", "scale"), "logistic", lambda loc, scale: (loc, scale)),
    "Normal": (("loc", "scale"), "norm", lambda loc, scale: (loc, scale)),
    "Pareto": (("scale", "alpha"), "pareto", lambda scale, alpha: (alpha, 0, scale)),
    "StudentT": (("df", "loc", "scale"), "t", lambda df, loc, scale: (df, loc, scale)),
    "Uniform": (("low", "high"), "uniform", lambda low, high: (low, high - low)),
    "Weibull": (("scale", "concentration"), "weibull_min", lambda scale, k: (k, 0, scale)),
}
HINTS = {  # families that need more than a distribution a parameter
    "Dirichlet": "a Dirichlet works as a site of a model, in problem_from_numpyro",
    "LKJ": "write partial correlations as Beta sites, and the matrix from them",
    "LKJCholesky": "write partial correlations as Beta sites, and the factor from them",
    "VonMises": "take Uniform(-pi, pi) as a circle (skerry.Periodic, or periodic=), and add "
    "VonMises(...).log_prob(angle) + log(2 pi) to the log-likelihood (numpyro.factor): the same "
    "posterior and evidence",
}
OTHERWISE = (
    "pass a distribution of scipy.stats to skerry.Prior, or a transform to "
    "skerry.Prior.from_transform"
)
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
    from scipy import stats

    shape = shape_of(part)
    settings, family, numbers = family_of(name, unwrapped(part))
    rows = [np.broadcast_to(np.asarray(value, dtype=np.float64), shape) for value in settings]
    return {
        element: getattr(stats, family)(*map(float, numbers(*(row[place] for row in rows))))
        for element, place in zip(elements(name, shape), np.ndindex(shape), strict=True)
    }


def shape_of(part: Any) -> tuple[int, ...]:
    """The shape of a distribution's draws."""
    return tuple(getattr(part, "batch_shape", ())) + tuple(getattr(part, "event_shape", ()))


def elements(name: str, shape: tuple[int, ...]) -> list[str]:
    """The parameters of a distribution with draws of that shape."""
    if not shape:
        return [name]
    return [f"{name}[{','.join(map(str, place))}]" for place in np.ndindex(shape)]


def unwrapped(part: Any) -> Any:
    """The distribution that was expanded, or told to be one of vectors."""
    while type(part).__name__ in WRAPPERS:
        part = part.base_dist
    return part


def family_of(name: str, part: Any) -> tuple[list[Any], str, Callable[..., Numbers]]:
    """A distribution's settings, its name in scipy.stats, and that one's settings from its own.

    Raises:
        UnsupportedError: for a family without a counterpart.
    """
    kind = type(part).__name__
    if kind in TRUNCATED and type(part.base_dist).__name__ == "Normal":
        low, high = getattr(part, "low", -np.inf), getattr(part, "high", np.inf)
        return [part.base_dist.loc, part.base_dist.scale, low, high], "truncnorm", truncated
    if kind not in FAMILIES or tuple(getattr(part, "event_shape", ())):
        raise UnsupportedError(
            f"Expected one of numpyro's {', '.join(FAMILIES)} or a truncated Normal for {name!r}; "
            f"got {kind}; {HINTS.get(kind, OTHERWISE)}."
        )
    names, family, numbers = FAMILIES[kind]
    return [getattr(part, setting) for setting in names], family, numbers


def truncated(loc: Any, scale: Any, low: Any, high: Any) -> Numbers:
    """The settings of scipy's ``truncnorm`` for a normal between low and high."""
    return (low - loc) / scale, (high - loc) / scale, loc, scale
