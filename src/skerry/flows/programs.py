"""What densities compile: the terms of pairs of point and frame, and draws."""

from __future__ import annotations

from functools import partial
from typing import Any

from skerry._compilation import program
from skerry._devices import spread
from skerry.flows.shapes import AbstractShape


def log_terms(shape: AbstractShape, y: Any, k: Any, x: Any) -> Any:
    """Of pairs along the last axis, over all devices."""
    return _log_terms(shape, *(spread(a, -1) for a in (y, k, x)))


def sample(shape: AbstractShape, noise: Any, uniform: Any, x: Any) -> Any:
    """Draws along the last axis, over all devices."""
    return _sample(shape, *(spread(a, -1) for a in (noise, uniform, x)))


@partial(program, fused=True)
def _log_terms(shape: AbstractShape, y: Any, k: Any, x: Any) -> Any:
    return shape.log_terms(y, k, x)


@partial(program, fused=True)
def _sample(shape: AbstractShape, noise: Any, uniform: Any, x: Any) -> Any:
    return shape.sample(noise, uniform, x)
