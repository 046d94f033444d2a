"""What a study runs: targets, sizes, seeds, variants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from skerry.errors import InputError
from skerry.training import Training

Kind: TypeAlias = Literal["affine", "spline", "none"]
DensityName: TypeAlias = Literal["gaussian_base", "mixture_base", "flow_mixture", "islands"]


@dataclass(frozen=True)
class Variant:
    """A density with a choice of K, a start and couplings.

    Attributes:
        label: for tables and figures.
        density: see :class:`skerry.Fit`.
        kind: of the couplings; ``"none"`` for a density without a network.
        k_factor: K as a multiple of the true number of modes (at least 1); None: K is found.
        start: components start at the ``"modes"`` or at ``"random"`` points.
    """

    label: str
    density: DensityName
    kind: Kind
    k_factor: float | None = None
    start: Literal["modes", "random"] = "modes"

    @property
    def key(self) -> str:
        """Its name in files: no spaces, no commas."""
        return f"{self.label} {self.kind}".replace(",", "").replace(" ", "_").lower()

    def n_modes(self, n_true: int) -> int | None:
        """K for a target of ``n_true`` modes; None: to be found."""
        return None if self.k_factor is None else max(1, int(self.k_factor * n_true))


def _variants(kind: Kind) -> tuple[Variant, ...]:
    return (
        Variant("Gaussian base", "gaussian_base", kind),
        Variant("mixture base", "mixture_base", kind),
        Variant("flow mixture", "flow_mixture", kind),
        Variant("mixture base, K too small", "mixture_base", kind, 0.5),
        Variant("mixture base, K too large", "mixture_base", kind, 2.0),
        Variant("mixture base, random start", "mixture_base", kind, 1.0, "random"),
    )


AFFINE, SPLINE = _variants("affine"), _variants("spline")
ISLANDS = Variant("bent islands", "islands", "none")
SHOWN = (AFFINE[0], *SPLINE[:3])  # in figures, from left to right


@dataclass(frozen=True)
class Unit:
    """One set of points, and all densities fitted to it."""

    target: str
    size: int
    seed: int
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Plan:
    """A whole study.

    Attributes:
        name: in the files.
        targets: names of :mod:`skerry.tasks`, the costliest first.
        sizes: effective sample sizes of the weighted points, the largest first.
        n_seeds: repetitions.
        variants: fitted to all points.
        extra: further variants, fitted at the largest size alone, to ``extra_targets``.
        extra_targets: see ``extra``.
        training: of every fit.
        n_draws: exact draws, and draws of q, that the measures average over.
        n_pairs: draws on each side for W1, W2 and MMD, whose cost grows with their square or more.
        n_pilot: prior draws that tell how many a given effective size takes.
    """

    name: str
    targets: tuple[str, ...]
    sizes: tuple[int, ...]
    n_seeds: int
    variants: tuple[Variant, ...]
    extra: tuple[Variant, ...] = ()
    extra_targets: tuple[str, ...] = ()
    training: Training = field(default_factory=Training)
    n_draws: int = 10_000
    n_pairs: int = 1_000
    n_pilot: int = 400_000

    def units(self, seed: int) -> Iterator[Unit]:
        """Everything to do, large sizes first."""
        for size in self.sizes:
            for target in self.targets:
                more = size == self.sizes[0] and target in self.extra_targets
                variants = (*self.variants, *(self.extra if more else ()))
                for number in range(self.n_seeds):
                    yield Unit(target, size, seed + number, variants)


QUICK = Plan(
    name="quick",
    targets=("octants", "himmelblau", "corners", "ring_blob", "two_moons"),
    sizes=(5_000, 100),
    n_seeds=1,
    variants=(*SHOWN, ISLANDS),
    extra=(SPLINE[3], SPLINE[5]),
    extra_targets=("himmelblau",),
    training=Training(max_epochs=11, batch=256),
)
FULL = Plan(
    name="full",
    targets=("helix", "octants", "eggbox", "himmelblau", "corners", "ring_blob", "two_moons"),
    sizes=(5_000, 500, 100),
    n_seeds=5,
    variants=(*SHOWN, ISLANDS),
    extra=tuple(v for v in (*AFFINE, *SPLINE) if v not in SHOWN),
    extra_targets=("helix", "octants", "eggbox", "himmelblau", "corners", "ring_blob", "two_moons"),
)


def plan(size: str | Plan) -> Plan:
    """The plan of that name, or the plan itself."""
    plans = {p.name: p for p in (QUICK, FULL)}
    if isinstance(size, Plan):
        return size
    if size not in plans:
        raise InputError(f"Expected size 'quick', 'full' or a skerry.study.Plan; got {size!r}.")
    return plans[size]
