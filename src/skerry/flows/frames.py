r"""Frames: where islands lie and how large they are, in float64, outside the networks.

Frame k maps a point u to island coordinates :math:`y = L_k^{-1}(u - \mu_k)`, so that float32
networks see numbers of order one however narrow the island. Periodic coordinates are first turned
so that the island's own centre is farthest from the seam: with :math:`v = \Phi(u)` on the circle,
:math:`v' = v - c_k + 1/2 \bmod 1` and :math:`u' = \Phi^{-1}(v')`. The turn keeps the uniform
measure on the circle, so densities only gain :math:`\log\varphi(u) - \log\varphi(u')`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.errors import InputError

TINY = 1e-300


@dataclass(frozen=True)
class Frames:
    """K affine frames in d dimensions.

    Attributes:
        means: ``(K, d)``, in each frame's own turned coordinates.
        cholesky: lower factors of the covariances, ``(K, d, d)``.
        turns: the place on the unit circle that each frame turns to 1/2, ``(K, d)``; used where
            ``periodic``.
        periodic: which coordinates lie on a circle, ``(d,)``.
    """

    means: FloatArray
    cholesky: FloatArray
    turns: FloatArray
    periodic: BoolArray

    def __post_init__(self) -> None:
        K, d = self.means.shape
        if self.cholesky.shape != (K, d, d) or self.turns.shape != (K, d):
            raise InputError(
                f"Expected cholesky of shape {(K, d, d)} and turns {(K, d)}; got "
                f"{self.cholesky.shape} and {self.turns.shape}."
            )
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
        only = Frames(self.means[[k]], self.cholesky[[k]], self.turns[[k]], self.periodic)
        y, log_det = only.to_frames(u)
        return y[:, 0], log_det[:, 0]

    def to_frames(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """All frames' coordinates, ``(n, K, d)``, and log determinants ``(n, K)``."""
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

    def from_frames(self, y: FloatArray, k: IntArray) -> FloatArray:
        """Points whose coordinates in their frames ``k`` ``(n,)`` are ``y`` ``(n, d)``."""
        u = np.empty_like(y)
        for frame in np.unique(k):
            mine = k == frame
            turned = self.means[frame] + y[mine] @ self.cholesky[frame].T
            u[mine] = self._turn(turned, int(frame), -1)[0]
        return u

    def _turn(self, u: FloatArray, k: int, sign: int) -> tuple[FloatArray, FloatArray]:
        if not self.periodic.any():
            return u, np.zeros(len(u))
        turned = u.copy()
        p = self.periodic
        place = (ndtr(u[:, p]) + sign * (0.5 - self.turns[k, p])) % 1.0
        turned[:, p] = ndtri(np.clip(place, TINY, 1 - 1e-16))
        return turned, 0.5 * np.sum(turned[:, p] ** 2 - u[:, p] ** 2, axis=1)


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
