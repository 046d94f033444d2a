"""Reading a store without a lock: for tables, for the curious, for other programs' points."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from skerry._types import BoolArray, FloatArray, IntArray
from skerry.errors import InputError
from skerry.store._chunk import Chunk, DamagedError, RoundChunk, decode, refuse_compressed
from skerry.store._index import Index, keys_of
from skerry.store._manifest import problem_digest, read_manifest


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
    folder = Path(path)
    identity = read_manifest(folder)
    names = _names(identity)
    if identity is None or names is None:
        raise InputError(
            f"Expected a store in {folder}; its manifest is missing or damaged; pass the folder "
            "that was passed as store=."
        )
    unused: list[str] = []
    chunks: list[Chunk] = []
    rounds: list[RoundChunk] = []
    for found in _files(folder / "chunks", len(names), problem_digest(identity), unused):
        if isinstance(found, RoundChunk):
            rounds.append(found)
        elif found.gradient is None:
            chunks.append(found)
    return _table(names, chunks, rounds, unused)


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
) -> Iterator[Chunk | RoundChunk]:
    for path in sorted(folder.glob("*.npz")):
        try:
            yield decode(path.name, path.read_bytes(), ndim, problem)
        except DamagedError as error:
            unused.append(f"{path.name}: {error}")
        except FileNotFoundError:  # merged into another meanwhile
            continue
        except OSError as error:
            unused.append(f"{path.name}: {error.strerror or error}")


def _table(
    names: tuple[str, ...], chunks: list[Chunk], rounds: list[RoundChunk], unused: list[str]
) -> Recorded:
    index = Index()
    parts: dict[str, list[Any]] = {"theta": [], "values": [], "failed": []}
    messages: list[str] = []
    n = 0
    for chunk in chunks:
        keys = keys_of(chunk.theta)
        _, first = np.unique(keys, axis=0, return_index=True)
        rows = np.sort(first[index.find(keys[first]) < 0])
        index.add(keys[rows], n)
        n += len(rows)
        parts["theta"].append(chunk.theta[rows])
        parts["values"].append(chunk.log_likelihood[rows])
        parts["failed"].append(chunk.failed[rows])
        messages += [chunk.messages.get(r, "failed") for r in rows.tolist() if chunk.failed[r]]
    number, log_proposal = np.full(n, -1, np.int64), np.full(n, np.nan)
    for found in sorted(rounds, key=lambda r: -r.number):
        rows = index.find(keys_of(found.theta))
        number[rows[rows >= 0]] = found.number
        log_proposal[rows[rows >= 0]] = found.log_proposal[rows >= 0]
    blank = np.empty((0, len(names)))
    return Recorded(
        names,
        np.concatenate([blank, *parts["theta"]]),
        np.concatenate([np.empty(0), *parts["values"]]),
        np.concatenate([np.empty(0, bool), *parts["failed"]]),
        tuple(messages),
        number,
        log_proposal,
        tuple(unused),
    )
