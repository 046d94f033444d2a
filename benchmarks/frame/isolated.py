"""A run in a process of its own, in an empty folder, ended at the caps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

BENCH = Path(__file__).parent.parent / "bench.py"
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMBA")}


def run(
    spec: dict[str, Any], program: str = str(BENCH), word: str = "one"
) -> tuple[dict[str, Any], dict[str, np.ndarray] | None]:
    """What the process says of its run, and the arrays it leaves, if any.

    A process that reaches ``max_wall`` seconds is killed, with all that it has started; so is one
    that doesn't end soon after ``max_cpu``, by the kernel. Both are outcomes like any other.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        outcome = _wait(spec, folder, [sys.executable, program, word, json.dumps(spec)])
        told = folder / "about.json"
        if told.exists():
            about = json.loads(told.read_text())
        else:
            about = {"outcome": outcome, "message": _last_words(folder), "calls": _calls(folder)}
        if not (folder / "found.npz").exists():
            return about, None
        with np.load(folder / "found.npz") as arrays:
            return about, dict(arrays)


def _wait(spec: dict[str, Any], folder: Path, command: list[str]) -> str:
    """Start it, wait for it, end it if need be; how it ended, should it not say so itself."""
    environment = {
        **os.environ,
        **ONE_THREAD,
        "JAX_PLATFORMS": "cpu",
        "SKERRY_CACHE_DIR": spec.get("cache") or str(folder / "cache"),
        "PYTHONWARNINGS": "ignore",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            code = process.wait(spec["max_wall"])
        except subprocess.TimeoutExpired:
            _kill(process)
            return "cap: wall s"
        except BaseException:
            _kill(process)
            raise
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "killed: far past the cap of CPU s, or out of memory"
    return "crash"


def _kill(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_words(folder: Path) -> str:
    lines = (folder / "log").read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


def _calls(folder: Path) -> int | None:
    path = folder / "calls"
    return int(np.fromfile(path, np.int64)[0]) if path.exists() else None
