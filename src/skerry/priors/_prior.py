"""The prior itself: names, and one of two kinds of coordinates behind them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, final

import numpy as np

from skerry._types import BoolArray, FloatArray
from skerry.errors import InputError, PriorError
from skerry.priors._columns import Columns, as_columns
from skerry.priors._cube import Cube, as_cube

if TYPE_CHECKING:
    from skerry._seeds import SeedLike


@final
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Prior:
    """Named parameters and their joint prior; immutable.

    ``Prior({"mass": scipy.stats.uniform(0, 10), "phase": Periodic(0, 6.28)})``: independent parts,
    each :class:`Periodic`, a continuous distribution of scipy.stats (either kind), or any object
    with ``logpdf``, ``cdf`` and ``ppf`` of arrays (``sf`` and ``isf``, if it has them, keep the
    upper tail precise; ``support`` tells its bounds).

    Attributes:
        names: the d parameters, in order.
        periodic: which of them live on a circle, ``(d,)``.
        bounds: the support in theta, ``(d, 2)``; infinite where it is open or not known.
        parts: the distributions by name, or None for a transform.

    Raises:
        PriorError: for a part that can't be used, with its name and the reason.
    """

    names: tuple[str, ...]
    periodic: BoolArray
    bounds: FloatArray
    parts: Mapping[str, Any] | None
    _coordinates: Columns | Cube

    def __init__(self, parts: Mapping[str, Any]) -> None:
        columns = as_columns(parts)
        self._fill(_check_names(tuple(parts)), columns, MappingProxyType(dict(parts)))

    @classmethod
    def from_transform(
        cls,
        names: Sequence[str],
        transform: Callable[[FloatArray], Any],
        *,
        inverse: Callable[[FloatArray], Any] | None = None,
        log_prob: Callable[[FloatArray], Any] | None = None,
        periodic: Collection[str] = (),
    ) -> Prior:
        """A prior as a map from the unit cube: theta = transform(cube), cube uniform on (0, 1)^d.

        All three functions work on the rows of an array; they are tried on a few points here.

        Args:
            names: the d parameters.
            transform: cube ``(n, d)`` to theta ``(n, d)``.
            inverse: theta ``(n, d)`` to cube ``(n, d)``; ``to_u`` needs it.
            log_prob: theta ``(n, d)`` to the log density ``(n,)``; :meth:`log_prob` needs it.
            periodic: names whose two sides of the cube are the same point.

        Raises:
            PriorError: for a function that isn't vectorised, or not finite inside the cube.
        """
        checked = _check_names(tuple(names) if not isinstance(names, str) else (names,))
        prior = object.__new__(cls)
        prior._fill(checked, as_cube(checked, transform, inverse, log_prob, periodic), None)
        return prior

    @property
    def ndim(self) -> int:
        """d, the number of parameters."""
        return len(self.names)

    def sample(self, n: int, seed: SeedLike) -> FloatArray:
        """Draw n points, ``(n, d)``: ``from_u`` of standard normal numbers.

        Raises:
            InputError: unless n is an int >= 0.
        """
        from skerry._seeds import as_seed

        if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 0:
            raise InputError(f"Expected n to be an int >= 0; got {n!r}; pass a number of draws.")
        return self.from_u(as_seed(seed).numpy().standard_normal((int(n), self.ndim)))

    def log_prob(self, theta: Any) -> Any:
        """The log density, ``(n, d)`` to ``(n,)`` or ``(d,)`` to a number.

        -inf outside the support (and for nan), never nan; periodic parameters are wrapped first.

        Raises:
            InputError: if the last dimension isn't d.
            UnsupportedError: for a transform without ``log_prob``.
        """
        points = self._wrapped(theta)
        with np.errstate(all="ignore"):
            values = self._coordinates.log_prob(points)
        values = np.where(np.isnan(values) | np.isnan(points).any(axis=1), -np.inf, values)
        return values if np.ndim(theta) == 2 else float(values[0])

    def to_u(self, theta: Any) -> FloatArray:
        """Map theta to the coordinates in which the prior is N(0, I), same shape, ``|u| <= 37``.

        Equation :eq:`coordinates` of the method. Values outside the support go to the nearer edge;
        nan stays nan.

        Raises:
            InputError: if the last dimension isn't d.
            UnsupportedError: for a transform without ``inverse``.
        """
        with np.errstate(all="ignore"):
            return self._coordinates.to_u(self._wrapped(theta)).reshape(np.shape(theta))

    def from_u(self, u: Any) -> FloatArray:
        """The inverse of :meth:`to_u`, same shape; never outside the support.

        Raises:
            InputError: if the last dimension isn't d.
        """
        points = as_points(u, self.names)
        with np.errstate(all="ignore"):
            theta = self._coordinates.from_u(points) if len(points) else points
        return self.wrap(theta).reshape(np.shape(u))

    def wrap(self, theta: Any) -> FloatArray:
        """Turn the periodic parameters of theta into [low, high), same shape."""
        return self._wrapped(theta).reshape(np.shape(theta))

    def _wrapped(self, theta: Any) -> FloatArray:
        points = as_points(theta, self.names)
        if not self.periodic.any():
            return points
        low, high = self.bounds[self.periodic].T
        angle = points[:, self.periodic]
        with np.errstate(invalid="ignore"):
            turned = low + np.mod(angle - low, high - low)
        turned = np.where(turned >= high, low, turned)
        wrapped = points.copy()
        wrapped[:, self.periodic] = np.where((angle >= low) & (angle < high), angle, turned)
        return wrapped

    def _fill(
        self,
        names: tuple[str, ...],
        coordinates: Columns | Cube,
        parts: Mapping[str, Any] | None,
    ) -> None:
        bounds, periodic = coordinates.bounds, coordinates.periodic
        bounds.setflags(write=False)
        periodic.setflags(write=False)
        values = {"names": names, "periodic": periodic, "bounds": bounds, "parts": parts}
        for field, value in {**values, "_coordinates": coordinates}.items():
            object.__setattr__(self, field, value)

    def __getstate__(self) -> tuple[Any, ...]:
        parts = None if self.parts is None else dict(self.parts)
        return self.names, self._coordinates, parts

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        names, coordinates, parts = state
        self._fill(names, coordinates, None if parts is None else MappingProxyType(parts))

    def __repr__(self) -> str:
        return f"Prior({', '.join(self.names)})"


def as_points(theta: Any, names: Sequence[str]) -> FloatArray:
    """Any array-like ``(n, d)`` or ``(d,)`` as float64 ``(n, d)``.

    Raises:
        InputError: for another shape, or values that aren't real numbers.
    """
    try:
        points = np.asarray(theta)
        real = points.dtype.kind in "fiu"
        shape = points.shape
    except ValueError:
        real, shape = False, ()
    if not real:
        raise InputError(
            f"Expected points as real numbers; got {type(theta).__name__} that holds others; "
            "pass a float64 array (n, d)."
        )
    d = len(names)
    if len(shape) not in (1, 2) or shape[-1] != d:
        raise InputError(
            f"Expected points of shape (n, {d}) or ({d},), a column for each of "
            f"{', '.join(names)}; got shape {shape}; pass one row a point."
        )
    return np.atleast_2d(points.astype(np.float64, copy=False))


def _check_names(names: tuple[Any, ...]) -> tuple[str, ...]:
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise PriorError(f"Expected names to be non-empty strings; got {name!r}; name it.")
        if not name.isprintable():
            raise PriorError(
                f"Expected names of printable characters; got {name!r}; leave the others out."
            )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or not names:
        got = f"{repeated[0]!r} twice" if repeated else "none"
        raise PriorError(f"Expected names, each once; got {got}; give each parameter its own.")
    return names
