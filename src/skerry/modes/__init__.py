"""Topology: which islands there are, and a first Gaussian for each.

The values of the log posterior at all evaluated points are known, so modes need no density
estimate: :mod:`~skerry.modes.persistence` counts and places them among points at hand
(:mod:`~skerry.modes.tails` tells specks of a tail from islands),
:mod:`~skerry.modes.hunting` climbs to them (:mod:`~skerry.modes.leaping` in few batches),
:mod:`~skerry.modes.islands` fits a Gaussian to each, :mod:`~skerry.modes.bending` bends it,
:mod:`~skerry.modes.splitting` makes it several where that pays, and
:mod:`~skerry.modes.walls` tells which components are one island.
"""

from skerry.modes.islands import (
    Islands,
    bend_islands,
    fit_islands,
    random_islands,
    responsibilities,
)
from skerry.modes.persistence import Topology, find_modes
from skerry.modes.splitting import grow_islands
from skerry.modes.walls import modes_of_islands

__all__ = [
    "Islands",
    "Topology",
    "bend_islands",
    "find_modes",
    "fit_islands",
    "grow_islands",
    "modes_of_islands",
    "random_islands",
    "responsibilities",
]
