"""Envelopes: independent draws of a posterior that has no closed form.

A stored one is a mixture of Student t islands fitted to a long run, kept in a data file, with a
bound on log(target / mixture). Draws are by rejection: independent, and exact but for the bound,
above which lies about 1e-5 of the mass, which is cut off. ``benchmarks/certified_truths.py`` sets
the bound on a million draws and measures what lies above it on others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Protocol, TypeAlias

import numpy as np
from scipy.special import gammaln

from skerry._types import FloatArray

LogDensity: TypeAlias = Callable[[FloatArray], FloatArray]
BLOCK = 50_000
ROWS = 2048


@dataclass(frozen=True)
class StudentMixture:
    """sum_k s_k t_k: multivariate Student t with ``dof`` degrees of freedom.

    Attributes:
        means: ``(K, d)``.
        roots: lower Cholesky factors of the scale matrices, ``(K, d, d)``.
        log_shares: ``(K,)``.
        dof: degrees of freedom.
    """

    means: FloatArray
    roots: FloatArray
    log_shares: FloatArray
    dof: float

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Log density (n,) at points (n, d)."""
        K, d = self.means.shape
        inverses = np.linalg.inv(self.roots)
        log_det = np.sum(np.log(np.diagonal(self.roots, axis1=1, axis2=2)), axis=1)
        norm = gammaln((self.dof + d) / 2.0) - gammaln(self.dof / 2.0)
        log_height = norm - 0.5 * d * np.log(np.pi * self.dof) - log_det + self.log_shares
        turn = inverses.transpose(2, 0, 1).reshape(d, K * d)
        shift = np.einsum("kij,kj->ki", inverses, self.means).ravel()
        heights = np.exp(log_height - log_height.max())
        total = np.empty(len(x))
        for start in range(0, len(x), ROWS):
            z = (x[start : start + ROWS] @ turn - shift).reshape(-1, K, d)
            squares = np.einsum("nki,nki->nk", z, z) / self.dof
            total[start : start + ROWS] = self._fall(squares) @ heights
        with np.errstate(divide="ignore"):
            return np.log(total) + log_height.max()

    def _fall(self, squares: FloatArray) -> FloatArray:
        """(1 + squares)^-p with p = (dof + d) / 2."""
        power = (self.dof + self.means.shape[1]) / 2.0
        return np.exp(-power * np.log1p(squares))

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, d) in random order."""
        shares = np.exp(self.log_shares)
        which = rng.choice(len(shares), size=n, p=shares / shares.sum())
        z = rng.standard_normal((n, self.means.shape[1]))
        z /= np.sqrt(rng.chisquare(self.dof, n) / self.dof)[:, None]
        x = np.empty_like(z)
        for k, root in enumerate(self.roots):
            mine = which == k
            x[mine] = self.means[k] + z[mine] @ root.T
        return x


class Proposal(Protocol):
    """A density that can be drawn from; nan stands for a draw that came to nothing."""

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Log density (n,) at points (n, d)."""
        ...

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draws (n, d)."""
        ...


@dataclass(frozen=True)
class Envelope:
    """A normalised target (log density at (n, d), -inf outside its support) under a proposal."""

    log_target: LogDensity
    proposal: Proposal
    log_bound: float

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Independent draws (n, d)."""
        kept: list[FloatArray] = []
        missing = n
        while missing > 0:
            tried = self.proposal.sample(
                min(BLOCK, int(missing * np.exp(self.log_bound)) + 50), rng
            )
            log_ratio = self.log_target(tried) - self.proposal.log_prob(tried) - self.log_bound
            kept.append(tried[-rng.standard_exponential(len(tried)) < log_ratio][:missing])
            missing -= len(kept[-1])
        return np.concatenate(kept)


def stored_envelope(name: str, log_target: LogDensity) -> Envelope:
    """The envelope of that name among the package's data."""
    path = resources.files("skerry").joinpath("data", f"envelope_{name}.npz")
    with path.open("rb") as file, np.load(file) as held:
        mixture = StudentMixture(
            held["means"], held["roots"], held["log_shares"], float(held["dof"])
        )
        return Envelope(log_target, mixture, float(held["log_bound"]))
