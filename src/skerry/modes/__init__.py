"""Topology: which islands there are, and a first Gaussian for each.

The values of the log posterior at all evaluated points are known, so modes need no density
estimate: :mod:`~skerry.modes.persistence` counts and places them, :mod:`~skerry.modes.islands` fits
a Gaussian to each.
"""

from skerry.modes.islands import Islands, fit_islands, random_islands, responsibilities
from skerry.modes.persistence import Topology, find_modes

__all__ = [
    "Islands",
    "Topology",
    "find_modes",
    "fit_islands",
    "random_islands",
    "responsibilities",
]
