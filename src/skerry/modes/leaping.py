r"""Hunting in few batches: Newton's leaps from many starts at the same time.

A climb of :mod:`skerry.modes.hunting` takes a few points at a time, often fifty times in a row: no
way to go where every batch waits in a cluster's queue. Here all climbs go in step. A batch holds,
for each of them, the differences that give the slope g and the curvature A (of minus the log
density) where its next leap is to end, and a ladder of other steps along the same way, in case it
ends badly:

.. math:: p(\mu) = \sum_i \frac{v_i^T g}{|\lambda_i| + \mu}\, v_i, \qquad A = V \Lambda V^T.

That leads uphill whatever the curvature's sign; mu grows until p is no longer than the climb trusts
its curvature. Differences are central, over steps that lower the log density by about half a nat at
a peak: they bear rounded values, and give the Laplace covariance in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.modes.islands import Islands
from skerry.modes.lockstep import Search, in_step
from skerry.modes.peaks import INSIDE, Chart, Hunt, Peaks, curvature_to_covariance

BATCHES = 14  # of a climb at most, about
FIRST_STEP = 0.01  # of differences, in u
WIDEST_STEP = 0.3  # while climbing
PEAK_STEP = 1.5  # at a peak
TRUST = 0.5  # of the first leap, in u: not into the next island's basin
LADDER = (1 / 64, 1 / 8, 1 / 2, 2.0)  # other steps, in lengths of the leap
CLOSE = 0.05  # nats: where a leap promises no more, there is the peak
EDGE = 8.0  # in u


@dataclass(frozen=True)
class Place:
    """Where a climb is, and what it knows there.

    Attributes:
        w: in chart coordinates, ``(d,)``.
        value: the log density.
        slope: its gradient, ``(d,)``.
        curvature: minus its Hessian, ``(d, d)``.
        steps: of the differences these come from, ``(d,)``.
        trust: how far the next leap may go.
    """

    w: FloatArray
    value: float
    slope: FloatArray
    curvature: FloatArray
    steps: FloatArray
    trust: float

    def step(self, longest: float) -> FloatArray:
        """Newton's step, uphill, or the way it bends to when it must be no longer.

        Where the density curves upwards it goes at least as far as should gain half a nat, so that
        no climb stays on a saddle.
        """
        values, vectors = np.linalg.eigh(self.curvature)
        along, size = vectors.T @ self.slope, np.maximum(np.abs(values), 1e-12)
        least = np.where(along < 0, -1.0, 1.0) * np.sqrt(size)
        along = np.where((values < 0) & (np.abs(along) < np.abs(least)), least, along)

        def damped(mu: float) -> FloatArray:
            return np.asarray(vectors @ (along / (size + mu)))

        if np.linalg.norm(damped(0.0)) <= longest:
            return damped(0.0)
        low, high = -40.0, float(np.log(np.linalg.norm(along) / longest))
        for _ in range(40):  # no further than high: there, mu alone makes it short enough
            middle = 0.5 * (low + high)
            short = np.linalg.norm(damped(np.exp(middle))) <= longest
            low, high = (low, middle) if short else (middle, high)
        return damped(np.exp(high))

    def promise(self, step: FloatArray) -> float:
        """What a step should gain, in nats."""
        return float(self.slope @ step - 0.5 * step @ self.curvature @ step)

    @property
    def is_close(self) -> bool:
        """Whether this is next to the top of a hill."""
        if np.linalg.eigvalsh(self.curvature)[0] <= 0:
            return False
        return self.promise(self.step(np.inf)) < CLOSE

    @property
    def next_steps(self) -> FloatArray:
        """Steps that would lower the log density by half a nat at a peak so curved."""
        wanted = 1 / np.sqrt(np.maximum(np.abs(np.diag(self.curvature)), 1e-12))
        widest = PEAK_STEP if self.is_close else WIDEST_STEP
        return np.asarray(np.clip(wanted, 0.05 * self.steps, np.minimum(20 * self.steps, widest)))

    @property
    def is_fitting(self) -> bool:
        """Whether the steps fit the curvature: not too small to bear rounding, nor too large."""
        fall = 0.5 * np.diag(self.curvature) * self.steps**2
        return bool(np.all((fall < 1.5) & ((fall > 0.1) | (self.steps >= 0.99 * PEAK_STEP))))


class LeapingHunter:
    """Climbs from many starts at a time and keeps the peaks found; counts what it spends.

    Args:
        log_likelihood: on u, vectorised.
        periodic: which coordinates lie on a circle.
        max_calls: calls at most.
        known: islands that need no new peak.
    """

    def __init__(
        self,
        log_likelihood: Callable[[FloatArray], FloatArray],
        periodic: BoolArray,
        max_calls: int,
        known: Islands | None = None,
    ) -> None:
        self._log_likelihood, self._periodic = log_likelihood, periodic
        self._max_calls = max_calls
        self._chart = Chart(periodic)
        self._peaks = Peaks(self._chart, known)
        self._rows, self._columns = np.triu_indices(len(periodic), 1)
        self.n_calls = 0
        self.n_starts = 0

    @property
    def visits(self) -> IntArray:
        """How many starts ended on each new peak, ``(K,)``."""
        return self._peaks.visits

    @property
    def cost(self) -> int:
        """Calls of a climb, about."""
        return 5 * (self._n_around + len(LADDER))

    def climb(self, starts: FloatArray) -> None:
        """Climb from all starts ``(n, d)``, or from as many as the calls that are left allow."""
        n = max(0, (self._max_calls - self.n_calls) // self.cost)
        in_step([self._climb(start) for start in self._chart.of(starts[:n])], self._evaluate)

    def result(self) -> Hunt:
        """Everything found so far."""
        return self._peaks.result(self.n_starts, self.n_calls)

    @property
    def _n_around(self) -> int:
        return 1 + 2 * len(self._periodic) + len(self._rows)

    def _evaluate(self, w: FloatArray) -> FloatArray:
        self.n_calls += len(w)
        values = self._log_likelihood(self._chart.to_u(w)) + self._chart.log_prior(w)
        return np.where(np.isfinite(values), values, -np.inf)

    def _climb(self, start: FloatArray) -> Search[None]:
        steps = np.full(len(start), FIRST_STEP)
        place = self._seen(start, steps, TRUST, (yield self._around(start, steps)))
        self.n_starts += 1
        if not np.isfinite(place.value):
            return
        batches = 1
        while not place.is_close and batches < BATCHES and self.n_calls < self._max_calls:
            known = self._peaks.near(place.w, INSIDE)
            if known is not None:
                self._peaks.visit(known, place.w)
                return
            place, n = yield from self._leap(place)
            batches += n
        if place.is_close and not place.is_fitting and self._peaks.near(place.w, INSIDE) is None:
            place = yield from self._polished(place)
        covariance = curvature_to_covariance(place.curvature, place.steps)
        scale = np.sqrt(np.diag(covariance))
        new = self._peaks.end(place.w, place.value, scale, sure=place.is_close)
        if new is not None:
            self._peaks.place(new, place.w, place.value, covariance)

    def _leap(self, place: Place) -> Search[tuple[Place, int]]:
        """The next place: where the leap was to end, or else the best of the ladder; batches."""
        step, steps = place.step(place.trust), place.next_steps
        length = float(np.linalg.norm(step))
        target = self._inside(place.w + step)
        rungs = self._inside(place.w + np.array([place.step(share * length) for share in LADDER]))
        values = yield np.concatenate([self._around(target, steps), rungs])
        there = self._seen(target, steps, 3 * length, values[: self._n_around])
        others = values[self._n_around :]
        best = int(np.argmax(others))
        promise = place.promise(step)
        if there.value > max(place.value + 0.1 * promise, others[best] - promise):
            return there, 1
        if others[best] > place.value:
            w, trust = rungs[best], 2 * LADDER[best] * length
            steps = np.minimum(place.steps, trust)
        else:  # the curvature was none: it changes within its own steps
            w, trust, steps = place.w, LADDER[0] * length, 0.2 * place.steps
        return self._seen(w, steps, trust, (yield self._around(w, steps))), 2

    def _polished(self, place: Place) -> Search[Place]:
        """A top seen once more over steps that fit it; as it was, where these reach too far."""
        w, steps = self._inside(place.w + place.step(place.trust)), place.next_steps
        found = self._seen(w, steps, place.trust, (yield self._around(w, steps)))
        return found if found.is_close and found.value > place.value - CLOSE else place

    def _inside(self, w: FloatArray) -> FloatArray:
        return np.asarray(np.where(self._periodic, w, np.clip(w, -EDGE, EDGE)))

    def _around(self, w: FloatArray, steps: FloatArray) -> FloatArray:
        """The point, one to each side along each axis, and one for each pair of axes."""
        sides, corners = np.diag(steps), np.zeros((len(self._rows), len(w)))
        corners[np.arange(len(corners)), self._rows] = steps[self._rows]
        corners[np.arange(len(corners)), self._columns] = steps[self._columns]
        return np.concatenate([w[None], w + sides, w - sides, w + corners])

    def _seen(self, w: FloatArray, steps: FloatArray, trust: float, values: FloatArray) -> Place:
        """What the values around a point say of it; no value at a side: a curvature that turns."""
        d, here = len(w), float(values[0])
        up, down, corners = values[1 : d + 1], values[d + 1 : 2 * d + 1], values[2 * d + 1 :]
        with np.errstate(invalid="ignore"):
            slope = (up - down) / (2 * steps)
            slope = np.where(np.isfinite(down), slope, (up - here) / steps)
            slope = np.where(np.isfinite(up), slope, (here - down) / steps)
            fall = here - 0.5 * (up + down)
            both = up[self._rows] + up[self._columns] - corners - here
        slope = np.where(np.isfinite(slope), slope, 0.0)
        curvature = np.diag(np.where(np.isfinite(fall), 2 * fall, 1.0) / steps**2)
        cross = np.where(np.isfinite(both), both, 0.0)
        cross = cross / (steps[self._rows] * steps[self._columns])
        curvature[self._rows, self._columns] = curvature[self._columns, self._rows] = cross
        return Place(w, here, slope, curvature, steps, trust)
