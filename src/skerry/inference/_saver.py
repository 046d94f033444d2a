"""Results on their way into the records."""

from __future__ import annotations

import numpy as np

from skerry import evaluate as border
from skerry.evaluate import Evaluations
from skerry.store import Records

SAVE_ROWS = 1_000


class Saver:
    """Results for the records, in handfuls: a point's way there costs more than a cheap call.

    Args:
        records: of an open store, or None.
        keep_failed: whether points that failed are kept.
    """

    def __init__(self, records: Records | None, *, keep_failed: bool) -> None:
        self._records, self._keep_failed = records, keep_failed
        self._waiting: list[Evaluations] = []
        self._seconds, self._rows = 0.0, 0

    def add(self, result: Evaluations, seconds: float) -> None:
        """Keep results that took so many seconds; now, or with the next."""
        if self._records is None:
            return
        self._waiting.append(result)
        self._seconds += seconds
        self._rows += len(result.theta)
        if self._rows >= SAVE_ROWS or self._seconds >= self._records.unsaved_seconds:
            self.save()

    def save(self) -> None:
        """Hand over what waits."""
        if self._records is None or not self._waiting:
            return
        all_of_it = border.joined(self._waiting, self._waiting[0].theta)
        seconds, self._seconds = self._seconds, 0.0
        self._waiting, self._rows = [], 0
        kept = ~self._records.find(all_of_it.theta).known
        if not self._keep_failed:
            kept &= ~all_of_it.failed
        texts = dict(
            zip(np.flatnonzero(all_of_it.failed).tolist(), all_of_it.messages, strict=True)
        )
        rows = np.flatnonzero(kept)
        messages = {new: texts[old] for new, old in enumerate(rows.tolist()) if old in texts}
        self._records.add(
            all_of_it.theta[rows],
            all_of_it.log_likelihood[rows],
            all_of_it.failed[rows],
            messages,
            seconds,
        )
