"""Users' functions behind one face: a batch of points in, an unchecked batch of values out."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, TypeAlias, final

import numpy as np

from skerry._types import FloatArray
from skerry.errors import ProblemError

UserFunction: TypeAlias = Callable[..., Any]


class Observation(Enum):
    """Whether a log-likelihood takes the observation x."""

    NEVER = "never"
    OPTIONAL = "optional"
    REQUIRED = "required"


@final
@dataclass(frozen=True)
class Plain:
    """A Python function, called on all points or point by point.

    With ``scoped`` it runs in JAX's double precision, in case it uses JAX inside; a function that
    imports JAX itself is called once more, the first time.
    """

    function: UserFunction
    one_point: bool
    scoped: bool

    def __call__(self, theta: FloatArray, *args: Any) -> Any:
        """``(n, d)`` to whatever the function gives for n points."""
        if self.scoped and "jax" in sys.modules:
            with double_precision():
                return self._run(theta, *args)
        found = self._run(theta, *args)
        if self.scoped and "jax" in sys.modules:  # it was imported inside, in single precision
            return self(theta, *args)
        return found

    def _run(self, theta: FloatArray, *args: Any) -> Any:
        if self.one_point:
            return [_host(self.function(point, *args)) for point in theta]
        return _host(self.function(theta, *args))


@final
@dataclass(frozen=True)
class Jax:
    """A JAX function: mapped over points if it takes one, compiled, in double precision.

    The number of points is padded to the next power of two, so that few shapes are compiled.
    """

    function: UserFunction
    one_point: bool

    def __call__(self, theta: FloatArray, *args: Any) -> Any:
        """``(n, d)`` to whatever the function gives for n points."""
        with double_precision():
            padded = _padded(theta)
            values = np.asarray(self._batched(padded, *map(_as_jax_input, args)))
            return values[: len(theta)] if values.shape[:1] == (len(padded),) else values

    def pairs(self, theta: FloatArray, x: Any) -> Any:
        """As many points ``(n, d)`` as observations ``(n, ...)``, each with its own."""
        with double_precision():
            return np.asarray(self._paired(_padded(theta), _padded(x)))[: len(theta)]

    def pullback(self, theta: FloatArray, cotangent: FloatArray, *args: Any) -> FloatArray:
        """The sum of cotangent * d values / d theta for each point, ``(n, d)``."""
        with double_precision():
            padded = _padded(theta), _padded(cotangent)
            gradient = self._batched_pullback(*padded, *map(_as_jax_input, args))
            return np.asarray(gradient, dtype=np.float64)[: len(theta)]

    @cached_property
    def _mapped(self) -> UserFunction:
        import jax

        def batched(theta: Any, *args: Any) -> Any:
            return jax.vmap(lambda point: self.function(point, *args))(theta)

        return batched if self.one_point else self.function

    @cached_property
    def _batched(self) -> UserFunction:
        import jax

        return jax.jit(self._mapped)

    @cached_property
    def _paired(self) -> UserFunction:
        import jax

        def one(point: Any, x: Any) -> Any:
            return self.function(point, x) if self.one_point else self.function(point[None], x)[0]

        return jax.jit(jax.vmap(one))

    @cached_property
    def _batched_pullback(self) -> UserFunction:
        import jax

        def pull(theta: Any, cotangent: Any, *args: Any) -> Any:
            _, back = jax.vjp(lambda t: self._mapped(t, *args), theta)
            return back(cotangent)[0]

        return jax.jit(pull)

    def __reduce__(self) -> tuple[Any, ...]:
        return Jax, (self.function, self.one_point)


def double_precision() -> AbstractContextManager[Any]:
    """JAX's 64-bit mode for this thread while the block runs; the global flag isn't touched."""
    import jax

    return jax.enable_x64(True)


def observation_use(function: UserFunction, label: str) -> Observation:
    """Whether ``function(theta, x)`` needs its x, by its signature (OPTIONAL if it has none).

    Raises:
        ProblemError: if it needs other arguments.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return Observation.OPTIONAL
    kinds = inspect.Parameter
    places = [
        p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    required = [p for p in places if p.default is kinds.empty]
    keywords = [p for p in parameters if p.kind is kinds.KEYWORD_ONLY and p.default is kinds.empty]
    anything = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)
    if len(required) > 2 or keywords or not (places or anything):
        names = [p.name for p in [*required, *keywords]]
        raise ProblemError(
            f"Expected {label} to take theta, or theta and an observation x; got one that takes "
            f"({', '.join(names)}); bind the others with functools.partial."
        )
    if len(required) == 2:
        return Observation.REQUIRED
    return Observation.OPTIONAL if len(places) > 1 or anything else Observation.NEVER


def _padded(rows: FloatArray) -> FloatArray:
    missing = (1 << (len(rows) - 1).bit_length()) - len(rows)
    return np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)]) if missing else rows


def _host(values: Any) -> Any:
    """JAX arrays as NumPy arrays, while JAX still is in double precision; all else as it is."""
    jax_array = getattr(sys.modules.get("jax"), "Array", ())  # none where JAX wasn't imported
    return np.asarray(values) if isinstance(values, jax_array) else values


def _as_jax_input(x: Any) -> Any:
    """A list of numbers as an array (JAX would take it for many scalars); all else as it is."""
    if isinstance(x, (list, tuple)) and all(isinstance(v, (int, float)) for v in x):
        return np.asarray(x, dtype=np.float64)
    return x
