"""Periodic parameters in pictures: islands are unrolled where they are thinnest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skerry._types import FloatArray

if TYPE_CHECKING:
    from skerry.posterior import Posterior

ALL_ROUND = 0.06  # of a turn: an island with no wider gap goes all round


@dataclass(frozen=True)
class Circle:
    """A periodic parameter's range."""

    low: float
    high: float

    @property
    def turn(self) -> float:
        """Once round."""
        return self.high - self.low

    def fold(self, values: FloatArray) -> FloatArray:
        """Values in [low, high)."""
        return np.asarray(self.low + np.mod(values - self.low, self.turn))

    def cut(self, values: FloatArray) -> tuple[float, bool]:
        """The middle of the widest gap between values ``(n,)``; whether they go all round."""
        places = np.sort(self.fold(values))
        gaps = np.diff([*places, places[0] + self.turn])
        widest = int(np.argmax(gaps))
        return float(places[widest] + 0.5 * gaps[widest]), bool(
            gaps[widest] < ALL_ROUND * self.turn
        )

    def unroll(self, values: FloatArray, cut: float) -> FloatArray:
        """The same places without a seam but at the cut; most of them in [low, high)."""
        flat = cut + np.mod(values - cut, self.turn)
        middle = float(np.median(flat))
        return np.asarray(flat + float(self.fold(np.array(middle))) - middle)


def circles(posterior: Posterior) -> tuple[Circle | None, ...]:
    """For each parameter its circle, or None; a posterior without its prior has none."""
    if posterior.flow is None:
        return (None,) * posterior.ndim
    prior = posterior.flow.prior
    ends = zip(prior.bounds.tolist(), prior.periodic, strict=True)
    return tuple(Circle(*bounds) if around else None for bounds, around in ends)
