"""The numbers of an observation, each with a slider's range."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skerry._types import FloatArray
from skerry.amortization import Estimator
from skerry.errors import InputError
from skerry.noise import Binomial, Poisson

REACH = 4.0  # spreads of the training observations on either side of their median
STEPS = 200  # of a slider, about
LONGEST = 60
MATHS = ("$$", r"\(", r"\)", r"\[", r"\]")  # what a page might take for TeX


@dataclass(frozen=True)
class Number:
    """One number of an observation.

    Attributes:
        label: what it is called.
        start: its value at first.
        low: the slider's lower end; a typed number may lie beyond.
        high: its upper end.
        step: of the slider.
    """

    label: str
    start: float
    low: float
    high: float
    step: float

    def around(self, value: float, part: float) -> Number:
        """The same with a slider that spans a part of the range about a value, in finer steps."""
        half = 0.5 * part * (self.high - self.low)
        step = self.step if self.step >= 1 and self.step == int(self.step) else self.step * part
        return replace(self, low=value - half, high=value + half, step=step)


def numbers(
    estimator: Estimator,
    x: Any = None,
    *,
    names: Sequence[str] | None = None,
    ranges: Any = None,
) -> tuple[Number, ...]:
    """The numbers of an estimator's observations, in order, with sliders for each.

    A slider reaches four spreads to either side of the median of the observations trained on, and
    on to the value it starts at.

    Args:
        estimator: whose observations.
        x: the observation to start at; None: the medians of those trained on.
        names: of the numbers; None: ``x[0]``, ``x[1]``, ...
        ranges: ``(m, 2)``: the sliders' ends; None: see above.

    Raises:
        InputError: for an observation, names or ranges that don't fit.
    """
    standard = estimator.network.standard
    low, centre, high = (standard.at(y).ravel() for y in (-REACH, 0.0, REACH))
    start = centre if x is None else one_observation(estimator, x).ravel()
    ends = np.stack([low, high], axis=1) if ranges is None else _ranges(ranges, len(centre))
    noise = None if estimator.problem is None else estimator.problem.noise
    whole = isinstance(noise, (Poisson, Binomial))
    if whole:
        ends[:, 0] = np.maximum(ends[:, 0], 0.0)
        start = start if x is not None else np.round(start)
    labels = _labels(names, estimator.x_shape)
    found = zip(labels, start.tolist(), *ends.T.tolist(), strict=True)
    return tuple(_number(label, value, low, high, whole) for label, value, low, high in found)


def one_observation(estimator: Estimator, x: Any) -> FloatArray:
    """An observation in the estimator's shape; a flat one of the right size is taken too.

    Raises:
        InputError: for another size, or numbers that aren't finite.
    """
    try:
        array = np.asarray(x, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"Expected numbers; got {type(x).__name__}; give an array.") from error
    if array.size != math.prod(estimator.x_shape):
        raise InputError(
            f"Expected an observation of {math.prod(estimator.x_shape)} numbers, shape "
            f"{estimator.x_shape}; got shape {array.shape}."
        )
    if not np.isfinite(array).all():
        raise InputError("Expected finite numbers; got nan or inf.")
    return array.reshape(estimator.x_shape)


def plain_label(text: Any) -> str:
    """A name as one short line that no page takes for markup of maths; HTML is escaped elsewhere.

    Between the signs that would start TeX stands a word joiner, which nobody sees.
    """
    line = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in str(text))
    line = " ".join(line.split())
    line = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    for sign in MATHS:
        line = line.replace(sign, "\u2060".join(sign))
    return line or "?"


def _number(label: str, value: float, low: float, high: float, whole: bool) -> Number:
    step = _nice((high - low) / STEPS)
    if whole:
        step = max(1.0, float(round(step)))
    low, high = min(low, value), max(high, value)
    return Number(label, value, step * math.floor(low / step), step * math.ceil(high / step), step)


def _nice(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is no larger."""
    power = 10.0 ** math.floor(math.log10(value))
    return power * max(k for k in (1, 2, 5) if k * power <= value * (1 + 1e-9))


def _labels(names: Sequence[str] | None, shape: tuple[int, ...]) -> list[str]:
    if names is None:
        return [f"x[{', '.join(map(str, place))}]" for place in np.ndindex(*shape)]
    labels = [plain_label(name) for name in names]
    if isinstance(names, str) or len(labels) != math.prod(shape):
        raise InputError(
            f"Expected {math.prod(shape)} names, one for each number of an observation; got "
            f"{'a text' if isinstance(names, str) else len(labels)}."
        )
    return labels


def _ranges(ranges: Any, m: int) -> FloatArray:
    ends = np.array(ranges, np.float64)
    if ends.shape != (m, 2) or not (ends[:, 0] < ends[:, 1]).all() or not np.isfinite(ends).all():
        raise InputError(
            f"Expected ranges of shape ({m}, 2), the lower end first; got shape {ends.shape}."
        )
    return ends
