"""What a page is about: an estimator, an observation to start at, and what its numbers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skerry._types import FloatArray
from skerry.amortization import Estimator
from skerry.errors import InputError
from skerry.explore._numbers import Number, numbers, plain_label


@dataclass(frozen=True)
class Subject:
    """What a page is about.

    Attributes:
        estimator: a trained one, with its problem if there is one to refine by.
        numbers: of its observations, as they start.
        title: of the page.
        note: a sentence below the title; may be empty.
        start: where the observation starts, in words: ``"the measured values"``.
    """

    estimator: Estimator
    numbers: tuple[Number, ...]
    title: str
    note: str = ""
    start: str = "the start"

    @property
    def x(self) -> FloatArray:
        """The observation to start at."""
        import numpy as np

        values = [number.start for number in self.numbers]
        return np.array(values).reshape(self.estimator.x_shape)


def subject(
    estimator: Any,
    x: Any = None,
    *,
    names: Sequence[str] | None = None,
    ranges: Any = None,
    title: str = "Posterior explorer",
) -> Subject:
    """A page about an estimator; see :func:`skerry.explore.numbers`.

    Raises:
        InputError: for anything but an estimator, and what doesn't fit it.
    """
    if not isinstance(estimator, Estimator):
        raise InputError(
            f"Expected an estimator of skerry.amortize; got {type(estimator).__name__}; a "
            "posterior has one observation, see skerry.report."
        )
    found = numbers(estimator, x, names=names, ranges=ranges)
    start = "the medians of what it was trained on" if x is None else "the observation given"
    return Subject(estimator, found, plain_label(title), start=start)
