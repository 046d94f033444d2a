"""What each command does."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import typer

import skerry
from skerry._saving import write_text
from skerry.cli._answer import answer, write_answer, write_json
from skerry.cli._errors import GO_ON, INTERRUPTED
from skerry.cli._files import read_model, read_observation, read_prior, read_problem
from skerry.cli._folder import (
    POSTERIOR,
    REPORT,
    place_for,
    run_folder,
    write_report,
    write_settings,
)
from skerry.cli._progress import shown
from skerry.errors import InputError
from skerry.interop import read_table
from skerry.posterior import Posterior


def run_demo(out: Path, seed: int, quick: bool, quiet: bool, stream: TextIO | None = None) -> None:
    """``skerry demo``."""
    from skerry.demo import run

    with shown(quiet) as progress:
        found = run(out, seed=seed, size="quick" if quick else "full", progress=progress)
    if stream is not None:
        more = {"bridge_masses": found.bridges, "page": str(found.page)}
        write_json({**answer(found.posterior, out), **more}, stream)
        return
    _tell(found.posterior, quiet)
    if not quiet:
        for name, mass in found.bridges.items():
            typer.echo(f"bridge mass  {100 * mass:6.2f} %  {name}")
    typer.echo(f"Page: {found.page}")


def run_study(
    out: Path,
    full: bool,
    seed: int,
    workers: int | None,
    quiet: bool,
    stream: TextIO | None = None,
) -> None:
    """``skerry study``."""
    run: Any = importlib.import_module("skerry.study").run
    options = {} if workers is None else {"workers": workers}
    with shown(quiet) as progress:
        found = run(out, size="full" if full else "quick", seed=seed, progress=progress, **options)
    if stream is not None:
        figures = [str(figure) for figure in found.figures]
        tables = {"table": str(found.table), "markdown": str(found.markdown)}
        write_json({"folder": str(out), **tables, "figures": figures}, stream)
        return
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
    options: dict[str, Any],
    out: Path | None,
    quiet: bool,
    line: str = "",
    stream: TextIO | None = None,
) -> None:
    """``skerry infer``: with options of :func:`skerry.infer`."""
    problem, x = read_problem(path)
    with place_for(out), shown(quiet) as progress:
        posterior = skerry.infer(problem, x, progress=progress, **options)
    command = _command("infer", line, problem=str(path), seed=options["seed"])
    write_run(posterior, run_folder(out, path.stem, command), command, quiet, stream)
    if posterior.status is not skerry.Status.INTERRUPTED:
        return
    if options["store"] is not None:
        typer.echo("Stopped before the end. Run the same command to go on.", err=True)
        raise typer.Exit(GO_ON)
    if options["max_seconds"] is None:  # so it was Ctrl-C
        raise typer.Exit(INTERRUPTED)


def run_fit(
    path: Path,
    prior_path: Path,
    density: Any,
    effective: float,
    seed: int,
    out: Path | None,
    quiet: bool,
    line: str = "",
    stream: TextIO | None = None,
) -> None:
    """``skerry fit``."""
    prior = read_prior(prior_path)
    stored = path.is_dir()
    table = skerry.store.rows(path) if stored else read_table(path, prior)
    with place_for(out), shown(quiet) as progress:
        posterior = skerry.fit(
            table,
            prior=prior if stored else None,
            n_effective=effective,
            seed=seed,
            density=density,
            progress=progress,
        )
    command = _command("fit", line, table=str(path), prior=str(prior_path), seed=seed)
    write_run(posterior, run_folder(out, path.stem, command), command, quiet, stream)


def run_amortize(
    path: Path,
    epochs: int | None,
    options: dict[str, Any],
    out: Path | None,
    quiet: bool,
    line: str = "",
    stream: TextIO | None = None,
) -> None:
    """``skerry amortize``: with options of :func:`skerry.amortize`."""
    from skerry.amortization import TRAINING

    problem, x, simulator = read_model(path)
    training = TRAINING if epochs is None else replace(TRAINING, max_epochs=epochs)
    with place_for(out), shown(quiet) as progress:
        estimator = skerry.amortize(
            problem,
            x if simulator is None else None,
            simulator=simulator,
            training=training,
            progress=progress,
            **options,
        )
    command = _command("amortize", line, problem=str(path), seed=options["seed"])
    folder = run_folder(out, f"{path.stem}-estimator", command)
    folder.mkdir(parents=True, exist_ok=True)
    estimator.save(folder / "estimator.npz")
    write_settings(folder, command, {"settings": estimator.settings})
    if stream is not None:
        write_json(
            {
                "folder": str(folder),
                "held_out": estimator.held_out,
                "n_likelihoods": estimator.n_likelihoods,
                "names": list(estimator.prior.names),
                "x_shape": list(estimator.x_shape),
            },
            stream,
        )
        return
    if not quiet:
        typer.echo(
            f"held-out negative log density {estimator.held_out:.3f} nats, "
            f"{estimator.n_likelihoods:,} likelihood evaluations"
        )
    typer.echo(f"Run folder: {folder}")


def run_posterior(
    path: Path,
    x: str,
    problem_path: Path | None,
    options: dict[str, Any],
    out: Path | None,
    quiet: bool,
    line: str = "",
    stream: TextIO | None = None,
) -> None:
    """``skerry posterior``: with options of :meth:`skerry.Estimator.posterior`."""
    if options["n_effective"] is not None and problem_path is None:
        raise InputError(
            "Expected --problem beside --effective: refining calls the likelihood, which an "
            "estimator's file doesn't hold; pass the Python file that defines it."
        )
    problem = None if problem_path is None else read_problem(problem_path)[0]
    estimator = skerry.load(path, problem=problem)
    if not isinstance(estimator, skerry.Estimator):
        raise InputError(
            f"Expected an estimator of `skerry amortize`; {path} holds a posterior already."
        )
    observation = read_observation(x)
    if observation.size == math.prod(estimator.x_shape):
        observation = observation.reshape(estimator.x_shape)
    with place_for(out), shown(quiet) as progress:
        posterior = estimator.posterior(observation, progress=progress, **options)
    command = _command("posterior", line, model=str(path), x=x, seed=options["seed"])
    write_run(posterior, run_folder(out, "posterior", command), command, quiet, stream)


def _command(name: str, line: str, **given: Any) -> dict[str, Any]:
    """What ``settings.json`` says of the command."""
    return {"command": name, **given, **({"command_line": line} if line else {})}


def write_run(
    posterior: Posterior,
    folder: Path,
    command: dict[str, Any],
    quiet: bool,
    stream: TextIO | None = None,
    *,
    silent: bool = False,
) -> None:
    """The run folder; unless silent, the summary or, on a stream, the JSON answer."""
    folder.mkdir(parents=True, exist_ok=True)
    posterior.save(folder / POSTERIOR)
    write_text(folder / "summary.txt", posterior.summary() + "\n")
    about = {"settings": posterior.settings, "status": posterior.status.name.lower()}
    write_settings(folder, command, about)
    write_report(posterior, folder)
    if silent:
        return
    if stream is not None:
        write_answer(posterior, folder, stream)
        return
    _tell(posterior, quiet)
    typer.echo(f"Run folder: {folder}")
    if not quiet:
        typer.echo(f"Report: {folder / REPORT}")


def _tell(posterior: Posterior, quiet: bool) -> None:
    """The summary; a bad verdict is told even when quiet."""
    if not quiet:
        typer.echo(posterior.summary())
    elif not posterior.converged:
        typer.echo(str(posterior.status), err=True)
