"""Verdicts: what happened, in a sentence, and what to do."""

from __future__ import annotations

from enum import Enum

KHAT_LIMIT = 0.7
FEW = 100.0
FAILED_LIMIT = 0.01


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
    MODES_MAY_BE_MISSING = (
        "The weights are well behaved, but the hunts were too short for the number of islands, or "
        "still met some just once: others may be missing, and no weight can show that. Raise "
        "thoroughness (skerry.Adaptive) or max_calls."
    )
    CONDITIONAL = (
        "More than 1% of the likelihood calls failed: the posterior is conditional on success, or, "
        "with failed calls as impossible points, counts on their being so. See why they failed "
        "(posterior.failed), mend the likelihood there, and run it again."
    )
    INTERRUPTED = (
        "Stopped before the end: this is what was known by then. Run it again, with more calls or "
        "more time, for an answer to rely on."
    )
    UNCHECKED = (
        "Drawn from an amortised density, not checked against the likelihood. To make it exact, "
        "and to know the evidence, ask for n_effective."
    )
    OUTSIDE = (
        "The observation lies outside of what the estimator was trained on: don't rely on the "
        "amortised density here. Ask for n_effective, which checks it against the likelihood, or "
        "train on observations like this one."
    )
    COLLAPSED = (
        "The weights have collapsed onto a few points: don't trust these masses, samples or this "
        "evidence. The posterior fills too small a part of the prior for this many draws: "
        "use the adaptive scheme (skerry.Adaptive) or more calls, raise n, narrow the prior, or "
        "use points drawn closer to the posterior (skerry.fit)."
    )

    def __str__(self) -> str:
        return f"{self.name.lower()}: {self.value}"

    @property
    def finding(self) -> str:
        """The first sentence: what happened, and what that means."""
        return self.value.partition(". ")[0].rstrip(".") + "."

    @property
    def advice(self) -> str:
        """The rest: what to do; empty if nothing needs to be done."""
        return self.value.partition(". ")[2]


def judge(
    n_effective: float,
    asked: float,
    khat: float,
    *,
    doubtful: bool = False,
    interrupted: bool = False,
    failed_share: float = 0.0,
) -> Status:
    """The verdict: on the weights' effective size first, then their tail, failures, the search.

    Args:
        n_effective: effective samples.
        asked: how many were wanted.
        khat: Pareto shape of the weights.
        doubtful: whether the hunts suggest that modes are missing.
        interrupted: whether the user stopped the run.
        failed_share: of the likelihood calls.
    """
    if n_effective < FEW:
        return Status.INTERRUPTED if interrupted else Status.COLLAPSED
    if interrupted:
        return Status.INTERRUPTED
    if khat > KHAT_LIMIT:
        return Status.HEAVY_TAILS
    if failed_share > FAILED_LIMIT:
        return Status.CONDITIONAL
    if doubtful:
        return Status.MODES_MAY_BE_MISSING
    enough = n_effective >= asked * (1 - 1e-9)  # equal weights give n but for rounding
    return Status.CONVERGED if enough else Status.SHORT
