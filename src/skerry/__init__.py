"""Skerry: every island of a multi-modal posterior, each with its right mass.

A *prior* and a *log-likelihood* go in; a *posterior* comes out: weighted samples, the evidence,
the modes with their masses, and a normalized density (a flow) that can be sampled and evaluated.
Importing this package does nothing but name its parts; each is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skerry import (
        calibration,
        diagnostics,
        embeddings,
        errors,
        explore,
        files,
        interop,
        metrics,
        noise,
        plot,
        report,
        store,
        tasks,
    )
    from skerry.amortization import Estimator, Pools, amortize
    from skerry.execution import Workers
    from skerry.inference import Adaptive, Fit, Recycled, Static, fit, infer, refit
    from skerry.loading import load
    from skerry.posterior import Mode, Posterior, Status
    from skerry.priors import Periodic, Prior
    from skerry.problem import Problem
    from skerry.store import Store
    from skerry.training import Training

_HOMES = {
    "Adaptive": "inference",
    "Estimator": "amortization",
    "Fit": "inference",
    "Mode": "posterior",
    "Periodic": "priors",
    "Pools": "amortization",
    "Posterior": "posterior",
    "Prior": "priors",
    "Problem": "problem",
    "Recycled": "inference",
    "Static": "inference",
    "Status": "posterior",
    "Store": "store",
    "Training": "training",
    "Workers": "execution",
    "amortize": "amortization",
    "fit": "inference",
    "infer": "inference",
    "load": "loading",
    "refit": "inference",
}
_MODULES = (
    "calibration",
    "diagnostics",
    "embeddings",
    "errors",
    "explore",
    "files",
    "interop",
    "metrics",
    "noise",
    "plot",
    "report",
    "store",
    "tasks",
)
__version__ = "0.1.0.dev0"
__all__ = [
    "Adaptive",
    "Estimator",
    "Fit",
    "Mode",
    "Periodic",
    "Pools",
    "Posterior",
    "Prior",
    "Problem",
    "Recycled",
    "Static",
    "Status",
    "Store",
    "Training",
    "Workers",
    "__version__",
    "amortize",
    "calibration",
    "diagnostics",
    "embeddings",
    "errors",
    "explore",
    "files",
    "fit",
    "infer",
    "interop",
    "load",
    "metrics",
    "noise",
    "plot",
    "refit",
    "report",
    "store",
    "tasks",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        found = getattr(importlib.import_module(f"skerry.{_HOMES[name]}"), name)
        globals()[name] = found  # a submodule of the same name must not shadow it
        return found
    if name in _MODULES:
        return importlib.import_module(f"skerry.{name}")
    raise AttributeError(f"module 'skerry' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
