"""C2ST of amortised posteriors on the sbibm benchmark, raw and refined by the likelihood.

    pip download --no-deps sbibm==1.1.0
    python benchmarks/amortised_c2st.py --tasks two_moons --budgets 1000 10000 \\
        --from sbibm-1.1.0-py2.py3-none-any.whl
    python benchmarks/amortised_c2st.py --tasks slcp --budgets fresh --embedding set2

One training for each task, budget and seed, then the posteriors of the benchmark's observations:
``raw`` draws of the estimator, and ``refined`` ones with n_effective effective samples. Each is
compared with the benchmark's reference draws by its classifier (MLP of two hidden layers of 10 d
units, 5 folds, z-scored by the reference, 10,000 against 10,000); .5 is perfect. Without ``--from``
and without an installed sbibm, the references are our own exact draws, where a task has them.

A budget counts simulations: each training observation is distinct, and the estimator sees a
simulator and a likelihood. ``--forward`` hands over forward model and noise instead, so that a
budget counts forward runs. ``fresh`` simulates anew in each step.

``--methods sbi`` trains the NPE of the package sbi (nsf, its defaults) on as many simulations;
``exact`` and ``prior`` are controls: our exact draws (.5 expected) and prior draws.

``bound`` is what no classifier can exceed but by chance, from the raw draws' own weights: 1/2 and
half of the total variation, E_q |p/q - 1| / 2. It costs seconds where the classifier takes minutes,
and is printed for all ten observations. ``--keep FOLDER`` saves the estimators, ``--reuse`` takes
them from there; ``--observations`` with no number trains and bounds alone.

CPU seconds are those of the whole process, compilation included. Each run appends a row of JSON to
``benchmarks/results/history.jsonl``. The classifier takes most of the time: in ten dimensions
minutes for each comparison.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from _history import HISTORY, append, provenance
from _npe import Npe
from sbibm_reference import find_reference

PACKAGES = ("skerry", "jax", "equinox", "optax", "numpy", "scikit-learn", "sbi", "torch")
SBIBM = (
    "two_moons",
    "gaussian_mixture",
    "gaussian_linear",
    "gaussian_linear_uniform",
    "slcp",
    "slcp_distractors",
    "bernoulli_glm",
    "bernoulli_glm_raw",
    "sir",
    "lotka_volterra",
)


def embedding(name):
    """None, ``mlp``, or ``setN``: a set of items of N numbers."""
    if name == "none":
        return None
    from skerry import embeddings

    return embeddings.MLP() if name == "mlp" else embeddings.Set(item=int(name[3:]))


def problem(task, forward):
    """What the estimator gets to see: forward model and noise, or the likelihood alone."""
    if forward:
        return task.problem
    import skerry

    def log_likelihood(theta, x):
        return task.problem.log_likelihood(theta, x)

    return skerry.Problem(task.problem.prior, log_likelihood, jax=False, pairwise=True)


class Skerry:
    """The estimator under test."""

    def __init__(self, task, budget, options, seed):
        import skerry
        from skerry.amortization import TRAINING, Pools

        self.failures = {k: v for k, v in options.settings.items() if k == "failures"}
        kept = options.keep and options.keep / f"{task.name}_{budget}_{seed}.npz"
        if options.reuse:
            self.estimator = skerry.load(kept, problem=problem(task, options.forward))
            return
        extra = {} if options.embedding == "none" else {"embedding": embedding(options.embedding)}
        if options.training:
            extra["training"] = replace(TRAINING, **options.training)
        if options.pools:
            extra["pools"] = Pools(**options.pools)
        if not (options.forward and task.problem.noise is not None):
            extra["simulator"] = task.simulator
        self.estimator = skerry.amortize(
            problem(task, options.forward and task.problem.noise is not None),
            n_simulations=None if budget == "fresh" else int(budget),
            seed=seed,
            **extra,
            **options.settings,
        )
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            self.estimator.save(kept)

    def raw(self, x, n, seed):
        return np.asarray(self.estimator.sample(x, n, seed))

    def bound(self, task, x, n=20_000):
        """The best classifier's accuracy on raw draws, and their effective share."""
        theta = self.estimator.sample(x, n, 1)
        log_p = task.problem.log_likelihood(theta, x) + task.problem.prior.log_prob(theta)
        log_w = np.nan_to_num(log_p - self.estimator.log_prob(theta, x), nan=-np.inf)
        w = np.exp(log_w - log_w.max())
        w /= w.mean()
        return {"accuracy": 0.5 + 0.25 * float(np.mean(np.abs(w - 1))), "share": 1 / np.mean(w**2)}

    def refined(self, x, n, seed, n_effective):
        found = self.estimator.posterior(x, n_effective=n_effective, seed=seed, **self.failures)
        about = {
            "n_effective": float(found.n_effective),
            "n_calls": int(found.n_calls),
            "khat": float(found.khat),
            "status": found.status.name,
            "log_evidence": float(found.log_evidence),
            "log_evidence_error": float(found.log_evidence_error),
        }
        return found.sample(n, seed), about


class Exact:
    """A control: our own exact draws."""

    def __init__(self, task, *_):
        self.task = task

    def raw(self, x, n, seed):
        return self.task.sample(x, n, seed)


class Prior:
    """A control: draws of the prior."""

    def __init__(self, task, *_):
        self.task = task

    def raw(self, _, n, seed):
        return self.task.problem.prior.sample(n, seed)


METHODS = {"skerry": Skerry, "sbi": Npe, "exact": Exact, "prior": Prior}
CONTROLS = ("exact", "prior")


def run(task, method, budget, seed, options):
    """A row: one training, all observations."""
    from skerry.metrics import c2st

    started = time.process_time()
    found = METHODS[method](task, budget, options, seed)
    row = {"train_cpu_s": time.process_time() - started, "raw": [], "refined": [], "about": []}
    row |= {"sample_cpu_s": 0.0, "refine_cpu_s": 0.0}
    if hasattr(found, "bound"):
        bounds = [found.bound(task, x) for x in task.observations]
        row["bound"] = [b["accuracy"] for b in bounds]
        row["bound_mean"] = float(np.mean(row["bound"]))
        row["share"] = [float(b["share"]) for b in bounds]
        row["held_out"] = found.estimator.held_out
        row["epochs"] = len(found.estimator.epochs)
        print(
            f"{task.name} {budget}: bound {row['bound_mean']:.3f} {np.round(row['bound'], 3)}, "
            f"shares {np.round(row['share'], 2)}, training {row['train_cpu_s']:.0f} CPU s",
            flush=True,
        )
    for number in options.observations:
        x = task.observations[number - 1]
        truth = find_reference(task, number, options.place, options.draws)
        now = time.process_time()
        draws = found.raw(x, options.draws, 1000 * seed + number)
        row["sample_cpu_s"] += time.process_time() - now
        row["raw"].append(c2st(truth, draws))
        if hasattr(found, "refined") and options.n_effective:
            now = time.process_time()
            draws, about = found.refined(
                x, options.draws, 1000 * seed + number, options.n_effective
            )
            row["refine_cpu_s"] += time.process_time() - now
            if task.evidence is not None:
                miss = about["log_evidence"] - task.log_evidence(x)
                about["log_evidence_z"] = miss / about["log_evidence_error"]
            row["refined"].append(c2st(truth, draws))
            row["about"].append(about)
        told = ", refined {:.3f}".format(row["refined"][-1]) if row["refined"] else ""
        print(f"{task.name} {budget} {number}: raw {row['raw'][-1]:.3f}{told}", flush=True)
    for kind in ("raw", "refined"):
        row[f"{kind}_mean"] = float(np.mean(row[kind])) if row[kind] else None
    return row


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tasks", nargs="+", default=["two_moons"], choices=SBIBM)
    parser.add_argument("--methods", nargs="+", default=["skerry"], choices=list(METHODS))
    parser.add_argument("--budgets", nargs="+", default=["10000"], help="numbers, or fresh")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--observations", nargs="*", type=int, default=list(range(1, 11)))
    parser.add_argument("--draws", type=int, default=10_000, help="sbibm's number is 10,000")
    parser.add_argument("--n-effective", type=int, default=20_000, help="0: don't refine")
    parser.add_argument("--embedding", default="none", help="none, mlp, or setN (items of N)")
    parser.add_argument("--forward", action="store_true", help="hand over forward and noise")
    parser.add_argument(
        "--settings", type=json.loads, default={}, help="JSON: more arguments of skerry.amortize"
    )
    parser.add_argument(
        "--training", type=json.loads, default={}, help="JSON: what differs from the default"
    )
    parser.add_argument("--pools", type=json.loads, default={}, help="JSON: arguments of Pools")
    parser.add_argument("--from", dest="place", help="sbibm's wheel, or a folder with sbibm/tasks")
    parser.add_argument("--keep", type=Path, help="a folder for the trained estimators")
    parser.add_argument("--reuse", action="store_true", help="take them from there, don't train")
    parser.add_argument("--history", type=Path, default=HISTORY)
    options = parser.parse_args(words)
    if options.reuse and (options.training or options.pools):
        parser.error("--reuse takes estimators as they were trained: no --training, no --pools")
    return options


def main(words=None):
    from skerry.tasks import amortised

    options = arguments(words)
    shown = {
        name: getattr(options, name)
        for name in (
            "observations",
            "draws",
            "n_effective",
            "embedding",
            "forward",
            "settings",
            "training",
            "pools",
            "reuse",
        )
    }
    for task in map(amortised.get, options.tasks):
        for method in options.methods:
            for budget in ["-"] if method in CONTROLS else options.budgets:
                for seed in options.seeds:
                    head = {"kind": "amortised_c2st", "task": task.name, "method": method}
                    head |= {"budget": budget, "seed": seed, "settings": shown}
                    row = head | run(task, method, budget, seed, options)
                    append(row | provenance(PACKAGES), options.history)
                    print(
                        f"{task.name} {method} {budget} seed {seed}: "
                        f"raw {row['raw_mean'] or float('nan'):.3f}, "
                        f"refined {row['refined_mean'] or float('nan'):.3f}, "
                        f"training {row['train_cpu_s']:.0f} CPU s",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
