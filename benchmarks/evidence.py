"""Is the stated error of the evidence true? Many runs of a task, z-scores against its exact truth.

    python benchmarks/evidence.py --tasks corners two_moons --runs 200 --n-effective 2000

A z-score is (found - true) / stated error: right errors give mean 0 and standard deviation 1.
Printed for the evidence of the final rounds' fresh draws, apart for runs that ended after one final
round and for those that went on (the stopping rule is all that couples them to their draws), and
for the masses and evidences of the modes (light ones, below 1%, once more, and found / true).
Beside it, the evidence that all exploring rounds together would have given: the bias which fresh
draws avoid. Runs whose draws lack a mode are counted and left out; so are, for masses, runs that
don't count modes as the task does, and tasks of one mode.

Each task appends a row of JSON to ``benchmarks/results/history.jsonl``.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from _history import HISTORY, append, provenance
from frame.judge import LOST

import skerry

PACKAGES = ("skerry", "numpy", "jax")

LIGHT = 0.01


def one(task, n_effective, seed):
    """One run: misses and stated errors, or None if a mode was lost."""
    found = skerry.infer(task.problem, n_effective=n_effective, seed=seed)
    truth = np.array([mode.mass for mode in task.modes])
    labels = task.label(found.samples)
    masses = np.bincount(labels, weights=np.exp(found.log_weights), minlength=len(truth))
    if np.any(masses < LOST[1] * truth):
        return None
    explored = [line for line in found.rounds if line.kind == "explore"]
    places = task.label(np.array([mode.location for mode in found.modes]))
    alike = sorted(places) == list(range(len(truth)))
    modes = list(zip(found.modes, places, strict=True)) if alike else []
    return {
        "miss": found.log_evidence - task.log_evidence,
        "error": float(np.hypot(found.log_evidence_error, task.log_evidence_error)),
        "final_rounds": sum(line.kind == "final" for line in found.rounds),
        "explored": explored[-1].log_evidence - task.log_evidence,
        "masses": [
            (truth[k], (mode.mass - truth[k]) / mode.mass_error, mode.mass / truth[k])
            for mode, k in modes
            if len(modes) > 1  # the mass of all there is has no error
        ],
        "levels": [
            (mode.log_evidence - task.log_evidence - np.log(truth[k])) / mode.log_evidence_error
            for mode, k in modes
        ],
        "alike": alike,
        "calls": found.n_calls,
    }


def moments(values):
    """Mean, its standard error and standard deviation; None for fewer than two."""
    if len(values) < 2:
        return None
    sd = float(np.std(values, ddof=1))
    return {
        "n": len(values),
        "mean": float(np.mean(values)),
        "mean_error": sd / len(values) ** 0.5,
        "sd": sd,
    }


def judged(rows):
    """What many runs say."""
    z = np.array([row["miss"] / row["error"] for row in rows])
    once = np.array([row["final_rounds"] == 1 for row in rows])
    return {
        "z": moments(z),
        "z_one_final_round": moments(z[once]),
        "z_more_final_rounds": moments(z[~once]),
        "mass_z": moments([z for row in rows for _, z, _ in row["masses"]]),
        "mode_evidence_z": moments([z for row in rows for z in row["levels"]]),
        "light_mass_z": moments([z for row in rows for m, z, _ in row["masses"] if m < LIGHT]),
        "light_ratio": moments([r for row in rows for m, _, r in row["masses"] if m < LIGHT]),
        "miss": moments([row["miss"] for row in rows]),
        "stated_error": float(np.median([row["error"] for row in rows])),
        "miss_of_explored": moments([row["explored"] for row in rows]),
        "counted_otherwise": sum(not row["alike"] for row in rows),
        "calls": float(np.median([row["calls"] for row in rows])),
    }


def text(found):
    """Moments in a few words."""
    if found is None:
        return "-"
    return (
        f"{found['mean']:+.3f} ± {found['mean_error']:.3f}, sd {found['sd']:.3f} (n={found['n']})"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tasks", nargs="+", default=["corners"], choices=skerry.tasks.names())
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=0, help="and those after it")
    parser.add_argument("--n-effective", type=int, default=2000)
    parser.add_argument("--history", type=Path, default=HISTORY)
    options = parser.parse_args()
    for task in map(skerry.tasks.get, options.tasks):
        start = time.process_time()
        seeds = range(options.first_seed, options.first_seed + options.runs)
        runs = [one(task, options.n_effective, seed) for seed in seeds]
        kept = [row for row in runs if row is not None]
        row = {"kind": "evidence", "task": task.name, "seeds": [seeds[0], seeds[-1]]}
        row |= {"lost_a_mode": len(runs) - len(kept), "n_effective": options.n_effective}
        row |= judged(kept) | {"cpu_s": round(time.process_time() - start, 1)}
        print(f"{task.name}: {len(kept)} runs, {len(runs) - len(kept)} more lost a mode")
        for key in (k for k, value in row.items() if isinstance(value, dict) or value is None):
            print(f"    {key:22s}{text(row[key])}")
        print(f"    modes counted otherwise in {row['counted_otherwise']} runs")
        print(f"    stated error of log Z {row['stated_error']:.4f}", flush=True)
        append(row | provenance(PACKAGES), options.history)


if __name__ == "__main__":
    main()
