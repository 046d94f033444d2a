"""Each check of a posterior with its limit, its verdict, its advice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skerry import weights

if TYPE_CHECKING:
    from skerry.posterior import Posterior, Search

LARGEST_SHARE = 0.05
FEWEST_IN_ISLAND = 10.0


@dataclass(frozen=True)
class Check:
    """One number, and what to make of it.

    Attributes:
        name: what was checked.
        value: the number, as people read it.
        limit: what it should be.
        passed: whether it is; None if that is not known.
        advice: what to do; empty if it passed.
    """

    name: str
    value: str
    limit: str
    passed: bool | None
    advice: str

    @property
    def verdict(self) -> str:
        """``"fine"``, ``"look"`` or ``"not known"``."""
        return {True: "fine", False: "look", None: "not known"}[self.passed]

    def __str__(self) -> str:
        end = f": {self.advice}" if self.advice else ""
        return f"{self.verdict}: {self.name} {self.value} (should be {self.limit}){end}"


def checks(posterior: Posterior) -> tuple[Check, ...]:
    """The effective size, the weights' tail, the largest, failures, the search, light islands.

    Draws of an amortised density that no likelihood has weighed have none of the first four.
    """
    if posterior.n_calls == 0:
        return (_unweighed(), *_search(posterior), *_lightest(posterior))
    return (
        _size(posterior),
        _tail(posterior),
        _largest(posterior),
        _failures(posterior),
        *_search(posterior),
        *_lightest(posterior),
    )


def _check(name: str, value: str, limit: str, passed: bool | None, advice: str) -> Check:
    return Check(name, value, limit, passed, "" if passed else advice)


def _unweighed() -> Check:
    return _check(
        "Weights by the likelihood",
        "none",
        "those of the posterior",
        None,
        "These draws were not compared with the likelihood: how far the density is from the "
        "posterior, nothing here says. Ask for n_effective.",
    )


def _size(p: Posterior) -> Check:
    from skerry.posterior import FEW

    asked = max(float(p.settings.get("n_effective", FEW)), FEW)
    return _check(
        "Effective samples",
        f"{p.n_effective:,.0f}",
        f"{asked:,.0f} or more",
        p.n_effective >= asked * (1 - 1e-9),
        "Errors of all estimates fall with its root. Spend more likelihood calls."
        if p.n_effective >= FEW
        else "Too few to say anything. Spend more likelihood calls, use the adaptive scheme, or "
        "narrow the prior.",
    )


def _tail(p: Posterior) -> Check:
    from skerry.posterior import KHAT_LIMIT

    known = not np.isnan(p.khat)
    return _check(
        "Tail of the weights, Pareto k-hat",
        f"{p.khat:.2f}" if known else "not known",
        f"{KHAT_LIMIT:g} or less",
        bool(p.khat <= KHAT_LIMIT) if known else None,
        "A few points outweigh the rest, so that the errors stated are too small. Spend more "
        "likelihood calls, or narrow the prior to where the posterior lies.",
    )


def _largest(p: Posterior) -> Check:
    share = weights.max_share(p.log_weights)
    return _check(
        "Share of the heaviest sample",
        f"{100 * share:.2g} %",
        f"{100 * LARGEST_SHARE:g} % or less",
        bool(share <= LARGEST_SHARE),
        "A single point decides. Spend more likelihood calls.",
    )


def _failures(p: Posterior) -> Check:
    from skerry.posterior import FAILED_LIMIT

    share = p.n_failed / max(p.n_calls, 1)
    return _check(
        "Likelihood calls that failed",
        f"{p.n_failed:,} of {p.n_calls:,}",
        f"{100 * FAILED_LIMIT:g} % or less",
        share <= FAILED_LIMIT,
        "The posterior is conditional on success. See why calls failed, and mend the likelihood.",
    )


def _search(p: Posterior) -> tuple[Check, ...]:
    from skerry.posterior import UNSEEN_LIMIT

    if p.search is None:
        unknown = _check(
            "Islands that no climb has met, estimated",
            "not known",
            f"below {UNSEEN_LIMIT:g}",
            None,
            "The run was stopped before its search was summed up. Run it to the end."
            if p.rounds
            else "Nobody searched: islands on which no point has landed can't show. The adaptive "
            "scheme (skerry.infer) hunts for them.",
        )
        return (unknown,)
    return (
        _check(
            "Islands that no climb has met, estimated",
            f"{p.search.unseen:.2g}",
            f"below {UNSEEN_LIMIT:g}",
            p.search.unseen < UNSEEN_LIMIT,
            "Some islands were met just once, so there may be others. Raise thoroughness.",
        ),
        *_climbs(p.search),
    )


def _climbs(search: Search) -> tuple[Check, ...]:
    """Whether so many climbs are enough for so many islands."""
    from skerry.posterior import EXPECTED_LIMIT

    if not search.whole:
        return ()
    limit = EXPECTED_LIMIT * len(search.visits)
    return (
        _check(
            "Islands still to be expected after so few climbs",
            f"{search.expected:.2g}",
            f"{limit:.2g} or less",
            search.expected <= limit,
            "The hunt was short for so many islands. Raise thoroughness or max_calls.",
        ),
    )


def _lightest(p: Posterior) -> tuple[Check, ...]:
    """The island that rests on the fewest samples."""
    sizes = [
        weights.effective_sample_size(p.log_weights[p.labels == k]) for k in range(len(p.modes))
    ]
    if len(sizes) < 2:
        return ()
    return (
        _check(
            "Effective samples in the island with fewest",
            f"{min(sizes):,.0f}",
            f"{FEWEST_IN_ISLAND:g} or more",
            min(sizes) >= FEWEST_IN_ISLAND,
            "That island's mass and shape are rough; the others' are not touched by it.",
        ),
    )
