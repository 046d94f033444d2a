"""One observation: a scheme run on a problem."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry._seeds import Seed, SeedLike, as_seed
from skerry.errors import InputError, SkerryError
from skerry.evaluate import Failures, evaluate
from skerry.inference._conclude import (
    MIN_POINTS,
    DensityName,
    Fit,
    Progress,
    check_asked,
    conclude,
)
from skerry.inference._points import Points
from skerry.posterior import Posterior
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


def infer(
    problem: Problem,
    x: Any = None,
    *,
    n_effective: float = 10_000,
    max_calls: int | None = None,
    seed: SeedLike = 0,
    scheme: Static | None = None,
    failures: Failures = "raise",
    progress: Progress | None = None,
) -> Posterior:
    """The posterior of one observation.

    Args:
        problem: prior and likelihood.
        x: the observation, if the likelihood takes one.
        n_effective: effective samples asked for; fewer make the status say so.
        max_calls: likelihood calls at most.
        seed: an int, a numpy Generator or a JAX key.
        scheme: how; :class:`Static` by default.
        failures: what becomes of NaN, +inf and exceptions: ``"raise"``, ``"drop"`` (left out of
            all counts; conditional on success) or ``"zero"`` (an impossible point).
        progress: called with (stage, done, in all).

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
    scheme = Static() if scheme is None else scheme
    if not isinstance(scheme, Static):
        raise InputError(f"Expected a scheme, for example skerry.Static(n); got {scheme!r}.")
    check_asked(n_effective, max_calls)
    n = scheme.n if max_calls is None else min(scheme.n, max_calls)
    root = as_seed(seed)
    _check(problem, x, root.child("check"))
    u = root.child("prior").numpy().standard_normal((n, problem.prior.ndim))
    theta = problem.prior.from_u(u)
    report = None if progress is None else (lambda done, total: progress("likelihood", done, total))
    found = evaluate(problem, theta, x, failures=failures, progress=report)
    kept = ~found.failed if failures == "drop" else np.ones(n, bool)
    points = Points(u[kept], theta[kept], found.log_likelihood[kept], np.zeros(int(kept.sum())))
    return conclude(
        problem.prior,
        points,
        n_calls=n,
        n_failed=int(found.failed.sum()),
        n_effective=n_effective,
        options=scheme.fit,
        seed=root,
        progress=progress,
        settings={"scheme": "static", "n": n, "failures": failures},
    )


def _check(problem: Problem, x: Any, seed: Seed) -> None:
    """A first trial; a call that fails there is a failure like any other, for evaluate to meet."""
    try:
        problem.check(seed, x=x)
    except SkerryError:
        raise
    except Exception:
        return
