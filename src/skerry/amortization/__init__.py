"""Many observations: one training, then the posterior of any of them.

:func:`amortize` trains a conditional mixture q(theta|x) on simulated or given observations; the
likelihood renews the parameters it learns from. The :class:`Estimator` it returns draws from any
observation's posterior in milliseconds, or refines it by the likelihood to an exact one.
"""

from skerry.amortization._amortize import TRAINING, amortize
from skerry.amortization._estimator import Estimator
from skerry.amortization._file import FORMAT, load
from skerry.amortization._pools import Pools

__all__ = ["FORMAT", "TRAINING", "Estimator", "Pools", "amortize", "load"]
