"""One observation: a scheme run on a problem."""

from __future__ import annotations

import time
from typing import Any, TypeAlias

import numpy as np

from skerry import weights
from skerry._seeds import Seed, SeedLike, as_seed
from skerry._types import FloatArray
from skerry.errors import InputError, SkerryError
from skerry.evaluate import Evaluations, Failures, evaluate
from skerry.inference import _adaptive as adaptive
from skerry.inference._conclude import MIN_POINTS, Outcome, Progress, check_asked, conclude
from skerry.inference._fit import DensityName, Fit
from skerry.inference._points import Points
from skerry.inference._proposal import Proposal
from skerry.inference._state import Adaptive, State, Target
from skerry.posterior import Posterior, Search
from skerry.problem import Problem


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
    progress: Progress | None = None,
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
        progress: called with (stage, done, in all).

    Ctrl-C returns what is known (adaptive runs, after the first round), and the status says so.

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
    calls = _Calls(problem, x, failures)
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
        outcome = adaptive_outcome(calls, target, max_seconds, progress)
        settings = {"scheme": "adaptive", "thoroughness": scheme.thoroughness}
    return conclude(
        problem.prior,
        outcome,
        n_effective=n_effective,
        options=scheme.fit,
        seed=root,
        progress=progress,
        settings={**settings, "failures": failures},
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
    """The problem's likelihood on u, under the failure policy; counts what failed."""

    def __init__(self, problem: Problem, x: Any, failures: Failures) -> None:
        self.problem, self._x, self._failures = problem, x, failures
        self.n_failed = 0

    def evaluate(self, u: FloatArray, progress: Any = None) -> Evaluations:
        found = evaluate(
            self.problem,
            self.problem.prior.from_u(u),
            self._x,
            failures=self._failures,
            progress=progress,
        )
        self.n_failed += int(found.failed.sum())
        return found

    def log_likelihood(self, u: FloatArray) -> FloatArray:
        """``(n, d)`` to ``(n,)``; dropped points are NaN."""
        return self.evaluate(u).log_likelihood

    def gradient(self, u: FloatArray) -> tuple[float, FloatArray]:
        """The log-likelihood and its gradient on u at one point, by the chain rule."""
        theta = self.problem.prior.from_u(u[None])
        value, slope = self.problem.value_and_gradient(theta, self._x)
        stretch = _dtheta_du(self.problem.prior, u)
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
    found = calls.evaluate(u, report)
    kept = ~np.isnan(found.log_likelihood)
    points = Points(
        u[kept], found.theta[kept], found.log_likelihood[kept], np.zeros(int(kept.sum()))
    )
    return Outcome(points, n_calls=n, n_failed=calls.n_failed)


def calls_of(problem: Problem, x: Any, failures: Failures) -> _Calls:
    """The likelihood of one observation on u, counted, for schemes of other modules."""
    return _Calls(problem, x, failures)


def adaptive_outcome(
    calls: _Calls,
    target: Target,
    max_seconds: float | None = None,
    progress: Progress | None = None,
    *,
    began: tuple[Proposal, FloatArray, FloatArray] | None = None,
) -> Outcome:
    """The one driver of the adaptive rounds.

    Args:
        calls: the likelihood.
        target: what the run is about.
        max_seconds: begin no round after so much time.
        progress: called with (stage, done, in all).
        began: islands known beforehand: a proposal, its draws and their log-likelihoods. None
            begins with a hunt.
    """
    since = time.monotonic()
    state = adaptive.init(target) if began is None else adaptive.resume(target, *began)
    interrupted = False
    try:
        while not adaptive.done(state) and np.isfinite(state.log_likelihood).any():
            if max_seconds is not None and time.monotonic() - since > max_seconds:
                interrupted = True
                break
            state = adaptive.step(state, target)
            if progress is not None:
                _report(progress, state, target)
    except KeyboardInterrupt:
        interrupted = True
    points = Points(
        state.u, calls.problem.prior.from_u(state.u), state.log_likelihood, state.log_offset
    )
    if not np.isfinite(state.log_likelihood).any():
        return Outcome(points, n_calls=state.n_calls, n_failed=calls.n_failed)
    islands = adaptive.conclude_islands(state, target)
    topology, n_looks = adaptive.find_topology(state, target, islands)
    visits = np.bincount(topology.label(state.ends), minlength=topology.n_modes)
    return Outcome(
        points,
        n_calls=state.n_calls + n_looks,
        n_failed=calls.n_failed,
        evidence=weights.evidence(state.final_log_weights),
        topology=topology,
        islands=islands,
        rounds=state.history,
        search=Search(state.n_starts, tuple(int(v) for v in visits)),
        interrupted=interrupted,
    )


def _report(progress: Progress, state: State, target: Target) -> None:
    line = state.history[-1]
    stage = (
        f"round {len(state.counts) - 1} ({line.kind}): beta {line.beta:.3g}, "
        f"{line.n_calls:,} calls, {line.n_islands} islands, log Z {line.log_evidence:.2f}, "
        f"k-hat {line.khat:.2f}, effective"
    )
    progress(stage, int(min(line.n_effective, target.n_effective)), int(target.n_effective))
