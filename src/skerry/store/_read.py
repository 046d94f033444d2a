"""Reading a store without a lock: for tables, for the curious, for other programs' points."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.errors import InputError
from skerry.store._chunk import Chunk, DamagedError, RoundChunk, decode, refuse_compressed
from skerry.store._index import Index, keys_of
from skerry.store._manifest import problem_digest, read_manifest

T = TypeVar("T", bound="Table")


@dataclass(frozen=True)
class Recorded:
    """What a store holds, a row a point, each point once.

    Attributes:
        names: of the d parameters.
        theta: points, ``(n, d)``.
        log_likelihood: ``(n,)``; nan where the call failed.
        failed: ``(n,)``.
        messages: why, one text for each failed point, in order.
        round: that drew each point, ``(n,)``; -1 for those that no round drew (a hunt's).
        log_proposal: the log density each was drawn from, in theta, ``(n,)``; nan where it isn't
            known.
        unused: files that couldn't be used, and why.
    """

    names: tuple[str, ...]
    theta: FloatArray
    log_likelihood: FloatArray
    failed: BoolArray
    messages: tuple[str, ...]
    round: IntArray
    log_proposal: FloatArray
    unused: tuple[str, ...]


def read(path: str | PathLike[str]) -> Recorded:
    """What a store holds; it may be in use, or read-only. Executes nothing.

    Raises:
        InputError: if there is no store.
    """
    names, _, table, unused = tabulated(path, Table)
    return Recorded(
        names,
        table.theta,
        table.log_likelihood,
        table.failed,
        tuple(table.messages),
        table.round,
        table.log_proposal,
        unused,
    )


def tabulated(
    path: str | PathLike[str], kind: type[T]
) -> tuple[tuple[str, ...], str, T, tuple[str, ...]]:
    """A store's parameters and prior, its points in a table, and files that couldn't be used.

    Raises:
        InputError: if there is no store.
    """
    folder = Path(path)
    identity = read_manifest(folder)
    names = _names(identity)
    if identity is None or names is None:
        raise InputError(
            f"Expected a store in {folder}; its manifest is missing or damaged; pass the folder "
            "that was passed as store=."
        )
    unused: list[str] = []
    table = kind(len(names))
    for file, found in _files(folder / "chunks", len(names), problem_digest(identity), unused):
        if isinstance(found, RoundChunk):
            table.add_round(found)
        elif found.gradient is None:
            table.add(found, file)
    table.fit()
    return names, identity.get("prior", ""), table, tuple(unused)


def problems_of(folder: Path) -> set[str]:
    """The digests of the problems that a folder's readable chunks say they are of."""
    found = set()
    for path in sorted(folder.glob("*.npz")):
        try:
            data = path.read_bytes()
            refuse_compressed(data)
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                found.add(str(json.loads(str(file["head"]))["problem"]))
        except Exception:
            continue
    return found


def _names(identity: dict[str, str] | None) -> tuple[str, ...] | None:
    """The parameters; None if the manifest doesn't tell."""
    try:
        found = json.loads((identity or {})["parameters"])
    except (KeyError, ValueError, RecursionError):
        return None
    known = isinstance(found, list) and found and all(isinstance(name, str) for name in found)
    return tuple(found) if known else None


def _files(
    folder: Path, ndim: int, problem: str, unused: list[str]
) -> Iterator[tuple[Path, Chunk | RoundChunk]]:
    for path in sorted(folder.glob("*.npz")):
        try:
            yield path, decode(path.name, path.read_bytes(), ndim, problem)
        except DamagedError as error:
            unused.append(f"{path.name}: {error}")
        except FileNotFoundError:  # merged into another meanwhile
            continue
        except OSError as error:
            unused.append(f"{path.name}: {error.strerror or error}")


class Table:
    """Columns that grow in place, so that what is read is in memory once.

    Chunks come first, then rounds from the first on: so are their files named.
    """

    def __init__(self, ndim: int) -> None:
        self._index, self._n = Index(), 0
        self.theta = np.empty((0, ndim))
        self.log_likelihood, self.failed = np.empty(0), np.empty(0, bool)
        self.round, self.log_proposal = np.empty(0, np.int64), np.empty(0)
        self.messages: list[str] = []

    @property
    def _columns(self) -> tuple[Any, ...]:
        return self.theta, self.log_likelihood, self.failed, self.round, self.log_proposal

    def add(self, chunk: Chunk, file: Path) -> None:
        """A chunk's points that are not there yet."""
        keys = keys_of(chunk.theta)
        _, first = np.unique(keys, axis=0, return_index=True)
        rows = np.sort(first[self._index.find(keys[first]) < 0])
        self._index.add(keys[rows], self._n)
        start, self._n = self._n, self._n + len(rows)
        if self._n > len(self.log_likelihood):
            self._resize(max(1024, self._n, int(1.3 * len(self.log_likelihood))))
        self._put(slice(start, self._n), chunk, rows, file)
        self.messages += [chunk.messages.get(r, "failed") for r in rows.tolist() if chunk.failed[r]]

    def _put(self, new: slice, chunk: Chunk, rows: IntArray, file: Path) -> None:  # noqa: ARG002
        self.theta[new] = chunk.theta[rows]
        self.log_likelihood[new] = chunk.log_likelihood[rows]
        self.failed[new] = chunk.failed[rows]
        self.round[new], self.log_proposal[new] = -1, np.nan

    def add_round(self, found: RoundChunk) -> None:
        """Where a round's points were drawn from."""
        rows = self._index.find(keys_of(found.theta))
        mine = np.flatnonzero(rows >= 0)
        mine = mine[self.round[rows[mine]] < 0]
        self.round[rows[mine]] = found.number
        self._note(rows[mine], found, mine)

    def _note(self, rows: IntArray, found: RoundChunk, mine: IntArray) -> None:
        self.log_proposal[rows] = found.log_proposal[mine]

    def fit(self) -> None:
        """Give back the room that isn't used."""
        self._resize(self._n)

    def _resize(self, n: int) -> None:
        for column in self._columns:
            column.resize((n, *column.shape[1:]), refcheck=False)
