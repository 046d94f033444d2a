"""Lives of a process that are ended by a kill."""

from __future__ import annotations

import os
import signal
import time


def life(work, folder, seconds):
    """``work()`` in a fork, killed after so many seconds; its exit status.

    The fork writes an exception to ``folder / "error"`` and ends with 1.
    """
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            (folder / "error").write_text(repr(error))
            os._exit(1)
        os._exit(0)
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]
