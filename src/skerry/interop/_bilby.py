"""bilby: a dictionary of priors, and likelihoods of dictionaries."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.errors import PriorError, ProblemError, UnsupportedError
from skerry.interop._numpyro import truncated
from skerry.priors import Periodic, Prior
from skerry.problem import Problem

FAMILIES: dict[str, tuple[str, Callable[[Any], tuple[float, ...]]]] = {
    "Beta": ("beta", lambda p: (p.alpha, p.beta, p.minimum, p.maximum - p.minimum)),
    "Cauchy": ("cauchy", lambda p: (p.alpha, p.beta)),
    "Exponential": ("expon", lambda p: (0, p.mu)),
    "Gamma": ("gamma", lambda p: (p.k, 0, p.theta)),
    "Gaussian": ("norm", lambda p: (p.mu, p.sigma)),
    "HalfGaussian": ("halfnorm", lambda p: (0, p.sigma)),
    "LogNormal": ("lognorm", lambda p: (p.sigma, 0, math.exp(p.mu))),
    "LogUniform": ("loguniform", lambda p: (p.minimum, p.maximum)),
    "Logistic": ("logistic", lambda p: (p.mu, p.scale)),
    "StudentT": ("t", lambda p: (p.df, p.mu, p.scale)),
    "TruncatedGaussian": ("truncnorm", lambda p: truncated(p.mu, p.sigma, p.minimum, p.maximum)),
    "Uniform": ("uniform", lambda p: (p.minimum, p.maximum - p.minimum)),
}
ALIASES = {
    "Normal": "Gaussian",
    "HalfNormal": "HalfGaussian",
    "LogGaussian": "LogNormal",
    "Lorentzian": "Cauchy",
    "TruncatedNormal": "TruncatedGaussian",
}


@dataclass(frozen=True)
class _Own:
    """A bilby prior by its own functions."""

    part: Any

    def logpdf(self, theta: FloatArray) -> FloatArray:
        return np.asarray(self.part.ln_prob(theta))

    def cdf(self, theta: FloatArray) -> FloatArray:
        return np.asarray(self.part.cdf(theta))

    def ppf(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.part.rescale(p))

    def support(self) -> tuple[float, float]:
        return float(self.part.minimum), float(self.part.maximum)


def prior_from_bilby(priors: Mapping[str, Any]) -> Prior:
    """A prior from bilby's ``PriorDict``.

    Common families become the same distributions of scipy.stats, uniform ones with a periodic
    boundary circles; the others work by their own ``ln_prob``, ``cdf`` and ``rescale``. Fixed
    parameters (numbers, ``DeltaFunction``) are left out.

    Args:
        priors: a ``PriorDict``, or a dictionary of bilby's priors.

    Raises:
        PriorError: if no parameter is free, or a prior can't be used.
        UnsupportedError: for priors that depend on each other, discrete ones and ``Constraint``.
    """
    if not isinstance(priors, Mapping):
        raise PriorError(
            f"Expected a bilby PriorDict; got {type(priors).__name__}; pass a dictionary of priors."
        )
    return Prior({n: _column(n, p) for n, p in priors.items() if _fixed(p) is None})


def problem_from_bilby(
    likelihood: Any, priors: Mapping[str, Any], *, ratio: bool = False
) -> Problem:
    """A problem from bilby's likelihood and priors.

    Each point goes to the likelihood as a dictionary, fixed parameters included. Pass a conversion
    inside the likelihood, as bilby does.

    Args:
        likelihood: of bilby, with ``log_likelihood(parameters)``, or the older kind that keeps
            ``parameters``.
        priors: its ``PriorDict``; see :func:`prior_from_bilby`.
        ratio: use ``log_likelihood_ratio``: the evidence is then relative to noise alone.

    Raises:
        ProblemError: for something else than a likelihood.
        UnsupportedError: as for :func:`prior_from_bilby`.
    """
    name = "log_likelihood_ratio" if ratio else "log_likelihood"
    if not callable(getattr(likelihood, name, None)):
        raise ProblemError(
            f"Expected a bilby likelihood, with {name}(); got {type(likelihood).__name__}; pass "
            "the likelihood of the run."
        )
    prior = prior_from_bilby(priors)
    fixed = {key: value for key, part in priors.items() if (value := _fixed(part)) is not None}
    stateless = "parameters" in inspect.signature(getattr(likelihood, name)).parameters
    call = _Call(likelihood, name, prior.names, fixed, stateless)
    return Problem(prior, call, vectorized=False, jax=False)


@dataclass(frozen=True)
class _Call:
    """One point to a dictionary to a number."""

    likelihood: Any
    name: str
    names: tuple[str, ...]
    fixed: dict[str, float]
    stateless: bool

    def __call__(self, theta: FloatArray) -> float:
        parameters = {**self.fixed, **dict(zip(self.names, theta.tolist(), strict=True))}
        function = getattr(self.likelihood, self.name)
        if self.stateless:
            return float(function(parameters))
        self.likelihood.parameters.update(parameters)
        return float(function())


def _fixed(part: Any) -> float | None:
    """The value of a parameter that is fixed."""
    if isinstance(part, (int, float)):
        return float(part)
    return float(part.peak) if type(part).__name__ == "DeltaFunction" else None


def _column(name: str, part: Any) -> Any:
    kind = type(part).__name__
    kind = ALIASES.get(kind, kind)
    tied = kind == "Constraint" or hasattr(part, "condition_func") or hasattr(part, "dist")
    if tied or "Categorical" in kind or "Discrete" in kind:
        raise UnsupportedError(
            f"Expected a prior of one continuous parameter for {name!r}; got {kind}; put "
            "constraints into the likelihood (-inf), and pass priors that depend on each other as "
            "skerry.interop.prior_from_transform(names, lambda cube: priors.rescale(names, cube))."
        )
    if kind == "Uniform" and part.boundary == "periodic":
        return Periodic(float(part.minimum), float(part.maximum))
    if kind not in FAMILIES:
        return _Own(part)
    from scipy import stats

    family, numbers = FAMILIES[kind]
    return getattr(stats, family)(*map(float, numbers(part)))
