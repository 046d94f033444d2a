"""Searches that go in step: each asks for points, all are evaluated at once, each goes on.

A search is a generator: it yields points ``(n, d)``, is sent their values ``(n,)``, and returns
what it found. Many of them need no more batches than the longest one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeAlias, TypeVar

import numpy as np

from skerry._types import FloatArray

Result = TypeVar("Result")
Search: TypeAlias = Generator[FloatArray, FloatArray, Result]


def in_step(
    searches: Sequence[Search[Result]], evaluate: Callable[[FloatArray], FloatArray]
) -> list[Result]:
    """What each search returns; all that they ask for at a time is one batch."""
    results: dict[int, Result] = {}
    answers: dict[int, FloatArray | None] = dict.fromkeys(range(len(searches)))
    while answers:
        asked: dict[int, FloatArray] = {}
        for i, answer in answers.items():
            try:
                search = searches[i]
                asked[i] = next(search) if answer is None else search.send(answer)
            except StopIteration as end:
                results[i] = end.value
        if not asked:
            break
        values = evaluate(np.concatenate(list(asked.values())))
        ends = np.cumsum([len(points) for points in asked.values()])
        parts = np.split(values, ends[:-1])
        answers = dict(zip(asked, parts, strict=True))
    return [results[i] for i in range(len(searches))]
