"""Run folders: their names, what is in them, the report on them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

import skerry
from skerry import report
from skerry._saving import write_text
from skerry._versions import versions
from skerry.cli._files import read_observation, read_problem
from skerry.errors import InputError
from skerry.posterior import Posterior

SETTINGS, POSTERIOR, REPORT = "settings.json", "posterior.npz", "report.html"
SHOWN = ("problem", "table", "prior", "model", "x", "finished", "machine")


def run_folder(out: Path | None, name: str, command: dict[str, Any]) -> Path:
    """The folder asked for; else ``skerry-NAME``, numbered if another command's run is there.

    The same command again takes the same folder.
    """
    if out is not None:
        return out
    number = 1
    while True:
        folder = Path(f"skerry-{name}" if number == 1 else f"skerry-{name}-{number}")
        if _is_free(folder, command):
            return folder
        number += 1


@contextmanager
def place_for(out: Path | None) -> Iterator[None]:
    """Make sure, before hours of work, that its results can be written.

    Raises:
        InputError: if the folder asked for, or one in the current folder, can't be made.
    """
    made = out is not None and not out.exists()
    try:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
        place = Path() if out is None else out
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(None, "no right to write there")
    except OSError as error:
        raise InputError(
            f"Expected a folder that can be written to; {out or Path.cwd()} can't be "
            f"({error.strerror}); choose one with --out."
        ) from error
    try:
        yield
    except BaseException:
        if made and out is not None:
            with suppress(OSError):  # something is in it
                out.rmdir()
        raise


def _is_free(folder: Path, command: dict[str, Any]) -> bool:
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    line = command.get("command_line")
    if not any(folder.iterdir()):
        return True
    return line is not None and settings_of(folder).get("command_line") == line


def settings_of(folder: Path) -> dict[str, Any]:
    """What a run folder says of its run; nothing if it says nothing that can be read."""
    try:
        found = json.loads((folder / SETTINGS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_settings(folder: Path, command: dict[str, Any], about: dict[str, Any]) -> None:
    """``settings.json``: what was asked, how it ended, when, with which versions."""
    settings = {
        **command,
        **about,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    write_text(folder / SETTINGS, json.dumps(settings, indent=2) + "\n")


def write_report(posterior: Posterior, folder: Path) -> Path:
    """``report.html`` and ``islands.png`` of a run folder whose other files are written."""
    drawn = report.islands_picture(posterior)
    drawn.save(folder / "islands.png")
    return report.write(posterior, folder / REPORT, replace(about_run(folder), islands=drawn))


def about_run(folder: Path, sections: tuple[report.Section, ...] = ()) -> report.About:
    """What the settings of a run folder tell its report."""
    found = settings_of(folder)
    source = found.get("problem") or found.get("table") or found.get("model") or folder.resolve()
    shown = {name: found[name] for name in SHOWN if isinstance(found.get(name), str)}
    line = found.get("command_line")
    return report.About(
        title=f"Posterior of {_named(Path(str(source)))}",
        command=line if isinstance(line, str) else "",
        settings=shown,
        sections=sections,
    )


def _named(source: Path) -> str:
    """A problem's file by its name, an estimator by its folder's."""
    return source.parent.name or source.stem if source.name == "estimator.npz" else source.stem


def run_report(run: Path, out: Path | None, problem: Path | None, quiet: bool, stream: Any) -> None:
    """``skerry report``."""
    folder = run if run.is_dir() else run.parent
    path = run / POSTERIOR if run.is_dir() else run
    posterior = skerry.load(path)
    if not isinstance(posterior, Posterior):
        raise InputError(f"Expected a posterior to report on; {path} holds an estimator.")
    observed = settings_of(folder).get("x")
    sections = () if problem is None else (_predictive(posterior, problem, observed),)
    target = out or folder / REPORT
    if target.parent != Path():
        target.parent.mkdir(parents=True, exist_ok=True)
    report.write(posterior, target, about_run(folder, sections))
    if stream is not None:
        from skerry.cli._answer import write_answer

        write_answer(posterior, folder, stream)
    if not quiet:
        typer.echo(f"Report: {target}", err=stream is not None)


def _predictive(posterior: Posterior, path: Path, observed: Any) -> report.Section:
    """Predictions beside the data that a problem file defines, or else that the run was told."""
    problem, x = read_problem(path)
    if x is None and isinstance(observed, str):
        x = read_observation(observed)
    return report.predictive_section(posterior, problem, x)
