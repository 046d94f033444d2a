"""Many observations refined together: their draws share likelihood calls.

Each observation is drawn for by itself, with its own seed, as it would be alone; what is asked for
at the same time is evaluated in one call, if the likelihood takes pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from skerry import evaluate as border
from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.amortization._guarded import Guarded
from skerry.amortization._likelihoods import PairCalls
from skerry.amortization._pairs import Journal
from skerry.amortization._refine import Drawn, answer, asked, drawn, escalated
from skerry.evaluate import Evaluations, Failures, check_failures
from skerry.execution import Forward, Predictions, weighed
from skerry.inference._infer import opened_calls
from skerry.posterior import Failed, Posterior
from skerry.problem import Problem
from skerry.progress import Progress
from skerry.store import Store, opened_archive, opened_runs, problem_identity

TOGETHER = 100  # observations that are drawn for at the same time
POINTS = 200_000  # of a call

Evaluate: TypeAlias = Callable[[FloatArray, FloatArray], Evaluations]


@dataclass
class _One:
    """One observation under way."""

    x: FloatArray
    seed: Seed
    drawing: Generator[FloatArray, FloatArray, Drawn]
    asks: FloatArray
    found: Drawn | None = None
    failed: list[Failed] = field(default_factory=list)
    theta: list[FloatArray] = field(default_factory=list)

    def tell(self, result: Evaluations, failures: Failures) -> None:
        """Go on with the values asked for."""
        self.theta.append(result.theta)
        if result.failed.any():
            self.failed.append(Failed(result.theta[result.failed], result.messages))
        result = border.with_zeros(result) if failures == "zero" else result
        try:
            self.asks = self.drawing.send(result.log_likelihood)
        except StopIteration as end:
            self.found, self.asks = end.value, self.asks[:0]


def refined_batch(
    problem: Problem,
    xs: FloatArray,
    proposals: list[Guarded],
    seeds: list[Seed],
    *,
    n_effective: float,
    max_calls: int,
    failures: Failures,
    executor: Any = None,
    store: Store | str | PathLike[str] | None = None,
    progress: Progress | None = None,
) -> tuple[Posterior, ...]:
    """The exact posteriors of observations ``(k, ...)``, each as if it were alone."""
    check_failures(failures)
    store = store if store is None or isinstance(store, Store) else Store(store)
    pairs = zip(proposals, seeds, strict=True)
    texts = [asked(p, s, n_effective, max_calls) for p, s in pairs]
    settings = {name: "; ".join(dict.fromkeys(t[name] for t in texts)) for name in texts[0]}
    found: list[_One] = []
    with _evaluating(problem, xs, failures, executor, store, settings) as evaluate:
        for start in range(0, len(xs), TOGETHER):
            rows = range(start, min(start + TOGETHER, len(xs)))
            some = [_begun(xs[i], proposals[i], seeds[i], n_effective, max_calls) for i in rows]
            while any(len(one.asks) for one in some):
                for group in _groups([one for one in some if len(one.asks)]):
                    _advance(problem, group, evaluate, failures)
                    if progress is not None:
                        drawn_for = sum(not len(one.asks) for one in some)
                        progress("observations drawn for", start + drawn_for, len(xs))
            found += some
    return tuple(
        _concluded(problem, one, i, n_effective, max_calls, failures, executor, store)
        for i, one in enumerate(found)
    )


def _begun(x: FloatArray, proposal: Guarded, seed: Seed, n_effective: float, most: int) -> _One:
    drawing = drawn(proposal, seed, n_effective, most)
    return _One(x, seed, drawing, next(drawing))


def _groups(ones: list[_One]) -> Iterator[list[_One]]:
    """Observations whose points are evaluated together."""
    group: list[_One] = []
    for one in ones:
        if group and sum(len(o.asks) for o in [*group, one]) > POINTS:
            yield group
            group = []
        group.append(one)
    yield group


def _advance(problem: Problem, group: list[_One], evaluate: Evaluate, failures: Failures) -> None:
    counts = [len(one.asks) for one in group]
    theta = problem.prior.from_u(np.concatenate([one.asks for one in group]))
    rows = np.repeat(np.stack([one.x for one in group]), counts, axis=0)
    result = evaluate(theta, rows)
    texts = dict(zip(np.flatnonzero(result.failed).tolist(), result.messages, strict=True))
    end = 0
    for one, n in zip(group, counts, strict=True):
        start, end = end, end + n
        failed = result.failed[start:end]
        mine = tuple(texts[start + i] for i in np.flatnonzero(failed).tolist())
        values = result.log_likelihood[start:end]
        one.tell(Evaluations(theta[start:end], values, failed, mine, n), failures)


@contextmanager
def _evaluating(
    problem: Problem,
    xs: FloatArray,
    failures: Failures,
    executor: Any,
    store: Store | None,
    settings: dict[str, str],
) -> Iterator[Evaluate]:
    """Points ``(n, d)``, each with an observation ``(n, ...)``, to values, run and kept."""
    with ExitStack() as stack:
        journal = None
        if store is not None:
            identity = problem_identity(problem, xs)
            archive = stack.enter_context(opened_archive(store, identity, settings))
            if problem.noise is not None:
                runs = stack.enter_context(opened_runs(store, problem))
                predictions = Predictions(Forward(problem), executor, failures, runs)
                stack.callback(predictions.close)

                def by_predictions(theta: FloatArray, rows: FloatArray) -> Evaluations:
                    result = weighed(problem, predictions.all_of(theta), rows)
                    if failures == "raise" and result.failed.any():
                        raise border.refusal(problem, result, result)
                    return result

                yield by_predictions
                return
            journal = Journal(archive, problem.prior.ndim)
        calls = PairCalls(problem, xs.shape[1:], failures, executor, journal)
        stack.callback(calls.close)
        yield calls


def _concluded(
    problem: Problem,
    one: _One,
    number: int,
    n_effective: float,
    max_calls: int,
    failures: Failures,
    executor: Any,
    store: Store | None,
) -> Posterior:
    found = one.found
    assert found is not None
    failed = Failed.gathered(one.failed, problem.prior.ndim)
    if not found.hopeless:
        outcome = found.outcome(np.concatenate(one.theta), failed)
        return answer(problem.prior, outcome, found, n_effective, failures, one.seed)
    settings = asked(found.proposal, one.seed, n_effective, max_calls)
    own = None if store is None else _own(store, number)
    with opened_calls(problem, one.x, failures, executor, own, settings) as (calls, _):
        calls.note_failed(failed)
        outcome = escalated(calls, found, one.seed, n_effective, max_calls)
    return answer(problem.prior, outcome, found, n_effective, failures, one.seed)


def _own(store: Store, number: int) -> Store:
    """The store of one observation's adaptive rounds; it shares the forward runs."""
    folder = Path(store.path)
    forward = folder / "forward" if store.forward is None else store.forward
    place = folder / "escalated" / f"{number:08d}"
    return Store(place, store.accept, store.unsaved_seconds, forward)
