r"""Bends: triangular quadratic maps that straighten curved islands.

In the whitened, rotated coordinates x of a frame, longest axis first, a bent island is

.. math:: x_j = c_j + \sum_{i<j} l_{ji} x_i + \sum_{p \le q < j} h_{jpq} x_p x_q + e^{s_j} z_j,
   \qquad z \sim N(0, I),

with few of the h other than zero (equation :eq:`bend` of the method). The map is exact to invert,
coordinate by coordinate, and its determinant is constant: :math:`\log|dz/dx| = -\sum_j s_j`. A
banana is one Gaussian to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from skerry._types import FloatArray, IntArray


@dataclass(frozen=True)
class Bend:
    """One island's bend in d dimensions, with T quadratic terms.

    Attributes:
        rotation: ``(d, d)``, orthogonal: x = y @ rotation for whitened y.
        constant: c, ``(d,)``.
        linear: l, strictly lower triangular, ``(d, d)``.
        log_scales: s, ``(d,)``.
        terms: j, p, q of each quadratic term, ``(T, 3)``.
        heights: h, ``(T,)``.
    """

    rotation: FloatArray
    constant: FloatArray
    linear: FloatArray
    log_scales: FloatArray
    terms: IntArray
    heights: FloatArray

    @property
    def log_det(self) -> float:
        """``log|dz/dy|``, the same everywhere."""
        return -float(np.sum(self.log_scales))

    def straighten(self, y: FloatArray) -> FloatArray:
        """From whitened coordinates ``(n, d)`` to those in which the island is a unit Gaussian."""
        x = y @ self.rotation
        z = x - self.constant - x @ self.linear.T
        for (j, p, q), height in zip(self.terms, self.heights, strict=True):
            z[:, j] -= height * x[:, p] * x[:, q]
        return np.asarray(z * np.exp(-self.log_scales))

    def bend(self, z: FloatArray) -> FloatArray:
        """The inverse of :meth:`straighten`."""
        x = z * np.exp(self.log_scales) + self.constant
        for j in range(x.shape[1]):
            x[:, j] += x[:, :j] @ self.linear[j, :j]
            for t in np.flatnonzero(self.terms[:, 0] == j):
                x[:, j] += self.heights[t] * x[:, self.terms[t, 1]] * x[:, self.terms[t, 2]]
        return np.asarray(x @ self.rotation.T)


def to_arrays(bends: Sequence[Bend | None]) -> dict[str, Any]:
    """Bends as arrays, for a file: those of all frames stacked, terms one after the other."""
    found = [(k, b) for k, b in enumerate(bends) if b is not None]
    if not found:
        return {}
    arrays: dict[str, Any] = {"frame": np.array([k for k, _ in found])}
    arrays["n_terms"] = np.array([len(b.heights) for _, b in found])
    for field in fields(Bend):
        parts = [getattr(b, field.name) for _, b in found]
        joined = field.name in ("terms", "heights")
        arrays[field.name] = np.concatenate(parts) if joined else np.stack(parts)
    return arrays


def from_arrays(arrays: dict[str, Any], n_frames: int) -> tuple[Bend | None, ...]:
    """The inverse of :func:`to_arrays`; ``()`` for no arrays.

    Raises:
        ValueError: for arrays that don't fit together.
    """
    if not arrays:
        return ()
    bends: list[Bend | None] = [None] * n_frames
    ends = np.cumsum(arrays["n_terms"])
    d = arrays["constant"].shape[1]
    for i, k in enumerate(arrays["frame"]):
        own = slice(int(ends[i] - arrays["n_terms"][i]), int(ends[i]))
        terms = arrays["terms"][own].reshape(-1, 3).astype(np.int64)
        heights = arrays["heights"][own]
        causal = np.all((terms >= 0) & (terms < d)) and np.all(terms[:, 1:] < terms[:, :1])
        square = arrays["rotation"][i].shape == arrays["linear"][i].shape == (d, d)
        fits = square and arrays["log_scales"][i].shape == (d,) and len(terms) == len(heights)
        if not (causal and fits and 0 <= k < n_frames):
            raise ValueError("the terms of a bend do not fit it")
        bends[int(k)] = Bend(
            rotation=arrays["rotation"][i],
            constant=arrays["constant"][i],
            linear=arrays["linear"][i],
            log_scales=arrays["log_scales"][i],
            terms=terms,
            heights=heights,
        )
    return tuple(bends)
