"""One observation: a scheme run on a problem."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, TypeAlias

import numpy as np

from skerry import weights
from skerry._seeds import Seed, SeedLike, as_seed
from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.evaluate import Evaluations, Failures, check_failures
from skerry.execution import Forward, Predictions, Remembered, Runner, runner
from skerry.inference import _adaptive as adaptive
from skerry.inference import _points
from skerry.inference._calls import Calls, OutOfTimeError, stopped
from skerry.inference._conclude import MIN_POINTS, Outcome, check_asked, conclude
from skerry.inference._fit import DensityName, Fit
from skerry.inference._masses import Drawn
from skerry.inference._points import Points, blocks, weighty
from skerry.inference._proposal import Proposal
from skerry.inference._state import Adaptive, State, Target
from skerry.posterior import Posterior, Search, log_normal
from skerry.problem import Problem
from skerry.progress import Display, Line, Progress, report_round, shown
from skerry.store import Store, opened, opened_runs, problem_identity

MOST_DRAWS = 1_000_000_000


class Static:
    """The paper's scheme (arXiv:2512.04954): n prior draws, likelihood weights, one training.

    Simple, embarrassingly parallel, and good where the posterior fills more than about 1/n of the
    prior: the effective sample size is about n times the share of the prior's volume that the
    posterior fills (equation :eq:`static-size` of the method). Where that is too little the
    posterior's status says so.

    Args:
        n: prior draws, each one likelihood call.
        options: see :class:`Fit`: ``density=``, ``n_modes=``, ``threshold=``, ...
    """

    def __init__(self, n: int = 100_000, density: DensityName = "flow_mixture", **options: Any):
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < MIN_POINTS:
            raise InputError(f"Expected n, the number of prior draws, >= {MIN_POINTS}; got {n!r}.")
        if n > MOST_DRAWS:
            raise InputError(
                f"Expected n, the number of prior draws, <= {MOST_DRAWS:,}; got {n:,}: they are "
                "all held in memory; use skerry.Adaptive()."
            )
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
    executor: Any = None,
    store: Store | str | PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> Posterior:
    """The posterior of one observation.

    Args:
        problem: prior and likelihood.
        x: the observation, if the likelihood takes one.
        n_effective: effective samples asked for; fewer make the status say so.
        max_calls: likelihood calls at most (None: 1,000,000; for :class:`Static`, its n); the 12
            of the first trial and the looks at walls come on top.
        max_seconds: begin no round after so much time (with a store: no call); what is known by
            then is returned.
        seed: an int, a numpy Generator or a JAX key.
        scheme: :class:`Adaptive` (the default) or :class:`Static`.
        failures: what becomes of NaN, +inf and exceptions: ``"raise"``, ``"drop"`` (left out of
            all counts; conditional on success) or ``"zero"`` (an impossible point).
        executor: where the likelihood runs: None, this process; a number of worker processes; a
            pool with ``submit`` or ``map``; or :class:`~skerry.Workers`, with a time
            limit for points. The answer doesn't depend on it. (Gradients are taken here.)
        store: a folder, or a :class:`~skerry.Store`, that keeps every evaluation. The same
            call again, after any kind of death, goes on where it was, and gives the same bits as
            a run that was never disturbed. (A vectorised function must give a point the same bits
            in any company.)
            A forward model's predictions are kept too, and serve other observations: see
            :class:`~skerry.Store`.
        progress: None: silence; True: a live display on the error stream (lines, if that is not
            a terminal); or a function, called with (stage, done, in all).

    Ctrl-C ends an adaptive run: what is known by then is returned, and the status says so. Unless
    calls are slow, the walls between islands are still looked at, with a few more calls; a second
    Ctrl-C leaves that out too, and counts modes from the points alone.

    Raises:
        InputError: for arguments that can't be used.
        ProblemError: if the likelihood doesn't return one number a point.
        EvaluationError: if a call fails under ``"raise"``, or no point has non-zero likelihood.
        StoreError: if the store is in use, or can't be read or written.
        StoppedError: if the time was over before there was a round to return.
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
    check_failures(failures)
    root = as_seed(seed)
    scheme_settings = {
        "seed": ", ".join(map(str, root.path)),
        "scheme": repr(scheme),
        "n_effective": repr(float(n_effective)),
        "max_calls": repr(max_calls),
    }
    with shown(progress) as display:
        with opened_calls(problem, x, failures, executor, store, scheme_settings, max_seconds) as (
            calls,
            late,
        ):
            if isinstance(display, Display):
                calls.tell = display.calls
            calls.check(root.child("check"))
            outcome, settings = _run(calls, scheme, n_effective, max_calls, late, root, display)
            outcome = replace(outcome, n_calls=outcome.n_calls + calls.n_tried)
        return conclude(
            problem.prior,
            outcome,
            n_effective=n_effective,
            options=scheme.fit,
            seed=root,
            progress=display,
            settings={**settings, "failures": failures},
        )


@contextmanager
def opened_calls(
    problem: Problem,
    x: Any,
    failures: Failures,
    executor: Any,
    store: Store | str | PathLike[str] | None,
    settings: dict[str, str],
    max_seconds: float | None = None,
) -> Iterator[tuple[Calls, float | None]]:
    """The likelihood of one observation on u, run and kept as :func:`infer` says.

    Args:
        problem: prior and likelihood.
        x: the observation.
        failures: the policy.
        executor: where the likelihood runs.
        store: what keeps it.
        settings: what else must be the same for a stored run to go on.
        max_seconds: the time allowed.

    Yields:
        the calls, and when their time is over, on the monotonic clock.
    """
    if not (store is None or isinstance(store, Store)):
        store = Store(store)
    with ExitStack() as stack:
        records = None
        if store is not None:
            identity = {**problem_identity(problem, x), **settings, "failures": failures}
            records = stack.enter_context(opened(store, identity, problem.prior.ndim))
        if store is not None and problem.noise is not None:
            runs = stack.enter_context(opened_runs(store, problem))
            predictions = Predictions(Forward(problem), executor, failures, runs)
            evaluator: Runner = Remembered(problem, x, predictions)
        else:
            evaluator = runner(executor, problem, x, failures, saved=records is not None)
        stack.callback(evaluator.close)
        late = None if max_seconds is None else time.monotonic() + max_seconds
        deadline = None if records is None else late
        yield Calls(problem, x, failures, evaluator, records, deadline), late


def _run(
    calls: Calls,
    scheme: Scheme,
    n_effective: float,
    max_calls: int | None,
    late: float | None,
    seed: Seed,
    progress: Progress | None,
) -> tuple[Outcome, dict[str, str | int | float]]:
    """The outcome of a scheme, and how it was made."""
    if isinstance(scheme, Static):
        n = scheme.n if max_calls is None else min(scheme.n, max_calls)
        return _static(calls, n, seed, progress), {"scheme": "static", "n": n}
    target = Target(
        calls.log_likelihood,
        calls.gradient if calls.problem.has_gradient else None,
        calls.problem.prior.periodic,
        n_effective,
        1_000_000 if max_calls is None else max_calls,
        scheme,
        seed,
        calls,
    )
    outcome = adaptive_outcome(calls, target, late, progress)
    return outcome, {"scheme": "adaptive", "thoroughness": scheme.thoroughness}


def _static(calls: Calls, n: int, seed: Seed, progress: Progress | None) -> Outcome:
    """Prior draws in blocks; those of negligible weight are not kept, and drawn twice."""
    prior = calls.problem.prior

    def draws() -> Iterator[tuple[slice, FloatArray]]:
        rng = seed.child("prior").numpy()
        for rows in blocks(n):
            yield rows, rng.standard_normal((rows.stop - rows.start, prior.ndim))

    log_l = np.empty(n)
    try:
        for rows, u in draws():
            report = None
            if progress is not None:
                report = partial(_report_draws, progress, rows.start, n)
            log_l[rows] = calls.evaluate(u, report).log_likelihood
            calls.note_round(0, "prior", u, log_normal(u))
    except OutOfTimeError:
        raise stopped("prior draws") from None
    known = np.flatnonzero(~np.isnan(log_l))
    kept = known[weighty(log_l[known])] if len(known) else known
    thin = None
    if len(kept) > _points.MOST:
        thin = _points.thinned(log_l, kept, seed)
        kept = thin.rows
    chosen = np.empty((len(kept), prior.ndim))
    for rows, u in draws():
        first, last = np.searchsorted(kept, (rows.start, rows.stop))
        chosen[first:last] = u[kept[first:last] - rows.start]
    offset = np.zeros(len(kept)) if thin is None else thin.log_weights - log_l[kept]
    return Outcome(
        Points(chosen, prior.from_u(chosen), log_l[kept], offset),
        n_calls=n,
        failed=calls.failed,
        log_weights=log_l[known],
        n_independent=None if thin is None else thin.n_independent,
    )


def _report_draws(progress: Progress, start: int, n: int, done: int, _: int) -> None:
    progress("likelihood", start + done, n)


def _of_prior(u: FloatArray, found: Evaluations, calls: Calls) -> Outcome:
    """Prior draws, which their likelihood weighs."""
    kept = ~np.isnan(found.log_likelihood)
    points = Points(
        u[kept], found.theta[kept], found.log_likelihood[kept], np.zeros(int(kept.sum()))
    )
    return Outcome(points, n_calls=calls.n_calls, failed=calls.failed)


def adaptive_outcome(
    calls: Calls,
    target: Target,
    late: float | None = None,
    progress: Progress | None = None,
    *,
    began: tuple[Proposal, FloatArray, FloatArray] | None = None,
) -> Outcome:
    """The one driver of the adaptive rounds.

    Args:
        calls: the likelihood.
        target: what the run is about.
        late: on the monotonic clock; no round begins after it.
        progress: called with (stage, done, in all).
        began: islands known beforehand: a proposal, its draws and their log-likelihoods. None
            begins with a hunt.
    """
    try:
        state = adaptive.init(target) if began is None else adaptive.resume(target, *began)
    except OutOfTimeError:
        raise stopped("first hunt") from None
    except KeyboardInterrupt:
        known = calls.first
        if began is not None or known is None or not np.isfinite(known[1].log_likelihood).any():
            raise
        return replace(_of_prior(*known, calls), interrupted=True)  # climbs have no density
    calls.note_rounds(state)
    interrupted = False
    try:
        _report(progress, state, target)
        while not adaptive.done(state) and np.isfinite(state.log_likelihood).any():
            if late is not None and time.monotonic() > late:
                interrupted = True
                break
            state = adaptive.step(state, target)
            calls.note_rounds(state)
            _report(progress, state, target)
    except KeyboardInterrupt:
        interrupted = True
    calls.drop()
    if state.ahead is not None:
        state = replace(state, ahead=None, n_calls=state.n_calls - len(state.ahead.u))
    points = Points(
        state.u, calls.problem.prior.from_u(state.u), state.log_likelihood, state.log_offset
    )
    if not np.isfinite(state.log_likelihood).any():
        return Outcome(points, n_calls=state.n_calls, failed=calls.failed)
    islands = adaptive.conclude_islands(state, target)
    ended = Outcome(
        points,
        n_calls=state.n_calls,
        failed=calls.failed,
        evidence=weights.evidence(state.final_log_weights),
        islands=islands,
        rounds=state.history,
        interrupted=interrupted,
        drawn=Drawn(state.counts, state.final_log_weights, len(state.counts) - state.first_fresh),
    )
    if interrupted and calls.slow:  # no calls to look at walls
        return ended
    calls.wait()
    if progress is not None:
        progress("modes and islands", 0, 1)
    try:
        topology, n_looks = adaptive.find_topology(state, target, islands)
    except KeyboardInterrupt:  # no further call: modes are counted from the points
        return replace(ended, n_calls=calls.n_calls, failed=calls.failed, interrupted=True)
    visits = np.bincount(topology.label(state.ends), minlength=topology.n_modes)
    return replace(
        ended,
        n_calls=state.n_calls + n_looks,
        failed=calls.failed,
        topology=topology,
        search=Search(state.n_starts, tuple(int(v) for v in visits), whole=began is None),
    )


def _report(progress: Progress | None, state: State, target: Target) -> None:
    if progress is None:
        return
    line = state.history[-1]
    report_round(
        progress,
        Line(
            len(state.counts) - state.n_ahead - 1,
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
