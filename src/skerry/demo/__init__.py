"""A demonstration on real data: the eight islands of the Higgs boson's couplings.

::

    page = skerry.demo.run(Path("skerry-demo"))
"""

from skerry.demo._run import Demo, run

__all__ = ["Demo", "run"]
