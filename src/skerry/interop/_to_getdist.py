"""getdist: samples in memory."""

from __future__ import annotations

from typing import Any

from skerry.interop._facts import log_posterior, plain, ranges, relative_weights
from skerry.interop._lookup import needed
from skerry.posterior import Posterior


def to_getdist(posterior: Posterior, **options: Any) -> Any:
    """The posterior as getdist's ``MCSamples``.

    Its ``weights`` are those of the samples, the largest 1; its ``loglikes`` are *minus* the log of
    prior times likelihood (None where the prior's density isn't known); its ranges are the prior's,
    circles as periodic; its sampler is ``"uncorrelated"``, so that sizes are counted by weights.
    Names lose their blanks, ``*`` and ``?``, which mean something to getdist; labels keep them.

    Args:
        posterior: the posterior.
        options: further arguments of ``MCSamples``: ``label``, ``labels``, ``settings``.

    Raises:
        UnsupportedError: without getdist.
    """
    getdist = needed("getdist", "getdist")
    names = plain(posterior.names)
    ends = {
        name: [low, high, True] if circle else [low, high]
        for name, (low, high, circle) in zip(names, ranges(posterior).values(), strict=True)
    }
    log_p = log_posterior(posterior)
    settings = {
        "labels": [name.replace("_", r"\_") for name in posterior.names],
        "ranges": ends,
        "sampler": "uncorrelated",
        "ignore_rows": 0,
    }
    return getdist.MCSamples(
        samples=posterior.samples.copy(),
        weights=relative_weights(posterior),
        loglikes=None if log_p is None else -log_p,
        names=names,
        **{**settings, **options},
    )
