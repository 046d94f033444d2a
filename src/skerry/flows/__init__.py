"""Normalised densities: couplings, Gaussian and mixture bases, mixtures of flows.

Read in this order: :mod:`~skerry.flows.couplings` (what bends), :mod:`~skerry.flows.components`
(Gaussians), :mod:`~skerry.flows.shapes` (the two forms, one point at a time),
:mod:`~skerry.flows.frames` (where islands lie, float64) and :mod:`~skerry.flows.density`
(batches); :mod:`~skerry.flows.build` makes fresh ones.
"""

from skerry.flows.build import flow_mixture, gaussian_base, mixture_base, overall_frame
from skerry.flows.couplings import CouplingSettings
from skerry.flows.density import Density
from skerry.flows.frames import Frames, frames
from skerry.flows.funnels import Funnels, funnel_mixture
from skerry.flows.shapes import AbstractShape, Flow, FlowMixture

__all__ = [
    "AbstractShape",
    "CouplingSettings",
    "Density",
    "Flow",
    "FlowMixture",
    "Frames",
    "Funnels",
    "flow_mixture",
    "frames",
    "funnel_mixture",
    "gaussian_base",
    "mixture_base",
    "overall_frame",
]
