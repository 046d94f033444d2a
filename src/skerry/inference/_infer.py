"""One observation: a scheme run on a problem."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from skerry import weights
from skerry._seeds import Seed, SeedLike, as_seed
from skerry._types import FloatArray
from skerry.errors import InputError, SkerryError
from skerry.evaluate import Evaluations, Failures, evaluate
from skerry.inference import _adaptive as adaptive
from skerry.inference._conclude import MIN_POINTS, Outcome, check_asked, conclude
from skerry.inference._fit import DensityName, Fit
from skerry.inference._points import Points
from skerry.inference._state import Adaptive, State, Target
from skerry.posterior import Posterior, Search
from skerry.problem import Problem
from skerry.progress import Display, Line, Progress, report_round, shown


class Static:
    """The paper's scheme (arXiv:2512.04954): n prior draws, likelihood weights, one training.

    Simple, embarrassingly parallel, and good where the posterior fills more than about 1/n of the
    prior: the effective sample size is about n times the share of the prior's volume that the
    posterior fills. Where that is too little the posterior's status says so.

    Args:
        n: prior draws, each one likelihood call.
        options: see :class:`Fit`: ``density=``, ``n_modes=``, ``threshold=``, ...
    """

    def __init__(self, n: int = 100_000, density: DensityName = "flow_mixture", **options: Any):
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < MIN_POINTS:
            raise InputError(f"Expected n, the number of prior draws, >= {MIN_POINTS}; got {n!r}.")
        self.n = int(n)
        self.fit = Fit(density=density, **options)

    def __repr__(self) -> str:
        return f"Static(n={self.n}, {self.fit})"


Scheme: TypeAlias = Adaptive | Static


def infer(
    problem: Problem,
    x: Any = None,
    *,
    n_effective: float = 10_000,
    max_calls: int | None = None,
    max_seconds: float | None = None,
    seed: SeedLike = 0,
    scheme: Scheme | None = None,
    failures: Failures = "raise",
    progress: Progress | bool | None = None,
) -> Posterior:
    """The posterior of one observation.

    Args:
        problem: prior and likelihood.
        x: the observation, if the likelihood takes one.
        n_effective: effective samples asked for; fewer make the status say so.
        max_calls: likelihood calls at most (None: 1,000,000; for :class:`Static`, its n).
        max_seconds: begin no round after so much time; what is known by then is returned.
        seed: an int, a numpy Generator or a JAX key.
        scheme: :class:`Adaptive` (the default) or :class:`Static`.
        failures: what becomes of NaN, +inf and exceptions: ``"raise"``, ``"drop"`` (left out of
            all counts; conditional on success) or ``"zero"`` (an impossible point).
        progress: None: silence; True: a live display on the error stream (lines, if that is not
            a terminal); or a function, called with (stage, done, in all).

    Ctrl-C ends an adaptive run: what is known by then is returned, and the status says so. The
    walls between islands are still looked at, with a few more calls; a second Ctrl-C leaves that
    out too, and counts modes from the points alone.

    Raises:
        InputError: for arguments that can't be used.
        ProblemError: if the likelihood doesn't return one number a point.
        EvaluationError: if a call fails under ``"raise"``, or no point has non-zero likelihood.
    """
    if not isinstance(problem, Problem):
        raise InputError(
            f"Expected a skerry.Problem; got {type(problem).__name__}; build one with "
            "skerry.Problem(prior, log_likelihood)."
        )
    scheme = Adaptive() if scheme is None else scheme
    if not isinstance(scheme, (Adaptive, Static)):
        raise InputError(
            f"Expected a scheme, skerry.Adaptive(...) or skerry.Static(n, ...); got {scheme!r}."
        )
    check_asked(n_effective, max_calls)
    root = as_seed(seed)
    _check(problem, x, root.child("check"))
    with shown(progress) as display:
        return _run(
            _Calls(problem, x, failures, display),
            scheme,
            n_effective=n_effective,
            max_calls=max_calls,
            max_seconds=max_seconds,
            root=root,
            progress=display,
        )


def _run(
    calls: _Calls,
    scheme: Scheme,
    *,
    n_effective: float,
    max_calls: int | None,
    max_seconds: float | None,
    root: Seed,
    progress: Progress | None,
) -> Posterior:
    problem = calls.problem
    if isinstance(scheme, Static):
        n = scheme.n if max_calls is None else min(scheme.n, max_calls)
        outcome = _static(calls, n, root, progress)
        settings: dict[str, str | int | float] = {"scheme": "static", "n": n}
    else:
        target = Target(
            calls.log_likelihood,
            calls.gradient if problem.has_gradient else None,
            problem.prior.periodic,
            n_effective,
            1_000_000 if max_calls is None else max_calls,
            scheme,
            root,
        )
        outcome = _adaptive(calls, target, max_seconds, progress)
        settings = {"scheme": "adaptive", "thoroughness": scheme.thoroughness}
    return conclude(
        problem.prior,
        outcome,
        n_effective=n_effective,
        options=scheme.fit,
        seed=root,
        progress=progress,
        settings={**settings, "failures": calls.failures},
    )


def _check(problem: Problem, x: Any, seed: Seed) -> None:
    """A first trial; a call that fails there is a failure like any other, for evaluate to meet."""
    try:
        problem.check(seed, x=x)
    except SkerryError:
        raise
    except Exception:
        return


class _Calls:
    """The problem's likelihood on u, under the failure policy; counts calls and what failed."""

    def __init__(
        self, problem: Problem, x: Any, failures: Failures, progress: Progress | None
    ) -> None:
        self.problem, self._x, self.failures = problem, x, failures
        self._display = progress if isinstance(progress, Display) else None
        self.n_calls = self.n_failed = 0
        self.first: tuple[FloatArray, Evaluations] | None = None

    def evaluate(self, u: FloatArray, progress: Any = None) -> Evaluations:
        found = evaluate(
            self.problem,
            self.problem.prior.from_u(u),
            self._x,
            failures=self.failures,
            progress=progress or self._tell,
        )
        self.n_calls += len(u)
        self.n_failed += int(found.failed.sum())
        self.first = self.first or (u, found)
        return found

    def _tell(self, done: int, _: int = 0) -> None:
        if self._display is not None:
            self._display.calls(self.n_calls + done)

    def log_likelihood(self, u: FloatArray) -> FloatArray:
        """``(n, d)`` to ``(n,)``; dropped points are NaN."""
        return self.evaluate(u).log_likelihood

    def gradient(self, u: FloatArray) -> tuple[float, FloatArray]:
        """The log-likelihood and its gradient on u at one point, by the chain rule."""
        theta = self.problem.prior.from_u(u[None])
        value, slope = self.problem.value_and_gradient(theta, self._x)
        stretch = _dtheta_du(self.problem.prior, u)
        self.n_calls += 2
        self._tell(0)
        return float(value[0]), np.asarray(slope[0]) * stretch


def _dtheta_du(prior: Any, u: FloatArray, step: float = 1e-5) -> FloatArray:
    """The diagonal of the transform's Jacobian at one point, by central differences."""
    high, low = prior.from_u(u[None] + step)[0], prior.from_u(u[None] - step)[0]
    change = high - low
    if prior.periodic.any():
        lengths = prior.bounds[:, 1] - prior.bounds[:, 0]
        wrapped = prior.periodic & (change < 0)
        change = np.where(wrapped, change + np.where(prior.periodic, lengths, 0.0), change)
    return np.asarray(change / (2 * step))


def _static(calls: _Calls, n: int, seed: Seed, progress: Progress | None) -> Outcome:
    u = seed.child("prior").numpy().standard_normal((n, calls.problem.prior.ndim))
    report = None if progress is None else (lambda done, total: progress("likelihood", done, total))
    return _of_prior(u, calls.evaluate(u, report), calls)


def _of_prior(
    u: FloatArray, found: Evaluations, calls: _Calls, *, interrupted: bool = False
) -> Outcome:
    """Prior draws, which their likelihood weighs."""
    kept = ~np.isnan(found.log_likelihood)
    points = Points(
        u[kept], found.theta[kept], found.log_likelihood[kept], np.zeros(int(kept.sum()))
    )
    return Outcome(points, n_calls=calls.n_calls, n_failed=calls.n_failed, interrupted=interrupted)


def _adaptive(
    calls: _Calls,
    target: Target,
    max_seconds: float | None,
    progress: Progress | None,
) -> Outcome:
    """The one driver of the adaptive rounds."""
    began = time.monotonic()
    try:
        state = adaptive.init(target)
    except KeyboardInterrupt:
        if calls.first is None or not np.isfinite(calls.first[1].log_likelihood).any():
            raise
        return _of_prior(*calls.first, calls, interrupted=True)  # the hunt has no density
    interrupted = False
    try:
        _report(progress, state, target)
        while not adaptive.done(state) and np.isfinite(state.log_likelihood).any():
            if max_seconds is not None and time.monotonic() - began > max_seconds:
                interrupted = True
                break
            state = adaptive.step(state, target)
            _report(progress, state, target)
    except KeyboardInterrupt:
        interrupted = True
    points = Points(
        state.u, calls.problem.prior.from_u(state.u), state.log_likelihood, state.log_offset
    )
    if not np.isfinite(state.log_likelihood).any():
        return Outcome(points, n_calls=state.n_calls, n_failed=calls.n_failed)
    islands = adaptive.conclude_islands(state, target)
    ended = Outcome(
        points,
        n_calls=state.n_calls,
        n_failed=calls.n_failed,
        evidence=weights.evidence(state.final_log_weights),
        islands=islands,
        rounds=state.history,
        interrupted=interrupted,
    )
    if progress is not None:
        progress("modes and islands", 0, 1)
    try:
        topology, n_looks = adaptive.find_topology(state, target, islands)
    except KeyboardInterrupt:  # no further call: modes are counted from the points
        return replace(ended, n_calls=calls.n_calls, interrupted=True)
    visits = np.bincount(topology.label(state.ends), minlength=topology.n_modes)
    return replace(
        ended,
        n_calls=state.n_calls + n_looks,
        topology=topology,
        search=Search(state.n_starts, tuple(int(v) for v in visits)),
    )


def _report(progress: Progress | None, state: State, target: Target) -> None:
    if progress is None:
        return
    line = state.history[-1]
    report_round(
        progress,
        Line(
            len(state.counts) - 1,
            line.kind,
            line.beta,
            state.n_calls,
            line.n_effective,
            target.n_effective,
            len(state.peaks),
            line.n_islands,
            line.log_evidence,
            line.khat,
        ),
    )
