"""What `skerry propose`, `evaluate` and `collect` do."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from skerry.cli._errors import LACKING
from skerry.cli._files import read_problem, read_problem_or_prior
from skerry.errors import InputError
from skerry.files import (
    Settings,
    Standing,
    collect,
    evaluate,
    evaluate_with,
    propose,
    read_prior_table,
    read_run_file,
    write_job_script,
)

if TYPE_CHECKING:
    from skerry.priors import Prior
    from skerry.problem import Problem


def run_propose(
    run: Path,
    path: Path | None,
    options: dict[str, Any],
    job_script: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """``skerry propose``; options that are None are left to the run, or the default."""
    from skerry.cli._progress import shown

    known = read_run_file(run)
    given = {name: value for name, value in options.items() if value is not None}
    settings = replace(Settings() if known is None else known.settings, **given)
    problem, x = _problem(run, path)
    source = None if path is None else _relative(path, run)
    with shown(quiet or as_json) as progress:
        standing = propose(run, problem, x, settings=settings, source=source, progress=progress)
    if job_script is not None:
        script = write_job_script(run, job_script, settings.chunks)
        if not (quiet or as_json):
            typer.echo(f"Job script: {script}")
    _tell(run, standing, as_json, quiet)


def run_evaluate(
    run: Path,
    chunk: int,
    path: Path | None,
    program: str | None,
    executor: Any,
    quiet: bool,
) -> None:
    """``skerry evaluate``."""
    if program is not None:
        words = shlex.split(program)
        if not words:
            raise InputError("Expected a program; got nothing; pass for example ./my_program.")
        filled = evaluate_with(run, chunk, words)
    else:
        known = read_run_file(run)
        if known is None and path is None:
            raise InputError(
                f"Expected a run in {run}; there is no run.json; run `skerry propose` first."
            )
        place = path if path is not None or known is None else _source(run, known.source)
        if known is not None and (place is None or place.suffix in (".toml", ".json")):
            raise InputError(
                f"Expected a likelihood for the run in {run}, which began with a prior; pass "
                "--problem, a Python file, or --program, another program."
            )
        problem, x = read_problem(place or run)
        filled = evaluate(run, chunk, problem, x, executor=executor)
    if not quiet:
        typer.echo(f"Chunk {chunk}: {filled or 'nothing to do'}")


def run_collect(run: Path, as_json: bool, quiet: bool) -> None:
    """``skerry collect``."""
    from skerry.cli._commands import write_run
    from skerry.cli._progress import shown

    problem, x = _problem(run, None) if read_run_file(run) is not None else (None, None)
    with shown(quiet or as_json) as progress:
        standing = collect(run, problem, x, progress=progress)
    if standing.posterior is not None:
        known = read_run_file(run)
        seed = None if known is None else known.settings.seed
        line = shlex.join(["skerry", "collect", str(run)])
        command = {"command": "collect", "seed": seed, "command_line": line}
        write_run(standing.posterior, run, command, quiet, silent=as_json)
        if not as_json:
            return
    _tell(run, standing, as_json, quiet)
    if not standing.done:
        raise typer.Exit(LACKING)


def _problem(run: Path, path: Path | None) -> tuple[Problem | Prior | None, Any]:
    """A file's problem or prior; without a file, the run's, or None if the run can tell itself."""
    known = read_run_file(run)
    if path is None and known is None:
        raise InputError(
            f"Expected a problem or a prior for the new run in {run}; pass a Python file that "
            "defines `problem` or `prior`, or a .toml or .json file with a prior."
        )
    if path is None and known is not None:
        if "likelihood" not in known.identity and known.prior is not None:
            return None, None
        path = _source(run, known.source)
    if path is None:
        return None, None
    if path.suffix in (".toml", ".json"):
        return read_prior_table(path), None
    return read_problem_or_prior(path)


def _source(run: Path, source: str | None) -> Path | None:
    """Where a run's problem came from: kept relative to its folder, so that both may move."""
    return None if source is None else Path(os.path.normpath(run / source))


def _relative(path: Path, run: Path) -> str:
    try:
        return os.path.relpath(path.resolve(), run.resolve())
    except ValueError:  # another drive
        return str(path.resolve())


def _tell(run: Path, standing: Standing, as_json: bool, quiet: bool) -> None:
    found = standing.round
    if as_json:
        answer = {
            "state": "done" if found is None else "open",
            "round": None if found is None else found.number,
            "folder": None if found is None else str(found.folder),
            "chunks": 0 if found is None else found.n_chunks,
            "lacking": list(standing.lacking),
            "points": standing.n_points,
        }
        typer.echo(json.dumps(answer))
    elif found is None and not quiet:
        typer.echo(f"Nothing is lacking. `skerry collect {run}` writes the posterior.")
    elif found is not None and not quiet:
        typer.echo(
            f"Round {found.number}: {standing.n_points:,} points to be evaluated, in "
            f"{len(standing.lacking)} of {found.n_chunks} chunks in {found.folder}. Fill them, "
            f"then `skerry collect {run}`."
        )
