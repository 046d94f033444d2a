"""Finding points by their bits among millions, in little memory: 40 bytes each.

A point's key is a 128-bit hash of its float64 bits; two points share one by chance with
probability 1e-24 at ten million points. The points themselves need not be kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skerry._types import FloatArray, IntArray

Keys = npt.NDArray[np.uint64]
RECENT = 100_000


def keys_of(theta: FloatArray) -> Keys:
    """128 bits a point: ``(n, d)`` to ``(n, 2)``."""
    bits = np.ascontiguousarray(theta, np.float64).view(np.uint64)
    d = bits.shape[1]
    first = np.full(len(bits), 0x243F6A8885A308D3 ^ d, np.uint64)
    second = np.full(len(bits), 0x13198A2E03707344 + d, np.uint64)
    for column in bits.T:
        first = _mixed(first ^ column)
        second = _mixed(second * np.uint64(0x9E3779B97F4A7C15) + column)
    return np.stack([first, second], axis=1)


class Index:
    """Keys and the rows they stand for: sorted tables, each over twice the next, and the newest."""

    def __init__(self) -> None:
        self._tables: list[tuple[Keys, IntArray]] = []
        self._recent: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return sum(len(rows) for _, rows in self._tables) + len(self._recent)

    def add(self, keys: Keys, first_row: int) -> None:
        """Keys of rows ``first_row``, ``first_row + 1``, ...; a key known before keeps its row."""
        new = np.flatnonzero(self.find(keys) < 0)
        if len(new) >= RECENT:
            self._push(keys[new], first_row + new)
            return
        for i in new.tolist():
            key = (int(keys[i, 0]), int(keys[i, 1]))
            self._recent.setdefault(key, first_row + i)
        if len(self._recent) > RECENT:
            recent, self._recent = self._recent, {}
            self._push(np.array(list(recent), np.uint64), np.array(list(recent.values())))

    def find(self, keys: Keys) -> IntArray:
        """The row of each key, ``(n, 2)`` to ``(n,)``; -1 for an unknown one."""
        rows = np.full(len(keys), -1, np.int64)
        for table, places in self._tables:
            left = np.flatnonzero(rows < 0)
            place = np.searchsorted(table[:, 0], keys[left, 0]).clip(max=len(places) - 1)
            same = (table[place] == keys[left]).all(axis=1)
            rows[left[same]] = places[place[same]]
        if self._recent:
            for i in np.flatnonzero(rows < 0).tolist():
                rows[i] = self._recent.get((int(keys[i, 0]), int(keys[i, 1])), -1)
        return rows

    def _push(self, keys: Keys, rows: IntArray) -> None:
        """A new table, merged with those before that aren't over twice as large."""
        self._tables.append(_sorted(keys, rows))
        while len(self._tables) > 1 and len(self._tables[-2][1]) <= 2 * len(self._tables[-1][1]):
            (keys, rows), (more, others) = self._tables.pop(-2), self._tables.pop()
            self._tables.append(
                _sorted(np.concatenate([keys, more]), np.concatenate([rows, others]))
            )


def _sorted(keys: Keys, rows: IntArray) -> tuple[Keys, IntArray]:
    """By key, each once, with its first row."""
    order = np.argsort(keys[:, 0], kind="stable")
    keys, rows = keys[order], rows[order]
    first = np.ones(len(keys), bool)
    first[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    return np.ascontiguousarray(keys[first]), rows[first]


def _mixed(h: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))
