"""Amortised tasks: one model, many observations.

The ten problems of the sbibm benchmark (Lueckmann et al. 2021, arXiv:2101.04653) with their exact
likelihoods, and the Higgs boson's couplings with the measured strengths as the observation::

    task = skerry.tasks.amortised.get("two_moons")
    theta = task.problem.prior.sample(10_000, seed=0)
    x = task.simulate(theta, seed=1)
    task.problem.log_likelihood(theta, x)       # row by row: theta (n, d) against x (n, m)
    task.problem.log_likelihood(theta, x[0])    # every theta against one observation
    task.sample(task.observations[0], 10_000, seed=2)  # exact draws, where there is a sampler
    task.log_evidence(task.observations[0])            # and where it is known

Each brings the benchmark's ten observations. Its reference draws are not shipped:
``benchmarks/sbibm_reference.py`` reads them from the package sbibm.
"""

from skerry.tasks.amortised._registry import get, names
from skerry.tasks.amortised._task import AmortisedTask

__all__ = ["AmortisedTask", "get", "names"]
