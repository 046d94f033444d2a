"""Noise models: how an observation scatters about the prediction of a forward model.

A noise model is log p(x | prediction), fully normalised, for predictions ``(n, m)`` and an
observation ``(m,)`` shared by all of them, or ``(n, m)`` row by row. To add one, subclass
:class:`Noise` and write three formulas for rows of finite numbers: the log density, its derivative
in the prediction (for likelihoods with gradients), and a draw. Shapes and bad rows are dealt with
there, once.

- Real numbers: :class:`Gaussian`, :class:`StudentT`, :class:`SplitNormal` (asymmetric errors).
- Positive numbers: :class:`LogNormal`.
- Counts: :class:`Poisson`, :class:`Binomial`.
- Anything else: :class:`Custom`, from functions.

>>> noise = Gaussian(0.1)
>>> noise.log_prob([1.0, 2.0], [[1.0, 2.0]]).round(3).tolist()
[2.767]
>>> noise.sample([[1.0, 2.0]], seed=0).shape
(1, 2)
"""

from skerry.noise._counts import Binomial, Poisson
from skerry.noise._custom import Custom
from skerry.noise._gaussian import Gaussian
from skerry.noise._noise import Noise
from skerry.noise._positive import LogNormal
from skerry.noise._split import SplitNormal
from skerry.noise._student import StudentT

__all__ = [
    "Binomial",
    "Custom",
    "Gaussian",
    "LogNormal",
    "Noise",
    "Poisson",
    "SplitNormal",
    "StudentT",
]
