"""Worker processes of our own: each may die, hang or be ended without harm to the others.

They are fresh interpreters, not forks, and don't run the caller's script again, so no
``if __name__ == "__main__"`` is needed. One thread of linear algebra each.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from skerry._types import FloatArray
from skerry.errors import EvaluationError
from skerry.execution._pool import Event
from skerry.execution._remote import Parcel
from skerry.execution._worker import receive, send

MAX_FALSE_STARTS = 3
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
START = "from skerry.execution._worker import main; main()"
XLA = "--xla_cpu_multi_thread_eigen=false"


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    input: Any
    output: Any
    ready: bool = False
    task: int | None = None

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        with suppress(OSError):  # what was not yet sent
            self.input.close()


class Processes:
    """``n`` processes, started when first needed, and again when one ends.

    Args:
        n: how many.
        parcel: the problem, sent to each process once.
    """

    def __init__(self, n: int, parcel: Parcel) -> None:
        self._n, self._parcel = n, parcel
        self._workers: list[_Worker] = []
        self._events: queue.Queue[tuple[_Worker, str, Any]] = queue.Queue()
        self._false_starts = 0

    @property
    def n_workers(self) -> int:
        """See :class:`Pool`."""
        return self._n

    @property
    def room(self) -> int:
        """See :class:`Pool`."""
        while len(self._workers) < self._n:
            self._start()
        return sum(worker.ready and worker.task is None for worker in self._workers)

    def submit(self, number: int, theta: FloatArray) -> None:
        """See :class:`Pool`."""
        worker = next(w for w in self._workers if w.ready and w.task is None)
        worker.task = number
        with suppress(OSError):  # if it has died its reader will say so
            send(worker.input, (number, theta))

    def collect(self, seconds: float | None) -> list[Event]:
        """See :class:`Pool`."""
        try:
            first = self._events.get(timeout=seconds)
        except queue.Empty:
            return []
        found = [first]
        while not self._events.empty():
            found.append(self._events.get())
        return [event for one in found for event in self._understood(*one)]

    def abandon(self, number: int) -> None:
        """See :class:`Pool`."""
        for worker in [w for w in self._workers if w.task == number]:
            self._workers.remove(worker)
            worker.end()

    def close(self) -> None:
        """See :class:`Pool`."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.end()

    def _understood(self, worker: _Worker, kind: str, content: Any) -> list[Event]:
        if worker not in self._workers:  # ended by us
            return []
        if kind == "ready":
            worker.ready, self._false_starts = True, 0
            return []
        if kind == "answer":
            number, answer = content
            worker.task = None
            return [Event(number, answer)]
        self._workers.remove(worker)
        worker.end()
        if not worker.ready:
            self._false_starts += 1
            if kind == "broken" or self._false_starts >= MAX_FALSE_STARTS:
                raise EvaluationError(
                    f"Expected workers that can load the problem; got\n{content}\nKeep what it "
                    "needs in modules that can be imported, and open files, devices and "
                    "connections inside the function; or pass executor=None."
                )
            return []
        return [] if worker.task is None else [Event(worker.task, None, content)]

    def _start(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
        )
        worker = _Worker(process, process.stdin, process.stdout)
        self._workers.append(worker)
        threading.Thread(target=self._read, args=(worker,), daemon=True).start()

    def _read(self, worker: _Worker) -> None:
        """One worker's messages, from its first to its end."""
        try:
            send(worker.input, (sys.path, self._parcel.key, self._parcel.data))
            while True:
                kind, content = receive(worker.output)
                self._events.put((worker, kind, content))
                if kind == "broken":
                    return
        except (EOFError, OSError, ValueError):  # at its end, or closed by us
            self._events.put((worker, "died", f"the worker {_ending(worker.process.wait())}"))
        finally:
            worker.output.close()


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended by itself (exit code {code})"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _environment() -> dict[str, str]:
    flags = os.environ.get("XLA_FLAGS", "")
    return {
        **os.environ,
        **dict.fromkeys(THREADS, "1"),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "XLA_FLAGS": f"{flags} {XLA}".strip(),
    }
