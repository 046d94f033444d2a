r"""Frames: where islands lie and how large they are, in float64, outside the networks.

Frame k maps a point u to island coordinates :math:`y = L_k^{-1}(u - \mu_k)`, so that float32
networks see numbers of order one however narrow the island. Periodic coordinates are first turned
so that the island's own centre is farthest from the seam: with :math:`v = \Phi(u)` on the circle,
:math:`v' = v - c_k + 1/2 \bmod 1` and :math:`u' = \Phi^{-1}(v')`. The turn keeps the uniform
measure on the circle, so densities only gain :math:`\log\varphi(u) - \log\varphi(u')`. A curved
island is straightened besides, by its :class:`~skerry.flows.bends.Bend`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.errors import InputError
from skerry.flows.bends import Bend

TINY = 1e-300
NEARBY = 1e-3  # of a frame's width: over what its axes at a point are taken


@dataclass(frozen=True)
class Frames:
    """K frames in d dimensions, affine but for the bends.

    Attributes:
        means: ``(K, d)``, in each frame's own turned coordinates.
        cholesky: lower factors of the covariances, ``(K, d, d)``.
        turns: the place on the unit circle that each frame turns to 1/2, ``(K, d)``; used where
            ``periodic``.
        periodic: which coordinates lie on a circle, ``(d,)``.
        bends: one a frame, None where it is straight; ``()`` if all are.
    """

    means: FloatArray
    cholesky: FloatArray
    turns: FloatArray
    periodic: BoolArray
    bends: tuple[Bend | None, ...] = ()

    def __post_init__(self) -> None:
        K, d = self.means.shape
        if self.cholesky.shape != (K, d, d) or self.turns.shape != (K, d):
            raise InputError(
                f"Expected cholesky of shape {(K, d, d)} and turns {(K, d)}; got "
                f"{self.cholesky.shape} and {self.turns.shape}."
            )
        if len(self.bends) not in (0, K):
            raise InputError(f"Expected {K} bends or none; got {len(self.bends)}.")
        diagonals = np.diagonal(self.cholesky, axis1=1, axis2=2)
        if not (np.isfinite(self.means).all() and (diagonals > 0).all()):
            raise InputError("Expected finite means and Cholesky factors with a positive diagonal.")

    @property
    def n_frames(self) -> int:
        """K."""
        return self.means.shape[0]

    @property
    def dim(self) -> int:
        """D."""
        return self.means.shape[1]

    def to_frame(self, u: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        """Frame k's coordinates of points ``(n, d)``, and ``log|dy/du|`` ``(n,)``."""
        y, log_det = self.take(np.array([k])).to_frames(u)
        return y[:, 0], log_det[:, 0]

    def to_frames(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """All frames' coordinates, ``(n, K, d)``, and log determinants ``(n, K)``."""
        return self.straighten(*self.whiten(u))

    def straighten(self, y: FloatArray, log_det: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What :meth:`whiten` gives, with the bends taken out."""
        if not any(self.bends):
            return y, log_det
        log_det = log_det + np.array([0.0 if b is None else b.log_det for b in self.bends])
        columns = [
            y[:, k] if bend is None else bend.straighten(y[:, k])
            for k, bend in enumerate(self.bends)
        ]
        return np.stack(columns).transpose(1, 0, 2), log_det

    def whiten(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """:meth:`to_frames` without the bends."""
        log_scales = np.sum(np.log(np.diagonal(self.cholesky, axis1=1, axis2=2)), axis=1)
        log_det = np.broadcast_to(-log_scales, (len(u), self.n_frames))
        if not self.periodic.any():
            turned = u[:, None, :] - self.means
        else:
            pairs = [self._turn(u, k, +1) for k in range(self.n_frames)]
            turned = np.stack([v for v, _ in pairs], axis=1) - self.means
            log_det = log_det + np.stack([turn for _, turn in pairs], axis=1)
        whiteners = np.linalg.inv(self.cholesky)
        y = np.matmul(turned.transpose(1, 0, 2), whiteners.transpose(0, 2, 1))
        return y.transpose(1, 0, 2), log_det

    def take(self, rows: IntArray) -> Frames:
        """Some of the frames."""
        return replace(
            self,
            means=self.means[rows],
            cholesky=self.cholesky[rows],
            turns=self.turns[rows],
            bends=tuple(self.bends[k] for k in rows) if self.bends else (),
        )

    def from_frames(self, y: FloatArray, k: IntArray) -> FloatArray:
        """Points whose coordinates in their frames ``k`` ``(n,)`` are ``y`` ``(n, d)``."""
        u = np.empty_like(y)
        for frame in np.unique(k):
            mine = k == frame
            bend = self.bends[frame] if self.bends else None
            straight = y[mine] if bend is None else bend.bend(y[mine])
            turned = self.means[frame] + straight @ self.cholesky[frame].T
            u[mine] = self._turn(turned, int(frame), -1)[0]
        return u

    def beside(self, y: FloatArray, k: IntArray, scale: float) -> Frames:
        """Straight frames centred where frames ``k`` ``(n,)`` have coordinates ``y`` ``(n, d)``.

        Their axes are those that frame k has there, times ``scale``.
        """
        d = self.dim
        steps = np.concatenate([np.zeros((1, d)), NEARBY * np.eye(d), -NEARBY * np.eye(d)])
        means, factors = np.empty((len(k), d)), np.empty((len(k), d, d))
        for i, frame in enumerate(k):
            bend = self.bends[frame] if self.bends else None
            around = y[i] + steps
            straight = around if bend is None else bend.bend(around)
            means[i] = self.means[frame] + self.cholesky[frame] @ straight[0]
            slopes = (straight[1 : d + 1] - straight[d + 1 :]) / (2.0 * NEARBY)
            _, r = np.linalg.qr(slopes @ self.cholesky[frame].T)
            factors[i] = scale * (r * np.sign(np.diagonal(r))[:, None]).T
        return Frames(means, factors, self.turns[k], self.periodic)

    def _turn(self, u: FloatArray, k: int, sign: int) -> tuple[FloatArray, FloatArray]:
        if not self.periodic.any():
            return u, np.zeros(len(u))
        turned = u.copy()
        p = self.periodic
        place = (ndtr(u[:, p]) + sign * (0.5 - self.turns[k, p])) % 1.0
        turned[:, p] = ndtri(np.clip(place, TINY, 1 - 1e-16))
        return turned, 0.5 * np.sum(turned[:, p] ** 2 - u[:, p] ** 2, axis=1)


def stack(parts: Sequence[Frames]) -> Frames:
    """The frames of all the parts, one after the other."""
    bent = any(any(f.bends) for f in parts)
    return Frames(
        np.concatenate([f.means for f in parts]),
        np.concatenate([f.cholesky for f in parts]),
        np.concatenate([f.turns for f in parts]),
        parts[0].periodic,
        tuple(b for f in parts for b in (f.bends or (None,) * f.n_frames)) if bent else (),
    )


def frames(
    means: FloatArray,
    covariances: FloatArray,
    *,
    turns: FloatArray | None = None,
    periodic: BoolArray | None = None,
) -> Frames:
    """Frames from means ``(K, d)`` and covariances ``(K, d, d)``."""
    means = np.atleast_2d(np.asarray(means, np.float64))
    return Frames(
        means,
        np.linalg.cholesky(np.asarray(covariances, np.float64)),
        np.full(means.shape, 0.5) if turns is None else turns,
        np.zeros(means.shape[1], bool) if periodic is None else np.asarray(periodic, bool),
    )
