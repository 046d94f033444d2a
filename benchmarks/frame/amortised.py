"""One training for every observation: in this process, and judged by its parent.

A training with so many simulations, then: draws of the task's observations (timed warm, on blocks
of the same shape), and, for methods that refine, posteriors of them with their calls and seconds.
"""

from __future__ import annotations

import json
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from frame.clock import Clock
from frame.found import Stopped
from frame.one import harden, limit, peak_mb, unlimit


def main(text: str) -> None:
    from methods import amortised

    from skerry.tasks import amortised as tasks

    spec = json.loads(text)
    harden(spec["max_cpu"])
    about, found = run(spec, amortised.get(spec["method"]), tasks.get(spec["task"]))
    np.savez("found.npz", **found)
    Path("about.json").write_text(json.dumps(about))


def run(spec: dict[str, Any], method: Any, task: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What there is to say, and draws ``raw`` and ``refined`` (k, n, d)."""
    clock = Clock()
    imported = time.process_time()
    method.prepare(clock)
    about: dict[str, Any] = {"import_s": round(time.process_time() - imported, 3)}
    found: dict[str, Any] = {}
    limit(spec["max_cpu"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            measure(spec, method, task, clock, about, found)
        about |= {"outcome": "finished", "message": ""}
    except Stopped as stop:
        about |= {"outcome": f"cap: {stop}", "message": ""}
    except Exception as error:
        about |= {"outcome": "crash", "message": f"{type(error).__name__}: {error}"[:300]}
        traceback.print_exc()
    unlimit()
    return about | {"peak_mb": peak_mb()}, found


def measure(spec, method, task, clock, about, found) -> None:
    """Fill ``about`` and ``found`` step by step, so that a cap keeps what there is."""
    x = task.observations[np.array(spec["observations"]) - 1]
    start = time.process_time()
    trained = method.train(task, spec["n_simulations"], spec["seed"])
    about["train_cpu_s"] = round(time.process_time() - start, 3)
    about["compile_s"] = clock.seconds.get("compile")
    if trained.sample(x, spec["draws"], spec["seed"] + 1) is not None:  # and compiles
        start = time.process_time()
        found["raw"] = trained.sample(x, spec["draws"], spec["seed"])
        about["sample_cpu_s_each"] = (time.process_time() - start) / len(x)
    if not hasattr(trained, "refine"):
        return
    refined, calls, seconds, z, said = [], [], [], [], []
    for number, one in enumerate(x):
        start = time.process_time()
        posterior = trained.refine(one, spec["n_effective"], spec["seed"] + number)
        seconds.append(time.process_time() - start)
        calls.append(int(posterior.n_calls))
        said.append(posterior.status.name.lower())
        refined.append(posterior.sample(spec["draws"], spec["seed"]))
        if task.evidence is not None:
            miss = posterior.log_evidence - task.log_evidence(one)
            z.append(miss / posterior.log_evidence_error)
    found["refined"] = np.array(refined)
    about |= {"refine_calls": calls, "refine_cpu_s": [round(s, 3) for s in seconds]}
    about |= {"refine_log_evidence_z": z, "refine_status": said}


def judged(task: Any, spec: dict[str, Any], found: dict[str, np.ndarray]) -> dict[str, Any]:
    """C2ST of raw and refined draws with the task's exact ones, one number an observation."""
    from skerry.metrics import c2st

    verdict: dict[str, Any] = {}
    for number, which in enumerate(spec["observations"]):
        exact = task.sample(task.observations[which - 1], spec["draws"], 12345)
        for kind in ("raw", "refined"):
            if kind in found:
                value = c2st(exact, found[kind][number])
                verdict.setdefault(f"{kind}_c2st", []).append(round(value, 4))
    return verdict


def pays_from(train: float, each: float, alone: float) -> float | None:
    """The number of observations from which training pays; None if it never does."""
    return train / (alone - each) if alone > each else None
