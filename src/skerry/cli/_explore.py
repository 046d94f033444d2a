"""``skerry explore``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import typer

import skerry
from skerry import explore
from skerry.cli._files import read_explored, read_observation
from skerry.cli._progress import shown
from skerry.errors import InputError
from skerry.interop._lookup import needed


def run_explore(
    model: Path | None,
    problem_path: Path | None,
    x: str | None,
    effective: float,
    port: int,
    browser: bool,
    seed: int,
    quiet: bool,
) -> None:
    """Load or train, then serve until Ctrl-C."""
    needed("bokeh", "bokeh", "explore")  # before a minute of training
    if model is None:
        if problem_path is not None or x is not None:
            raise InputError(
                "Expected an estimator beside --problem and --x; got none; pass its estimator.npz, "
                "or leave them out to see the Higgs boson's couplings."
            )
        with shown(quiet) as progress:
            about = explore.demonstration(seed=seed, progress=progress)
    else:
        about = _subject(model, problem_path, x)
    explore.serve(
        about,
        n_effective=effective,
        seed=seed,
        port=port,
        browser=browser,
        tell=lambda url: _tell(url, quiet),
    )


def _subject(model: Path, problem_path: Path | None, x: str | None) -> explore.Subject:
    problem, start, names = (None,) * 3 if problem_path is None else read_explored(problem_path)
    estimator: Any = skerry.load(model, problem=problem)
    if not isinstance(estimator, skerry.Estimator):
        raise InputError(
            f"Expected an estimator of `skerry amortize`; {model} holds a posterior: `skerry "
            "report` shows it."
        )
    if x is not None:
        start = read_observation(x)
    elif start is not None and not _fits(start, estimator):
        start = None  # observations to train on, perhaps
    title = model.stem if model.stem != "estimator" else model.resolve().parent.name
    return explore.subject(estimator, start, names=names, title=f"Posteriors of {title}")


def _fits(x: Any, estimator: skerry.Estimator) -> bool:
    shape = getattr(x, "shape", None)
    if shape is None:
        try:
            return len(x) == math.prod(estimator.x_shape)
        except TypeError:
            return False
    return bool(math.prod(shape) == math.prod(estimator.x_shape))


def _tell(url: str, quiet: bool) -> None:
    typer.echo(url)
    if not quiet:
        typer.echo("Ctrl-C ends it.", err=True)
