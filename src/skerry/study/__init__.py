"""The paper's experiment (arXiv:2512.04954): what a flow's base and form do to islands.

A flow over one Gaussian must stretch a single blob over all islands and leaves *bridges* of mass
between them; a Gaussian-mixture base, or a mixture of flows, need not. :func:`run` fits each kind
to the same likelihood-weighted prior draws, on targets whose truth is exact, for good and for poor
effective sample sizes, and measures them in every way::

    result = skerry.study.run("study", size="quick")
    print(result.markdown.read_text())

Points that together hold a millionth of the weight are left out of the fits, to save time.
"""

from skerry.study._plan import FULL, QUICK, Plan, Variant
from skerry.study._run import StudyResult, run

__all__ = ["FULL", "QUICK", "Plan", "StudyResult", "Variant", "run"]
