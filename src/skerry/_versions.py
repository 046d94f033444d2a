"""Which versions of what a result was made with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("skerry", "jax", "jaxlib", "numpy", "scipy", "equinox", "matplotlib")


def versions() -> dict[str, str]:
    """Of Python and the packages that results depend on, by name."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a source tree that isn't installed
        return "unknown"
