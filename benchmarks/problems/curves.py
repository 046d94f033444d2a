"""One thing changed at a time: tilted Gaussian islands with a chosen dimension, number or volume.

The prior's volume over the posterior's is (prior's volume) / exp(entropy of the posterior): 1 for
a posterior as wide as a uniform prior.
"""

import numpy as np

from problems.squares import squares
from skerry import tasks

WIDTH = 0.02  # of an island, over the prior's, where dimension or number change
LOG_GAUSSIAN = 0.5 * np.log(2.0 * np.pi * np.e)


def log_volume(ndim, n_modes, width):
    """log of prior volume over posterior volume of :func:`skerry.tasks.gaussian_mixture`."""
    masses = 0.7 ** np.arange(n_modes)
    masses /= masses.sum()
    entropy = ndim * (LOG_GAUSSIAN + np.log(width)) - np.sum(masses * np.log(masses))
    return -float(entropy)


def dimension(ndim):

    return tasks.gaussian_mixture(ndim, 4, width=WIDTH)


def curved(ndim):

    return tasks.bananas(ndim, 4)


def modes(n_modes):
    """In three dimensions, islands of equal mass, narrow enough that a hundred find room."""

    return tasks.gaussian_mixture(3, n_modes, width=0.005, ratio=1.0)


def volume(exponent):
    """Two islands in three dimensions that fill 10^-exponent of the prior together."""

    width = np.exp((log_volume(3, 2, 1.0) - exponent * np.log(10.0)) / 3)
    return tasks.gaussian_mixture(3, 2, width=float(width))


CURVES = {
    "dimension": (dimension, (2, 3, 5, 8, 10, 14, 20)),
    "curved": (curved, (2, 4, 6, 8, 10)),
    "modes": (modes, (1, 2, 4, 10, 20, 40, 100)),
    "volume": (volume, (2, 4, 6, 8, 10, 12, 14)),
    "data": (squares, (10, 100, 1_000, 10_000, 100_000)),
}
