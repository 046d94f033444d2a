"""The two commonest distributions, bit for bit as scipy.stats has them, at a tenth of the time.

A frozen distribution of scipy.stats takes 0.1 ms a call to check and broadcast its arguments, a
fifth of a run whose likelihood is fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from skerry._types import FloatArray

LOG_ROOT = np.log(np.sqrt(2 * np.pi))


@dataclass(frozen=True)
class Uniform:
    """Between ``low`` and ``low + width``."""

    low: float
    width: float

    def support(self) -> tuple[float, float]:
        """The ends."""
        return self.low, self.low + self.width

    def logpdf(self, theta: FloatArray) -> FloatArray:
        """The log density."""
        share = (theta - self.low) / self.width
        found = np.where((share >= 0) & (share <= 1), -np.log(self.width), -np.inf)
        return np.where(np.isnan(share), np.nan, found)

    def cdf(self, theta: FloatArray) -> FloatArray:
        """The probability below."""
        return np.clip((theta - self.low) / self.width, 0.0, 1.0)

    def sf(self, theta: FloatArray) -> FloatArray:
        """The probability above."""
        return 1.0 - self.cdf(theta)

    def ppf(self, p: FloatArray) -> FloatArray:
        """The point with a probability p below it."""
        return _probability(p) * self.width + self.low

    def isf(self, p: FloatArray) -> FloatArray:
        """The point with a probability p above it."""
        return (1.0 - _probability(p)) * self.width + self.low


@dataclass(frozen=True)
class Normal:
    """With mean ``loc`` and standard deviation ``scale``."""

    loc: float
    scale: float

    def support(self) -> tuple[float, float]:
        """The ends."""
        return -np.inf, np.inf

    def logpdf(self, theta: FloatArray) -> FloatArray:
        """The log density."""
        z = (theta - self.loc) / self.scale
        return np.asarray(-(z**2) / 2.0 - LOG_ROOT - np.log(self.scale))

    def cdf(self, theta: FloatArray) -> FloatArray:
        """The probability below."""
        return np.asarray(ndtr((theta - self.loc) / self.scale))

    def sf(self, theta: FloatArray) -> FloatArray:
        """The probability above."""
        return np.asarray(ndtr(-((theta - self.loc) / self.scale)))

    def ppf(self, p: FloatArray) -> FloatArray:
        """The point with a probability p below it."""
        return np.asarray(ndtri(p) * self.scale + self.loc)

    def isf(self, p: FloatArray) -> FloatArray:
        """The point with a probability p above it."""
        return np.asarray(-ndtri(p) * self.scale + self.loc)


def quick(part: Any) -> Any:
    """The same distribution as a class of this file, if it is a plain one of scipy.stats."""
    dist, family = getattr(part, "dist", None), {"uniform": Uniform, "norm": Normal}
    name = getattr(dist, "name", None)
    if name not in family or type(dist).__module__ != "scipy.stats._continuous_distns":
        return part
    places = dict(zip(("loc", "scale"), part.args, strict=False)) | dict(part.kwds)
    loc, scale = places.get("loc", 0.0), places.get("scale", 1.0)
    if np.ndim(loc) or np.ndim(scale):
        return part
    return family[name](float(loc), float(scale))


def _probability(p: FloatArray) -> FloatArray:
    return np.where((p >= 0) & (p <= 1), p, np.nan)
