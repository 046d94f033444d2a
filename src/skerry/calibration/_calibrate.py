"""All three checks in one immutable result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skerry._seeds import SeedLike, as_seed
from skerry.calibration._ranks import as_draws, hpd_ranks, sbc_ranks, tarp_ranks
from skerry.calibration._tests import RankTest, rank_test
from skerry.errors import InputError


@dataclass(frozen=True, eq=False)
class Calibration:
    """How posteriors of many observations stand to the truths behind them; immutable.

    Attributes:
        n_observations: n.
        n_draws: L, the draws for each observation.
        level: the chance that SBC (over all parameters), HPD or TARP fails a perfect estimator.
        sbc: a test for each parameter; each fails at p-values up to level / d.
        hpd: the test of highest-density ranks, or None without densities.
        tarp: the test of distances to random points.
    """

    n_observations: int
    n_draws: int
    level: float
    sbc: tuple[RankTest, ...]
    hpd: RankTest | None
    tarp: RankTest

    @property
    def tests(self) -> tuple[RankTest, ...]:
        """All tests: SBC for each parameter, HPD, TARP."""
        return (*self.sbc, *((self.hpd,) if self.hpd is not None else ()), self.tarp)

    @property
    def passed(self) -> bool:
        """Whether every test passed."""
        return all(test.passed for test in self.tests)

    def summary(self) -> str:
        """A table of the tests, the coverage, and the verdict with advice."""
        lines = [f"{self.n_observations:,} observations, {self.n_draws:,} draws each"]
        lines += [
            f"  {t.kind.upper():4} {t.name:16} p = {t.p_value:.4f} {'<=' if not t.passed else '> '}"
            f" {t.level:.2g}  {t.finding}"
            for t in self.tests
        ]
        if self.hpd is not None:
            lines.append("Coverage of regions of highest density (95% interval):")
            lines += [
                f"  {100 * c.nominal:5.1f} %: {100 * c.observed:5.1f} %  "
                f"({100 * c.low:.1f} to {100 * c.high:.1f})"
                for c in self.hpd.coverage()
            ]
        return "\n".join([*lines, self._verdict()])

    def _verdict(self) -> str:
        if self.passed:
            return (
                f"Passed at the {100 * self.level:g}% level: no fault that "
                f"{self.n_observations:,} observations can show."
            )
        failed = ", ".join(f"{t.kind.upper()} {t.name}" for t in self.tests if not t.passed)
        return (
            f"FAILED at the {100 * self.level:g}% level ({failed}): train on more simulations, or "
            "refine by the likelihood before trusting widths."
        )

    def __str__(self) -> str:
        return self.summary()


def calibrate(
    draws: Any,
    truths: Any,
    *,
    log_q_draws: Any = None,
    log_q_truths: Any = None,
    references: Any = None,
    names: Sequence[str] | None = None,
    level: float = 0.01,
    seed: SeedLike = 0,
) -> Calibration:
    """Test posterior draws of many simulated observations against the truths.

    Args:
        draws: posterior draws (n, L, d), independent and of equal weights. A hundred draws and some
            hundreds of observations show a width wrong by 10%.
        truths: the parameters (n, d), drawn from the prior, that made the observations.
        log_q_draws: log posterior density of the draws (n, L), for HPD; up to a constant a row.
        log_q_truths: the same of the truths (n,); give both or none.
        references: points (n, d) for TARP, by default truths of other observations.
        names: the d parameters; theta1, theta2, ... by default.
        level: the chance that SBC, HPD or TARP fails a perfect estimator, at least 0.001.
        seed: breaks ties, chooses references.

    Raises:
        InputError: for arrays that don't fit together.
    """
    draws, truths = as_draws(draws, truths)
    n, n_draws, d = draws.shape
    if not 0.001 <= level < 1.0:
        raise InputError(f"Expected a level from 0.001 to 1; got {level}; pass for example 0.01.")
    if (log_q_draws is None) != (log_q_truths is None):
        raise InputError(
            "Expected log_q_draws and log_q_truths, or neither; got one; give both for HPD ranks."
        )
    labels = tuple(f"theta{j + 1}" for j in range(d)) if names is None else tuple(names)
    if len(labels) != d:
        raise InputError(f"Expected {d} names; got {len(labels)}; name each parameter once.")
    root = as_seed(seed)
    ranks = sbc_ranks(draws, truths, root.child("sbc"))
    sbc = tuple(
        rank_test(name, "sbc", ranks[:, j], n_draws, level / d) for j, name in enumerate(labels)
    )
    hpd = None
    if log_q_draws is not None:
        if np.shape(log_q_draws) != (n, n_draws):
            raise InputError(
                f"Expected log_q_draws of shape ({n}, {n_draws}), as the draws; got "
                f"{np.shape(log_q_draws)}; evaluate q at each draw."
            )
        found = hpd_ranks(log_q_draws, log_q_truths, root.child("hpd"))
        hpd = rank_test("density", "hpd", found, n_draws, level)
    distances = tarp_ranks(draws, truths, references, root.child("tarp"))
    tarp = rank_test("distance", "tarp", distances, n_draws, level)
    return Calibration(n, n_draws, level, sbc, hpd, tarp)
