"""Pictures of posteriors: islands, the evidence for their number, bridges, and how a run went.

Each function returns a ``matplotlib.figure.Figure`` made without pyplot: nothing global is
touched, no window opens, and ``figure.savefig("islands.png")`` writes it.

::

    skerry.plot.islands(posterior).savefig("islands.png")

An island keeps its letter and its colour in every picture: A is the heaviest.
"""

from skerry.plot._calibration import calibration
from skerry.plot._circles import Circle, circles
from skerry.plot._densities import densities
from skerry.plot._diagnostics import diagnostics
from skerry.plot._evidences import evidences
from skerry.plot._islands import islands
from skerry.plot._persistence import persistence
from skerry.plot._predictive import predictive
from skerry.plot._projection import Projection, projection
from skerry.plot._rounds import rounds
from skerry.plot._style import colour, letter, mass_text
from skerry.plot._training import training

__all__ = [
    "Circle",
    "Projection",
    "calibration",
    "circles",
    "colour",
    "densities",
    "diagnostics",
    "evidences",
    "islands",
    "letter",
    "mass_text",
    "persistence",
    "predictive",
    "projection",
    "rounds",
    "training",
]
