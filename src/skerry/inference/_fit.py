"""How a density is fitted to weighted points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import numpy as np

from skerry import flows
from skerry.errors import InputError
from skerry.training import Training

DensityName: TypeAlias = Literal["flow_mixture", "mixture_base", "gaussian_base", "islands"]


@dataclass(frozen=True)
class Fit:
    """How a density is fitted to weighted points.

    Attributes:
        density: ``"flow_mixture"`` (a flow for each mode), ``"mixture_base"`` (the paper's: one
            flow over a Gaussian mixture), ``"gaussian_base"`` (the unimodal baseline) or
            ``"islands"`` (a few bent Gaussians that cover each mode, no network).
        n_modes: K; None counts the modes by persistence.
        threshold: the least prominence of a mode, in nats.
        start: components start at the ``"modes"`` or at ``"random"`` points.
        frozen: keep the components of ``"mixture_base"`` where they start.
        couplings: the shape of the flow.
        training: how long and how fast.
    """

    density: DensityName = "flow_mixture"
    n_modes: int | None = None
    threshold: float = 3.0
    start: Literal["modes", "random"] = "modes"
    frozen: bool = False
    couplings: flows.CouplingSettings = field(default_factory=flows.CouplingSettings)
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        if self.density not in get_args(DensityName):
            known = ", ".join(repr(name) for name in get_args(DensityName))
            raise InputError(f"Expected density to be one of {known}; got {self.density!r}.")
        if self.start not in ("modes", "random"):
            raise InputError(f"Expected start 'modes' or 'random'; got {self.start!r}.")
        if self.n_modes is not None and not (is_int(self.n_modes) and self.n_modes >= 1):
            raise InputError(f"Expected n_modes, an int >= 1, or None; got {self.n_modes!r}.")
        if not (is_number(self.threshold) and self.threshold > 0):
            raise InputError(f"Expected a threshold > 0 nats; got {self.threshold!r}.")
        for name, kind in (("couplings", flows.CouplingSettings), ("training", Training)):
            if not isinstance(getattr(self, name), kind):
                raise InputError(
                    f"Expected {name} to be a {kind.__name__}; got {getattr(self, name)!r}."
                )


def is_int(value: object) -> bool:
    """Whether a value is an int, of Python or NumPy, a bool left out."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value is a real number, a bool left out."""
    return is_int(value) or isinstance(value, (float, np.floating))
