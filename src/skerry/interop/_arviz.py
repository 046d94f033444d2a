"""ArviZ: a tree of groups, in memory or as netCDF."""

from __future__ import annotations

from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from skerry._saving import whole
from skerry._seeds import SeedLike
from skerry.interop._lookup import needed
from skerry.posterior import Posterior

if TYPE_CHECKING:
    from xarray import DataTree


def to_arviz(
    posterior: Posterior, n: int | None = None, seed: SeedLike = 0, *, observed: Any | None = None
) -> DataTree:
    """The posterior as ArviZ keeps it: :meth:`skerry.Posterior.to_arviz`.

    Args:
        posterior: the posterior.
        n: equal-weight draws; None: as many as the effective size.
        seed: theirs.
        observed: the observation: an array, or a dictionary of arrays.

    Raises:
        InputError: for names that xarray can't keep.
    """
    return posterior.to_arviz(n, seed, observed=observed)


def to_netcdf(
    posterior: Posterior,
    path: str | PathLike[str],
    n: int | None = None,
    seed: SeedLike = 0,
    *,
    observed: Any | None = None,
) -> None:
    """The tree of :func:`to_arviz` as a netCDF-4 file; ``xarray.open_datatree`` reads it.

    Args:
        posterior: the posterior.
        path: the file.
        n: equal-weight draws; None: as many as the effective size.
        seed: theirs.
        observed: the observation.

    Raises:
        InputError: for names that xarray can't keep.
        UnsupportedError: without h5netcdf.
    """
    needed("h5netcdf", "h5netcdf")
    with whole(path) as part:
        posterior.to_arviz(n, seed, observed=observed).to_netcdf(fspath(part), engine="h5netcdf")
