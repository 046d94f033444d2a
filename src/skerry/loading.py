"""One way back from disk: :func:`load` reads whatever Skerry saved."""

from __future__ import annotations

import json
from os import PathLike
from typing import TYPE_CHECKING, Any

from skerry import posterior
from skerry._saving import read_arrays

if TYPE_CHECKING:
    from skerry.amortization import Estimator
    from skerry.embeddings import Embedding
    from skerry.posterior import Posterior
    from skerry.priors import Prior
    from skerry.problem import Problem


def load(
    path: str | PathLike[str],
    *,
    prior: Prior | None = None,
    problem: Problem | None = None,
    embedding: Embedding = None,
) -> Any:
    """Read a posterior or an estimator; nothing in the file is executed.

    Args:
        path: what ``posterior.save`` or ``estimator.save`` wrote.
        prior: for a prior that could not be stored (a transform, an object of one's own): the
            same one again; without it a posterior has no flow.
        problem: of an estimator: its likelihood again, for refinement.
        embedding: of an estimator with an embedding of the user's own: that module again.

    Returns:
        a :class:`Posterior` or an :class:`Estimator`.

    Raises:
        InputError: if the file is none of Skerry's, or damaged.
    """
    if _is_estimator(path):
        from skerry import amortization

        found: Posterior | Estimator = amortization.load(
            path, prior=prior, problem=problem, embedding=embedding
        )
        return found
    if prior is None and problem is not None:
        prior = problem.prior
    return posterior.load(path, prior=prior)


def _is_estimator(path: str | PathLike[str]) -> bool:
    try:
        kind = json.loads(str(read_arrays(path, ("spec",))["spec"]))["format"]
    except Exception:  # what is wrong with it is for the reader of posteriors to say
        return False
    return str(kind).startswith("skerry estimator")
