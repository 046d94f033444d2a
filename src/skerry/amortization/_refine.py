"""From an amortised density to the posterior of one observation: raw, or exact by the likelihood.

*Raw*: draws of q, nothing checked. *Refined*: a fixed proposal, q with heavier tails and a little
of the prior, is drawn from until the effective size asked for; every weight is the exact likelihood
over that proposal. Where the first draws show that q is too far off, adaptive rounds begin from
them: the islands are refitted and hunted for as :func:`skerry.infer` does.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, cast

import numpy as np

from skerry import weights
from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.amortization._guarded import Guarded
from skerry.evaluate import Failures, check_failures
from skerry.inference import Adaptive, Fit
from skerry.inference._calls import Calls
from skerry.inference._conclude import Outcome, conclude
from skerry.inference._infer import adaptive_outcome, opened_calls
from skerry.inference._points import Points
from skerry.inference._proposal import Proposal
from skerry.inference._state import Target
from skerry.posterior import KHAT_LIMIT, Failed, Posterior, PosteriorFlow, Status, log_normal
from skerry.priors import Prior
from skerry.problem import Problem
from skerry.progress import Display, Progress
from skerry.store import Store

RAW_DRAWS = 10_000
PILOT = 1000
MIN_SHARE = 0.05  # effective share of the pilot below which adaptive rounds take over
JUDGED = 4000  # draws from which on the weights' tail is judged: of fewer, k-hat is noise
MAX_ROUNDS = 30


def raw(prior: Prior, proposal: Guarded, outside: bool, seed: Seed) -> Posterior:
    """Draws of q as a posterior: equal weights, no evidence, no likelihood."""
    draws = replace(proposal, heavy=0.0, prior=0.0)
    u = draws.sample(RAW_DRAWS, seed.child("raw").numpy())
    log_ratio = draws.log_prob(u) - log_normal(u)
    found = conclude(
        prior,
        Outcome(
            Points(u, prior.from_u(u), log_ratio, -log_ratio),
            n_calls=0,
            islands=proposal.islands,
            evidence=weights.Evidence(float("nan"), float("inf")),
        ),
        n_effective=1.0,
        options=Fit(density="islands"),
        seed=seed,
        progress=None,
        settings={"scheme": "amortised"},
    )
    density = proposal.mixture.density(0, prior.periodic)
    return replace(
        found,
        flow=found.flow if density is None else PosteriorFlow(prior, density),
        log_likelihood=np.full(len(found.samples), np.nan),
        status=Status.OUTSIDE if outside else Status.UNCHECKED,
    )


def refined(
    problem: Problem,
    x: Any,
    proposal: Guarded,
    seed: Seed,
    *,
    n_effective: float,
    max_calls: int,
    failures: Failures,
    executor: Any = None,
    store: Store | str | PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Posterior:
    """The exact posterior by importance sampling, or by adaptive rounds if q is too far off."""
    check_failures(failures)
    settings = asked(proposal, seed, n_effective, max_calls)
    with opened_calls(problem, x, failures, executor, store, settings) as (calls, _):
        if isinstance(progress, Display):
            calls.tell = progress.calls
        drawing = drawn(proposal, seed, n_effective, max_calls, progress)
        fresh = next(drawing)
        while True:
            try:
                fresh = drawing.send(calls.log_likelihood(fresh))
            except StopIteration as end:
                found: Drawn = end.value
                break
        if found.hopeless:
            outcome = escalated(calls, found, seed, n_effective, max_calls, progress)
        else:
            calls.note_round(0, "refined", found.u, found.log_g)
            outcome = found.outcome(problem.prior.from_u(found.u), calls.failed)
    return answer(problem.prior, outcome, found, n_effective, failures, seed, progress)


def answer(
    prior: Prior,
    outcome: Outcome,
    found: Drawn,
    n_effective: float,
    failures: Failures,
    seed: Seed,
    progress: Progress | None = None,
) -> Posterior:
    """The posterior of weighted points."""
    return conclude(
        prior,
        outcome,
        n_effective=n_effective,
        options=Adaptive().fit if found.hopeless else Fit(density="islands"),
        seed=seed,
        progress=progress,
        settings={
            "scheme": "escalated" if found.hopeless else "refined",
            "failures": failures,
        },
    )


def asked(proposal: Guarded, seed: Seed, n_effective: float, max_calls: int) -> dict[str, str]:
    """What must be the same for a stored refinement to go on."""
    return {
        "seed": ", ".join(map(str, seed.path)),
        "scheme": f"refined from the estimator's density {proposal.digest}",
        "n_effective": repr(float(n_effective)),
        "max_calls": repr(max_calls),
    }


@dataclass(frozen=True, eq=False)
class Drawn:
    """Draws of a proposal and what they weigh.

    Attributes:
        proposal: drawn from.
        u: points, ``(n, d)``.
        log_l: their log-likelihoods, ``(n,)``; nan for those left out.
        log_g: the proposal's log density there, ``(n,)``.
        khat: of the weights.
        hopeless: whether the weights ask for better islands rather than for more draws.
    """

    proposal: Guarded
    u: FloatArray
    log_l: FloatArray
    log_g: FloatArray
    khat: float
    hopeless: bool

    def outcome(self, theta: FloatArray, failed: Failed) -> Outcome:
        """The points as they are, theirs in theta ``(n, d)``."""
        kept = ~np.isnan(self.log_l)
        u, log_l, log_g = self.u[kept], self.log_l[kept], self.log_g[kept]
        return Outcome(
            Points(u, theta[kept], log_l, log_normal(u) - log_g),
            n_calls=len(self.u),
            failed=failed,
            islands=self.proposal.islands,
            khat=self.khat,
        )


def drawn(
    proposal: Guarded,
    seed: Seed,
    n_effective: float,
    max_calls: int,
    progress: Progress | None = None,
) -> Generator[FloatArray, FloatArray, Drawn]:
    """Draw until there are so many effective samples, or it is hopeless.

    Yields:
        points on u, ``(n, d)``; it is sent their log-likelihoods, ``(n,)``.
    """
    u = proposal.sample(0, seed.numpy())
    log_l, log_g, log_w = np.empty(0), np.empty(0), np.empty(0)
    size, khat, heavy, hopeless = 0.0, np.inf, False, False
    for number in range(MAX_ROUNDS):
        n = _size(len(log_w), size, heavy, n_effective, max_calls - len(u))
        if n < 1:
            break
        fresh = proposal.sample(n, seed.child("refine", number).numpy())
        u = np.concatenate([u, fresh])
        log_g = np.concatenate([log_g, proposal.log_prob(fresh)])
        log_l = np.concatenate([log_l, (yield fresh)])
        kept = ~np.isnan(log_l)
        log_w = log_l[kept] + log_normal(u[kept]) - log_g[kept]
        size = weights.effective_sample_size(log_w) if len(log_w) else 0.0
        khat = weights.pareto_khat(log_w)
        heavy = khat > KHAT_LIMIT
        if progress is not None:
            progress("effective samples", int(min(size, n_effective)), int(n_effective))
        poor = size < MIN_SHARE * max(len(log_w), 1)
        hopeless = (poor or (len(log_w) >= JUDGED and heavy)) and max_calls - len(u) > PILOT
        if hopeless or (size >= n_effective and not (heavy and len(log_w) < JUDGED)):
            break
    return Drawn(proposal, u, log_l, log_g, khat, hopeless)


def _size(n: int, size: float, heavy: bool, n_effective: float, left: int) -> int:
    """How many points to draw next, after n that are so many effective ones."""
    if not n:
        return int(min(max(PILOT, 1.1 * n_effective), 20 * PILOT, left))
    share = max(size / n, MIN_SHARE)
    wanted = 1.05 * (n_effective - size) / share
    if heavy:
        wanted = max(wanted, JUDGED - n)
    return int(min(max(wanted, 200), 50_000, left))


def escalated(
    calls: Calls,
    found: Drawn,
    seed: Seed,
    n_effective: float,
    max_calls: int,
    progress: Progress | None = None,
) -> Outcome:
    """Adaptive rounds from q's islands and draws."""
    target = Target(
        calls.log_likelihood,
        calls.gradient if calls.problem.has_gradient else None,
        calls.problem.prior.periodic,
        n_effective,
        max_calls,
        Adaptive(),
        seed.child("escalated"),
    )
    proposal = cast("Proposal", found.proposal)
    began = proposal, found.u, found.log_l
    return adaptive_outcome(calls, target, progress=progress, began=began)
