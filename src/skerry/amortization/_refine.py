"""From an amortised density to the posterior of one observation: raw, or exact by the likelihood.

*Raw*: draws of q, nothing checked. *Refined*: a fixed proposal, q with heavier tails and a little
of the prior, is drawn from until the effective size asked for; every weight is the exact likelihood
over that proposal. Where the first draws show that q is too far off, adaptive rounds begin from
them: the islands are refitted and hunted for as :func:`skerry.infer` does.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np

from skerry import weights
from skerry._seeds import Seed
from skerry._types import FloatArray
from skerry.evaluate import Failures, check_failures
from skerry.inference import Adaptive, Fit
from skerry.inference._calls import Calls
from skerry.inference._conclude import Outcome, conclude
from skerry.inference._infer import adaptive_outcome, opened_calls
from skerry.inference._points import Points
from skerry.inference._proposal import Proposal
from skerry.inference._state import Target
from skerry.modes import Islands
from skerry.posterior import KHAT_LIMIT, Posterior, Status, log_normal
from skerry.priors import Prior
from skerry.problem import Problem
from skerry.store import Store

RAW_DRAWS = 10_000
PILOT = 1000
MIN_SHARE = 0.05  # effective share of the pilot below which adaptive rounds take over
JUDGED = 4000  # draws from which on the weights' tail is judged: of fewer, k-hat is noise
MAX_ROUNDS = 30


def raw(prior: Prior, islands: Islands, outside: bool, seed: Seed) -> Posterior:
    """Draws of q as a posterior: equal weights, no evidence, no likelihood."""
    draws = Proposal(islands, heavy=0.0, prior=0.0)
    u = draws.sample(RAW_DRAWS, seed.child("raw").numpy())
    log_ratio = draws.log_prob(u) - log_normal(u)
    found = conclude(
        prior,
        Outcome(
            Points(u, prior.from_u(u), log_ratio, -log_ratio),
            n_calls=0,
            islands=islands,
            evidence=weights.Evidence(float("nan"), float("inf")),
        ),
        n_effective=1.0,
        options=Fit(density="islands"),
        seed=seed,
        progress=None,
        settings={"scheme": "amortised"},
    )
    return replace(
        found,
        log_likelihood=np.full(len(found.samples), np.nan),
        status=Status.OUTSIDE if outside else Status.UNCHECKED,
    )


def refined(
    problem: Problem,
    x: Any,
    islands: Islands,
    seed: Seed,
    *,
    n_effective: float,
    max_calls: int,
    failures: Failures,
    executor: Any = None,
    store: Store | str | PathLike[str] | None = None,
) -> Posterior:
    """The exact posterior by importance sampling, or by adaptive rounds if q is too far off."""
    check_failures(failures)
    settings = {
        "seed": ", ".join(map(str, seed.path)),
        "scheme": f"refined from the estimator's density {_digest(islands)}",
        "n_effective": repr(float(n_effective)),
        "max_calls": repr(max_calls),
    }
    with opened_calls(problem, x, failures, executor, store, settings) as (calls, _):
        outcome, options, scheme = _drawn(calls, islands, seed, n_effective, max_calls)
    return conclude(
        problem.prior,
        outcome,
        n_effective=n_effective,
        options=options,
        seed=seed,
        progress=None,
        settings={"scheme": scheme, "failures": failures},
    )


def _drawn(
    calls: Calls, islands: Islands, seed: Seed, n_effective: float, max_calls: int
) -> tuple[Outcome, Fit, str]:
    """Weighted points, what to make of them, and the scheme that it came to."""
    problem, proposal = calls.problem, Proposal(islands)
    u, log_l = np.empty((0, problem.prior.ndim)), np.empty(0)
    log_w, n_calls = np.empty(0), 0
    for number in range(MAX_ROUNDS):
        n = _size(log_w, n_effective, max_calls - n_calls)
        if n < 1:
            break
        fresh = proposal.sample(n, seed.child("refine", number).numpy())
        u = np.concatenate([u, fresh])
        log_l = np.concatenate([log_l, calls.log_likelihood(fresh)])
        n_calls += n
        kept = ~np.isnan(log_l)
        log_w = log_l[kept] + log_normal(u[kept]) - proposal.log_prob(u[kept])
        size = weights.effective_sample_size(log_w) if len(log_w) else 0.0
        if _hopeless(log_w, size) and max_calls - n_calls > PILOT:
            began = (proposal, u, log_l)
            return *_escalated(calls, began, seed, n_effective, max_calls), "escalated"
        if size >= n_effective and not (_heavy(log_w) and len(log_w) < JUDGED):
            break
    calls.note_round(0, "refined", u, proposal.log_prob(u))
    kept = ~np.isnan(log_l)
    u, log_l = u[kept], log_l[kept]
    outcome = Outcome(
        Points(u, problem.prior.from_u(u), log_l, log_normal(u) - proposal.log_prob(u)),
        n_calls=n_calls,
        failed=calls.failed,
        islands=islands,
    )
    return outcome, Fit(density="islands"), "refined"


def _size(log_w: FloatArray, n_effective: float, left: int) -> int:
    """How many points to draw next."""
    if not len(log_w):
        return int(min(max(PILOT, 1.1 * n_effective), 20 * PILOT, left))
    size = weights.effective_sample_size(log_w)
    share = max(size / len(log_w), MIN_SHARE)
    wanted = 1.05 * (n_effective - size) / share
    if _heavy(log_w):
        wanted = max(wanted, JUDGED - len(log_w))
    return int(min(max(wanted, 200), 50_000, left))


def _heavy(log_w: FloatArray) -> bool:
    return weights.pareto_khat(log_w) > KHAT_LIMIT


def _hopeless(log_w: FloatArray, size: float) -> bool:
    """Whether weights this uneven ask for better islands rather than for more draws."""
    poor = size < MIN_SHARE * max(len(log_w), 1)
    return poor or (len(log_w) >= JUDGED and _heavy(log_w))


def _escalated(
    calls: Calls,
    began: tuple[Proposal, FloatArray, FloatArray],
    seed: Seed,
    n_effective: float,
    max_calls: int,
) -> tuple[Outcome, Fit]:
    """Adaptive rounds from q's islands and draws."""
    scheme = Adaptive()
    target = Target(
        calls.log_likelihood,
        calls.gradient if calls.problem.has_gradient else None,
        calls.problem.prior.periodic,
        n_effective,
        max_calls,
        scheme,
        seed.child("escalated"),
    )
    return adaptive_outcome(calls, target, began=began), scheme.fit


def _digest(islands: Islands) -> str:
    """The density drawn from, in a short text."""
    parts = (islands.log_masses, islands.frames.means, islands.frames.cholesky)
    data = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
    return hashlib.blake2b(data, digest_size=8).hexdigest()
