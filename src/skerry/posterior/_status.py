"""Verdicts: what happened, in a sentence, and what to do."""

from __future__ import annotations

from enum import Enum

KHAT_LIMIT = 0.7
FEW = 100.0


class Status(Enum):
    """How a run ended; ``.value`` is a sentence for people."""

    CONVERGED = "The effective sample size asked for was reached and the weights are well behaved."
    SHORT = (
        "Fewer effective samples than asked for: estimates are usable, with the errors stated. "
        "For more, spend more likelihood calls."
    )
    HEAVY_TAILS = (
        "The weights' tail is heavy (Pareto k-hat above 0.7): the errors stated are too small. "
        "Spend more likelihood calls, or narrow the prior to where the posterior lies."
    )
    COLLAPSED = (
        "The weights have collapsed onto a few points: don't trust these masses, samples or this "
        "evidence. The posterior fills too small a part of the prior for this many prior draws: "
        "raise n, narrow the prior, or use points drawn closer to the posterior (skerry.fit)."
    )

    def __str__(self) -> str:
        return f"{self.name.lower()}: {self.value}"


def judge(n_effective: float, asked: float, khat: float) -> Status:
    """The verdict on weights: by effective size first, then by their tail."""
    if n_effective < FEW:
        return Status.COLLAPSED
    if khat > KHAT_LIMIT:
        return Status.HEAVY_TAILS
    enough = n_effective >= asked * (1 - 1e-9)  # equal weights give n but for rounding
    return Status.CONVERGED if enough else Status.SHORT
