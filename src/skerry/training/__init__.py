r"""Weighted maximum likelihood: densities fitted to weighted points.

The objective is :math:`-\sum_i \bar w_i \log q(u_i|x_i)` with self-normalised weights, whose
minimiser minimises :math:`KL(p\|q)` (arXiv:2512.04954; equation :eq:`objective` of the method).
Each epoch draws its minibatches in
proportion to the weights (systematic resampling), so that a step's loss is a plain mean: its scale
depends neither on N nor on the weights' scale, a few heavy weights don't make noisy gradients, and
shapes stay the same whatever N, so that nothing is compiled again. A part of the points is held
out; the parameters kept are those with the best held-out weighted log likelihood, those of the
start included, so that training never ends worse (there) than it began. Points are asked for an
epoch at a time, so that they may be on disk. What needs JAX is imported by the first training.
"""

from typing import TYPE_CHECKING, Any

from skerry.training._settings import Epoch, Fitted, Progress, Rows, Training

if TYPE_CHECKING:
    from skerry.training._fit import fit, held_out_score

__all__ = ["Epoch", "Fitted", "Progress", "Rows", "Training", "fit", "held_out_score"]


def __getattr__(name: str) -> Any:
    if name in ("fit", "held_out_score"):
        from skerry.training import _fit

        return getattr(_fit, name)
    raise AttributeError(f"module 'skerry.training' has no attribute {name!r}")
