"""How many batches a run asks for, one after another: the rounds of file mode.

usage: python benchmarks/batches.py TASK... [--seeds N] [--effective N]

Each task is run with `few_batches` and without, and without the trial that file mode leaves out.
"""

from __future__ import annotations

import argparse

import skerry


def run(name: str, seed: int, effective: float, few: bool) -> tuple[int, int, int, int, float]:
    """Batches, calls, modes found, modes there are, the error of log Z in its own error bars."""
    task = skerry.tasks.get(name)
    batches = 0

    def log_likelihood(theta):
        nonlocal batches
        batches += 1
        return task.problem.log_likelihood(theta)

    problem = skerry.Problem(task.problem.prior, log_likelihood, jax=False)
    problem.check(seed)
    trial, batches = batches, 0
    scheme = skerry.Adaptive(few_batches=few)
    p = skerry.infer(problem, n_effective=effective, seed=seed, scheme=scheme)
    z = (p.log_evidence - task.log_evidence) / p.log_evidence_error
    return batches - trial, p.n_calls, len(p.modes), len(task.modes), z


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--effective", type=float, default=5_000)
    asked = parser.parse_args()
    for name in asked.tasks:
        for few in (False, True):
            for seed in range(asked.seeds):
                batches, calls, found, there, z = run(name, seed, asked.effective, few)
                print(
                    f"{name:24} few={few!s:5} seed={seed} batches={batches:5} calls={calls:6} "
                    f"modes={found} of {there} z={z:+.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
