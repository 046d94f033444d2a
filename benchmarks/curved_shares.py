"""How well a handful of bent Gaussians covers a posterior, given exact draws of it.

    python benchmarks/curved_shares.py --tasks two_moons bananas_10d --draws 500 2000 10000

Islands are fitted to exact draws, and judged by the effective share of 8,000 fresh draws of the
proposal made of them (85% bent Gaussian, 15% Student t): what an adaptive round could reach. Two
shares are printed: by the draws' own weights, and by 4,000 other exact draws, 1 / E_p[p/q], which
sees what the draws have missed.
"""

import argparse
import time

import numpy as np

from skerry import tasks, weights
from skerry.inference._proposal import Proposal
from skerry.modes import fit_islands, grow_islands
from skerry.posterior import log_normal

TASKS = ("two_moons", "ring_blob", "helix", "bananas_5d", "bananas_10d", "log_gamma_4d")


def measure(name: str, n: int) -> str:
    """A line of the table."""
    task = tasks.get(name)
    prior = task.problem.prior

    def log_density(u):
        return task.problem.log_likelihood(prior.from_u(u)) + log_normal(u)

    theta = task.sample(n, 5)
    u, labels, began = prior.to_u(theta), task.label(theta), time.process_time()
    flat = np.zeros(n)
    plain = fit_islands(u, flat, labels, len(task.modes), periodic=prior.periodic)
    islands = grow_islands(plain, u, flat)
    seconds = time.process_time() - began
    proposal = Proposal(islands)
    drawn = proposal.sample(8_000, np.random.default_rng(0))
    own = weights.effective_sample_size(log_density(drawn) - proposal.log_prob(drawn)) / len(drawn)
    exact = prior.to_u(task.sample(4_000, 1))
    ratio = log_density(exact) - task.log_evidence - proposal.log_prob(exact)
    true = 1.0 / np.mean(np.exp(ratio))
    bent = sum(bend is not None for bend in islands.frames.bends)
    cells = (name, f"{n:,}", islands.n_islands, bent, f"{own:.2f}", f"{true:.2f}", f"{seconds:.1f}")
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=tasks.names())
    parser.add_argument("--draws", nargs="+", type=int, default=[500, 2_000, 10_000])
    args = parser.parse_args()
    print("| task | draws | components | bent | share | by exact draws | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for name in args.tasks:
        for n in args.draws:
            print(measure(name, n), flush=True)


if __name__ == "__main__":
    main()
