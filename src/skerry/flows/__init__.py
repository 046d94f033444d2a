"""Normalised densities: couplings, Gaussian and mixture bases, mixtures of flows.

Read in this order: :mod:`~skerry.flows.couplings` (what bends, by :mod:`~skerry.flows.splines`),
:mod:`~skerry.flows.components` (Gaussians), :mod:`~skerry.flows.shapes` (the two forms),
:mod:`~skerry.flows.frames` (where islands lie, float64) and :mod:`~skerry.flows.density`
(batches); :mod:`~skerry.flows.build` makes fresh ones. What needs JAX is imported when it is asked
for: frames, and Gaussians in them, do without.
"""

import importlib
from typing import TYPE_CHECKING, Any

from skerry.flows.density import Density, gaussian_mixture
from skerry.flows.frames import Frames, frames
from skerry.flows.gaussians import Gaussians
from skerry.flows.settings import CouplingSettings

if TYPE_CHECKING:
    from skerry.flows.build import flow_mixture, gaussian_base, mixture_base, overall_frame
    from skerry.flows.funnels import Funnels, funnel_mixture
    from skerry.flows.shapes import AbstractShape, Flow, FlowMixture

_HOMES = {
    "AbstractShape": "shapes",
    "Flow": "shapes",
    "FlowMixture": "shapes",
    "Funnels": "funnels",
    "flow_mixture": "build",
    "funnel_mixture": "funnels",
    "gaussian_base": "build",
    "mixture_base": "build",
    "overall_frame": "build",
}

__all__ = [
    "AbstractShape",
    "CouplingSettings",
    "Density",
    "Flow",
    "FlowMixture",
    "Frames",
    "Funnels",
    "Gaussians",
    "flow_mixture",
    "frames",
    "funnel_mixture",
    "gaussian_base",
    "gaussian_mixture",
    "mixture_base",
    "overall_frame",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"skerry.flows.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'skerry.flows' has no attribute {name!r}")
