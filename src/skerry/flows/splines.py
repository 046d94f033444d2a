r"""Rational-quadratic splines (Durkan et al. 2019, arXiv:1906.04032), feature first.

A spline maps ``[-bound, bound]`` onto itself, through ``bins + 1`` bins whose widths, heights and
slopes are free, and is the identity outside. Its raw parameters come as rows, points along the
last axis, so that all work is elementwise on long contiguous rows: no search, no gather. A bin is
picked by masks, and only what was picked is normalised and differentiated.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

LEAST_SLOPE = 0.05
LEAST_WIDTH = 0.1  # of an equal share
UNIT_SLOPE = float(np.log(np.expm1(1.0 - LEAST_SLOPE)))  # the raw slope of the identity


class _Bin(NamedTuple):
    """The bin that each point lies in."""

    inside: Bool[Array, "..."]
    place: Float[Array, "..."]  # the point, clipped to the interval
    width: Float[Array, "..."]
    height: Float[Array, "..."]
    left: Float[Array, "..."]
    bottom: Float[Array, "..."]
    slope: Float[Array, "..."]  # at the left edge
    next_slope: Float[Array, "..."]


def n_parameters(bins: int) -> int:
    """How many raw parameters a spline has: widths, heights, slopes at all edges."""
    return 3 * (bins + 1) + 1


def forward(
    raw: Float[Array, "p ..."], x: Float[Array, "..."], bins: int, bound: float
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The splines' values at x and the logarithms of their slopes; zeros are the identity."""
    b = _bin(raw, x, bins, bound, inverse=False)
    mean = b.height / b.width
    share = jnp.clip((b.place - b.left) / b.width, 0.0, 1.0)
    both = share * (1.0 - share)
    below = mean + (b.slope + b.next_slope - 2.0 * mean) * both
    y = b.bottom + b.height * (mean * share**2 + b.slope * both) / below  # eq. 4
    rise = b.next_slope * share**2 + 2.0 * mean * both + b.slope * (1.0 - share) ** 2
    log_slope = jnp.log(rise * (mean / below) ** 2)  # eq. 5
    y = jnp.clip(y, -bound, bound)
    return jnp.where(b.inside, y, x), jnp.where(b.inside, log_slope, 0.0)


def inverse(
    raw: Float[Array, "p ..."], y: Float[Array, "..."], bins: int, bound: float
) -> Float[Array, "..."]:
    """Where the splines' values are y: the root of eqs. 6-8, kept inside its bin."""
    b = _bin(raw, y, bins, bound, inverse=True)
    mean, rise = b.height / b.width, b.place - b.bottom
    bend = rise * (b.slope + b.next_slope - 2.0 * mean)
    p, q = b.height * (mean - b.slope) + bend, b.height * b.slope - bend
    root = jnp.sqrt(jnp.maximum(q**2 + 4.0 * p * mean * rise, 0.0))  # below 0 by rounding alone
    share = jnp.clip(2.0 * mean * rise / (q + root), 0.0, 1.0)
    return jnp.where(b.inside, b.left + share * b.width, y)


def _bin(raw: Array, place: Array, bins: int, bound: float, *, inverse: bool) -> _Bin:
    n = bins + 1
    least = LEAST_WIDTH * bound / bins
    free = 2.0 * bound - n * least  # of the interval, beyond what each bin has at least
    (widths, all_widths), (heights, all_heights) = (
        _exponentials(raw[:n]),
        _exponentials(raw[n : 2 * n]),
    )
    slopes = raw[2 * n :] + UNIT_SLOPE
    inside = (place >= -bound) & (place <= bound)
    clipped = jnp.clip(place, -bound, bound)

    # which edges lie behind: compared in the units of the exponentials, so that none is divided
    parts, whole = (heights, all_heights) if inverse else (widths, all_widths)
    parts, scale = jax.lax.stop_gradient((parts, whole / free))
    reach = (jax.lax.stop_gradient(clipped) + bound) * scale
    passed, edge = [], jnp.zeros_like(reach)
    for j in range(n - 1):
        edge = edge + (parts[j] + least * scale)
        passed.append(reach >= edge)
    behind = jnp.stack(passed)
    one = jnp.ones_like(behind[:1])
    here = jnp.concatenate([one, behind]) & ~jnp.concatenate([behind, ~one])

    def pick(rows: Array) -> Array:
        return jnp.sum(jnp.where(here, rows, 0.0), axis=0)

    def so_far(rows: Array) -> Array:
        return jnp.sum(jnp.where(behind, rows[:-1], 0.0), axis=0)

    start = least * jnp.sum(behind, axis=0) - bound
    per_width, per_height = free / all_widths, free / all_heights
    return _Bin(
        inside,
        clipped,
        width=least + pick(widths) * per_width,
        height=least + pick(heights) * per_height,
        left=start + so_far(widths) * per_width,
        bottom=start + so_far(heights) * per_height,
        slope=LEAST_SLOPE + _softplus(pick(slopes[:-1])),
        next_slope=LEAST_SLOPE + _softplus(pick(slopes[1:])),
    )


def _exponentials(raw: Array) -> tuple[Array, Array]:
    """What a softmax divides, and by what."""
    top = jax.lax.stop_gradient(jnp.max(raw, axis=0))
    values = jnp.exp(raw - top)
    return values, jnp.sum(values, axis=0)


def _softplus(v: Array) -> Array:
    """``log(1 + exp(v))``; a logarithm of 1 + is a third of ``log1p``'s time, and near enough."""
    return jnp.maximum(v, 0.0) + jnp.log(1.0 + jnp.exp(-jnp.abs(v)))
