r"""Peaks that climbs end on, in the coordinates they climb in.

Climbs go in *chart* coordinates w: u itself, and on circles the place v = Phi(u) times
sqrt(2 pi): it has no seam, and near an island's centre the scale of u turned to that centre. Ends
that lie within each other's reach are one peak.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.flows import frames
from skerry.modes.islands import Islands

REACH = 3.0  # standard deviations within which two ends are one peak
INSIDE = 2.0  # standard deviations within which a climb need not go on
HIGHER = 0.5  # nats by which an end must surpass its peak to take its place
CIRCLE = float(np.sqrt(2 * np.pi))  # once round, in chart coordinates


@dataclass(frozen=True)
class Hunt:
    """What a hunt found.

    Attributes:
        peaks: Gaussians at the new peaks: Laplace covariances, log masses ``log(Z_k)`` of Laplace's
            approximation (equation :eq:`laplace` of the method), not normalised; None if there are
            none.
        heights: log-likelihood at the new peaks, ``(K,)``.
        ends: where climbs ended, known peaks included, ``(n_ends, d)``.
        n_starts: starts in all.
        n_calls: likelihood calls spent; a true gradient counts as two.
    """

    peaks: Islands | None
    heights: FloatArray
    ends: FloatArray
    n_starts: int
    n_calls: int


class Chart:
    """The coordinates that climbs go in.

    Args:
        periodic: which coordinates lie on a circle, ``(d,)``.
    """

    def __init__(self, periodic: BoolArray) -> None:
        self.periodic = periodic

    def of(self, u: FloatArray) -> FloatArray:
        """From u to w."""
        return np.asarray(np.where(self.periodic, CIRCLE * ndtr(u), u))

    def to_u(self, w: FloatArray) -> FloatArray:
        """From w to u."""
        places = np.clip((w / CIRCLE) % 1.0, 1e-300, 1 - 1e-16)
        return np.asarray(np.where(self.periodic, ndtri(places), w))

    def log_prior(self, w: FloatArray) -> FloatArray:
        """The prior's log density on w: normal, and on circles uniform (a constant, left out)."""
        flat = w[..., ~self.periodic]
        return np.asarray(-0.5 * np.sum(flat**2 + np.log(2 * np.pi), axis=-1))

    def away(self, w: FloatArray, mean: FloatArray) -> FloatArray:
        """The way from a mean to w, the short way round circles."""
        away = w - mean
        short = (away + CIRCLE / 2) % CIRCLE - CIRCLE / 2
        return np.asarray(np.where(self.periodic, short, away))


class Peaks:
    """The peaks of one hunt: what ends there, and how high they are.

    Args:
        chart: the coordinates.
        old: islands known before, which need no new peak.
    """

    def __init__(self, chart: Chart, old: Islands | None) -> None:
        self._chart, self._old = chart, old
        self._means: list[FloatArray] = []
        self._covariances: list[Any] = []
        self._precisions: list[FloatArray] = []
        self._heights: list[float] = []
        self._ends: list[FloatArray] = []
        self._visits: list[int] = []
        self._sure: list[bool] = []

    @property
    def visits(self) -> IntArray:
        """How many starts ended on each new peak, ``(K,)``; those that may be none left out."""
        return np.array(self._visits, np.int64)[np.array(self._sure, bool)]

    def known(self) -> Peaks:
        """What is known now, to look at while more is found."""
        known = copy.copy(self)
        known._means, known._precisions = list(self._means), list(self._precisions)
        return known

    def near(self, w: FloatArray, reach: float) -> int | None:
        """The peak within whose reach a point lies; -1 for an island known before."""
        for k, (mean, precision) in enumerate(zip(self._means, self._precisions, strict=True)):
            away = self._chart.away(w, mean)
            if away @ precision @ away < reach**2:
                return k
        if self._old is not None:
            y, _ = self._old.frames.to_frames(self._chart.to_u(w)[None])
            if np.min(np.sum(y[0] ** 2, axis=-1)) < reach**2:
                return -1
        return None

    def visit(self, known: int, end: FloatArray) -> None:
        """A climb that ended on a peak of this hunt, or with -1 on an island known before."""
        self._ends.append(end)
        if known >= 0:
            self._visits[known] += 1

    def end(
        self, end: FloatArray, height: float, scale: FloatArray, *, sure: bool = True
    ) -> int | None:
        """A climb's end; the peak that has to be put there, or None if that is known as it is.

        Args:
            end: where, ``(d,)``.
            height: the log density there.
            scale: of a peak there, ``(d,)``.
            sure: whether it is one: a climb may have ended half-way.
        """
        known = self.near(end, REACH)
        if known is None:
            self._means.append(end)
            self._covariances.append(np.diag(scale**2))
            self._precisions.append(np.diag(scale**-2.0))
            self._heights.append(height)
            self._visits.append(0)
            self._sure.append(sure)
            known = len(self._means) - 1
            self.visit(known, end)
            return known
        self.visit(known, end)
        if known >= 0:
            self._sure[known] |= sure
        higher = known >= 0 and height > self._heights[known] + HIGHER
        return known if higher else None  # the same island, but higher up

    def place(self, k: int, mean: FloatArray, height: float, covariance: FloatArray) -> None:
        """Put peak k somewhere."""
        self._means[k], self._heights[k] = mean, height
        self._covariances[k] = covariance
        self._precisions[k] = np.asarray(np.linalg.inv(covariance), np.float64)

    def result(self, n_starts: int, n_calls: int) -> Hunt:
        """Everything found so far."""
        periodic = self._chart.periodic
        ends = self._chart.to_u(np.array(self._ends).reshape(-1, len(periodic)))
        if not self._means:
            return Hunt(None, np.empty(0), ends, n_starts, n_calls)
        means, covariances = np.array(self._means), np.array(self._covariances)
        _, log_dets = np.linalg.slogdet(covariances)
        constant = 0.5 * means.shape[1] * np.log(2 * np.pi)
        heights = np.array(self._heights)
        turns = np.where(periodic, (means / CIRCLE) % 1.0, 0.5)
        log_l = heights - self._chart.log_prior(means)
        means = np.where(periodic, 0.0, means)
        islands = Islands(
            frames(means, covariances, turns=turns, periodic=periodic),
            heights + 0.5 * log_dets + constant,
        )
        return Hunt(islands, log_l, ends, n_starts, n_calls)


def curvature_to_covariance(hessian: FloatArray, steps: FloatArray) -> FloatArray:
    """The inverse of minus a Hessian, no wider than sensible where it is flat over the steps."""
    unit = hessian * np.outer(steps, steps)
    values, vectors = np.linalg.eigh(unit)
    values = np.clip(values, 0.02, None)
    covariance = (vectors / values) @ vectors.T
    return np.asarray(covariance * np.outer(steps, steps))
