"""How often are all islands found, and is the warning true? Tasks x thoroughness x seeds.

    python benchmarks/recall.py --tasks eggbox bananas_5d --thoroughness .25 .5 1 2 --seeds 10

A mode is lost if the posterior's samples hold less than half its true mass; modes of at least
``--lightest`` count (1% by default). The warning is ``posterior.search.doubtful``, which the status
MODES_MAY_BE_MISSING tells unless the weights are worse off. Four numbers judge it: runs that lost a
mode with and without a warning, runs that lost none with and without.

Each run appends a row of JSON to ``benchmarks/results/history.jsonl``; a table, as docs/
finding-modes.md has it, is printed last. ``--table`` prints it from the rows there are, and runs
nothing.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from _history import HISTORY, append, provenance
from frame.judge import LOST

import skerry

PACKAGES = ("skerry", "numpy", "jax")


def run(task, thoroughness, seed, options):
    """One run as a row."""
    start = time.process_time()
    found = skerry.infer(
        task.problem,
        n_effective=options.n_effective,
        max_calls=options.max_calls,
        seed=seed,
        scheme=skerry.Adaptive(thoroughness=thoroughness),
    )
    truth = np.array([mode.mass for mode in task.modes])
    labels = task.label(found.samples)
    masses = np.bincount(labels, weights=np.exp(found.log_weights), minlength=len(truth))
    lost = (truth >= options.lightest) & (masses < LOST[1] * truth)
    return {
        "kind": "recall",
        "task": task.name,
        "thoroughness": thoroughness,
        "seed": seed,
        "lost_modes": np.flatnonzero(lost).tolist(),
        "lost_mass": float(truth[lost].sum()),
        "n_modes": int(np.sum(truth >= options.lightest)),
        "status": found.status.name.lower(),
        "doubtful": found.search.doubtful,
        "unseen": found.search.unseen,
        "expected": min(found.search.expected, 1e9),
        "n_starts": found.search.n_starts,
        "khat": found.khat,
        "log_evidence_miss": found.log_evidence - task.log_evidence,
        "calls": found.n_calls,
        "cpu_s": round(time.process_time() - start, 2),
        "settings": {
            "n_effective": options.n_effective,
            "max_calls": options.max_calls,
            "lightest": options.lightest,
        },
    }


def table(rows):
    """A line for each task and thoroughness, and one for each thoroughness over all tasks."""
    lines = [
        "| task | thoroughness | runs | found all | lost: warned / silent | "
        "found all: warned / silent | calls (median) |",
        "|---|---|---|---|---|---|---|",
    ]
    levels = sorted({row["thoroughness"] for row in rows})
    names = list(dict.fromkeys(row["task"] for row in rows))
    groups = [(name, level, [name]) for name in names for level in levels]
    if len(names) > 1:
        groups += [("**all**", level, names) for level in levels]
    for label, level, chosen in groups:
        own = [r for r in rows if r["task"] in chosen and r["thoroughness"] == level]
        if not own:
            continue
        counts = {True: [0, 0], False: [0, 0]}  # lost or not: warned, silent
        for row in own:
            counts[bool(row["lost_modes"])][not row["doubtful"]] += 1
        lost, whole = counts[True], counts[False]
        share = sum(whole) / len(own)
        calls = np.median([row["calls"] for row in own])
        lines.append(
            f"| {label} | {level:g} | {len(own)} | {share:.0%} | {lost[0]} / {lost[1]} | "
            f"{whole[0]} / {whole[1]} | {calls:,.0f} |"
        )
    return "\n".join(lines)


def stored(options):
    """The rows there are of these tasks, the latest of each run."""
    rows = {}
    for line in options.history.read_text().splitlines():
        row = json.loads(line)
        if row["kind"] == "recall" and row["task"] in options.tasks and "doubtful" in row:
            rows[row["task"], row["thoroughness"], row["seed"]] = row
    return list(rows.values())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    default = ["eggbox", "mixture_10d", "bananas_5d"]
    parser.add_argument("--tasks", nargs="+", default=default, choices=skerry.tasks.names())
    parser.add_argument("--thoroughness", nargs="+", type=float, default=[0.25, 0.5, 1.0, 2.0])
    parser.add_argument("--seeds", type=int, default=10, help="so many: 0, 1, ...")
    parser.add_argument("--n-effective", type=int, default=10_000)
    parser.add_argument("--max-calls", type=int, default=500_000)
    parser.add_argument(
        "--lightest", type=float, default=LOST[0], help="mass of a mode that counts"
    )
    parser.add_argument("--history", type=Path, default=HISTORY)
    parser.add_argument("--table", action="store_true", help="only the table of the rows there are")
    return parser.parse_args()


def main():
    options = arguments()
    if options.table:
        print(table(stored(options)))
        return
    rows = []
    for task in map(skerry.tasks.get, options.tasks):
        for seed in range(options.seeds):
            for thoroughness in options.thoroughness:
                row = run(task, thoroughness, seed, options)
                rows.append(row | provenance(PACKAGES))
                append(rows[-1], options.history)
                print(json.dumps(row), flush=True)
    print("\n" + table(rows))


if __name__ == "__main__":
    main()
