"""What a method found, against the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

LOST = 0.00999, 0.5  # a mode of this mass (1%) or more, found with less than this share of it
FEWEST = 20  # different samples below which nothing is left to compare


def judged(task: Any, found: dict[str, np.ndarray], about: dict[str, Any], draws: int = 5_000):
    """Errors of evidence, masses and shape; ``draws`` = 0 leaves the classifier out."""
    samples, weights = found["samples"], found["weights"] / found["weights"].sum()
    truth = np.array([mode.mass for mode in task.modes])
    masses = np.bincount(task.label(samples), weights=weights, minlength=len(truth))
    lost = (truth >= LOST[0]) & (masses < LOST[1] * truth)
    verdict = {
        "mass_error": float(np.abs(masses - truth).max()),
        "lost_modes": np.flatnonzero(lost).tolist(),
        "n_modes": len(truth),
        **evidence(task, about),
    }
    if about.get("n_effective"):
        verdict["calls_per_effective"] = about["calls"] / about["n_effective"]
        spread = np.sqrt(truth * (1 - truth) / about["n_effective"] + task.mass_error**2)
        verdict["mass_z"] = float(np.max(np.abs(masses - truth) / np.maximum(spread, 1e-12)))
    return verdict | shape(task, samples, weights, draws)


def evidence(task: Any, about: dict[str, Any]) -> dict[str, float | None]:
    """The error of log Z, and that by the stated error."""
    if about.get("log_evidence") is None:
        return {"log_evidence_miss": None, "log_evidence_z": None}
    miss = about["log_evidence"] - task.log_evidence
    spread = np.hypot(about["log_evidence_stated_error"] or 0.0, task.log_evidence_error)
    return {"log_evidence_miss": miss, "log_evidence_z": miss / spread if spread > 0 else None}


def shape(task: Any, samples: np.ndarray, weights: np.ndarray, draws: int) -> dict[str, Any]:
    """C2ST, sliced Wasserstein distance (in units of what exact draws have), bridge mass."""
    from skerry import metrics

    verdict: dict[str, Any] = {"c2st": None, "sliced_w": None, "bridge_mass": None}
    if len(np.unique(samples[weights > 0.0], axis=0)) < FEWEST:
        return verdict
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    verdict["bridge_mass"] = metrics.bridge_mass(
        task.log_prob(samples), task.hdr_level, log_weights=log_weights
    )
    n = draws or 5_000
    exact, floor = reference(task, n)
    mine, scale = systematic(samples, weights, n), exact.std(axis=0)
    verdict["sliced_w"] = metrics.sliced_wasserstein(exact / scale, mine / scale) / floor
    if draws:
        verdict["c2st"] = metrics.c2st(exact, mine)
    return verdict


def reference(task: Any, n: int, known: dict = {}) -> tuple[np.ndarray, float]:  # noqa: B006
    """Exact draws (n, d), and the sliced distance, scaled by their spread, of others to them."""
    from skerry import metrics

    if (task.name, n) not in known:
        exact, again = task.sample(n, 12345), task.sample(n, 54321)
        scale = exact.std(axis=0)
        known[task.name, n] = exact, metrics.sliced_wasserstein(exact / scale, again / scale)
    return known[task.name, n]


def systematic(samples: np.ndarray, weights: np.ndarray, n: int) -> np.ndarray:
    """Equal-weight draws, each point about n times its weight."""
    edges = np.cumsum(weights / weights.sum())
    points = (np.random.default_rng(0).uniform() + np.arange(n)) / n
    return samples[np.searchsorted(edges, points).clip(max=len(edges) - 1)]
