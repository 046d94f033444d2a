"""getdist: chains of weighted rows, in memory or as text files."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any, Literal

import numpy as np

from skerry.errors import InputError
from skerry.inference import Recycled
from skerry.interop._chains import as_draws
from skerry.interop._lookup import columns, entries, needed
from skerry.priors import Prior

INDEPENDENT = ("nested", "uncorrelated")  # samplers whose rows don't hang together
MIXED = 0.05  # variance of chain means over mean of chain variances


def from_getdist(
    samples: Any,
    prior: Prior,
    *,
    loglikes: Literal["posterior", "likelihood"] = "posterior",
    ignore_rows: float = 0,
) -> Recycled:
    r"""Samples of getdist's for :func:`skerry.fit`.

    The rows' own weights (a chain's multiplicities) are taken as posterior weights: the proposal
    density assumed is :math:`g = \pi L_i / (n Z \bar w_i)`. No Z goes with them, so the evidence is
    not known. getdist keeps *minus* log densities: :math:`\log L_i = -\mathtt{loglikes}_i -
    \log\pi(\theta_i)` for files of posteriors, as Cobaya, CosmoMC and getdist have them.

    Rows of a chain are worth as many independent draws as getdist's correlation lengths say,
    smallest of all parameters; rows of samplers that say "nested" or "uncorrelated", as many as
    their weights say.

    Args:
        samples: an ``MCSamples``, or the root of text files: ``root.txt`` or ``root_1.txt`` ...,
            with ``root.paramnames``. getdist's cache of pickles is left alone.
        prior: that of the run, normalised; its parameters are found by name.
        loglikes: what the second column holds, minus the log of: the ``"posterior"`` (prior times
            likelihood) or the ``"likelihood"``.
        ignore_rows: burn-in to leave out when reading files: a share below 1, or rows.

    Raises:
        InputError: for another kind of samples, parameters that are missing, points outside the
            prior's support.
    """
    if loglikes not in ("posterior", "likelihood"):
        raise InputError(f"Expected loglikes 'posterior' or 'likelihood'; got {loglikes!r}.")
    if isinstance(samples, (str, PathLike)):
        samples = _read(fspath(samples), ignore_rows)
    table, minus, shares, params = entries(
        samples, ("samples", "loglikes", "weights", "paramNames"), "getdist's MCSamples"
    )
    if minus is None:
        raise InputError("Expected samples with loglikes; got none; pass them to MCSamples.")
    theta = columns(table, params.list(), prior, "getdist's samples")
    log_l = -np.asarray(minus, dtype=np.float64)
    if loglikes == "posterior":
        with np.errstate(invalid="ignore"):
            log_l = log_l - np.asarray(prior.log_prob(theta))
    counts = np.ones(len(theta)) if shares is None else np.asarray(shares, dtype=np.float64)
    if samples.sampler in INDEPENDENT:
        size, doubt = None, ""
    else:
        places = [params.list().index(name) for name in prior.names]
        size = max(1.0, min(float(samples.getEffectiveSamples(j)) for j in places))
        doubt = f", worth {size:,.0f} independent draws{_doubt(samples)}"
    return as_draws(
        theta,
        log_l,
        prior,
        counts,
        n_independent=size,
        source="getdist",
        assumed=(
            f"draws of the posterior itself with getdist's weights: {len(theta):,} rows{doubt}; "
            f"loglikes are minus the log {loglikes}; Z is not known"
        ),
    )


def _read(root: str, ignore_rows: float) -> Any:
    mcsamples = needed("getdist.mcsamples", "getdist")
    try:
        found = mcsamples.MCSamples(root, settings={"ignore_rows": ignore_rows})
        found.readChains(mcsamples.chainFiles(root) or mcsamples.chainFiles(root, separator="."))
        return found
    except (OSError, mcsamples.MCSamplesError, ValueError, IndexError) as error:
        raise InputError(
            f"Expected getdist's text files {root}.txt or {root}_1.txt, and {root}.paramnames; "
            f"got {type(error).__name__}: {error}."
        ) from error


def _doubt(samples: Any) -> str:
    """What several chains say of each other."""
    if getattr(samples, "chain_offsets", None) is None or len(samples.chain_offsets) < 3:
        return ""
    spread = samples.getGelmanRubin()
    told = f", R-1 {spread:.3f}"
    return told if spread < MIXED else told + ": the chains disagree, don't trust islands' masses"
