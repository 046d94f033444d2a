"""A training's state after an epoch, in files that are written once: what it goes on from.

A checkpoint is a page of the store: the parameters, their average, the optimiser's moments and
step, the best parameters so far, the history, and the particles. The random numbers of an epoch
depend on the seed and its number alone. Two are kept: should the newer one be damaged, the older
one serves, with the likelihood calls that followed it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from skerry._descent import State
from skerry._types import FloatArray
from skerry.amortization._keeping import Keeping
from skerry.amortization._likelihoods import Likelihoods
from skerry.amortization._pairs import BUFFER
from skerry.amortization._sources import Block, Made
from skerry.store import Archive, Page

KIND = "checkpoint"
SECONDS = 2.0  # between checkpoints, unless nothing may be lost
SHARE = 0.05  # of the time that writing may take


class Step(NamedTuple):
    """One epoch: mean training loss, held-out score, effective share of the candidates."""

    loss: float
    held_out: float
    share: float


@dataclass
class Course:
    """Everything that an epoch changes.

    Attributes:
        state: of the descent.
        best_params: with the best held-out score.
        best: their epoch.
        epochs: the history.
        share: effective share of the candidates.
        block: observations that are used again, and
        known: their particles, where these aren't made each time.
        scored: particles of the observations that only score.
        to_beat: the score of ``best_params`` on these; None where it isn't known.
    """

    state: State
    best_params: Any
    best: int = 0
    epochs: list[Step] = field(default_factory=list)
    share: float = 1.0
    block: Block | None = None
    known: FloatArray | None = None
    scored: FloatArray | None = None
    to_beat: float | None = None


class Checkpoints:
    """The checkpoints of one training.

    Args:
        keeping: its store, or none.
        source: its observations.
        likelihoods: its likelihood, whose calls are kept from one checkpoint to the next.
        reused: whether particles are used in more than one epoch.
    """

    def __init__(
        self, keeping: Keeping, source: Made, likelihoods: Likelihoods, *, reused: bool
    ) -> None:
        self._keeping, self._source, self._likelihoods = keeping, source, likelihoods
        self._reused = reused
        self._last, self._since, self._cost = 0, time.monotonic(), 0.0
        self._blocks: list[int] = []

    def resume(self, course: Course) -> Course:
        """The newest state that can be used, or the one given."""
        archive = self._keeping.archive
        if archive is None:
            return course
        for number in reversed(archive.pages.numbers(KIND)):
            page = archive.pages.get(KIND, number)
            if page is not None:
                found = self._restored(course, page)
                self._last = number
                if self._likelihoods.journal is not None:
                    self._likelihoods.journal.begin(number)
                return found
        return course

    def keep(self, course: Course, *, last: bool = False) -> None:
        """Write a checkpoint if it is time to; stop if the time allowed is over."""
        archive, number = self._keeping.archive, len(course.epochs)
        late = self._keeping.deadline is not None and time.monotonic() > self._keeping.deadline
        if archive is not None and number > self._last and (last or late or self._due(archive)):
            self._write(archive, course)
        if not last:
            self._keeping.check_time()

    def _due(self, archive: Archive) -> bool:
        if not archive.unsaved_seconds:
            return True
        journal = self._likelihoods.journal
        if journal is not None and journal.n_waiting >= BUFFER:
            return True
        return time.monotonic() - self._since >= max(SECONDS, self._cost / SHARE)

    def _write(self, archive: Archive, course: Course) -> None:
        began, number = time.monotonic(), len(course.epochs)
        leaves = jax.tree.leaves((course.state, course.best_params))
        arrays = {f"leaf{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
        sources = {"train": self._source.train, "scored": self._source.held_out}
        for name, source in sources.items():
            arrays |= {f"{name}.{key}": value for key, value in source.snapshot().items()}
        if self._reused and course.block is not None and course.known is not None:
            arrays |= {"block.x": course.block.x, "block.u": course.block.u, "known": course.known}
            arrays |= {} if course.scored is None else {"scored": course.scored}
            if course.block.rows is not None:
                arrays["block.rows"] = course.block.rows
        values = {
            "best": course.best,
            "epochs": [list(step) for step in course.epochs],
            "share": course.share,
            "n_evaluations": self._likelihoods.n_evaluations,
        }
        archive.pages.put(KIND, number, values, arrays)
        before, self._last = self._last, number
        archive.pages.drop(KIND, before)
        if self._likelihoods.journal is not None:
            self._likelihoods.journal.begin(number)
            self._likelihoods.journal.drop(before)
        self._blocks.append(int(arrays.get("train.n_blocks", 0)))
        if len(self._blocks) > 1:
            archive.pages.drop("block", self._blocks[-2] + 1)
        self._since, self._cost = time.monotonic(), time.monotonic() - began

    def _restored(self, course: Course, page: Page) -> Course:
        places, structure = jax.tree.flatten((course.state, course.best_params))
        leaves = [jnp.asarray(page.arrays[f"leaf{i}"]) for i in range(len(places))]
        state, best_params = jax.tree.unflatten(structure, leaves)
        sources = {"train": self._source.train, "scored": self._source.held_out}
        for name, source in sources.items():
            source.restore({k: page.arrays[f"{name}.{k}"] for k in source.snapshot()})
        self._likelihoods.n_evaluations = int(page.values["n_evaluations"])
        block = None
        if "known" in page.arrays:
            rows = page.arrays.get("block.rows")
            block = Block(page.arrays["block.x"], page.arrays["block.u"], rows)
        return Course(
            state,
            best_params,
            int(page.values["best"]),
            [Step(*step) for step in page.values["epochs"]],
            float(page.values["share"]),
            block,
            page.arrays.get("known"),
            page.arrays.get("scored"),
        )
