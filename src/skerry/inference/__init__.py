"""One observation: from a prior and a likelihood, or a table of points, to a posterior.

:func:`infer` runs a scheme on a problem; :func:`fit` takes points evaluated earlier. Both end in
the same way: weights -> modes -> islands -> density -> verdict.
"""

from skerry.inference._fit import Fit
from skerry.inference._infer import Static, infer
from skerry.inference._recycled import Recycled
from skerry.inference._state import Adaptive
from skerry.inference._table import fit, refit

__all__ = ["Adaptive", "Fit", "Recycled", "Static", "fit", "infer", "refit"]
