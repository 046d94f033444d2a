"""The shape of a stack of coupling layers, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from skerry.errors import InputError


@dataclass(frozen=True)
class CouplingSettings:
    """The shape of a stack of coupling layers.

    Attributes:
        kind: ``"spline"`` (rational-quadratic) or ``"affine"`` (RealNVP).
        layers: number of layers; 0 for none.
        width: hidden units of each conditioner.
        depth: hidden layers of each conditioner.
        bins: inner edges of each spline: it has one bin more.
        bound: splines act on ``[-bound, bound]`` and are the identity outside.
    """

    kind: Literal["spline", "affine"] = "spline"
    layers: int = 4
    width: int = 64
    depth: int = 2
    bins: int = 8
    bound: float = 6.0

    def __post_init__(self) -> None:
        if self.kind not in ("spline", "affine"):
            raise InputError(f"Expected kind 'spline' or 'affine'; got {self.kind!r}.")
        if self.layers < 0 or min(self.width, self.depth, self.bins) < 1 or self.bound <= 0:
            raise InputError(
                f"Expected layers >= 0, width, depth, bins >= 1 and bound > 0; got {self}."
            )
