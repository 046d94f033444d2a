"""A posterior as ArviZ keeps it: an ``xarray.DataTree``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from skerry._seeds import SeedLike
from skerry.errors import InputError

if TYPE_CHECKING:
    from xarray import DataTree

    from skerry.posterior._posterior import Posterior

FACTS = ("log_evidence", "log_evidence_error", "n_effective", "n_calls", "n_failed", "khat")
MOST_DRAWS = 100_000


def to_datatree(
    posterior: Posterior, n: int | None, seed: SeedLike, observed: Any | None
) -> DataTree:
    """The tree of :meth:`skerry.Posterior.to_arviz`."""
    import xarray as xr

    p = posterior
    _check_names(p.names)
    if n is None:
        n = int(np.clip(p.n_effective, 1, MOST_DRAWS))
    rows = p.resample(n, seed)
    draws = {"chain": [0], "draw": np.arange(n)}
    parameters = {
        name: (("chain", "draw"), p.samples[rows, j][None]) for j, name in enumerate(p.names)
    }
    stats = {"log_likelihood": p.log_likelihood, "mode": p.labels}
    weighted = {name: ("sample", p.samples[:, j]) for j, name in enumerate(p.names)}
    weighted |= {"log_weight": ("sample", p.log_weights)}
    groups = {
        "posterior": xr.Dataset(parameters, draws, {"sample_dims": ["chain", "draw"]}),
        "sample_stats": xr.Dataset(
            {name: (("chain", "draw"), values[rows][None]) for name, values in stats.items()},
            draws,
        ),
        "weighted_posterior": xr.Dataset(
            weighted | {name: ("sample", values) for name, values in stats.items()},
            {"sample": np.arange(len(p.samples))},
        ),
    }
    if p.modes:
        groups["modes"] = _modes(p)
    if observed is not None:
        groups["observed_data"] = _observed(observed)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = _attributes(p)
    tree["posterior"].attrs |= _attributes(p)
    return tree


def _attributes(p: Posterior) -> dict[str, Any]:
    from importlib.metadata import version

    about = {name: getattr(p, name) for name in FACTS}
    about |= {
        f"settings_{name}": int(value) if isinstance(value, bool) else value  # netCDF has no bool
        for name, value in p.settings.items()
        if value is not None
    }
    return about | {
        "status": str(p.status),
        "inference_library": "skerry",
        "inference_library_version": version("skerry"),
    }


def _modes(p: Posterior) -> Any:
    import xarray as xr

    numbers = ("mass", "mass_error", "log_evidence", "log_evidence_error", "n_samples")
    values: dict[str, Any] = {
        name: ("mode", [getattr(mode, name) for mode in p.modes]) for name in numbers
    }
    values["location"] = (("mode", "parameter"), np.array([m.location for m in p.modes]))
    values["covariance"] = (
        ("mode", "parameter", "parameter_2"),
        np.array([m.covariance for m in p.modes]),
    )
    names = list(p.names)
    places = {"mode": np.arange(len(p.modes)), "parameter": names, "parameter_2": names}
    return xr.Dataset(values, places)


def _observed(observed: Any) -> Any:
    import xarray as xr

    if isinstance(observed, xr.Dataset):
        return observed
    named = observed if isinstance(observed, Mapping) else {"x": observed}
    columns = {}
    for name, value in named.items():
        array = np.asarray(value)
        columns[str(name)] = ([f"{name}_dim_{k}" for k in range(array.ndim)], array)
    return xr.Dataset(columns)


def _check_names(names: tuple[str, ...]) -> None:
    taken = {"chain", "draw", "sample", "log_weight", "log_likelihood", "mode"}
    bad = [name for name in names if "/" in name or name in taken]
    if bad:
        raise InputError(
            f"Expected names that xarray can keep beside its own; got {', '.join(bad)}; a name "
            f"may hold no '/' and be none of {', '.join(sorted(taken))}: rename the parameter."
        )
