"""Numbers as people read them."""

from __future__ import annotations

import math

DASH = "–"


def measured(value: float, error: float) -> str:
    """A value with its error, to two digits of it: ``1.230 ± 0.012``, ``(1.23 ± 0.12)e-07``."""
    if not math.isfinite(value):
        return DASH
    if not (math.isfinite(error) and error > 0):
        return plain(value)
    largest = max(abs(value), error)
    power = math.floor(math.log10(largest))
    if -3 <= power < 6:
        digits = _digits(error)
        return f"{fixed(value, digits)} ± {error:.{digits}f}"
    scaled, spread = value / 10.0**power, error / 10.0**power
    digits = _digits(spread)
    return f"({fixed(scaled, digits)} ± {spread:.{digits}f})e{power:+03d}"


def plain(value: float, digits: int = 4) -> str:
    """A number of so many significant digits; a dash for one that is not known."""
    return f"{value:.{digits}g}" if math.isfinite(value) else DASH


def between(low: float, high: float) -> str:
    """An interval, to digits that tell its ends apart."""
    width = high - low
    if not (math.isfinite(width) and width > 0):
        return f"{plain(low)} to {plain(high)}"
    largest = max(abs(low), abs(high))
    if not 1e-3 <= largest < 1e6:
        return f"{low:.4g} to {high:.4g}"
    digits = _digits(width) + 1
    return f"{fixed(low, digits)} to {fixed(high, digits)}"


def fixed(value: float, digits: int) -> str:
    """A number of so many decimals; 0 has no sign."""
    return f"{value:z.{digits}f}"


def _digits(error: float) -> int:
    """Decimals that show two digits of an error."""
    return min(max(1 - math.floor(math.log10(error)), 0), 12)


def counted(n: int, one: str) -> str:
    """``1 island``, ``2 islands``."""
    return f"{n:,} {one}{'' if n == 1 else 's'}"
