"""Benchmark problems with exact truth: evidence, modes, masses, density and independent draws.

::

    task = skerry.tasks.get("himmelblau")
    posterior = skerry.infer(task.problem)
    posterior.log_evidence - task.log_evidence
    reference = task.sample(10_000, seed=1)

Truths are closed forms, or quadrature with a stated error far below statistical precision; those of
three tasks come from long runs, with stated standard errors. Draws are independent and exact: from
closed forms, or by rejection (in those three tasks but for 2e-5 of the mass). ``names()`` lists the
tasks; :func:`gaussian_mixture`, :func:`bananas` and :func:`log_gamma` make them in any dimension.
Tasks with many observations are in :mod:`skerry.tasks.amortised`.
"""

from skerry.tasks import amortised
from skerry.tasks._curves import bananas
from skerry.tasks._gaussians import gaussian_mixture
from skerry.tasks._log_gamma import log_gamma
from skerry.tasks._registry import get, names
from skerry.tasks._task import Task, TaskMode

__all__ = [
    "Task",
    "TaskMode",
    "amortised",
    "bananas",
    "gaussian_mixture",
    "get",
    "log_gamma",
    "names",
]
