"""How a run went: its rounds, its search for islands, the calls that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skerry._types import FloatArray, IntArray


class Round(NamedTuple):
    """One round of a run.

    Attributes:
        kind: ``"prior"``, ``"explore"`` or ``"final"``.
        n: points drawn in it.
        beta: the inverse temperature the islands were fitted at.
        n_calls: likelihood calls so far, hunting included.
        n_effective: effective size of all points together.
        share: effective share of this round's own draws.
        n_islands: Gaussian components.
        log_evidence: as estimated so far.
        khat: Pareto shape of all weights.
    """

    kind: str
    n: int
    beta: float
    n_calls: int
    n_effective: float
    share: float
    n_islands: int
    log_evidence: float
    khat: float


UNSEEN_LIMIT, EXPECTED_LIMIT = 0.5, 0.25


class Search(NamedTuple):
    """What the hunts for islands say about islands not found.

    Attributes:
        n_starts: local climbs in all.
        visits: how many ended on each mode, in the order of ``posterior.modes``.
        whole: whether the hunts began from nothing, not from islands known beforehand.
    """

    n_starts: int
    visits: tuple[int, ...]
    whole: bool = True

    @property
    def unseen(self) -> float:
        """Chao's estimate of how many modes no climb has met; see :func:`unseen`."""
        return unseen(np.array(self.visits, np.int64))

    @property
    def expected(self) -> float:
        r"""How many more modes to expect after so few starts: :math:`K (K + 1) / (n - K - 2)`.

        The posterior mean, for K modes met in n climbs, where any shares of the starts and any
        number of modes are as likely beforehand (Boender & Rinnooy Kan 1987; equation
        :eq:`expected` of the method); infinite for n <= K + 2. Cautious: shares that differ so much
        are rare.
        """
        K = len(self.visits)
        spare = self.n_starts - K - 2
        return K * (K + 1.0) / spare if spare > 0 else float("inf")

    @property
    def doubtful(self) -> bool:
        """Whether modes may well be missing: half a one unseen, or one expected for each four."""
        few = self.whole and self.expected > EXPECTED_LIMIT * len(self.visits)
        return self.unseen >= UNSEEN_LIMIT or few


@dataclass(frozen=True, eq=False)
class Failed:
    """Calls that failed.

    Attributes:
        theta: the points, ``(m, d)``.
        messages: why, one text for each.
    """

    theta: FloatArray
    messages: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.messages)

    @classmethod
    def gathered(cls, parts: Iterable[Failed], ndim: int) -> Failed:
        """Several as one, in the order of theta: the one order that no timing changes."""
        known = [part for part in parts if len(part)]
        theta = np.concatenate([np.empty((0, ndim)), *(part.theta for part in known)])
        messages = [message for part in known for message in part.messages]
        order = np.lexsort(theta.T[::-1])
        return cls(theta[order], tuple(messages[i] for i in order))

    def reasons(self) -> list[tuple[str, int]]:
        """The texts and how often each came, the most frequent first."""
        return Counter(self.messages).most_common()


def unseen(visits: IntArray) -> float:
    r"""Chao's (1984) estimate of how many kinds were never met, from how often each was.

    :math:`f_1 (f_1 - 1) / (2 (f_2 + 1))` with :math:`f_j` the kinds met j times (equation
    :eq:`unseen` of the method): where every island has been reached again and again, nothing hints
    at others.
    """
    once, twice = np.sum(visits == 1), np.sum(visits == 2)
    return float(once * (once - 1) / (2.0 * (twice + 1.0)))
