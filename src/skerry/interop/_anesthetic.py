"""anesthetic: a weighted data frame that plots."""

from __future__ import annotations

from typing import Any

from skerry.interop._facts import relative_weights
from skerry.interop._lookup import needed
from skerry.posterior import Posterior


def to_anesthetic(posterior: Posterior, **options: Any) -> Any:
    """The posterior as anesthetic's ``MCMCSamples``: weighted rows, their log-likelihoods ``logL``.

    Not ``NestedSamples``: these draws have no order of birth. The evidence and its error are
    ``samples.attrs["log_evidence"]`` and ``["log_evidence_error"]``.

    Args:
        posterior: the posterior.
        options: further arguments of ``MCMCSamples``: ``label``, ``labels``.

    Raises:
        UnsupportedError: without anesthetic.
    """
    anesthetic = needed("anesthetic", "anesthetic")
    samples = anesthetic.MCMCSamples(
        posterior.samples,
        columns=list(posterior.names),
        weights=relative_weights(posterior),
        logL=posterior.log_likelihood,
        **options,
    )
    samples.attrs["log_evidence"] = posterior.log_evidence
    samples.attrs["log_evidence_error"] = posterior.log_evidence_error
    return samples
