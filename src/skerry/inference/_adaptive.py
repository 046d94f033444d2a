r"""Adaptive rounds: every island, at nearly one likelihood call per effective sample.

1. *Prior draws*, which stay in every weight as the defensive part.
2. *A hunt*: climbs from the draws' local maxima find the peaks (:mod:`skerry.modes.hunting`).
3. *Exploring rounds*: draw from the islands with heavier tails beside them; weigh all points of
   all rounds by the deterministic mixture; temper while too few points carry the weight; refit the
   islands, bent and split where they are not Gaussian (:mod:`skerry.modes.splitting`).
4. *Walks* (:mod:`skerry.inference._walks`) and *a second hunt*, from fresh prior draws and from the
   walls between islands, for what the rounds have not explained; after a find, exploring goes on.
5. *Final rounds* from one fixed proposal, until the effective sample size asked for. The evidence
   comes from these draws alone, which no adaptation has seen; samples and masses use every point.

Rounds may overlap (``Adaptive.overlap``): a round is drawn in two halves, and the next is fitted
and begun when the first half has come; the second is added before the next's first. A quarter of
the prior draws fills the gaps of the first hunt. So no worker waits for a slow point, and what is
drawn still never depends on which point is slow: every point that was drawn enters, at its place.

A state is a value; :func:`init` makes one, :func:`step` makes the next, :func:`done` says when.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skerry import weights
from skerry._types import BoolArray, FloatArray
from skerry.flows import Frames
from skerry.inference._climbs import climb
from skerry.inference._drawing import draw, draw_prior, land
from skerry.inference._proposal import Proposal, lifted
from skerry.inference._state import State, Target
from skerry.inference._walks import explain, most_rounds
from skerry.modes import Islands, Topology
from skerry.modes.hunting import Hunter, starts
from skerry.modes.splitting import grow_islands, join, take
from skerry.modes.walls import modes_of_islands
from skerry.posterior import Round, log_normal

CLIMB = 200  # slopes that a climb to check a mode may take
GOOD = 0.85  # effective samples a call beyond which a refit gains little
POOR = 0.25  # below it rounds are no smaller for few effective samples asked for
MAX_ROUNDS = 60
VAGUE = 1e4  # a tempered posterior that much larger in volume tells next to nothing
AGAIN = 0.25  # of the second hunt's fresh starts, in those that follow it
SURPRISE = 2.0  # nats of weight at a peak beyond which it counts as unexplained


def init(target: Target) -> State:
    """Prior draws and the first hunt."""
    d = len(target.periodic)
    n = int(min(600 + 200 * min(d, 10), max(10, target.max_calls // 3)))
    u = target.seed.child("prior").numpy().standard_normal((n, d))
    prior = Proposal(None)
    u, log_l, ahead = draw_prior(target, prior, u)
    blank = unit_islands(target.periodic)
    state = State(
        u, log_l, prior.log_prob(u)[None], (prior,), (len(u),), blank, 0.0, "explore", None, n,
        np.empty((0, d)), np.empty(0), np.empty((0, d)), 0, 0, (), ahead,
    )  # fmt: skip
    state = _record(state, "prior")
    if not np.isfinite(log_l).any():
        state = land(state, target)
        if not np.isfinite(state.log_likelihood).any():
            return state
    rng = target.seed.child("hunt").numpy()
    first = starts(
        state.u, state.landscape(target.periodic), int(1000 * target.settings.thoroughness), rng
    )
    found, state = _hunt(state, target, first, None)
    return replace(state, islands=found or blank)


def unit_islands(periodic: BoolArray) -> Islands:
    """The prior itself as one island."""
    d = len(periodic)
    unit = Frames(np.zeros((1, d)), np.eye(d)[None], np.full((1, d), 0.5), periodic)
    return Islands(unit, np.zeros(1))


def resume(target: Target, proposal: Proposal, u: FloatArray, log_likelihood: FloatArray) -> State:
    """Exploring from islands known beforehand: their proposal's draws, and some of the prior's."""
    d = len(target.periodic)
    n = int(min(300 + 100 * min(d, 10), max(10, target.max_calls // 3)))
    draws, log_l = _evaluate(target, target.seed.child("prior").numpy().standard_normal((n, d)))
    prior, kept = Proposal(None), ~np.isnan(log_likelihood)
    islands = proposal.islands or unit_islands(target.periodic)
    first = State(
        draws, log_l, prior.log_prob(draws)[None], (prior,), (len(draws),), islands, 0.0,
        "explore", None, n + len(u), np.empty((0, d)), np.empty(0), np.empty((0, d)), 0, 0,
    )  # fmt: skip
    u, log_l = u[kept], log_likelihood[kept]
    points = np.concatenate([draws, u])
    state = replace(
        _record(first, "prior"),
        u=points,
        log_likelihood=np.concatenate([first.log_likelihood, log_l]),
        log_g=np.stack([prior.log_prob(points), proposal.log_prob(points)]),
        proposals=(prior, proposal),
        counts=(len(draws), len(u)),
    )
    if not np.isfinite(state.log_likelihood).any():
        return state
    return _record(_refit(state, target), "explore")


def step(state: State, target: Target) -> State:
    """One round: draw, weigh, refit; and what comes next."""
    state = _round(state, target)
    if done(state) and state.ahead is not None:
        final = state.first_final is not None
        return _record(land(state, target), "final" if final else "explore")
    return state


def _round(state: State, target: Target) -> State:
    final = state.phase == "final"
    number = len(state.counts)
    if final and state.first_final is not None:
        proposal = state.proposals[state.first_final]
    elif number == 1:
        proposal = _first_proposal(state.islands)
    else:
        proposal = Proposal(lifted(state.islands))
    n = _size(state, target)
    if n >= 1:
        rng = target.seed.child("round", number).numpy()
        state = draw(state, target, proposal, n, rng)
    elif state.ahead is None or state.first_final is None:
        return replace(state, phase="done")
    else:
        state = land(state, target)
    if final:
        if state.first_final is None:
            state = replace(state, first_final=len(state.counts) - 1)
        state = _record(state, "final")
        enough = state.history[-1].n_effective >= target.n_effective
        if enough or _spent(state, target) or number > MAX_ROUNDS:
            return replace(state, phase="done")
        if not _surprised(state, target):
            return state
        state = replace(state, phase="explore", first_final=None)
    state = _refit(state, target)
    state = _record(state, "explore")
    if final or _settled(state, target):
        more, state = _second_hunt(state, target)
        if more is None:
            return state if final else replace(state, phase="final")
        state = replace(state, islands=more)
    return replace(state, phase="done") if _spent(state, target) else state


def done(state: State) -> bool:
    """Whether there is nothing left to do."""
    return state.phase == "done"


def find_topology(state: State, target: Target, islands: Islands) -> tuple[Topology, int]:
    """The modes among the islands, and the calls it took to look at their walls."""
    calls = 0

    flat = ~target.periodic

    def evaluate(u: FloatArray) -> FloatArray:
        nonlocal calls
        calls += len(u)
        return target.log_likelihood(u) + log_normal(u[:, flat])

    u = np.concatenate([state.u, state.peaks])
    at_peaks = state.heights + log_normal(state.peaks[:, flat])
    values = np.concatenate([state.landscape(target.periodic), at_peaks])

    def end_of_climb(place: FloatArray) -> FloatArray | None:
        nonlocal calls
        if np.any(np.all(state.peaks == place, axis=1)):
            return place
        most = CLIMB * (len(place) + 1)
        hunter = Hunter(target.log_likelihood, target.gradient, target.periodic, most)
        hunter.climb(place)
        found = hunter.result()
        calls += found.n_calls
        return found.ends[0] if len(found.ends) else None

    options = target.settings
    topology = modes_of_islands(
        islands,
        u,
        values,
        evaluate,
        threshold=options.threshold,
        n_modes=options.n_modes,
        few_batches=options.few_batches,
        climb=None if options.few_batches else end_of_climb,
    )
    return topology, calls


def conclude_islands(state: State, target: Target) -> Islands:
    """The islands, fitted once more to all points at the posterior itself."""
    return grow_islands(
        state.islands, state.u, state.log_weights, max_islands=target.settings.max_islands
    )


def _spent(state: State, target: Target) -> bool:
    return state.n_calls >= target.max_calls - 1


def _first_proposal(islands: Islands) -> Proposal:
    """Laplace's islands: wider, heavier, and with masses drawn half-way to equal."""
    K, f = islands.n_islands, islands.frames
    log_masses = 0.5 * (islands.log_masses - weights.log_sum_exp(islands.log_masses))
    log_masses = log_masses - weights.log_sum_exp(log_masses)
    log_masses = np.logaddexp(np.log(0.7) + log_masses, np.log(0.3 / K))
    wider = Frames(f.means, 1.3 * f.cholesky, f.turns, f.periodic)
    return Proposal(Islands(wider, log_masses), heavy=0.4)


def _size(state: State, target: Target) -> int:
    """How many points to draw next."""
    left = target.max_calls - state.n_calls
    d, rounds = state.u.shape[1], len(state.counts) - state.n_ahead
    if state.phase == "final":
        if state.first_final is None:  # a trial, before more is spent on a proposal
            trial = max(0.1 * target.n_effective, 300)
            return int(min(trial if target.overlap == 1 else 2 * trial, left))
        share = max(state.history[-1].share, 0.02)
        wanted = 1.03 * (target.n_effective - state.history[-1].n_effective) / share
        if state.ahead is not None:
            wanted -= len(state.ahead.u)
            if wanted < 300:
                return 0
        return int(min(max(wanted, 300), 50_000, left))
    first = 500 + 100 * d + 20 * state.islands.n_islands
    grown = first * 1.35 ** (rounds - 1)
    last = state.history[-1]
    wanted = 1.03 * (target.n_effective - last.n_effective) / max(last.share, 0.02)
    least = first if last.share < POOR else 0.0  # few points for many components fit themselves
    most = max(500.0, 0.1 * target.n_effective, min(wanted, max(least, 0.4 * target.n_effective)))
    return int(min(grown, most, left))


def _evaluate(target: Target, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points and log-likelihoods, without those that failed (NaN)."""
    log_l = target.log_likelihood(u)
    kept = ~np.isnan(log_l)
    return u[kept], log_l[kept]


def _refit(state: State, target: Target) -> State:
    """Temper to what the points carry, and refit the islands there."""
    log_w, beta = _tempered(state)
    islands = grow_islands(state.islands, state.u, log_w, max_islands=target.settings.max_islands)
    return replace(state, islands=islands, beta=beta)


def _tempered(state: State) -> tuple[FloatArray, float]:
    """Log weights of enough effective points, and their inverse temperature.

    Tempered are the likelihood's powers, prior L^beta; where even these are vague, the weights',
    g^(1 - beta) (prior L)^beta, with g the mixture of all rounds' proposals.
    """
    d, log_w = state.u.shape[1], state.log_weights
    need = min(100 + 20 * d + 10 * state.islands.n_islands, 0.5 * len(log_w))
    if weights.effective_sample_size(log_w) >= need:
        return log_w, 1.0
    finite = np.isfinite(log_w)
    offset = np.where(finite, state.log_offset, 0.0)
    power = np.where(finite, state.log_likelihood, -np.inf)
    beta = weights.tempering_beta(offset, power, need)
    if beta < VAGUE ** (-2.0 / d):
        offset, power = np.zeros_like(offset), log_w
        beta = weights.tempering_beta(offset, power, need)
    return np.where(finite, offset + beta * np.where(finite, power, 0.0), -np.inf), beta


def _settled(state: State, target: Target) -> bool:
    """Whether another refit would gain little: time for the final rounds."""
    explored = [r for r in state.history if r.kind == "explore"]
    share = explored[-1].share
    if len(explored) >= most_rounds(state, target):
        return True
    if state.beta < 1 or len(explored) < 2:
        return False
    left = (target.n_effective - explored[-1].n_effective) / max(share, 0.01)
    gained = share / max(1e-9, *(r.share for r in explored[:-1]))
    stalled = len(explored) >= 4 and share > 0.25 and gained < 1.1
    return share > GOOD or stalled or left < 2 * explored[-1].n


def _surprised(state: State, target: Target) -> bool:
    """Whether final draws met what exploring had not, or cost too dear: time to explore again."""
    explored = [r for r in state.history if r.kind == "explore"]
    last = state.history[-1]
    left = (target.n_effective - last.n_effective) / max(last.share, 0.02)
    dear = left * (1.0 - last.share / GOOD) > 2.0 * explored[-1].n
    fair = last.share > 0.5 * explored[-1].share
    return (dear or not fair) and len(explored) < most_rounds(state, target)


def _heavy(state: State) -> FloatArray:
    """Points that carry far more weight than they should: something is there."""
    log_w = weights.normalize(state.log_weights)
    top = np.argsort(-log_w, kind="stable")[:5]
    return state.u[top[log_w[top] > np.log(50.0 / len(log_w))]]


def _record(state: State, kind: str) -> State:
    log_w = state.log_weights
    own = (
        state.final_log_weights
        if kind == "final"
        else (state.log_density[-state.counts[-1] :] - state.log_g[-1, -state.counts[-1] :])
    )
    line = Round(
        kind,
        state.counts[-1],
        state.beta,
        state.n_calls,
        weights.effective_sample_size(log_w),
        weights.effective_sample_size(own) / len(own),
        state.islands.n_islands,
        weights.evidence(own if kind == "final" else log_w).log_evidence,
        weights.pareto_khat(log_w),
    )
    return replace(state, history=(*state.history, line))


def _hunt(
    state: State, target: Target, first: FloatArray, known: Islands | None
) -> tuple[Islands | None, State]:
    """Climb until new starts keep ending on known islands; new peaks, or None."""
    d = state.u.shape[1]
    found = climb(target, first, known, int(0.4 * (target.max_calls - state.n_calls)))
    if found.peaks is not None:
        f = found.peaks.frames
        peaks = f.from_frames(np.zeros((f.n_frames, d)), np.arange(f.n_frames))
        state = replace(
            state,
            peaks=np.concatenate([state.peaks, peaks]),
            heights=np.concatenate([state.heights, found.heights]),
        )
    state = replace(
        state,
        n_calls=state.n_calls + found.n_calls,
        ends=np.concatenate([state.ends, found.ends]),
        n_starts=state.n_starts + found.n_starts,
        hunts=state.hunts + 1,
    )
    return found.peaks, state


def _second_hunt(state: State, target: Target) -> tuple[Islands | None, State]:
    """Climb from fresh prior draws and from the walls; the islands with what was new, or None."""
    most = 2 if target.settings.few_batches else 6
    if state.hunts > most or target.max_calls - state.n_calls < 200:
        return None, state
    d = state.u.shape[1]
    rng = target.seed.child("second hunt", state.hunts).numpy()
    more, state = explain(state, target, target.seed.child("walks", len(state.counts)).numpy())
    if more is not None:
        return more, state
    n = target.settings.thoroughness * (8 + 2 * d) * (1.0 if state.hunts == 1 else AGAIN)
    fresh = rng.standard_normal((int(n), d))
    found, state = _hunt(
        state, target, np.vstack([_heavy(state), _walls(state), fresh]), state.islands
    )
    if found is None:
        return None, state
    log_z = state.history[-1].log_evidence
    n = found.n_islands
    peaks, log_l = state.peaks[-n:], state.heights[-n:]
    surprise = log_l + log_normal(peaks) - Proposal(state.islands).log_prob(peaks) - log_z
    new = np.flatnonzero(surprise > SURPRISE)
    if len(new) == 0:
        return None, state
    log_share = np.clip(found.log_masses[new] - log_z, np.log(1e-3), np.log(0.2))
    share = float(np.exp(weights.log_sum_exp(log_share)))
    return join(state.islands, take(found, new), min(share, 0.5)), state


def _walls(state: State) -> FloatArray:
    """Points half-way between neighbouring islands with no bridge of points: maybe a gap."""
    f = state.islands.frames
    if f.n_frames < 2:
        return np.empty((0, f.dim))
    peaks = f.from_frames(np.zeros((f.n_frames, f.dim)), np.arange(f.n_frames))
    y, _ = f.to_frames(peaks)
    away = np.sum(y**2, axis=-1)
    away = np.minimum(away, away.T) + np.diag(np.full(f.n_frames, np.inf))
    pairs = {tuple(sorted((i, int(np.argmin(away[i]))))) for i in range(f.n_frames)}
    middles = []
    for i, j in sorted(pairs):
        if away[i, j] > 16.0:
            ends = f.to_frame(peaks[[i, j]], i)[0]
            middles.append(f.from_frames(ends.mean(axis=0)[None], np.array([i]))[0])
    return np.array(middles[:12]).reshape(-1, f.dim)
