"""An open store: finding evaluations, adding more."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from skerry._types import BoolArray, FloatArray
from skerry.errors import StoreError
from skerry.store._chunk import (
    MAX_ROWS,
    NAME,
    Chunk,
    DamagedError,
    RoundChunk,
    chunk_name,
    decode,
    encode_chunk,
    encode_round,
    round_name,
)
from skerry.store._files import failed, put_aside, write_new
from skerry.store._index import Index, keys_of
from skerry.store._values import Values

SMALL_ROWS = 2_000
MANY_SMALL = 400


@dataclass(frozen=True)
class Found:
    """What is known of some points.

    Attributes:
        known: which, ``(n,)``.
        log_likelihood: ``(n,)``; nan where failed or not known.
        failed: ``(n,)``.
        messages: why, by row.
    """

    known: BoolArray
    log_likelihood: FloatArray
    failed: BoolArray
    messages: dict[int, str]


class Records:
    """The evaluations of one store, in the hands of one process.

    Args:
        folder: of the chunks.
        aside: where files go that can't be used.
        ndim: d.
        problem: the digest of the problem's identity.
        unsaved_seconds: likelihood time that may wait to be written.
        vectors: whether each point has several numbers, a forward model's prediction.
    """

    def __init__(
        self,
        folder: Path,
        aside: Path,
        ndim: int,
        problem: str,
        unsaved_seconds: float,
        *,
        vectors: bool = False,
    ) -> None:
        self._folder, self._aside, self._vectors = folder, aside, vectors
        self._width: int | None = None
        self._ndim, self._problem = ndim, problem
        self.unsaved_seconds = unsaved_seconds
        self._index, self._values = Index(), Values()
        self._slopes: dict[bytes, tuple[float, FloatArray]] = {}
        self._rounds: set[str] = set()
        self._pending: list[Chunk] = []
        self._pending_seconds = 0.0
        self._small: list[str] = []
        self._next = 0
        self.set_aside: list[str] = []
        self._read_all()

    def __len__(self) -> int:
        return len(self._index) + len(self._slopes)

    def find(self, theta: FloatArray) -> Found:
        """What is known of points ``(n, d)``."""
        rows = self._index.find(keys_of(theta))
        return Found(rows >= 0, *self._values.take(rows))

    def add(
        self,
        theta: FloatArray,
        log_likelihood: FloatArray,
        failed: BoolArray,
        messages: dict[int, str],
        seconds: float,
    ) -> None:
        """Keep evaluations that took so many seconds; written now, or with the next.

        Raises:
            StoreError: if they can't be written; they are kept, and the next call tries again.
        """
        for start in range(0, len(theta), MAX_ROWS):
            rows = slice(start, start + MAX_ROWS)
            mine = {r - start: t for r, t in messages.items() if start <= r < start + MAX_ROWS}
            chunk = Chunk(theta[rows].copy(), log_likelihood[rows].copy(), failed[rows], mine)
            self._remember(chunk)
            self._pending.append(chunk)
        self._wait_or_flush(seconds)

    def slope(self, theta: FloatArray) -> tuple[float, FloatArray] | None:
        """The value and gradient at one point ``(d,)``, if known."""
        return self._slopes.get(theta.tobytes())

    def add_slope(
        self, theta: FloatArray, value: float, gradient: FloatArray, seconds: float
    ) -> None:
        """Keep a value and gradient at one point ``(d,)``.

        Raises:
            StoreError: as :meth:`add`.
        """
        chunk = Chunk(
            theta[None].copy(), np.array([value]), np.array([False]), {}, gradient[None].copy()
        )
        self._remember(chunk)
        self._pending.append(chunk)
        self._wait_or_flush(seconds)

    def add_round(self, found: RoundChunk) -> None:
        """Keep where a round's points were drawn from; nothing happens if that is known.

        Raises:
            StoreError: if it can't be written.
        """
        data = encode_round(found, self._problem)
        name = round_name(found.number, data)
        if name not in self._rounds:
            write_new(self._folder / name, data)
            self._rounds.add(name)

    def flush(self) -> None:
        """Write what waits.

        Raises:
            StoreError: if it can't be written; it still waits.
        """
        while self._pending:
            first = self._pending[0]
            same = [c for c in self._pending if (c.gradient is None) == (first.gradient is None)]
            batch: list[Chunk] = []
            rows = 0
            for chunk in same:
                if batch and rows + len(chunk.theta) > MAX_ROWS:
                    break
                batch.append(chunk)
                rows += len(chunk.theta)
            self._write(_joined(batch))
            taken = set(map(id, batch))
            self._pending = [c for c in self._pending if id(c) not in taken]
        self._pending_seconds = 0.0
        if len(self._small) > MANY_SMALL:
            self._compact()

    def _wait_or_flush(self, seconds: float) -> None:
        self._pending_seconds += seconds
        rows = sum(len(chunk.theta) for chunk in self._pending)
        if self._pending_seconds >= self.unsaved_seconds or rows >= MAX_ROWS:
            self.flush()

    def _write(self, chunk: Chunk) -> str:
        data = encode_chunk(chunk, self._problem)
        name = chunk_name(self._next, data)
        write_new(self._folder / name, data)
        self._next += 1
        if len(chunk.theta) < SMALL_ROWS:
            self._small.append(name)
        return name

    def _remember(self, chunk: Chunk) -> None:
        if chunk.gradient is None:
            self._index.add(keys_of(chunk.theta), len(self._values))
            self._values.add(chunk.log_likelihood, chunk.failed, chunk.messages)
            return
        for point, value, slope in zip(
            chunk.theta, chunk.log_likelihood, chunk.gradient, strict=True
        ):
            self._slopes.setdefault(point.tobytes(), (float(value), slope))

    def _read_all(self) -> None:
        try:
            names = sorted(entry.name for entry in self._folder.iterdir())
        except OSError as error:
            raise failed(self._folder, error) from error
        for name in names:
            chunk = self._read(name)
            if isinstance(chunk, Chunk):
                self._remember(chunk)
            matched = NAME.fullmatch(name)
            if matched and matched[1] == "chunk":
                self._next = max(self._next, int(matched[2]) + 1)
        if self.set_aside:
            shown = "\n".join(f"  {line}" for line in self.set_aside[:10])
            more = len(self.set_aside) - 10
            warnings.warn(
                f"{len(self.set_aside)} files of the store in {self._folder.parent} can't be used "
                f"and were moved to {self._aside}; what they held is evaluated again:\n{shown}"
                + (f"\n  and {more} more" if more > 0 else ""),
                stacklevel=2,
            )
        if len(self._small) > MANY_SMALL:
            self._compact()

    def _read(self, name: str) -> Chunk | RoundChunk | None:
        """A file's content; one that can't be used is put aside."""
        path = self._folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreError(
                f"Expected to read {path}; got {error.strerror or error}; see to it, or move the "
                "file away to have its points evaluated again."
            ) from error
        try:
            chunk = decode(name, data, self._ndim, self._problem, vectors=self._vectors)
            if self._vectors and isinstance(chunk, Chunk):
                self._check_width(chunk)
        except DamagedError as error:
            self._put_aside(path, str(error))
            return None
        if isinstance(chunk, RoundChunk):
            self._rounds.add(name)
        elif len(chunk.theta) < SMALL_ROWS:
            self._small.append(name)
        return chunk

    def _check_width(self, chunk: Chunk) -> None:
        width = chunk.log_likelihood.shape[1]
        if self._width not in (None, width):
            raise DamagedError(f"its predictions are of {width} numbers, not {self._width}")
        self._width = width

    def _put_aside(self, path: Path, why: str) -> None:
        put_aside(path, self._aside)
        self.set_aside.append(f"{path.name}: {why}")

    def _compact(self) -> None:
        """Many small files as few large ones: those are written first, then these go."""
        names, self._small = self._small, []
        chunks = [(name, self._read(name)) for name in dict.fromkeys(names)]
        self._small = []
        for slopes in (False, True):
            mine = [
                (name, chunk)
                for name, chunk in chunks
                if isinstance(chunk, Chunk) and (chunk.gradient is not None) == slopes
            ]
            for start in range(0, len(mine), MAX_ROWS // SMALL_ROWS):
                part = mine[start : start + MAX_ROWS // SMALL_ROWS]
                kept = self._write(_joined([chunk for _, chunk in part]))
                for name, _ in part:
                    if name != kept:
                        (self._folder / name).unlink(missing_ok=True)


def _joined(chunks: list[Chunk]) -> Chunk:
    """Chunks of one kind in a row."""
    if len(chunks) == 1:
        return replace(chunks[0])
    messages: dict[int, str] = {}
    row = 0
    for chunk in chunks:
        messages |= {row + r: text for r, text in chunk.messages.items()}
        row += len(chunk.theta)
    slopes = [chunk.gradient for chunk in chunks if chunk.gradient is not None]
    return Chunk(
        np.concatenate([chunk.theta for chunk in chunks]),
        np.concatenate([chunk.log_likelihood for chunk in chunks]),
        np.concatenate([chunk.failed for chunk in chunks]),
        messages,
        np.concatenate(slopes) if slopes else None,
    )
