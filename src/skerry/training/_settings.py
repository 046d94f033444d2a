"""What a training is told, and what comes of it, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from skerry._types import FloatArray
from skerry.errors import InputError
from skerry.flows import Density


@dataclass(frozen=True)
class Training:
    """How long and how fast.

    Attributes:
        max_epochs: epochs at most; the learning rate falls to 0 over them (a cosine).
        steps: steps an epoch (one ``lax.scan``).
        batch: points a step.
        learning_rate: its peak, after the first epoch's linear warm-up.
        patience: epochs without a better held-out likelihood before it stops.
        held_out: the share of points held out (50,000 at most).
        clip: the largest norm of a step's gradient.
    """

    max_epochs: int = 30
    steps: int = 50
    batch: int = 512
    learning_rate: float = 2e-3
    patience: int = 8
    held_out: float = 0.15
    clip: float = 5.0

    def __post_init__(self) -> None:
        counts = (self.max_epochs, self.steps, self.batch, self.patience)
        if not all(isinstance(count, (int, np.integer)) and count >= 1 for count in counts):
            raise InputError(f"Expected max_epochs, steps, batch, patience, ints >= 1; got {self}.")
        if not (0 < self.held_out < 1 and self.learning_rate > 0 and self.clip > 0):
            raise InputError(
                f"Expected 0 < held_out < 1, learning_rate > 0 and clip > 0; got {self}."
            )


class Epoch(NamedTuple):
    """One line of the history: mean training loss and held-out weighted negative log density."""

    loss: float
    held_out: float


@dataclass(frozen=True)
class Fitted:
    """A trained density and how it came about.

    Attributes:
        density: with the best held-out likelihood.
        epochs: the history; the first entry is the start, before any step.
        best: the index in ``epochs`` of the parameters kept.
        ess_train: effective number of the points trained on.
        ess_held_out: effective number of the points held out: how much ``held_out`` means.
    """

    density: Density
    epochs: tuple[Epoch, ...]
    best: int
    ess_train: float
    ess_held_out: float

    @property
    def held_out(self) -> float:
        """The held-out weighted negative log density of the density kept."""
        return self.epochs[self.best].held_out


Progress: TypeAlias = Callable[[int, int, Epoch], None]


class Rows(Protocol):
    """Points that are read when asked for; an array is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> FloatArray: ...
