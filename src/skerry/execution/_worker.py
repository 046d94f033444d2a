"""A worker process of our own.

It reads tasks from its standard input and answers on what was its standard output; what a
likelihood prints goes to the error stream. When its parent is gone, however that went, so is the
input, and the worker ends.
"""

from __future__ import annotations

import os
import pickle
import queue
import struct
import sys
import threading
import traceback
from typing import Any, BinaryIO

HEAD = struct.Struct("<Q")


def send(stream: BinaryIO, value: Any) -> None:
    """Write a value, its length first."""
    data = pickle.dumps(value, protocol=5)
    stream.write(HEAD.pack(len(data)) + data)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read a value.

    Raises:
        EOFError: if the other end is gone.
    """
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        raise EOFError
    (n,) = HEAD.unpack(head)
    data = stream.read(n)
    if len(data) < n:
        raise EOFError
    return pickle.loads(data)


def _read(stream: BinaryIO, tasks: queue.Queue[Any]) -> None:
    while True:
        try:
            tasks.put(receive(stream))
        except EOFError:
            os._exit(0)  # whatever runs just now, nobody waits for it


def main() -> None:
    """Serve tasks until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    inputs = os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    path, key, data = receive(inputs)
    sys.path[:] = path
    tasks: queue.Queue[Any] = queue.Queue()
    try:
        import cloudpickle

        from skerry.execution._remote import answer

        problem, x = cloudpickle.loads(data)
    except BaseException:
        send(answers, ("broken", traceback.format_exc(limit=-3)))
        return
    del key, data
    send(answers, ("ready", os.getpid()))
    threading.Thread(target=_read, args=(inputs, tasks), daemon=True).start()
    while True:
        number, theta = tasks.get()
        try:
            found = answer(problem, x, theta)
        except BaseException as error:  # SystemExit and its like: no failure of a point alone
            traceback.print_exc()
            sys.stderr.flush()
            code = getattr(error, "code", 1)
            os._exit(code if isinstance(code, int) else 1)
        send(answers, ("answer", (number, found)))
