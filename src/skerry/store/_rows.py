"""A store's points left on disk: for tables that are better not held in memory."""

from __future__ import annotations

import io
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.errors import InputError
from skerry.store._chunk import Chunk, RoundChunk
from skerry.store._read import Table, tabulated


class _Places(Table):
    """Where each point is: its file, and its row there."""

    def __init__(self, ndim: int) -> None:
        super().__init__(ndim)
        self.files: list[Path] = []
        self.file, self.place = np.empty(0, np.int32), np.empty(0, np.int32)
        self.log_ratio = np.empty(0)

    @property
    def _columns(self) -> tuple[Any, ...]:
        places = self.file, self.place, self.log_ratio
        return (*places, self.log_likelihood, self.failed, self.round)

    def _put(self, new: slice, chunk: Chunk, rows: IntArray, file: Path) -> None:
        self.file[new], self.place[new] = len(self.files), rows
        self.files.append(file)
        self.log_likelihood[new] = chunk.log_likelihood[rows]
        self.failed[new] = chunk.failed[rows]
        self.round[new], self.log_ratio[new] = -1, np.nan

    def _note(self, rows: IntArray, found: RoundChunk, mine: IntArray) -> None:
        self.log_ratio[rows] = -found.log_ratio[mine]


class Rows:
    """A store's points, each once, read from its files when they are asked for.

    33 bytes a point are in memory. ``rows[[5, 2, 7]]`` are points, ``(3, d)``.

    Attributes:
        names: of the d parameters.
        prior: the identity of theirs.
        log_likelihood: ``(n,)``; nan where the call failed.
        failed: ``(n,)``.
        round: that drew each point, ``(n,)``; -1 for those that no round drew (a hunt's).
        log_ratio: log(prior density / density each was drawn from), ``(n,)``; nan where it isn't
            known.
        unused: files that couldn't be used, and why.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.names, self.prior, table, self.unused = tabulated(path, _Places)
        self.log_likelihood: FloatArray = table.log_likelihood
        self.failed: BoolArray = table.failed
        self.round: IntArray = table.round
        self.log_ratio: FloatArray = table.log_ratio
        self._folder, self._files = Path(path), table.files
        self._file, self._place = table.file, table.place

    def __len__(self) -> int:
        return len(self.log_likelihood)

    def __repr__(self) -> str:
        return f"Rows({len(self):,} points of {', '.join(self.names)} in {self._folder})"

    def __getitem__(self, rows: IntArray) -> FloatArray:
        """Points ``(k, d)``; each file is read once.

        Raises:
            InputError: if a file is gone or another: somebody has written to the store meanwhile.
        """
        rows = np.asarray(rows)
        found = np.empty((len(rows), len(self.names)))
        for file in np.unique(self._file[rows]).tolist():
            mine = np.flatnonzero(self._file[rows] == file)
            found[mine] = self._read(self._files[file], self._place[rows[mine]].astype(np.int64))
        return found

    def _read(self, path: Path, places: IntArray) -> FloatArray:
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                return np.asarray(file["theta"][places])
        except Exception as error:  # gone, or another's: there is no end to the ways
            raise InputError(
                f"Expected {path.name} in {self._folder}, as when it was opened; got "
                f"{type(error).__name__}; open the store again, and when nothing writes to it."
            ) from error


def rows(path: str | PathLike[str]) -> Rows:
    """The points of a store, left on disk; it may be in use, or read-only. Executes nothing.

    Raises:
        InputError: if there is no store.
    """
    return Rows(path)
