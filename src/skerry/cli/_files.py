"""What comes from files: problems written in Python, observations."""

from __future__ import annotations

import runpy
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError, SkerryError
from skerry.priors import Prior
from skerry.problem import Problem

LONG = 200  # characters of what a user typed that an error repeats


def read_problem(path: Path) -> tuple[Problem, Any]:
    """``problem`` and ``x`` (None if there is none) of a Python file, which is run."""
    found = _defined(path)
    return found["problem"], found.get("x")


def _defined(path: Path) -> dict[str, Any]:
    """What a Python file with a ``problem`` defines."""
    found = _run(path)
    if not isinstance(found.get("problem"), Problem):
        raise InputError(
            f"Expected {path} to define `problem`, a skerry.Problem; got "
            f"{_kind(found, 'problem')}; write problem = skerry.Problem(prior, log_likelihood)."
        )
    return found


def read_model(path: Path) -> tuple[Problem, Any, Any]:
    """``problem``, and ``x`` and ``simulator`` (None if there is none), of a Python file."""
    found = _defined(path)
    return found["problem"], found.get("x"), found.get("simulator")


def read_explored(path: Path) -> tuple[Problem, Any, Any]:
    """``problem``, and ``x`` and ``x_names`` (None if there is none), of a Python file."""
    found = _defined(path)
    return found["problem"], found.get("x"), found.get("x_names")


def read_observation(text: str) -> FloatArray:
    """One observation: numbers with commas between, or a file of numbers.

    Raises:
        InputError: if it is neither.
    """
    try:
        return np.array([float(part) for part in text.split(",")])
    except ValueError as error:
        why = error
    try:
        if Path(text).is_file():
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "loadtxt: input contained no data")
                found = np.loadtxt(text, delimiter=",", ndmin=1, encoding="utf-8-sig")
            if found.size:
                return found
            why = ValueError("the file is empty")
    except (ValueError, OSError) as error:
        why = ValueError(str(error))
    shown = text if len(text) < LONG else f"{text[:LONG]}..."
    raise InputError(
        f"Expected an observation as numbers, 1.0,2.5, or a file of them; got {shown!r} ({why}); "
        "see to it."
    ) from why


def read_problem_or_prior(path: Path) -> tuple[Problem | Prior, Any]:
    """``problem`` and ``x``, or, if there is no problem, ``prior``, of a Python file."""
    found = _run(path)
    if isinstance(found.get("problem"), Problem):
        return found["problem"], found.get("x")
    if isinstance(found.get("prior"), Prior):
        return found["prior"], None
    raise InputError(
        f"Expected {path} to define `problem`, a skerry.Problem, or `prior`; got "
        f"{_kind(found, 'problem')}; write prior = skerry.Prior({{...}})."
    )


def read_prior(path: Path) -> Prior:
    """``prior``, or the prior of ``problem``, of a Python file, which is run."""
    found = _run(path)
    if isinstance(found.get("prior"), Prior):
        return found["prior"]
    if isinstance(found.get("problem"), Problem):
        return found["problem"].prior
    raise InputError(
        f"Expected {path} to define `prior`, a skerry.Prior, or `problem`; got "
        f"{_kind(found, 'prior')}; write prior = skerry.Prior({{...}})."
    )


def _run(path: Path) -> dict[str, Any]:
    if not path.is_file():
        what = "is a folder; name the file" if path.is_dir() else "isn't there"
        raise InputError(f"Expected a Python file; {path} {what}.")
    sys.path.insert(0, str(path.resolve().parent))  # as `python FILE` does
    try:
        return runpy.run_path(str(path))
    except SkerryError:
        raise
    except Exception as error:
        lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        line = getattr(error, "lineno", None) or (lines[-1].lineno if lines else "?")
        raise InputError(
            f"Expected {path} to run; got {type(error).__name__}: {error} (line {line}); "
            "mend it, or see --debug."
        ) from error


def _kind(found: dict[str, Any], name: str) -> str:
    return f"a {type(found[name]).__name__}" if name in found else "nothing of that name"
