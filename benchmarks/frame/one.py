"""One run in this process: what a fresh process does for its parent.

Reads a specification in JSON, leaves ``about.json`` and, if the method found anything,
``found.npz`` in the working folder. Calls are counted in the file ``calls``, which is there even
if the process is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import methods
import numpy as np
import problems

from frame.clock import Clock
from frame.found import Counted, Found, Job, Stopped


def main(text: str) -> None:

    spec = json.loads(text)
    harden(spec["max_cpu"])
    about = run(spec, methods.get(spec["method"]), problems.get(spec["problem"]))
    Path("about.json").write_text(json.dumps(about))


def run(spec: dict[str, Any], method: Any, task: Any) -> dict[str, Any]:
    """Run a method on a task; what it found goes to ``found.npz``."""
    clock = Clock()
    counted = Counted(task.problem.log_likelihood, spec["max_calls"], clock, _counter())
    asked = (spec["seed"], spec["n_effective"], spec["max_calls"])
    job = Job(task.problem.prior, counted, *asked, clock)
    imported = time.process_time()
    base = peak_mb()
    method.prepare(clock)
    wall, cpu = time.perf_counter(), time.process_time()
    found: Found | None = None
    outcome, message = "finished", ""
    limit(spec["max_cpu"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = method.run(job)
        unlimit()
        outcome = "cap: calls" if found.out_of_calls else "finished"
        message = found.status
    except Stopped as stop:
        unlimit()
        outcome = f"cap: {stop}"
    except Exception as error:
        unlimit()
        outcome, message = "crash", f"{type(error).__name__}: {error}"[:300]
        traceback.print_exc()
    spent = time.process_time() - cpu
    about = {
        "outcome": outcome,
        "message": message,
        "calls": counted.n_calls,
        "cpu_s": round(spent, 3),
        "wall_s": round(time.perf_counter() - wall, 3),
        "import_s": round(cpu - imported, 3),
        **clock.split(spent),
        "peak_mb": peak_mb(),
        "base_mb": base,
    }
    if found is not None:
        np.savez("found.npz", samples=found.samples, weights=found.weights)
        about |= {
            "log_evidence": found.log_evidence,
            "log_evidence_stated_error": found.log_evidence_error,
            "n_effective": found.n_effective,
        }
    return about


def peak_mb() -> float:
    """The most memory this process has held."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def limit(max_cpu: float) -> None:
    """Raise :class:`Stopped` after so many CPU seconds from now."""
    signal.signal(signal.SIGPROF, _out_of_time)
    signal.setitimer(signal.ITIMER_PROF, max_cpu, 1.0)


def harden(max_cpu: float) -> None:
    """Let the kernel kill this process where :func:`limit` has no effect, well past the cap."""
    hard = int(time.process_time() + 1.2 * max_cpu + 60.0)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def unlimit() -> None:
    signal.setitimer(signal.ITIMER_PROF, 0.0)


def _out_of_time(*_: Any) -> None:
    raise Stopped("CPU s")


def _counter() -> np.ndarray:
    if os.path.exists("calls"):
        return np.memmap("calls", np.int64, "r+", shape=(1,))
    return np.memmap("calls", np.int64, "w+", shape=(1,))
