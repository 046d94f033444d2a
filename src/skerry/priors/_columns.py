"""One parameter at a time: distributions of any make behind five functions of one variable."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri

from skerry._types import BoolArray, FloatArray
from skerry.errors import PriorError

U_MAX = 37.0  # Phi(-37) is 6e-300: beyond, probabilities leave the range of doubles
Univariate: TypeAlias = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Periodic:
    """Uniform on a circle: ``low`` and ``high`` are the same point.

    Any finite value is taken as the point of [low, high) it winds to. The methods are those of a
    distribution of scipy.stats, for values in [low, high).

    Raises:
        PriorError: unless low < high, both finite.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        try:
            fine = math.isfinite(self.high - self.low) and self.low < self.high
        except TypeError:
            fine = False
        if not fine:
            raise PriorError(
                f"Expected Periodic(low, high) with finite low < high; got low={self.low!r}, "
                f"high={self.high!r}; pass for example Periodic(0, 2 * numpy.pi)."
            )

    def support(self) -> tuple[float, float]:
        """The ends of the circle."""
        return float(self.low), float(self.high)

    def logpdf(self, theta: FloatArray) -> FloatArray:
        """-log(high - low) on [low, high)."""
        inside = (theta >= self.low) & (theta <= self.high)
        return np.where(inside, -math.log(self.high - self.low), -np.inf)

    def cdf(self, theta: FloatArray) -> FloatArray:
        """The share of the circle below theta."""
        return (theta - self.low) / (self.high - self.low)

    def sf(self, theta: FloatArray) -> FloatArray:
        """The share of the circle above theta."""
        return (self.high - theta) / (self.high - self.low)

    def ppf(self, p: FloatArray) -> FloatArray:
        """The point with a share p below it."""
        return self.low + p * (self.high - self.low)

    def isf(self, p: FloatArray) -> FloatArray:
        """The point with a share p above it."""
        return self.high - p * (self.high - self.low)


@dataclass(frozen=True)
class Column:
    """A distribution of one parameter; all arrays are ``(n,)``.

    ``reach`` is the range of u in which the functions invert each other; beyond it lie rounding
    (next to a finite bound) and the limits of the distribution's own code, and ``from_u`` stops.
    """

    logpdf: Univariate
    cdf: Univariate
    sf: Univariate
    ppf: Univariate
    isf: Univariate
    support: tuple[float, float]
    periodic: bool
    reach: tuple[float, float] = (-U_MAX, U_MAX)

    def to_u(self, theta: FloatArray) -> FloatArray:
        """Phi^-1(F(theta)), from the nearer tail, cut to [-37, 37]."""
        below, above = self.cdf(theta), self.sf(theta)
        u = np.where(below <= above, ndtri(below), -ndtri(above))
        return np.clip(u, -U_MAX, U_MAX)

    def from_u(self, u: FloatArray) -> FloatArray:
        """F^-1(Phi(u)), from the nearer tail, inside the open support."""
        tail, lower = ndtr(-np.abs(np.clip(u, *self.reach))), u < 0
        theta = np.empty_like(tail)
        theta[lower] = self.ppf(tail[lower])
        theta[~lower] = self.isf(tail[~lower])
        return np.clip(theta, *_open(*self.support))


@dataclass(frozen=True)
class Columns:
    """Independent parameters side by side."""

    columns: tuple[Column, ...]

    @property
    def bounds(self) -> FloatArray:
        """The support, ``(d, 2)``."""
        return np.array([c.support for c in self.columns], dtype=np.float64)

    @property
    def periodic(self) -> BoolArray:
        """Which parameters live on a circle, ``(d,)``."""
        return np.array([c.periodic for c in self.columns])

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """sum_j log f_j(theta_j)."""
        return np.sum([c.logpdf(t) for c, t in zip(self.columns, theta.T, strict=True)], axis=0)

    def to_u(self, theta: FloatArray) -> FloatArray:
        """``(n, d)`` to ``(n, d)``."""
        pairs = zip(self.columns, theta.T, strict=True)
        return np.stack([column.to_u(t) for column, t in pairs], axis=1)

    def from_u(self, u: FloatArray) -> FloatArray:
        """``(n, d)`` to ``(n, d)``."""
        pairs = zip(self.columns, u.T, strict=True)
        return np.stack([column.from_u(v) for column, v in pairs], axis=1)


def as_columns(parts: Mapping[str, Any]) -> Columns:
    """Named distributions as columns.

    Raises:
        PriorError: naming the part that can't be used.
    """
    if not isinstance(parts, Mapping) or not parts:
        got = "an empty one" if isinstance(parts, Mapping) else type(parts).__name__
        raise PriorError(
            f"Expected a mapping of names to distributions; got {got}; "
            'pass for example {"mass": scipy.stats.uniform(0, 10)}.'
        )
    return Columns(tuple(_as_column(name, part) for name, part in parts.items()))


def _as_column(name: str, part: Any) -> Column:
    _check_kind(name, part)
    modern = all(hasattr(part, method) for method in ("icdf", "ccdf", "iccdf"))
    cdf, ppf = part.cdf, part.icdf if modern else part.ppf
    sf = part.ccdf if modern else getattr(part, "sf", partial(_complement, cdf))
    isf = part.iccdf if modern else getattr(part, "isf", partial(_upper_quantile, ppf))
    with np.errstate(all="ignore"):
        _check_quantiles(name, part, cdf, ppf)
        low, high = part.support() if hasattr(part, "support") else ppf(np.array([0.0, 1.0]))
        support, periodic = (float(low), float(high)), isinstance(part, Periodic)
        column = Column(part.logpdf, cdf, sf, ppf, isf, support, periodic)
        return replace(column, reach=_reach(name, column))


def _reach(name: str, column: Column) -> tuple[float, float]:
    """The range of u around 0 in which ``to_u(from_u(u))`` is u."""
    steps = np.append(np.arange(0.25, U_MAX, 0.25), U_MAX)
    ends = []
    for sign in (-1.0, 1.0):
        u = sign * steps
        theta = column.from_u(u)
        wrong = ~(np.isfinite(theta) & (np.abs(column.to_u(theta) - u) < 0.05))
        ends.append(u[np.argmax(wrong) - 1] if wrong.any() else u[-1])
        if wrong[0]:
            raise PriorError(
                f"Expected ppf to invert cdf for {name!r}; got {theta[0]} at probability "
                f"{ndtr(u[0])}, where cdf is {column.cdf(theta[:1])[0]}; check the distribution "
                "(its mass must not pile up at a point), or rescale the parameter."
            )
    return float(ends[0]), float(ends[1])


def _check_kind(name: str, part: Any) -> None:
    if isinstance(part, type) or hasattr(part, "freeze"):
        family = getattr(part, "name", getattr(part, "__name__", type(part).__name__))
        raise PriorError(
            f"Expected a distribution with its parameters for {name!r}; got the family "
            f"{family} itself; call it, for example scipy.stats.norm(0, 1)."
        )
    ancestry = {ancestor.__name__ for ancestor in type(part).__mro__}
    if hasattr(part, "pmf") and (not hasattr(part, "pdf") or "DiscreteDistribution" in ancestry):
        raise PriorError(
            f"Expected a continuous distribution for {name!r}; got a discrete one; sum the "
            "discrete parameter out of the likelihood, or infer one problem for each of its values."
        )
    quantiles = hasattr(part, "ppf") or hasattr(part, "icdf")
    if not (quantiles and hasattr(part, "logpdf") and hasattr(part, "cdf")):
        raise PriorError(
            f"Expected a distribution of one parameter (logpdf, cdf, ppf) for {name!r}; got "
            f"{type(part).__name__}; pass one of scipy.stats, such as uniform(0, 10), or use "
            "Prior.from_transform for parameters that depend on each other."
        )


def _check_quantiles(name: str, part: Any, cdf: Univariate, ppf: Univariate) -> None:
    try:
        components = np.shape(ppf(np.array([0.5])))
        quartiles = np.asarray(ppf(np.array([0.25, 0.5, 0.75]))) if components == (1,) else None
        shapes = {np.shape(f(quartiles)) for f in (cdf, part.logpdf) if quartiles is not None}
    except Exception as error:
        raise PriorError(
            f"Expected functions of an array (n,) for {name!r}; got {type(error).__name__} "
            f"({error}) from {_describe(part)}; vectorise logpdf, cdf and ppf."
        ) from error
    if quartiles is None:
        raise PriorError(
            f"Expected a distribution of one number for {name!r}; got parameters of shape "
            f"{components}; give each of its components a name of its own."
        )
    if shapes != {(3,)} or not (np.isfinite(quartiles).all() and quartiles[0] < quartiles[2]):
        raise PriorError(
            f"Expected a proper distribution for {name!r}; got {_describe(part)} with quartiles "
            f"{quartiles}; check its parameters (scipy.stats wants loc and scale > 0)."
        )


def _describe(part: Any) -> str:
    family = getattr(getattr(part, "dist", None), "name", None)
    if family is None:
        return type(part).__name__
    keywords = [f"{key}={value}" for key, value in part.kwds.items()]
    return f"{family}({', '.join([str(a) for a in part.args] + keywords)})"


def _complement(cdf: Univariate, theta: FloatArray) -> FloatArray:
    return 1.0 - cdf(theta)


def _upper_quantile(ppf: Univariate, p: FloatArray) -> FloatArray:
    return ppf(1.0 - p)


def _open(low: float, high: float) -> tuple[float, float]:
    """The least and largest doubles inside (low, high), subnormal ones left out."""
    tiny = float(np.finfo(np.float64).tiny)
    return (
        tiny if low == 0 else math.nextafter(low, math.inf),
        -tiny if high == 0 else math.nextafter(high, -math.inf),
    )
