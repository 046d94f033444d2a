"""Real data: the couplings of the Higgs boson, up to signs that rates hardly tell.

Couplings kappa in units of the Standard Model, from twenty signal strengths of LHC Run 1, with
loops resolved (coefficients: arXiv:1606.02266, Table 4)::

    g^2     = 1.06 t^2 + 0.01 b^2 - 0.07 t b
    gamma^2 = 1.59 V^2 + 0.07 t^2 - 0.66 V t
    H^2     = 0.57 b^2 + 0.22 V^2 + 0.09 g^2 + 0.06 tau^2 + 0.03 V^2 + 0.03 t^2 + 0.0023 gamma^2
    mu      = production x decay / H^2

    production: ggF g^2, VBF WH ZH V^2, ttH t^2; decay: gamgam gamma^2, ZZ WW V^2, tautau, bb
    log L = -chi^2 / 2, the upper error where a prediction lies above its measurement, else the
    lower one

Correlations between the measurements are left out: a re-fit for illustration, not an official
result. Evidence, masses and peaks below come from ``benchmarks/higgs_truth.py``.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TypeAlias

import numpy as np

from skerry._types import FloatArray, IntArray
from skerry.tasks._cells import Cells, cut
from skerry.tasks._task import Task, TaskMode, uniform_prior

SOURCE = "ATLAS and CMS, JHEP 08 (2016) 045, arXiv:1606.02266, Tables 4 and 8 (HEPData, CC0)."
NOTE = "A re-fit without correlations, for illustration. A point belongs to the mode of its signs."
Measurement: TypeAlias = tuple[str, str, float, float, float]


@dataclass(frozen=True)
class Variant:
    """One choice of free couplings.

    Attributes:
        names: the free couplings.
        couplings: points (n, d) -> kV, kt, kb, ktau, each (n,).
        signed: the columns whose signs tell the modes apart; the last can be mirrored.
        mirrored: whether the likelihood is even in the last column.
        grid: first cells an axis.
        log_evidence: with its error.
        peaks: (location, mass) for the signs in order, minus before plus, the last fastest.
    """

    names: tuple[str, ...]
    couplings: Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray, FloatArray]]
    signed: tuple[int, ...]
    mirrored: bool
    grid: tuple[int, ...]
    log_evidence: tuple[float, float]
    peaks: tuple[tuple[tuple[float, ...], float], ...]

    @property
    def low(self) -> list[float]:
        """The prior's lower corner."""
        return [0.0 if name == "kV" else -2.0 for name in self.names]

    @property
    def high(self) -> list[float]:
        """The prior's upper corner."""
        return [2.0] * len(self.names)

    def log_likelihood(self, theta: FloatArray) -> FloatArray:
        """-chi^2 / 2 (n,)."""
        return log_likelihood(*self.couplings(theta))

    def label(self, theta: FloatArray) -> IntArray:
        """The signs as a binary number (n,)."""
        powers = 2 ** np.arange(len(self.signed))[::-1]
        return (theta[:, list(self.signed)] > 0.0).astype(np.int64) @ powers

    def cells(self, efficiency: float = 0.2) -> Cells:
        """Cells of the likelihood, where it is mirrored of the upper half alone."""
        low = self.low
        low[-1] = 0.0 if self.mirrored else low[-1]
        return cut(self.log_likelihood, low, self.high, self.grid, efficiency=efficiency)


VARIANTS = {
    "higgs_2d": Variant(
        names=("kV", "kF"),
        couplings=lambda theta: (theta[:, 0], theta[:, 1], theta[:, 1], theta[:, 1]),
        signed=(1,),
        mirrored=False,
        grid=(64, 64),
        log_evidence=(-15.694052, 5.1e-07),
        peaks=(
            ((0.82920, -0.76506), 0.0058728),
            ((1.01245, 0.90922), 0.9941272),
        ),
    ),
    "higgs_3d": Variant(
        names=("kt", "kb", "ktau"),
        couplings=lambda theta: (np.ones(len(theta)), theta[:, 0], theta[:, 1], theta[:, 2]),
        signed=(0, 1, 2),
        mirrored=True,
        grid=(32, 32, 16),
        log_evidence=(-16.610594, 1.8e-06),
        peaks=(
            ((-0.86631, -1.13506, -1.19165), 0.0018896),
            ((-0.86631, -1.13506, 1.19165), 0.0018896),
            ((-0.79692, 1.12845, -1.18547), 0.0019738),
            ((-0.79692, 1.12845, 1.18547), 0.0019738),
            ((0.83246, -0.84041, -0.97383), 0.2191323),
            ((0.83246, -0.84041, 0.97383), 0.2191323),
            ((0.88503, 0.82907, -0.96610), 0.2770043),
            ((0.88503, 0.82907, 0.96610), 0.2770043),
        ),
    ),
    "higgs_4d": Variant(
        names=("kV", "kt", "kb", "ktau"),
        couplings=lambda theta: (theta[:, 0], theta[:, 1], theta[:, 2], theta[:, 3]),
        signed=(1, 2, 3),
        mirrored=True,
        grid=(8, 12, 12, 6),
        log_evidence=(-18.530894, 1.9e-06),
        peaks=(
            ((0.85374, -0.76562, -0.79555, -1.03503), 0.0039434),
            ((0.85374, -0.76562, -0.79555, 1.03503), 0.0039434),
            ((0.85437, -0.71663, 0.79179, -1.03076), 0.0040141),
            ((0.85437, -0.71663, 0.79179, 1.03076), 0.0040141),
            ((0.92927, 0.79276, -0.69675, -0.91135), 0.2238551),
            ((0.92927, 0.79276, -0.69675, 0.91135), 0.2238551),
            ((0.93826, 0.84303, 0.70573, -0.91299), 0.2681874),
            ((0.93826, 0.84303, 0.70573, 0.91299), 0.2681874),
        ),
    ),
}


def higgs(name: str) -> Task:
    """The task of one of ``VARIANTS``."""
    from skerry.problem import Problem

    variant = VARIANTS[name]
    cells = cache(variant.cells)

    def sample(n: int, rng: np.random.Generator) -> FloatArray:
        theta = cells().sample(n, rng)
        if variant.mirrored:
            theta[:, -1] *= rng.choice([-1.0, 1.0], n)
        return theta

    prior = uniform_prior(variant.names, variant.low, variant.high)
    return Task(
        name=name,
        problem=Problem(prior, variant.log_likelihood),
        log_evidence=variant.log_evidence[0],
        log_evidence_error=variant.log_evidence[1],
        modes=tuple(TaskMode(np.array(location), mass) for location, mass in variant.peaks),
        sampler=sample,
        labeller=variant.label,
        note=NOTE,
        source=SOURCE,
    )


def log_likelihood(
    k_v: FloatArray, k_t: FloatArray, k_b: FloatArray, k_tau: FloatArray
) -> FloatArray:
    """-chi^2 / 2 (n,) of couplings, each (n,); -inf where the Higgs boson can't decay."""
    _, _, strength, up, down = (np.array(column) for column in zip(*measurements(), strict=True))
    miss = strengths(k_v, k_t, k_b, k_tau) - strength
    chi2 = np.sum((miss * np.where(miss > 0.0, 1.0 / up, 1.0 / down)) ** 2, axis=1)
    return np.where(np.isnan(chi2), -np.inf, -0.5 * chi2)


def strengths(k_v: FloatArray, k_t: FloatArray, k_b: FloatArray, k_tau: FloatArray) -> FloatArray:
    """The predicted signal strengths (n, 20); nan where the Higgs boson can't decay."""
    v2, t2, b2, tau2 = k_v**2, k_t**2, k_b**2, k_tau**2
    gluon2 = 1.06 * t2 + 0.01 * b2 - 0.07 * k_t * k_b
    photon2 = 1.59 * v2 + 0.07 * t2 - 0.66 * k_v * k_t
    width = 0.57 * b2 + 0.25 * v2 + 0.09 * gluon2 + 0.06 * tau2 + 0.03 * t2 + 0.0023 * photon2
    possible = width > 0.0
    production = {"ggF": gluon2, "VBF": v2, "WH": v2, "ZH": v2, "ttH": t2}
    decay = {"gamgam": photon2, "ZZ": v2, "WW": v2, "tautau": tau2, "bb": b2}
    shares = {name: s / np.where(possible, width, np.nan) for name, s in decay.items()}
    rows = [production[made] * shares[seen] for made, seen, *_ in measurements()]
    return np.stack(rows, axis=1)


@cache
def measurements() -> tuple[Measurement, ...]:
    """Rows (production, decay, mu, upper error, lower error) of the table."""
    text = resources.files("skerry").joinpath("data", "higgs_run1.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(
        (r["production"], r["decay"], float(r["mu"]), float(r["err_up"]), float(r["err_down"]))
        for r in rows
    )


def signs(variant: Variant) -> list[tuple[int, ...]]:
    """The signs of the modes, in the order of their labels."""
    return list(itertools.product([-1, 1], repeat=len(variant.signed)))
