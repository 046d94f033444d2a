"""``skerry export``: a run's posterior as a file that other programs read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import typer

import skerry
from skerry import interop
from skerry._saving import whole
from skerry.cli._answer import write_json
from skerry.errors import InputError
from skerry.interop._lookup import needed
from skerry.posterior import Posterior


def run_export(run: Path, kind: str, out: Path, quiet: bool, stream: TextIO | None) -> None:
    """``skerry export``: the files' names on a stream as JSON, or a line each."""
    path = run / "posterior.npz" if run.is_dir() else run
    posterior = skerry.load(path)
    if not isinstance(posterior, Posterior):
        raise InputError(f"Expected a posterior to export; {path} holds an estimator.")
    out.parent.mkdir(parents=True, exist_ok=True)
    files = WRITERS[kind](posterior, out)
    if stream is not None:
        write_json({"files": [str(file) for file in files]}, stream)
    elif not quiet:
        for file in files:
            typer.echo(f"Wrote {file}")


def _getdist(posterior: Posterior, out: Path) -> tuple[Path, ...]:
    return interop.to_text(posterior, out.with_suffix("") if out.suffix == ".txt" else out)


def _netcdf(posterior: Posterior, out: Path) -> tuple[Path, ...]:
    interop.to_netcdf(posterior, out)
    return (out,)


def _csv(posterior: Posterior, out: Path) -> tuple[Path, ...]:
    with whole(out) as part:
        interop.to_pandas(posterior).to_csv(part, index=False)
    return (out,)


def _parquet(posterior: Posterior, out: Path) -> tuple[Path, ...]:
    needed("pyarrow", "pyarrow")
    with whole(out) as part:
        interop.to_pandas(posterior).to_parquet(part, engine="pyarrow", index=False)
    return (out,)


WRITERS: dict[str, Callable[[Posterior, Path], tuple[Path, ...]]] = {
    "getdist": _getdist,
    "netcdf": _netcdf,
    "csv": _csv,
    "parquet": _parquet,
}
