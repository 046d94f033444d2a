"""Progress on the error stream: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
EVERY = 5.0  # seconds between lines


@contextmanager
def shown(quiet: bool, stream: TextIO | None = None) -> Iterator[Progress | None]:
    """A progress function to hand to Skerry; None if quiet."""
    stream = stream or sys.stderr
    if quiet:
        yield None
    elif stream.isatty():
        with _bars(stream) as report:
            yield report
    else:
        yield _lines(stream)


@contextmanager
def _bars(stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(file=stream)) as bars:
        tasks: dict[str, TaskID] = {}
        last: dict[str, int] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks or done <= last[stage]:  # new, or the same stage once more
                tasks[stage] = bars.add_task(stage, total=total)
            last[stage] = done
            bars.update(tasks[stage], completed=done, total=total)

        yield report


def _lines(stream: TextIO, clock: Callable[[], float] = time.monotonic) -> Progress:
    start = clock()
    last_stage, last_time = "", start

    def report(stage: str, done: int, total: int) -> None:
        nonlocal last_stage, last_time
        now = clock()
        if stage == last_stage and now - last_time < EVERY:
            return
        last_stage, last_time = stage, now
        print(f"{now - start:6.0f} s  {stage} {done:,} of {total:,}", file=stream, flush=True)

    return report
