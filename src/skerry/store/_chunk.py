"""One file of evaluations, or of a round's points: arrays and a JSON head in an npz, no pickle."""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skerry._types import BoolArray, FloatArray
from skerry.store._files import digest

FORMAT = "skerry chunk 1"
NAME = re.compile(r"(chunk|round)-(\d{4,12})-([0-9a-f]{32})\.npz")
MAX_ROWS = 100_000


class DamagedError(Exception):
    """A file that can't be used, and why."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """Evaluations, as they came.

    Attributes:
        theta: points, ``(n, d)``.
        log_likelihood: ``(n,)``; nan for failed points. A forward model's: predictions, ``(n, m)``.
        failed: ``(n,)``.
        messages: why, by row.
        gradient: of the log-likelihood in theta, ``(n, d)``, or None.
    """

    theta: FloatArray
    log_likelihood: FloatArray
    failed: BoolArray
    messages: dict[int, str] = field(default_factory=dict)
    gradient: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class RoundChunk:
    """The points of a round.

    Attributes:
        number: of the round, from 0.
        kind: what it was for, in a word.
        theta: points, ``(n, d)``.
        log_ratio: log(density drawn from / prior density), ``(n,)``.
        log_proposal: log density drawn from, in theta, ``(n,)``; nan where the prior's density
            isn't known.
    """

    number: int
    kind: str
    theta: FloatArray
    log_ratio: FloatArray
    log_proposal: FloatArray


def encode_chunk(chunk: Chunk, problem: str) -> bytes:
    """A file's bytes; the same chunk gives the same bytes."""
    arrays: dict[str, Any] = {
        "theta": chunk.theta,
        "log_likelihood": chunk.log_likelihood,
        "failed": chunk.failed.astype(np.uint8),
    }
    if chunk.gradient is not None:
        arrays["gradient"] = chunk.gradient
    head = {"kind": "chunk", "messages": [[row, text] for row, text in chunk.messages.items()]}
    return _packed(head, problem, arrays)


def encode_round(found: RoundChunk, problem: str) -> bytes:
    """A file's bytes."""
    arrays = {
        "theta": found.theta,
        "log_ratio": found.log_ratio,
        "log_proposal": found.log_proposal,
    }
    head = {"kind": "round", "number": found.number, "purpose": found.kind}
    return _packed(head, problem, arrays)


def chunk_name(number: int, data: bytes) -> str:
    """Of a chunk's file."""
    return f"chunk-{number:08d}-{digest(data)}.npz"


def round_name(number: int, data: bytes) -> str:
    """Of a round's file."""
    return f"round-{number:04d}-{digest(data)}.npz"


def decode(
    name: str, data: bytes, ndim: int, problem: str | None, *, vectors: bool = False
) -> Chunk | RoundChunk:
    """What a file holds.

    Args:
        name: the file's, with the digest of its bytes.
        data: all of it.
        ndim: d.
        problem: the identity of the problem it should be of; None: any.
        vectors: whether each point has several numbers, a prediction.

    Raises:
        DamagedError: if it is damaged, or of another problem.
    """
    matched = NAME.fullmatch(name)
    if matched is None:
        raise DamagedError("its name is not one of Skerry's")
    if digest(data) != matched[3]:
        raise DamagedError("its bytes are not those that were written")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            refuse_compressed(data)
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
        head = json.loads(str(arrays.pop("head")))
        if head["format"] != FORMAT:
            raise DamagedError(f"its format is {head['format']!r}, not {FORMAT!r}")
        if problem is not None and head["problem"] != problem:
            raise DamagedError("it belongs to another problem")
        if head["kind"] == "chunk":
            return _chunk(head, arrays, ndim, vectors=vectors)
        return _round(head, arrays, ndim)
    except DamagedError:
        raise
    except Exception as error:  # there is no end to the ways in which a file can be damaged
        raise DamagedError(f"it can't be read ({type(error).__name__}: {error})") from error


def refuse_compressed(data: bytes) -> None:
    """Ours are not; others could be small and unpack without end."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        if any(part.compress_type != zipfile.ZIP_STORED for part in file.infolist()):
            raise DamagedError("it is compressed, which Skerry's are not")


def _packed(head: dict[str, Any], problem: str, arrays: dict[str, Any]) -> bytes:
    text = json.dumps({"format": FORMAT, "problem": problem, **head})
    file = io.BytesIO()
    np.savez(file, head=np.array(text), **arrays)
    return file.getvalue()


def _chunk(head: dict[str, Any], arrays: dict[str, Any], ndim: int, *, vectors: bool) -> Chunk:
    theta = _array(arrays, "theta", (-1, ndim))
    n = len(theta)
    values = _array(arrays, "log_likelihood", (n, -1) if vectors else (n,))
    gradient = _array(arrays, "gradient", (n, ndim)) if "gradient" in arrays else None
    failed = arrays["failed"]
    if failed.shape != (n,) or failed.dtype != np.uint8:
        raise DamagedError("its arrays do not fit together")
    messages = {int(row): str(text) for row, text in head["messages"]}
    if not all(0 <= row < n for row in messages):
        raise DamagedError("its messages do not fit its points")
    return Chunk(theta, values, failed.astype(bool), messages, gradient)


def _round(head: dict[str, Any], arrays: dict[str, Any], ndim: int) -> RoundChunk:
    theta = _array(arrays, "theta", (-1, ndim))
    n = len(theta)
    columns = (_array(arrays, name, (n,)) for name in ("log_ratio", "log_proposal"))
    return RoundChunk(int(head["number"]), str(head["purpose"]), theta, *columns)


def _array(arrays: dict[str, Any], name: str, shape: tuple[int, ...]) -> FloatArray:
    array = arrays[name]
    wanted = tuple(have if want == -1 else want for have, want in zip(array.shape, shape))  # noqa: B905
    if array.shape != wanted or array.ndim != len(shape) or array.dtype != np.float64:
        raise DamagedError("its arrays do not fit together")
    return np.asarray(array)
