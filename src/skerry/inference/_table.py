"""Points evaluated earlier: a table instead of a likelihood."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from skerry._seeds import Seed, SeedLike, as_seed
from skerry._types import FloatArray
from skerry.errors import InputError, UnsupportedError
from skerry.inference import _points
from skerry.inference._conclude import Outcome, check_asked, conclude, fit_density
from skerry.inference._fit import DensityName, Fit
from skerry.inference._points import Points, weighty
from skerry.inference._recycled import Recycled
from skerry.inference._stored import ASSUMED, stored_outcome
from skerry.posterior import Posterior, PosteriorFlow
from skerry.priors import Prior
from skerry.progress import Progress, shown
from skerry.store import Rows


def fit(
    theta: FloatArray | Recycled | Rows,
    log_likelihood: FloatArray | None = None,
    prior: Prior | None = None,
    *,
    log_proposal: FloatArray | None = None,
    n_effective: float = 1_000,
    seed: SeedLike = 0,
    density: DensityName = "flow_mixture",
    progress: Progress | bool | None = None,
    **options: Any,
) -> Posterior:
    r"""The posterior from points evaluated earlier: a scan, a table, draws of a known density.

    Weights are :math:`w_i = \pi(\theta_i) L_i / g(\theta_i)` (equation :eq:`weight` of the method).

    Args:
        theta: points, ``(n, d)``; columns in the order of ``prior.names``. Or the
            :class:`Recycled` points of another program, as ``skerry.interop`` reads them, and
            nothing more but settings. Or a store's, ``skerry.store.rows(path)``, with the prior:
            they stay on disk but for a million that matter most, and training reads them there.
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
    check_asked(n_effective, None)
    settings = Fit(density=density, **options)
    if isinstance(theta, Rows):
        refuse_columns(log_likelihood=log_likelihood, log_proposal=log_proposal)
        return fit_stored(theta, prior, n_effective, as_seed(seed), settings, progress)
    recycled = _recycled(theta, log_likelihood, prior, log_proposal)
    prior = recycled.prior
    log_w = recycled.log_weights
    kept, n_independent = weighty(log_w), recycled.n_independent
    log_ratio = recycled.log_ratio[kept]
    if len(kept) > _points.MOST:
        thin = _points.thinned(log_w, kept, as_seed(seed))
        kept, log_ratio = thin.rows, thin.log_weights - recycled.log_likelihood[thin.rows]
        worth = recycled.n_independent or thin.n_independent
        n_independent = min(worth, thin.n_independent)
    chosen = recycled.theta[kept]
    points = Points(prior.to_u(chosen), chosen, recycled.log_likelihood[kept], log_ratio)
    about: dict[str, str | int | float] = {"scheme": "table", "n": len(recycled)}
    about |= {"source": recycled.source, "assumed": recycled.assumed}
    with shown(progress) as display:
        return conclude(
            prior,
            Outcome(
                points,
                n_calls=recycled.n_calls or len(recycled),
                evidence=recycled.evidence,
                log_weights=log_w,
                khat=None if recycled.n_independent is None else 0.0,
                n_independent=n_independent,
            ),
            n_effective=n_effective,
            options=settings,
            seed=as_seed(seed),
            progress=display,
            settings=about,
        )


def _recycled(theta: Any, log_likelihood: Any, prior: Any, log_proposal: Any) -> Recycled:
    if not isinstance(theta, Recycled):
        if isinstance(theta, np.ndarray):  # nobody changes it meanwhile: no need of a copy
            theta = theta.view()
            theta.flags.writeable = False
        return Recycled.drawn(theta, log_likelihood, prior, log_proposal)
    refuse_columns(log_likelihood=log_likelihood, prior=prior, log_proposal=log_proposal)
    return theta


def refuse_columns(**columns: Any) -> None:
    """Refuse what points that hold their own columns don't need."""
    given = [name for name, value in columns.items() if value is not None]
    if given:
        raise InputError(
            f"Expected points that hold their own columns; got {', '.join(given)} besides; leave "
            "that out."
        )


def fit_stored(
    rows: Rows,
    prior: Any,
    n_effective: float,
    seed: Seed,
    options: Fit,
    progress: Progress | bool | None,
) -> Posterior:
    """The posterior from a store's points."""
    outcome = stored_outcome(rows, prior, seed)
    with shown(progress) as display:
        return conclude(
            prior,
            outcome,
            n_effective=n_effective,
            options=options,
            seed=seed,
            progress=display,
            settings={"scheme": "table", "n": len(rows), "source": "store", "assumed": ASSUMED},
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
    u = prior.to_u(posterior.samples)
    settings = Fit(density=density, **options)
    with shown(progress) as display:
        flow, trained = fit_density(
            u, posterior.log_weights, posterior.islands, settings, as_seed(seed), display
        )
    return replace(
        posterior,
        flow=None if flow is None else PosteriorFlow(prior, flow),
        training=trained,
        settings={**posterior.settings, "density": density},
    )
