"""Functions that ask for something and wait, several of them under way at once.

Each runs in a thread of its own, but never two at a time: one runs from an answer to its next
question, while whoever resumed it waits. So nothing they share needs a lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

_here = threading.local()


class _Stop(BaseException):
    """Nobody waits for the function any more."""


class Coroutine:
    """A function under way; it begins with the first :meth:`resume`.

    Args:
        function: without arguments; it may call :func:`ask`.

    Attributes:
        done: whether the function has returned.
        result: what.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self.done, self.result = False, None
        self._function = function
        self._answers: SimpleQueue[tuple[Any, bool]] = SimpleQueue()
        self._events: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def resume(self, answer: Any = None) -> Any:
        """Go on with an answer to the last question; the next question, or None at the end.

        Raises:
            BaseException: whatever the function raises.
        """
        if self._thread is None:
            run = copy_context().run
            self._thread = threading.Thread(target=run, args=(self._run,), daemon=True)
            self._thread.start()
        else:
            self._answers.put((answer, True))
        kind, content = self._events.get()
        if kind == "asked":
            return content
        self._thread.join()
        self.done = True
        if kind == "raised":
            raise content
        self.result = content
        return None

    def stop(self) -> None:
        """End the function where it asks; nothing happens to one that has ended."""
        if self._thread is not None and self._thread.is_alive():
            self._answers.put((None, False))
            self._thread.join()
        self.done = True

    def _run(self) -> None:
        _here.coroutine = self
        try:
            self._events.put(("returned", self._function()))
        except _Stop:
            pass
        except BaseException as error:
            self._events.put(("raised", error))

    def _ask(self, question: Any) -> Any:
        self._events.put(("asked", question))
        answer, wanted = self._answers.get()
        if not wanted:
            raise _Stop
        return answer


def ask(question: Any) -> Any:
    """Inside a coroutine: the answer to a question."""
    return _here.coroutine._ask(question)
