"""The verdict on one set of ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.stats import binomtest

from skerry._types import FloatArray, IntArray
from skerry.calibration._uniformity import Band, null
from skerry.errors import InputError

Kind: TypeAlias = Literal["sbc", "hpd", "tarp"]
LEVELS = (0.5, 0.68, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Coverage:
    """How often regions of a posterior mass hold the truth.

    Attributes:
        nominal: the regions' mass.
        observed: the share of truths inside.
        low: lower end of the exact binomial 95% interval of that share.
        high: its upper end.
        p_value: of the observed share, were the nominal one true.
    """

    nominal: float
    observed: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, eq=False)
class RankTest:
    """Ranks of truths among L draws, and whether they are uniform.

    Attributes:
        name: the parameter, or what the ranks order by.
        kind: "sbc", "hpd" or "tarp".
        ranks: (n,), from 0 to L.
        n_draws: L.
        level: the largest p-value that fails.
        p_value: of the simultaneous test of uniformity.
    """

    name: str
    kind: Kind
    ranks: IntArray
    n_draws: int
    level: float
    p_value: float

    @property
    def passed(self) -> bool:
        """Whether uniform ranks may look like these."""
        return self.p_value > self.level

    @property
    def finding(self) -> str:
        """What the ranks say, in words."""
        return "calibrated" if self.passed else _fault(self)

    @property
    def positions(self) -> FloatArray:
        """Ranks on the unit interval (n,): (rank + 1/2) / (L + 1)."""
        return np.asarray((self.ranks + 0.5) / (self.n_draws + 1))

    def distribution(self) -> tuple[FloatArray, FloatArray]:
        """Thresholds z (k,) and the share of ranks below each (k,): z itself, if uniform."""
        expected = null(len(self.ranks), self.n_draws)
        z = expected.thresholds / (self.n_draws + 1)
        return z, expected.counts(self.ranks) / len(self.ranks)

    def band(self, level: float | None = None) -> Band:
        """The band which :meth:`distribution` leaves with probability ``level`` if uniform.

        By default the test's own level: the test fails where the line leaves the band.
        """
        return null(len(self.ranks), self.n_draws).band(self.level if level is None else level)

    def coverage(self, levels: Sequence[float] = LEVELS) -> tuple[Coverage, ...]:
        """The coverage of regions of given masses.

        Regions of highest density for HPD ranks, central intervals of the parameter for SBC, balls
        about the reference for TARP. A mass is rounded down to what L draws can tell.
        """
        if not all(0.0 < c < 1.0 for c in levels):
            raise InputError(f"Expected masses between 0 and 1; got {list(levels)}; pass 0.9.")
        return tuple(self._coverage(float(c)) for c in levels)

    def _coverage(self, level: float) -> Coverage:
        possible = np.arange(self.n_draws + 1)
        depth = np.abs(2 * possible - self.n_draws) if self.kind == "sbc" else possible
        inside = depth < level * (self.n_draws + 1)
        count, n = int(inside[self.ranks].sum()), len(self.ranks)
        nominal = float(inside.mean())
        found = binomtest(count, n, nominal)
        interval = found.proportion_ci(0.95)
        low, high = float(interval.low), float(interval.high)
        return Coverage(nominal, count / n, low, high, float(found.pvalue))


def rank_test(name: str, kind: Kind, ranks: IntArray, n_draws: int, level: float) -> RankTest:
    """The test of ranks (n,) among L draws; fails at p-values up to ``level``."""
    ranks = ranks.copy()
    ranks.setflags(write=False)
    p_value = null(len(ranks), n_draws).p_value(ranks)
    return RankTest(name, kind, ranks, n_draws, level, p_value)


def _fault(test: RankTest) -> str:
    """The likeliest fault: a shift, or a width, whichever deviates by more standard errors."""
    centred = test.positions - 0.5
    shift = centred.mean() * np.sqrt(12.0 * len(centred))
    spread = (np.mean(centred**2) - 1.0 / 12.0) * np.sqrt(180.0 * len(centred))
    if test.kind == "hpd":
        if abs(shift) < 2.0:
            return "uneven: truths lie too often at some densities, too rarely at others"
        return (
            "over-confident: truths lie in the tails too often"
            if shift > 0
            else "under-confident: truths lie near the peaks too often"
        )
    if max(abs(shift), abs(spread)) < 2.0:
        return "uneven: neither a shift nor a width explains the ranks"
    if abs(spread) >= abs(shift):
        return "over-confident: too narrow" if spread > 0 else "under-confident: too wide"
    if test.kind == "tarp":
        return "biased: draws lie nearer to random points than truths, or farther"
    return "biased: too low" if shift > 0 else "biased: too high"
