"""Skerry and its peers on the same problems, each run in a process of its own.

    python benchmarks/bench.py run --set works              # every method, three problems
    python benchmarks/bench.py run --problems eggbox --methods skerry nautilus --seeds 0 1
    python benchmarks/bench.py run --set dimension modes volume data --methods skerry
    python benchmarks/bench.py quick                        # Skerry beside its last accepted row
    python benchmarks/bench.py quick --accept               # and make this the accepted row
    python benchmarks/bench.py tables                       # docs/benchmarks_tables.md, pictures

Every method runs with the defaults that its documentation recommends (``benchmarks/methods``)
until its own stop or a cap; the caps are the same for all: likelihood calls, CPU seconds, wall
seconds. Each run appends a row to ``benchmarks/results/history.jsonl``. benchmarks/README.md says
what is measured, and how.
"""

import argparse
import itertools
import json
import os
import signal
import sys
from pathlib import Path

import _history
import methods
import problems
from frame import rows

MANY = ("skerry", "sbi", "bayesflow", "each")
CAPS = {"max_calls": 500_000, "max_cpu": 900.0, "max_wall": 2700.0}


def main(words=None):
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["one"]:
        from frame import one

        return one.main(words[1])
    if words[:1] == ["train"]:
        from frame import amortised

        return amortised.main(words[1])
    if words[:1] == ["several"]:
        from frame import quick

        return quick.several(words[1])
    options = arguments(words)
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and the run it waits for ends too
    commands = {"run": run, "amortised": amortised_run, "quick": quick_run, "tables": tables}
    return commands[options.command](options)


def arguments(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--history", type=Path, default=rows.HISTORY)
    common.add_argument("--core", type=int, help="the one core to run on (Linux)")
    one = commands.add_parser("run", parents=[common], help="methods on problems")
    one.add_argument("--set", nargs="+", default=[], choices=list(problems.SETS))
    one.add_argument("--problems", nargs="+", default=[], metavar="NAME")
    one.add_argument("--methods", nargs="+", default=list(methods.NAMES), choices=methods.NAMES)
    one.add_argument("--seeds", nargs="+", type=int, default=[0])
    one.add_argument("--n-effective", type=int, default=10_000, help="for those that take it")
    for name, value in CAPS.items():
        one.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    one.add_argument("--c2st", type=int, default=5_000, help="draws for it; 0: none")
    one.add_argument("--missing", action="store_true", help="only runs that have no row yet")
    many = commands.add_parser("amortised", parents=[common], help="one training, all observations")
    many.add_argument("--tasks", nargs="+", default=["two_moons", "gaussian_mixture"])
    many.add_argument("--methods", nargs="+", default=list(MANY), choices=MANY)
    many.add_argument("--budgets", nargs="+", type=int, default=[1_000, 10_000])
    many.add_argument("--observations", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    many.add_argument("--seeds", nargs="+", type=int, default=[0])
    many.add_argument("--draws", type=int, default=5_000)
    many.add_argument("--n-effective", type=int, default=5_000, help="of refined posteriors")
    many.add_argument("--max-cpu", type=float, default=CAPS["max_cpu"])
    many.add_argument("--max-wall", type=float, default=CAPS["max_wall"])
    many.add_argument("--missing", action="store_true", help="only runs that have no row yet")
    quick = commands.add_parser("quick", parents=[common], help="Skerry alone, guarded")
    quick.add_argument("--accept", action="store_true", help="append this as the accepted row")
    shown = commands.add_parser("tables", parents=[common], help="what the history says")
    shown.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    return parser.parse_args(words)


def run(options):
    """Each problem, seed and method; a row each."""
    from frame import isolated, judge

    wanted = [*options.problems, *(name for s in options.set for name in problems.SETS[s])]
    known = {(r["problem"], r["method"], r["seed"]) for r in rows.runs(rows.read(options.history))}
    for problem in dict.fromkeys(wanted or problems.WORKS):
        task = problems.get(problem)
        for seed in options.seeds:
            for method in options.methods:
                if options.missing and (problem, method, seed) in known:
                    continue
                asked = {name: getattr(options, name) for name in ("n_effective", *CAPS)}
                spec = {"problem": problem, "method": method, "seed": seed}
                about, found = isolated.run(spec | asked)
                if found is not None:
                    about |= judge.judged(task, found, about, options.c2st)
                row = {"kind": "run", **spec, "settings": asked, **about}
                _history.append(row | provenance(method), options.history)
                told = ("outcome", "message", "calls", "cpu_s", "calls_per_effective")
                told += ("log_evidence_z", "mass_error", "lost_modes", "c2st", "sliced_w")
                print(
                    problem, method, seed, json.dumps({k: about.get(k) for k in told}), flush=True
                )


def provenance(method):
    return _history.provenance(methods.get(method).PACKAGES)


def amortised_run(options):
    """Each task, budget, seed and method; a row each."""
    from frame import amortised, isolated
    from methods import amortised as adapters

    from skerry.tasks import amortised as tasks

    known = {
        (r["task"], r["method"], r["n_simulations"], r["seed"])
        for r in rows.read(options.history)
        if r["kind"] == "amortised"
    }
    asked = ("observations", "draws", "n_effective", "max_cpu", "max_wall")
    for task in options.tasks:
        for budget in options.budgets:
            for seed, method in itertools.product(options.seeds, options.methods):
                head = {"task": task, "method": method, "n_simulations": budget, "seed": seed}
                head["n_simulations"] = 0 if method == "each" else budget
                if (options.missing or method == "each") and tuple(head.values()) in known:
                    continue
                known.add(tuple(head.values()))
                settings = {name: getattr(options, name) for name in asked}
                about, found = isolated.run(head | settings, word="train")
                if found:
                    about |= amortised.judged(tasks.get(task), settings, found)
                row = {"kind": "amortised", **head, "settings": settings, **about}
                packages = adapters.get(method).PACKAGES
                _history.append(row | _history.provenance(packages), options.history)
                print(json.dumps(head | about), flush=True)


def quick_run(options):
    from frame import quick

    return quick.main(options.history, options.accept)


def tables(options):
    from frame import report

    return report.write(rows.read(options.history), options.out)


if __name__ == "__main__":
    sys.exit(main())
