"""The errors Skerry raises on purpose.

Every message has three parts: what was expected, what came, what to do::

    SkerryError
    ├── InputError         an argument that can't be used (also a ValueError)
    │   ├── PriorError     a mistake in a prior
    │   └── ProblemError   a mistake in a problem: likelihood, forward model, noise
    ├── EvaluationError    a likelihood call failed; carries the points, and all results so far
    ├── StoreError         a store can't be opened or written; what it holds is untouched
    ├── StoppedError       stopped before there was a result; the same call again goes on
    └── UnsupportedError   a request this object can't fulfil (also a NotImplementedError)
"""

from __future__ import annotations

from typing import Any


class SkerryError(Exception):
    """The root of the tree: ``except SkerryError`` catches all of them."""


class InputError(SkerryError, ValueError):
    """An argument that can't be used; the text says what was expected and what came."""


class PriorError(InputError):
    """A mistake in a prior: its names, its distributions, its transform."""


class ProblemError(InputError):
    """A mistake in a problem: what a likelihood, forward model or noise model returns."""


class EvaluationError(SkerryError):
    """A likelihood call failed.

    Attributes:
        theta: the offending points, ``(m, d)``, or None.
        partial: whatever had been computed before, so that nothing is lost, or None.
    """

    def __init__(self, message: str, *, theta: Any = None, partial: Any = None) -> None:
        super().__init__(message)
        self.theta = theta
        self.partial = partial


class StoreError(SkerryError):
    """A store that can't be opened, read or written; what it already holds is untouched."""


class StoppedError(SkerryError):
    """Stopped, by a signal or a time limit, before there was a result; the same call goes on."""


class UnsupportedError(SkerryError, NotImplementedError):
    """A request this object can't fulfil, and what to use in its place."""
