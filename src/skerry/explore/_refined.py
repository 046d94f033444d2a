"""What the likelihood makes of it: in the background, given up as soon as the observation moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from scipy.spatial import cKDTree

from skerry import weights
from skerry._types import FloatArray, IntArray
from skerry.amortization import Estimator
from skerry.errors import SkerryError, UnsupportedError
from skerry.explore._raw import Raw
from skerry.posterior import Posterior
from skerry.problem import Problem


@dataclass(frozen=True, eq=False)
class Refined:
    """The posterior of one observation by its exact likelihood, told by the same letters.

    Attributes:
        posterior: as :meth:`skerry.Estimator.posterior` gives it.
        labels: the letter of each of its samples, as an index: 0 is A; -1: none.
        masses: by letter: mass and its standard error.
        anew: whether the islands were looked for anew, for the raw density was too far off.
        seconds: it took.
    """

    posterior: Posterior
    labels: IntArray
    masses: dict[int, tuple[float, float]]
    anew: bool
    seconds: float


def matched(
    posterior: Posterior,
    estimator: Estimator,
    raw: Raw,
    letters: Sequence[int],
    seconds: float = float("nan"),
) -> Refined:
    """Samples counted to the islands of the raw picture, or, where rounds found others, to those.

    Args:
        posterior: refined, of ``raw.x``.
        estimator: that drew the raw picture.
        raw: the picture.
        letters: of its islands.
        seconds: the refinement took.
    """
    here = _islands_of(posterior, estimator, raw)
    anew = posterior.settings.get("scheme") != "refined"
    names = np.array([*letters, -1])
    if anew:
        here, names = posterior.labels, _names(posterior, here, letters)
    n = len(names) - 1
    found = weights.group_masses(posterior.log_weights, here, n)
    masses = {
        int(names[k]): (float(found.mass[k]), float(found.error[k]))
        for k in range(n)
        if found.mass[k] > 0.0
    }
    return Refined(posterior, names[here], masses, anew, seconds)


def _islands_of(posterior: Posterior, estimator: Estimator, raw: Raw) -> IntArray:
    """The island of the raw picture that each sample belongs to."""
    try:
        return raw.label(estimator.prior.to_u(posterior.samples))
    except UnsupportedError:  # a transform that can't be inverted: the nearest draw decides
        scale = raw.theta.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        return raw.labels[cKDTree(raw.theta / scale).query(posterior.samples / scale)[1]]


def _names(posterior: Posterior, here: IntArray, letters: Sequence[int]) -> IntArray:
    """A letter for each island found anew: of the raw one it shares most with, or a new one."""
    shares = np.exp(posterior.log_weights)
    n = len(posterior.modes)
    overlap = np.zeros((n, len(letters)))
    mine = posterior.labels >= 0
    np.add.at(overlap, (posterior.labels[mine], here[mine]), shares[mine])
    names, taken = np.full(n + 1, -1), set(letters)
    while overlap.size and overlap.max() > 0.0:
        k, island = np.unravel_index(int(np.argmax(overlap)), overlap.shape)
        names[k] = letters[int(island)]
        overlap[k] = 0.0
        overlap[:, island] = 0.0
    free = (k for k in range(n + len(letters)) if k not in taken)
    names[:n] = [name if name >= 0 else next(free) for name in names[:n].tolist()]
    return names


class _StaleError(Exception):
    """The observation has moved on."""


@dataclass(frozen=True)
class Answer:
    """What came of a refinement: a posterior, or why there is none."""

    posterior: Posterior | None
    why: str
    seconds: float


@final
class Refiner:
    """One thread that refines the latest observation and drops whatever was asked before.

    A refinement that isn't wanted any more ends at its next likelihood call.

    Args:
        estimator: with its problem.
        n_effective: effective samples.
        seed: of each refinement.
        max_calls: likelihood calls at most, for each.
    """

    def __init__(
        self, estimator: Estimator, n_effective: float, seed: Any, max_calls: int = 50_000
    ) -> None:
        self._estimator, self._n, self._seed = estimator, n_effective, seed
        self._max_calls = max_calls
        self._changed = threading.Condition()
        self._wanted: tuple[int, FloatArray, Callable[[Answer], None]] | None = None
        self._number = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    def ask(self, x: FloatArray, tell: Callable[[Answer], None]) -> None:
        """Refine x; ``tell`` is called, in the thread, unless something else is asked before."""
        with self._changed:
            self._number += 1
            self._wanted = (self._number, x, tell)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="refiner")
                self._thread.start()
            self._changed.notify()

    def forget(self) -> None:
        """Give up what is asked."""
        with self._changed:
            self._number += 1
            self._wanted = None

    def close(self, seconds: float = 2.0) -> None:
        """Give up, and end the thread; waits so long at most."""
        with self._changed:
            self._closed = True
            self._number += 1
            self._wanted = None
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._wanted is not None)
                if self._closed or self._wanted is None:
                    return
                number, x, tell = self._wanted
                self._wanted = None
            answer = self._answer(number, x)
            if number == self._number:
                tell(answer)

    def _answer(self, number: int, x: FloatArray) -> Answer:
        began = time.perf_counter()
        posterior, why = None, ""
        try:
            posterior = self._watched(number).posterior(
                x, n_effective=self._n, seed=self._seed, max_calls=self._max_calls
            )
        except SkerryError as error:
            why = str(error)
        except Exception as error:  # of the user's functions, outside of a call
            why = f"{type(error).__name__}: {error}"
        return Answer(posterior, why, time.perf_counter() - began)

    def _watched(self, number: int) -> Estimator:
        """The estimator with a likelihood that gives up once its answer isn't wanted."""
        problem = self._estimator.problem
        if problem is None:
            raise UnsupportedError("Expected a problem to refine by; got none.")

        def log_likelihood(theta: FloatArray, x: Any) -> FloatArray:
            if number != self._number:
                raise _StaleError
            return problem.log_likelihood(theta, x)

        watched = Problem(problem.prior, log_likelihood, jax=False)
        return replace(self._estimator, problem=watched)
