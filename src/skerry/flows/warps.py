r"""One coordinate of an amortised component: a normal number that leans and has heavier tails.

:math:`w(z) = y \sqrt{1 + \tau y^2}`, :math:`y = z + \lambda \sqrt{1 + z^2}` (equation :eq:`warp` of
the method), and what a coordinate is to those after it. Elementwise, by NumPy or JAX's copy of it.
"""

from __future__ import annotations

from typing import Any


def seen(z: Any, xp: Any) -> Any:
    """What a coordinate is to those after it: itself, and never beyond 2."""
    return z / xp.sqrt(1.0 + 0.25 * z**2)


def warped(z: Any, skew: Any, tail: Any, xp: Any) -> Any:
    """w(z)."""
    y = z + skew * xp.sqrt(1.0 + z**2)
    return y * xp.sqrt(1.0 + tail * y**2)


def unwarped(y: Any, skew: Any, tail: Any, xp: Any) -> tuple[Any, Any]:
    """The inverse, and the logarithm of its slope."""
    rest = 1.0 - skew**2
    root = xp.sqrt(1.0 + 4.0 * tail * y**2)
    pull = 1.0 / xp.sqrt(0.5 + 0.5 * root)
    y = y * pull
    far = xp.sqrt(y**2 + rest)
    return (y - skew * far) / rest, xp.log((1.0 - skew * y / far) / (rest * root * pull))
