"""Tasks for dask, by its client.

Its own executor's futures never end where a result is lost together with the worker that held it,
and a task that failed is known by its key, so that to try it again is to be told of the failure.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from typing import Any


def dask_submit(executor: Any) -> Callable[..., Future[Any]] | None:
    """``submit`` for dask's ``Client`` or its ``get_executor()``; None for other pools."""
    client = getattr(executor, "_client", executor)
    if type(client).__module__.split(".")[0] != "distributed":
        return None
    options = {**getattr(executor, "_kwargs", {}), "pure": False}

    def submit(function: Callable[..., Any], *args: Any) -> Future[Any]:
        task = client.submit(function, *args, **options)
        ended: Future[Any] = Future()
        ended.add_done_callback(lambda future: task.cancel() if future.cancelled() else None)

        async def deliver() -> None:
            with suppress(InvalidStateError):  # nobody waits for it any more
                try:
                    ended.set_result(await client.gather(task, asynchronous=True))
                except Exception as error:
                    ended.set_exception(error)
                except BaseException as error:  # asyncio's own cancellation
                    ended.set_exception(CancelledError(str(error)))

        client.loop.add_callback(deliver)
        return ended

    return submit
