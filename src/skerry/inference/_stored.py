"""The points of a store as a table: those that matter in memory, all of them for training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from skerry import weights
from skerry._seeds import Seed
from skerry._types import FloatArray, IntArray
from skerry.errors import InputError
from skerry.inference import _points
from skerry.inference._conclude import MIN_POINTS, Outcome
from skerry.inference._points import Points, weighty
from skerry.inference._recycled import checked_prior
from skerry.priors import Prior
from skerry.store import Rows, prior_identity

ASSUMED = "independent draws of the density that the store keeps with each"


class Streamed:
    """Some of a store's points on u, read when asked for."""

    def __init__(self, rows: Rows, which: IntArray, prior: Prior) -> None:
        self._rows, self._which, self._prior = rows, which, prior

    def __len__(self) -> int:
        return len(self._which)

    def __getitem__(self, rows: Any) -> FloatArray:
        return self._prior.to_u(self._rows[self._which[rows]])


def stored_outcome(rows: Rows, prior: Prior, seed: Seed) -> Outcome:
    """The weights of a store's points, and the points that matter.

    Of more than a million so many are chosen in proportion to their weights; evidence and k-hat
    are those of all, and training sees all.

    Raises:
        InputError: for another prior than the store's, or fewer than 10 points whose density is
            known.
    """
    checked_prior(prior)
    if prior.names != rows.names or prior_identity(prior) != rows.prior:
        raise InputError(
            f"Expected the prior of the run that filled the store, of {', '.join(rows.names)}; got "
            f"another, of {', '.join(prior.names)}; pass the prior that the run had."
        )
    which = np.flatnonzero(~rows.failed & np.isfinite(rows.log_ratio))
    if len(which) < MIN_POINTS:
        raise InputError(
            f"Expected at least {MIN_POINTS} points that a round drew; the store has {len(rows):,} "
            f"points, {len(which)} of them a round's; end the run that fills it first."
        )
    log_w = rows.log_likelihood[which] + rows.log_ratio[which]
    kept = weighty(log_w)
    if len(kept) <= _points.MOST:
        return Outcome(_taken(rows, which[kept], prior), len(rows), log_weights=log_w)
    thin = _points.thinned(log_w, kept, seed)
    points = _taken(rows, which[thin.rows], prior)
    return Outcome(
        replace(points, log_offset=thin.log_weights - points.log_likelihood),
        len(rows),
        log_weights=log_w,
        n_independent=thin.n_independent,
        stream=(Streamed(rows, which[kept], prior), weights.normalize(log_w[kept])),
    )


def _taken(rows: Rows, which: IntArray, prior: Prior) -> Points:
    theta = rows[which]
    return Points(prior.to_u(theta), theta, rows.log_likelihood[which], rows.log_ratio[which])
