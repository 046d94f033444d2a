"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class DensityChoice(StrEnum):
    """The forms of a density."""

    flow_mixture = "flow_mixture"
    mixture_base = "mixture_base"
    gaussian_base = "gaussian_base"
    islands = "islands"


class FailuresChoice(StrEnum):
    """What becomes of calls that fail."""

    stop = "raise"
    drop = "drop"
    zero = "zero"


class ExportChoice(StrEnum):
    """The kinds of files a posterior can be written as."""

    getdist = "getdist"
    netcdf = "netcdf"
    csv = "csv"
    parquet = "parquet"


StoreFolder = Annotated[
    Path | None,
    typer.Option(help="Folder that keeps every evaluation: the same command goes on from it."),
]
WorkersCount = Annotated[
    int | None, typer.Option(min=1, help="Processes that evaluate; by default this one.")
]
Timeout = Annotated[
    float | None, typer.Option(help="Seconds a point may take; it then runs in another process.")
]
FailurePolicy = Annotated[
    FailuresChoice,
    typer.Option(help="Calls that fail: stop, leave the point out, or count it impossible."),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]
Silent = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing.")]
Json = Annotated[
    bool, typer.Option("--json", help="The answer as one JSON document on standard output.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")]
FORMS = (
    "flow_mixture: a flow for each island; mixture_base: one flow over several Gaussians; "
    "gaussian_base: over one; islands: bent Gaussians, no training."
)
Density = Annotated[DensityChoice, typer.Option(help=FORMS)]
Effective = Annotated[
    float, typer.Option(help="Effective samples asked for; with fewer the status says so.")
]
