"""What else is claimed of amortised posteriors: calibration, evidence, bridges between islands.

    python benchmarks/amortised_c2st.py --tasks two_moons --budgets 10000 --keep kept
    python benchmarks/amortised_checks.py kept/two_moons_10000_0.npz --task two_moons
    python benchmarks/amortised_checks.py --task slcp --train '{"n_components": 1}' --embedding set2

For estimators saved by ``amortised_c2st.py --keep``, or trained here with arguments of
``skerry.amortize`` (``--train``), on 10,000 simulations:

* *calibration*: HPD and SBC ranks of 199 raw draws at ``--held-out`` fresh observations;
* *evidence*, where it is known exactly: (log Z - exact) / stated error of the refined posteriors of
  100 fresh observations;
* *bridges*: the raw density's mass outside of the region that holds 99.9% of the posterior, less
  0.1%, at the benchmark's ten observations; the region's edge is a quantile of the log densities of
  reference draws.

Each run appends a row of JSON to ``benchmarks/results/history.jsonl``.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from _history import HISTORY, append, provenance
from amortised_c2st import PACKAGES, SBIBM, embedding, problem
from sbibm_reference import find_reference


def calibration(estimator, task, n):
    """p-values of the rank tests."""
    found = estimator.calibrate(n, seed=1, simulator=task.simulator)
    return {
        "n": n,
        "passed": bool(found.passed),
        "hpd": float(found.hpd.p_value),
        "sbc": [float(test.p_value) for test in found.sbc],
        "tarp": float(found.tarp.p_value),
    }


def evidence(estimator, task, n, n_effective):
    """z-scores of log Z over fresh observations."""
    rng = np.random.default_rng(2)
    x = task.simulate(task.problem.prior.sample(n, rng), rng)
    found = estimator.posteriors(x, n_effective=n_effective, seed=3)
    exact = np.array([task.log_evidence(each) for each in x])
    miss = np.array([p.log_evidence for p in found]) - exact
    z = miss / np.array([p.log_evidence_error for p in found])
    return {
        "n": n,
        "n_effective": n_effective,
        "mean": float(z.mean()),
        "sd": float(z.std(ddof=1)),
        "largest": float(np.abs(z).max()),
        "beyond_3": int(np.sum(np.abs(z) > 3)),
        "largest_miss": float(np.abs(miss).max()),
        "escalated": sum(p.settings["scheme"] == "escalated" for p in found),
        "converged": sum(p.converged for p in found),
    }


def bridges(estimator, task, place, n=10_000):
    """Bridge masses at the benchmark's observations."""
    from skerry.metrics import bridge_mass

    prior = task.problem.prior
    found = []
    for number, x in enumerate(task.observations, start=1):
        exact = find_reference(task, number, place)
        draws = estimator.sample(x, n, number)
        at_p, at_q = (
            task.problem.log_likelihood(theta, x) + prior.log_prob(theta)
            for theta in (exact, draws)
        )
        level = float(np.quantile(at_p, 0.001))
        found.append(bridge_mass(np.nan_to_num(at_q, nan=-1e300, neginf=-1e300), level))
    return {"mean": float(np.mean(found)), "each": found}


def build(options, task):
    import skerry

    if options.estimator is not None:
        return skerry.load(options.estimator, problem=problem(task, False))
    settings = {"n_simulations": 10_000, "embedding": embedding(options.embedding), **options.train}
    return skerry.amortize(problem(task, False), simulator=task.simulator, **settings)


def main(words=None):
    from skerry.tasks import amortised

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("estimator", nargs="?", help="a file of amortised_c2st.py --keep")
    parser.add_argument("--task", required=True, choices=SBIBM)
    parser.add_argument("--train", type=json.loads, help="JSON: arguments of skerry.amortize")
    parser.add_argument("--embedding", default="none", help="none, mlp, or setN (items of N)")
    parser.add_argument("--held-out", type=int, default=1000, help="observations; 0: none")
    parser.add_argument("--refined", type=int, default=100, help="observations; 0: none")
    parser.add_argument("--n-effective", type=float, default=2000)
    parser.add_argument("--no-bridges", dest="bridges", action="store_false")
    parser.add_argument("--from", dest="place", help="sbibm's wheel, or a folder with sbibm/tasks")
    parser.add_argument("--history", type=Path, default=HISTORY)
    options = parser.parse_args(words)
    if (options.estimator is None) == (options.train is None):
        parser.error("give a file, or --train with the arguments of a training")
    task = amortised.get(options.task)
    started = time.process_time()
    estimator = build(options, task)
    row = {"kind": "amortised_checks", "task": task.name, "estimator": estimator.settings}
    row |= {"n_simulations": estimator.n_simulations, "held_out": estimator.held_out}
    row["train_cpu_s"] = None if options.train is None else time.process_time() - started
    if options.held_out:
        row["calibration"] = calibration(estimator, task, options.held_out)
    if options.refined and task.evidence is not None:
        row["evidence"] = evidence(estimator, task, options.refined, options.n_effective)
    if options.bridges:
        row["bridges"] = bridges(estimator, task, options.place)
    append(row | provenance(PACKAGES), options.history)
    for name in ("train_cpu_s", "held_out", "calibration", "evidence", "bridges"):
        print(f"{task.name} {name}: {row.get(name)}", flush=True)


if __name__ == "__main__":
    main()
