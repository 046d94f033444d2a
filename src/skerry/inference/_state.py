"""The adaptive scheme's settings, its target, and the state that its steps pass on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from skerry._seeds import Seed
from skerry._types import BoolArray, FloatArray
from skerry.errors import InputError
from skerry.inference._fit import Fit, is_int
from skerry.inference._proposal import Proposal
from skerry.modes import Islands
from skerry.modes.climbing import Stream
from skerry.modes.hunting import Gradient
from skerry.posterior import Round, log_normal
from skerry.weights import log_sum_exp

LogLikelihood: TypeAlias = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Adaptive:
    """Settings of the adaptive scheme.

    Attributes:
        thoroughness: how hard to look for islands: scales the starts and the calls of the hunts.
            1 is the default; 4 looks four times as hard.
        threshold: the least prominence of a mode, in nats.
        n_modes: K; None counts.
        max_rounds: exploring rounds at most.
        max_islands: Gaussian components at most.
        few_batches: ask for many points at a time, in a few dozen batches: for likelihoods that
            wait in a cluster's queue. Climbs then go in step, by differences
            (``skerry.modes.leaping``), and walls are looked at all at once.
        overlap: climbs of a hunt that are under way at a time. From 2 on rounds overlap as well:
            the next is drawn while the second half of the last is still being evaluated. It keeps
            workers busy where calls are slow and of uneven cost, and pays with many of them; take
            one for each worker, and no fewer than 8. It changes which points are drawn; the
            number of workers and their speed still don't.
        fit: how the density is fitted in the end; by default it is the grown islands themselves.
    """

    thoroughness: float = 1.0
    threshold: float = 2.0
    n_modes: int | None = None
    max_rounds: int = 16
    max_islands: int = 150
    few_batches: bool = False
    overlap: int = 1
    fit: Fit = field(default_factory=lambda: Fit(density="islands"))

    def __post_init__(self) -> None:
        if not self.thoroughness > 0 or not self.threshold > 0:
            raise InputError(f"Expected thoroughness > 0 and threshold > 0; got {self}.")
        if self.max_rounds < 1 or self.max_islands < 1:
            raise InputError(f"Expected max_rounds and max_islands >= 1; got {self}.")
        if not is_int(self.overlap) or self.overlap < 1:
            raise InputError(f"Expected overlap, an int >= 1; got {self.overlap!r}.")
        if self.few_batches and self.overlap > 1:
            raise InputError(f"Expected few_batches or overlap > 1, not both; got {self}.")
        if self.n_modes is not None and self.n_modes < 1:
            raise InputError(f"Expected n_modes >= 1 or None; got {self.n_modes}.")


class Target(NamedTuple):
    """What a run is about: everything that doesn't change from round to round."""

    log_likelihood: LogLikelihood  # on u, (n, d) -> (n,); NaN: leave the point out
    gradient: Gradient | None  # log-likelihood and its gradient on u, one point
    periodic: BoolArray
    n_effective: float
    max_calls: int
    settings: Adaptive
    seed: Seed
    stream: Stream | None = None  # the same likelihood, for several batches at a time

    @property
    def overlap(self) -> int:
        """Climbs at a time; rounds overlap too if it is more than 1."""
        return 1 if self.stream is None else self.settings.overlap


class Ahead(NamedTuple):
    """The second half of a round, still being evaluated."""

    proposal: Proposal
    u: FloatArray
    request: Any


class Repair(NamedTuple):
    """When walks led to more exploring: how many points there were, and the round before it."""

    n_points: int
    before: Round


@dataclass(frozen=True)
class State:
    """Everything a step changes.

    Attributes:
        u: all points drawn, ``(n, d)``.
        log_likelihood: theirs, ``(n,)``.
        log_g: log density of every round's proposal at every point, ``(rounds, n)``.
        proposals: of the rounds; the first is the prior.
        counts: points drawn in each.
        islands: the components as fitted last.
        beta: the inverse temperature they were fitted at.
        phase: ``"explore"``, ``"final"`` or ``"done"``.
        first_final: the index of the first final round, or None.
        n_calls: likelihood calls, hunting and what is ahead included.
        peaks: the peaks climbed to, ``(p, d)``.
        heights: the log likelihood there, ``(p,)``.
        ends: where climbs ended, ``(m, d)``.
        n_starts: climbs in all.
        hunts: hunts so far.
        history: one line a round.
        ahead: what is still being evaluated.
        n_ahead: rounds so far that were second halves.
        repairs: what was known each time that walks have led to more exploring.
    """

    u: FloatArray
    log_likelihood: FloatArray
    log_g: FloatArray
    proposals: tuple[Proposal, ...]
    counts: tuple[int, ...]
    islands: Islands
    beta: float
    phase: str
    first_final: int | None
    n_calls: int
    peaks: FloatArray
    heights: FloatArray
    ends: FloatArray
    n_starts: int
    hunts: int
    history: tuple[Round, ...] = field(default=())
    ahead: Ahead | None = None
    n_ahead: int = 0
    repairs: tuple[Repair, ...] = ()

    @property
    def log_density(self) -> FloatArray:
        """The log posterior on u at all points, up to a constant: what weights are made of."""
        return self.log_likelihood + log_normal(self.u)

    def landscape(self, periodic: BoolArray) -> FloatArray:
        """The log density whose peaks are modes: on circles, where u has a seam, on them."""
        return self.log_likelihood + log_normal(self.u[:, ~periodic])

    @property
    def log_offset(self) -> FloatArray:
        """log(prior / mixture of all rounds' proposals): the weight without the likelihood."""
        shares = np.log(np.array(self.counts) / sum(self.counts))
        return log_normal(self.u) - np.asarray(log_sum_exp(self.log_g + shares[:, None], axis=0))

    @property
    def log_weights(self) -> FloatArray:
        """Deterministic-mixture weights of all points."""
        return self.log_likelihood + self.log_offset

    @property
    def first_fresh(self) -> int:
        """The first of the final rounds, or the last round."""
        return len(self.counts) - 1 if self.first_final is None else self.first_final

    @property
    def final_log_weights(self) -> FloatArray:
        """Weights of the final rounds' draws by their one, fixed proposal (or the last round's)."""
        first = self.first_fresh
        start = sum(self.counts[:first])
        return self.log_density[start:] - self.log_g[first, start:]
