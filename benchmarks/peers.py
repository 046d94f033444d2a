"""Skerry beside nautilus and UltraNest on the same tasks, in one process, one after the other.

    python benchmarks/peers.py --tasks corners himmelblau --seeds 0 1
    python benchmarks/peers.py --tasks himmelblau --c2st 10000
    python benchmarks/peers.py --tasks higgs_4d --samplers skerry nautilus --max-calls 200000

Each sampler runs with its own defaults until its own stop; skerry and nautilus are asked for the
same effective samples (10,000, nautilus' default), UltraNest for its default (400 at least). All
see the same vectorised likelihood, which counts its calls, point by point. CPU seconds are those of
the whole process and hold compilation. A run ends at ``--max-calls`` (which a batch may overshoot)
or ``--max-cpu``; what it then knows is judged as it is, and a run that knows nothing is a failure.

Every run appends a row of JSON to ``benchmarks/results/history.jsonl``; a table is printed last.
``--table`` prints that of the rows there are, the latest of each run, and runs nothing.
Install ``benchmarks/requirements.txt`` beside skerry.
"""

import argparse
import contextlib
import importlib
import io
import itertools
import json
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _history import HISTORY, append, provenance
from frame.clock import Clock
from frame.found import Found, Job, Stopped
from frame.judge import LOST


@dataclass
class Counted:
    """A likelihood that counts the points it is asked for, and stops well past the cap."""

    function: Callable
    max_calls: int
    n_calls: int = 0

    def __call__(self, theta):
        theta = np.atleast_2d(theta)
        if self.n_calls > 1.2 * self.max_calls:
            raise Stopped(f"{self.n_calls} likelihood calls")
        self.n_calls += len(theta)
        return self.function(theta)


def method(name):
    """One of ``methods/``, in this process."""

    def sampler(task, counted, options, seed) -> Found:
        adapter = importlib.import_module(f"methods.{name}")
        asked = options.n_effective, options.max_calls
        return adapter.run(Job(task.problem.prior, counted, seed, *asked, Clock()))

    return sampler


SAMPLERS = {name: method(name) for name in ("skerry", "nautilus", "ultranest")}
PACKAGES = ("skerry", "nautilus-sampler", "ultranest", "numpy", "jax")


def c2st(task, found, n):
    """A classifier's accuracy between n draws from what was found (systematic) and exact ones."""
    from skerry import metrics

    rng = np.random.default_rng(0)
    edges = np.cumsum(found.weights / found.weights.sum())
    rows = np.searchsorted(edges, (rng.uniform() + np.arange(n)) / n).clip(max=len(edges) - 1)
    return metrics.c2st(task.sample(n, 12345), found.samples[rows])


def judged(task, found, n_c2st=0):
    """Errors against the truth."""
    truth = np.array([mode.mass for mode in task.modes])
    labels = task.label(found.samples)
    masses = np.bincount(labels, weights=found.weights, minlength=len(truth)) / found.weights.sum()
    error = found.log_evidence - task.log_evidence
    spread = np.hypot(found.log_evidence_error, task.log_evidence_error)
    lost = (truth >= LOST[0]) & (masses < LOST[1] * truth)
    return {
        "status": found.status,
        "n_effective": round(found.n_effective, 1),
        "c2st": c2st(task, found, n_c2st) if n_c2st else None,
        "log_evidence": found.log_evidence,
        "log_evidence_stated_error": found.log_evidence_error,
        "log_evidence_miss": error,
        "log_evidence_z": error / spread if spread > 0 else None,
        "mass_error": float(np.abs(masses - truth).max()),
        "lost_modes": np.flatnonzero(lost).tolist(),
        "n_modes": len(truth),
    }


def run(task, name, seed, options):
    """One run as a row."""
    counted = Counted(task.problem.log_likelihood, options.max_calls)
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, options.max_cpu)
    try:
        with quiet():
            found = SAMPLERS[name](task, counted, options, seed)
        signal.setitimer(signal.ITIMER_PROF, 0)
        verdict = {"failure": None}
    except (Exception, Stopped) as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        found, verdict = None, {"failure": f"{type(error).__name__}: {error}"[:300]}
        if options.verbose:
            traceback.print_exc()
    verdict |= {"calls": counted.n_calls, "cpu_s": round(time.process_time() - start, 2)}
    n_c2st = options.c2st if seed == options.seeds[0] else 0
    return verdict | (judged(task, found, n_c2st) if found else {"status": "failed"})


@contextlib.contextmanager
def quiet():
    """Samplers that print, and warn through logging, on the way."""
    import logging
    import warnings

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def out_of_time(*_):
    raise Stopped("out of CPU time")


def table(rows):
    """Medians over seeds, side by side; failures as they are."""
    lines = [
        "| task | sampler | runs | failed | calls | calls / ESS | CPU s | abs log Z error | "
        "abs z | mass error | C2ST | lost modes, each run | status |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for task, name in dict.fromkeys((r["task"], r["sampler"]) for r in rows):
        own = [r for r in rows if (r["task"], r["sampler"]) == (task, name)]
        good = [r for r in own if not r["failure"]]
        why = "; ".join(sorted({r["failure"] or r["status"] for r in own}))
        each = [
            _median([r["calls"] for r in own], ",.0f"),
            _median([r["calls"] / r["n_effective"] for r in good], ".2f"),
            _median([r["cpu_s"] for r in own], ".1f"),
            _median([abs(r["log_evidence_miss"]) for r in good], ".4f"),
            _median([abs(r["log_evidence_z"] or 0.0) for r in good], ".1f"),
            _median([r["mass_error"] for r in good], ".4f"),
            _median([r["c2st"] for r in good if r.get("c2st")], ".3f"),
        ]
        lost = " ".join(str(len(r["lost_modes"])) for r in good) or "-"
        cells = [task, name, str(len(own)), str(len(own) - len(good)), *each, lost, why]
        lines.append("| " + " | ".join(cells).replace("\n", " ") + " |")
    return "\n".join(lines)


def stored(options):
    """The rows there are of these tasks, samplers and seeds: the latest of each run."""
    rows = {}
    for line in options.history.read_text().splitlines():
        row = json.loads(line)
        if row["kind"] == "peers" and "c2st" in row:
            rows[row["task"], row["sampler"], row["seed"]] = row
    wanted = itertools.product(options.tasks, options.samplers, options.seeds)
    return [rows[key] for key in wanted if key in rows]


def _median(values, form):
    return format(float(np.median(values)), form) if values else "-"


def arguments():
    from skerry import tasks

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tasks", nargs="+", default=["corners"], choices=tasks.names())
    parser.add_argument("--samplers", nargs="+", default=list(SAMPLERS), choices=list(SAMPLERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--n-effective", type=int, default=10_000)
    parser.add_argument("--max-calls", type=int, default=500_000)
    parser.add_argument("--max-cpu", type=float, default=900.0, help="CPU seconds for each run")
    parser.add_argument("--c2st", type=int, default=0, help="draws for it, first seed; 0: none")
    parser.add_argument("--history", type=Path, default=HISTORY)
    parser.add_argument("--table", action="store_true", help="only the table of the rows there are")
    parser.add_argument("--verbose", action="store_true", help="print failures in full")
    return parser.parse_args()


def main():
    from skerry import tasks

    options = arguments()
    if options.table:
        print(table(stored(options)))
        return
    signal.signal(signal.SIGPROF, out_of_time)
    settings = {
        "n_effective": options.n_effective,
        "max_calls": options.max_calls,
        "max_cpu": options.max_cpu,
    }
    rows = []
    for task in map(tasks.get, options.tasks):
        for seed in options.seeds:
            for name in options.samplers:
                head = {"kind": "peers", "task": task.name, "sampler": name, "seed": seed}
                row = head | run(task, name, seed, options)
                rows.append(row | {"settings": settings} | provenance(PACKAGES))
                append(rows[-1], options.history)
                short = {k: v for k, v in row.items() if k != "kind"}
                print(json.dumps(short), flush=True)
    print("\n" + table(rows))


if __name__ == "__main__":
    main()
