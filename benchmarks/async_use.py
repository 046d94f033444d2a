"""How busy workers are when the cost of a call varies a hundredfold.

    python benchmarks/async_use.py use [--workers 2 4] [--overlap 1 8]   # minutes: it sleeps
    python benchmarks/async_use.py evidence [--seeds 40] [--overlap 1 8]  # seconds a seed
    python benchmarks/async_use.py overhead                               # a 10 us likelihood

``use``: a likelihood of two islands in three parameters sleeps between 1 and 100 ms, the longer the
further along an axis that crosses both islands, with scatter on top (nearly log-uniform). Busy is
the time inside the likelihood over workers times the time from the first call to the last; what a
call costs beyond its sleep counts as idle. Not counted are imports (a small run goes before) and
the first trial of twelve calls, which waits for workers to start.
"""

import argparse
import itertools
import json
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import scipy.stats as st
from _history import append, provenance

import skerry
from skerry.inference._infer import opened_calls

SHORTEST, RANGE = 1e-3, 100.0
USE = ("n_effective", "seed", "slowness", "threads")
TRIAL = 12  # calls that try the likelihood before a run, while workers start
CENTRES = np.array([[-1.5, -1.0, 0.0], [1.5, 1.0, 0.5]])
WIDTH = 0.35
PRIOR = skerry.Prior({name: st.norm(0, 2) for name in "abc"})


def log_l(theta):
    """Two islands; log Z is known."""
    away = (theta[..., None, :] - CENTRES) / WIDTH
    return np.logaddexp.reduce(-0.5 * np.sum(away**2, axis=-1), axis=-1)


def log_z():
    wide = np.sqrt(4.0 + WIDTH**2)
    each = st.norm.logpdf(CENTRES, 0, wide).sum(axis=1) + 1.5 * np.log(2 * np.pi * WIDTH**2)
    return float(np.logaddexp.reduce(each))


def cost(theta):
    """Seconds, 1 to 100 ms: the slow end of each island is the far end of the second axis."""
    scatter = (theta * [1e4, 3e4, 7e4]).sum() % 1.0
    place = 0.5 + 0.5 * np.tanh(theta[1])
    return SHORTEST * RANGE ** (0.6 * place + 0.4 * scatter)


class Sleeper:
    """The likelihood of one point, which sleeps, and writes down when."""

    def __init__(self, folder, slowness):
        self.folder, self.slowness = str(folder), slowness

    def __call__(self, theta):
        began = time.monotonic()
        time.sleep(self.slowness * cost(theta))
        value = float(log_l(theta))
        with open(f"{self.folder}/{os.getpid()}-{threading.get_ident()}", "a") as file:
            file.write(f"{began} {time.monotonic()}\n")
        return value


def scheme(overlap):
    return skerry.Adaptive(overlap=overlap) if overlap > 1 else skerry.Adaptive()


def warm_up():
    problem = skerry.Problem(PRIOR, log_l, jax=False)
    skerry.infer(problem, n_effective=300, seed=99)


def measure_use(workers, overlap, n_effective, seed, slowness, threads):
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        pool = stack.enter_context(ThreadPoolExecutor(workers)) if threads else workers
        problem = skerry.Problem(PRIOR, Sleeper(folder, slowness), vectorized=False, jax=False)
        stages = []

        def progress(stage, *_):
            stages.append((time.monotonic(), stage))

        posterior = skerry.infer(
            problem,
            n_effective=n_effective,
            seed=seed,
            scheme=scheme(overlap),
            executor=pool,
            progress=progress,
        )
        intervals = np.concatenate([np.loadtxt(p, ndmin=2) for p in Path(folder).iterdir()])
    first, last = np.sort(intervals[:, 0])[TRIAL], intervals.max()
    intervals = np.clip(intervals, first, last)
    edges = [first] + [t for t, name in stages if first < t < last] + [last]
    parts = []
    for a, b in itertools.pairwise(edges):
        inside = np.clip(intervals, a, b)
        parts.append(
            (round(b - a, 2), round(float(np.diff(inside).sum() / (workers * max(b - a, 1e-9))), 3))
        )
    lengths = np.diff(intervals)[:, 0]
    lengths = lengths[lengths > 0]
    return {
        "workers": workers,
        "kind": "threads" if threads else "processes",
        "slowness": slowness,
        "overlap": overlap,
        "use": round(float(lengths.sum() / (workers * (last - first))), 4),
        "seconds": round(last - first, 1),
        "calls": posterior.n_calls,
        "n_effective": round(posterior.n_effective),
        "cost_range": round(float(np.quantile(lengths, 0.999) / np.quantile(lengths, 0.001)), 1),
        "z": round((posterior.log_evidence - log_z()) / posterior.log_evidence_error, 2),
        "stages": parts,
    }


def measure_evidence(overlap, n_effective, seeds):
    """log Z and the mass of the dearer island, many seeds; threads return in the order of cost."""

    def slow(theta):
        time.sleep(1e-3 * cost(theta))
        return float(log_l(theta))

    problem = skerry.Problem(PRIOR, slow, vectorized=False, jax=False)
    z, masses, calls, sizes = [], [], [], []
    with ThreadPoolExecutor(4) as pool:
        for seed in range(seeds):
            p = skerry.infer(
                problem,
                n_effective=n_effective,
                seed=seed,
                scheme=skerry.Adaptive(overlap=overlap),
                executor=skerry.Workers(pool, chunk_size=5),
            )
            z.append((p.log_evidence - log_z()) / p.log_evidence_error)
            masses.append(np.exp(p.log_weights[p.samples[:, 0] > 0]).sum())
            calls.append(p.n_calls)
            sizes.append(p.n_effective)
    far = st.norm.logpdf(CENTRES, 0, np.hypot(2.0, WIDTH)).sum(axis=1)
    mass = np.exp(far[1] - np.logaddexp.reduce(far))
    return {
        "overlap": overlap,
        "seeds": seeds,
        "z_mean": round(float(np.mean(z)), 2),
        "z_sd": round(float(np.std(z, ddof=1)), 2),
        "z_max": round(float(np.max(np.abs(z))), 2),
        "mass_z": round(float((np.mean(masses) - mass) / st.sem(masses)), 2),
        "calls": round(float(np.mean(calls))),
        "n_effective": round(float(np.mean(sizes))),
    }


def ten_microseconds(theta):
    """About 10 us of arithmetic."""
    total = 0.0
    for i in range(200):
        total += i * 1e-9
    return total - float(theta[0]) ** 2


def measure_overhead(executor, stored, n=100_000):
    """What a call costs a run beyond the likelihood's own time: on the clock, and of processors."""
    u = np.random.default_rng(0).standard_normal((n, PRIOR.ndim))
    theta, bare = PRIOR.from_u(u[: n // 10]), []
    for _ in range(5):
        began = time.process_time()
        for point in theta:
            ten_microseconds(point)
        bare.append((time.process_time() - began) / len(theta))
    problem = skerry.Problem(PRIOR, ten_microseconds, vectorized=False, jax=False)
    with tempfile.TemporaryDirectory() as folder:
        store = f"{folder}/store" if stored else None
        with opened_calls(problem, None, "raise", executor, store, {}) as (calls, _):
            calls.evaluate(u[:2_000] + 1.0)  # workers start
            made = calls._runner
            while executor and not all(worker.ready for worker in made._pool._workers):
                made.advance()
            cpu, began = time.process_time() + children_seconds(made), time.monotonic()
            calls.evaluate(u)
            clock = time.monotonic() - began
            cpu = time.process_time() + children_seconds(made) - cpu
    us = 1e6 * min(bare)
    return {
        "executor": executor,
        "stored": stored,
        "likelihood_us": round(us, 2),
        "clock_us": round(1e6 * clock * (executor or 1) / n - us, 2),
        "cpu_us": round(1e6 * cpu / n - us, 2),
    }


def children_seconds(made):
    """CPU seconds of a runner's processes."""
    pool = getattr(made, "_pool", None)
    ticks = 0
    for worker in pool._workers if pool else ():
        fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["use", "evidence", "overhead"])
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--overlap", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--n-effective", type=float, default=2_000)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slowness", type=float, default=1.0, help="times 1 to 100 ms")
    parser.add_argument("--threads", action="store_true", help="many workers on few processors")
    parser.add_argument("--keep", action="store_true", help="append to results/history.jsonl")
    options = parser.parse_args()
    cases = [(stored, executor) for stored in (False, True) for executor in (None, 1, 2)]
    for stored, executor in cases if options.what == "overhead" else ():
        row = measure_overhead(executor, stored)
        print(json.dumps(row), flush=True)
        if options.keep:
            append({"kind": "async_overhead", **row, **provenance(["skerry", "numpy"])})
    if options.what == "overhead":
        return
    warm_up()
    for overlap in options.overlap if options.what == "evidence" else ():
        row = measure_evidence(overlap, options.n_effective, options.seeds)
        print(json.dumps(row), flush=True)
        if options.keep:
            append({"kind": "async_evidence", **row, **provenance(["skerry", "numpy"])})
    for overlap in options.overlap if options.what == "use" else ():
        for workers in options.workers:
            row = measure_use(workers, overlap, *(getattr(options, name) for name in USE))
            print(json.dumps(row), flush=True)
            if options.keep:
                append({"kind": "async_use", **row, **provenance(["skerry", "numpy"])})


if __name__ == "__main__":
    main()
