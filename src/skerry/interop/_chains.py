"""Markov chains: draws of the posterior whose density nobody has written down."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.inference import Recycled
from skerry.priors import Prior
from skerry.weights import Evidence

MIXED = 1.05  # R-hat above which chains disagree too much for their masses


def from_chains(
    chains: Any,
    log_prob: Any,
    prior: Prior,
    *,
    log_likelihood: Any = None,
    most: int = 50_000,
    source: str = "chains",
) -> Recycled:
    r"""Markov chains as draws of the posterior, for :func:`skerry.fit`.

    Equal weights: the proposal density assumed is the posterior itself, :math:`g = \pi L / Z`. Its
    Z is not known from a chain, so the evidence isn't either: :func:`skerry.fit` says "not known".
    Points that repeat are kept once, with their number as weight.

    Islands' masses are as good as the chains' mixing and no better: chains that never change
    islands report where they were started. The number of independent draws is the least bulk
    effective size of the parameters over all chains, split, which sees chains that disagree
    (Vehtari et al. 2021).

    Args:
        chains: ``(steps, chains, d)``, or ``(steps, d)`` for one; without burn-in.
        log_prob: the log of prior times likelihood, ``(steps, chains)`` or ``(steps,)``.
        prior: normalised; log L is taken as ``log_prob`` less its log density.
        log_likelihood: same shape as ``log_prob``, in place of that difference.
        most: points to keep at most: of longer chains every k-th step, which the sentence says.
        source: where they come from.

    Raises:
        InputError: for shapes that don't match, or points outside the prior's support.
    """
    theta, values = _shaped(chains, log_prob, prior)
    if not (isinstance(most, int) and most >= 1):
        raise InputError(f"Expected most, an int >= 1; got {most!r}.")
    size, rhat = _independent(theta)
    steps, n_chains = theta.shape[:2]
    every = -(-steps * n_chains // most)
    kept = theta[::every].reshape(-1, prior.ndim)
    size = min(size, len(kept))
    if log_likelihood is not None:
        given = np.asarray(log_likelihood, dtype=np.float64)
        if given.size != values.size:
            raise InputError(
                f"Expected log_likelihood of shape {values.shape}; got {given.shape}; give one a "
                "step and chain."
            )
        log_l = given.reshape(values.shape)[::every].reshape(-1)
    else:
        with np.errstate(invalid="ignore"):
            log_l = values[::every].reshape(-1) - np.asarray(prior.log_prob(kept))
    thinned = "" if every == 1 else f" (one of {every} is kept)"
    doubt = "" if rhat <= MIXED else "; the chains disagree: don't trust the masses of islands"
    return as_draws(
        kept,
        log_l,
        prior,
        np.ones(len(kept)),
        n_independent=size,
        n_calls=steps * n_chains,
        source=source,
        assumed=(
            f"draws of the posterior itself, equal weights: {n_chains} chains of {steps:,} "
            f"steps{thinned}, worth {size:,.0f} independent draws, R-hat {rhat:.3f}; Z is not "
            f"known{doubt}"
        ),
    )


def as_draws(
    theta: FloatArray, log_l: FloatArray, prior: Prior, counts: FloatArray, **about: Any
) -> Recycled:
    """Draws of the posterior; each distinct point once, with the sum of its counts as weight."""
    astray = (counts > 0) & ~np.isfinite(log_l)
    if astray.any():
        raise InputError(
            "Expected draws inside the prior's support, at finite likelihoods; "
            f"{int(astray.sum())} of {len(log_l)} are not; pass the prior of the run, and leave "
            "out what came before its chains settled."
        )
    log_l = np.where(np.isfinite(log_l), log_l, -np.inf)
    points, first, inverse = np.unique(theta, axis=0, return_index=True, return_inverse=True)
    with np.errstate(divide="ignore"):
        log_w = np.log(np.bincount(inverse.reshape(-1), counts))
    about = {"n_calls": len(theta), **about}
    return Recycled.weighted(points, log_l[first], prior, log_w, Evidence(np.nan, np.nan), **about)


def _shaped(chains: Any, log_prob: Any, prior: Prior) -> tuple[FloatArray, FloatArray]:
    theta, values = np.asarray(chains), np.asarray(log_prob)
    if theta.ndim == 2:
        theta, values = theta[:, None], values[:, None] if values.ndim == 1 else values
    if theta.ndim != 3 or theta.shape[2] != prior.ndim or theta.shape[0] < 4:
        raise InputError(
            f"Expected chains of shape (steps, chains, {prior.ndim}), 4 steps or more; got "
            f"{np.shape(chains)}; a column for each of {', '.join(prior.names)}."
        )
    if values.shape != theta.shape[:2]:
        raise InputError(
            f"Expected log_prob of shape {theta.shape[:2]}, one a step and chain; got "
            f"{np.shape(log_prob)}."
        )
    flat = prior.wrap(theta.reshape(-1, prior.ndim).astype(np.float64))
    return flat.reshape(theta.shape), values.astype(np.float64)


def _independent(theta: FloatArray) -> tuple[float, float]:
    """The least bulk effective size of the parameters, and the largest R-hat."""
    from arviz_stats.base import array_stats

    axes = {"chain_axis": 1, "draw_axis": 0}
    sizes = [float(array_stats.ess(theta[..., j], **axes)) for j in range(theta.shape[2])]
    if theta.shape[1] > 1:
        rhats = [float(array_stats.rhat(theta[..., j], **axes)) for j in range(theta.shape[2])]
    else:  # one chain: its halves
        half = len(theta) // 2
        halves = np.concatenate([theta[:half], theta[-half:]], axis=1)
        rhats = [float(array_stats.rhat(halves[..., j], **axes)) for j in range(theta.shape[2])]
    finite = [size for size in sizes if np.isfinite(size)]
    return max(1.0, min(finite, default=1.0)), float(np.max(rhats))
