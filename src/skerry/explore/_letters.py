"""Letters that stay with islands while the observation moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skerry._types import FloatArray, IntArray


@dataclass(frozen=True)
class Letters:
    """Which letter each component of the mixture last had, and which it had first; -1: none."""

    last: tuple[int, ...]
    first: tuple[int, ...]


def follow(
    before: Letters | None, islands: IntArray, shares: FloatArray
) -> tuple[tuple[int, ...], Letters]:
    """Letters for islands (as indices: 0 is A), such that an island keeps its own.

    An island is a set of components. It takes the letter that most of its mass had before; one that
    parts from another takes the letter its components had first, or else the lowest that is free.
    Without a past, the heaviest is A.

    Args:
        before: what the picture before gave; None: nothing.
        islands: each component's island ``(K,)``, heaviest island first; -1: carries nothing.
        shares: the components' masses ``(K,)``.

    Returns:
        each island's letter, and what to give next time.
    """
    n = int(islands.max(initial=-1)) + 1
    K = len(islands)
    before = before or Letters((-1,) * K, (-1,) * K)
    found = np.full(n, -1)
    for past in (np.array(before.last), np.array(before.first)):
        _claim(found, past, islands, shares)
    free = (k for k in range(n + K + 1) if k not in set(found.tolist()))
    for k in range(n):
        if found[k] < 0:
            found[k] = next(free)
    now = [int(found[i]) if i >= 0 else old for i, old in zip(islands, before.last, strict=True)]
    first = [old if old >= 0 else new for old, new in zip(before.first, now, strict=True)]
    return tuple(found.tolist()), Letters(tuple(now), tuple(first))


def _claim(found: IntArray, past: IntArray, islands: IntArray, shares: FloatArray) -> None:
    """Give letters of the past to islands without one, the largest overlap first."""
    n = len(found)
    overlap = np.zeros((n, max(int(past.max(initial=-1)), -1) + 1))
    mine = (islands >= 0) & (past >= 0)
    np.add.at(overlap, (islands[mine], past[mine]), shares[mine])
    overlap[found >= 0] = 0.0
    overlap[:, [k for k in found.tolist() if 0 <= k < overlap.shape[1]]] = 0.0
    while overlap.size and overlap.max() > 0.0:
        island, letter = np.unravel_index(int(np.argmax(overlap)), overlap.shape)
        found[island] = letter
        overlap[island] = 0.0
        overlap[:, letter] = 0.0
