"""anesthetic: nested samples of any program whose files it reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry.inference import Recycled
from skerry.interop._lookup import NESTED, columns, entries
from skerry.priors import Prior
from skerry.weights import Evidence, normalize


def from_anesthetic(samples: Any, prior: Prior) -> Recycled:
    r"""The ``NestedSamples`` of anesthetic for :func:`skerry.fit`: PolyChord's, MultiNest's, ...

    The proposal density assumed is :math:`g = \pi / (n \Delta X_i)` with the shells' volumes as
    anesthetic works them out from the numbers of live points, ``logw(beta=0)`` (Skilling 2006). Log
    Z is their sum; its variance :math:`\sum_i \bar w_i \sum_{j \le i} 1/n_j^2`, that of the log
    volume where the posterior's mass lies: information over live points, if their number is
    constant.

    Args:
        samples: such as ``anesthetic.read_chains(root)`` returns for a nested run.
        prior: that of the run; its parameters are found by name.

    Raises:
        InputError: for something else, a parameter without a column, or points that have weight
            outside the prior's support.
    """
    about = ("logL", "nlive", "logw", "logZ")
    log_l, live, log_w, log_z = entries(samples, about, "anesthetic's NestedSamples")
    log_l, live = np.asarray(log_l, dtype=np.float64), np.asarray(live, dtype=np.float64)
    log_volume = np.asarray(log_w(beta=0), dtype=np.float64)
    shares = np.exp(normalize(np.where(np.isfinite(log_l), log_volume + log_l, -np.inf)))
    variance = float(shares @ np.cumsum(1 / np.maximum(live, 1) ** 2))
    names = [name[0] if isinstance(name, tuple) else name for name in samples.columns]
    theta = columns(samples.to_numpy(), names, prior, "anesthetic's samples")
    return Recycled.weighted(
        np.asarray(theta, dtype=np.float64),
        log_l,
        prior,
        np.where(np.isfinite(log_l), log_volume + log_l, -np.inf),
        Evidence(float(log_z()), variance**0.5),
        assumed=NESTED,
        source="anesthetic",
    )
