"""The prior of a numpyro model whose sites depend on each other: a transform, level by level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import betainc, betaincinv, gammaln, ndtr, ndtri, xlogy

from skerry._types import FloatArray
from skerry.interop._numpyro import family_of, shape_of, unwrapped
from skerry.problem._functions import Jax

TINY = np.finfo(np.float64).tiny
LOG_ROOT_TWO_PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, eq=False)
class Separate:
    """Elements of one family, each with settings of its own: quantiles by scipy.stats."""

    family: str
    numbers: Callable[..., tuple[Any, ...]]
    size: int

    def from_cube(self, settings: FloatArray, cube: FloatArray) -> FloatArray:
        """Settings ``(n, s * size)`` and cube ``(n, size)`` to values ``(n, size)``.

        Never on a bound: a scale of 0 would leave the sites below it without a density.
        """
        family, numbers = self._scipy(settings)
        low, high = family.support(*numbers)
        first = np.where(low == 0, TINY, np.nextafter(low, np.inf))
        last = np.where(high == 0, -TINY, np.nextafter(high, -np.inf))
        return np.asarray(np.clip(family.ppf(cube, *numbers), first, last), np.float64)

    def to_cube(self, settings: FloatArray, values: FloatArray) -> FloatArray:
        """The inverse of :meth:`from_cube`."""
        family, numbers = self._scipy(settings)
        return family.cdf(values, *numbers)

    def log_prob(self, settings: FloatArray, values: FloatArray) -> FloatArray:
        """``(n, size)`` to ``(n,)``."""
        family, numbers = self._scipy(settings)
        return family.logpdf(values, *numbers).sum(axis=1)

    def _scipy(self, settings: FloatArray) -> tuple[Any, tuple[Any, ...]]:
        rows = settings.reshape(len(settings), -1, self.size).transpose(1, 0, 2)
        return getattr(stats, self.family), self.numbers(*rows)  # freezing it takes milliseconds


@dataclass(frozen=True, eq=False)
class Joint:
    r"""Normal vectors of k elements: :math:`\theta = \mu + L z`, with the covariance's L."""

    k: int
    size: int

    def from_cube(self, settings: FloatArray, cube: FloatArray) -> FloatArray:
        """Settings ``(n, size + size * k)`` and cube ``(n, size)`` to values ``(n, size)``."""
        middle, factor = self._split(settings)
        z = ndtri(cube).reshape(middle.shape)
        return (middle + np.einsum("...ij,...j->...i", factor, z)).reshape(cube.shape)

    def to_cube(self, settings: FloatArray, values: FloatArray) -> FloatArray:
        """The inverse of :meth:`from_cube`."""
        return ndtr(self._standard(settings, values)).reshape(values.shape)

    def log_prob(self, settings: FloatArray, values: FloatArray) -> FloatArray:
        """``(n, size)`` to ``(n,)``."""
        z = self._standard(settings, values).reshape(values.shape)
        diagonal = np.diagonal(self._split(settings)[1], axis1=-2, axis2=-1)
        scale = np.log(diagonal).reshape(values.shape)
        return -(0.5 * z**2 + scale + LOG_ROOT_TWO_PI).sum(axis=1)

    def _standard(self, settings: FloatArray, values: FloatArray) -> FloatArray:
        middle, factor = self._split(settings)
        away = values.reshape(middle.shape) - middle
        return np.asarray(np.linalg.solve(factor, away[..., None])[..., 0], np.float64)

    def _split(self, settings: FloatArray) -> tuple[FloatArray, FloatArray]:
        n, vectors = len(settings), self.size // self.k
        middle = settings[:, : self.size].reshape(n, vectors, self.k)
        return middle, settings[:, self.size :].reshape(n, vectors, self.k, self.k)


@dataclass(frozen=True, eq=False)
class Simplex:
    r"""Dirichlet vectors of k elements, by the k - 1 first: sticks broken off one after the other.

    .. math:: w_j = v_j \prod_{i<j} (1 - v_i), \qquad
       v_j \sim \mathrm{Beta}\Big(\alpha_j, \sum_{i>j} \alpha_i\Big)
    """

    k: int
    size: int

    def from_cube(self, settings: FloatArray, cube: FloatArray) -> FloatArray:
        """Settings ``(n, size * k / (k - 1))`` and cube ``(n, size)`` to values ``(n, size)``."""
        alpha, left = self._split(settings)
        breaks = betaincinv(alpha[..., :-1], left, cube.reshape(left.shape))
        whole = np.cumprod(1.0 - breaks[..., :-1], axis=-1)
        whole = np.concatenate([np.ones_like(left[..., :1]), whole], axis=-1)
        return np.maximum(whole * breaks, TINY).reshape(cube.shape)

    def to_cube(self, settings: FloatArray, values: FloatArray) -> FloatArray:
        """The inverse of :meth:`from_cube`."""
        alpha, left = self._split(settings)
        shares = values.reshape(left.shape)
        whole = 1.0 - np.cumsum(shares, axis=-1) + shares
        breaks = np.clip(shares / np.maximum(whole, TINY), 0.0, 1.0)
        return np.asarray(betainc(alpha[..., :-1], left, breaks), np.float64).reshape(values.shape)

    def log_prob(self, settings: FloatArray, values: FloatArray) -> FloatArray:
        """``(n, size)`` to ``(n,)``: the density of the k - 1 first elements."""
        alpha, left = self._split(settings)
        shares = values.reshape(left.shape)
        last = 1.0 - shares.sum(axis=-1, keepdims=True)
        terms = xlogy(alpha - 1.0, np.concatenate([shares, last], axis=-1)) - gammaln(alpha)
        found = terms.sum(axis=-1) + gammaln(alpha.sum(axis=-1))
        return np.where(last[..., 0] < 0, -np.inf, found).sum(axis=1)

    def _split(self, settings: FloatArray) -> tuple[FloatArray, FloatArray]:
        alpha = settings.reshape(len(settings), -1, self.k)
        left = np.cumsum(alpha[..., ::-1], axis=-1)[..., -2::-1]
        return alpha, left


@dataclass(frozen=True, eq=False)
class Place:
    """Where a site's parameters are, and the value that the model sees."""

    start: int
    shape: tuple[int, ...]
    simplex: bool

    @property
    def size(self) -> int:
        """How many parameters."""
        return int(np.prod(self.shape))

    @property
    def columns(self) -> slice:
        """Where they are."""
        return slice(self.start, self.start + self.size)

    def value(self, theta: Any) -> Any:
        """The site's value at the parameters ``(d,)``; traced by JAX."""
        import jax.numpy as jnp

        part = theta[self.columns].reshape(self.shape)
        if not self.simplex:
            return part
        last = jnp.maximum(1.0 - part.sum(axis=-1, keepdims=True), TINY)
        return jnp.concatenate([part, last], axis=-1)

    def free(self, value: Any) -> FloatArray:
        """The parameters that give a value."""
        value = np.asarray(value, np.float64)
        return np.ravel(value[..., :-1] if self.simplex else value)


@dataclass(frozen=True, eq=False)
class Site:
    """Where one site is among the parameters and the settings, and how it is drawn."""

    columns: slice
    settings: slice
    level: int
    kind: Separate | Joint | Simplex


@dataclass(frozen=True, eq=False)
class Tied:
    """theta of the unit cube, and back: each level's settings come from the levels before."""

    settings: Jax
    sites: tuple[Site, ...]
    start: FloatArray

    def transform(self, cube: FloatArray) -> FloatArray:
        """``(n, d)`` to ``(n, d)``."""
        theta = np.tile(self.start, (len(cube), 1))
        for level in range(1 + max(site.level for site in self.sites)):
            found = self.settings(theta)
            for site in self.sites:
                if site.level == level:
                    part = site.kind.from_cube(found[:, site.settings], cube[:, site.columns])
                    theta[:, site.columns] = part
        return theta

    def inverse(self, theta: FloatArray) -> FloatArray:
        """``(n, d)`` to ``(n, d)``."""
        found, cube = self.settings(theta), np.empty_like(theta)
        for site in self.sites:
            part = site.kind.to_cube(found[:, site.settings], theta[:, site.columns])
            cube[:, site.columns] = part
        return cube

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """``(n, d)`` to ``(n,)``."""
        found, total = self.settings(theta), np.zeros(len(theta))
        for site in self.sites:
            total += site.kind.log_prob(found[:, site.settings], theta[:, site.columns])
        return total


def place_of(part: Any, start: int) -> Place:
    """A distribution's place among the parameters."""
    shape = shape_of(part)
    if type(unwrapped(part)).__name__ == "Dirichlet":
        return Place(start, (*shape[:-1], shape[-1] - 1), simplex=True)
    return Place(start, shape, simplex=False)


def kind_of(name: str, part: Any) -> Separate | Joint | Simplex:
    """How a distribution is drawn.

    Raises:
        UnsupportedError: for a family without a counterpart.
    """
    size, inner = int(np.prod(shape_of(part))), unwrapped(part)
    if type(inner).__name__ == "Dirichlet":
        return Simplex(int(inner.event_shape[0]), place_of(part, 0).size)
    if type(inner).__name__ == "MultivariateNormal":
        return Joint(int(inner.event_shape[0]), size)
    _, family, numbers = family_of(name, inner)
    return Separate(family, numbers, size)


def settings_of(name: str, part: Any) -> list[Any]:
    """A distribution's settings in a row, each as large as its draws; traced by JAX."""
    import jax.numpy as jnp

    shape, inner = shape_of(part), unwrapped(part)
    if type(inner).__name__ == "MultivariateNormal":
        factor = jnp.broadcast_to(inner.scale_tril, (*shape, shape[-1]))
        return [jnp.broadcast_to(inner.loc, shape).ravel(), factor.ravel()]
    if type(inner).__name__ == "Dirichlet":
        return [jnp.broadcast_to(inner.concentration, shape).ravel()]
    found, _, _ = family_of(name, inner)
    return [jnp.broadcast_to(jnp.asarray(value), shape).ravel() for value in found]
