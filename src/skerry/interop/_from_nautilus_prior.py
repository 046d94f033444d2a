"""nautilus' Prior."""

from __future__ import annotations

from typing import Any

from skerry.interop._lookup import entries
from skerry.priors import Prior


def prior_from_nautilus(prior: Any) -> Prior:
    """A prior from nautilus' ``Prior``: its free parameters, in its order.

    Parameters with a number are fixed, those with a name tied to another: both are left out, and
    are for the likelihood to add.

    Args:
        prior: of nautilus.

    Raises:
        InputError: for something else.
        PriorError: for a distribution that has no density (nautilus asks for ``isf`` alone).
    """
    keys, dists = entries(prior, ("keys", "dists"), "a nautilus Prior")
    free = {key: dist for key, dist in zip(keys, dists, strict=True) if hasattr(dist, "isf")}
    return Prior(free)
