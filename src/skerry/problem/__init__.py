"""Problems: all that a user must write.

A problem is a prior and a log-likelihood. The log-likelihood is one function of theta, of theta and
an observation, or a forward model with a noise model, which can be simulated too. The functions are
plain Python on float64 arrays, or JAX functions, which also give gradients. What they return is
checked here, at the border, and nowhere else; what to do about nan and exceptions is the business
of :mod:`skerry.evaluate`.
"""

from skerry.problem._problem import CHECK_CALLS, CHECKED_POINTS, Problem

__all__ = ["CHECKED_POINTS", "CHECK_CALLS", "Problem"]
