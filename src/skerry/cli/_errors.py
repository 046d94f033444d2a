"""Errors as one clear message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from skerry.cli._signals import Terminated, terminable
from skerry.errors import EvaluationError, SkerryError, StoppedError, StoreError

FAILED, BAD_INPUT, LACKING, GO_ON, INTERRUPTED, TERMINATED = 1, 2, 3, 75, 130, 143


@contextmanager
def guarded(debug: bool, *, resumable: bool = False) -> Iterator[None]:
    """Turn errors and signals into a message and an exit code.

    Args:
        debug: show errors with their tracebacks.
        resumable: whether the same command goes on after a signal.
    """
    try:
        with terminable():
            yield
    except Terminated:
        end = "Run the same command to go on." if resumable else ""
        typer.echo(f"Stopped by SIGTERM. {end}".rstrip(), err=True)
        sys.exit(GO_ON if resumable else TERMINATED)
    except StoppedError as error:
        typer.echo(str(error), err=True)
        sys.exit(GO_ON)
    except KeyboardInterrupt:
        typer.echo("\nStopped.", err=True)
        sys.exit(INTERRUPTED)
    except SkerryError as error:
        if debug:
            raise
        typer.echo(f"Error: {error}", err=True)
        sys.exit(FAILED if isinstance(error, (EvaluationError, StoreError)) else BAD_INPUT)
    except OSError as error:
        if debug:
            raise
        typer.echo(
            f"Error: {error.strerror or error}: {error.filename or ''}".rstrip(": "), err=True
        )
        sys.exit(BAD_INPUT)
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if debug:
            raise
        typer.echo(
            f"Error: unforeseen {type(error).__name__}: {error}\nThe same command with --debug "
            "shows where. If that isn't your own code, please report it.",
            err=True,
        )
        sys.exit(FAILED)
