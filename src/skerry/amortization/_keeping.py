"""What a training calls from outside, and keeps: simulations, forward runs, blocks, particles."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeAlias

import numpy as np

from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.amortization._blocks import Simulator, simulate
from skerry.amortization._likelihoods import Likelihoods
from skerry.evaluate import Evaluations
from skerry.execution import Forward, Predictions
from skerry.inference._calls import OutOfTimeError
from skerry.priors import Prior
from skerry.problem import Problem
from skerry.store import Archive, Store, opened_runs

Progress: TypeAlias = Callable[[str, int, int], None]


class Keeping:
    """Where a training's simulations run, and what keeps them.

    Args:
        executor: where functions run; None, in this process.
        store: the training's; None keeps nothing.
        archive: the store, open.
        deadline: on the monotonic clock; then
            :class:`~skerry.inference._calls.OutOfTimeError` is raised. None: never.
        progress: called with (stage, done, in all).
    """

    def __init__(
        self,
        executor: Any = None,
        store: Store | None = None,
        archive: Archive | None = None,
        deadline: float | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.executor, self.store, self.archive = executor, store, archive
        self.deadline, self._progress = deadline, progress

    def check_time(self) -> None:
        """Stop if the time is over."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutOfTimeError

    def simulations(
        self, simulator: Simulator, prior: Prior, n: int, seed: Seed, widen: float
    ) -> tuple[FloatArray, FloatArray]:
        """Observations ``(n, ...)`` and their parameters on u ``(n, d)``; see :func:`simulate`."""
        archive, records = self.archive, None
        if archive is not None:
            of = ("seed", "simulator", "widen")
            records = archive.records("simulations", 2, of=of, vectors=True)
        found = simulate(
            simulator,
            prior,
            n,
            seed,
            widen=widen,
            executor=self.executor,
            records=records,
            tell=self._teller("simulations"),
        )
        if archive is not None:
            archive.leave("simulations")
        return found

    def forward_runs(self, problem: Problem, theta: FloatArray) -> Evaluations:
        """A forward model's predictions at points ``(n, d)``."""
        with ExitStack() as stack:
            records = None
            if self.store is not None:
                records = stack.enter_context(opened_runs(self.store, problem))
            predictions = Predictions(Forward(problem), self.executor, "raise", records)
            stack.callback(predictions.close)
            return predictions.all_of(theta, self._teller("forward runs"))

    def once(
        self, kind: str, likelihoods: Likelihoods, make: Callable[[], FloatArray]
    ) -> FloatArray:
        """What is made by likelihood calls before the training begins, or was already."""
        archive = self.archive
        page = None if archive is None else archive.pages.get(kind, 0)
        if page is not None:
            likelihoods.n_evaluations = int(page.values["n_evaluations"])
            return np.asarray(page.arrays["found"])
        found = make()
        if archive is not None:
            values = {"n_evaluations": likelihoods.n_evaluations}
            archive.pages.put(kind, 0, values, {"found": found})
        return found

    def block(
        self, number: int, draw: Callable[[], tuple[FloatArray, FloatArray]]
    ) -> tuple[FloatArray, FloatArray]:
        """A stream's block of observations and parameters, kept if it took long to draw."""
        archive = self.archive
        if archive is None:
            return draw()
        page = archive.pages.get("block", number)
        if page is not None:
            return page.arrays["x"], page.arrays["u"]
        began = time.perf_counter()
        x, u = draw()
        if time.perf_counter() - began >= archive.unsaved_seconds:
            archive.pages.put("block", number, {}, {"x": x, "u": u})
        return x, u

    def _teller(self, stage: str) -> Callable[[int, int], None]:
        def tell(done: int, total: int) -> None:
            if self._progress is not None:
                self._progress(stage, done, total)
            if done < total:
                self.check_time()

        return tell
