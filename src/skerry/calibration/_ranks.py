"""Ranks of truths among posterior draws; ties are broken at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry._seeds import SeedLike, as_seed
from skerry._types import FloatArray, IntArray
from skerry.errors import InputError


def sbc_ranks(draws: Any, truths: Any, seed: SeedLike = 0) -> IntArray:
    """How many draws lie below the truth in each parameter, (n, d), from 0 to L.

    Args:
        draws: posterior draws (n, L, d), of equal weights.
        truths: the parameters that made the observations (n, d).
        seed: breaks ties.
    """
    draws, truths = as_draws(draws, truths)
    return _rank(draws, truths[:, None], seed)


def hpd_ranks(log_q_draws: Any, log_q_truths: Any, seed: SeedLike = 0) -> IntArray:
    """How many draws are denser than the truth, (n,), from 0 to L.

    Args:
        log_q_draws: log posterior density at the draws (n, L), up to a constant for each row.
        log_q_truths: the same at the truths (n,); -inf outside the support.
        seed: breaks ties.
    """
    at_draws, at_truths = (np.asarray(v, dtype=np.float64) for v in (log_q_draws, log_q_truths))
    if at_draws.ndim != 2 or at_draws.size == 0 or at_truths.shape != at_draws.shape[:1]:
        raise InputError(
            "Expected log densities of draws (n, L) and of truths (n,); got shapes "
            f"{at_draws.shape} and {at_truths.shape}; pass one row an observation."
        )
    if np.isnan(at_draws).any() or np.isnan(at_truths).any():
        raise InputError("Expected log densities without nan; got nan; mend log_prob there.")
    return _rank(-at_draws, -at_truths[:, None], seed)


def tarp_ranks(draws: Any, truths: Any, references: Any = None, seed: SeedLike = 0) -> IntArray:
    """How many draws lie nearer to a reference point than the truth, (n,), from 0 to L.

    Distances are Euclidean, each parameter in units of its standard deviation over the truths.

    Args:
        draws: posterior draws (n, L, d), of equal weights.
        truths: the parameters that made the observations (n, d).
        references: points (n, d), which may depend on the observation but not on its truth. By
            default the truth of another observation, at random: a draw of the prior.
        seed: chooses the references and breaks ties.
    """
    draws, truths = as_draws(draws, truths)
    root = as_seed(seed)
    if references is None:
        order = root.child("references").numpy().permutation(len(truths))
        references = np.empty_like(truths)
        references[order] = truths[np.roll(order, 1)]
    points = np.asarray(references, dtype=np.float64)
    if points.shape != truths.shape or not np.isfinite(points).all():
        raise InputError(
            f"Expected finite references of shape {truths.shape}, as the truths; got "
            f"{points.shape}; pass one point an observation."
        )
    scale = truths.std(axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    of_draws = np.sum(((draws - points[:, None]) / scale) ** 2, axis=2)
    of_truths = np.sum(((truths - points) / scale) ** 2, axis=1)
    return _rank(of_draws, of_truths[:, None], root)


def as_draws(draws: Any, truths: Any) -> tuple[FloatArray, FloatArray]:
    """Finite draws (n, L, d) and truths (n, d), n >= 2.

    Raises:
        InputError: for other shapes, nan or inf.
    """
    samples, points = (np.asarray(v, dtype=np.float64) for v in (draws, truths))
    if samples.ndim != 3 or 0 in samples.shape or points.shape != samples.shape[::2]:
        raise InputError(
            "Expected draws (n, L, d) and truths (n, d): n observations, L draws for each; got "
            f"shapes {samples.shape} and {points.shape}; stack one block of draws an observation."
        )
    if len(points) < 2:
        raise InputError("Expected at least 2 observations; got 1; simulate more, hundreds.")
    if not (np.isfinite(samples).all() and np.isfinite(points).all()):
        raise InputError("Expected finite draws and truths; got nan or inf; find where from.")
    return samples, points


def _rank(draws: FloatArray, truth: FloatArray, seed: SeedLike) -> IntArray:
    """How many along axis 1 lie below the truth, with a random share of those equal to it."""
    below, equal = np.sum(draws < truth, axis=1), np.sum(draws == truth, axis=1)
    rng = as_seed(seed).child("ties").numpy()
    return np.asarray(below + rng.integers(0, equal + 1), dtype=np.int64)
