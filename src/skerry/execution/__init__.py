"""Where a likelihood runs: in this process, in processes of our own, or in somebody's pool.

A *runner* takes batches of points, several at a time if need be, and gives back pieces of results,
in any order, each with the rows it belongs to; so what comes out never depends on how many workers
there are or which is first.
"""

from skerry.execution._elsewhere import Elsewhere, LackingError
from skerry.execution._inline import Inline
from skerry.execution._piece import Batch, Piece, Runner, run
from skerry.execution._remembered import Forward, Predictions, Remembered, weighed
from skerry.execution._workers import Workers, runner

__all__ = [
    "Batch",
    "Elsewhere",
    "Forward",
    "Inline",
    "LackingError",
    "Piece",
    "Predictions",
    "Remembered",
    "Runner",
    "Workers",
    "run",
    "runner",
    "weighed",
]
