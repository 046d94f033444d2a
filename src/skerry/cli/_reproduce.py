"""The command line that was given, as one to give again."""

from __future__ import annotations

import shlex
from enum import Enum
from typing import Any

import typer

TELLING = ("quiet", "debug", "as_json")  # what a command says, not what it does


def command_line(context: typer.Context) -> str:
    """The command with the options that were given, quoted for a shell."""
    words = ["skerry", str(context.info_name)]
    for parameter in context.command.params:
        name, value = str(parameter.name), context.params.get(str(parameter.name))
        given = getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
        if not given or value is None or name in TELLING:
            continue
        words += _words(parameter, value)
    return shlex.join(words)


def _words(parameter: Any, value: Any) -> list[str]:
    """A parameter as words of the command line."""
    if parameter.param_type_name == "argument":
        return [f"{value}"]
    flag = max(parameter.opts, key=len)
    if isinstance(value, bool):
        return [flag if value else max(parameter.secondary_opts, key=len)]
    text = f"{value.value if isinstance(value, Enum) else value}"
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
