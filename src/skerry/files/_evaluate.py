"""Filling a chunk: with a likelihood in Python, or with another program. No lock is needed."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skerry._saving import settle
from skerry._types import FloatArray
from skerry.errors import EvaluationError, InputError
from skerry.evaluate import joined, refusal
from skerry.execution import run as run_pieces
from skerry.execution import runner
from skerry.files._columns import FilledError, Row, chunk_text, read_filled, read_points
from skerry.files._identity import refuse_other
from skerry.files._rounds import chunk_path, filled_path, newest
from skerry.files._settings import RunFile, read_run_file
from skerry.problem import Problem
from skerry.store._files import write_new


class Chunk(NamedTuple):
    """A chunk of the newest round, to be evaluated."""

    path: Path
    filled: Path
    number: int  # of the round
    names: tuple[str, ...]
    theta: FloatArray
    allow_failures: bool

    def read(self, path: Path) -> list[Row] | None:
        """What a file holds for it."""
        return read_filled(
            path, self.number, self.names, self.theta, allow_failures=self.allow_failures
        )


def evaluate(
    run: str | PathLike[str],
    chunk: int,
    problem: Problem,
    x: Any = None,
    *,
    executor: Any = None,
) -> Path | None:
    """Fill a chunk of the newest round with a problem's likelihood.

    The file appears whole or not at all. Any number of processes may fill chunks at the same time,
    one chunk twice too.

    Args:
        run: the folder of :func:`propose`.
        chunk: from 1.
        problem: prior and likelihood.
        x: the observation, if it takes one.
        executor: where the likelihood runs, as for :func:`skerry.infer`.

    Returns:
        The filled file, or None if there was nothing to do: there are fewer chunks, or this one is
        filled.

    Raises:
        InputError: for a problem other than the run's, or damaged files.
        EvaluationError: if a call fails under the policy ``"raise"``.
        StoreError: if the file can't be written.
    """
    known = _known(run)
    refuse_other(known.identity, problem, x)
    found = _wanted(run, known, chunk)
    if found is None:
        return None
    raising = not found.allow_failures
    worker = runner(executor, problem, x, "raise" if raising else "drop", saved=False)
    rows: list[Row] = [Row(np.nan, None)] * len(found.theta)
    try:
        for piece in run_pieces(worker, found.theta):
            result = piece.result
            if raising and result.failed.any():
                raise refusal(problem, result, joined([], found.theta))
            messages = iter(result.messages)
            for row, value, failed in zip(
                piece.rows, result.log_likelihood.tolist(), result.failed.tolist(), strict=True
            ):
                rows[row] = Row(value, next(messages) if failed else None)
    finally:
        worker.close()
    text = chunk_text(found.number, found.names, found.theta, rows)
    write_new(found.filled, text.encode())
    return found.filled


def evaluate_with(run: str | PathLike[str], chunk: int, program: Sequence[str]) -> Path | None:
    """Fill a chunk of the newest round by another program.

    The program is called with two more arguments: the chunk's file, and the file to write, which is
    the same with the column ``log_likelihood`` filled in. That is checked, and renamed.

    Args:
        run: the folder of :func:`propose`.
        chunk: from 1.
        program: it and its first arguments.

    Returns:
        As :func:`evaluate`.

    Raises:
        EvaluationError: if the program fails, or writes nothing.
        FilledError: if what it wrote can't be used; it is kept for you to look at.
        InputError: for damaged files.
    """
    found = _wanted(run, _known(run), chunk)
    if found is None:
        return None
    part = found.path.with_name(f"{found.path.stem}.part-{os.getpid()}-{secrets.token_hex(2)}.csv")
    try:
        ended = subprocess.run([*program, str(found.path), str(part)], check=False)
    except OSError as error:
        raise InputError(
            f"Expected a program that can be run; got {program[0]!r}: {error.strerror or error}."
        ) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if ended.returncode or not part.exists():
        part.unlink(missing_ok=True)
        how = f"code {ended.returncode}" if ended.returncode else "no file written"
        raise EvaluationError(
            f"Expected {program[0]} to fill {found.path}; it ended with {how}; mend it, and "
            "evaluate the chunk again."
        )
    if found.read(part) is None:
        raise FilledError(
            f"Expected the column log_likelihood filled in {part}; it is empty; mend the program, "
            "and evaluate the chunk again."
        )
    settle(part, found.filled)
    return found.filled


def _known(run: str | PathLike[str]) -> RunFile:
    known = read_run_file(Path(run))
    if known is None:
        raise InputError(
            f"Expected a run in {run}; there is no run.json; run `skerry propose` first."
        )
    return known


def _wanted(run: str | PathLike[str], known: RunFile, chunk: int) -> Chunk | None:
    """A chunk, unless it is filled, or there are not so many."""
    if isinstance(chunk, bool) or not isinstance(chunk, (int, np.integer)) or chunk < 1:
        raise InputError(f"Expected the number of a chunk, from 1; got {chunk!r}.")
    found = newest(Path(run))
    if found is None:
        raise InputError(f"Expected a round in {run}; there is none; run `skerry propose` first.")
    number, folder = found
    path, filled = chunk_path(folder, chunk), filled_path(folder, chunk)
    if not path.exists():
        later = (int(p.name[6:].split(".")[0]) for p in folder.glob("chunk-[0-9]*.csv"))
        if filled.exists() or chunk > max(later, default=0):
            return None
        raise InputError(
            f"Expected the chunk {path}; it isn't there; run `skerry propose {run}` to have it "
            "written again."
        )
    names = tuple(json.loads(known.identity["parameters"]))
    theta = read_points(path, number, names)
    wanted = Chunk(path, filled, number, names, theta, known.settings.failures != "raise")
    for place in (filled, path):
        try:
            if place.exists() and wanted.read(place) is not None:
                return None
        except FilledError:
            continue
    return wanted
