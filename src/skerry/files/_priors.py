"""Priors without Python: a table of names and distributions, in TOML or JSON."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skerry.errors import InputError, SkerryError
from skerry.priors import Prior

EXAMPLE = (
    'mass = {distribution = "uniform", args = [0, 10]} (the names and arguments of scipy.stats) '
    "or phase = {periodic = [0, 6.283]}"
)


def read_prior_table(path: Path) -> Prior:
    """The prior of a TOML or JSON file: a table for each parameter, in order.

    ``mass = {distribution = "uniform", loc = 0, scale = 10}``: a continuous distribution of
    scipy.stats with its arguments by name, or in order as ``args``; ``phase = {periodic = [0, 1]}``
    for a circle. The JSON is an object of the same. Nothing in the file is executed.

    Raises:
        InputError: for anything else, with the name of the parameter.
    """
    try:
        text = path.read_text("utf-8-sig")
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except FileNotFoundError as error:
        raise InputError(f"Expected a file with a prior; {path} isn't there.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"Expected {path} to hold a prior; it can't be read ({error}); write for example "
            f"{EXAMPLE}."
        ) from error
    return prior_of_table(found, str(path))


def prior_of_table(table: Any, place: str) -> Prior:
    """The prior of a table by name; see :func:`read_prior_table`.

    Raises:
        InputError: for anything else.
    """
    from skerry.posterior import prior_from_spec

    if not isinstance(table, Mapping) or not table:
        raise InputError(
            f"Expected a table of parameters in {place}; got {type(table).__name__}; write for "
            f"example {EXAMPLE}."
        )
    specs = [_spec(str(name), part, place) for name, part in table.items()]
    try:
        return prior_from_spec(specs)
    except SkerryError:
        raise
    except Exception as error:  # scipy's, of many kinds
        raise InputError(
            f"Expected arguments of scipy.stats in {place}; got {type(error).__name__}: {error}; "
            f"write for example {EXAMPLE}."
        ) from error


def _spec(name: str, part: Any, place: str) -> dict[str, Any]:
    from scipy import stats

    def refused(what: str) -> InputError:
        return InputError(
            f"Expected a distribution for {name} in {place}; got {what}; write for example "
            f"{EXAMPLE}."
        )

    if not isinstance(part, Mapping):
        raise refused(repr(part)[:80])
    rest = {key: value for key, value in part.items() if key not in ("distribution", "args")}
    if "periodic" in part:
        ends = part["periodic"]
        if len(part) > 1 or not _is_numbers(ends) or len(ends) != 2:
            raise refused(repr(dict(part))[:80])
        return {"name": name, "periodic": [float(end) for end in ends]}
    kind = part.get("distribution")
    if not isinstance(getattr(stats, str(kind), None), stats.rv_continuous):
        raise refused(f"{kind!r}, which scipy.stats doesn't have")
    args = part.get("args", [])
    if not _is_numbers(args) or not _is_numbers(list(rest.values())):
        raise refused(f"{repr(dict(part))[:80]}, whose arguments are not all numbers")
    kwargs = {str(key): float(value) for key, value in rest.items()}
    return {"name": name, "distribution": kind, "args": [float(v) for v in args], "kwargs": kwargs}


def _is_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )
