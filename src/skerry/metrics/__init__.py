"""How far one density is from another, and whether it has all the modes: arrays in, numbers out.

Each function returns a float (or one number a mode) and knows nothing of flows or problems.

- With densities known at draws: :func:`kl`, :func:`js`, :func:`total_variation`,
  :func:`hellinger`.
- With draws alone: :func:`wasserstein`, :func:`sliced_wasserstein`, :func:`mmd`,
  :func:`energy_distance`, :func:`c2st`.
- Modes and bridges between them: :func:`mode_masses`, :func:`mode_recall`, :func:`bridge_mass`.

A measure that averages over draws of the approximation alone (reverse KL, bridge mass, effective
sample share) never sees a lost mode: report it beside one that averages over draws of the truth.

>>> import numpy as np
>>> mode_masses(np.array([0, 0, 1, 0]), 2).tolist()
[0.75, 0.25]
"""

from skerry.metrics.classifier import c2st
from skerry.metrics.divergences import hellinger, js, kl, kl_error, total_variation
from skerry.metrics.islands import (
    bridge_mass,
    effective_sample_share,
    mode_mass_errors,
    mode_masses,
    mode_recall,
)
from skerry.metrics.pairwise import energy_distance, mmd
from skerry.metrics.transport import sliced_wasserstein, wasserstein

__all__ = [
    "bridge_mass",
    "c2st",
    "effective_sample_share",
    "energy_distance",
    "hellinger",
    "js",
    "kl",
    "kl_error",
    "mmd",
    "mode_mass_errors",
    "mode_masses",
    "mode_recall",
    "sliced_wasserstein",
    "total_variation",
    "wasserstein",
]
