"""How fast trained estimators answer: Skerry and sbi's NPE (nsf) in one process, one core.

    taskset -c 0 python benchmarks/amortised_speed.py --task two_moons --methods skerry sbi

After a training on ``--budget`` simulations and a warm-up of the same shapes: wall milliseconds for
10,000 draws of one new observation, and wall seconds for 1,000 draws of each of 1,000 new ones;
median and extremes of the repeats, each with observations never asked for before. Appends a row
for each method to ``benchmarks/results/history.jsonl``.
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
    return row


def main():
    from skerry.tasks import amortised

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--task", default="two_moons", choices=SBIBM)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--budget", default="2000")
    parser.add_argument("--batch", type=int, default=1_000, help="observations at once")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--history", type=Path, default=HISTORY)
    options = parser.parse_args()
    settings = {k: getattr(options, k) for k in ("budget", "batch", "repeats", "seed")}
    for method in options.methods:
        row = {"kind": "amortised_speed", "task": options.task, "method": method}
        row |= {"settings": settings} | measure(method, amortised.get(options.task), options)
        append(row | provenance(PACKAGES), options.history)
        print(
            f"{method}: 10,000 draws in {1000 * row['one_s']['median']:.1f} ms, {options.batch} "
            f"observations x 1,000 draws in {row['batch_s']['median']:.2f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
