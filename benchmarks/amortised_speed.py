"""How fast trained estimators answer: Skerry and sbi's NPE (nsf) in one process, one core.

    taskset -c 0 python benchmarks/amortised_speed.py --task two_moons --methods skerry sbi

After a training on ``--budget`` simulations and a warm-up of the same shapes: wall milliseconds for
10,000 draws of one new observation, and wall seconds for 1,000 draws of each of 1,000 new ones;
median and extremes of the repeats, each with observations never asked for before. ``--refine 1000``
also refines one such batch to 1,000 effective samples each (Skerry alone): wall and CPU seconds,
and how many observations had to escalate. Appends a row for each method to
``benchmarks/results/history.jsonl``.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from _history import HISTORY, append, provenance
from amortised_c2st import PACKAGES, SBIBM, Skerry, arguments

METHODS = ("skerry", "sbi")


class Ours(Skerry):
    def batch(self, x, n, seed):
        return np.asarray(self.estimator.sample(x, n, seed))

    def refine(self, x, n_effective):
        """Seconds for the exact posteriors of a batch, after a warm-up on a few of them."""
        self.estimator.posteriors(x[:3], n_effective=n_effective, seed=1)
        wall, cpu = time.perf_counter(), time.process_time()
        found = self.estimator.posteriors(x, n_effective=n_effective, seed=0)
        cpu = time.process_time() - cpu
        return {
            "wall_s": time.perf_counter() - wall,
            "cpu_s": cpu,
            "per_cpu_minute": 60 * len(found) / cpu,
            "escalated": sum(p.settings["scheme"] == "escalated" for p in found),
            "converged": sum(p.converged for p in found),
        }


def build(method, task, options):
    if method == "skerry":
        return Ours(task, options.budget, arguments([]), options.seed)
    from _npe import Npe

    return Npe(task, options.budget, options, options.seed)


def timed(call, observations):
    """Wall seconds of a call for each block of observations, the first to warm up."""
    seconds = []
    for number, x in enumerate(observations):
        started = time.perf_counter()
        draws = call(x, number)
        seconds.append(time.perf_counter() - started)
        if not np.isfinite(draws).all():
            raise SystemExit("An estimator gave draws that aren't finite.")
    kept = seconds[1:]
    return {"median": float(np.median(kept)), "min": min(kept), "max": max(kept)}


def measure(method, task, options):
    started = time.process_time()
    estimator = build(method, task, options)
    row = {"train_cpu_s": time.process_time() - started}
    rng = np.random.default_rng(options.seed)
    theta = task.problem.prior.sample(2_000 + options.batch * (1 + options.repeats), rng)
    x = task.simulate(theta, rng)
    alone = x[: 1 + 5 * options.repeats]
    row["one_s"] = timed(lambda v, s: estimator.raw(v, 10_000, s), alone)
    blocks = x[2_000:].reshape(1 + options.repeats, options.batch, -1)
    row["batch_s"] = timed(lambda v, s: estimator.batch(v, 1_000, s), blocks)
    if options.refine and method == "skerry":
        row["refine"] = estimator.refine(blocks[0], options.refine)
    return row


def main():
    from skerry.tasks import amortised

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--task", default="two_moons", choices=SBIBM)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--budget", default="2000")
    parser.add_argument("--batch", type=int, default=1_000, help="observations at once")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--refine", type=float, help="effective samples of each observation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--history", type=Path, default=HISTORY)
    options = parser.parse_args()
    settings = {k: getattr(options, k) for k in ("budget", "batch", "repeats", "refine", "seed")}
    for method in options.methods:
        row = {"kind": "amortised_speed", "task": options.task, "method": method}
        row |= {"settings": settings} | measure(method, amortised.get(options.task), options)
        append(row | provenance(PACKAGES), options.history)
        print(
            f"{method}: 10,000 draws in {1000 * row['one_s']['median']:.1f} ms, {options.batch} "
            f"observations x 1,000 draws in {row['batch_s']['median']:.2f} s",
            flush=True,
        )
        if "refine" in row:
            print(f"refined: {row['refine']}", flush=True)


if __name__ == "__main__":
    main()
