"""The guard's amortised part: short trainings, judged by exact weights in place of a classifier."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

TASK, SIMULATIONS, EPOCHS, OBSERVATIONS = "two_moons", 1_000, 12, 3
NAME = f"{TASK}, amortised"
DRAWS, EFFECTIVE = 20_000, 2_000


def row(seed: int) -> dict:
    """One training: what the best classifier tells raw draws by, calls of refined ones."""
    from methods.amortised import skerry as adapter

    import skerry
    from skerry.amortization import TRAINING
    from skerry.tasks import amortised

    start, task = time.process_time(), amortised.get(TASK)
    estimator = skerry.amortize(
        adapter.problem(task),
        simulator=task.simulator,
        n_simulations=SIMULATIONS,
        training=replace(TRAINING, max_epochs=EPOCHS),
        seed=seed,
    )
    shown, calls, effective = [], 0, 0.0
    for x in task.observations[:OBSERVATIONS]:
        shown.append(excess(task, estimator, x))
        found = estimator.posterior(x, n_effective=EFFECTIVE, seed=seed)
        calls, effective = calls + found.n_calls, effective + found.n_effective
    return {
        "outcome": "finished",
        "calls": calls,
        "calls_per_effective": calls / effective,
        "raw_excess": float(np.mean(shown)),
        "cpu_s": time.process_time() - start,
    }


def excess(task, estimator, x) -> float:
    """By how much the best classifier's accuracy exceeds one half: TV / 2, from raw draws."""
    theta = estimator.sample(x, DRAWS, 1)
    log_p = task.problem.log_likelihood(theta, x) + task.problem.prior.log_prob(theta)
    log_w = np.nan_to_num(log_p - estimator.log_prob(theta, x), nan=-np.inf)
    weights = np.exp(log_w - log_w.max())
    return 0.25 * float(np.mean(np.abs(weights / weights.mean() - 1.0)))
