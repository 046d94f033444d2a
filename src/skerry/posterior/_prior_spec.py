"""Priors as plain data: names of distributions and numbers; reading them executes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry.errors import InputError
from skerry.priors import Periodic, Prior


def prior_to_spec(prior: Prior) -> list[dict[str, Any]] | None:
    """A JSON value for a prior, or None if it holds anything but circles and scipy.stats."""
    if prior.parts is None:
        return None
    specs = [_part_to_spec(name, part) for name, part in prior.parts.items()]
    known = [spec for spec in specs if spec is not None]
    return known if len(known) == len(specs) else None


def prior_from_spec(spec: Any) -> Prior:
    """The prior of :func:`prior_to_spec`'s value.

    Raises:
        InputError: if the value names anything but a continuous distribution of scipy.stats.
    """
    return Prior({part["name"]: _part_from_spec(part) for part in spec})


def _part_to_spec(name: str, part: Any) -> dict[str, Any] | None:
    from scipy import stats

    if isinstance(part, Periodic):
        return {"name": name, "periodic": [part.low, part.high]}
    dist = getattr(part, "dist", None)
    own = getattr(stats, getattr(dist, "name", None) or "", None)
    numbers = [*getattr(part, "args", ()), *getattr(part, "kwds", {}).values()]
    if type(own) is not type(dist) or not all(np.isscalar(v) for v in numbers):
        return None
    return {
        "name": name,
        "distribution": dist.name,  # type: ignore[union-attr]
        "args": [float(v) for v in part.args],
        "kwargs": {key: float(v) for key, v in part.kwds.items()},
    }


def _part_from_spec(part: dict[str, Any]) -> Any:
    from scipy import stats

    if "periodic" in part:
        return Periodic(*part["periodic"])
    dist = getattr(stats, str(part["distribution"]), None)
    if not isinstance(dist, stats.rv_continuous):
        raise InputError(
            f"Expected a continuous distribution of scipy.stats; got {part['distribution']!r}; "
            "the file is damaged or not one of Skerry's."
        )
    return dist(*part["args"], **part["kwargs"])
