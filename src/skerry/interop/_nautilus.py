"""nautilus: points drawn uniformly in nested shells of known volume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skerry import weights
from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.inference import Recycled
from skerry.interop._lookup import columns, entries
from skerry.priors import Prior
from skerry.weights import Evidence

ASSUMED = (
    "uniform draws in shells of the prior, whose density is the shell's number of points over its "
    "volume, as the run's weights say"
)
UNKNOWN = ASSUMED + "; log Z was not given"


def from_nautilus(
    run: Any,
    prior: Prior,
    *,
    log_z: float | None = None,
    log_z_error: float | None = None,
) -> Recycled:
    r"""The points of a nautilus run for :func:`skerry.fit`.

    A shell of prior volume :math:`V_s` with :math:`N_s` points gives each the weight
    :math:`w_i = L_i V_s / N_s` (Lange 2023), so that the proposal density assumed is
    :math:`g = \pi N_s / (n V_s)`, and :math:`\log g = \log \pi + \log L_i - \log Z - \log n -
    \mathtt{log\_w}_i`. The error of log Z is :math:`1/\sqrt{n_\mathrm{eff}}`; run with
    ``discard_exploration=True`` where log Z matters: points that shaped their own shells bias it.

    Args:
        run: the sampler, or what ``sampler.posterior()`` returned: ``(points, log_w, log_l)``,
            points as an array, columns in the order of the prior, or a dictionary of columns.
        prior: that of the run; with the sampler or a dictionary its parameters are found by name.
        log_z: of the run, ``sampler.log_z``, if ``run`` is not the sampler; None: not known.
        log_z_error: its error; None: from the effective size.

    Raises:
        InputError: if something is missing, or points that have weight lie outside the prior's
            support.
    """
    calls = None
    if hasattr(run, "posterior"):
        drawn = run.posterior()
        log_z = float(run.log_z) if log_z is None else log_z
        calls = int(run.n_like)
        drawn = (_named(drawn[0], getattr(run, "prior", None)), *drawn[1:3])
    else:
        drawn = run
    if not isinstance(drawn, (tuple, list)) or len(drawn) < 3:
        raise InputError(
            f"Expected a nautilus sampler, or (points, log_w, log_l); got {type(run).__name__}; "
            "pass what sampler.posterior() returned."
        )
    points, log_w, log_l = drawn[:3]
    theta = _table(points, prior)
    evidence = None
    if log_z is not None:
        size = weights.effective_sample_size(np.asarray(log_w, dtype=np.float64))
        evidence = Evidence(log_z, size**-0.5 if log_z_error is None else log_z_error)
    return Recycled.weighted(
        theta,
        log_l,
        prior,
        log_w,
        evidence,
        assumed=UNKNOWN if evidence is None else ASSUMED,
        source="nautilus",
        n_calls=calls,
    )


def _named(points: Any, prior: Any) -> Any:
    """An array whose columns are a nautilus Prior's free parameters as a dictionary."""
    keys, dists = getattr(prior, "keys", None), getattr(prior, "dists", None)
    if isinstance(points, Mapping) or keys is None or dists is None:
        return points
    free = [key for key, dist in zip(keys, dists, strict=True) if hasattr(dist, "isf")]
    return dict(zip(free, np.asarray(points).T, strict=True))


def _table(points: Any, prior: Prior) -> FloatArray:
    if not isinstance(points, Mapping):
        return np.asarray(points)
    found = [name for name in points if name in prior.names]
    table = np.stack(entries(points, found, "points"), axis=1) if found else np.empty((0, 0))
    return columns(table, found, prior, "the points of a nautilus run")
