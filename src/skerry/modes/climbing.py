"""Many climbs of a hunt: one after another, or several under way at once.

A climb is a chain of small batches; where calls take long, workers would wait for each of them.
Several at once keep workers busy. What each climb knows is settled by their order, never by time:
climb j begins when climb j - w has been settled, and knows the peaks that were settled by then. So
the peaks depend on the number w of climbs under way, and not on the workers or on who is first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from skerry._coroutine import Coroutine
from skerry._types import FloatArray
from skerry.modes.hunting import Hunter

CALLS = 200  # gradients by differences that a climb may take; nearly all take a tenth


class Stream(Protocol):
    """A likelihood that takes several batches at a time."""

    def begin(self, u: FloatArray, *, urgent: bool = False) -> Any:
        """Ask for points on u, ``(n, d)``, and go on."""
        ...

    def first_of(self, requests: Sequence[Any]) -> Any:
        """The request of these that is ready first; waits for it."""
        ...

    def finish(self, request: Any) -> Any:
        """What came: its ``log_likelihood`` is ``(n,)``."""
        ...


def climb_in_turn(hunter: Hunter, starts: FloatArray, enough: Callable[[], bool]) -> None:
    """Climb from starts ``(n, d)``, one after another, until there is enough."""
    for start in starts:
        if enough():
            return
        hunter.climb(start)


def climb_together(
    hunter: Hunter, starts: FloatArray, enough: Callable[[], bool], stream: Stream, n: int
) -> None:
    """Climb from starts ``(m, d)``, ``n`` climbs at a time; those under way at the end count.

    Args:
        hunter: its log-likelihood is :func:`skerry._coroutine.ask`.
        starts: where to climb from, in order.
        enough: asked before each climb begins.
        stream: answers the climbs.
        n: climbs under way, fewer where calls are short.
    """
    share = CALLS * (starts.shape[1] + 1)
    n = max(1, min(n, hunter.left // (2 * share)))  # what is not lent is for a look at the peaks
    share = min(share, hunter.left // 2)
    ahead, waiting = iter(starts), _Waiting(stream)
    flying: deque[tuple[Hunter, Coroutine]] = deque()
    settling: Coroutine | None = None
    begin = True
    try:
        while True:
            if settling is not None and settling.done:
                settling = None
            elif begin and settling is None and len(flying) < n:  # before the next is settled
                start = None if enough() else next(ahead, None)
                begin = start is not None
                if start is not None:
                    scout = hunter.scout(share)
                    flying.append((scout, waiting.begin(partial(scout.ascend, start))))
            elif settling is None and flying and flying[0][1].done:
                scout, climb = flying.popleft()
                hunter.recall(scout)
                settling = waiting.begin(partial(hunter.settle, climb.result))
            elif not waiting.wait():
                return
    finally:
        waiting.stop()


class _Waiting:
    """Coroutines that wait for points."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._all: list[Coroutine] = []
        self._asked: list[tuple[Any, Coroutine]] = []

    def begin(self, function: Callable[[], Any]) -> Coroutine:
        self._all = [*(other for other in self._all if not other.done), Coroutine(function)]
        coroutine = self._all[-1]
        self._resume(coroutine)
        return coroutine

    def _resume(self, coroutine: Coroutine, values: FloatArray | None = None) -> None:
        question = coroutine.resume(values)
        if not coroutine.done:
            self._asked.append((self._stream.begin(question, urgent=True), coroutine))

    def wait(self) -> bool:
        """Resume the first that is answered; False if none waits."""
        if not self._asked:
            return False
        request = self._stream.first_of([request for request, _ in self._asked])
        values = self._stream.finish(request).log_likelihood
        place = next(i for i, (other, _) in enumerate(self._asked) if other is request)
        self._resume(self._asked.pop(place)[1], values)
        return True

    def stop(self) -> None:
        for coroutine in self._all:
            coroutine.stop()
