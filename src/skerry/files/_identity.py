"""Whether a problem is the one that a run began with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skerry.errors import InputError
from skerry.problem import Problem
from skerry.store import problem_identity


def refuse_other(identity: Mapping[str, str], problem: Problem, x: Any) -> None:
    """Stop if a problem isn't the one a run began with.

    Raises:
        InputError: naming what differs.
    """
    now = problem_identity(problem, x)
    different = [name for name, text in identity.items() if now.get(name) != text]
    if different:
        lines = "; ".join(f"{n}: then {identity[n]}, now {now.get(n)}" for n in different)
        raise InputError(
            f"Expected the problem that the run began with; these differ: {lines}; undo the "
            "change, or begin a new run in another folder."
        )
