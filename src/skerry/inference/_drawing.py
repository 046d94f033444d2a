"""Drawing rounds and adding them to the points: one after another, or overlapping.

Where rounds overlap a round is drawn in two halves. Whoever draws it goes on when the first half
has come; the second is evaluated meanwhile, and is added just before the next round's first half.
The halves are told apart before anything is known of them, and every point that was drawn is
added: "those that have come" would be the cheap ones, and their weights wrong wherever the cost of
a call has to do with its place.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skerry._types import FloatArray
from skerry.inference._proposal import Proposal
from skerry.inference._state import Ahead, State, Target


def draw_prior(
    target: Target, prior: Proposal, u: FloatArray
) -> tuple[FloatArray, FloatArray, Ahead | None]:
    """Draws of the prior evaluated, without those that failed (NaN).

    Where rounds overlap the last quarter comes later: it fills the gaps that climbs leave.
    """
    n = len(u) // 4
    if target.stream is None or target.overlap == 1 or n == 0:
        log_l, ahead = target.log_likelihood(u), None
    else:
        u, later = u[:-n], u[-n:]
        requests = [target.stream.begin(points) for points in (u, later)]
        log_l = target.stream.finish(requests[0]).log_likelihood
        ahead = Ahead(prior, later, requests[1])
    return u[~np.isnan(log_l)], log_l[~np.isnan(log_l)], ahead


def draw(
    state: State, target: Target, proposal: Proposal, n: int, rng: np.random.Generator
) -> State:
    """Draw a round and add it to the points; where rounds overlap, its second half comes later."""
    state = replace(state, n_calls=state.n_calls + n)
    if target.stream is None or target.overlap == 1 or n == 1:
        u, state = proposal.sample(n, rng), land(state, target)
        return _add(state, proposal, u, target.log_likelihood(u))
    u, later = (proposal.sample(m, rng) for m in (n - n // 2, n // 2))
    requests = [target.stream.begin(points) for points in (u, later)]
    state = land(state, target)
    state = _add(state, proposal, u, target.stream.finish(requests[0]).log_likelihood)
    return replace(state, ahead=Ahead(proposal, later, requests[1]))


def land(state: State, target: Target) -> State:
    """Add what is ahead."""
    if state.ahead is None or target.stream is None:
        return state
    proposal, u, request = state.ahead
    state = replace(state, ahead=None, n_ahead=state.n_ahead + 1)
    return _add(state, proposal, u, target.stream.finish(request).log_likelihood)


def _add(state: State, proposal: Proposal, u: FloatArray, log_l: FloatArray) -> State:
    """Add a round's points, without those that failed (NaN)."""
    u, log_l = u[~np.isnan(log_l)], log_l[~np.isnan(log_l)]
    proposals = (*state.proposals, proposal)
    known: dict[int, FloatArray] = {}
    for p in proposals:  # a final proposal serves several rounds
        if id(p) not in known:
            known[id(p)] = p.log_prob(u)
    columns = np.stack([known[id(p)] for p in proposals])
    again = [i for i, p in enumerate(state.proposals) if p is proposal]
    row = state.log_g[again[0]] if again else proposal.log_prob(state.u)
    log_g = np.concatenate([np.vstack([state.log_g, row[None]]), columns], axis=1)
    return replace(
        state,
        u=np.concatenate([state.u, u]),
        log_likelihood=np.concatenate([state.log_likelihood, log_l]),
        log_g=log_g,
        proposals=proposals,
        counts=(*state.counts, len(u)),
    )
