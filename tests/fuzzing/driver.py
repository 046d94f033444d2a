"""Driving a door with many inputs, under limits of time and memory."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
import traceback
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from skerry.errors import SkerryError

CPU_SECONDS = 10.0  # an input's
ROOM = 3 << 30  # bytes of address space above what the process has


class HungError(BaseException):
    """An input took too long."""


@dataclass
class Report:
    """What came of a door's inputs; ``faults`` by their kind: how often, and the first case."""

    outcomes: Counter = field(default_factory=Counter)
    faults: dict = field(default_factory=dict)


@contextlib.contextmanager
def limited():
    """Raise :class:`HungError` after so much CPU time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hung(*_):
        raise HungError

    before = signal.signal(signal.SIGVTALRM, hung)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def limit_memory(room=ROOM):
    """No more address space than this process has, and some room; for the rest of its life."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + room
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def generator(name, seed, case):
    return np.random.default_rng([zlib.crc32(name.encode()), seed, case])


def drive(name, door, n, *, seed=0, first=0, report=None):
    """``n`` inputs through a door; never raises for what they do."""
    report = Report() if report is None else report
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers too large for floats, in files that are taken
        for case in range(first, first + n):
            outcome = _outcome(name, door, seed, case, Path(folder), report)
            report.outcomes[outcome] += 1
    return report


def _outcome(name, door, seed, case, folder, report):
    marker = folder / "executed"
    try:
        with limited():
            door(generator(name, seed, case), folder)
        outcome = "accepted"
    except SkerryError as error:
        outcome = "refused"
        if len(str(error)) < 20:
            outcome = _fault(report, f"a short message: {error}", case)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        frames = traceback.extract_tb((error.__cause__ or error).__traceback__)
        mine = [f for f in frames if "skerry" in f.filename and "fuzz" not in Path(f.filename).name]
        place = f"{Path(mine[-1].filename).name}:{mine[-1].lineno}" if mine else "outside"
        outcome = _fault(report, f"{type(error).__name__} at {place}", case, error)
    if marker.exists():
        marker.unlink()
        outcome = _fault(report, "EXECUTED", case)
    return outcome


def _fault(report, text, case, error=""):
    known = report.faults.setdefault(text, [0, case, str(error)[:150]])
    known[0] += 1
    return "fault"
