"""Errors as one clear message and an exit code."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from skerry.cli._signals import Terminated, terminable
from skerry.errors import EvaluationError, SkerryError, StoppedError, StoreError

UNFORESEEN = "something unforeseen"
FAILED, BAD_INPUT, LACKING, GO_ON, INTERRUPTED, TERMINATED = 1, 2, 3, 75, 130, 143


@contextmanager
def guarded(debug: bool, *, resumable: bool = False) -> Iterator[None]:
    """Turn errors and signals into a message and an exit code.

    Args:
        debug: show errors with their tracebacks.
        resumable: whether the same command goes on after a signal.
    """
    _print_anything()
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
        typer.echo(f"Error: {_as_options(str(error))}", err=True)
        sys.exit(FAILED if isinstance(error, (EvaluationError, StoreError)) else BAD_INPUT)
    except OSError as error:
        if debug:
            raise
        typer.echo(
            f"Error: {error.strerror or error}: {error.filename or ''}".rstrip(": "), err=True
        )
        sys.exit(BAD_INPUT)
    except MemoryError as error:
        if debug:
            raise
        typer.echo(
            f"Error: Expected enough memory; there is none left ({error}); ask for less at a time, "
            "or use a larger machine.",
            err=True,
        )
        sys.exit(FAILED)
    except Exception as error:
        if debug or isinstance(error, (typer.Exit, typer.Abort, typer.BadParameter)):
            raise
        typer.echo(
            f"Error: {UNFORESEEN} ({type(error).__name__}: {error}). Skerry should have told: run "
            "the same with --debug, and report what that shows.",
            err=True,
        )
        sys.exit(FAILED)


def _as_options(text: str) -> str:
    """Advice about an argument of Python as advice about an option."""
    for choice in ("drop", "zero"):
        text = text.replace(f'failures="{choice}"', f"--failures {choice}")
    return text


def _print_anything() -> None:
    """Names of files may be no text: what can't be printed becomes an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
