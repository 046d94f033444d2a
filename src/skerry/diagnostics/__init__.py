"""What can be checked of a posterior: of its weights, its search, and against the data.

::

    for check in skerry.diagnostics.checks(posterior):
        print(check)
    replicas = skerry.diagnostics.replicate(posterior, problem, x, seed=0)
    replicas.p_value

:class:`skerry.Status` is the verdict on the first two. No weight shows an island that no
point has landed on: what speaks for the number of islands is the search. And neither says whether
the model fits the data: that is what replicas of the data are for.
"""

from skerry.diagnostics._checks import Check, checks
from skerry.diagnostics._replicas import Replicas, replicate

__all__ = ["Check", "Replicas", "checks", "replicate"]
