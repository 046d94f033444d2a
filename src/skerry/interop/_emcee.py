"""emcee: walkers of an ensemble."""

from __future__ import annotations

from typing import Any

from skerry.errors import InputError
from skerry.inference import Recycled
from skerry.interop._chains import from_chains
from skerry.priors import Prior


def from_emcee(
    sampler: Any,
    prior: Prior,
    *,
    discard: int = 0,
    thin: int = 1,
    log_likelihood: Any = None,
    most: int = 50_000,
) -> Recycled:
    r"""The chains of an emcee run for :func:`skerry.fit`, as :func:`from_chains` takes them.

    The proposal density assumed is the posterior, :math:`g = \pi L / Z`; Z is not known, and
    walkers that never change islands leave the islands' masses to their starting points.

    Args:
        sampler: an ``EnsembleSampler``, or a backend (``emcee.backends.HDFBackend(path)``).
        prior: that of the run, columns in its order; log L is the run's log probability less its
            log density.
        discard: steps of burn-in to leave out.
        thin: take each thin-th step.
        log_likelihood: ``(steps, walkers)`` of the steps that are left, if the run's own prior was
            another.
        most: points to keep at most.

    Raises:
        InputError: for something else than a run, or points outside the prior's support.
    """
    if not (hasattr(sampler, "get_chain") and hasattr(sampler, "get_log_prob")):
        raise InputError(
            f"Expected an emcee sampler or backend; got {type(sampler).__name__}; for arrays use "
            "skerry.interop.from_chains."
        )
    return from_chains(
        sampler.get_chain(discard=discard, thin=thin),
        sampler.get_log_prob(discard=discard, thin=thin),
        prior,
        log_likelihood=log_likelihood,
        most=most,
        source="emcee",
    )
