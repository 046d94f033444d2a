"""Points evaluated earlier: a table instead of a likelihood."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from skerry import weights
from skerry._seeds import SeedLike, as_seed
from skerry._types import FloatArray
from skerry.errors import InputError, UnsupportedError
from skerry.inference._conclude import (
    MIN_POINTS,
    Outcome,
    check_asked,
    conclude,
    fit_density,
)
from skerry.inference._fit import DensityName, Fit
from skerry.inference._points import Points, blocks, weighty
from skerry.posterior import Posterior, PosteriorFlow
from skerry.priors import Prior, as_points
from skerry.progress import Progress, shown


def fit(
    theta: FloatArray,
    log_likelihood: FloatArray,
    prior: Prior,
    *,
    log_proposal: FloatArray | None = None,
    n_effective: float = 1_000,
    seed: SeedLike = 0,
    density: DensityName = "flow_mixture",
    progress: Progress | bool | None = None,
    **options: Any,
) -> Posterior:
    r"""The posterior from points evaluated earlier: a scan, a table, draws of a known density.

    Weights are :math:`w_i = \pi(\theta_i) L_i / g(\theta_i)`.

    Args:
        theta: points, ``(n, d)``; columns in the order of ``prior.names``.
        log_likelihood: ``(n,)``; ``-inf`` where the model says impossible.
        prior: theirs.
        log_proposal: the log density, in theta, of the distribution each point was drawn from,
            ``(n,)``, normalised if the evidence is to mean anything; None: drawn from the prior.
            For several sources together, give the density of their mixture.
        n_effective: effective samples hoped for; fewer make the status say so.
        seed: an int, a numpy Generator or a JAX key.
        density: see :class:`Fit`.
        progress: as for :func:`infer`.
        options: further settings of :class:`Fit`.

    Raises:
        InputError: for shapes that don't match, NaN, points outside the prior's support.
    """
    if not isinstance(prior, Prior):
        raise InputError(
            f"Expected a Prior; got {type(prior).__name__}; wrap it as skerry.Prior({{...}})."
        )
    points = as_points(theta, prior.names)
    log_l = weights.check(_real(log_likelihood, "log_likelihood"), "log_likelihood")
    log_prior = np.empty(len(points))
    for rows in blocks(len(points)):
        log_prior[rows] = prior.log_prob(_finite(points[rows], rows.start))
    if len(points) != len(log_l) or len(points) < MIN_POINTS:
        raise InputError(
            f"Expected at least {MIN_POINTS} points and one log_likelihood each; got "
            f"{len(points)} points and {len(log_l)} values."
        )
    log_offset = np.zeros(len(points))
    if log_proposal is not None:
        log_g = _real(log_proposal, "log_proposal")
        if log_g.shape != log_l.shape or not np.isfinite(log_g).all():
            raise InputError(
                f"Expected log_proposal of shape {log_l.shape}, finite; got shape {log_g.shape}"
                f"{'' if log_g.shape != log_l.shape else ' with values that are not finite'}."
            )
        log_offset = log_prior - log_g
    outside = np.isneginf(log_prior)
    if log_proposal is None and outside.any():
        raise InputError(
            f"Expected points drawn from the prior; {int(outside.sum())} of {len(points)} lie "
            "outside its support; pass their log_proposal, or leave them out."
        )
    log_l = np.where(outside, -np.inf, log_l)
    log_offset = np.where(outside, 0.0, log_offset)
    check_asked(n_effective, None)
    settings = Fit(density=density, **options)
    log_w = log_l + log_offset
    kept = weighty(log_w)
    chosen = prior.wrap(points[kept])
    with shown(progress) as display:
        return conclude(
            prior,
            Outcome(
                Points(prior.to_u(chosen), chosen, log_l[kept], log_offset[kept]),
                n_calls=len(points),
                log_weights=log_w,
            ),
            n_effective=n_effective,
            options=settings,
            seed=as_seed(seed),
            progress=display,
            settings={"scheme": "table", "n": len(points)},
        )


def refit(
    posterior: Posterior,
    density: DensityName = "flow_mixture",
    *,
    seed: SeedLike = 0,
    progress: Progress | bool | None = None,
    **options: Any,
) -> Posterior:
    """The same posterior with another density, trained on its weighted samples.

    Samples, weights, evidence, modes and status stay; only ``flow`` and ``training`` are new. The
    components start at the posterior's islands.

    Args:
        posterior: with its prior.
        density: see :class:`Fit`.
        seed: an int, a numpy Generator or a JAX key.
        progress: as for :func:`infer`.
        options: further settings of :class:`Fit`.

    Raises:
        UnsupportedError: for a posterior loaded without its prior.
    """
    if posterior.flow is None or posterior.islands is None:
        raise UnsupportedError(
            "Expected a posterior with its prior and islands; this one was loaded without; use "
            "skerry.load(path, prior=prior)."
        )
    prior = posterior.flow.prior
    points = Points(
        prior.to_u(posterior.samples),
        posterior.samples,
        posterior.log_likelihood,
        posterior.log_weights - posterior.log_likelihood,
    )
    settings = Fit(density=density, **options)
    with shown(progress) as display:
        flow, trained = fit_density(
            points, posterior.log_weights, posterior.islands, settings, as_seed(seed), display
        )
    return replace(
        posterior,
        flow=None if flow is None else PosteriorFlow(prior, flow),
        training=trained,
        settings={**posterior.settings, "density": density},
    )


def _finite(points: FloatArray, start: int) -> FloatArray:
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        raise InputError(
            f"Expected finite points; got {points[~finite][0].tolist()} in row "
            f"{start + int(np.argmin(finite))}; leave such points out."
        )
    return points


def _real(values: Any, what: str) -> FloatArray:
    try:
        array = np.asarray(values)
    except ValueError:  # ragged
        array = np.empty(0, object)
    if array.dtype.kind not in "fiu":
        raise InputError(
            f"Expected {what} as real numbers; got {type(values).__name__} that holds others; "
            "pass a float64 array (n,)."
        )
    return array.astype(np.float64)
