"""dynesty: dead points with the prior volume each stands for."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry.inference import Recycled
from skerry.interop._lookup import NESTED, entries
from skerry.priors import Prior
from skerry.weights import Evidence


def from_dynesty(results: Any, prior: Prior) -> Recycled:
    r"""The points of a dynesty run, static or dynamic, for :func:`skerry.fit`.

    The proposal density assumed is :math:`g = \pi L_i / (n Z \bar w_i)`, with
    :math:`\log \bar w_i = \mathtt{logwt}_i - \log Z`, ``logwt`` being the log of the shell's volume
    times its likelihood (Speagle 2020, equation 16; Skilling 2006). It is right as far as the
    run drew uniformly within its contours. The evidence and its error are the run's
    (``logz[-1]``, ``logzerr[-1]``).

    Args:
        results: ``sampler.results``, or the sampler.
        prior: that of the run's prior transform, parameters in the order of its columns.

    Raises:
        InputError: if something is missing, if the columns are not as many as the prior's, or if
            points that have weight lie outside its support.
    """
    results = getattr(results, "results", results)
    names = ("samples", "logl", "logwt", "logz", "logzerr")
    samples, log_l, log_w, log_z, error = entries(results, names, "the results of a dynesty run")
    (calls,) = entries(results, ("ncall",), "the results of a dynesty run")
    evidence = Evidence(float(np.ravel(log_z)[-1]), float(np.ravel(error)[-1]))
    return Recycled.weighted(
        samples,
        log_l,
        prior,
        log_w,
        evidence,
        assumed=NESTED,
        source="dynesty",
        n_calls=int(np.sum(calls)),
    )
