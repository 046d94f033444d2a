"""Peak memory of a run with millions of points: written, resumed, and fitted as a table.

    python benchmarks/store_memory.py --n 10_000_000 --ndim 20 --folder /tmp/points

Each stage is a process of its own, whose largest resident set the system tells: ``infer`` with
:class:`skerry.Static` and a store; the same call again, answered from the store; and ``skerry.fit``
of a flow mixture to ``skerry.store.rows``, whose training reads its points from the store's files.
The likelihood is a Gaussian of width ``--width`` about the middle of a normal prior; from 2 on
nearly all points carry weight. Appends a row to ``benchmarks/results/history.jsonl``.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import scipy.stats as st
from _history import HISTORY, append, provenance

import skerry

PACKAGES = ("skerry", "numpy", "scipy")
STAGES = ("write", "resume", "fit")


def stage(name, options):
    prior = skerry.Prior({f"p{i}": st.norm(0, 1) for i in range(options.ndim)})

    width = options.width

    def log_likelihood(theta):
        return -0.5 * np.sum((theta / width) ** 2, axis=1)

    if name == "fit":
        rows = skerry.store.rows(options.folder)
        training = skerry.Training(max_epochs=options.epochs)
        posterior = skerry.fit(rows, prior=prior, training=training, seed=0)
    else:
        problem = skerry.Problem(prior, log_likelihood, jax=False)
        scheme = skerry.Static(options.n, density="islands")
        posterior = skerry.infer(problem, scheme=scheme, store=options.folder, seed=0)
    return {"log_evidence": posterior.log_evidence, "kept": len(posterior.samples)}


def measure(name, options):
    command = [sys.executable, __file__, "--stage", name, "--folder", options.folder]
    for name_of in ("n", "ndim", "width", "epochs"):
        command += [f"--{name_of}", str(getattr(options, name_of))]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(found.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000_000)
    parser.add_argument("--ndim", type=int, default=20)
    parser.add_argument("--width", type=float, default=0.3)
    parser.add_argument("--epochs", type=int, default=10, help="of training")
    parser.add_argument("--folder", required=True, help="an empty one: points are left there")
    parser.add_argument("--stage", choices=STAGES)
    parser.add_argument("--history", type=Path, default=HISTORY)
    options = parser.parse_args()
    if options.stage:
        began = time.process_time()
        found = stage(options.stage, options)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        row = {"peak_gib": peak, "cpu_s": time.process_time() - began, **found}
        sys.stdout.write(json.dumps(row) + "\n")
        return
    rows = {name: measure(name, options) for name in STAGES}
    for name, row in rows.items():
        sys.stdout.write(f"{name:8} {row['peak_gib']:.2f} GiB  {row['cpu_s']:.0f} CPU s\n")
    settings = {"n": options.n, "ndim": options.ndim, "width": options.width}
    row = {"kind": "store_memory", "settings": settings, **rows}
    append(row | provenance(PACKAGES), options.history)


if __name__ == "__main__":
    main()
