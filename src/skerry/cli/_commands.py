"""What each command does."""

from __future__ import annotations

import importlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer

import skerry
from skerry.cli._errors import INTERRUPTED
from skerry.cli._files import read_prior, read_problem, read_table
from skerry.cli._progress import shown
from skerry.posterior import Posterior

PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "equinox", "flowjax", "matplotlib")


def run_demo(out: Path, seed: int, quick: bool, quiet: bool) -> None:
    """``skerry demo``."""
    from skerry.demo import run

    with shown(quiet) as progress:
        found = run(out, seed=seed, size="quick" if quick else "full", progress=progress)
    _tell(found.posterior, quiet)
    if not quiet:
        for name, mass in found.bridges.items():
            typer.echo(f"bridge mass  {100 * mass:6.2f} %  {name}")
    typer.echo(f"Page: {found.page}")


def run_study(out: Path, full: bool, seed: int, workers: int | None, quiet: bool) -> None:
    """``skerry study``."""
    run: Any = importlib.import_module("skerry.study").run
    options = {} if workers is None else {"workers": workers}
    with shown(quiet) as progress:
        run(out, size="full" if full else "quick", seed=seed, progress=progress, **options)
    typer.echo(f"Study: {out}")


def chosen_scheme(
    n: int | None, thoroughness: float, density: Any
) -> skerry.Adaptive | skerry.Static:
    """Prior draws if their number is given, else adaptive rounds."""
    if n is not None:
        return skerry.Static(n, density or "flow_mixture")
    return skerry.Adaptive(thoroughness=thoroughness, fit=skerry.Fit(density=density or "islands"))


def run_infer(
    path: Path,
    scheme: skerry.Adaptive | skerry.Static,
    max_calls: int | None,
    effective: float,
    seed: int,
    out: Path | None,
    quiet: bool,
) -> None:
    """``skerry infer``."""
    problem, x = read_problem(path)
    with shown(quiet) as progress:
        posterior = skerry.infer(
            problem,
            x,
            n_effective=effective,
            max_calls=max_calls,
            seed=seed,
            scheme=scheme,
            progress=progress,
        )
    command = {"command": "infer", "problem": str(path), "seed": seed}
    _write(posterior, out or Path(f"skerry-{path.stem}"), command, quiet)
    if posterior.status is skerry.Status.INTERRUPTED:
        raise typer.Exit(INTERRUPTED)


def run_fit(
    path: Path,
    prior_path: Path,
    density: Any,
    effective: float,
    seed: int,
    out: Path | None,
    quiet: bool,
) -> None:
    """``skerry fit``."""
    prior = read_prior(prior_path)
    table = read_table(path, prior.names)
    with shown(quiet) as progress:
        posterior = skerry.fit(
            table.theta,
            table.log_likelihood,
            prior,
            log_proposal=table.log_proposal,
            n_effective=effective,
            seed=seed,
            density=density,
            progress=progress,
        )
    command = {"command": "fit", "table": str(path), "prior": str(prior_path), "seed": seed}
    _write(posterior, out or Path(f"skerry-{path.stem}"), command, quiet)


def _write(posterior: Posterior, folder: Path, command: dict[str, Any], quiet: bool) -> None:
    """The run folder."""
    from skerry import plot

    folder.mkdir(parents=True, exist_ok=True)
    posterior.save(folder / "posterior.npz")
    (folder / "summary.txt").write_text(posterior.summary() + "\n", "utf-8")
    plot.islands(posterior).savefig(folder / "islands.png")
    if posterior.rounds:
        plot.rounds(posterior).savefig(folder / "rounds.png")
    versions = {name: version(name) for name in ("skerry", *PACKAGES)}
    settings = {
        **command,
        "settings": posterior.settings,
        "status": posterior.status.name.lower(),
        "versions": {"python": platform.python_version(), **versions},
        "machine": f"{platform.system()} {platform.machine()}",
    }
    (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
    _tell(posterior, quiet)
    typer.echo(f"Run folder: {folder}")


def _tell(posterior: Posterior, quiet: bool) -> None:
    """The summary; a bad verdict is told even when quiet."""
    if not quiet:
        typer.echo(posterior.summary())
    elif not posterior.converged:
        typer.echo(str(posterior.status), err=True)
