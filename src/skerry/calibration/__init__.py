"""Calibration: whether the posteriors of many observations are as sure as they should be.

For each of n observations simulated from the prior there is a truth, theta_i, and L posterior
draws. Whatever number orders them, the truth's rank among its draws is uniform on 0 .. L if the
posterior is right (equation :eq:`rank` of the method). Three orders see three kinds of faults:

- **SBC** (:func:`sbc_ranks`): each parameter by itself (Talts et al. 2018, arXiv:1804.06788). Sees
  shifts and widths of the marginals; blind to what ties the parameters together.
- **HPD** (:func:`hpd_ranks`): the density q, high before low. The share of truths whose rank is
  below c L is the expected coverage of the region of highest density of mass c (Hermans et al.
  2022, arXiv:2110.06581). Sees the whole density.
- **TARP** (:func:`tarp_ranks`): the distance to a random point (Lemos et al. 2023,
  arXiv:2302.03026). Needs draws alone.

One test serves all: the empirical distribution of the ranks
within simultaneous bands (Säilynoja, Bürkner & Vehtari 2022, arXiv:2103.10522).

Passing is not proof: the prior itself passes SBC, HPD, and TARP with references blind to x.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> truths = rng.normal(size=(500, 1))
>>> x = rng.normal(truths)                                    # posterior: N(x / 2, 1 / 2)
>>> draws = rng.normal(x[:, None] / 2, np.sqrt(0.5), (500, 99, 1))
>>> calibrate(draws, truths).passed
True
>>> calibrate(x[:, None] / 2 + 0.6 * (draws - x[:, None] / 2), truths).passed
False
"""

from skerry.calibration._calibrate import Calibration, calibrate
from skerry.calibration._ranks import hpd_ranks, sbc_ranks, tarp_ranks
from skerry.calibration._tests import Coverage, RankTest

__all__ = [
    "Calibration",
    "Coverage",
    "RankTest",
    "calibrate",
    "hpd_ranks",
    "sbc_ranks",
    "tarp_ranks",
]
