"""Tasks whose truth comes from long runs: two that share nothing, and agree.

An inner problem is the task's own, or a smaller one with the same evidence: one of its symmetric
copies, or a parameter less where that can be integrated out. ``expand`` turns its exact draws into
those of the task. Numbers come from ``benchmarks/certified_truths.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.tasks._envelopes import Envelope, LogDensity
from skerry.tasks._task import Task, TaskMode

if TYPE_CHECKING:
    from skerry.priors import Prior


@dataclass(frozen=True)
class Inner:
    """What a long run integrates.

    Attributes:
        prior: of the inner coordinates.
        log_likelihood: points (n, d) -> (n,).
        inside: which points (n,) belong to the copy that is kept.
        fold: points (n, d) -> their copies inside.
        n_copies: how many copies there are; the target counts them all.
        label: points (n, d) -> the inner mode (n,) of each.
        n_modes: how many inner modes there are.
    """

    prior: Callable[[], Prior]
    log_likelihood: Callable[[FloatArray], FloatArray]
    inside: Callable[[FloatArray], BoolArray]
    fold: Callable[[FloatArray], FloatArray]
    n_copies: int
    label: Callable[[FloatArray], IntArray]
    n_modes: int

    def log_target(self, x: FloatArray) -> FloatArray:
        """log(copies * prior * likelihood) (n,), -inf outside; its integral is the evidence."""
        log_prior = self.prior().log_prob(x)
        used = np.isfinite(log_prior) & self.inside(x)
        target = np.full(len(x), -np.inf)
        value = self.log_likelihood(x[used])
        target[used] = np.log(self.n_copies) + log_prior[used] + value
        return target


@dataclass(frozen=True)
class Certified:
    """A task with the numbers of its long runs.

    Attributes:
        name: of the task and of its envelope.
        prior: of the task.
        log_likelihood: of the task.
        label: points (n, d) -> the mode (n,) of each.
        inner: what was integrated.
        envelope: a normalised inner target -> what draws from it.
        expand: inner draws and a generator -> draws of the task.
        log_evidence: with its standard error.
        mass_error: the largest standard error of the masses.
        peaks: (location, mass) of each mode.
        note: what is hard about it, and how modes are told apart.
        source: where it comes from.
    """

    name: str
    prior: Callable[[], Prior]
    log_likelihood: Callable[[FloatArray], FloatArray]
    label: Callable[[FloatArray], IntArray]
    inner: Inner
    envelope: Callable[[LogDensity], Envelope]
    expand: Callable[[FloatArray, np.random.Generator], FloatArray]
    log_evidence: tuple[float, float]
    mass_error: float
    peaks: tuple[tuple[tuple[float, ...], float], ...]
    note: str
    source: str

    def task(self) -> Task:
        """The task; its envelope is read when draws are first asked for."""
        from skerry.problem import Problem

        @cache
        def envelope() -> Envelope:
            return self.envelope(lambda x: self.inner.log_target(x) - self.log_evidence[0])

        return Task(
            name=self.name,
            problem=Problem(self.prior(), self.log_likelihood),
            log_evidence=self.log_evidence[0],
            log_evidence_error=self.log_evidence[1],
            modes=tuple(TaskMode(np.array(place), mass) for place, mass in self.peaks),
            sampler=lambda n, rng: self.expand(envelope().sample(n, rng), rng),
            labeller=self.label,
            note=self.note,
            source=self.source,
            mass_error=self.mass_error,
        )


def everywhere(x: FloatArray) -> BoolArray:
    """Every point (n,): a task without copies."""
    return np.ones(len(x), dtype=bool)


def unchanged(x: FloatArray) -> FloatArray:
    """The points themselves."""
    return x


def as_drawn(x: FloatArray, _: np.random.Generator) -> FloatArray:
    """Inner draws that are those of the task."""
    return x
