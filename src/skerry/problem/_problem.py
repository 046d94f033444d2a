"""The problem itself."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError, ProblemError, UnsupportedError
from skerry.noise import Noise
from skerry.priors import Prior, as_points
from skerry.problem._border import as_predictions, as_values
from skerry.problem._functions import Jax, Observation, Plain, observation_use

if TYPE_CHECKING:
    from skerry._seeds import SeedLike

CHECKED_POINTS = 8
CHECK_CALLS = CHECKED_POINTS + 1 + 3  # all at once, and a few again in other batches


@final
@dataclass(frozen=True, init=False, eq=False, repr=False)
class Problem:
    """A prior and a log-likelihood; immutable.

    Give ``log_likelihood``, or ``forward`` and ``noise``:

    * ``log_likelihood(theta)``: points ``(n, d)``, float64, to ``(n,)``. -inf is a value: an
      impossible point. With an observation, ``log_likelihood(theta, x)``; x is handed on as it is.
    * ``forward(theta)``: points ``(n, d)`` to predictions ``(n, m)``; the log-likelihood is then
      ``noise.log_prob(x, forward(theta))``.

    Args:
        prior: a :class:`~skerry.Prior`.
        log_likelihood: see above.
        forward: see above.
        noise: a model of :mod:`skerry.noise`.
        vectorized: False if the function takes one point ``(d,)``. By default True, and False for
            ``jax=True``.
        jax: True for a function JAX can trace: it is mapped over points, compiled, and has
            gradients. None: called as it is, in JAX's double precision in case it uses JAX inside.
            False: called as it is, JAX left alone.
        pairwise: True if ``log_likelihood(theta, x)`` also takes as many observations as points,
            ``(n, m)``, row by row: many observations at once are then evaluated in one call. A
            JAX function and a forward model do without it.

    Attributes:
        prior: the prior.
        noise: the noise model, or None.
        batched: whether one call of the user's function serves many points.

    Raises:
        ProblemError: for a combination that makes no problem.
    """

    prior: Prior
    noise: Noise | None
    batched: bool
    pairwise: bool
    _function: Plain | Jax
    _observation: Observation

    def __init__(
        self,
        prior: Prior,
        log_likelihood: Callable[..., Any] | None = None,
        *,
        forward: Callable[..., Any] | None = None,
        noise: Noise | None = None,
        vectorized: bool | None = None,
        jax: bool | None = None,
        pairwise: bool = False,
    ) -> None:
        if not isinstance(prior, Prior):
            raise ProblemError(
                f"Expected a Prior; got {type(prior).__name__}; wrap it as skerry.Prior({{...}})."
            )
        function = _chosen(log_likelihood, forward, noise)
        one_point = bool(jax) if vectorized is None else not vectorized
        use = Observation.REQUIRED
        if forward is None:
            use = observation_use(function, "log_likelihood")
        elif observation_use(function, "forward") is Observation.REQUIRED:
            raise ProblemError(
                "Expected forward to take theta alone; got a function of two arguments; "
                "the observation enters through the noise model."
            )
        wrapped = Jax(function, one_point) if jax else Plain(function, one_point, jax is None)
        if pairwise and (forward is not None or one_point or use is Observation.NEVER):
            raise ProblemError(
                "Expected pairwise=True with a vectorised log_likelihood(theta, x); got a forward "
                "model, a function of one point or one without x; leave pairwise out."
            )
        values = {"prior": prior, "noise": noise, "batched": bool(jax) or not one_point}
        values["pairwise"] = bool(pairwise)
        for field, value in {**values, "_function": wrapped, "_observation": use}.items():
            object.__setattr__(self, field, value)

    @property
    def needs_x(self) -> bool:
        """Whether a likelihood needs an observation."""
        return self._observation is Observation.REQUIRED

    @property
    def has_gradient(self) -> bool:
        """Whether :meth:`value_and_gradient` works."""
        return isinstance(self._function, Jax) and (self.noise is None or self.noise.has_score)

    def log_likelihood(self, theta: Any, x: Any = None) -> FloatArray:
        """The log-likelihood of each point, ``(n, d)`` to ``(n,)``, nan and -inf as they come.

        Whatever the user's function raises passes through.

        Raises:
            InputError: for points of another shape; for an observation missing, or not wanted.
            ProblemError: if the function doesn't return one real number a point.
        """
        theta, args = self._points(theta), self._arguments(x)
        if not len(theta):
            return np.empty(0)
        if self.noise is not None:
            return self.noise.log_prob(x, self._predictions(theta))
        returned = self._function(theta, *args)
        return as_values(returned, len(theta), one_point=self._function.one_point)

    def log_likelihoods(self, theta: Any, x: Any) -> FloatArray:
        """The log-likelihood of n points for each of k observations, in few calls.

        One call serves all k where the problem has a forward model, is a JAX function or is
        ``pairwise``; else each observation takes its own.

        Args:
            theta: points, ``(k, n, d)``.
            x: observations, ``(k, ...)``.

        Returns:
            ``(k, n)``, nan and -inf as they come.

        Raises:
            InputError: for shapes that don't fit, or a likelihood that takes no observation.
            ProblemError: if the function doesn't return one real number a point.
        """
        theta, xs = np.asarray(theta, np.float64), np.asarray(x)
        if theta.ndim != 3 or len(xs) != len(theta):
            raise InputError(
                f"Expected points (k, n, d) and k observations; got shapes {theta.shape} and "
                f"{xs.shape}; pass one row of points for each observation."
            )
        self._arguments(xs)
        k, n = theta.shape[:2]
        if not k * n:
            return np.empty((k, n))
        if self.noise is None and isinstance(self._function, Plain) and not self.pairwise:
            return np.stack([self.log_likelihood(*pair) for pair in zip(theta, xs, strict=True)])
        points, rows = self._points(theta.reshape(k * n, -1)), np.repeat(xs, n, axis=0)
        if self.noise is not None:
            return self.noise.log_prob(rows, self._predictions(points)).reshape(k, n)
        pairs = self._function.pairs if isinstance(self._function, Jax) else self._function
        return as_values(pairs(points, rows), k * n, one_point=False).reshape(k, n)

    def value_and_gradient(self, theta: Any, x: Any = None) -> tuple[FloatArray, FloatArray]:
        """The log-likelihood ``(n,)`` and its gradient in theta ``(n, d)``.

        Raises:
            UnsupportedError: unless the function is a JAX function (``has_gradient``).
        """
        if not (isinstance(self._function, Jax) and self.has_gradient):
            raise UnsupportedError(
                "Expected a problem with gradients; got one without; write the function in JAX, "
                "pass jax=True, and use a noise model other than Custom."
            )
        theta, args = self._points(theta), self._arguments(x)
        if not len(theta):
            return np.empty(0), theta
        if self.noise is None:
            values, cotangent = self.log_likelihood(theta, x), np.ones(len(theta))
            return values, self._function.pullback(theta, cotangent, *args)
        predictions = self._predictions(theta)
        values, score = self.noise.log_prob(x, predictions), self.noise.score(x, predictions)
        return values, self._function.pullback(theta, score)

    def predict(self, theta: Any) -> FloatArray:
        """The forward model's predictions, ``(n, d)`` to ``(n, m)``.

        Raises:
            UnsupportedError: for a problem without a forward model.
        """
        self._require_forward()
        return self._predictions(self._points(theta))

    def simulate(self, theta: Any, seed: SeedLike) -> FloatArray:
        """A random observation for each point, ``(n, d)`` to ``(n, m)``.

        Raises:
            UnsupportedError: without a forward model, or with noise that can't be sampled.
        """
        return self._require_forward().sample(self.predict(theta), seed)

    def check(
        self,
        seed: SeedLike = 0,
        x: Any = None,
        *,
        log_likelihood: Callable[[FloatArray], FloatArray] | None = None,
    ) -> FloatArray:
        """Try a few prior points, all at once and in smaller batches; returns their values.

        Args:
            seed: of the points.
            x: the observation; by default one is simulated, where there is a forward model.
            log_likelihood: how to evaluate points, ``(n, d)`` to ``(n,)``; by default here.

        Raises:
            ProblemError: if a point's value depends on the points it comes with.
        """
        theta = self.prior.sample(CHECKED_POINTS, seed)
        if log_likelihood is None:
            if x is None and self.noise is not None:
                x = self.simulate(theta[:1], seed)[0]
            log_likelihood = functools.partial(self.log_likelihood, x=x)
        values = log_likelihood(theta)
        for start, stop in ((0, 1), (1, 4)):
            again = log_likelihood(theta[start:stop])
            if not np.allclose(again, values[start:stop], rtol=1e-4, atol=1e-4, equal_nan=True):
                raise ProblemError(
                    "Expected the value of a point to be the same in any batch; got "
                    f"{again.tolist()} for points which in a batch of {len(theta)} gave "
                    f"{values[start:stop].tolist()}; treat each row of theta by itself (no sum or "
                    "mean over axis 0, no random numbers), or pass vectorized=False."
                )
        return values

    def _points(self, theta: Any) -> FloatArray:
        """A copy of the points, so that the user's function can't change the caller's."""
        return as_points(theta, self.prior.names).copy()

    def _predictions(self, theta: FloatArray) -> FloatArray:
        returned = self._function(theta)
        return as_predictions(returned, len(theta), one_point=self._function.one_point)

    def _arguments(self, x: Any) -> tuple[Any, ...]:
        if x is None and self.needs_x:
            raise InputError(
                "Expected an observation, for this problem's likelihood needs one; got x=None; "
                "pass x=your data."
            )
        if x is not None and self._observation is Observation.NEVER:
            raise InputError(
                "Expected no observation, for log_likelihood takes theta alone; got x; leave x "
                "out, or write log_likelihood(theta, x)."
            )
        return () if x is None else (x,)

    def _require_forward(self) -> Noise:
        if self.noise is None:
            raise UnsupportedError(
                "Expected a problem with a forward model; got a log_likelihood alone; build it as "
                "Problem(prior, forward=..., noise=...)."
            )
        return self.noise

    def __repr__(self) -> str:
        model = "log_likelihood" if self.noise is None else f"forward, {type(self.noise).__name__}"
        return f"Problem({self.prior!r}, {model})"


def _chosen(log_likelihood: Any, forward: Any, noise: Any) -> Callable[..., Any]:
    """The one function the user gave."""
    if (log_likelihood is None) == (forward is None) or (forward is None) != (noise is None):
        given = {"log_likelihood": log_likelihood, "forward": forward, "noise": noise}
        got = ", ".join(name for name, value in given.items() if value is not None) or "none"
        raise ProblemError(
            f"Expected either log_likelihood, or forward and noise; got {got}; pass one or the "
            "other."
        )
    function = log_likelihood if forward is None else forward
    if not callable(function):
        label = "log_likelihood" if forward is None else "forward"
        raise ProblemError(
            f"Expected {label} to be a function; got {type(function).__name__}; "
            "pass for example a def of theta."
        )
    if noise is not None and not isinstance(noise, Noise):
        raise ProblemError(
            f"Expected a noise model; got {type(noise).__name__}; pass for example "
            "skerry.noise.Gaussian(sigma), or skerry.noise.Custom(log_prob)."
        )
    return function
