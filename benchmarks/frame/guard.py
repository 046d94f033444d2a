"""Is the new run worse than the accepted one, or is it noise?

A run of the guard is a few seeds of each of a few problems. The rule, with ``ALPHA`` shared equally
among all tests (Bonferroni), so that a run that differs by chance alone is called worse in at most
one comparison of a hundred:

- *Counts*: a run that fails, loses a mode, or misses log Z by more than five stated errors is a
  regression if the accepted runs of that problem have fewer of them. The problems are chosen so
  that good runs have none.
- *Costs* (calls per effective sample, the stated error of log Z, the sliced Wasserstein distance,
  what raw amortised draws show):
  worse if the mean logarithm has risen by more than its floor, and by more than Student's t allows
  with the pooled spread over seeds: t = rise / (s sqrt(1/n + 1/m)).
- *Errors* (the error of log Z over the stated one; that of the masses over what the effective
  samples allow): worse if their mean square has risen by more than its floor, and by more than
  Fisher's F allows with n and m degrees of freedom.

Costs and errors are tested for each problem, and once more over all problems together, which sees a
small change that is everywhere. Times are shown and not judged: machines differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

ALPHA = 0.01
FAR = 5.0
COSTS = {
    "calls_per_effective": 1.05,
    "log_evidence_stated_error": 1.1,
    "sliced_w": 1.1,
    "raw_excess": 1.1,
}
ERRORS = {"log_evidence_z": 1.5, "mass_z": 1.5}
COUNTS = ("failed", "lost", "far")
WORDS = {
    "calls_per_effective": "calls per effective sample",
    "log_evidence_stated_error": "stated error of log Z",
    "sliced_w": "sliced Wasserstein distance",
    "raw_excess": "accuracy that raw draws show to the best classifier, beyond a half",
    "log_evidence_z": "error of log Z, in stated errors",
    "mass_z": "error of masses, in what the samples allow",
    "failed": "failed runs",
    "lost": "runs that lost a mode",
    "far": f"runs with log Z off by more than {FAR:g} stated errors",
}
TOGETHER = "all problems"
Values = dict[str, list]  # a problem's measures, one value a seed


@dataclass(frozen=True)
class Finding:
    """A comparison: the two typical values, how unlikely by chance, and whether it is worse."""

    problem: str
    measure: str
    accepted: float
    new: float
    p: float
    worse: bool
    better: bool

    def __str__(self) -> str:
        chance = "" if self.measure in COUNTS else f" (p {self.p:.1e})"
        return (
            f"{self.problem}: {WORDS[self.measure]} {self.accepted:.4g} -> {self.new:.4g}{chance}"
        )


def values(rows: list[dict]) -> Values:
    """The measures of a problem's runs, one value a seed; None where a run has none."""
    names = [*COSTS, *ERRORS, "cpu_s", "calls"]
    return {
        "failed": [int(row["outcome"] != "finished") for row in rows],
        "lost": [int(bool(row.get("lost_modes"))) for row in rows],
        "far": [int(abs(row.get("log_evidence_z") or 0.0) > FAR) for row in rows],
        **{name: [row.get(name) for row in rows] for name in names},
    }


def compare(accepted: dict[str, Values], new: dict[str, Values]) -> list[Finding]:
    """All comparisons over the problems that both have."""
    common = [name for name in accepted if name in new]
    level = ALPHA / ((len(COSTS) + len(ERRORS)) * (len(common) + 1))
    found = []
    for name in common:
        found += [_count(name, kind, accepted[name], new[name]) for kind in COUNTS]
        found += [_cost([name], kind, accepted, new, level) for kind in COSTS]
        found += [_error([name], kind, accepted, new, level) for kind in ERRORS]
    if len(common) > 1:
        found += [_cost(common, kind, accepted, new, level) for kind in COSTS]
        found += [_error(common, kind, accepted, new, level) for kind in ERRORS]
    return [finding for finding in found if finding is not None]


def _count(problem: str, kind: str, accepted: Values, new: Values) -> Finding:
    before, now = float(np.mean(accepted[kind])), float(np.mean(new[kind]))
    return Finding(problem, kind, before, now, np.nan, now > before, now < before)


def _cost(names: list[str], kind: str, accepted: dict, new: dict, level: float) -> Finding | None:
    """Student's t of mean logarithms; over several problems, of their mean rise."""
    rises, variances, freedoms, before = [], [], [], []
    for name in names:
        old, now = (np.log(_there(side[name].get(kind, []))) for side in (accepted, new))
        if len(old) < 2 or len(now) < 2:
            continue
        freedom = len(old) + len(now) - 2
        pooled = (len(old) * old.var() + len(now) * now.var()) / freedom
        rises.append(now.mean() - old.mean())
        variances.append(pooled * (1 / len(old) + 1 / len(now)))
        freedoms.append(freedom)
        before.append(old.mean())
    if not rises:
        return None
    rise, error = float(np.mean(rises)), float(np.sqrt(np.sum(variances)) / len(rises))
    # Welch and Satterthwaite's degrees of freedom of a sum of pooled variances
    total, parts = np.sum(variances), np.sum(np.square(variances) / freedoms)
    freedom = total**2 / parts if parts > 0 else min(freedoms)
    t = rise / error if error > 0 else np.inf * np.sign(rise) if rise else 0.0
    return _finding(
        names, kind, np.exp(np.mean(before)), np.exp(np.mean(before) + rise), np.exp(rise),
        COSTS[kind], stats.t.sf(t, freedom), stats.t.cdf(t, freedom), level,
    )  # fmt: skip


def _error(names: list[str], kind: str, accepted: dict, new: dict, level: float) -> Finding | None:
    """Fisher's F of mean squares, over all the problems' runs."""
    old, now = (
        np.concatenate([_there(side[name].get(kind, [])) for name in names])
        for side in (accepted, new)
    )
    if len(old) < 2 or len(now) < 2:
        return None
    before, after = np.mean(old**2), np.mean(now**2)
    ratio = after / before if before > 0 else np.inf if after > 0 else 1.0
    freedoms = len(now), len(old)
    return _finding(
        names, kind, np.sqrt(before), np.sqrt(after), ratio,
        ERRORS[kind], stats.f.sf(ratio, *freedoms), stats.f.cdf(ratio, *freedoms), level,
    )  # fmt: skip


def _finding(names, kind, before, after, ratio, floor, p_worse, p_better, level) -> Finding:
    worse = bool(ratio > floor and p_worse < level)
    better = bool(ratio < 1 / floor and p_better < level)
    label = names[0] if len(names) == 1 else TOGETHER
    return Finding(label, kind, float(before), float(after), float(p_worse), worse, better)


def _there(values: list) -> np.ndarray:
    """The values there are; failed runs have none, and count as failures."""
    return np.array([v for v in values if v is not None and np.isfinite(v)], dtype=float)
