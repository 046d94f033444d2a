"""Skerry: every island of a multi-modal posterior, each with its right mass.

A *prior* and a *log-likelihood* go in; a *posterior* comes out: weighted samples, the evidence,
the modes with their masses, and a normalized density (a flow) that can be sampled and evaluated.
Importing this package does nothing but name its parts; each is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES: dict[str, str] = {}
_MODULES = ("errors",)
__version__ = "0.1.0.dev0"
__all__ = ["__version__", "errors"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"skerry.{name}")
    raise AttributeError(f"module 'skerry' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
