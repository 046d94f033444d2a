"""Progress of a command: the library's display, unless quiet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from skerry import progress
from skerry.progress import Progress


@contextmanager
def shown(quiet: bool, stream: TextIO | None = None) -> Iterator[Progress | None]:
    """A progress function to hand to Skerry; None if quiet."""
    with progress.shown(not quiet, stream) as display:
        yield display
