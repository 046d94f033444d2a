"""Proposals for the sensors: places built from the seven seen distances and one angle.

Distances are drawn as seen: sensors 1 and 3 from those to the known pair, sensor 2 at an angle
around sensor 3, sensor 4 from its distances to sensors 1 and 2. Three signs choose between the two
places where circles cross. A table over signs and angle follows the posterior. The density is
exact: each crossing of circles has the Jacobian |u_a x u_b|, with unit vectors from their centres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.tasks._envelopes import LogDensity

BINS = 120
TRIES = 300  # draws a cell of the table
FLOOR = 0.02  # the table's share that is spread evenly
LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class SensorProposal:
    """A normalised density of four places (n, 8), up to draws whose circles don't cross.

    Attributes:
        known: the two known places, (2, 2).
        distances: of 1 and 3 from the known ones, of 2 from 3, of 4 from 1 and 2, (7,).
        spread: the standard deviation of each distance.
        table: probabilities of signs (3 bits: sensors 1, 3, 4) and of the angle's bin, (8, BINS).
    """

    known: FloatArray
    distances: FloatArray
    spread: float
    table: FloatArray

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, 8); nan where circles don't cross."""
        cell = rng.choice(self.table.size, size=n, p=self.table.ravel())
        signs, column = np.divmod(cell, BINS)
        return self.places(signs, (column + rng.random(n)) / BINS, rng)

    def places(self, signs: IntArray, turn: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Places (n, 8) for given signs and angles, in turns, with random distances."""
        r = self.distances + self.spread * rng.standard_normal((len(signs), 7))
        up = [(signs & bit) > 0 for bit in (4, 2, 1)]
        first = _crossing(self.known[0], self.known[1], r[:, 0], r[:, 1], up[0])
        third = _crossing(self.known[0], self.known[1], r[:, 2], r[:, 3], up[1])
        angle = 2.0 * np.pi * turn
        second = third + r[:, 4, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        fourth = _crossing(first, second, r[:, 5], r[:, 6], up[2])
        theta = np.concatenate([first, second, third, fourth], axis=1)
        theta[np.isnan(theta).any(axis=1)] = np.nan
        return theta

    def log_prob(self, theta: FloatArray) -> FloatArray:
        """Log density (n,); 0 for the nan of a draw without a crossing."""
        first, second, third, fourth = (theta[:, 2 * i : 2 * i + 2] for i in range(4))
        a, b = np.broadcast_to(self.known[:, None], (2, *first.shape))
        up, log_jacobian, r = [], np.zeros(len(theta)), []
        for place, one, other in ((first, a, b), (third, a, b), (fourth, first, second)):
            near, far = place - one, place - other
            r += [np.hypot(*near.T), np.hypot(*far.T)]
            area = np.abs(cross(near, far)) / (r[-2] * r[-1])
            log_jacobian += np.log(np.maximum(area, 1e-300))
            up.append(cross(other - one, near) > 0.0)
        gap = second - third
        r.insert(4, np.hypot(*gap.T))
        log_jacobian -= np.log(2.0 * np.pi * r[4])
        z = (np.stack(r, axis=1) - self.distances) / self.spread
        turn = np.mod(np.arctan2(gap[:, 1], gap[:, 0]) / (2.0 * np.pi), 1.0)
        column = np.minimum(np.nan_to_num(turn * BINS).astype(np.int64), BINS - 1)
        signs = np.stack(up, axis=1).astype(np.int64) @ np.array([4, 2, 1])
        log_cell = np.log(self.table[signs, column] * BINS)
        log_r = -0.5 * np.sum(z**2 + LOG_2PI, axis=1) - 7.0 * np.log(self.spread)
        return np.nan_to_num(log_r + log_cell + log_jacobian, nan=0.0)


def sensor_proposal(
    log_target: LogDensity, known: FloatArray, distances: FloatArray, spread: float
) -> SensorProposal:
    """The proposal whose table follows the target's mean in each cell."""
    even = SensorProposal(known, distances, spread, np.full((8, BINS), 1.0 / (8 * BINS)))
    rng = np.random.default_rng(8)
    signs, column = np.divmod(np.repeat(np.arange(8 * BINS), TRIES), BINS)
    theta = even.places(signs, (column + rng.random(len(column))) / BINS, rng)
    log_w = log_target(theta) - even.log_prob(theta)
    mean = np.exp(log_w - log_w.max()).reshape(8, BINS, TRIES).mean(axis=2)
    table = (1.0 - FLOOR) * mean / mean.sum() + FLOOR / mean.size
    return SensorProposal(known, distances, spread, table / table.sum())


def _crossing(
    one: FloatArray, other: FloatArray, near: FloatArray, far: FloatArray, left: BoolArray
) -> FloatArray:
    """Where two circles cross, on the left of the way from one centre to the other; else nan."""
    way = np.broadcast_to(other - one, (len(near), 2))
    length = np.hypot(*way.T)
    along = (near**2 - far**2 + length**2) / (2.0 * length)
    square = near**2 - along**2
    height = np.sqrt(np.where(square > 0.0, square, np.nan)) * np.where(left, 1.0, -1.0)
    across = np.stack([-way[:, 1], way[:, 0]], axis=1)
    return one + (along[:, None] * way + height[:, None] * across) / length[:, None]


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """The cross product of vectors in the plane (n,)."""
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])
