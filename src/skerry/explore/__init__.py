"""A local page on which an observation is moved and its posterior follows.

::

    skerry.explore.serve(estimator, x=observed)  # until Ctrl-C

Sliders, typed numbers or a file move the observation; what the estimator makes of it is drawn at
once, and what the likelihood makes of that follows when the sliders rest. The page is served to
this machine alone and loads nothing from anywhere else. Needs bokeh (``skerry[explore]``).

What is shown is worked out here from arrays, :func:`raw` and :func:`numbers`; the browser's side is
in files of its own.
"""

from skerry.explore._demonstration import demonstration
from skerry.explore._letters import Letters, follow
from skerry.explore._numbers import Number, numbers
from skerry.explore._raw import Raw, Source, raw
from skerry.explore._refined import Refined, matched
from skerry.explore._serve import serve
from skerry.explore._subject import Subject, subject
from skerry.explore._upload import read_upload

__all__ = [
    "Letters",
    "Number",
    "Raw",
    "Refined",
    "Source",
    "Subject",
    "demonstration",
    "follow",
    "matched",
    "numbers",
    "raw",
    "read_upload",
    "serve",
    "subject",
]
