"""A density against the exact truth, in every measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from skerry import metrics
from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.tasks import Task

N_SLICES = 50
LogProb: TypeAlias = Callable[[FloatArray], FloatArray]
MEASURES = {
    "forward_kl": "forward KL",
    "js": "JS",
    "total_variation": "TV",
    "w1": "W1",
    "w2": "W2",
    "sliced_w2": "sliced W2",
    "mmd": "MMD²",
    "bridge_mass": "bridge mass",
    "mass_error": "mass error",
    "ess_share": "ESS share",
}


def measures(
    task: Task, drawn: FloatArray, log_q: LogProb, *, n_pairs: int, seed: Seed
) -> dict[str, float]:
    """All of ``MEASURES`` for draws ``(n, d)`` of q and its log density, against n exact draws."""
    exact = task.sample(len(drawn), seed.child("exact"))
    p_at_p, p_at_q = task.log_prob(exact), task.log_prob(drawn)
    q_at_p, q_at_q = log_q(exact), log_q(drawn)
    a, b = exact[:n_pairs], drawn[:n_pairs]
    return {
        "forward_kl": metrics.kl(p_at_p, q_at_p),
        "js": metrics.js(p_at_p, q_at_p, p_at_q, q_at_q),
        "total_variation": metrics.total_variation(p_at_p, q_at_p, p_at_q, q_at_q),
        "w1": metrics.wasserstein(a, b, 1),
        "w2": metrics.wasserstein(a, b, 2),
        "sliced_w2": metrics.sliced_wasserstein(exact, drawn, 2, N_SLICES, seed.child("slices")),
        "mmd": metrics.mmd(a, b),
        "bridge_mass": metrics.bridge_mass(p_at_q, task.hdr_level),
        "mass_error": _mass_error(task, drawn),
        "ess_share": metrics.effective_sample_share(p_at_q - q_at_q),
    }


def _mass_error(task: Task, drawn: FloatArray) -> float:
    """The largest error of a mode's mass."""
    found = metrics.mode_masses(task.label(drawn), len(task.modes))
    return float(np.max(np.abs(found - [mode.mass for mode in task.modes])))
