"""A round's folder: the points asked for, cut into chunks, one CSV each.

``rounds/0003/round.json`` holds the points to the last bit; ``chunk-0001.csv`` and so on hold them
to be evaluated. A chunk is filled where it is, or, better, in a file beside it,
``chunk-0001.filled.csv``. A round's folder appears whole, by one rename; nothing in it is ever
written again, but chunks that are missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skerry._saving import pour
from skerry._types import FloatArray
from skerry.errors import InputError, StoreError
from skerry.files._columns import FilledError, Row, chunk_text, read_filled
from skerry.store._files import make_folder, write_new

ROUNDS, HEAD = "rounds", "round.json"
FORMAT = "skerry round 1"
PART = ".part-"
OLD_SECONDS = 3600.0


@dataclass(frozen=True, eq=False)
class Round:
    """A round of points.

    Attributes:
        folder: where it is.
        number: from 1.
        names: of the parameters.
        theta: its points, ``(n, d)``.
        ends: of the chunks: chunk i (from 1) holds points ``ends[i - 2]`` to ``ends[i - 1]``.
    """

    folder: Path
    number: int
    names: tuple[str, ...]
    theta: FloatArray
    ends: tuple[int, ...]

    @property
    def n_chunks(self) -> int:
        """How many chunks."""
        return len(self.ends)

    def points(self, chunk: int) -> FloatArray:
        """A chunk's points, ``(m, d)``."""
        return self.theta[0 if chunk == 1 else self.ends[chunk - 2] : self.ends[chunk - 1]]

    def path(self, chunk: int) -> Path:
        """The file of a chunk to fill."""
        return chunk_path(self.folder, chunk)

    def filled_path(self, chunk: int) -> Path:
        """The file beside it that holds it filled."""
        return filled_path(self.folder, chunk)

    def filled(self, chunk: int, *, allow_failures: bool) -> list[Row] | None:
        """What came for a chunk; None if nothing has.

        Raises:
            FilledError: if it can't be used.
        """
        for path in (self.filled_path(chunk), self.path(chunk)):
            try:
                found = read_filled(
                    path,
                    self.number,
                    self.names,
                    self.points(chunk),
                    allow_failures=allow_failures,
                )
            except FileNotFoundError:
                continue
            except OSError as error:
                raise FilledError(
                    f"Expected to read {path}; {error.strerror or error}; see to it."
                ) from error
            if found is not None:
                return found
        return None


def chunk_path(folder: Path, chunk: int) -> Path:
    """The file of a chunk to fill."""
    return folder / f"chunk-{chunk:04d}.csv"


def filled_path(folder: Path, chunk: int) -> Path:
    """The file that holds it filled."""
    return folder / f"chunk-{chunk:04d}.filled.csv"


def newest(run: Path) -> tuple[int, Path] | None:
    """The number and folder of the newest round; None if there is none."""
    try:
        names = [entry.name for entry in (run / ROUNDS).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return None
    numbers = [int(name) for name in names if re.fullmatch(r"\d{4,9}", name)]
    if not numbers:
        return None
    return max(numbers), run / ROUNDS / f"{max(numbers):04d}"


def read_round(run: Path) -> Round | None:
    """The newest round; None if there is none.

    Raises:
        InputError: if its head is damaged.
    """
    found = newest(run)
    if found is None:
        return None
    number, folder = found
    try:
        head = json.loads((folder / HEAD).read_bytes())
        digest = head.pop("digest")
        if digest != _digest(head) or head["format"] != FORMAT or head["round"] != number:
            raise ValueError("it was changed")
        theta = np.array(head["theta"], np.float64).reshape(-1, len(head["names"]))
        return Round(folder, number, tuple(head["names"]), theta, tuple(head["ends"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"Expected the points of round {number} in {folder / HEAD}; it is missing or damaged "
            f"({error}); move the folder {folder} away and run `skerry propose` to have the round "
            "proposed again. (Chunks already filled in it are evaluated again.)"
        ) from error


def write_round(
    run: Path, number: int, names: Sequence[str], theta: FloatArray, chunks: int
) -> Round:
    """Write a round: its folder is there whole or not at all.

    Raises:
        StoreError: if that fails.
    """
    rounds = run / ROUNDS
    make_folder(rounds)
    _sweep(rounds)
    parts = np.array_split(np.arange(len(theta)), min(chunks, len(theta)))
    ends = tuple(int(part[-1]) + 1 for part in parts)
    body: dict[str, Any] = {"format": FORMAT, "round": number, "names": list(names)}
    body |= {"ends": list(ends), "theta": theta.tolist()}
    part = rounds / f"{PART}{os.getpid()}-{secrets.token_hex(4)}"
    make_folder(part)
    try:
        made = Round(part, number, tuple(names), theta, ends)
        for chunk in range(1, len(ends) + 1):
            pour(made.path(chunk), _text(made, chunk).encode())
        head = json.dumps({**body, "digest": _digest(body)})
        write_new(part / HEAD, head.encode() + b"\n")
        folder = rounds / f"{number:04d}"
        os.rename(part, folder)
    except OSError as error:
        raise StoreError(
            f"Expected to write round {number} to {rounds}; {error.strerror or error}; see to it, "
            "and run the same again."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Round(folder, number, tuple(names), theta, ends)


def restore_chunks(found: Round) -> None:
    """Write the chunks again that are missing, and not filled beside.

    Raises:
        StoreError: if that fails.
    """
    for chunk in range(1, found.n_chunks + 1):
        if not found.path(chunk).exists() and not found.filled_path(chunk).exists():
            write_new(found.path(chunk), _text(found, chunk).encode())


def _text(found: Round, chunk: int) -> str:
    return chunk_text(found.number, found.names, found.points(chunk))


def _sweep(rounds: Path) -> None:
    """Remove what a killed process left half-written, a while ago."""
    for part in rounds.glob(f"{PART}*"):
        try:
            old = time.time() - part.stat().st_mtime > OLD_SECONDS
        except OSError:
            continue
        if old:
            shutil.rmtree(part, ignore_errors=True)


def _digest(body: Any) -> str:
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).hexdigest()
