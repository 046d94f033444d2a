"""Errors as one clear message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from skerry.errors import EvaluationError, SkerryError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


@contextmanager
def guarded(debug: bool) -> Iterator[None]:
    """Turn Skerry's errors and Ctrl-C into a message and an exit code; other errors pass."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("\nStopped.", err=True)
        sys.exit(INTERRUPTED)
    except SkerryError as error:
        if debug:
            raise
        typer.echo(f"Error: {error}", err=True)
        sys.exit(FAILED if isinstance(error, EvaluationError) else BAD_INPUT)
    except OSError as error:
        if debug:
            raise
        typer.echo(
            f"Error: {error.strerror or error}: {error.filename or ''}".rstrip(": "), err=True
        )
        sys.exit(BAD_INPUT)
