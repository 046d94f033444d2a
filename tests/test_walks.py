"""Walks: what islands leave out of a curve is met, and nothing where they leave nothing out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp

import skerry
from skerry import tasks
from skerry._seeds import as_seed
from skerry.flows import Frames
from skerry.flows.bends import Bend
from skerry.inference import Adaptive
from skerry.inference._proposal import Proposal
from skerry.inference._state import Repair, State, Target
from skerry.inference._walks import MOST_WALKERS, NEAR, SOON, STEPS, WALKERS, explain
from skerry.modes import Islands
from skerry.posterior import Round

RADIUS, WIDTH, PARTS = 1.0, 0.05, 24
LOG_Z = np.log(2 * np.pi * RADIUS * WIDTH * np.sqrt(2 * np.pi)) - np.log(2 * np.pi) - RADIUS**2 / 2


def ring(u):
    """A log-likelihood: a thin ring."""
    return -0.5 * ((np.hypot(*u.T) - RADIUS) / WIDTH) ** 2


def arcs(angles):
    """Gaussians along the ring."""
    means = RADIUS * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    along = np.stack([-np.sin(angles), np.cos(angles)], axis=1)
    tall = 2 * np.pi * RADIUS / PARTS * 0.6
    covariances = WIDTH**2 * np.eye(2) + tall**2 * along[:, :, None] * along[:, None, :]
    n = len(angles)
    flat = np.full((n, 2), 0.5)
    frames = Frames(means, np.linalg.cholesky(covariances), flat, np.zeros(2, bool))
    return Islands(frames, np.full(n, -np.log(n)))


def state_of(islands, seed, n=4_000):
    """One round, drawn from these islands."""
    proposal = Proposal(islands)
    u = proposal.sample(n, np.random.default_rng(seed))
    nothing = np.empty((0, 2))
    line = Round("explore", n, 1.0, n, 1e3, 0.5, islands.n_islands, float(LOG_Z), 0.3)
    return State(
        u, ring(u), proposal.log_prob(u)[None], (proposal,), (n,), islands, 1.0, "explore", None,
        n, np.zeros((1, 2)), np.zeros(1), nothing, 1, 1, (line,),
    )  # fmt: skip


def target_of(seed):
    settings = Adaptive()
    return Target(ring, None, np.zeros(2, bool), 1e4, 10**6, settings, as_seed(seed))


FULL = np.arange(PARTS) * 2 * np.pi / PARTS
GAP = (FULL > 1.0) & (FULL < 2.2)


@pytest.mark.parametrize("seed", range(5))
def test_walks_find_the_arc_that_is_left_out(seed):
    state = state_of(arcs(FULL[~GAP]), seed)
    more, after = explain(state, target_of(seed), np.random.default_rng(seed))
    K = state.islands.n_islands
    assert more is not None
    assert len(after.repairs) == 1
    assert after.n_calls == state.n_calls + min(WALKERS * K, MOST_WALKERS) * SOON
    assert np.isclose(logsumexp(more.log_masses), 0.0)
    new = more.frames.means[K:]
    assert np.abs(np.hypot(*new.T) - RADIUS).max() < 5 * WIDTH
    angles = np.arctan2(new[:, 1], new[:, 0])
    assert np.all((angles > 0.75) & (angles < 2.45))
    there = RADIUS * np.array([[np.cos(1.6), np.sin(1.6)]])
    gained = Proposal(more).log_prob(there) - Proposal(state.islands).log_prob(there)
    assert gained[0] > 1.0


@pytest.mark.parametrize("seed", range(5))
def test_walks_find_nothing_where_all_is_covered(seed):
    state = state_of(arcs(FULL), seed)
    more, after = explain(state, target_of(seed), np.random.default_rng(seed))
    assert more is None
    assert after.repairs == ()
    assert after.n_calls == state.n_calls + min(WALKERS * PARTS, MOST_WALKERS) * min(NEAR)


@pytest.mark.parametrize(("lift", "steps"), [(0.0, 8), (1.3, 15), (2.8, STEPS), (4.3, SOON)])
def test_walks_go_on_while_they_come_near_to_a_surprise(lift, steps):
    """All of a ring that is covered, with log Z stated too low: as much is met everywhere."""
    state = state_of(arcs(FULL), 0)
    line = state.history[-1]._replace(log_evidence=float(LOG_Z) - lift)
    _, after = explain(replace(state, history=(line,)), target_of(0), np.random.default_rng(0))
    assert after.n_calls == state.n_calls + min(WALKERS * PARTS, MOST_WALKERS) * steps


@pytest.mark.parametrize(
    ("gained", "share", "again"),
    [
        (450, 0.5, False),  # as many effective draws as expected: the repair changed nothing
        (200, 0.5, True),  # large weights came: something was met
        (-300, 0.5, True),
        (700, 0.8, True),  # the islands explain much more than before: a repair that paid
    ],
)
def test_no_walk_follows_a_repair_that_changed_nothing(gained, share, again):
    state = state_of(arcs(FULL[~GAP]), 0)
    before = state.history[-1]
    since = before._replace(n_effective=before.n_effective + gained, share=share)
    earlier = (Repair(len(state.u) - 1_000, before),)
    repaired = replace(state, history=(before, since), repairs=earlier)
    _, after = explain(repaired, target_of(0), np.random.default_rng(0))
    assert (after.n_calls > state.n_calls) == again


def test_no_walk_is_made_where_every_island_is_one_component_or_calls_are_short():
    state = state_of(arcs(FULL[:1]), 0)
    rng = np.random.default_rng(0)
    assert explain(state, target_of(0), rng) == (None, state)
    state = state_of(arcs(FULL), 0)
    assert explain(state, target_of(0)._replace(max_calls=4_100), rng) == (None, state)


def test_failed_calls_are_no_surprise():
    state = state_of(arcs(FULL[~GAP]), 0)
    target = target_of(0)._replace(log_likelihood=lambda u: np.full(len(u), np.nan))
    assert explain(state, target, np.random.default_rng(0))[0] is None


PEAKS, LOBE, NARROW = np.array([[-3.0, 0.0], [3.0, 0.0]]), np.array([0.0, 0.8]), 0.3


def lobed(u):
    """A log-likelihood: two islands, and a low lobe off the line between them."""
    away = [np.sum((u - c) ** 2, axis=1) / NARROW**2 for c in (*PEAKS, LOBE)]
    prior = -0.5 * np.sum(u**2, axis=1)
    return logsumexp([-0.5 * away[0], -0.5 * away[1], np.log(0.5) - 0.5 * away[2]], axis=0) - prior


@pytest.mark.parametrize("seed", range(5))
def test_walks_from_between_peaks_find_what_lies_beside_the_way(seed):
    two = np.repeat(PEAKS, 2, axis=0)
    flat = np.full((4, 2), 0.5)
    frames = Frames(two, np.repeat(NARROW * np.eye(2)[None], 4, 0), flat, np.zeros(2, bool))
    islands = Islands(frames, np.full(4, -np.log(4)))
    state = state_of(islands, seed)
    line = state.history[-1]._replace(log_evidence=float(np.log(2.5 * NARROW**2)))
    unseen = np.linalg.norm(state.u - LOBE, axis=1) < 6 * NARROW
    seen = np.where(unseen, -np.inf, lobed(state.u))
    state = replace(state, log_likelihood=seen, history=(line,))
    target = target_of(seed)._replace(log_likelihood=lobed)
    found = explain(replace(state, peaks=PEAKS), target, np.random.default_rng(seed))[0]
    assert found is not None
    assert np.min(np.linalg.norm(found.frames.means[4:] - LOBE, axis=1)) < 2.5 * NARROW
    alone = explain(replace(state, peaks=PEAKS[:1]), target, np.random.default_rng(seed))[0]
    assert alone is None  # from the islands themselves it is too far


@pytest.mark.parametrize("bent", [False, True])
def test_a_frame_beside_another_has_its_axes_there(bent):
    rng = np.random.default_rng(1)
    d = 3
    bend = Bend(
        np.linalg.qr(rng.standard_normal((d, d)))[0], rng.normal(size=d),
        np.tril(rng.normal(size=(d, d)), -1), rng.normal(size=d), np.array([[2, 0, 1]]),
        np.array([0.7]),
    )  # fmt: skip
    frames = Frames(
        rng.normal(size=(1, d)), np.linalg.cholesky(np.eye(d) + 0.5)[None], np.full((1, d), 0.5),
        np.zeros(d, bool), (bend if bent else None,),
    )  # fmt: skip
    y, k, small = rng.normal(size=(1, d)), np.array([0]), 1e-4
    beside = frames.beside(y, k, 0.5)
    assert np.allclose(beside.means, frames.from_frames(y, k))
    # a small step of any direction has, in the new frame, twice the length it had in the old one
    steps = small * rng.standard_normal((20, d))
    moved = frames.from_frames(y + steps, np.zeros(20, int))
    found, _ = beside.to_frame(moved, 0)
    length = np.linalg.norm(found, axis=1) / np.linalg.norm(steps, axis=1)
    assert np.allclose(length, 2.0, rtol=1e-2)


@pytest.mark.statistical
def test_no_part_of_a_helix_is_left_out_unsaid():
    """log Z of ten runs, z-scores: sd 1 +- 4 / sqrt(20), none beyond 4.5 (one in 10^4 runs)."""
    task = tasks.get("helix")
    z = []
    for seed in range(10):
        found = skerry.infer(task.problem, seed=seed, n_effective=5_000)
        z.append((found.log_evidence - task.log_evidence) / found.log_evidence_error)
    assert np.abs(z).max() < 4.5
    assert np.std(z) < 1 + 4 / np.sqrt(20)


def test_the_tests_own_evidence_is_right():
    u = np.random.default_rng(0).standard_normal((400_000, 2))
    w = np.exp(ring(u))
    assert abs(np.log(w.mean()) - LOG_Z) < 4 * w.std() / w.mean() / np.sqrt(len(w)) + 2 * WIDTH**2
